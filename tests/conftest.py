"""What more than one folder of tests needs; the fixtures themselves are in ``tests/fixtures``."""

import os
import signal
from pathlib import Path

import pytest

pytest_plugins = [
    "fixtures.clocks",  # first: others import it
    "fixtures.homes",
    "fixtures.studio",
    "fixtures.deployments",
    "fixtures.machine",
    "fixtures.lists",
    "fixtures.rtsp",
    "fixtures.postgresql",
]


IN_MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 2**30


def pytest_configure() -> None:
    """Let interrupts through to what tests start, and keep temporary folders in memory.

    What a shell starts in the background is born ignoring SIGINT, and so is what that starts.
    Thousands of stores are made and thrown away: none of their commits has to wait for a disk.
    """
    if has_room(IN_MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(IN_MEMORY))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def has_room(folder: Path) -> bool:
    """Whether tests can have their temporary folders there, and run what they write."""
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        return False
    about = os.statvfs(folder)
    is_large = about.f_bavail * about.f_frsize >= ROOM_BYTES
    return is_large and not about.f_flag & os.ST_NOEXEC


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-docs",
        action="store_true",
        help="rewrite the generated parts of the documentation instead of comparing them",
    )
