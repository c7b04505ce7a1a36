"""``overt bench ledger``: every figure is there, and what does not depend on speed is right."""

import pytest

N_RECORDS = 3_000
SERIES = (
    *("overt_rate", "cpu_us_a_record", "plain_rate", "chain_rate", "single_rate"),
    *("plain_single_rate", "open_ms", "inclusion_ms", "consistency_ms"),
)


@pytest.mark.slow
def test_the_ledger_is_measured(command, tmp_path):
    place = tmp_path / "bench"
    place.mkdir()
    ran = command("bench", "ledger", "--records", N_RECORDS, "--folder", place, "--json")
    assert ran.returncode == 0, ran.stderr
    figures = ran.json
    assert figures["machine"]["cores"] > 0
    assert figures["n_records"] == N_RECORDS
    assert figures["n_verified_offline"] == N_RECORDS + 500
    for name in SERIES:
        assert 0 < figures[name]["min"] <= figures[name]["median"] <= figures[name]["max"]
    for name in ("inclusion_bytes", "consistency_bytes"):
        assert figures[name]["max"] < 2048
    assert list(figures["records_a_second_at_percent"]) == ["0", "25", "50", "75", "100"]
    assert figures["bytes_a_record"] < figures["export_bytes_a_record"]
    assert list(place.iterdir()) == []


def test_too_few_records_are_not_measured(command):
    assert command("bench", "ledger", "--records", 10).returncode == 2
