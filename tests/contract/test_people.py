"""What every register of people keeps to; on every database."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from fixtures.postgresql import both_databases, long_on_server
from overt.core.errors import InputError, IntegrityError, PolicyError, StateError
from overt.core.ids import CameraId, DeploymentId, PersonId, WatchlistId
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.roles import Grant, Person, Role

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

pytestmark = both_databases


@pytest.fixture
def store(open_store):
    with open_store() as opened:
        yield opened


def person(name, *roles, **changes):
    key = name.encode().ljust(32, b".")
    grants = tuple(Grant(role) for role in roles)
    return replace(Person(PersonId(name), "sergeant", "East", grants, key), **changes)


ADMIN = person("ad-1", Role.ADMINISTRATOR)
OFFICER = replace(
    person("eo-1"),
    grants=(
        Grant(Role.OPERATOR),
        Grant(
            Role.ENGAGEMENT_OFFICER,
            frozenset({DeploymentId("d-2"), DeploymentId("d-1")}),
            frozenset({WatchlistId("list")}),
            frozenset({CameraId("gate")}),
        ),
    ),
    independent=True,
)


@pytest.fixture
def people(store):
    store.people.save(ADMIN, None, NOON)
    return store.people


def test_people_come_back_as_they_were_registered(open_store):
    with open_store() as store:
        assert store.people.save(ADMIN, None, NOON) == 1
        assert store.people.save(OFFICER, ADMIN.id, NOON) == 1
    with open_store() as store:
        assert store.people.list() == (ADMIN, OFFICER)
        assert store.people.get(OFFICER.id) == OFFICER
        assert store.people.by_key(OFFICER.public_key) == OFFICER
        assert store.people.get(PersonId("nobody")) is None
        assert store.people.by_key(b"n" * 32) is None


def test_every_change_has_its_record(store, people):
    people.save(OFFICER, ADMIN.id, NOON)
    people.save(replace(OFFICER, rank="inspector"), ADMIN.id, NOON, replaces=1)
    bodies = [LedgerRecord.parse(record).body for record in store.ledger.records()]
    told = [(body["person"], body["version"], body["by"]) for body in bodies]
    assert told == [("ad-1", 1, None), ("eo-1", 1, "ad-1"), ("eo-1", 2, "ad-1")]
    assert len({body["document_sha256"] for body in bodies}) == 3
    assert people.entry(OFFICER.id).version == 2
    store.verify()


def test_nobody_unknown_changes_the_register(people):
    with pytest.raises(PolicyError, match="not in the register"):
        people.save(OFFICER, PersonId("nobody"), NOON)
    with pytest.raises(PolicyError, match="Only the first"):
        people.save(OFFICER, None, NOON)
    assert people.list() == (ADMIN,)


def test_what_is_refused_leaves_the_refusal_alone(store, people):
    n_before = store.verify().n_records
    people_like = (person("ad-2", Role.ADMINISTRATOR, Role.ANALYST), person("x-1"))
    for refused in people_like:
        with pytest.raises(PolicyError):
            people.save(refused, ADMIN.id, NOON)
    store.verify()
    left = [LedgerRecord.parse(each).kind for each in store.ledger.records(n_before)]
    assert set(left) <= {RecordKind.ACT_DENIED}
    assert people.list() == (ADMIN,)


def test_a_key_stands_for_one_person_for_good(people):
    people.save(OFFICER, ADMIN.id, NOON)
    people.save(replace(OFFICER, struck_off=True), ADMIN.id, NOON, replaces=1)
    reused = person("eo-2", Role.OPERATOR, public_key=OFFICER.public_key)
    with pytest.raises(StateError, match="another person's"):
        people.save(reused, ADMIN.id, NOON)
    assert people.by_key(OFFICER.public_key).struck_off


def test_an_id_is_taken_once(people):
    people.save(OFFICER, ADMIN.id, NOON)
    with pytest.raises(StateError, match="already"):
        people.save(person("eo-1", Role.ANALYST), ADMIN.id, NOON)


def test_of_two_changes_of_one_entry_the_second_is_told(people):
    people.save(OFFICER, ADMIN.id, NOON)
    seen = people.entry(OFFICER.id)
    people.save(replace(seen.person, rank="a"), ADMIN.id, NOON, replaces=seen.version)
    with pytest.raises(StateError, match="in the meantime"):
        people.save(replace(seen.person, rank="b"), ADMIN.id, NOON, replaces=seen.version)
    assert people.get(OFFICER.id).rank == "a"


@long_on_server
@pytest.mark.parametrize(
    "changes",
    [
        {"id": PersonId("Eo 1")},
        {"id": PersonId("")},
        {"rank": ""},
        {"organisation": " East"},
        {"organisation": "a\nb"},
        {"organisation": "x" * 101},
        {"public_key": b"short"},
        {"grants": (Grant(Role.OPERATOR, frozenset()),)},
        {"grants": (Grant(Role.OPERATOR, frozenset({DeploymentId("d" * 65)})),)},
        {
            "grants": tuple(
                Grant(Role.OPERATOR, frozenset({DeploymentId(f"d{n}")})) for n in range(101)
            )
        },
    ],
)
def test_what_has_no_form_is_refused(people, changes):
    with pytest.raises(InputError):
        people.save(replace(OFFICER, **changes), ADMIN.id, NOON)


# The register as others may have altered it


@pytest.fixture
def tamper(alter, people):
    people.save(OFFICER, ADMIN.id, NOON)

    def do(statement, *parameters):
        assert alter(statement, *parameters) > 0

    return do


@long_on_server
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE people SET version = 2 WHERE id = 'eo-1'",
        "DELETE FROM people WHERE id = 'eo-1'",
        "INSERT INTO people VALUES ('eo-2', 'k', 1, x'7b7d')",
    ],
)
def test_an_altered_register_does_not_match_the_ledger(store, tamper, statement):
    store.verify()
    tamper(statement)
    with pytest.raises(IntegrityError, match="does not match the ledger"):
        store.verify()


def test_an_altered_entry_is_found_even_if_it_reads_well(store, tamper):
    tamper(
        "UPDATE people SET document = CAST(replace(CAST(document AS TEXT), 'operator', 'analyst') "
        "AS BLOB) WHERE id = 'eo-1'"
    )
    assert Role.ANALYST in {grant.role for grant in store.people.get(OFFICER.id).grants}
    with pytest.raises(IntegrityError, match="does not match the ledger"):
        store.verify()


@long_on_server
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE people SET document = x'7b7d' WHERE id = 'eo-1'",
        (
            "UPDATE people SET document = (SELECT document FROM people WHERE id = 'ad-1') "
            "WHERE id = 'eo-1'"
        ),
        "UPDATE people SET key_id = 'another' WHERE id = 'eo-1'",
    ],
)
def test_an_entry_that_does_not_fit_its_place_is_not_read(store, tamper, statement):
    tamper(statement)
    with pytest.raises(IntegrityError, match="register of people"):
        store.people.get(OFFICER.id)
