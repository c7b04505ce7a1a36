"""Who is at the command line: whoever holds the private half of a registered key.

Invariants: nobody acts under a key that the register does not know, or that of somebody who was
struck off; whoever is refused is refused on record.
Must not: take anybody's word for who they are.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.core.errors import PolicyError
from overt.deployment.keys import load_private_key
from overt.policy.roles import RULE, Person, Right, Scope, check_right
from overt.store.store import Store

ACT: Final = "act under a signing key"


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who acts, the key that they sign with, and the store that they act in."""

    person: Person
    key: Ed25519PrivateKey = field(repr=False)
    store: Store = field(repr=False)


def act_as(store: Store, key_file: Path) -> Identity:
    """Return who holds the signing key in a file.

    Raises:
        InputError: the file is no signing key.
        IntegrityError: others can read it, or the register was altered.
        PolicyError: nobody in the register has this key, or they were struck off; on record.
        StorageError: a refusal could not be recorded.
    """
    key = load_private_key(key_file)
    person = store.people.by_key(key.public_key().public_bytes_raw())
    with store.looks.recording_refusals(ACT, None if person is None else person.id):
        if person is None:
            raise PolicyError(
                "Nobody in the register of people here has this signing key.", (RULE,)
            )
        if person.struck_off:
            raise PolicyError(
                f"{person.id} was struck off the register and may do nothing here.", (RULE,)
            )
    return Identity(person, key, store)


def require(identity: Identity, right: Right, scope: Scope | None = None) -> None:
    """Raise unless somebody may do something there.

    Raises:
        PolicyError: they may not; says which role may; on record.
        StorageError: a refusal could not be recorded.
    """
    person = identity.person
    with identity.store.looks.recording_refusals(right, person.id, scope):
        check_right(person, right, scope).require()
