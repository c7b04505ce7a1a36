"""Nothing that a list says of a person lies in clear: not while it is imported, not after."""

import sqlite3

import pytest

SECRETS = {
    "name": "Quisquam Nemo-Vexillifer",
    "lawful_basis": "Mandatum-Xylographicum-1",
    "source_reference": "Zephyrus-77-Reference",
    "reason_here": "Obsidian Parakeet Boulevard",
    "requester": "dc-quatrefoil-9",
    "risk_markers": "Carries a halberd-indoors",
    "officer_warnings": "Allergic to marzipan-foam",
    "instructions": "Whistle the barcarolle twice",
}


@pytest.fixture
def needles(pictures_of):
    """Pieces of everything that must not be found."""
    picture = (pictures_of("listed") / "listed.png").read_bytes()
    return [
        *(text.encode() for text in SECRETS.values()),
        *(text.casefold().encode() for text in SECRETS.values()),
        *(picture[start : start + 24] for start in range(2000, 20_000, 1500)),
    ]


@pytest.fixture
def import_secret(command, list_office, pictures_of, row):
    def do():
        manifest = list_office.manifest(row(1, images="listed.png", **SECRETS))
        arguments = list_office.importing_from(manifest, pictures_of("listed"), "wanted")
        return command(*arguments, "--json")

    return do


def found_in(folder, needles):
    haystacks = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    return [each for each in needles if any(each in haystack for haystack in haystacks)]


def test_the_search_finds_what_is_planted(tmp_path, needles):
    for number, needle in enumerate(needles):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "planted").write_bytes(b"before" + needle + b"after")
        assert needle in found_in(tmp_path / str(number), needles)


def test_nothing_lies_in_clear_from_import_to_purge(
    import_secret, list_office, on_list, ids, home, needles
):
    imported = import_secret()
    assert imported.returncode == 0, imported.stderr
    assert found_in(home, needles) == []
    for step in (
        lambda: on_list("freeze"),
        lambda: on_list("confirm", "--all"),
        lambda: on_list("withdraw", ids()[0], "--reason", "found"),
        lambda: on_list("purge"),
    ):
        ran = step()
        assert ran.returncode == 0, ran.stderr
        said = (ran.stdout + ran.stderr).encode()
        assert not [each for each in needles if each in said]
        assert found_in(home, needles) == []
    with list_office.store() as store:
        whole = b"".join(store.ledger.records())
    assert not [each for each in needles if each in whole]


def test_nothing_lies_in_clear_while_an_import_is_under_way(
    import_secret, list_office, home, needles, monkeypatch
):
    """Looked for at the moment when everything is kept aside and nothing is finished."""
    from overt.store.imports import ImportDesk

    seen = []

    def look(self, *_):
        wal = home / "overt.sqlite3-wal"
        assert wal.stat().st_size > 0
        with sqlite3.connect(home / "overt.sqlite3") as database:
            (n_rows,) = database.execute("SELECT count(*) FROM imported_rows").fetchone()
        database.close()
        assert n_rows == 1
        seen.append(found_in(home, needles))
        raise KeyboardInterrupt

    monkeypatch.setattr(ImportDesk, "finish", look)
    assert import_secret().returncode == 130
    assert seen == [[]]
    assert found_in(home, needles) == []
    monkeypatch.undo()


def test_what_was_kept_aside_is_gone_when_the_list_is_whole(import_secret, home, monkeypatch):
    from overt.store.imports import ImportDesk

    kept = []
    really = ImportDesk.finish

    def finish(self, *arguments):
        with sqlite3.connect(home / "overt.sqlite3") as database:
            ((wrapped,),) = database.execute("SELECT wrapped_key FROM watchlist_imports").fetchall()
            rows = database.execute("SELECT ciphertext FROM imported_rows").fetchall()
        database.close()
        kept.append(wrapped)
        kept.extend(row[0] for row in rows)
        really(self, *arguments)

    monkeypatch.setattr(ImportDesk, "finish", finish)
    assert import_secret().returncode == 0
    assert len(kept) == 2
    for path in home.rglob("*"):
        if path.is_file():
            assert not [each for each in kept if each[:64] in path.read_bytes()]


def test_a_row_cannot_be_tried_without_the_key(
    import_secret, list_office, home, pictures_of, models, monkeypatch
):
    """Who knows a row to the last letter cannot tell from the database whether it is imported."""
    from overt.store.imports import ImportDesk
    from overt.watchlist.importing import row_key
    from overt.watchlist.rows import read_manifest

    def stop(self, *_):
        raise KeyboardInterrupt

    monkeypatch.setattr(ImportDesk, "finish", stop)
    import_secret()
    (row,) = read_manifest(list_office.folder / "list.csv", pictures_of("listed"))
    with sqlite3.connect(home / "overt.sqlite3") as database:
        ((tag,),) = database.execute("SELECT row_sha256 FROM imported_rows").fetchall()
    database.close()
    assert tag not in {row.sha256, row_key(row, models.contract)}
    with list_office.store() as store, store.imports.importing("wanted") as staging:
        assert staging.find(row_key(row, models.contract)) is not None
