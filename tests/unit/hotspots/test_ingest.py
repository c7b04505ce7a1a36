import gzip
import json
import zipfile
from datetime import datetime

import polars as pl
import pytest

from overt.core.errors import InputError
from overt.hotspots.events import SCHEMA, read_events, write_events
from overt.hotspots.ingest import ingest
from overt.hotspots.mapping import load_mapping


def row(crime_id="", month="2025-01", force="A Police", lon="-0.1", lat="50.8", kind="Robbery"):
    return f"{crime_id},{month},{force},{force},{lon},{lat},On or near X,E01,Area 1A,{kind},,"


at = datetime.fromisoformat


def reasons(ingested):
    return [(r["row"], r["column"], r["reason"]) for r in ingested.report.iter_rows(named=True)]


def test_every_row_is_an_event_a_refusal_or_a_repeat(police_uk):
    path = police_uk(
        [
            row("a1"),
            row("a1"),
            row("a2", lon="", lat=""),
            row("a3", lon="NaN"),
            row("a4", lat="91"),
            row("a5", month="2025-13"),
            row("a6", lon="0", lat="0"),
            row("a7", force=""),
            row("", kind="Anti-social behaviour"),
            row("", kind="Anti-social behaviour"),
        ]
    )
    done = ingest([path])
    assert reasons(done) == [
        (3, None, "a repeat: the id was there already"),
        (4, "Longitude", "no location is given"),
        (5, "Longitude", "the longitude is not a number in its range"),
        (6, "Latitude", "the latitude is not a number in its range"),
        (7, "Month", "the time cannot be read"),
        (8, "Longitude", "no location is given"),
        (9, "Falls within", "no force is given"),
    ]
    # Two anti-social rows of one month and point are two offences, for all that anybody knows.
    assert len(done.events.frame) == 3
    assert done.events.provenance.n_read == 10


def test_only_the_mapped_columns_are_kept(police_uk, tmp_path):
    done = ingest([police_uk([row("a1")])])
    assert done.events.frame.schema == SCHEMA
    write_events(done.events, tmp_path / "events.parquet")
    data = (tmp_path / "events.parquet").read_bytes()
    assert b"On or near" not in data
    assert b"Area 1A" not in data


def test_what_was_written_is_read_again(police_uk, tmp_path):
    done = ingest([police_uk([row("a1"), row("a2", kind="Drugs")])])
    write_events(done.events, tmp_path / "e.parquet")
    again = read_events(tmp_path / "e.parquet")
    assert again.provenance == done.events.provenance
    assert again.frame.equals(done.events.frame)


def test_what_police_find_is_kept_apart(police_uk):
    events = ingest([police_uk([row("a1"), row("a2", kind="Possession of weapons")])]).events
    assert events.frame["origin"].sort().to_list() == ["police", "victim"]
    assert events.select(origin="victim").frame["kind"].to_list() == ["Robbery"]
    with pytest.raises(InputError, match="No event is of the kind 'Knife'; there are: Poss"):
        events.select(kinds=["Knife"])


def test_folders_and_zips_are_the_same(police_uk, tmp_path):
    folder = tmp_path / "2025-01"
    folder.mkdir()
    police_uk([row("a1")], "2025-01-a-street.csv", folder)
    police_uk([row("b1", month="2025-02")], "2025-02-a-street.csv", folder)
    packed = tmp_path / "all.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for each in sorted(folder.iterdir()):
            archive.write(each, f"2025/{each.name}")
    from_folder, from_zip = ingest([folder]).events, ingest([packed]).events
    assert from_folder.frame.equals(from_zip.frame)
    assert from_folder.provenance == from_zip.provenance


def test_a_later_archive_supersedes(police_uk, tmp_path):
    (tmp_path / "new").mkdir()
    old = police_uk([row("a1"), row("a2")])
    new = police_uk([row("a1")], folder=tmp_path / "new")
    done = ingest([old, new])
    assert len(done.events.frame) == 1
    assert done.superseded == ("2025-01-a-street.csv",)


def test_csv_json_lines_and_parquet_are_the_same(tmp_path, exact_mapping):
    rows = [
        {"ref": "1", "offence": "stabbing", "when": "2024-07-01 23:30", "lon": -0.1, "lat": 51.5},
        {"ref": "2", "offence": "possession", "when": "2024-07-02 01:00", "lon": -0.2, "lat": 51.6},
    ]
    rows = [{**each, "suspect": "never read"} for each in rows]
    frame = pl.DataFrame(rows)
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    text = "\n".join(json.dumps(each) for each in rows)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    names = ("a.csv", "a.parquet", "a.jsonl.gz")
    frames = [ingest([tmp_path / name], exact_mapping).events.frame for name in names]
    assert frames[0].equals(frames[1])
    assert frames[0].equals(frames[2])
    assert frames[0]["origin"].to_list() == ["victim", "police"]


@pytest.mark.parametrize(
    ("time", "written", "local"),
    [
        ("", "2024-07-01T22:30:00", at("2024-07-01 22:30")),
        ("", "2024-07-01T22:30:00Z", at("2024-07-01 23:30")),
        ("", "2024-07-01 22:30:00.123+00:00", at("2024-07-01 23:30")),
        ("", "2024-01-01T22:30+0100", at("2024-01-01 21:30")),
        ('given_in = "utc"', "2024-07-01 22:30", at("2024-07-01 23:30")),
        ('format = "%d/%m/%Y %H:%M"', "02/07/2024 22:30", at("2024-07-02 22:30")),
    ],
)
def test_times_are_local(tmp_path, time, written, local):
    mapping = load_mapping(
        f"""
        format = "overt-mapping/1"
        label = "x"
        force = "F"
        [columns]
        instant = "t"
        longitude = "x"
        latitude = "y"
        [time]
        {time}
        """.encode()
    )
    (tmp_path / "a.csv").write_text(f"t,x,y\n{written},1,51\n")
    (event,) = ingest([tmp_path / "a.csv"], mapping).events.frame.iter_rows(named=True)
    assert event["begins"] == event["ends"] == local


