"""The plaintext of a watchlist entry: label, templates and pictures in one byte string.

    4 bytes   length of the header, big-endian
    header    canonical JSON: {"label", "references": [{"picture_bytes", "template_bytes"}]}
    then      each reference's template (float32, little-endian) and picture, in order

Invariants: one entry, one byte string; reading refuses a byte too few or too many.
Must not: be written anywhere unencrypted.
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from overt.core.errors import InputError, IntegrityError
from overt.ledger.canonical import JsonValue, canonical_bytes, parse_canonical_object
from overt.watchlist.stored import StoredReference

_LENGTH: Final = struct.Struct(">I")
_FLOAT_BYTES: Final = 4


def encode_entry(label: str, references: Sequence[StoredReference]) -> bytes:
    """Return the byte string."""
    header = canonical_bytes(
        {
            "label": label,
            "references": [
                {
                    "picture_bytes": len(reference.picture_jpeg),
                    "template_bytes": reference.template.size * _FLOAT_BYTES,
                }
                for reference in references
            ],
        }
    )
    parts = [_LENGTH.pack(len(header)), header]
    for reference in references:
        parts += (reference.template.astype("<f4").tobytes(), reference.picture_jpeg)
    return b"".join(parts)


def decode_entry(data: bytes) -> tuple[str, tuple[StoredReference, ...]]:
    """Return label and references.

    Raises:
        IntegrityError: the bytes are not what :func:`encode_entry` gives.
    """
    try:
        label, sizes, start = _header(data)
        references = tuple(_references(data, sizes, start))
    except (InputError, struct.error) as error:
        raise IntegrityError("A watchlist entry that the store keeps is malformed.") from error
    return label, references


def _header(data: bytes) -> tuple[str, Sequence[JsonValue], int]:
    (length,) = _LENGTH.unpack_from(data)
    start = _LENGTH.size + length
    header = parse_canonical_object(data[_LENGTH.size : start])
    label, sizes = header.get("label"), header.get("references")
    if not isinstance(label, str) or not isinstance(sizes, list):
        raise InputError("The header is not an entry's.")
    return label, sizes, start


def _references(data: bytes, sizes: Sequence[JsonValue], start: int) -> Iterator[StoredReference]:
    for size in sizes:
        n_template, n_picture = _size(size, "template_bytes"), _size(size, "picture_bytes")
        middle, end = start + n_template, start + n_template + n_picture
        if n_template % _FLOAT_BYTES or end > len(data):
            raise InputError("A reference is cut short.")
        template = np.frombuffer(data[start:middle], "<f4").astype(np.float32)
        yield StoredReference(template, data[middle:end])
        start = end
    if start != len(data):
        raise InputError("Bytes are left over.")


def _size(size: JsonValue, name: str) -> int:
    value = size.get(name) if isinstance(size, Mapping) else None
    if not isinstance(value, int) or value < 0:
        raise InputError("A size is missing.")
    return value
