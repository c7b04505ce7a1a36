import json

import polars as pl
import pytest
import shapely

from overt.core.clock import ManualClock
from overt.core.errors import InputError, StorageError
from overt.hotspots.events import EventSet
from overt.hotspots.outputs import write_ranking
from overt.hotspots.ranking import RankingOptions, criteria, rank
from overt.hotspots.synthetic import CityPlan, make_city

CITY = make_city(CityPlan(n_a_year=500, n_months=36, width_m=4_000.0), 1)
OPTIONS = RankingOptions(resolution="10", n_top=50)


@pytest.fixture(scope="module")
def ranking():
    return rank(CITY.events, OPTIONS)


@pytest.fixture(scope="module")
def said(ranking):
    return criteria(ranking, OPTIONS, ManualClock().now_utc())


def test_ranks_are_by_density_and_have_intervals(ranking):
    cells = ranking.cells
    assert cells["rank"].to_list() == list(range(1, len(cells) + 1))
    assert cells["density_a_year_km2"].is_sorted(descending=True)
    assert (cells["rank_low"] <= cells["rank_high"]).all()
    assert (cells["low_a_year"] <= cells["expected_a_year"]).all()
    assert (cells["expected_a_year"] <= cells["high_a_year"]).all()
    assert cells["p_top"].sum() == pytest.approx(50, rel=0.01)
    assert set(cells["tier"]) <= set("ABCD")
    assert cells["expected_a_year"].sum() == pytest.approx(500, rel=0.2)


def test_the_same_events_and_seed_give_the_same_map(ranking):
    assert rank(CITY.events, OPTIONS).cells.equals(ranking.cells)


def test_what_police_find_never_raises_a_rank(ranking):
    busiest = ranking.cells.tail(1).row(0, named=True)
    found = CITY.events.frame.head(400).with_columns(
        origin=pl.lit("police"),
        kind=pl.lit("possession"),
        longitude=pl.lit(busiest["longitude"]),
        latitude=pl.lit(busiest["latitude"]),
    )
    more = EventSet(pl.concat([CITY.events.frame, found]), CITY.events.provenance)
    again = rank(more, OPTIONS).cells
    assert again.drop("n_police").equals(ranking.cells.drop("n_police"))
    assert again.filter(pl.col("cell") == busiest["cell"])["n_police"].item() == 400


@pytest.mark.parametrize("resolution", ["9", "hex100"])
def test_every_grid_can_be_ranked(resolution):
    ranking = rank(CITY.events, RankingOptions(resolution=resolution, n_top=10))
    assert 0 <= ranking.shift_agreement <= 1
    assert ranking.cells["area_m2"].is_between(8_000, 120_000).all()


def test_geoparquet_says_what_it_is(ranking, said, tmp_path):
    path = tmp_path / "map.parquet"
    assert write_ranking(ranking, said, path) == len(ranking.cells)
    meta = pl.read_parquet_metadata(path)
    geo = json.loads(meta["geo"])
    assert geo["version"] == "1.1.0"
    assert geo["columns"][geo["primary_column"]]["encoding"] == "WKB"
    assert json.loads(meta["overt.hotspots"])["grid"] == "h3-10"
    for row in pl.read_parquet(path).head(20).iter_rows(named=True):
        shape = shapely.from_wkb(row["geometry"])
        assert shape.is_valid
        assert shape.contains(shapely.Point(row["longitude"], row["latitude"]))


def test_geojson_and_csv_hold_the_same_rows(ranking, said, tmp_path):
    for ending in ("geojson", "csv"):
        assert write_ranking(ranking, said, tmp_path / f"map.{ending}", 30) == 30
    collection = json.loads((tmp_path / "map.geojson").read_text())
    assert collection["criteria"]["n_top"] == 50
    rows = pl.read_csv(tmp_path / "map.csv")
    labels = [feature["properties"]["cell"] for feature in collection["features"]]
    assert labels == rows["cell"].to_list()
    shape = shapely.from_geojson(json.dumps(collection["features"][0]["geometry"]))
    assert shape.exterior.is_ccw


def test_what_cannot_be_written_is_told(ranking, said, tmp_path):
    with pytest.raises(InputError, match="ends in one of"):
        write_ranking(ranking, said, tmp_path / "map.shp")
    with pytest.raises(StorageError):
        write_ranking(ranking, said, tmp_path / "no" / "map.csv")


def test_too_little_past_is_refused():
    short = make_city(CityPlan(n_months=5), 1)
    with pytest.raises(InputError, match="needs offences of at least 6 months"):
        rank(short.events, OPTIONS)
