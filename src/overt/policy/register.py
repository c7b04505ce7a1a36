"""Which change to the register of people is allowed: pure rules over who is there and who asks.

    first person      an administrator, registered by nobody
    everybody else    registered, changed and struck off by an administrator, never by themselves

Invariants: nobody grants themself anything; whoever manages people does nothing else in Overt, and
an auditor does nothing but audit; a key stands for one person for good; being struck off is for
good; there is always an administrator left.
Must not: know of ranks, or whether two entries are one human being; that is for those who keep the
register to see to.
"""

from collections.abc import Collection

from overt.policy.roles import Person, Right, Role, Scope, check_right
from overt.policy.verdict import ALLOWED, Finding, Verdict

RULE = "register"
SOURCE = "Overt's design: nobody grants themself a right"
APART = frozenset({Role.ADMINISTRATOR, Role.AUDITOR})
"""Roles that a person has alone or not at all."""


def check_entry(person: Person) -> Verdict:
    """Return whether an entry is one that the register may hold, whoever asks."""
    roles = {grant.role for grant in person.grants}
    if not roles:
        return _refused(f"{person.id} would have no role; give one, or strike the person off")
    if len(roles) > 1 and roles & APART:
        apart = " or ".join(sorted(roles & APART))
        return _refused(f"Somebody who is {apart} can have no other role")
    if len(set(person.grants)) != len(person.grants):
        return _refused("A role is granted twice for the same things")
    unlimited = all(
        grant.deployments is None and grant.watchlists is None and grant.cameras is None
        for grant in person.grants
        if grant.role is Role.ADMINISTRATOR
    )
    if not unlimited:
        return _refused("The register is one: an administrator cannot be limited to a part of it")
    return ALLOWED


def check_change(
    registered: Collection[Person], before: Person | None, after: Person, by: Person | None
) -> Verdict:
    """Return whether somebody may replace ``before`` by ``after``, and if not, why.

    Args:
        registered: everybody in the register, as it stands before the change.
        before: the entry that is replaced; None for a new person.
        after: the entry as it is to stand.
        by: who asks; None if there is nobody yet who could.
    """
    asked = _check_asker(registered, after, by)
    return asked & check_entry(after) & _check_same(before, after) & _check_left(registered, after)


def _check_asker(registered: Collection[Person], after: Person, by: Person | None) -> Verdict:
    if by is None:
        if registered:
            return _refused(
                "Only the first person is registered by nobody; whoever registers this one has to "
                "say who they are"
            )
        return ALLOWED
    if by.id == after.id:
        return _refused(f"{by.id} cannot change their own entry; another administrator can")
    return check_right(by, Right.MANAGE_PEOPLE, Scope())


def _check_same(before: Person | None, after: Person) -> Verdict:
    if before is None:
        return ALLOWED
    if before.struck_off:
        return _refused(
            f"{before.id} was struck off, which is for good; register the person anew, with a new "
            f"id and key"
        )
    if before.public_key != after.public_key:
        return _refused(
            f"The key of {before.id} cannot be replaced, since past signatures stand by it; strike "
            f"the entry off and register the person anew"
        )
    return ALLOWED


def _check_left(registered: Collection[Person], after: Person) -> Verdict:
    others = any(_administers(person) for person in registered if person.id != after.id)
    if others or _administers(after):
        return ALLOWED
    if registered:
        return _refused("The last administrator can be neither struck off nor given another role")
    return _refused("The first person in the register must be an administrator")


def _administers(person: Person) -> bool:
    return bool(person.roles_for(Right.MANAGE_PEOPLE, Scope()))


def _refused(reason: str) -> Verdict:
    return Verdict((Finding(RULE, SOURCE, reason),))
