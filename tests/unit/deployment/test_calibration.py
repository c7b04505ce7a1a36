"""Thresholds come from evidence that is at least as strict as what was asked for, or not at all."""

from datetime import date

import pytest

from overt.core.errors import InputError
from overt.deployment.calibration import (
    CalibrationRecord,
    MeasuredThreshold,
    load_records,
    supported_threshold,
    supporting_evidence,
)
from overt.inference.catalogue import bundled_folder

DAY = date(2026, 1, 1)
POINTS = tuple(
    MeasuredThreshold(n_entries=n, one_in=one_in, threshold=threshold, n_non_mated=1000)
    for n, one_in, threshold in (
        (10, 100, 0.40),
        (10, 1000, 0.45),
        (100, 100, 0.50),
        (100, 1000, 0.55),
    )
)
RECORDS = (
    CalibrationRecord(contract="ours", measured=DAY, source="measured", points=POINTS),
    CalibrationRecord(
        contract="another",
        measured=DAY,
        source="elsewhere",
        points=(MeasuredThreshold(n_entries=9999, one_in=9999, threshold=0.1, n_non_mated=1),),
    ),
)
TOML = """
contract = "ours"
measured = 2026-01-01
source = "measured"
points = [{ n_entries = 10, one_in = 100, threshold = 0.4, n_non_mated = 1000 }]
"""


@pytest.mark.parametrize(
    ("n_entries", "one_in", "threshold", "promised"),
    [
        (1, 1, 0.40, 100),
        (10, 100, 0.40, 100),
        (11, 100, 0.50, 100),
        (10, 101, 0.45, 1000),
        (100, 1000, 0.55, 1000),
    ],
)
def test_the_next_stricter_measurement_decides(n_entries, one_in, threshold, promised):
    found, why = supported_threshold(RECORDS, "ours", n_entries, one_in)
    assert found == threshold
    assert why.false_alert_one_in == promised >= one_in
    assert why.source.startswith("measured; lists of ")


def test_evidence_says_when_and_for_how_large_a_list_it_was_measured():
    evidence = supporting_evidence(RECORDS, "ours", 11, 100)
    assert (evidence.measured, evidence.n_entries, evidence.contract) == (DAY, 100, "ours")


@pytest.mark.parametrize(
    ("contract", "n_entries", "one_in"),
    [("ours", 101, 100), ("ours", 10, 1001), ("unknown", 1, 1)],
)
def test_without_evidence_there_is_no_threshold(contract, n_entries, one_in):
    with pytest.raises(InputError, match="bring its evidence"):
        supported_threshold(RECORDS, contract, n_entries, one_in)


def test_the_products_own_records_fit_its_default_pair(models):
    records = load_records(bundled_folder() / "calibration")
    limits = [supported_threshold(records, models.contract, n, 1000)[0] for n in (1, 20, 2500)]
    assert limits == sorted(limits)
    assert 0.363 < limits[-1] < 1


def test_records_are_read_from_a_folder(tmp_path):
    assert load_records(tmp_path / "none") == ()
    (tmp_path / "one.toml").write_text(TOML)
    (record,) = load_records(tmp_path)
    assert record.points[0].threshold == 0.4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not toml",
        TOML.replace("0.4", "1.0"),
        TOML.replace("0.4", "nan"),
        TOML.replace("measured = 2026-01-01", ""),
        TOML.replace("2026-01-01", "'some day'"),
        TOML.replace("one_in = 100", "one_in = 0"),
        TOML.replace("n_non_mated = 1000", "n_non_mated = 0"),
        TOML.replace("[{", "[] # [{"),
        TOML + "more = 1\n",
        "\ud800",
    ],
)
def test_what_is_no_record_is_refused(tmp_path, text):
    (tmp_path / "one.toml").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(InputError, match=r"one\.toml is not a calibration record"):
        load_records(tmp_path)
