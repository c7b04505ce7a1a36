"""A person of the register as canonical JSON, and back.

Invariants: one person has one sequence of bytes; what is read back is what could have been written.
Must not: repair anything.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from overt.core.errors import InputError, IntegrityError
from overt.core.ids import CameraId, DeploymentId, PersonId, WatchlistId
from overt.ledger.canonical import JsonValue, canonical_bytes, parse_canonical_object
from overt.policy.roles import Grant, Person, Role

FORMAT: Final = "overt-person-1"
_FORMS: Final = {
    "id": "lower-case letters, digits, dots and hyphens, at most 64",
    "rank": "a word of the policy pack: lower-case letters, digits and hyphens, at most 64",
    "organisation": "1 to 100 characters in one line",
}
KEY_BYTES: Final = 32

_Id = TypeVar("_Id", DeploymentId, WatchlistId, CameraId)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _GrantDocument(_Strict):
    role: str
    deployments: list[str] | None
    watchlists: list[str] | None
    cameras: list[str] | None


class _PersonDocument(_Strict):
    format: str = Field(pattern=f"^{FORMAT}$")
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")
    rank: str = Field(pattern=r"^[a-z][a-z0-9-]{0,63}$")
    organisation: str = Field(
        pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]{0,98}[^\s\x00-\x1f\x7f])?$"
    )
    independent: bool
    struck_off: bool
    public_key: str
    grants: list[_GrantDocument] = Field(max_length=100)


def encode_person(person: Person) -> bytes:
    """Return the person's only form.

    Raises:
        InputError: the person holds something that the form does not allow.
    """
    document: dict[str, JsonValue] = {
        "format": FORMAT,
        "id": person.id,
        "rank": person.rank,
        "organisation": person.organisation,
        "independent": person.independent,
        "struck_off": person.struck_off,
        "public_key": base64.b64encode(person.public_key).decode(),
        "grants": [
            {
                "role": str(grant.role),
                "deployments": _sorted(grant.deployments),
                "watchlists": _sorted(grant.watchlists),
                "cameras": _sorted(grant.cameras),
            }
            for grant in person.grants
        ],
    }
    data = canonical_bytes(document)
    try:
        _person(data)
    except ValidationError as error:
        place = error.errors(include_input=False, include_url=False)[0]["loc"]
        name = ".".join(str(part) for part in place)
        form = _FORMS.get(name, "otherwise")
        raise InputError(f"The person cannot be registered: {name} must be {form}.") from error
    except ValueError as error:
        raise InputError(f"The person cannot be registered: {error}.") from error
    return data


def decode_person(data: bytes) -> Person:
    """Return the person that ``data`` stands for.

    Raises:
        IntegrityError: the bytes are not what :func:`encode_person` gives.
    """
    try:
        return _person(data)
    except (InputError, ValueError) as error:
        raise IntegrityError("An entry of the register of people was altered.") from error


def _person(data: bytes) -> Person:
    """Return the person; InputError or ValueError if the bytes stand for none."""
    document = _PersonDocument.model_validate(parse_canonical_object(data))
    return Person(
        id=PersonId(document.id),
        rank=document.rank,
        organisation=document.organisation,
        grants=tuple(_grant(each) for each in document.grants),
        public_key=_key(document.public_key),
        independent=document.independent,
        struck_off=document.struck_off,
    )


def _grant(document: _GrantDocument) -> Grant:
    return Grant(
        role=Role(document.role),
        deployments=_ids(document.deployments, DeploymentId),
        watchlists=_ids(document.watchlists, WatchlistId),
        cameras=_ids(document.cameras, CameraId),
    )


def _ids(names: list[str] | None, kind: "type[_Id]") -> "frozenset[_Id] | None":
    if names is None:
        return None
    if not names or names != sorted(set(names)) or not all(0 < len(name) <= 64 for name in names):
        raise ValueError("a role is granted for things that are named once each, or for all")
    return frozenset(kind(name) for name in names)


def _sorted(names: Iterable[str] | None) -> list[str] | None:
    return None if names is None else sorted(names)


def _key(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("the public key is not in base 64") from error
    if len(raw) != KEY_BYTES or base64.b64encode(raw).decode() != text:
        raise ValueError("the public key is not an Ed25519 key")
    return Ed25519PublicKey.from_public_bytes(raw).public_bytes_raw()
