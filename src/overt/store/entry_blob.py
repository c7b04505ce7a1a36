"""The plaintext of a watchlist entry: what is said of a person, templates and pictures in one.

    4 bytes   length of the header, big-endian
    header    canonical JSON: {"enrolment", "grounds", "label", "references": [{"picture_bytes",
              "template_bytes"}]}; the first two are left out where there are none
    then      each reference's template (float32, little-endian) and picture, in order

Invariants: one entry, one byte string; reading refuses a byte too few or too many.
Must not: be written anywhere unencrypted.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from overt.core.errors import InputError, IntegrityError
from overt.core.ids import Sha256
from overt.ledger.canonical import JsonValue, canonical_bytes, parse_canonical_object
from overt.watchlist.grounds import Grounds
from overt.watchlist.stored import Enrolment, QualityFinding, StoredReference

_LENGTH: Final = struct.Struct(">I")
_FLOAT_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class EntryBlob:
    """What the byte string holds; see :class:`overt.watchlist.stored.StoredEntry`."""

    label: str = field(repr=False)
    references: tuple[StoredReference, ...] = field(repr=False)
    grounds: Grounds | None = field(default=None, repr=False)
    enrolment: Enrolment | None = field(default=None, repr=False)


def encode_entry(
    label: str,
    references: Sequence[StoredReference],
    grounds: Grounds | None = None,
    enrolment: Enrolment | None = None,
) -> bytes:
    """Return the byte string."""
    members: dict[str, JsonValue] = {
        "label": label,
        "references": [
            {
                "picture_bytes": len(reference.picture_jpeg),
                "template_bytes": reference.template.size * _FLOAT_BYTES,
            }
            for reference in references
        ],
    }
    if grounds is not None:
        members["grounds"] = grounds.to_json()
    if enrolment is not None:
        members["enrolment"] = _enrolment_members(enrolment)
    header = canonical_bytes(members)
    parts = [_LENGTH.pack(len(header)), header]
    for reference in references:
        parts += (reference.template.astype("<f4").tobytes(), reference.picture_jpeg)
    return b"".join(parts)


def decode_entry(data: bytes) -> EntryBlob:
    """Return what :func:`encode_entry` was given.

    Raises:
        IntegrityError: the bytes are not what it gives.
    """
    try:
        header, start = _header(data)
        references = tuple(_references(data, _items(header.get("references")), start))
        label = _text(header.get("label"))
        return EntryBlob(label, references, _grounds(header), _enrolment(header))
    except (InputError, struct.error) as error:
        raise IntegrityError("A watchlist entry that the store keeps is malformed.") from error


def _header(data: bytes) -> tuple[Mapping[str, JsonValue], int]:
    (length,) = _LENGTH.unpack_from(data)
    start = _LENGTH.size + length
    return parse_canonical_object(data[_LENGTH.size : start]), start


def _grounds(header: Mapping[str, JsonValue]) -> Grounds | None:
    members = header.get("grounds")
    return None if members is None else Grounds.from_json(_object(members))


def _references(data: bytes, sizes: Sequence[JsonValue], start: int) -> Iterator[StoredReference]:
    for size in sizes:
        n_template = _count(_object(size), "template_bytes")
        n_picture = _count(_object(size), "picture_bytes")
        middle, end = start + n_template, start + n_template + n_picture
        if n_template % _FLOAT_BYTES or end > len(data):
            raise InputError("A reference is cut short.")
        template = np.frombuffer(data[start:middle], "<f4").astype(np.float32)
        yield StoredReference(template, data[middle:end])
        start = end
    if start != len(data):
        raise InputError("Bytes are left over.")


def _enrolment_members(enrolment: Enrolment) -> JsonValue:
    return {
        "quality": [
            [[each.measure, each.value_milli, each.verdict] for each in findings]
            for findings in enrolment.quality
        ],
        "row_key": enrolment.row_key,
        "row_kin": enrolment.row_kin,
        "warnings": enrolment.warnings,
    }


def _enrolment(header: Mapping[str, JsonValue]) -> Enrolment | None:
    if header.get("enrolment") is None:
        return None
    members = _object(header["enrolment"])
    return Enrolment(
        Sha256(_text(members.get("row_key"))),
        tuple(_text(each) for each in _items(members.get("warnings"))),
        tuple(
            tuple(_finding(finding) for finding in _items(findings))
            for findings in _items(members.get("quality"))
        ),
        _text(members.get("row_kin")),
    )


def _finding(value: JsonValue) -> QualityFinding:
    match value:
        case [str(measure), int(value_milli), str(verdict)]:
            return QualityFinding(measure, value_milli, verdict)
        case _:
            raise InputError("A finding is not one.")


def _object(value: JsonValue) -> Mapping[str, JsonValue]:
    if not isinstance(value, Mapping):
        raise InputError("A member is no object.")
    return value


def _items(value: JsonValue) -> Sequence[JsonValue]:
    if not isinstance(value, list):
        raise InputError("A member is no list.")
    return value


def _text(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise InputError("A member is no text.")
    return value


def _count(members: Mapping[str, JsonValue], name: str) -> int:
    value = members.get(name)
    if not isinstance(value, int) or value < 0:
        raise InputError("A size is missing.")
    return value
