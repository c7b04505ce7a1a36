"""Rules on who may give authority: ranks, separation, the urgent route, co-signature, duration."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from overt.policy.pack_base import Hours, Rule, SomeWords, Word, Words
from overt.policy.phrases import a, counted, either, sentence, words


class RanksRule(Rule):
    """Which ranks there are.

    Attributes:
        ladder: lowest first.
        outside: ranks that are known but reach no rank of the ladder, such as of a lay member.
    """

    id: ClassVar = "ranks"
    title: ClassVar = "Ranks"
    ladder: SomeWords
    outside: Words

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            f"Ranks, lowest first: {words(self.ladder)}. "
            f"Known outside this order, and reaching no rank in it: {words(self.outside)}. "
            "Whoever has another rank can sign nothing."
        )


class AuthorisingRankRule(Rule):
    """Who authorises a deployment.

    Attributes:
        minimum: the lowest rank that may.
    """

    id: ClassVar = "authorising-rank"
    title: ClassVar = "Who authorises"
    minimum: Word

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            f"{sentence(a(self.minimum) + ' or above authorises a deployment')} "
            "The authority is signed over the place, the window, the cameras, the threshold and "
            "the watchlist's composition; if one of them changes it is void."
        )


class SeparationRule(Rule):
    """That nobody authorises what they asked for; written out, and never to be turned off.

    Attributes:
        authoriser_is_not_requester: as it says.
        cosigner_is_neither: the co-signer is neither requester nor authoriser.
        ratifier_did_not_authorise: whoever gave an urgent authority does not ratify it.
    """

    id: ClassVar = "separation"
    title: ClassVar = "Separation of people"
    authoriser_is_not_requester: Literal[True]
    cosigner_is_neither: Literal[True]
    ratifier_did_not_authorise: Literal[True]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            "Nobody authorises what they applied for. A co-signer is neither the requester nor the "
            "authoriser. An urgent authority is ratified neither by the requester nor by whoever "
            "gave it."
        )


class UrgentAuthorityRule(Rule):
    """The urgent route.

    Attributes:
        allowed: whether there is one.
        minimum_rank: the lowest rank that may use it.
        lasts_h: it stops so long after it was given, unless ratified.
        reason_required: whether the reason for urgency is recorded.
        refusal_deletes: whether a refused ratification deletes what was gathered.
    """

    id: ClassVar = "urgent-authority"
    title: ClassVar = "Urgent authority"
    allowed: bool
    minimum_rank: Word
    lasts_h: Hours
    reason_required: bool
    refusal_deletes: bool

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        reason = either(self.reason_required, "has to say", "need not say")
        return (
            f"{either(self.allowed, 'There is an urgent route.', 'There is no urgent route.')} "
            f"An urgent authority is given by {a(self.minimum_rank)} or above, who {reason} why "
            f"the ordinary route would come too late. It ends {counted(self.lasts_h, 'hour')} "
            "after it was given unless somebody of authorising rank has ratified it. If "
            "ratification is refused, the deployment stops"
            f"{either(self.refusal_deletes, ' and what it gathered is deleted', '')}. "
            "Every urgent authority is counted in public."
        )


class CoSignatureRule(Rule):
    """When a second, independent person signs.

    Attributes:
        required: when.
        independent: whether it must be somebody independent, of another organisation.
        on_urgent: whether an urgent authority needs it at once, and not only when ratified.
    """

    id: ClassVar = "co-signature"
    title: ClassVar = "Co-signature"
    required: Literal["never", "protest", "always"]
    independent: bool
    on_urgent: bool

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        when = {
            "never": "No co-signature is required.",
            "protest": "A deployment at a protest needs a co-signature.",
            "always": "Every deployment needs a co-signature.",
        }[self.required]
        who = either(
            self.independent,
            "A required co-signer is independent of the force and works for another organisation "
            "than requester and authoriser.",
            "A required co-signer may be of the same force.",
        )
        urgent = either(
            self.on_urgent,
            "An urgent authority needs it from the beginning.",
            "An urgent authority needs it when it is ratified.",
        )
        return f"{when} {who} {urgent}"


class PolicySignerRule(Rule):
    """Who puts the pack into force.

    Attributes:
        minimum_rank: the lowest rank that may.
    """

    id: ClassVar = "policy-signer"
    title: ClassVar = "Who signs this policy"
    minimum_rank: Word

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return sentence(f"{a(self.minimum_rank)} or above signs this policy into force")


class DurationRule(Rule):
    """How long a deployment may last.

    Attributes:
        max_h: at most.
    """

    id: ClassVar = "duration"
    title: ClassVar = "Start, end and duration"
    max_h: Annotated[int, Field(ge=1, le=24 * 31)]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            "A deployment has a fixed start and a fixed end, at most "
            f"{counted(self.max_h, 'hour')} apart. Nothing is compared outside them."
        )
