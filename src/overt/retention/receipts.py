"""What a deletion says of itself: when it begins, and in a receipt once the bytes are gone.

    overt-deletion/1   what goes, why now, under which pack: kept with the record that it began
    overt-receipt/1    the whole of that, and what came of it: kept with the record of the receipt

Both are canonical JSON. A deletion's id is the beginning of the digest of its first document, so
that the ledger, which holds the id, commits to the document.

Invariants: a receipt promises what was done and checked, and names every place that was not within
reach, with until when it may hold the bytes, or that nobody can say; it holds no path, no name and
nothing about a person.
Must not: promise for a copy that Overt did not make or cannot reach.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

from overt.core.clock import format_utc, parse_utc
from overt.core.errors import InputError
from overt.core.ids import PersonId, Sha256
from overt.ledger.canonical import JsonValue, canonical_bytes, parse_canonical_object
from overt.retention.schedule import Owner, OwnerKind, Subject

BEGUN_FORMAT: Final = "overt-deletion/1"
RECEIPT_FORMAT: Final = "overt-receipt/1"

DeletionId = NewType("DeletionId", str)
"""The first 32 hexadecimal digits of the SHA-256 of the document with which a deletion began."""


class Cause(StrEnum):
    """Why something is deleted now."""

    DUE = "due"
    """Its period is over."""
    CLOSING = "closing"
    """The deployment that it was for was closed."""
    REFUSAL = "refusal"
    """An urgent authority was refused afterwards."""
    PURGE = "purge"
    """Somebody who may ended it."""
    REPLACED = "replaced"
    """Something else took its place."""
    IMPORT_OVER = "import-over"
    """It was kept aside for an import that is over."""
    CONFIRMED = "confirmed"
    """Somebody confirms that it was destroyed where Overt does not reach."""


class Promise(StrEnum):
    """What was done, and checked where it can be."""

    ROWS_DELETED = "rows-deleted"
    """The rows are not in the database any more."""
    KEY_DESTROYED = "key-destroyed"
    """The key is gone without which what it sealed is noise, in every copy of it."""
    PAGES_OVERWRITTEN = "pages-overwritten"
    """The database overwrote the place of the rows in its own file with zeros."""
    DATABASE_REWRITTEN = "database-rewritten"
    """The database's file was written anew, with only what is kept."""
    TABLES_REWRITTEN = "tables-rewritten"
    """The files of the tables were written anew, with only what is kept."""
    LOG_EMPTIED = "log-emptied"
    """The database's own log was emptied, and found empty."""
    LOG_OVERWRITTEN = "log-overwritten"
    """Every file of the database's own log was used again, and overwritten to its end."""
    FILES_OVERWRITTEN = "files-overwritten"
    """Each file was overwritten, removed, and its folder written to the disk."""


class Remainder(StrEnum):
    """Where bytes may still be, because Overt does not reach there."""

    BACKUP = "backup"
    """Backups of the database, made before."""
    SNAPSHOT = "file-system-snapshot"
    """Snapshots of the file system."""
    FREED_BLOCKS = "freed-blocks"
    """Blocks of the disk that the file system freed and did not overwrite."""
    STORAGE_REMAPPING = "storage-remapping"
    """Flash cells that a solid-state disk took out of use, with what stood in them."""
    DATABASE_LOG = "database-log"
    """Segments of the database's log that are not used again yet."""
    LOG_ARCHIVE = "log-archive"
    """Archives of the database's log."""
    REPLICA = "replica"
    """Replicas of the database."""
    MACHINE_KEY_COPIES = "machine-key-copies"
    """Copies of the machine key, which open wrapped keys in a backup."""
    MEDIUM_UNREACHABLE = "medium-unreachable"
    """A medium that was not where it was, until a person confirms that it is destroyed."""
    MEDIUM_CHANGED = "medium-changed"
    """A file that is not any more what was imported, and so was left alone."""
    MEDIUM_COPIES = "medium-copies"
    """Copies of an import medium that somebody else made."""


