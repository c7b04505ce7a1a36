"""The commands of hotspots, from a raw table to a map, as they are typed."""

import json

import polars as pl
import pytest
from typer.testing import CliRunner

from overt.cli.main import app
from overt.core.errors import InputError, UsageError
from overt.hotspots.synthetic import CityPlan, make_city

MAPPING = """
format = "overt-mapping/1"
label = "synthetic offences"
force = "Synthetic Police"
kind = "offence"
[columns]
id = "event_id"
instant = "begins"
longitude = "longitude"
latitude = "latitude"
"""
RUNNER = CliRunner()


def typed(*words):
    done = RUNNER.invoke(app, ["hotspots", *map(str, words)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hotspots")
    plan = CityPlan(n_a_year=400, n_months=60, width_m=4_000.0)
    frame = make_city(plan, 1).events.frame
    frame.select("event_id", "begins", "longitude", "latitude").write_csv(folder / "raw.csv")
    (folder / "mapping.toml").write_text(MAPPING)
    done = typed(
        "ingest", folder / "raw.csv", "--mapping", folder / "mapping.toml",
        "--out", folder / "events.parquet", "--report", folder / "report.csv", "--json",
    )  # fmt: skip
    assert json.loads(done.stdout)["n_events"] == len(frame)
    assert pl.read_csv(folder / "report.csv").is_empty()
    return folder


def test_rank_prints_and_writes_a_map(folder):
    done = typed("rank", folder / "events.parquet", "--out", folder / "m.geojson", "--cells", 10,
                 "--json")  # fmt: skip
    said = json.loads(done.stdout)
    assert len(said["cells"]) == 100
    assert len(json.loads((folder / "m.geojson").read_text())["features"]) == 10
    assert typed("rank", folder / "events.parquet").stdout == ""


def test_evaluate_prints_rows_for_every_method(folder):
    said = json.loads(typed("evaluate", folder / "events.parquet", "--json").stdout)
    rows = said["rows"]
    assert set(rows[0]) == {
        "method", "resolution", "area_share", "hit_rate", "pai", "pei", "bits_per_event"
    }  # fmt: skip
    assert {row["resolution"] for row in rows} == {9, 10}
    assert {"overt", "count 1 y", "decayed count 8 y", "KDE 150 m"} <= {r["method"] for r in rows}
    assert "kept" in typed("evaluate", folder / "events.parquet", "--resolution", "9").stderr


def test_evaluate_from_a_month(folder):
    said = json.loads(
        typed("evaluate", folder / "events.parquet", "--test-from", "2022-07", "--window", 6,
              "--resolution", "9", "--json").stdout
    )  # fmt: skip
    assert said["evaluations"][0]["folds"] == ["2022-07"]
    for month in ("2030-01", "x", "2018-01"):
        with pytest.raises(InputError):
            typed("evaluate", folder / "events.parquet", "--test-from", month)
    with pytest.raises(UsageError):
        typed("evaluate", folder / "events.parquet", "--area-share", "0")


def test_hours_are_shown(folder):
    done = typed(
        "hours", folder / "events.parquet", "--top", 3, "--json", "--out", folder / "h.json"
    )
    said = json.loads(done.stdout)
    assert len(said["cells"]) == 3
    assert len(said["force"]) == 168
    assert json.loads((folder / "h.json").read_text()) == said


def test_what_is_no_events_file_is_refused(folder):
    pl.DataFrame({"a": [1]}).write_parquet(folder / "other.parquet")
    with pytest.raises(InputError, match="make one with overt hotspots ingest"):
        typed("rank", folder / "other.parquet")
    with pytest.raises(InputError, match="12"):
        typed("rank", folder / "events.parquet", "--resolution", "12")
