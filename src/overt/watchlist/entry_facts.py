"""What the rules may know of an entry, taken from its grounds and nothing else.

Invariants: age is computed from the recorded date of birth and never guessed; the rules see which
texts are there, not what they say.
"""

from dataclasses import fields
from datetime import UTC, date, datetime

from overt.policy.facts import EntryFacts
from overt.watchlist.grounds import Grounds


def entry_facts(
    grounds: Grounds,
    expires_utc: datetime | None,
    now_utc: datetime,
    named_authority: str | None = None,
) -> EntryFacts:
    """Return what the rules may know.

    Args:
        grounds: why the person is listed.
        expires_utc: from then on the entry is not compared.
        now_utc: decides what day it is, and so the person's age.
        named_authority: rank of whoever approved the person by name; None if nobody did.
    """
    today = now_utc.astimezone(UTC).date()
    return EntryFacts(
        category=grounds.category,
        image_source=grounds.image_source,
        filled=frozenset(each.name for each in fields(grounds) if getattr(grounds, each.name)),
        today=today,
        sensitivities=grounds.sensitivities,
        image_date=grounds.image_date,
        held_until=grounds.held_until,
        expires_utc=expires_utc,
        age_years=_age_years(grounds.date_of_birth, today),
        named_authority=named_authority,
    )


def _age_years(born: date | None, today: date) -> int | None:
    if born is None:
        return None
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
