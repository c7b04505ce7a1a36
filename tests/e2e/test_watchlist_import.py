"""An import as a process of its own: killed, interrupted, resumed; and whatever can be wrong."""

import itertools
import os
import signal
import struct
import subprocess
import sys
import textwrap
import time
import zipfile
import zlib

import pytest
from sqlalchemy import func, select

from overt.store.models import ImportedRowRow, WatchlistImportRow

N_ROWS = 30
BATCH = 4
IMPORTER = textwrap.dedent(
    f"""
    import os, sys
    from overt.watchlist import enrol, importing

    importing.BATCH_ROWS = {BATCH}
    really = enrol.Enroller._enrol_one
    log = os.open(sys.argv.pop(1), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def counted(self, row, person):
        os.write(log, b".")
        return really(self, row, person)

    enrol.Enroller._enrol_one = counted
    from overt.cli.main import main
    main()
    """
)


@pytest.fixture
def many(list_office, pictures_of, row):
    """A manifest of people who share a portrait, and the folder that it is in."""
    folder = pictures_of("listed")
    rows = (row(n, images="listed.png", kin_group="all") for n in range(N_ROWS))
    return list_office.manifest(*rows), folder


@pytest.fixture
def start_import(list_office, many, home, tmp_path):
    """Start an import as a process; return it and the file that grows with each enrolment."""
    started, numbers = [], itertools.count()

    def do(home=home):
        log = tmp_path / f"enrolled-{next(numbers)}"
        log.touch()
        arguments = list_office.importing_from(*many, "wanted")
        process = subprocess.Popen(
            [sys.executable, "-c", IMPORTER, str(log), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OVERT_HOME": str(home)},
        )
        started.append(process)
        return process, log

    yield do
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process):
    process.communicate(timeout=120)
    return process.returncode


def stop_midway(process, log, number):
    """Send a signal once a third of the rows went to the models."""
    until = time.monotonic() + 90
    while log.stat().st_size < N_ROWS // 3 + BATCH:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=60)


def n_kept_aside(office):
    with office.store() as store, store._database.read() as session:
        return session.scalar(select(func.count()).select_from(ImportedRowRow))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_an_import_goes_on_where_it_was_stopped(list_office, start_import, number, tmp_path, home):
    process, log = start_import()
    stop_midway(process, log, number)
    kept = n_kept_aside(list_office)
    assert 0 < kept < N_ROWS
    with list_office.store() as store:
        assert store.watchlists.list() == ()
        assert [name for name, _ in store.imports.unfinished()] == ["wanted"]
        store.verify()
    process, log = start_import()
    assert ended(process) == 0
    # What was kept aside is not enrolled again, and all the rest is.
    assert log.stat().st_size == N_ROWS - kept
    assert n_kept_aside(list_office) == 0
    with list_office.store() as store:
        (kept_list,) = store.watchlists.list()
        assert kept_list.n_entries == N_ROWS
        assert store.imports.unfinished() == ()
        with store._database.read() as session:
            assert session.scalars(select(WatchlistImportRow)).all() == []
        store.verify()


def test_of_two_imports_at_once_one_is_told_to_wait(list_office, start_import):
    with list_office.store() as store, store.imports.importing("another"):
        process, log = start_import()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 7
    assert "Another process is importing" in said
    assert log.stat().st_size == 0


def bomb():
    """Return a PNG of a few bytes that declares ten gigabytes of pixels."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(2**20))
    ends = chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + ends


def test_whatever_is_wrong_with_one_row_leaves_the_others(
    command, list_office, pictures_of, row, tmp_path
):
    folder = pictures_of("listed", "stranger")
    whole = (folder / "stranger.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "text.png").write_text("no picture")
    (folder / "empty.png").write_bytes(b"")
    (tmp_path / "outside.png").write_bytes(whole)
    (folder / "link.png").symlink_to(tmp_path / "outside.png")
    manifest = list_office.manifest(
        row(1, images="listed.png"),
        row(2, images="../outside.png"),
        row(3, images="link.png"),
        row(4, images="cut.png"),
        row(5, images="bomb.png"),
        row(6, images="text.png"),
        row(7, images="empty.png"),
        row(8, images="none.png"),
        row(9, images="stranger.png", source_reference="ref-1"),
        row(10, images="stranger.png", name=""),
        row(11, images="stranger.png", image_date="yesterday"),
        row(12, images="stranger.png", reason_here="\u202ehidden"),
        row(13, images="stranger.png"),
        row(14, images="stranger.png", name="Person 13"),
    )
    ran = command(*list_office.importing_from(manifest, folder, "wanted"), "--json")
    assert ran.returncode == 0, ran.stderr
    verdicts = {each["row"]: each for each in ran.json["rows"]}
    assert len(verdicts) == 14
    accepted = {number for number, each in verdicts.items() if each["outcome"] != "refused"}
    assert accepted == {1, 13}
    columns = {number: verdicts[number]["column"] for number in set(verdicts) - accepted}
    assert columns == dict.fromkeys((2, 3, 4, 5, 6, 7, 8, 14), "images") | {
        9: "source_reference",
        10: "name",
        11: "image_date",
        12: "reason_here",
    }
    assert all(each["line"] == number + 1 for number, each in verdicts.items())
    assert verdicts[14]["reasons"] == ["the same name and pictures stand in row 13 already"]


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("none.csv", None, "none.csv"),
        ("empty.csv", b"", "empty.csv"),
        ("latin.csv", "name,images\nM\u00fcller,a.png\n".encode("latin-1"), "latin.csv"),
        ("binary.csv", bytes(range(256)) * 9, "binary.csv"),
        ("header.csv", b"who,what\na,b\n", "header.csv"),
        ("open.csv", b'name,images,category\n"open', "open.csv"),
    ],
)
def test_a_manifest_that_cannot_be_read(
    command, list_office, pictures_of, tmp_path, name, data, says
):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    ran = command(*list_office.importing_from(path, pictures_of("listed"), "wanted"))
    assert ran.failed_plainly(3, says)
    assert command("watchlist", "show", "--json").json["watchlists"] == []


def test_pictures_in_a_zip_that_would_fill_the_disk(
    command, list_office, pictures_of, row, tmp_path
):
    archive = tmp_path / "pictures.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        out.write(pictures_of("listed") / "listed.png", "listed.png")
        out.writestr("huge.png", bytes(64 * 2**20))
    manifest = list_office.manifest(row(1, images="huge.png"), row(2, images="listed.png"))
    ran = command(*list_office.importing_from(manifest, archive, "wanted"), "--json").json
    assert [each["outcome"] for each in ran["rows"]] == ["refused", "accepted"]


def test_models_of_which_nobody_knows_who_looks_alike(
    command, list_office, pictures_of, monkeypatch
):
    from overt.cli import wiring

    monkeypatch.setattr(wiring, "calibrations", tuple)
    ran = command(*list_office.importing(pictures_of("listed")))
    assert ran.failed_plainly(3, "[alike]")
