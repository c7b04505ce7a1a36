"""Two processes that take one step of one deployment: one wins, the other is told."""

import subprocess
import sys
import textwrap

import pytest
from cryptography.hazmat.primitives import serialization

from overt.core.clock import SystemClock
from overt.core.errors import StateError
from overt.core.ids import PersonId
from overt.deployment.life import LifeEvent, LifeState
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.store.store import Store

RACER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from overt.core.clock import SystemClock
    from overt.core.errors import StateError
    from overt.deployment import acts
    from overt.deployment.authorising import capability_for
    from overt.deployment.capability import sign
    from overt.policy.facts import Route
    from overt.store.store import Store

    home, url, wish, person, key = sys.argv[1:]
    clock = SystemClock()
    with Store.open(Path(home), clock, None, url or None) as store:
        def authority(life, situation):
            by = situation.find(person)
            asked = capability_for(life, situation.pack, Route.ORDINARY, by, clock.now_utc())
            signer = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(key))
            return acts.Authorise(Route.ORDINARY, sign(asked, signer))

        act = {
            "authorise": lambda: store.lives.ask("d-1", authority),
            "refuse": lambda: acts.Refuse("Because."),
            "go live": lambda: acts.GoLive(("gate",)),
        }[wish]()
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            store.lives.act("d-1", act, person)
        except StateError:
            sys.exit(StateError.exit_code)
    """
)


def race(home, url, force, wishes):
    """Let one process for each wish go at once; return the exit codes."""
    raw = (
        serialization.Encoding.Raw,
        serialization.PrivateFormat.Raw,
        serialization.NoEncryption(),
    )
    racers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                RACER,
                str(home),
                url or "",
                wish,
                person,
                force.key_of(PersonId(person)).private_bytes(*raw).hex(),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for wish, person in wishes
    ]
    for racer in racers:
        assert racer.stdout.readline() == "ready\n"
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    codes = [racer.wait(60) for racer in racers]
    for racer in racers:
        racer.stdin.close()
        racer.stdout.close()
    return codes


@pytest.mark.parametrize(
    ("wishes", "ready"),
    [
        pytest.param(
            [("authorise", "demo-authoriser"), ("authorise", "demo-chief")],
            False,
            marks=pytest.mark.slow,
        ),
        ([("authorise", "demo-authoriser"), ("refuse", "demo-chief")], False),
        ([("go live", "demo-operator-1"), ("go live", "demo-operator-1")], True),
    ],
    ids=["authorise-authorise", "authorise-refuse", "live-live"],
)
def test_of_two_processes_one_wins(
    home, database_url, authorised, examples, monkeypatch, wishes, ready
):
    with Store.open(home, SystemClock()) as store:
        if not ready:
            from overt.cli.demo_force import DemoForce

            monkeypatch.setattr(DemoForce, "authorise", lambda *_: None)
        found = authorised(store, SystemClock(), examples.watchlist(), ready=ready)
        n_before = found.life.version
    codes = race(home, database_url, found.force, wishes)
    assert sorted(codes) == [0, StateError.exit_code]
    winner = wishes[codes.index(0)]
    with Store.open(home, SystemClock()) as store:
        life = store.lives.get(found.id)
        store.verify()
        records = [LedgerRecord.parse(each) for each in store.ledger.records()]
    assert life.version == n_before + 1
    assert life.steps[-1].by == winner[1]
    assert (
        life.state
        is {
            "authorise": LifeState.AUTHORISED,
            "refuse": LifeState.REFUSED,
            "go live": LifeState.LIVE,
        }[winner[0]]
    )
    events = [r.body["event"] for r in records if r.kind is RecordKind.DEPLOYMENT_STEP]
    assert events.count(LifeEvent(winner[0])) == 1
