"""The three locks between a comparison and an alert.

1. *Threshold*: the passage's fused template is at least as similar as the authority allows.
2. *Agreement*: the shots compared so far, by their weight, point at the same person; one shot alone
   must clear the threshold by a surcharge.
3. *Margin*: the next different person is clearly less similar; kin and duplicates of the first do
   not count as different.

A lock that holds says so by name, in words that an operator or an auditor can read. Nothing here
claims an identity: what comes out is a *possible match*.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from overt.core.ids import EntryId, KinGroup

POSSIBLE_MATCH = "possible match"
"""The only words for what an alert says."""


@dataclass(frozen=True, slots=True)
class AlertRule:
    """What it takes to raise an alert. Signed into the capability.

    Attributes:
        threshold: least cosine similarity of the fused template, above 0 and below 1.
        min_agreeing_shots: how many shots must point at the person.
        lone_shot_surcharge: a passage with fewer shots must exceed the threshold by this much.
        min_margin: least distance in similarity to the next different person.
        repeat_within_s: a further match of one entry at one camera within this time is folded
            into the first alert.
    """

    threshold: float
    min_agreeing_shots: int = 2
    lone_shot_surcharge: float = 0.06
    min_margin: float = 0.03
    repeat_within_s: float = 60.0

    def __post_init__(self) -> None:
        """Check the ranges once, here."""
        if not 0 < self.threshold < 1:
            raise ValueError("the threshold lies between 0 and 1")
        if not 1 <= self.min_agreeing_shots <= 3:
            raise ValueError("one to three shots can be asked to agree")
        limits = (self.lone_shot_surcharge, self.min_margin, self.repeat_within_s)
        if not all(limit >= 0 for limit in limits):
            raise ValueError("surcharge, margin and time are not negative")


@dataclass(frozen=True, slots=True)
class Scored:
    """A candidate as the locks see it: who, how alike, and kin group if any."""

    entry: EntryId
    similarity: float
    kin: KinGroup | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one passage has shown so far.

    Attributes:
        candidates: of the fused template, most similar first.
        shot_leaders: the most similar candidate of each single shot.
        shot_weights: how much each of these shots can say, positive: a poor one has no veto.
    """

    candidates: Sequence[Scored]
    shot_leaders: Sequence[Scored]
    shot_weights: Sequence[float]


class Lock(Enum):
    """Which lock held; the values are what people and records read."""

    NOBODY = "nobody on the list could be compared"
    THRESHOLD = "below the threshold"
    AGREEMENT = "the shots do not agree"
    MORE_SHOTS = "one shot is not enough at this similarity"
    MARGIN = "two different people are about as similar"


@dataclass(frozen=True, slots=True)
class NoMatch:
    """No alert, and the lock that held."""

    held: Lock

    @property
    def wants_confirmation(self) -> bool:
        """Whether one more shot could open the lock."""
        return self.held is Lock.MORE_SHOTS


@dataclass(frozen=True, slots=True)
class PossibleMatch:
    """All three locks are open.

    Attributes:
        entry: who it may be.
        similarity: of the fused template.
        margin: to the next different person; None if nobody else could be compared.
        n_agreeing: shots that point at the entry.
    """

    entry: EntryId
    similarity: float
    margin: float | None
    n_agreeing: int


def decide(evidence: Evidence, rule: AlertRule) -> PossibleMatch | NoMatch:
    """Return whether the evidence opens all three locks under the rule.

    Each lock is asked whether it opens, never whether it holds: what is not a number opens none.
    """
    if not evidence.candidates:
        return NoMatch(Lock.NOBODY)
    first = evidence.candidates[0]
    clears_threshold = first.similarity >= rule.threshold
    if not clears_threshold:
        return NoMatch(Lock.THRESHOLD)
    shots = list(zip(evidence.shot_leaders, evidence.shot_weights, strict=True))
    agreeing = [weight for leader, weight in shots if _same_person(leader, first)]
    agrees = 2 * sum(agreeing) > sum(evidence.shot_weights)
    if not agrees:
        return NoMatch(Lock.AGREEMENT)
    margin = _margin(evidence.candidates)
    stands_apart = margin is None or margin >= rule.min_margin
    if not stands_apart:
        return NoMatch(Lock.MARGIN)
    enough = len(agreeing) >= rule.min_agreeing_shots
    if not enough and first.similarity < rule.threshold + rule.lone_shot_surcharge:
        return NoMatch(Lock.MORE_SHOTS)
    return PossibleMatch(first.entry, first.similarity, margin, len(agreeing))


def _margin(candidates: Sequence[Scored]) -> float | None:
    first = candidates[0]
    for other in candidates[1:]:
        if not _same_person(other, first):
            return first.similarity - other.similarity
    return None


def _same_person(one: Scored, other: Scored) -> bool:
    """Whether two candidates are one entry, or kin or duplicates of each other."""
    return one.entry == other.entry or (one.kin is not None and one.kin == other.kin)
