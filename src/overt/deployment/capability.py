"""What an authority allows, in one signed file.

The file is canonical JSON: ``capability``, the ``key_id`` of the signing key, and an Ed25519
``signature`` over the capability's canonical bytes behind a fixed prefix, so that a signature made
for anything else can never pass for one. Scores are integers in millionths, since canonical JSON
has no floats.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from overt.core.clock import format_utc, parse_utc
from overt.core.errors import AuthorityError, InputError
from overt.core.ids import CameraId, ContractId, DeploymentId, PersonId, Sha256
from overt.ledger.canonical import JsonValue, canonical_bytes, parse_canonical_object
from overt.policy.facts import Route
from overt.policy.locks import AlertRule
from overt.policy.signing import key_id

FORMAT = "overt-capability/2"
SIGNED_PREFIX = b"overt-capability/2\n"
MICRO = 1_000_000
MAX_FILE_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Calibration:
    """What an evaluation says about the threshold.

    Attributes:
        false_alert_one_in: strangers compared with a list of this size, for each false alert.
        source: which evaluation.
    """

    false_alert_one_in: int
    source: str


@dataclass(frozen=True, slots=True)
class Capability:
    """One deployment's authority, as :mod:`overt.deployment.authorising` makes it.

    Attributes:
        deployment: its id.
        cameras: the only cameras that may be used.
        not_before_utc: from when.
        not_after_utc: until when; after it nothing is decoded.
        watchlist_sha256: manifest digest of the only list that may be used.
        detector_sha256: digest of the only detector that may be used.
        contract: the only vector space that may be used.
        rule: threshold and locks.
        authoriser: the person who signed, as the register names them; accountable, hence named.
        rank: theirs.
        route: ordinary, or urgent and to be ratified.
        cosigner: who signed the application independently, if anybody.
        application_sha256: of the application that was weighed.
        policy_sha256: of the only policy pack under which it holds.
        presence_within_s: longest time without a sign of the officers' presence.
        issued_utc: when it was signed.
        calibration: the evidence for the threshold, if there is any.
    """

    deployment: DeploymentId
    cameras: tuple[CameraId, ...]
    not_before_utc: datetime
    not_after_utc: datetime
    watchlist_sha256: Sha256
    detector_sha256: Sha256
    contract: ContractId
    rule: AlertRule
    authoriser: str
    rank: str
    route: Route
    cosigner: PersonId | None
    application_sha256: Sha256
    policy_sha256: Sha256
    presence_within_s: float
    issued_utc: datetime
    calibration: Calibration | None = None


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_Digest = Field(pattern=r"^[0-9a-f]{64}$")


class _RuleDocument(_Strict):
    threshold_micro: int
    min_agreeing_shots: int
    lone_shot_surcharge_micro: int
    min_margin_micro: int
    repeat_within_s: int


class _CalibrationDocument(_Strict):
    false_alert_one_in: int = Field(ge=1)
    source: str = Field(min_length=1, max_length=300)


class _CapabilityDocument(_Strict):
    format: str = Field(pattern=f"^{FORMAT}$")
    deployment: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")
    cameras: list[str] = Field(min_length=1, max_length=1000)
    not_before_utc: str
    not_after_utc: str
    watchlist_sha256: str = _Digest
    detector_sha256: str = _Digest
    contract: str = Field(min_length=1, max_length=200)
    rule: _RuleDocument
    authoriser: str = Field(min_length=1, max_length=200)
    rank: str = Field(min_length=1, max_length=64)
    route: Literal["ordinary", "urgent"]
    cosigner: str | None = Field(min_length=1, max_length=200)
    application_sha256: str = _Digest
    policy_sha256: str = _Digest
    presence_within_ms: int = Field(ge=1, le=3_600_000)
    issued_utc: str
    calibration: _CalibrationDocument | None

    @field_validator("cameras")
    @classmethod
    def _distinct(cls, cameras: list[str]) -> list[str]:
        if len(set(cameras)) != len(cameras) or not all(0 < len(c) <= 64 for c in cameras):
            raise ValueError("cameras are named once each, in 1 to 64 characters")
        return cameras


class _Envelope(_Strict):
    capability: _CapabilityDocument
    key_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    signature: str = Field(pattern=r"^[A-Za-z0-9+/]{86}==$")


def sign(capability: Capability, key: Ed25519PrivateKey) -> bytes:
    """Return the capability file that ``key`` signs.

    Raises:
        InputError: the capability holds something that the format does not allow.
    """
    try:
        document = _to_document(capability)
        _from_document(_CapabilityDocument.model_validate(document))
    except OverflowError as error:  # a time or number beyond any end
        raise InputError("The capability cannot be signed: a number in it is endless.") from error
    except ValueError as error:
        raise InputError(_plain(error, "The capability cannot be signed")) from error
    envelope: dict[str, JsonValue] = {
        "capability": document,
        "key_id": key_id(key.public_key()),
        "signature": base64.b64encode(key.sign(SIGNED_PREFIX + canonical_bytes(document))).decode(),
    }
    return canonical_bytes(envelope)


def verify(data: bytes, trusted: Iterable[Ed25519PublicKey]) -> Capability:
    """Return the capability in a file, if a trusted key signed it. Time is not looked at.

    Args:
        data: the file.
        trusted: keys of those who may authorise here.

    Raises:
        AuthorityError: not a capability, altered, or signed by somebody else.
    """
    if len(data) > MAX_FILE_BYTES:
        raise AuthorityError("The capability file is too large to be one.")
    try:
        content = parse_canonical_object(data.rstrip(b"\n"))
        envelope = _Envelope.model_validate(content)
        signature = base64.b64decode(envelope.signature, validate=True)
    except (InputError, ValidationError, binascii.Error) as error:
        raise AuthorityError("The file is not a capability of this version of Overt.") from error
    keys = {key_id(key): key for key in trusted}
    if envelope.key_id not in keys:
        raise AuthorityError("The capability was signed by a key that is not trusted here.")
    try:
        signed = canonical_bytes(cast("Mapping[str, JsonValue]", content["capability"]))
        keys[envelope.key_id].verify(signature, SIGNED_PREFIX + signed)
    except InvalidSignature as error:
        raise AuthorityError(
            "The capability is forged or was altered: its signature does not fit."
        ) from error
    try:
        return _from_document(envelope.capability)
    except ValueError as error:
        raise AuthorityError(_plain(error, "The capability contradicts itself")) from error


def _plain(error: ValueError, prefix: str) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        return f"{prefix}: {place}: {first['msg']}."
    return f"{prefix}: {error}."


def _to_document(capability: Capability) -> dict[str, JsonValue]:
    rule = capability.rule
    calibration: JsonValue = None
    if capability.calibration is not None:
        calibration = {
            "false_alert_one_in": capability.calibration.false_alert_one_in,
            "source": capability.calibration.source,
        }
    return {
        "format": FORMAT,
        "deployment": capability.deployment,
        "cameras": list(capability.cameras),
        "not_before_utc": format_utc(capability.not_before_utc),
        "not_after_utc": format_utc(capability.not_after_utc),
        "watchlist_sha256": capability.watchlist_sha256,
        "detector_sha256": capability.detector_sha256,
        "contract": capability.contract,
        "rule": {
            "threshold_micro": round(rule.threshold * MICRO),
            "min_agreeing_shots": rule.min_agreeing_shots,
            "lone_shot_surcharge_micro": round(rule.lone_shot_surcharge * MICRO),
            "min_margin_micro": round(rule.min_margin * MICRO),
            "repeat_within_s": round(rule.repeat_within_s),
        },
        "authoriser": capability.authoriser,
        "rank": capability.rank,
        "route": str(capability.route),
        "cosigner": capability.cosigner,
        "application_sha256": capability.application_sha256,
        "policy_sha256": capability.policy_sha256,
        "presence_within_ms": round(capability.presence_within_s * 1000),
        "issued_utc": format_utc(capability.issued_utc),
        "calibration": calibration,
    }


def _from_document(document: _CapabilityDocument) -> Capability:
    """Return the value behind a document; ValueError if it contradicts itself."""
    not_before, not_after = parse_utc(document.not_before_utc), parse_utc(document.not_after_utc)
    if not_before >= not_after:
        raise ValueError("it ends before it begins")
    rule = document.rule
    calibration = None
    if document.calibration is not None:
        calibration = Calibration(
            document.calibration.false_alert_one_in, document.calibration.source
        )
    return Capability(
        deployment=DeploymentId(document.deployment),
        cameras=tuple(CameraId(camera) for camera in document.cameras),
        not_before_utc=not_before,
        not_after_utc=not_after,
        watchlist_sha256=Sha256(document.watchlist_sha256),
        detector_sha256=Sha256(document.detector_sha256),
        contract=ContractId(document.contract),
        rule=AlertRule(
            threshold=rule.threshold_micro / MICRO,
            min_agreeing_shots=rule.min_agreeing_shots,
            lone_shot_surcharge=rule.lone_shot_surcharge_micro / MICRO,
            min_margin=rule.min_margin_micro / MICRO,
            repeat_within_s=float(rule.repeat_within_s),
        ),
        authoriser=document.authoriser,
        rank=document.rank,
        route=Route(document.route),
        cosigner=None if document.cosigner is None else PersonId(document.cosigner),
        application_sha256=Sha256(document.application_sha256),
        policy_sha256=Sha256(document.policy_sha256),
        presence_within_s=document.presence_within_ms / 1000,
        issued_utc=parse_utc(document.issued_utc),
        calibration=calibration,
    )
