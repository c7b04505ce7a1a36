"""Who is at the command line: whoever holds the private half of a registered key.

Invariants: nobody acts under a key that the register does not know, or that of somebody who was
struck off.
Must not: take anybody's word for who they are.
"""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.core.errors import PolicyError
from overt.deployment.keys import load_private_key
from overt.policy.roles import RULE, Person, Right, Scope, check_right
from overt.store.store import Store


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who acts, and the key that they sign with."""

    person: Person
    key: Ed25519PrivateKey = field(repr=False)


def act_as(store: Store, key_file: Path) -> Identity:
    """Return who holds the signing key in a file.

    Raises:
        InputError: the file is no signing key.
        IntegrityError: others can read it, or the register was altered.
        PolicyError: nobody in the register has this key, or they were struck off.
    """
    key = load_private_key(key_file)
    person = store.people.by_key(key.public_key().public_bytes_raw())
    if person is None:
        raise PolicyError("Nobody in the register of people here has this signing key.", (RULE,))
    if person.struck_off:
        raise PolicyError(
            f"{person.id} was struck off the register and may do nothing here.", (RULE,)
        )
    return Identity(person, key)


def require(identity: Identity, right: Right, scope: Scope | None = None) -> None:
    """Raise unless somebody may do something there.

    Raises:
        PolicyError: they may not; says which role may.
    """
    check_right(identity.person, right, scope).require()
