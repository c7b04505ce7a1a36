"""Records of certain kinds, as the ledger has them, for whoever compares what is kept with them.

A record's kind stands at a fixed distance from its end, so that the many others need not be read.

Must not: be taken for a check of the ledger: what is no record is passed over here.
"""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.ledger.kinds import RecordKind
from overt.ledger.records import RECORD_VERSION, LedgerRecord
from overt.store.models_ledger import LedgerRecordRow

_AFTER_KIND: Final = len(f',"time_utc":"2026-01-01T12:00:00.000Z","version":{RECORD_VERSION}}}')
_BATCH: Final = 1024


def records_of(session: Session, *kinds: RecordKind) -> Iterator[tuple[int, LedgerRecord]]:
    """Yield the number of each record of these kinds, and the record, in order.

    Raises:
        InputError: one was altered.
    """
    ends = tuple(f',"kind":"{kind}"'.encode() for kind in kinds)
    rows = session.execute(
        select(LedgerRecordRow.seq, LedgerRecordRow.record)
        .order_by(LedgerRecordRow.seq)
        .execution_options(yield_per=_BATCH)
    )
    for seq, data in rows:
        if data.endswith(ends, 0, len(data) - _AFTER_KIND):
            yield seq, LedgerRecord.parse(data)
