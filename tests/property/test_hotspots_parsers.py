"""Whatever the bytes, the parsers of hotspots give a value or an error of ours."""

import gzip
import io
import json
import zipfile
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import InputError
from overt.hotspots.events import SCHEMA, events_from_bytes
from overt.hotspots.ingest import ingest
from overt.hotspots.mapping import POLICE_UK, load_mapping

HEADER = ",".join(POLICE_UK.columns.named().values())
GOOD = "a1,A Police,Robbery,-0.1,50.8,2025-01"
fields = st.one_of(
    st.sampled_from(
        ["", "NaN", "inf", "-0.1", "50.8", "1e400", "2025-01", "9999-12", "0000-00", '"', "A", "é"]
    ),
    st.text(max_size=8),
    st.floats().map(repr),
)
MAPPING_TOML = """
format = "overt-mapping/1"
label = "x"
force = "F"
[columns]
longitude = "x"
latitude = "y"
begins = "b"
ends = "e"
"""


def try_ingest(name, data, mapping=POLICE_UK):
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            done = ingest([path], mapping)
        except InputError:
            return
    frame = done.events.frame
    assert frame.schema == SCHEMA
    assert frame["longitude"].is_finite().all()
    assert frame["latitude"].is_finite().all()
    assert (frame["begins"] <= frame["ends"]).all()


@given(st.lists(st.lists(fields, min_size=1, max_size=8), max_size=6))
def test_any_csv(rows):
    text = "\n".join([HEADER, GOOD, *(",".join(row) for row in rows)])
    try_ingest("a.csv", text.encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=300))
def test_any_bytes_as_csv(data):
    try_ingest("a.csv", data)
    try_ingest("a.csv", f"{HEADER}\n{GOOD}\n".encode() + data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@given(
    st.lists(
        st.one_of(json_values, st.fixed_dictionaries(dict.fromkeys("xybe", json_values | fields))),
        max_size=4,
    )
)
def test_any_json_lines(records):
    lines = "\n".join(json.dumps(record) for record in records)
    try_ingest("a.jsonl", lines.encode(), load_mapping(MAPPING_TOML.encode()))


@given(st.binary(max_size=300), st.sampled_from(["a.jsonl", "a.parquet", "a.csv.gz", "a.zip"]))
def test_any_bytes_as_anything(data, name):
    try_ingest(name, data)


def packed():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", f"{HEADER}\n{GOOD}\n" * 20)
    frame = io.BytesIO()
    pl.DataFrame({"x": ["1"], "y": ["51"], "b": ["2024-01-01 10:00"], "e": [""]}).write_parquet(
        frame
    )
    return {
        "a.zip": buffer.getvalue(),
        "a.csv.gz": gzip.compress(f"{HEADER}\n{GOOD}\n".encode() * 20),
        "a.parquet": frame.getvalue(),
    }


@pytest.mark.parametrize("name", packed())
@settings(deadline=None)
@given(st.data())
def test_damaged_containers(name, data):
    whole = bytearray(packed()[name])
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    mapping = load_mapping(MAPPING_TOML.encode()) if name == "a.parquet" else POLICE_UK
    try_ingest(name, bytes(whole), mapping)


toml_values = st.one_of(
    st.integers().map(str), st.text(max_size=5).map(json.dumps), st.sampled_from(["true", "[]"])
)


@given(
    st.dictionaries(
        st.sampled_from(["format", "label", "force", "kind", "columns", "time", "covers"]),
        toml_values,
    ),
    st.dictionaries(
        st.sampled_from(["longitude", "latitude", "easting", "instant", "date", "time", "month"]),
        toml_values,
    ),
)
def test_any_mapping(top, columns):
    lines = [f"{k} = {v}" for k, v in top.items()]
    lines += ["[columns]", *(f"{k} = {v}" for k, v in columns.items())]
    with suppress(InputError):
        load_mapping("\n".join(lines).encode("utf-8", "replace"))


@given(st.binary(max_size=200))
def test_any_bytes_as_mapping_or_events(data):
    with pytest.raises(InputError):
        load_mapping(data)
    with pytest.raises(InputError):
        events_from_bytes(data, "events.parquet")


@given(
    json_values
    | st.fixed_dictionaries(
        {
            "format": st.just("overt-events/1"),
            "precision": json_values,
            "coverage": json_values,
            "sources": json_values,
        }
    )
)
def test_any_provenance(said):
    frame = pl.DataFrame(schema=SCHEMA)
    buffer = io.BytesIO()
    frame.write_parquet(buffer, metadata={"overt.events": json.dumps(said)})
    with pytest.raises(InputError):
        events_from_bytes(buffer.getvalue(), "events.parquet")
