"""Policy packs in the store: adopted by whoever may, checked at every read, all on record."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.core.errors import AuthorityError, InputError, IntegrityError, PolicyError
from overt.core.ids import PersonId, Sha256
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.roles import Grant, Person, Role
from overt.policy.signing import key_id, sign_pack
from overt.store.store import DATABASE_NAME, Store

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
PACK = (Path(__file__).parents[3] / "policies" / "uk-police.toml").read_bytes()
NEWER = PACK.replace(b'version = "2026.1"', b'version = "2026.2"')
KEYS = {name: Ed25519PrivateKey.generate() for name in ("admin", "chief", "super", "operator")}


def person(name, rank, role):
    key = KEYS[name].public_key().public_bytes_raw()
    return Person(PersonId(f"{name}-1"), rank, "Avon", (Grant(role),), key)


@pytest.fixture
def force(store):
    """A store whose register has somebody who may sign policy, and some who may not."""
    admin = PersonId("admin-1")
    store.people.save(person("admin", "civilian", Role.ADMINISTRATOR), None, NOW)
    for name, rank, role in (
        ("chief", "assistant-chief-constable", Role.AUTHORISING_OFFICER),
        ("super", "superintendent", Role.AUTHORISING_OFFICER),
        ("operator", "chief-constable", Role.OPERATOR),
    ):
        store.people.save(person(name, rank, role), admin, NOW)
    return store


def adopt(store, data=PACK, who="chief", signed_with=None, now=NOW):
    signature = sign_pack(data, KEYS[signed_with or who])
    return store.policies.adopt(data, signature, PersonId(f"{who}-1"), now)


def last_record(store):
    return LedgerRecord.parse(list(store.ledger.records())[-1])


def test_an_adopted_pack_is_in_force_with_its_record(force):
    adopted = adopt(force)
    assert adopted.pack.id == "uk-police"
    assert adopted.key_id == key_id(KEYS["chief"].public_key())
    assert force.policies.find("uk-police") == adopted
    assert force.policies.get(adopted.pack.sha256) == adopted
    assert force.policies.list() == (adopted,)
    assert last_record(force).body == {
        "pack": "uk-police",
        "pack_version": "2026.1",
        "pack_sha256": adopted.pack.sha256,
        "by": "chief-1",
        "key_id": adopted.key_id,
    }
    force.verify()


def test_what_was_never_adopted_is_absent(force):
    assert force.policies.find("uk-police") is None
    assert force.policies.get(Sha256("0" * 64)) is None
    assert force.policies.list() == ()


def test_the_pack_adopted_last_is_in_force_even_if_the_clock_went_back(force):
    adopt(force, PACK)
    adopt(force, NEWER, now=NOW - timedelta(days=3))
    assert force.policies.find("uk-police").pack.version == "2026.2"
    adopt(force, PACK, now=NOW - timedelta(days=9))
    assert force.policies.find("uk-police").pack.version == "2026.1"
    assert [each.pack.version for each in force.policies.list()] == ["2026.2", "2026.1"]
    force.verify()


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"who": "super"}, PolicyError, "An assistant chief constable or above signs the policy"),
        ({"who": "operator"}, PolicyError, "may not sign the policy"),
        ({"who": "chief", "signed_with": "super"}, AuthorityError, "not trusted"),
        ({"data": b"format = 1"}, InputError, "policy pack"),
    ],
)
def test_what_does_not_fit_is_not_kept(force, asked, error, said):
    """Whoever may not sign is on record as refused, and that is all."""
    before = list(force.ledger.records())
    with pytest.raises(error, match=said):
        adopt(force, **asked)
    assert force.policies.list() == ()
    added = [LedgerRecord.parse(data).kind for data in force.ledger.records()][len(before) :]
    assert added == [RecordKind.ACT_DENIED] * (error is PolicyError)


def test_somebody_unknown_or_struck_off_adopts_nothing(force):
    signature = sign_pack(PACK, KEYS["chief"])
    with pytest.raises(PolicyError, match="not in the register"):
        force.policies.adopt(PACK, signature, PersonId("nobody-1"), NOW)
    chief = force.people.entry(PersonId("chief-1"))
    gone = Person(
        chief.person.id,
        chief.person.rank,
        "Avon",
        chief.person.grants,
        chief.person.public_key,
        struck_off=True,
    )
    force.people.save(gone, PersonId("admin-1"), NOW, replaces=chief.version)
    with pytest.raises(PolicyError, match="struck off"):
        adopt(force)


def test_a_pack_stays_in_force_when_its_signer_leaves(force):
    adopt(force)
    chief = force.people.entry(PersonId("chief-1"))
    gone = Person(
        chief.person.id,
        chief.person.rank,
        "Avon",
        chief.person.grants,
        chief.person.public_key,
        struck_off=True,
    )
    force.people.save(gone, PersonId("admin-1"), NOW, replaces=chief.version)
    assert force.policies.find("uk-police") is not None
    force.verify()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE policy_packs SET toml = CAST(REPLACE(toml, 'max_h = 12', 'max_h = 9') AS BLOB)",
        "UPDATE policy_packs SET signature = x'00'",
        "UPDATE policy_packs SET signed_by = 'super-1'",
        "UPDATE policy_packs SET signed_by = 'nobody-1'",
        "UPDATE policy_packs SET pack_id = 'other'",
        "UPDATE policy_packs SET version = '9'",
    ],
)
def test_an_altered_pack_is_found_at_the_next_read(force, home, damage):
    sha256 = adopt(force).pack.sha256
    with sqlite3.connect(home / DATABASE_NAME) as database:
        database.execute(damage)
    database.close()
    with pytest.raises(IntegrityError):
        force.policies.get(sha256)
    with pytest.raises(IntegrityError):
        force.policies.list()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM policy_packs",
        "UPDATE policy_packs SET adopted_utc = '2000-01-01T00:00:00Z' WHERE version = '2026.2'",
    ],
)
def test_a_pack_that_was_taken_away_or_revived_is_found_against_the_ledger(force, home, damage):
    adopt(force, PACK)
    adopt(force, NEWER)
    force.verify()
    with sqlite3.connect(home / DATABASE_NAME) as database:
        database.execute(damage)
    database.close()
    with pytest.raises(IntegrityError, match="policy packs"):
        force.verify()


def test_a_pack_outlives_the_process(force, home, clock):
    adopted = adopt(force)
    force.close()
    with Store.open(home, clock) as opened:
        assert opened.policies.find("uk-police") == adopted
