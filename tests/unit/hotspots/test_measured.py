"""What the measured data must show, where they are: figures of the reference, with some slack.

The local copy of New York ends in September 2019, three months before the one of the reference.
"""

import pytest

from overt.hotspots.evaluation import evaluate
from overt.hotspots.grids import grid_for
from overt.hotspots.ingest import ingest
from overt.hotspots.mapping import POLICE_UK, load_mapping
from overt.hotspots.mixture import Shares
from overt.hotspots.study import make_study
from overt.hotspots.timeline import make_timeline

pytestmark = [pytest.mark.slow, pytest.mark.data]

NEW_YORK = b"""
format = "overt-mapping/1"
label = "shooting incidents"
force = "NYPD"
kind = "shooting"
[columns]
id = "incident"
date = "date"
time = "time"
longitude = "longitude"
latitude = "latitude"
[time]
zone = "America/New_York"
"""
YEARS = [84, 96, 108, 120, 132, 144, 156]


def shares_of(events, resolution):
    grid = grid_for(resolution, events.provenance.precision)
    places = (events.frame[name].to_numpy() for name in ("longitude", "latitude"))
    return Shares(make_study(grid, *places), make_timeline(events))


def best_of(rows, figure):
    return max(getattr(row, figure) for row in rows if row.method != "overt")


@pytest.fixture(scope="module")
def new_york(crime_data):
    return ingest([crime_data / "nyc-shootings-2006-2019.csv.gz"], load_mapping(NEW_YORK)).events


@pytest.mark.parametrize(
    ("resolution", "hit_rates", "bits"),
    [("9", {0.01: 0.125}, 1.85), ("10", {0.005: 0.135, 0.05: 0.532}, 2.14)],
)
def test_new_york_shootings(new_york, resolution, hit_rates, bits):
    found = evaluate(shares_of(new_york, resolution), YEARS, 12, list(hit_rates))
    for area_share, hit_rate in hit_rates.items():
        rows = [row for row in found.rows if row.area_share == area_share]
        (overt,) = [row for row in rows if row.method == "overt"]
        assert overt.hit_rate >= hit_rate
        assert overt.bits_per_event >= bits
        assert overt.bits_per_event > best_of(rows, "bits_per_event")
        assert overt.hit_rate >= best_of(rows, "hit_rate")
    fall, observed = 1 - found.predicted_ratio, 1 - found.observed_ratio
    assert fall == pytest.approx(observed, rel=0.1)


@pytest.fixture(scope="module")
def police_uk(crime_data):
    return ingest([crime_data / "police-uk-2025.zip"], POLICE_UK).events


@pytest.mark.parametrize("kind", ["Robbery", "Violence and sexual offences"])
def test_police_uk(police_uk, kind):
    found = evaluate(shares_of(police_uk.select(kinds=[kind]), "9"), [9], 3, [0.01])
    (overt,) = [row for row in found.rows if row.method == "overt"]
    assert overt.bits_per_event > best_of(found.rows, "bits_per_event")
    # One window: 1,228 robberies, with a standard error of a hit rate of 1.3 points.
    assert overt.hit_rate > best_of(found.rows, "hit_rate") - 0.013
