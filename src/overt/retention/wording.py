"""What a receipt says, in sentences that somebody can be held to.

Invariant: each promise and each exception has a sentence; a test holds them to the codes.
Must not: say more than the receipt does.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from overt.core.clock import format_utc
from overt.retention.receipts import Cause, Promise, Receipt, Remainder
from overt.retention.schedule import Subject

WHAT: Final[Mapping[Subject, str]] = MappingProxyType(
    {
        Subject.ALERT: "the facts, repeats and steps",
        Subject.PICTURES: "the pictures and notes of the alerts",
        Subject.LIST: "the list with its templates and pictures",
        Subject.ENTRIES: "people who were left out or taken over anew",
        Subject.IMPORT: "what an import kept aside",
        Subject.MEDIUM: "the files that the list was imported from",
        Subject.MEMBERS: "the sketch of who was on the list",
        Subject.MEMBERSHIP: "the register of who was on the list",
        Subject.ACCOUNT: "the entry in the register of people",
    }
)

WHY: Final[Mapping[Cause, str]] = MappingProxyType(
    {
        Cause.DUE: "its period was over",
        Cause.CLOSING: "the deployment was closed",
        Cause.REFUSAL: "the urgent authority was refused",
        Cause.PURGE: "somebody ended it",
        Cause.REPLACED: "something else took its place",
        Cause.IMPORT_OVER: "the import is over",
        Cause.CONFIRMED: "somebody confirmed that it is destroyed",
    }
)

PROMISED: Final[Mapping[Promise, str]] = MappingProxyType(
    {
        Promise.ROWS_DELETED: "The rows are deleted.",
        Promise.KEY_DESTROYED: (
            "The key is destroyed, without which what it sealed is noise, in every copy."
        ),
        Promise.PAGES_OVERWRITTEN: "Where the rows stood in the database's file are zeros.",
        Promise.DATABASE_REWRITTEN: (
            "The database's file was written anew, with only what is kept."
        ),
        Promise.TABLES_REWRITTEN: "The tables' files were written anew, with only what is kept.",
        Promise.LOG_OVERWRITTEN: (
            "Every file of the database's own log was used again, and overwritten to its end."
        ),
        Promise.LOG_EMPTIED: "The database's own log was emptied, and found empty.",
        Promise.FILES_OVERWRITTEN: "The files were overwritten with zeros and removed.",
    }
)

REMAINS: Final[Mapping[Remainder, str]] = MappingProxyType(
    {
        Remainder.BACKUP: "Backups made before may hold it",
        Remainder.SNAPSHOT: "Snapshots of the file system may hold it",
        Remainder.FREED_BLOCKS: (
            "Blocks that the file system freed and did not overwrite may hold it"
        ),
        Remainder.STORAGE_REMAPPING: (
            "Cells that a solid-state disk took out of use, or a file system that writes to new "
            "places, may hold it"
        ),
        Remainder.DATABASE_LOG: "Segments of the database's log that wait for reuse may hold it",
        Remainder.LOG_ARCHIVE: "Archives of the database's log may hold it",
        Remainder.REPLICA: "Replicas of the database may hold it",
        Remainder.MACHINE_KEY_COPIES: (
            "Whoever has a copy of the machine key and a backup with the key that was destroyed "
            "can read that backup"
        ),
        Remainder.MEDIUM_UNREACHABLE: (
            "Files of the medium were not where they were, or could not be written; somebody has "
            "to destroy them and confirm it"
        ),
        Remainder.MEDIUM_CHANGED: (
            "Files of the medium are not any more what was imported, or are linked to, and were "
            "left alone; somebody has to look at them and confirm it"
        ),
        Remainder.MEDIUM_COPIES: "Copies of the medium that somebody made are not known to Overt",
    }
)


def headline(receipt: Receipt) -> str:
    """Return what was deleted, of whom, and why, in one sentence."""
    begun = receipt.begun
    return (
        f"Deleted {WHAT[begun.what]} of the {begun.owner.kind} {begun.owner.id}, because "
        f"{WHY[begun.cause]}."
    )


def sentences(receipt: Receipt) -> Iterator[str]:
    """Yield what a receipt says, one sentence each: when, how much, what is promised, what not."""
    begun = receipt.begun
    yield headline(receipt)
    due = "" if begun.due_utc is None else f"It was due by {format_utc(begun.due_utc)}. "
    yield (
        f"{due}It was begun at {format_utc(begun.begun_utc)} and finished at "
        f"{format_utc(receipt.finished_utc)}."
    )
    yield (
        f"{_counted(receipt.n_rows, 'row')}, {_counted(begun.n_keys, 'key')} and "
        f"{_counted(receipt.n_files, 'file')}; database: {receipt.database}."
    )
    if begun.spared:
        n = len(begun.spared)
        yield f"Those of {_counted(n, 'alert')} are held by a legal hold and are still there."
    for promise in receipt.promises:
        yield PROMISED[promise]
    for remainder, until_utc in sorted(receipt.exceptions.items()):
        yield f"{REMAINS[remainder]}{_until(remainder, until_utc)}."


def _until(remainder: Remainder, until_utc: datetime | None) -> str:
    if until_utc is not None:
        return f", until {format_utc(until_utc)}"
    if remainder is Remainder.BACKUP:
        return "; how long they are kept was not configured"
    return ""


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"