@dataclass(frozen=True, slots=True)
class PurgeResult:
    """What a database could do so that deleted bytes are gone.

    Attributes:
        promises: done, and checked.
        exceptions: where bytes may remain that the database knows of, and until when; None if
            nobody can say.
        database: product and version, for people.
    """

    promises: tuple[Promise, ...]
    exceptions: Mapping[Remainder, datetime | None]
    database: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A deletion as it begins.

    Attributes:
        what: goes.
        owner: whose.
        cause: why now.
        due_utc: the pack's time, if it was that.
        policy_sha256: the pack that decided; None if no pack did.
        by: who; None for what happens of itself.
        begun_utc: when.
        begun_seq: number of the ledger record that says so.
        rows: how many of each table.
        n_keys: how many keys.
        spared: ids of the owner's alerts that are held, and so are not part of it.
    """

    what: Subject
    owner: Owner
    cause: Cause
    due_utc: datetime | None
    policy_sha256: Sha256 | None
    by: PersonId | None
    begun_utc: datetime
    begun_seq: int
    rows: Mapping[str, int]
    n_keys: int
    spared: tuple[str, ...] = ()

    @property
    def id(self) -> DeletionId:
        """Its id."""
        return DeletionId(hashlib.sha256(self.to_bytes()).hexdigest()[:32])

    def document(self) -> dict[str, JsonValue]:
        """Return its only form, as JSON."""
        return {
            "format": BEGUN_FORMAT,
            "what": str(self.what),
            "data": [str(each) for each in self.what.data],
            "owner_kind": str(self.owner.kind),
            "owner": self.owner.id,
            "cause": str(self.cause),
            "due_utc": None if self.due_utc is None else format_utc(self.due_utc),
            "policy_sha256": self.policy_sha256,
            "by": self.by,
            "begun_utc": format_utc(self.begun_utc),
            "begun_seq": self.begun_seq,
            "rows": dict(self.rows),
            "n_keys": self.n_keys,
            "spared": list(self.spared),
        }

    def to_bytes(self) -> bytes:
        """Return its only form."""
        return canonical_bytes(self.document())

    @classmethod
    def parse(cls, data: bytes) -> "Begun":
        """Read what :meth:`to_bytes` gives.

        Raises:
            InputError: it is something else.
        """
        return _begun(parse_canonical_object(data))


@dataclass(frozen=True, slots=True)
class Receipt:
    """A deletion that is done.

    Attributes:
        begun: how it began.
        finished_utc: when the bytes were gone.
        database: product and version.
        files: how many files came to which end.
        promises: what was done.
        exceptions: where bytes may remain, and until when; None if nobody can say.
    """

    begun: Begun
    finished_utc: datetime
    database: str
    files: Mapping[str, int]
    promises: tuple[Promise, ...]
    exceptions: Mapping[Remainder, datetime | None]

    @property
    def n_rows(self) -> int:
        """Rows of all tables."""
        return sum(self.begun.rows.values())

    @property
    def n_files(self) -> int:
        """Files that were overwritten."""
        return self.files.get(OVERWRITTEN, 0)

    @property
    def sha256(self) -> Sha256:
        """The digest of :meth:`to_bytes`, which the ledger holds."""
        return Sha256(hashlib.sha256(self.to_bytes()).hexdigest())

    def to_bytes(self) -> bytes:
        """Return its only form."""
        return canonical_bytes(
            {
                "format": RECEIPT_FORMAT,
                "deletion": self.begun.id,
                "begun": self.begun.document(),
                "finished_utc": format_utc(self.finished_utc),
                "database": self.database,
                "files": dict(self.files),
                "promises": [str(each) for each in self.promises],
                "exceptions": exceptions_document(self.exceptions),
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> "Receipt":
        """Read what :meth:`to_bytes` gives.

        Raises:
            InputError: it is something else.
        """
        document = parse_canonical_object(data)
        try:
            found = _receipt(document)
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
            raise InputError("The bytes are not a deletion's receipt.") from error
        if found.to_bytes() != data:
            raise InputError("The bytes are not a deletion's receipt in its only form.")
        return found


OVERWRITTEN: Final = "overwritten"
"""The end of a file that :attr:`Receipt.n_files` counts."""


def exceptions_document(exceptions: Mapping[Remainder, datetime | None]) -> dict[str, str | None]:
    """Return exceptions as a receipt and its record carry them."""
    return {
        str(where): None if until is None else format_utc(until)
        for where, until in exceptions.items()
    }


def _begun(document: Mapping[str, JsonValue]) -> Begun:
    try:
        found = Begun(
            what=Subject(_text(document["what"])),
            owner=Owner(OwnerKind(str(document["owner_kind"])), _text(document["owner"])),
            cause=Cause(str(document["cause"])),
            due_utc=_time(document["due_utc"]),
            policy_sha256=None if (p := document["policy_sha256"]) is None else Sha256(_text(p)),
            by=None if (by := document["by"]) is None else PersonId(_text(by)),
            begun_utc=parse_utc(_text(document["begun_utc"])),
            begun_seq=_count(document["begun_seq"]),
            rows=_counts(document["rows"]),
            n_keys=_count(document["n_keys"]),
            spared=tuple(_text(each) for each in _list(document["spared"])),
        )
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InputError("The bytes are not the beginning of a deletion.") from error
    if found.to_bytes() != canonical_bytes(document):
        raise InputError("The bytes are not the beginning of a deletion in its only form.")
    return found


def _receipt(document: Mapping[str, JsonValue]) -> Receipt:
    begun, until = document["begun"], document["exceptions"]
    if not isinstance(begun, Mapping) or not isinstance(until, Mapping):
        raise TypeError("a receipt holds how the deletion began, and exceptions")
    return Receipt(
        begun=_begun(begun),
        finished_utc=parse_utc(_text(document["finished_utc"])),
        database=_text(document["database"]),
        files=_counts(document["files"]),
        promises=tuple(Promise(str(each)) for each in _list(document["promises"])),
        exceptions={Remainder(where): _time(when) for where, when in until.items()},
    )


def _text(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise TypeError("not text")
    return value


def _time(value: JsonValue) -> datetime | None:
    return None if value is None else parse_utc(_text(value))


def _count(value: JsonValue) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeError("not a count")
    return value


def _counts(value: JsonValue) -> dict[str, int]:
    if not isinstance(value, Mapping):
        raise TypeError("not counts")
    return {name: _count(each) for name, each in value.items()}


def _list(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise TypeError("not a list")
    return list(value)
