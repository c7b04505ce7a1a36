"""A disk that fails under ``overt run``: alerting stops, visibly, and what was kept stays.

Real disks: file systems on loop devices and in memory, skipped where this user may not mount any.
"""

import os
import random
import shutil
import subprocess
import time

import pytest

from overt.core.clock import SystemClock
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.store.store import Store

SECONDS = 12
PATIENCE_S = 60.0
DISK_MIB = 24

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def three_passages(studio, walk):
    passages = [walk("listed", start, start + 1.0) for start in (0.0, 4.5, 9.0)]
    return studio.clip("three-passages-12", passages, SECONDS)


class Disk:
    """A file system of its own, on a file."""

    def __init__(self, folder, image):
        self.folder, self.image = folder, image

    def mount(self):
        with self.image.open("wb") as file:
            file.truncate(DISK_MIB << 20)
        for command in (
            ("mkfs.ext4", "-q", "-F", "-m", "0", self.image),
            ("mount", "-o", "loop", self.image, self.folder),
        ):
            if not shutil.which(command[0]) or subprocess.run(command, check=False).returncode != 0:
                pytest.skip("this user may not make and mount a file system")

    def turn_read_only(self):
        """Have the kernel give up on it, as it does when a disk reports errors."""
        subprocess.run(["mount", "-o", "remount,abort", str(self.folder)], check=True)

    def fill(self):
        """Leave no byte free."""
        with (self.folder / "ballast").open("ab", buffering=0) as file:
            for size in (65536, 4096, 512, 1):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    disk = Disk(folder, tmp_path / "disk.img")
    disk.mount()
    yield disk
    while os.path.ismount(folder):
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def home(disk):
    return disk.folder / "home"


@pytest.fixture
def failing_run(site, start_overt, tmp_path, three_passages, ran_of):
    """Run a deployment; do something to its disk once it has an alert; return how it ended."""

    def do(break_it):
        found = site()
        key = found.key_file(found.force.operator, tmp_path)
        camera = ("--camera", f"gate={three_passages}", "--realtime", "--json")
        process = start_overt("run", found.id, "--as", key, *camera)
        until = time.monotonic() + PATIENCE_S
        while not (acknowledged := [alert.id for alert in found.store.alerts.list()]):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.05)
        break_it()
        return ran_of(process), acknowledged

    return do


def check_kept(home, place, acknowledged):
    """Check, on another disk, that everything acknowledged is there and holds together."""
    shutil.copytree(home, place)
    with Store.open(place, SystemClock()) as store:
        store.close_abandoned_runs()
        store.verify()
        records = [LedgerRecord.parse(data) for data in store.ledger.records()]
        assert [alert.id for alert in store.alerts.list()] == acknowledged
    raised = [r.body["alert"] for r in records if r.kind is RecordKind.ALERT_RAISED]
    assert raised == acknowledged
    (stopped,) = [r.body for r in records if r.kind is RecordKind.RUN_STOPPED]
    assert stopped["reason"] in {"failed", "not_closed"}


def test_a_disk_that_becomes_full(failing_run, disk, home, tmp_path):
    ran, acknowledged = failing_run(disk.fill)
    assert ran.failed_plainly(7, "disk is full")
    check_kept(home, tmp_path / "after", acknowledged)


def test_a_disk_that_turns_read_only(failing_run, disk, home, tmp_path):
    ran, acknowledged = failing_run(disk.turn_read_only)
    assert ran.failed_plainly(7, "disk")
    check_kept(home, tmp_path / "after", acknowledged)


def overwrite(path, first_byte):
    """Put noise into a file's place from a byte on, without changing its length."""
    noise = random.Random(7)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(first_byte)
        file.write(noise.randbytes(size - first_byte))


def test_a_database_that_is_overwritten_under_the_run(failing_run, home, tmp_path, command):
    def damage():
        shutil.copytree(home, tmp_path / "before")
        overwrite(home / "overt.sqlite3", 4096)
        overwrite(home / "overt.sqlite3-wal", 32)

    ran, acknowledged = failing_run(damage)
    assert ran.returncode in {4, 7}, ran.stderr
    assert ran.failed_plainly(ran.returncode, "")
    told = command("ledger", "verify")
    assert told.returncode in {4, 7}
    assert told.failed_plainly(told.returncode, "")
    check_kept(tmp_path / "before", tmp_path / "after", acknowledged)


def test_no_run_begins_on_a_disk_that_is_read_only(
    site, disk, run_of_site, three_passages, home, tmp_path
):
    found = site(present=False)
    found.store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(disk.folder)], check=True)
    ran = run_of_site(found, "--camera", f"gate={three_passages}")
    assert ran.failed_plainly(7, "cannot be opened")
