"""What closing a deployment means for what is kept: until when each kind of data may be there.

Invariant: a time is the latest that the pack allows. Data that is counted from something earlier,
such as a capture, is due earlier by itself.
Must not: delete anything.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from overt.policy.pack import PolicyPack
from overt.policy.pack_data import DataKind

KEPT: Final = (
    DataKind.ALERT,
    DataKind.PICTURE,
    DataKind.WATCHLIST,
    DataKind.IMPORT_MEDIUM,
    DataKind.TEMPLATE,
    DataKind.RECORDING,
    DataKind.MEMBERSHIP,
)
"""Kinds of data that a deployment leaves behind; the others belong to a case, an account, or to
nobody."""


def deletion_times(
    pack: PolicyPack, ended_utc: datetime, closed_utc: datetime
) -> Mapping[str, datetime]:
    """Return by when each kind of data must be gone.

    Args:
        pack: its retention periods.
        ended_utc: when the deployment ended: nothing was captured and no alert raised after it.
        closed_utc: when it is closed.
    """
    return MappingProxyType({kind: _due_utc(pack, kind, ended_utc, closed_utc) for kind in KEPT})


def _due_utc(
    pack: PolicyPack, kind: DataKind, ended_utc: datetime, closed_utc: datetime
) -> datetime:
    period = pack.rules.retention.of(kind)
    counted_from_end = period.counted_from in {"capture", "alert", "deployment-end"}
    return period.due_utc(ended_utc if counted_from_end else closed_utc)
