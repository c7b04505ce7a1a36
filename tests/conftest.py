"""What more than one folder of tests needs; the fixtures themselves are in ``tests/fixtures``."""

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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-docs",
        action="store_true",
        help="rewrite the generated parts of the documentation instead of comparing them",
    )
