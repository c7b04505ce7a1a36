"""When something that is kept is due: the policy pack's period, counted from what has happened.

    what is kept  +  what happened, when  +  the pack's periods  →  due, or not yet counted

Invariants: something of several kinds is due with the first of them; a period that runs from the
closing of a deployment runs from its end for as long as nobody closes it, so that to leave it open
keeps nothing; what nothing can come of any more is over.
Must not: read a clock or a store, or know a period of its own.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from overt.core.ids import Sha256
from overt.deployment.life import Life, LifeState
from overt.policy.pack import PolicyPack
from overt.policy.pack_data import DataKind, Moment


class OwnerKind(StrEnum):
    """Whose data it is, as deletions and holds name it."""

    ALERT = "alert"
    DEPLOYMENT = "deployment"
    WATCHLIST = "watchlist"
    MANIFEST = "manifest"
    """A list as it was frozen once, by the digest of its manifest."""
    PERSON = "person"
    """Somebody of the force."""


class Subject(StrEnum):
    """What goes as a whole, or with what is left of it."""

    ALERT = "alert"
    """An alert's facts, repeats and steps."""
    PICTURES = "pictures"
    """Pictures and notes of a deployment's alerts, their key, and how often officers were there."""
    LIST = "list"
    """A list: its entries with their templates and pictures, and its key."""
    ENTRIES = "entries"
    """Those of a list whom a new import left out or took over anew."""
    IMPORT = "import"
    """What an import kept aside, and its key."""
    MEDIUM = "medium"
    """The files that a list was imported from."""
    MEMBERS = "members"
    """Keyed digests of who was on a list, as it was frozen."""
    MEMBERSHIP = "membership"
    """Keyed digests of who was on a deployment's list."""
    ACCOUNT = "account"
    """The entry of somebody of the force who was struck off."""

    @property
    def data(self) -> tuple[DataKind, ...]:
        """The kinds of data that it is, by the policy pack; the first names it."""
        return _DATA[self]


_DATA: Mapping[Subject, tuple[DataKind, ...]] = MappingProxyType(
    {
        Subject.ALERT: (DataKind.ALERT,),
        Subject.PICTURES: (DataKind.PICTURE,),
        Subject.LIST: (DataKind.WATCHLIST, DataKind.TEMPLATE),
        Subject.ENTRIES: (DataKind.WATCHLIST, DataKind.TEMPLATE),
        Subject.IMPORT: (DataKind.WATCHLIST, DataKind.TEMPLATE),
        Subject.MEDIUM: (DataKind.IMPORT_MEDIUM,),
        Subject.MEMBERS: (DataKind.MEMBERSHIP,),
        Subject.MEMBERSHIP: (DataKind.MEMBERSHIP,),
        Subject.ACCOUNT: (DataKind.ACCOUNT,),
    }
)


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """Whose data it is, by kind and id."""

    kind: OwnerKind
    id: str


@dataclass(frozen=True, slots=True)
class Kept:
    """Something that is kept, and goes at one time.

    Attributes:
        what: it is.
        owner: whose.
        n_items: how many: alerts, people listed, files, accounts.
        since: what has happened that a period can run from, and when.
        parts: what it consists of, where each part can be held on its own.
        within: what it belongs to besides; a hold on that holds this.
        goes_with: kinds of data that cannot stay without it; a hold on those holds this.
        fixed_utc: the time that stands in the row itself, where one does; it goes before a period.
        policy_sha256: the pack that it stands under.
    """

    what: Subject
    owner: Owner
    n_items: int
    since: Mapping[Moment, datetime]
    parts: tuple[Owner, ...] = ()
    within: tuple[Owner, ...] = ()
    goes_with: tuple[DataKind, ...] = ()
    fixed_utc: datetime | None = None
    policy_sha256: Sha256 | None = None


def due_utc(kept: Kept, pack: PolicyPack | None) -> datetime | None:
    """Return from when something must be gone; None if that is not counted yet.

    Args:
        kept: what is kept.
        pack: that it stands under; None if no pack was ever adopted, and nothing is due.
    """
    if kept.fixed_utc is not None:
        return kept.fixed_utc
    if pack is None:
        return None
    rule = pack.rules.retention
    times = (
        period.due_utc(since)
        for period in map(rule.of, kept.what.data)
        if (since := kept.since.get(period.counted_from)) is not None
    )
    return min(times, default=None)


def ended_utc(life: Life, now_utc: datetime) -> datetime | None:
    """Return since when nothing can come of a deployment any more; None while something can."""
    if life.state in {LifeState.ENDED, LifeState.CLOSED}:
        return life.ended_utc
    if life.state is LifeState.REFUSED:
        return life.last_step_utc
    over_utc = life.application.ends_utc if life.authority is None else life.authority.ends_utc
    return over_utc if over_utc <= now_utc else None


def closed_utc(life: Life) -> datetime | None:
    """Return when a deployment was closed; None if nobody has."""
    return life.last_step_utc if life.state is LifeState.CLOSED else None


def deployment_moments(life: Life, now_utc: datetime) -> dict[Moment, datetime]:
    """Return what a period can run from that belongs to a deployment; nothing while it goes on."""
    ended = ended_utc(life, now_utc)
    if ended is None:
        return {}
    return {"deployment-end": ended, "deployment-closed": closed_utc(life) or ended}


def unused_since_utc(made_utc: datetime, pack: PolicyPack) -> datetime:
    """Return from when a list that no deployment named can be used by none any more.

    The pack lets a list be made only so long before the start of what it is for.
    """
    try:
        return made_utc + timedelta(hours=pack.rules.list_age.max_h_before_start)
    except OverflowError:
        return datetime.max.replace(tzinfo=made_utc.tzinfo)


def latest(moments: Iterable[Mapping[Moment, datetime]]) -> dict[Moment, datetime]:
    """Return, of what belongs to several deployments, the last of each moment.

    Nothing as long as one of them has not ended: it may still need what they share.
    """
    every = list(moments)
    if not every or not all(every):
        return {}
    names: set[Moment] = set.intersection(*(set(each) for each in every))
    return {name: max(each[name] for each in every) for name in names}
