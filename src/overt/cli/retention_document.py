"""What ``overt retention`` prints as JSON: ids, counts and times, never a name."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from overt.core.clock import format_utc
from overt.retention.wording import sentences
from overt.store.media import GOING
from overt.store.medium_files import FileEnd

if TYPE_CHECKING:
    from overt.retention.receipts import Begun
    from overt.retention.sweeper import Standing
    from overt.store.deletions import Deletion
    from overt.store.sweeping import RetentionStatus

NON_ALERT: Final = (
    "Faces that raised no alert are kept nowhere: they are erased in memory, and each run's "
    "counts, which must add up, are their receipt."
)
NO_RECORDING: Final = "Overt records no video, and holds no material of cases: nothing is kept."
_WAITS_FOR_TIME: Final = frozenset({"", GOING, FileEnd.OVERWRITTEN})


def status_document(found: "RetentionStatus") -> dict[str, Any]:
    """Return everything that ``status`` says."""
    return {
        "now_utc": format_utc(found.now_utc),
        "has_policy": found.has_policy,
        "kept": [standing_document(each, found.now_utc) for each in found.standings],
        "unfinished": [begun_document(each) for each in found.unfinished],
        "media_to_confirm": {
            name: dict(waiting)
            for name, states in sorted(found.media.items())
            if (waiting := {s: n for s, n in states.items() if s not in _WAITS_FOR_TIME})
        },
        "audit": {
            "since_utc": _time(found.audit_since_utc),
            "first_period_ends_utc": _time(found.audit_until_utc),
        },
        "notes": [NON_ALERT, NO_RECORDING, _audit_note(found)],
    }


def standing_document(each: "Standing", now_utc: datetime | None) -> dict[str, Any]:
    """Return one thing that is kept; whether it is overdue where the time is given."""
    document: dict[str, Any] = {
        "what": str(each.kept.what),
        "data": [str(kind) for kind in each.kept.what.data],
        "owner_kind": str(each.kept.owner.kind),
        "owner": each.kept.owner.id,
        "n_items": each.kept.n_items,
        "due_utc": _time(each.due_utc),
        "held_until_utc": _time(each.held_until_utc),
        "n_held": len(each.held_parts),
    }
    if now_utc is not None:
        document["overdue"] = each.is_to_go(now_utc)
    return document


def begun_document(begun: "Begun") -> dict[str, Any]:
    """Return a deletion as it began."""
    return {"deletion": begun.id, **begun.document()}


def deletion_document(found: "Deletion") -> dict[str, Any]:
    """Return a deletion with its receipt, and what that says in sentences."""
    receipt = found.receipt
    return {
        "deletion": found.id,
        "begun": found.begun.document(),
        "receipt": None if receipt is None else json.loads(receipt.to_bytes()),
        "receipt_sha256": None if receipt is None else receipt.sha256,
        "says": [] if receipt is None else list(sentences(receipt)),
    }


def _audit_note(found: "RetentionStatus") -> str:
    until = _time(found.audit_until_utc)
    ends = "" if until is None else f" The period of its first record ends at {until}."
    return (
        "The record itself is never rewritten: it holds ids, digests and counts."
        f"{ends} To end a record and begin another is a decision of people, not of the sweeper."
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_utc(moment)
