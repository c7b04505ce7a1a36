"""Another process's memory is copied as it stands, and what changed in it is told apart."""

import os
import subprocess
import sys

import numpy as np
import pytest

from overt.cli.forgetting.files import MOST_BYTES, Place, read_file, read_open
from overt.cli.forgetting.process import PAGE, MemoryFiles, MemoryReader

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

CHILD = """
import sys
kept = bytearray(1 << 20)
print("ready", flush=True)
for line in sys.stdin:
    kept[5000:5000 + len(line)] = line.encode()
    print("done", flush=True)
"""


@pytest.fixture
def child():
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


@pytest.fixture
def reader(child):
    try:
        numbers = [
            os.open(f"/proc/{child.pid}/{name}", os.O_RDONLY) for name in ("mem", "maps", "pagemap")
        ]
    except PermissionError:
        pytest.skip("this account may not read the memory of its own child")
    yield MemoryReader(MemoryFiles(child.pid, *numbers))
    for number in numbers:
        os.close(number)


def write(child, text):
    child.stdin.write(text + "\n")
    child.stdin.flush()
    assert child.stdout.readline() == "done\n"


def test_what_a_process_holds_is_in_the_copy_and_only_what_changed_differs(child, reader):
    reader.make_room()
    before = reader.snapshot()
    write(child, "a very particular line of text")
    after = reader.snapshot()
    assert b"a very particular line" not in before.pages.tobytes()
    changed = after.changed_since(before)
    assert 0 < changed.pages.size < after.n_bytes / 2
    at = changed.pages.tobytes().find(b"a very particular line")
    assert at >= 0
    assert changed.where(at).startswith("memory, ")


def test_a_copy_is_whole_pages_in_order(child, reader):
    taken = reader.snapshot()
    addresses = taken.page_addresses()
    assert taken.n_bytes == len(addresses) * PAGE
    assert np.all(np.diff(addresses) > 0)
    assert taken.stopped_s >= 0


def test_the_process_goes_on_afterwards(child, reader):
    for _ in range(3):
        reader.snapshot()
        write(child, "still here")
    assert child.poll() is None


def test_own_files_are_read_whole_and_others_where_they_changed(tmp_path):
    own, shared = tmp_path / "own", tmp_path / "shared"
    for folder in (own / "deep", shared, shared / "mine"):
        folder.mkdir(parents=True)
    for path in (own / "deep" / "a", shared / "b", shared / "mine" / "c"):
        path.write_bytes(path.name.encode())
    place = Place((own,), (shared,), (shared / "mine",))
    changed = (shared / "b").stat().st_ctime
    assert set(place.paths(changed)) == {own / "deep" / "a", shared / "b"}
    assert set(place.paths(changed + 60)) == {own / "deep" / "a"}


def test_what_is_too_large_is_counted(tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    assert list(Place((), (tmp_path,)).paths(0.0)) == [MOST_BYTES + 1]


def test_a_file_without_a_name_is_read(tmp_path):
    path = tmp_path / "gone"
    path.write_bytes(b"x" * 5000)
    number = os.open(path, os.O_RDONLY)
    path.unlink()
    assert read_open(number).tobytes() == b"x" * 5000
    assert read_file(path) is None
