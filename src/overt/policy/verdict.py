"""What a rule says of something: allowed or not, under which rule, from which source, and why.

Invariants: a refusal names its rule and its source, and gives a reason that a person can read and
act on; nothing here knows the name of a listed person.
"""

from dataclasses import dataclass

from overt.core.errors import PolicyError


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's word on one thing.

    Attributes:
        rule: the rule's id in the pack, for example ``authorising-rank``.
        source: where the rule comes from, as the pack cites it.
        reason: one plain sentence.
    """

    rule: str
    source: str
    reason: str

    def __str__(self) -> str:
        return f"{self.reason.rstrip('.')} (rule {self.rule}; {self.source})."


@dataclass(frozen=True, slots=True)
class Verdict:
    """What all rules that were asked say together.

    Attributes:
        refusals: what stands in the way; empty if nothing does.
        warnings: what those who decide must see, and may still allow.
    """

    refusals: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.refusals

    def __and__(self, other: "Verdict") -> "Verdict":
        return Verdict(self.refusals + other.refusals, self.warnings + other.warnings)

    def require(self) -> None:
        """Raise unless allowed.

        Raises:
            PolicyError: with every reason, and the rules' ids.
        """
        if not self.allowed:
            reasons = " ".join(str(each) for each in self.refusals)
            raise PolicyError(reasons, tuple(each.rule for each in self.refusals))


ALLOWED = Verdict()
