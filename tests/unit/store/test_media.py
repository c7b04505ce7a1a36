"""Import media: those very files are destroyed when it is time, and nothing else ever."""

import hashlib
import os
from dataclasses import replace

import pytest

from overt.core.errors import IntegrityError
from overt.core.ids import PersonId, WatchlistId
from overt.retention.receipts import Cause, Promise, Remainder
from overt.retention.schedule import Subject
from overt.store import medium_files
from overt.store.media import MediaRegister
from overt.store.medium_files import FileEnd, MediumFile, destroy, find_end, look_at
from overt.store.models_retention import ImportMediumRow
from overt.store.store import Store
from overt.watchlist.lifecycle import Actor, purge

DAY_S = 24 * 3600.0
LIST = WatchlistId("list")
CONTENT = b"name,images\nJosephine,j.png\n" * 100


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "medium"
    place.mkdir()
    return place


@pytest.fixture
def manifest(folder):
    path = folder / "Josephine.csv"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def file(manifest):
    return look_at(manifest)


@pytest.fixture
def remembered(store, alerts, file):
    store.imports.remember(LIST, [file])
    return file


def test_a_file_is_known_by_its_bytes(manifest, file):
    assert file == MediumFile(str(manifest.resolve()), hashlib.sha256(CONTENT).hexdigest())
    assert look_at(manifest.with_name("nothing")) is None
    assert look_at(manifest.parent) is None


def test_it_is_overwritten_before_it_is_removed(manifest, file, monkeypatch):
    removed = {}
    unlink = os.unlink

    def looking(name, *, dir_fd):
        removed[name] = (manifest.parent / name).read_bytes()
        unlink(name, dir_fd=dir_fd)

    monkeypatch.setattr(medium_files.os, "unlink", looking)
    assert find_end(file) is None
    assert destroy(file) is FileEnd.OVERWRITTEN
    assert list(manifest.parent.iterdir()) == []
    ((name, content),) = removed.items()
    assert "Josephine" not in name
    assert content == bytes(len(CONTENT))
    assert destroy(file) is FileEnd.NOT_THERE


def test_what_was_changed_is_left_alone(manifest, file):
    manifest.write_bytes(CONTENT + b"!")
    assert find_end(file) is destroy(file) is FileEnd.CHANGED
    assert manifest.read_bytes() == CONTENT + b"!"


def test_no_link_is_followed(tmp_path, folder, manifest, file):
    elsewhere = tmp_path / "elsewhere"
    manifest.rename(elsewhere)
    manifest.symlink_to(elsewhere)
    assert find_end(file) is destroy(file) is FileEnd.LINKED
    manifest.unlink()
    elsewhere.rename(manifest)
    folder.rename(tmp_path / "moved")
    folder.symlink_to(tmp_path / "moved")
    assert find_end(file) is destroy(file) is FileEnd.LINKED
    assert (tmp_path / "moved" / manifest.name).read_bytes() == CONTENT


def test_what_has_a_second_name_is_left_alone(tmp_path, manifest, file):
    os.link(manifest, tmp_path / "second")
    assert find_end(file) is destroy(file) is FileEnd.LINKED
    assert (tmp_path / "second").read_bytes() == CONTENT


def test_something_else_in_its_place_is_left_alone(folder, manifest, file):
    manifest.unlink()
    os.mkfifo(manifest)
    assert find_end(file) is destroy(file) is FileEnd.LINKED
    manifest.unlink()
    manifest.mkdir()
    assert find_end(file) is destroy(file) is FileEnd.LINKED
    assert manifest.is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_what_may_not_be_written_is_said(folder, manifest, file):
    folder.chmod(0o500)
    try:
        assert destroy(file) is FileEnd.NOT_WRITABLE
    finally:
        folder.chmod(0o700)


@pytest.mark.parametrize("name", ["unlink", "fsync"])
def test_it_goes_on_where_it_was_broken_off(manifest, file, monkeypatch, name):
    def dies(*_arguments, **_named):
        raise KeyboardInterrupt

    monkeypatch.setattr(medium_files.os, name, dies)
    with pytest.raises(KeyboardInterrupt):
        destroy(file)
    monkeypatch.undo()
    assert not manifest.exists()
    assert destroy(file) is FileEnd.OVERWRITTEN
    assert list(manifest.parent.iterdir()) == []


