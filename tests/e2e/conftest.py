"""A machine that is ready for a deployment, and ``overt`` as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization

from overt.core.clock import SystemClock
from overt.deployment.capability import sign
from overt.store.store import Store


@pytest.fixture
def trusted(home, signing_key):
    """Make the signing key known to the node."""
    folder = home / "authority"
    folder.mkdir(parents=True)
    (folder / "office.pub").write_bytes(
        signing_key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


@pytest.fixture
def listed(home, watchlist):
    """Keep the watchlist on the node."""
    with Store.open(home, SystemClock()) as store:
        store.watchlists.save(watchlist)


@pytest.fixture
def valid_capability(capability_of, models, watchlist):
    """A capability for the list and the models in hand, for the hour around now."""
    now = datetime.now(UTC).replace(microsecond=0)
    return capability_of(
        not_before_utc=now - timedelta(minutes=30),
        not_after_utc=now + timedelta(minutes=30),
        watchlist_sha256=watchlist.manifest_sha256,
        detector_sha256=models.detector_sha256,
        contract=models.contract,
        issued_utc=now,
    )


@pytest.fixture
def capability_file(tmp_path, valid_capability, signing_key):
    """Write a signed capability with changes; return its path."""

    def do(key=signing_key, **changes):
        path = tmp_path / "capability.json"
        path.write_bytes(sign(replace(valid_capability, **changes), key))
        return path

    return do


@pytest.fixture
def environment(home):
    return os.environ | {"OVERT_HOME": str(home), "COLUMNS": "200"}


@pytest.fixture
def start_overt(environment):
    """Start ``overt`` as a process; it is ended with the test."""
    started = []

    def do(*arguments, **more):
        process = subprocess.Popen(
            [sys.executable, "-c", "from overt.cli.main import main; main()", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment | more,
        )
        started.append(process)
        return process

    yield do
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def interrupt_when():
    """Send Ctrl-C to a process once something is true; return its output."""

    def do(process, condition, number=signal.SIGINT):
        until = time.monotonic() + 60
        while not condition():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(number)
        return process.communicate(timeout=60)

    return do


@pytest.fixture
def ran_of(ran):
    """Wait for a process; return what it came to."""

    def do(process):
        stdout, stderr = process.communicate(timeout=120)
        return ran(process.returncode, stdout, stderr)

    return do