def test_day_first_is_never_guessed(tmp_path, exact_mapping):
    (tmp_path / "a.csv").write_text("ref,offence,when,lon,lat\n1,x,02/07/2024 22:30,1,51\n")
    with pytest.raises(InputError, match="row 2, column when: the time cannot be read"):
        ingest([tmp_path / "a.csv"], exact_mapping)


def test_intervals_dates_and_the_national_grid(tmp_path):
    mapping = load_mapping(
        b"""
        format = "overt-mapping/1"
        label = "x"
        force = "F"
        [columns]
        begins = "from"
        ends = "to"
        easting = "e"
        northing = "n"
        """
    )
    (tmp_path / "a.csv").write_text(
        "from,to,e,n\n2024-01-01 22:00,2024-01-02 06:00,530000,180000\n"
        "2024-01-01 22:00,,530001,180001\n2024-01-02 22:00,2024-01-01 22:00,530000,180000\n"
        "2024-01-01 22:00,x,530000,180000\n2024-01-01 22:00,,900000,180000\n"
    )
    done = ingest([tmp_path / "a.csv"], mapping)
    assert [each[:2] for each in reasons(done)] == [(4, "to"), (5, "to"), (6, "e")]
    night, moment = done.events.frame.iter_rows(named=True)
    assert (night["time_precision"], moment["time_precision"]) == ("interval", "instant")
    # Trafalgar Square is at TQ 300 804.
    assert night["longitude"] == pytest.approx(-0.1285, abs=1e-3)
    assert night["latitude"] == pytest.approx(51.5037, abs=1e-3)


def test_a_date_without_its_time_is_the_whole_day(tmp_path):
    mapping = load_mapping(
        b"""
        format = "overt-mapping/1"
        label = "x"
        force = "F"
        [columns]
        date = "d"
        time = "t"
        longitude = "x"
        latitude = "y"
        """
    )
    (tmp_path / "a.csv").write_text("d,t,x,y\n2024-01-01,3:05:00,1,51\n2024-01-02,,1,51\n")
    moment, day = ingest([tmp_path / "a.csv"], mapping).events.frame.iter_rows(named=True)
    assert moment["begins"] == moment["ends"] == at("2024-01-01 03:05")
    assert (day["begins"], day["ends"]) == (at("2024-01-02 00:00"), at("2024-01-03 00:00"))
    assert day["time_precision"] == "day"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", r"has no column"),
        (b"ref,offence,when,lon\n", r"has no column 'lat'"),
        (b"ref,ref,offence,when,lon,lat\n", r"column 'ref' more than once"),
        (b"ref,offence,when,lon,lat\n1,x,2024-01-01 10:00,1,51,9\n", r"row 2, column 6: 6 fields"),
        (b"ref,offence,when,lon,lat\n1,\xff\xfe,2024-01-01,1,51\n", r"row 2, column 2: not UTF-8"),
        (b"ref,offence,when,lon,lat\n", r"There is no row"),
    ],
)
def test_a_malformed_csv_says_where(tmp_path, exact_mapping, data, said):
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(InputError, match=said):
        ingest([tmp_path / "a.csv"], exact_mapping)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "row 2: not a JSON object"),
        ("{", "row 2: not a line of JSON"),
        ('{"ref": [1]}', "row 2, column 'ref': not a text or a number"),
    ],
)
def test_malformed_json_lines_say_where(tmp_path, exact_mapping, line, said):
    good = '{"ref": 1, "offence": "x", "when": "2024-01-01 10:00", "lon": 1, "lat": 51}'
    (tmp_path / "a.jsonl").write_text(f"{good}\n{line}\n")
    with pytest.raises(InputError, match=said):
        ingest([tmp_path / "a.jsonl"], exact_mapping)


def test_bombs_are_refused(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(bytes(40 * 2**20)))
    with pytest.raises(InputError, match="swells more than 200 times"):
        ingest([tmp_path / "a.csv.gz"])
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", bytes(40 * 2**20))
    with pytest.raises(InputError, match="swells more than 200 times"):
        ingest([tmp_path / "a.zip"])


@pytest.mark.parametrize(
    "name", ["missing.csv", "a.zip", "a.csv.gz", "a.parquet", "a.txt", "empty"]
)
def test_what_is_no_source_is_refused(tmp_path, name, exact_mapping):
    (tmp_path / "empty").mkdir()
    for each in ("a.zip", "a.csv.gz", "a.parquet", "a.txt"):
        (tmp_path / each).write_bytes(b"not this")
    with pytest.raises(InputError):
        ingest([tmp_path / name], exact_mapping)


def test_the_measured_police_uk_files(crime_data):
    done = ingest([crime_data / "police-uk-2025.zip"])
    said = done.events.provenance
    assert said.n_read == 436_429
    assert said.n_refused == 6_430
    assert said.precision.finest_resolution == 9
    assert {each.state for each in said.coverage} == {"covered"}
    assert len(said.coverage) == 36
