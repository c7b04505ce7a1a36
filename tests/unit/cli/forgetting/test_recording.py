"""A test of forgetting goes on record as it was, and nothing is glossed over."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from overt.cli.forgetting.recording import on_record
from overt.cli.forgetting.result import Find, ForgetResult
from overt.core.clock import ManualClock
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.store.store import Store

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
GOOD = ForgetResult(
    runs=3,
    seed=7,
    searched_bytes=1500,
    memory_bytes=1000,
    changed_bytes=100,
    files_bytes=500,
    n_files=9,
    left_out_bytes=0,
    found=0,
    finds=(),
    planted_runs=3,
    planted_found=3,
    missed=(),
    n_forms=264,
    age_s=0.61,
    stopped_s=0.2,
    elapsed_s=40.0,
    unread_bytes=0,
    at_utc=NOON,
)


def test_a_result_is_good_only_if_nothing_was_found_and_all_that_was_planted():
    assert GOOD.ok
    assert not replace(GOOD, found=1).ok
    assert not replace(GOOD, planted_found=2).ok
    assert not replace(GOOD, runs=0, planted_runs=0, planted_found=0).ok


def test_what_was_found_and_missed_is_said():
    bad = replace(
        GOOD, found=1, finds=(Find(2, "home/x", "crop, BGR"),), missed=(Find(3, "memory", "hex"),)
    )
    said = "\n".join(bad.lines())
    assert "Found: 1 of 3" in said
    assert "run 2: crop, BGR, in home/x" in said
    assert "missed in run 3: hex, in memory" in said
    assert bad.as_dict()["ok"] is False
    assert bad.as_dict()["at_utc"] == "2026-01-01T12:00:00.000Z"


@pytest.mark.parametrize("result", [GOOD, replace(GOOD, found=1, planted_found=2)])
def test_a_result_goes_on_record_as_it_is(tmp_path, result):
    with Store.open(tmp_path / "home", ManualClock(NOON)) as store:
        on_record(store, result, None)
        kept = [LedgerRecord.parse(each) for each in store.ledger.records()]
    (record,) = [each for each in kept if each.kind is RecordKind.FORGET_TESTED]
    body = record.body
    assert (body["n_runs"], body["n_found"]) == (3, result.found)
    assert (body["n_planted"], body["n_planted_found"]) == (3, result.planted_found)
    assert set(body["software"]) == {"contract", "detector"}
