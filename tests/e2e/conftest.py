"""``overt`` as a process of its own."""

import os
import signal
import subprocess
import sys
import time

import pytest


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
