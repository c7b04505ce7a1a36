"""Two processes that take one step of one alert: one wins, the other is told."""

import subprocess
import sys
import textwrap

import pytest

from overt.alerts.lifecycle import AlertEvent
from overt.alerts.steps import StepRequest, StepRules
from overt.core.clock import SystemClock
from overt.core.ids import PersonId
from overt.policy.roles import Grant, Person, Role
from overt.policy.verdict import ALLOWED
from overt.store.store import Store

OFFICER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from overt.alerts.lifecycle import AlertEvent
    from overt.alerts.steps import StepRequest, StepRules
    from overt.core.clock import SystemClock
    from overt.core.errors import StateError
    from overt.policy.verdict import ALLOWED
    from overt.store.store import Store

    home, url, alert, person, event = sys.argv[1:]
    rules = StepRules(1, 100, lambda facts: ALLOWED)
    with Store.open(Path(home), SystemClock(), None, url or None) as store:
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            store.alert_steps.take(alert, StepRequest(AlertEvent(event)), person, rules)
        except StateError:
            sys.exit(StateError.exit_code)
    """
)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def true_alert(home, examples):
    """An alert that was adjudicated true, in a store that two officers may write to."""
    clock = SystemClock()
    with Store.open(home, clock) as store:
        by = None
        for name, role in (
            ("ad-1", Role.ADMINISTRATOR),
            ("eo-1", Role.ENGAGEMENT_OFFICER),
            ("eo-2", Role.ENGAGEMENT_OFFICER),
        ):
            key = name.encode().ljust(32, b".")
            person = Person(PersonId(name), "pc", "East", (Grant(role),), key)
            store.people.save(person, by, clock.now_utc())
            by = PersonId("ad-1")
        run = store.run()
        run.start(examples.run())
        alert = examples.alert()
        run.raise_alert(alert, examples.pictures())
        rules = StepRules(1, 100, lambda facts: ALLOWED)
        request = StepRequest(AlertEvent.TRUE)
        store.alert_steps.take(alert.id, request, PersonId("eo-1"), rules)
    return alert.id


def test_of_two_processes_one_wins(home, database_url, true_alert):
    wishes = {"eo-1": "confirmed-true", "eo-2": "stood-down"}
    officers = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                OFFICER,
                str(home),
                database_url or "",
                true_alert,
                person,
                event,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for person, event in wishes.items()
    ]
    for officer in officers:
        assert officer.stdout.readline() == "ready\n"
    for officer in officers:
        officer.stdin.write("now\n")
        officer.stdin.flush()
    for officer in officers:
        officer.communicate()
    assert sorted(officer.returncode for officer in officers) == [0, 10]
    with Store.open(home, SystemClock()) as store:
        store.verify()
        first, second = store.alert_steps.steps_for(true_alert, None)
        assert first.event is AlertEvent.TRUE
        assert second.event == wishes[second.person]
