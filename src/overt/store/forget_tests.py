"""The tests of forgetting that were made here: kept as records, the newest asked for by the policy.

Invariant: what is said of the newest test is read from its record, whose hash stands in the tree.
Must not: hold anything of the faces that were drawn for it.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from sqlalchemy.orm import Session

from overt.core.errors import InputError, IntegrityError
from overt.core.ids import ContractId, Sha256
from overt.ledger.acts import ForgetTested
from overt.ledger.kinds import RecordKind
from overt.ledger.merkle import leaf_hash
from overt.ledger.records import LedgerRecord
from overt.policy.facts import ForgetFacts
from overt.store.ledger import StoredLedger
from overt.store.models import StoreFactRow
from overt.store.models_ledger import LedgerRecordRow

NEWEST: Final = "forget.tested"


def keep_forget_test(ledger: StoredLedger, test: ForgetTested, tested_utc: datetime) -> None:
    """Put a test on record; it is then the newest.

    Raises:
        StorageError: it could not be kept.
    """
    with ledger.transaction() as work:
        seq = str(work.append(LedgerRecord.of(test, tested_utc)))
        row = work.session.get(StoreFactRow, NEWEST)
        if row is None:
            work.session.add(StoreFactRow(name=NEWEST, value=seq))
        else:
            row.value = seq


def software_digests(detector: Sha256, contract: ContractId) -> dict[str, Sha256]:
    """Return the digests by which a test says what it tested."""
    hashed = hashlib.sha256(contract.encode()).hexdigest()
    return {"contract": Sha256(hashed), "detector": detector}


def newest_forget_test(
    session: Session, detector: Sha256, contract: ContractId
) -> ForgetFacts | None:
    """Return what the newest test found, or None if there was none.

    Args:
        session: the transaction of whoever asks.
        detector: digest of the detector that would run now.
        contract: the vector space of the templates that would be compared now.

    Raises:
        IntegrityError: what is kept of it was altered.
    """
    row = session.get(StoreFactRow, NEWEST)
    if row is None:
        return None
    record = _record(session, row.value)
    numbers = [record.body[name] for name in _NUMBERS]
    tested = record.body["software"]
    if not all(isinstance(n, int) for n in numbers) or not isinstance(tested, Mapping):
        raise IntegrityError("The record of the last test of forgetting was altered.")
    n_runs, n_found, n_planted, n_planted_found = (int(str(n)) for n in numbers)
    same = tested == software_digests(detector, contract)
    return ForgetFacts(record.time_utc, n_runs, n_found, n_planted, n_planted_found, same)


_NUMBERS: Final = ("n_runs", "n_found", "n_planted", "n_planted_found")


def _record(session: Session, seq: str) -> LedgerRecord:
    kept = session.get(LedgerRecordRow, int(seq)) if seq.isascii() and seq.isdigit() else None
    altered = IntegrityError("The record of the last test of forgetting was altered.")
    if kept is None or leaf_hash(kept.record) != kept.leaf_hash:
        raise altered
    try:
        record = LedgerRecord.parse(kept.record)
    except InputError as error:
        raise altered from error
    if record.kind is not RecordKind.FORGET_TESTED:
        raise altered
    return record
