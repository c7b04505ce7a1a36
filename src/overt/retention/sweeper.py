"""What a sweep has to do: of all that is kept, what is due, what is held, what has time.

    kept → due? → held? → to be deleted now

Invariants: nothing is deleted before its time, and nothing that is due is left out but by a hold
that has not expired; a hold on a part keeps that part alone.
Must not: delete anything itself, read a clock or a store, or know a period of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from overt.core.ids import Sha256
from overt.policy.pack import PolicyPack
from overt.policy.pack_data import DataKind
from overt.retention.schedule import Kept, Owner, due_utc


class Holds(Protocol):
    """Legal holds, as they stand."""

    def until(self, owner_kind: str, owner: str, data: str) -> datetime | None:
        """Return until when data of this owner is held; None if it is not.

        Args:
            owner_kind: an :class:`overt.retention.schedule.OwnerKind`.
            owner: its id.
            data: a :class:`overt.policy.pack_data.DataKind`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """Where something that is kept stands.

    Attributes:
        kept: what.
        due_utc: from when it must be gone; None if that is not counted yet.
        held_until_utc: the whole of it is held until then; None if it is not.
        held_parts: those of its parts that are held, and until when.
    """

    kept: Kept
    due_utc: datetime | None
    held_until_utc: datetime | None
    held_parts: Mapping[Owner, datetime]

    def is_due(self, now_utc: datetime) -> bool:
        """Whether its period is over, held or not."""
        return self.due_utc is not None and self.due_utc <= now_utc

    def is_to_go(self, now_utc: datetime) -> bool:
        """Whether it, or a part of it, is to be deleted now."""
        if not self.is_due(now_utc) or self.held_until_utc is not None:
            return False
        return not self.kept.parts or len(self.held_parts) < len(self.kept.parts)


@dataclass(frozen=True, slots=True)
class Packs:
    """The policy packs that periods come from.

    Attributes:
        by_sha256: every pack that was adopted here.
        newest: the one adopted last, for what stands under none; None if there is none.
    """

    by_sha256: Mapping[Sha256, PolicyPack]
    newest: PolicyPack | None

    def find(self, sha256: Sha256 | None) -> PolicyPack | None:
        """Return the pack with this digest, or the newest where there is none or none is named."""
        named = None if sha256 is None else self.by_sha256.get(sha256)
        return self.newest if named is None else named


def standing(kept: Kept, packs: Packs, holds: Holds, now_utc: datetime) -> Standing:
    """Return where one thing stands."""
    owners, data = (kept.owner, *kept.within), (*kept.what.data, *kept.goes_with)
    parts = {
        part: until
        for part in kept.parts
        if (until := _held_until([part], data, holds, now_utc)) is not None
    }
    held = _held_until(owners, data, holds, now_utc)
    return Standing(kept, due_utc(kept, packs.find(kept.policy_sha256)), held, parts)


def to_delete(
    everything: Iterable[Kept], packs: Packs, holds: Holds, now_utc: datetime
) -> list[Standing]:
    """Return what is to be deleted now, what is due first first."""
    due = [
        each
        for each in (standing(kept, packs, holds, now_utc) for kept in everything)
        if each.is_to_go(now_utc)
    ]
    return sorted(due, key=lambda each: (each.due_utc or now_utc, each.kept.owner))


def _held_until(
    owners: Sequence[Owner], data: Sequence[DataKind], holds: Holds, now_utc: datetime
) -> datetime | None:
    times = (holds.until(owner.kind, owner.id, kind) for owner in owners for kind in data)
    return max((each for each in times if each is not None and each > now_utc), default=None)
