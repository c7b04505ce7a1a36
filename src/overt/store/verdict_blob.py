"""The plaintext of a verdict that an import keeps aside.

    4 bytes   length of the header, big-endian
    header    canonical JSON: {"reason"}, or {"entry", "expires_utc"}
    then      the entry, if there is one, as :mod:`overt.store.entry_blob` writes it

Must not: be written anywhere unencrypted.
"""

import struct
from collections.abc import Mapping
from typing import Final

from overt.core.clock import format_utc, parse_utc
from overt.core.errors import InputError, IntegrityError
from overt.core.ids import EntryId
from overt.ledger.canonical import JsonValue, canonical_bytes, parse_canonical_object
from overt.store.entry_blob import decode_entry, encode_entry
from overt.watchlist.staging import NotEnrolled, StagedVerdict
from overt.watchlist.stored import StoredEntry

_LENGTH: Final = struct.Struct(">I")


def encode_verdict(verdict: StagedVerdict) -> bytes:
    """Return the byte string."""
    members: dict[str, JsonValue]
    if isinstance(verdict, NotEnrolled):
        members, blob = {"reason": verdict.reason}, b""
    else:
        expires_utc = verdict.expires_utc
        members = {
            "entry": verdict.entry,
            "expires_utc": None if expires_utc is None else format_utc(expires_utc),
        }
        blob = encode_entry(verdict.label, verdict.references, verdict.grounds, verdict.enrolment)
    header = canonical_bytes(members)
    return _LENGTH.pack(len(header)) + header + blob


def decode_verdict(data: bytes) -> StagedVerdict:
    """Return what :func:`encode_verdict` was given.

    Raises:
        IntegrityError: the bytes are not what it gives.
    """
    try:
        (length,) = _LENGTH.unpack_from(data)
        start = _LENGTH.size + length
        verdict = _verdict(parse_canonical_object(data[_LENGTH.size : start]), data[start:])
    except (InputError, struct.error, ValueError) as error:
        raise IntegrityError("A row that was imported is malformed.") from error
    return verdict


def _verdict(members: Mapping[str, JsonValue], data: bytes) -> StagedVerdict:
    match members:
        case {"reason": str(reason)}:
            return NotEnrolled(reason)
        case {"entry": str(entry), "expires_utc": None | str() as expires}:
            blob = decode_entry(data)
            return StoredEntry(
                entry=EntryId(entry),
                label=blob.label,
                references=blob.references,
                expires_utc=None if expires is None else parse_utc(expires),
                grounds=blob.grounds,
                enrolment=blob.enrolment,
            )
        case _:
            raise InputError("The header is not a verdict's.")
