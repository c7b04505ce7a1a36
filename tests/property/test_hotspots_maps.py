"""Whatever the offences, a map, an evaluation and a timetable come out, or an error of ours."""

from contextlib import suppress
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import InputError
from overt.hotspots.coverage import find_coverage
from overt.hotspots.evaluation import default_folds, default_window, evaluate
from overt.hotspots.events import SCHEMA, EventSet, Precision, Provenance
from overt.hotspots.grids import grid_for
from overt.hotspots.metrics import hits_at
from overt.hotspots.mixture import Shares
from overt.hotspots.posterior import ranks
from overt.hotspots.ranking import RankingOptions, rank
from overt.hotspots.significance import step_up
from overt.hotspots.study import make_study, read_boundary
from overt.hotspots.timeline import make_timeline
from overt.hotspots.timetable import make_timetable

EXACT = Precision(False, 11, "Exact.")
START = datetime.fromisoformat("2020-01-01")

places = st.one_of(
    st.tuples(st.floats(-0.02, 0.02), st.floats(51.5, 51.52)),
    st.tuples(st.sampled_from([0.0, 0.001]), st.sampled_from([51.5, 51.501])),
    st.tuples(st.floats(-180, 180), st.floats(-90, 90)),
)
offences = st.lists(
    st.tuples(
        places,
        st.floats(0, 1_400),
        st.sampled_from(["instant", "interval", "day", "month"]),
        st.sampled_from(["A", "B"]),
        st.sampled_from(["victim", "victim", "police"]),
    ),
    max_size=25,
)


def event_set(rows):
    frame = pl.DataFrame(
        {
            "event_id": [str(i) for i in range(len(rows))],
            "force": [force for _, _, _, force, _ in rows],
            "kind": ["x"] * len(rows),
            "origin": [origin for *_, origin in rows],
            "longitude": [lon for (lon, _), *_ in rows],
            "latitude": [lat for (_, lat), *_ in rows],
            "begins": [START + timedelta(days=days) for _, days, *_ in rows],
            "ends": [START + timedelta(days=days * 1.01) for _, days, *_ in rows],
            "time_precision": [precision for _, _, precision, *_ in rows],
            "snap_point": [None] * len(rows),
        },
        schema=SCHEMA,
    )
    coverage = find_coverage(frame, None)
    return EventSet(frame, Provenance((), EXACT, coverage, len(rows), 0, 0, "x"))


@settings(max_examples=10, deadline=None)
@given(offences, st.sampled_from(["9", "10", "hex100"]))
def test_any_offences(rows, resolution):
    events = event_set(rows)
    with suppress(InputError):
        cells = rank(events, RankingOptions(resolution=resolution, n_top=5)).cells
        figures = cells.select(pl.col(pl.Float64)).to_numpy()
        assert np.isfinite(figures).all()
        assert (cells["low_a_year"] <= cells["high_a_year"]).all()
    with suppress(InputError):
        table = make_timetable(events, resolution, n_top=3, n_hours=4)
        assert np.isfinite([cell.odds for cell in table.cells]).all()
    with suppress(InputError):
        reported = events.select(origin="victim")
        timeline = make_timeline(reported)
        lon, lat = reported.frame["longitude"].to_numpy(), reported.frame["latitude"].to_numpy()
        shares = Shares(make_study(grid_for(resolution, EXACT), lon, lat), timeline)
        window = default_window(timeline.n_months)
        found = evaluate(shares, default_folds(timeline.n_months, window), window, [0.01])
        assert np.isfinite([row.bits_per_event for row in found.rows]).all()
        assert all(0 <= row.hit_rate <= 1 for row in found.rows)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50))
def test_adjusted_values_are_never_below_the_values_and_keep_their_order(p_values):
    p = np.array(p_values)
    q = step_up(p)
    assert (q >= p - 1e-15).all()
    assert (q <= 1).all()
    assert (np.diff(q[np.argsort(p, kind="stable")]) >= -1e-12).all()


@given(
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 9)), min_size=1, max_size=60),
    st.floats(0.01, 1),
)
def test_hits_lie_between_none_and_the_best(cells, share):
    forecast = np.array([f for f, _ in cells])
    counts = np.array([c for _, c in cells], float)
    if counts.sum() == 0:
        return
    found = hits_at(forecast, counts, np.ones(len(cells)), share)
    assert 0 <= found.hit_rate <= 1 + 1e-12
    assert 0 <= found.pei <= 1 + 1e-12


@given(st.lists(st.floats(1e-6, 100), min_size=1, max_size=40), st.integers(1, 50))
def test_ranks_are_a_permutation_with_intervals(means, n_top):
    mean = np.array(means)
    found = ranks(mean, np.ones(len(mean)), np.full(len(mean), 2.0), n_top, 1)
    assert sorted(found.rank) == list(range(1, len(mean) + 1))
    assert (found.low <= found.high).all()
    assert (
        found.p_top.sum() == min(n_top, len(mean))
        or abs(found.p_top.sum() - min(n_top, len(mean))) < 1e-9
    )


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_boundary(data):
    with suppress(InputError):
        assert read_boundary(data).area > 0