def test_a_medium_goes_with_its_list_and_the_receipt_says_so(
    store, clock, remembered, manifest, home
):
    bystander = manifest.with_name("bystander.csv")
    bystander.write_bytes(CONTENT)
    store.imports.remember(LIST, [remembered])  # twice is once
    with store._database.read() as session:
        (row,) = session.query(ImportMediumRow)
        secret = bytes(row.ciphertext)
    assert b"Josephine" not in b"".join(p.read_bytes() for p in home.glob("overt.sqlite3*"))
    clock.advance(2 * DAY_S)
    swept = store.sweeper.sweep()
    (receipt,) = [each for each in swept.receipts if each.begun.what is Subject.MEDIUM]
    assert not manifest.exists()
    assert bystander.read_bytes() == CONTENT
    assert receipt.files == {"overwritten": 1}
    assert Promise.FILES_OVERWRITTEN in receipt.promises
    assert {Remainder.MEDIUM_COPIES, Remainder.STORAGE_REMAPPING} <= set(receipt.exceptions)
    assert b"Josephine" not in receipt.to_bytes()
    with store._database.read() as session:
        assert session.query(ImportMediumRow).count() == 0
    assert store.sweeper.status().media == {}
    store._database.purge_deleted()
    assert secret not in b"".join(p.read_bytes() for p in home.glob("overt.sqlite3*"))
    store.verify()


def test_before_its_time_a_medium_stays(store, clock, remembered, manifest):
    clock.advance(25 * 3600 - 1)
    assert store.sweeper.sweep().begun == ()
    assert manifest.exists()


def test_a_medium_that_is_not_there_waits_for_it_or_for_a_person(
    store, clock, remembered, manifest, tmp_path
):
    manifest.rename(tmp_path / "stick")
    clock.advance(2 * DAY_S)
    swept = store.sweeper.sweep()
    (receipt,) = [each for each in swept.receipts if each.begun.what is Subject.MEDIUM]
    assert receipt.files == {"not-there": 1}
    assert Promise.FILES_OVERWRITTEN not in receipt.promises
    assert receipt.exceptions[Remainder.MEDIUM_UNREACHABLE] is None
    assert store.sweeper.status().media == {LIST: {"not-there": 1}}
    assert store.sweeper.sweep().begun == ()
    (tmp_path / "stick").rename(manifest)  # plugged in again
    (again,) = store.sweeper.sweep().receipts
    assert again.files == {"overwritten": 1}
    assert not manifest.exists()
    assert store.sweeper.confirm_medium(LIST, PersonId("demo-list")) is None
    store.verify()


def test_somebody_confirms_what_overt_does_not_reach(store, clock, remembered, manifest):
    manifest.write_bytes(b"something else")
    clock.advance(2 * DAY_S)
    store.sweeper.sweep()
    assert store.sweeper.status().media == {LIST: {"changed": 1}}
    assert store.sweeper.sweep().begun == ()
    receipt = store.sweeper.confirm_medium(LIST, PersonId("demo-list"))
    assert receipt.begun.cause is Cause.CONFIRMED
    assert receipt.begun.by == "demo-list"
    assert manifest.read_bytes() == b"something else"
    assert store.sweeper.status().media == {}
    store.verify()


def test_a_file_that_went_before_a_crash_counts_as_ours(store, clock, remembered, monkeypatch):
    clock.advance(2 * DAY_S)
    keep = MediaRegister._keep

    def dies_once_it_is_gone(self, watchlist, files):
        if all(each.state == FileEnd.OVERWRITTEN for each in files):
            raise KeyboardInterrupt
        keep(self, watchlist, files)

    monkeypatch.setattr(MediaRegister, "_keep", dies_once_it_is_gone)
    with pytest.raises(KeyboardInterrupt):
        store.sweeper.sweep()
    monkeypatch.undo()
    receipts = store.sweeper.sweep().receipts
    (receipt,) = [each for each in receipts if each.begun.what is Subject.MEDIUM]
    assert receipt.files == {"overwritten": 1}
    store.verify()


def test_a_medium_outlives_a_rotation_of_the_machine_key(home, store, clock, remembered, manifest):
    store.keys.rotate_machine_key()
    store.close()
    clock.advance(2 * DAY_S)
    with Store.open(home, clock) as again:
        again.sweeper.sweep()
        assert not manifest.exists()
        again.verify()


def test_a_medium_of_a_purged_list_counts_from_its_end(
    store, clock, remembered, manifest, deployed
):
    clock.advance(2 * 3600)  # the authority is over
    life = store.watchlist_lives.find(LIST)
    actor = Actor(deployed.force.list_manager, clock.now_utc())
    store.watchlist_lives.take_purge(purge(life, actor))
    assert manifest.exists()
    clock.advance(DAY_S)
    store.sweeper.sweep()
    assert not manifest.exists()


def test_a_row_in_another_place_is_found(store, clock, remembered, file):
    store.imports.remember(LIST, [replace(file, path=file.path + "2")])
    with store._database.write() as session:
        first, second = session.query(ImportMediumRow).order_by(ImportMediumRow.number)
        first.ciphertext, second.ciphertext = second.ciphertext, first.ciphertext
        first.nonce, second.nonce = second.nonce, first.nonce
    with pytest.raises(IntegrityError):
        store.sweeper.status()
