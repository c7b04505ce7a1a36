"""What more than one folder of tests needs; the fixtures themselves are in ``tests/fixtures``."""

import signal

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


def pytest_configure() -> None:
    """Let interrupts through to what tests start.

    What a shell starts in the background is born ignoring SIGINT, and so is what that starts.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-docs",
        action="store_true",
        help="rewrite the generated parts of the documentation instead of comparing them",
    )
