"""The newest test of forgetting, as the policy is told of it."""

import pytest
from sqlalchemy import text

from overt.core.clock import SystemClock
from overt.core.errors import IntegrityError
from overt.core.ids import ContractId, Sha256
from overt.ledger.acts import ForgetTested
from overt.store.forget_tests import keep_forget_test, newest_forget_test, software_digests
from overt.store.store import Store

DETECTOR, CONTRACT = Sha256("a" * 64), ContractId("sface")


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path, SystemClock()) as opened:
        yield opened


def a_test(n_found=0):
    return ForgetTested(3, 1_000, n_found, 3, 3, software_digests(DETECTOR, CONTRACT), None)


def newest(store, detector=DETECTOR, contract=CONTRACT):
    with store._database.read() as session:
        return newest_forget_test(session, detector, contract)


def test_the_newest_counts_whatever_was_found_before(store):
    assert newest(store) is None
    for n_found in (2, 0, 1):
        now = SystemClock().now_utc()
        keep_forget_test(store.ledger, a_test(n_found), now)
        found = newest(store)
        assert (found.n_runs, found.n_found, found.n_planted, found.n_planted_found) == (
            *(3, n_found),
            *(3, 3),
        )
        assert found.is_same_software
    store.verify()


def test_other_software_was_not_tested(store):
    keep_forget_test(store.ledger, a_test(), SystemClock().now_utc())
    assert not newest(store, detector=Sha256("b" * 64)).is_same_software
    assert not newest(store, contract=ContractId("other")).is_same_software


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE store_facts SET value = '0' WHERE name = 'forget.tested'",
        "UPDATE store_facts SET value = '-1' WHERE name = 'forget.tested'",
        "UPDATE store_facts SET value = '99' WHERE name = 'forget.tested'",
        "UPDATE store_facts SET value = '' WHERE name = 'forget.tested'",
        "UPDATE ledger_records SET record = CAST(record || ' ' AS BLOB) WHERE seq = 1",
    ],
)
def test_what_was_altered_is_no_test(store, change):
    with store.ledger.transaction() as work:
        from overt.ledger.acts import Refusal
        from overt.ledger.records import LedgerRecord

        work.append(LedgerRecord.of(Refusal(None, None, "duration"), SystemClock().now_utc()))
    keep_forget_test(store.ledger, a_test(), SystemClock().now_utc())
    with store._database.write() as session:
        session.execute(text(change))
    with pytest.raises(IntegrityError):
        newest(store)
