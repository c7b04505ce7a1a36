"""The evaluation record: what was measured on what with what, in one signed file.

The file is canonical JSON (:mod:`overt.ledger.canonical`) with two members: ``record``, and
``signature``, which is null where nobody signed. Canonical JSON has no fractions: a member that is
one is a whole number of millionths, and its name ends in ``_micro``.

Invariants: the same evaluation gives the same bytes but for its time; what is signed is the digest
of the record's own canonical bytes after a fixed prefix.
Must not: hold a name of anybody in the data, or a picture, or a template.
"""

import base64
import binascii
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from overt.core.errors import AuthorityError, InputError
from overt.core.ids import PersonId, Sha256
from overt.evaluation.figures import Evaluation
from overt.ledger.canonical import JsonValue, canonical_bytes, parse_canonical_object

FORMAT: Final = "overt-evaluation/1"
SIGNED_PREFIX: Final = b"overt-evaluation/1\n"
MAX_RECORD_BYTES: Final = 64 * 2**20
MILLION: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class RecordSource:
    """One labelled set that was measured on.

    Attributes:
        data_sha256: of pictures, people and labels.
        n_pictures: in it.
        n_people: in it.
        n_unacquired: pictures in which no face was found.
    """

    data_sha256: Sha256
    n_pictures: int
    n_people: int
    n_unacquired: int


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """What is written.

    Attributes:
        made_utc: when.
        software: name and version.
        contract: the vector space of the templates.
        models: name → digest of each model.
        runs_on: runtime, device and precision.
        acquisition: how the face meant is chosen in a picture.
        data: who was listed and searched for.
        nonmated: who was searched and never listed; null if nobody.
        exclusions_sha256: of the file that says who is left out; null if there is none.
        n_excluded_people: people whom it leaves out.
        n_excluded_pictures: single pictures that it leaves out.
        evaluations: the figures.
    """

    made_utc: str
    software: str
    contract: str
    models: Mapping[str, str]
    runs_on: str
    acquisition: str
    data: RecordSource
    nonmated: RecordSource | None
    exclusions_sha256: Sha256 | None
    n_excluded_people: int
    n_excluded_pictures: int
    evaluations: tuple[Evaluation, ...]

    def body(self) -> JsonValue:
        """Return the record without a signature."""
        return {"format": FORMAT, **_members(self)}

    def to_bytes(self) -> bytes:
        """Return the file of a record that nobody signed."""
        return canonical_bytes({"record": self.body(), "signature": None})


def sign_record(record: EvaluationRecord, person: PersonId, key: Ed25519PrivateKey) -> bytes:
    """Return the file of a record that somebody of the register signed."""
    body = record.body()
    signature = {
        "person": person,
        "public_key": base64.b64encode(key.public_key().public_bytes_raw()).decode(),
        "signature": base64.b64encode(key.sign(_signed(body))).decode(),
    }
    return canonical_bytes({"record": body, "signature": signature})


def verify_record(data: bytes, key: Ed25519PublicKey) -> Mapping[str, JsonValue]:
    """Return the record in a file that ``key`` signed.

    Raises:
        InputError: it is no evaluation record.
        AuthorityError: it is not signed, by another key, or forged.
    """
    record, signature = read_record(data)
    if signature is None:
        raise AuthorityError("Nobody signed the evaluation record.")
    try:
        made = base64.b64decode(str(signature.get("signature")), validate=True)
        key.verify(made, _signed(record))
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise AuthorityError("The evaluation record was not signed with this key.") from error
    return record


def read_record(
    data: bytes,
) -> tuple[Mapping[str, JsonValue], Mapping[str, JsonValue] | None]:
    """Return a file's record and its signature, unchecked; None if it has none.

    Raises:
        InputError: it is no evaluation record.
    """
    if len(data) > MAX_RECORD_BYTES:
        raise InputError("The evaluation record is larger than 64 MiB.")
    whole = parse_canonical_object(data)
    record, signature = whole.get("record"), whole.get("signature")
    if (
        set(whole) != {"record", "signature"}
        or not isinstance(record, Mapping)
        or record.get("format") != FORMAT
        or not (signature is None or isinstance(signature, Mapping))
    ):
        raise InputError("The file is not an evaluation record.")
    return record, signature


def plain(value: Any) -> Any:
    """Return a figure as JSON values; what is no number becomes null."""
    if is_dataclass(value):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _signed(body: JsonValue) -> bytes:
    return SIGNED_PREFIX + hashlib.sha256(canonical_bytes(body)).digest()


def _members(value: Any) -> dict[str, JsonValue]:
    """Return the members of a dataclass; a fraction's name ends in ``_micro``."""
    members: dict[str, JsonValue] = {}
    for each in fields(value):
        held = getattr(value, each.name)
        fractional = "float" in str(each.type)
        members[f"{each.name}_micro" if fractional else each.name] = _canonical(held)
    return members


def _canonical(value: Any) -> JsonValue:
    match value:
        case None | bool() | str() | int():
            return value
        case float():
            return round(value * MILLION) if math.isfinite(value) else None
        case Mapping():
            return {str(key): _canonical(each) for key, each in value.items()}
        case list() | tuple():
            return [_canonical(each) for each in value]
        case _:
            return _members(value)
