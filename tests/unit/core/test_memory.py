import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from overt.core.memory import ArrayPool, NotLocked, Protection, protected_zeros

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="asks Linux")


@pytest.fixture
def pool():
    return ArrayPool((3, 4), np.float32, n_at_once=2)


def test_an_array_is_zero_when_it_is_taken_and_after_it_was_given_back(pool):
    taken = pool.take()
    assert taken.shape == (3, 4)
    assert taken.dtype == np.float32
    assert not taken.any()
    taken.fill(7)
    pool.give_back(taken)
    assert not taken.any()


def test_two_who_take_never_have_the_same_array(pool):
    taken = [pool.take() for _ in range(7)]
    for number, each in enumerate(taken, start=1):
        each.fill(number)
    assert [float(each.mean()) for each in taken] == [1, 2, 3, 4, 5, 6, 7]
    assert pool.n_in_use == 7
    for each in taken:
        pool.give_back(each)
    assert pool.n_in_use == 0


def test_what_was_given_back_is_used_again(pool):
    first = [pool.take(), pool.take()]
    for each in first:
        pool.give_back(each)
    again = pool.take()
    assert any(np.shares_memory(again, each) for each in first)


def flags_of(address):
    """Return the kernel's flags of the mapping that holds an address."""
    mapping = None
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if found := re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line):
            mapping = int(found[1], 16) <= address < int(found[2], 16)
        elif mapping and line.startswith("VmFlags:"):
            return line.split()[1:]
    return []


@LINUX
def test_protected_pages_are_left_out_of_dumps_and_of_forked_processes():
    array = protected_zeros((100, 100), np.uint8)
    flags = flags_of(array.ctypes.data)
    assert {"dd", "wf"} <= set(flags)


PROTECTED = """
import ctypes, resource
from overt.core.memory import protect_process
done = protect_process()
assert protect_process() == done
print(done.core_dumps_off, done.memory_locked, done.reason)
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
locked = [l for l in open("/proc/self/status") if l.startswith("VmLck")][0].split()[1]
print(int(locked) > 0)
"""


@LINUX
def test_a_protected_process_leaves_no_core_dump():
    done = subprocess.run(
        [sys.executable, "-c", PROTECTED], capture_output=True, text=True, check=True
    )
    said, limits, locked = done.stdout.splitlines()
    core_dumps_off, memory_locked, reason = said.split()
    assert core_dumps_off == "True"
    assert limits == "(0, 0) 0"
    assert (memory_locked == "True") == (reason == "None")
    assert memory_locked == "False" or locked == "True"


UNPRIVILEGED = """
import os, resource
resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 16, 1 << 16))
if os.getuid() == 0:
    os.setuid(65534)
from overt.core.memory import protect_process
import numpy as np
print(protect_process().reason)
x = np.zeros(1 << 24)  # no allocation fails for want of a right to lock
"""


@LINUX
def test_where_the_limit_forbids_it_that_is_said_and_nothing_fails():
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED], capture_output=True, text=True, check=False
    )
    if "Permission" in done.stderr or "ModuleNotFound" in done.stderr:
        pytest.skip("the interpreter cannot be read by another account")
    assert done.stdout.strip() == "limit", done.stderr


@pytest.mark.parametrize("reason", [*NotLocked])
def test_an_operator_is_told_what_the_system_does_not_allow(reason):
    assert "swap" in Protection(core_dumps_off=True, memory_locked=False, reason=reason).in_words


def test_an_operator_is_told_nothing_where_all_is_done():
    assert Protection(core_dumps_off=True, memory_locked=True, reason=None).in_words is None
    said = Protection(core_dumps_off=False, memory_locked=True, reason=None).in_words
    assert "ore dumps" in said
