"""A witness that is killed, or started twice, still tells one history."""

import fcntl
import itertools
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from fixtures.logs import Log, records
from overt.cli.ledger_witness_folder import WitnessFolder
from overt.ledger.cosignature import Cosigner
from overt.ledger.witness import Cosigned, Reason, Refused, add_checkpoint

LOG = Log("example.com/log", records(40))
FORK = Log("example.com/log", records(40, first=b"altered"))
NOW_S = 1_800_000_000


@pytest.fixture
def watch(tmp_path):
    """Watch the log."""

    def do():
        with WitnessFolder(tmp_path / "witness").locked() as kept:
            kept.add_key("example.com/log", LOG.signer.verifier)

    return do


@pytest.fixture
def state(tmp_path, watch):
    WitnessFolder.create(tmp_path / "witness", "witness.example/w")
    watch()
    return tmp_path / "witness"


# Everything that a process does to the disk, and the moment after it; then the signature.
DYING = textwrap.dedent(
    """
    import os, pathlib, signal, sys
    from overt.cli.ledger_witness_folder import WitnessFolder
    from overt.ledger.cosignature import Cosigner
    from overt.ledger.witness import add_checkpoint

    state, request, dies_at = sys.argv[1:]
    left = int(dies_at)

    def die_at(real):
        def count(*arguments, **options):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            done = real(*arguments, **options)
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return done
        return count

    folder = WitnessFolder(pathlib.Path(state))
    cosigner = folder.cosigner()
    os.open, os.fsync = die_at(os.open), die_at(os.fsync)
    pathlib.Path.replace = die_at(pathlib.Path.replace)
    Cosigner.cosign = die_at(Cosigner.cosign)
    with folder.locked() as kept:
        answer = add_checkpoint(open(request, "rb").read(), kept, cosigner, 1_800_000_000)
    print(answer.line, flush=True)
    """
)


def moment(state, request, dies_at):
    arguments = [sys.executable, "-c", DYING, str(state), str(request), str(dies_at)]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_kill_9_at_any_moment_never_lets_two_histories_be_cosigned(state, watch, tmp_path):
    (tmp_path / "request").write_bytes(LOG.request(0, 5))
    sizes = []
    for dies_at in itertools.count(1):
        for path in (state / "logs").iterdir():
            path.unlink()
        watch()
        done = moment(state, tmp_path / "request", dies_at)
        if done.returncode == 0:
            break
        assert (done.returncode, done.stdout) == (-signal.SIGKILL, ""), done.stderr
        folder = WitnessFolder(state)
        with folder.locked() as kept:
            sizes.append(kept.watched("example.com/log").size)
            ask = [kept, folder.cosigner(), NOW_S]
            # Whatever was kept is what is gone on with; the other history comes too late.
            assert isinstance(add_checkpoint(LOG.request(sizes[-1], 5), *ask), Cosigned)
            refused = add_checkpoint(FORK.request(5, 5), *ask)
            assert isinstance(refused, Refused)
            assert refused.reason is Reason.FORK
    assert done.stdout.startswith("\u2014 witness.example/w ")
    # Nothing was kept until the file was replaced, and everything from then on.
    assert sizes == sorted(sizes)
    assert {0, 5} == set(sizes)
    assert sizes.count(5) > 2


def test_what_was_seen_is_on_the_disk_before_the_signature_is_made(state, monkeypatch):
    done = []
    for owner, name in (
        (os, "fsync"),
        (os, "replace"),
        (type(state), "replace"),
        (Cosigner, "cosign"),
    ):
        real = getattr(owner, name)

        def noted(*arguments, _real=real, _name=name, **options):
            done.append(_name)
            return _real(*arguments, **options)

        monkeypatch.setattr(owner, name, noted)
    folder = WitnessFolder(state)
    with folder.locked() as kept:
        add_checkpoint(LOG.request(0, 5), kept, folder.cosigner(), NOW_S)
    assert done.count("cosign") == 1
    assert done[-1] == "cosign"
    assert done.index("fsync") < done.index("replace") < len(done) - 2
    assert done[-2] == "fsync"


HOLDING = """
import pathlib, sys
from overt.cli.ledger_witness_folder import WitnessFolder
with WitnessFolder(pathlib.Path(sys.argv[1])).locked():
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_second_process_waits_for_the_first(state):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout.readline() == "held\n"
    lock = os.open(state / "witness.lock", os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    holder.communicate("go\n")
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(lock)


RACING = """
import pathlib, sys
from overt.cli.ledger_witness_folder import WitnessFolder
from overt.ledger.witness import add_checkpoint, Cosigned
folder = WitnessFolder(pathlib.Path(sys.argv[1]))
for request in sys.argv[2:]:
    with folder.locked() as kept:
        answer = add_checkpoint(open(request, "rb").read(), kept, folder.cosigner(), 1_800_000_000)
    if isinstance(answer, Cosigned):
        print(answer.checkpoint.size, answer.checkpoint.root.hex(), flush=True)
"""


def test_of_two_histories_that_race_one_is_cosigned(state, tmp_path):
    started = []
    for name, log in (("log", LOG), ("fork", FORK)):
        paths = []
        for size in range(1, 40):
            path = tmp_path / f"{name}-{size}"
            path.write_bytes(log.request(size - 1, size))
            paths.append(str(path))
        arguments = [sys.executable, "-c", RACING, str(state), *paths]
        started.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True))
    lines = [line for each in started for line in each.communicate()[0].splitlines()]
    cosigned = dict(line.split() for line in lines)
    assert len(cosigned) == len(lines) > 0
    assert any(
        all(log.root(int(size)).hex() == root for size, root in cosigned.items())
        for log in (LOG, FORK)
    )
