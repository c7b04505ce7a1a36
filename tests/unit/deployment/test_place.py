"""A place is one valid polygon; whatever else is drawn is refused in words."""

import json
import math
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from shapely.geometry import Polygon, box

from overt.core.errors import InputError
from overt.deployment.place import MAX_GEOJSON_BYTES, MAX_POINTS, Area, parse_geojson

SQUARE = [[0, 0], [0.01, 0], [0.01, 0.01], [0, 0.01], [0, 0]]
HOLE = [[0.002, 0.002], [0.004, 0.002], [0.004, 0.004], [0.002, 0.004], [0.002, 0.002]]
NUMBERS = st.floats(-200, 200) | st.floats() | st.integers(-(10**400), 10**400)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["type", "coordinates", "geometry", "features", "x"]), inner, max_size=4
        )
    ),
    max_leaves=20,
)


def polygon(*rings, **members):
    return json.dumps({"type": "Polygon", "coordinates": rings} | members).encode()


def test_the_area_is_that_of_the_ground():
    # A hundredth of a degree is 1.112 km; the same square is half as wide at 60° north.
    at_equator = parse_geojson(polygon(SQUARE)).km2
    assert at_equator == pytest.approx(1.2364, rel=1e-3)
    north = [[x, y + 60] for x, y in SQUARE]
    assert parse_geojson(polygon(north)).km2 == pytest.approx(at_equator / 2, rel=1e-3)


def test_a_hole_is_not_of_the_place():
    area = parse_geojson(polygon(SQUARE, HOLE))
    assert area.km2 < parse_geojson(polygon(SQUARE)).km2
    assert area.covers(0.001, 0.001)
    assert not area.covers(0.003, 0.003)


@pytest.mark.parametrize("point", [(0, 0), (0.005, 0), (0.01, 0.01), (0.005, 0.005)])
def test_the_border_is_of_the_place(point):
    assert parse_geojson(polygon(SQUARE)).covers(*point)


@pytest.mark.parametrize("point", [(-0.0001, 0), (0.0101, 0.005), (180, 90), (-0.005, -0.005)])
def test_what_lies_outside_is_not(point):
    assert not parse_geojson(polygon(SQUARE)).covers(*point)


@pytest.mark.parametrize(
    "wrapped",
    [
        {"type": "Feature", "properties": {"name": "x"}, "geometry": json.loads(polygon(SQUARE))},
        {
            "type": "FeatureCollection",
            "features": [{"type": "Feature", "geometry": json.loads(polygon(SQUARE))}],
        },
        {"type": "Polygon", "bbox": [0, 0, 1, 1], "coordinates": [SQUARE]},
        {"type": "Polygon", "coordinates": [[[x, y, 12.5] for x, y in SQUARE]]},
    ],
    ids=["feature", "collection", "bbox", "altitude"],
)
def test_the_polygon_is_found_where_geojson_has_it(wrapped):
    assert parse_geojson(json.dumps(wrapped).encode()) == parse_geojson(polygon(SQUARE))


BOW_TIE = [[0, 0], [0.01, 0.01], [0.01, 0], [0, 0.01], [0, 0]]
ACROSS = [[179.99, 0], [-179.99, 0], [-179.99, 0.01], [179.99, 0.01], [179.99, 0]]
MANY = [[math.cos(a / 400) / 100, math.sin(a / 400) / 100] for a in range(2600)]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not GeoJSON"),
        (b"\xff\xfe", "not GeoJSON"),
        (b"[" * 100_000, "not GeoJSON"),
        (b'{"type": "Point", "coordinates": [0, 0]}', "one polygon"),
        (b'{"type": "MultiPolygon", "coordinates": []}', "one polygon"),
        (b'{"type": "FeatureCollection", "features": []}', "several features"),
        (b'{"type": "Feature", "geometry": null}', "no polygon"),
        (b"[]", "no polygon"),
        (polygon(), "fewer than 1"),
        (polygon(SQUARE[:3]), "at least four points"),
        (polygon(SQUARE[:4]), "its last is its first"),
        (polygon(BOW_TIE), "Self-intersection"),
        (polygon(SQUARE, [[x + 1, y] for x, y in HOLE]), "Hole lies outside"),
        (polygon(SQUARE, HOLE, HOLE), "not valid"),
        (polygon([[0, 0]] * 4), "not valid"),
        (polygon([[0, 0], [1, 0], [2, 0], [0, 0]]), "not valid"),
        (polygon(ACROSS), "180° of longitude"),
        (polygon([[190, 0], [191, 0], [191, 1], [190, 0]]), "180 or less"),
        (polygon([[0, 91], [1, 91], [1, 92], [0, 91]]), "90 or less"),
        (polygon([[0], [1, 0], [1, 1], [0]]), "it is missing"),
        (polygon([["0", 0], [1, 0], [1, 1], ["0", 0]]), "a number is needed"),
        (polygon([[True, 0], [1, 0], [1, 1], [True, 0]]), "a number is needed"),
        (polygon([[math.nan, 0], [1, 0], [1, 1], [math.nan, 0]]), "finite number"),
        (polygon([[math.inf, 0], [1, 0], [1, 1], [math.inf, 0]]), "180 or less|finite number"),
        (polygon([*MANY, MANY[0]]), f"at most {MAX_POINTS:,} points"),
        (b" " * (MAX_GEOJSON_BYTES + 1), "too large"),
    ],
)
def test_what_is_no_place_is_refused_with_the_reason(data, says):
    with pytest.raises(InputError, match=says):
        parse_geojson(data)


@given(data=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_the_bytes_there_is_a_place_or_a_reason(data):
    with suppress(InputError):
        assert parse_geojson(data).km2 > 0


@given(rings=st.lists(st.lists(st.tuples(NUMBERS, NUMBERS), max_size=6), max_size=3))
def test_whatever_is_drawn_is_valid_or_refused(rings):
    closed = [[*ring, *ring[:1]] for ring in rings]
    try:
        area = Area.model_validate({"coordinates": closed})
    except ValidationError:
        return
    outer, *holes = area.coordinates
    assert Polygon(outer, holes).is_valid
    assert 0 < area.km2 < 5.2e8


@given(
    west=st.floats(-179, 178),
    south=st.floats(-80, 79),
    width=st.floats(1e-4, 0.9),
    height=st.floats(1e-4, 0.9),
    x=st.floats(-180, 180),
    y=st.floats(-90, 90),
)
def test_a_point_is_covered_exactly_where_the_box_is(west, south, width, height, x, y):
    corners = box(west, south, west + width, south + height).exterior.coords
    area = Area(coordinates=(tuple(corners),))
    inside = west <= x <= west + width and south <= y <= south + height
    assert area.covers(x, y) == inside
    assert Area.model_validate_json(area.model_dump_json()) == area
