"""A force at its command line: people with key files, a pack in force, a frozen list, a form."""

import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.cli.demo_force import DemoForce
from overt.core.clock import SystemClock
from overt.core.ids import PersonId
from overt.policy.roles import Grant, Person, Role
from overt.store.store import Store

LONG = "A text that is long enough for every rule, since it says again and again what it says. " * 2
FORM = """
[deployment]
id = "d-1"
title = "An afternoon at the gate"
use_case = "missing-person-hotspot"
policy = "uk-police"
watchlist = "the-list"
is_protest = false

[place]
name = "The gate"
polygon = [[-0.001, -0.001], [0.001, -0.001], [0.001, 0.001], [-0.001, 0.001]]
rationale = "LONG"
hotspot_evidence = "HOT-2026-7"

[window]
start = START
end = END

[threshold]
one_in = 1000

[reasons]
legitimate_aim = "LONG"
necessity = "LONG"
proportionality = "LONG"
less_intrusive = "LONG"
community_impact = "LONG"
vulnerable_people = "LONG"

[notice]
exception_reason = "LONG"
signage = "At every corner."

[[camera]]
name = "gate"
position = [0.0, 0.0]
zone_of_recognition = "From the steps to the kerb."

[[officer]]
person = "demo-operator-1"
role = "operator"

[[officer]]
person = "demo-engagement-officer-1"
role = "engagement-officer"

[[document]]
kind = "dpia"
title = "Impact on data protection"
path = "dpia.pdf"
issued = DAY

[[document]]
kind = "equality-impact"
title = "Impact on equality"
path = "equality.pdf"
issued = DAY

[[document]]
kind = "appropriate-policy"
title = "Appropriate policy"
path = "policy.pdf"
issued = DAY
valid_until = 2199-01-01
"""
REPORT = f"""
reason_for_ending = "{LONG}"
result = "{LONG}"
public_reaction = "{LONG}"
incidents = "{LONG}"
lessons = "{LONG}"
"""


@dataclass
class Office:
    """Where a force works: its home, its people's key files, and the files that it writes."""

    home: Path
    folder: Path
    force: DemoForce

    def key(self, name: str) -> Path:
        """Return somebody's signing key as ``--as`` takes it."""
        path = self.folder / f"{name}.key"
        if not path.exists():
            form, bare = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            key = self.force.key_of(PersonId(name))
            path.touch(0o600)
            path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, bare))
        return path

    def register(self, name: str, role: Role, rank: str, **changes) -> Path:
        """Register another person and return their signing key."""
        key = Ed25519PrivateKey.generate()
        self.force._keys[PersonId(name)] = key
        public = key.public_key().public_bytes_raw()
        fields = {"rank": rank, "organisation": "the force", "grants": (Grant(role),)}
        person = Person(id=PersonId(name), public_key=public, **(fields | changes))
        with self.store() as store:
            now_utc = SystemClock().now_utc()
            store.people.save(person, PersonId("demo-administrator"), now_utc)
        return self.key(name)

    def strike_off(self, name: str) -> None:
        with self.store() as store:
            entry = store.people.entry(PersonId(name))
            gone = replace(entry.person, struck_off=True)
            by, now_utc = PersonId("demo-administrator"), SystemClock().now_utc()
            store.people.save(gone, by, now_utc, replaces=entry.version)

    def store(self) -> Store:
        return Store.open(self.home, SystemClock())

    def form(
        self, *changes: tuple[str, str], starts=timedelta(0), lasts=timedelta(hours=2)
    ) -> Path:
        """Write the form, with these texts replaced."""
        start = datetime.now(UTC) + starts
        text = FORM.replace("LONG", LONG).replace("DAY", start.date().isoformat())
        text = text.replace("START", start.isoformat()).replace("END", (start + lasts).isoformat())
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = self.folder / "application.toml"
        path.write_text(text, "utf-8")
        return path

    def report(self) -> Path:
        path = self.folder / "report.toml"
        path.write_text(REPORT, "utf-8")
        return path


@pytest.fixture(scope="session")
def made_office(tmp_path_factory, watchlist, pack_toml):
    """A force with a frozen list, made once: each test has a copy."""
    home = tmp_path_factory.mktemp("office") / "home"
    with Store.open(home, SystemClock()) as store:
        force = DemoForce(store, SystemClock(), pack_toml)
        force.list_people(watchlist)
    return home, force


@pytest.fixture
def office(home, tmp_path, made_office) -> Office:
    folder = tmp_path / "office"
    folder.mkdir()
    for name in ("dpia", "equality", "policy"):
        (folder / f"{name}.pdf").write_bytes(name.encode())
    shutil.copytree(made_office[0], home)
    return Office(home, folder, made_office[1])


@pytest.fixture
def typed(command, office, prepared_homes, monkeypatch):
    """Type commands, each as somebody, at a copy of a home where that was done before."""

    def do(name, *commands):
        def make(place):
            office.home.rename(place)
            with monkeypatch.context() as there:
                there.setenv("OVERT_HOME", str(place))
                for who, *words in commands:
                    ran = command(*words, "--as", office.key(who))
                    assert ran.returncode == 0, ran.stderr

        prepared_homes.copy((name, office.force), make, office.home)
        return office

    return do


@pytest.fixture
def submitted(office, typed):
    """An application that was submitted."""
    return typed(
        "submitted",
        ("demo-requester", "deployment", "apply", office.form()),
        ("demo-requester", "deployment", "submit", "d-1"),
    )


@pytest.fixture
def authorised_office(submitted, typed):
    """An application that was authorised."""
    return typed("authorised", ("demo-authoriser", "deployment", "authorise", "d-1", "--yes"))


@pytest.fixture
def act(command, office):
    """Take a step as somebody, which must succeed."""

    def do(step, who, *options, deployment="d-1"):
        ran = command("deployment", step, deployment, "--as", office.key(who), *options)
        assert ran.returncode == 0, ran.stderr
        return ran

    return do


@pytest.fixture(scope="session")
def check_published():
    """Check a document against a published schema; that those are schemas is tested elsewhere."""

    @cache
    def validator(name):
        path = Path(__file__).parents[3] / "docs" / "specs" / f"{name}.schema.json"
        return jsonschema.Draft202012Validator(json.loads(path.read_bytes()))

    return lambda name, document: validator(name).validate(document)


@pytest.fixture
def deployment_shown(command, check_published):
    """Return what ``show --json`` prints, which fits the published schema."""

    def do(deployment="d-1"):
        ran = command("deployment", "show", deployment, "--json")
        assert ran.returncode == 0, ran.stderr
        check_published("deployment", ran.json)
        return ran.json

    return do
