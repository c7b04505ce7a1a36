"""A policy pack: every rule of a force, in one TOML file that people can read and sign.

``format``, ``id``, ``version`` and what else names the pack stand first, then ``[[sources]]``, then
one table for each rule under ``[rules.<rule-id>]``. All rules are there: a pack cannot allow by
leaving out. The pack is named by the digest of its bytes, so that whoever signs it signs what they
can read.

Invariants: every source, rank and category that a rule names exists; a pack that contradicts itself
is none. Whatever the bytes, :func:`load_pack` gives a pack or raises
:class:`~overt.core.errors.InputError` with the place of the fault.
Must not: read a file or a clock, or have a default for a period, a rank or a limit.
"""

import hashlib
import tomllib
from collections.abc import Iterator
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    Strict,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from overt.core.errors import InputError
from overt.core.ids import Sha256
from overt.policy import pack_authority as authority
from overt.policy import pack_data as data_rules
from overt.policy import pack_images as images
from overt.policy import pack_lists as lists
from overt.policy import pack_live as live
from overt.policy import pack_place as place
from overt.policy.pack_base import Line, Part, Rule, Source, Word
from overt.policy.verdict import Finding

FORMAT: Final = "overt-policy/1"
MAX_PACK_BYTES: Final = 256 * 1024


class Rules(Part):
    """Every rule. A field's name, with hyphens, is the rule's id and its table in the TOML."""

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    ranks: authority.RanksRule
    authorising_rank: authority.AuthorisingRankRule
    separation: authority.SeparationRule
    urgent_authority: authority.UrgentAuthorityRule
    co_signature: authority.CoSignatureRule
    policy_signer: authority.PolicySignerRule
    duration: authority.DurationRule

    use_cases: place.UseCasesRule
    location: place.LocationRule
    statements: place.StatementsRule
    documents: place.DocumentsRule
    protest: place.ProtestRule
    notice: place.NoticeRule
    signage: place.SignageRule
    signs_confirmed: place.SignsConfirmedRule
    evaluation: place.EvaluationRule

    list_size: lists.ListSizeRule
    list_age: lists.ListAgeRule
    list_freshness: lists.ListFreshnessRule
    list_categories: lists.ListCategoriesRule
    list_reuse: lists.ListReuseRule
    entry_expiry: lists.EntryExpiryRule
    named_authority: lists.NamedAuthorityRule
    children: lists.ChildrenRule
    duplicates: lists.DuplicatesRule
    image_sources: images.ImageSourcesRule
    image_held_lawfully: images.ImageHeldLawfullyRule
    image_age: images.ImageAgeRule

    officers: live.OfficersRule
    presence: live.PresenceRule
    forgetting: live.ForgettingRule
    review: live.ReviewRule
    notes: live.NotesRule
    engagement: live.EngagementRule
    closing: live.ClosingRule

    retention: data_rules.RetentionRule
    publication: data_rules.PublicationRule

    def every(self) -> Iterator[Rule]:
        """Yield every rule in the order of the document."""
        return (getattr(self, name) for name in type(self).model_fields)


class PolicyPack(Part):
    """A whole pack.

    Attributes:
        format: version of this format.
        id: by which the pack is asked for.
        version: of the pack.
        title: of the document.
        jurisdiction: where it is meant for.
        summary: what it is, in a few sentences.
        effective: from which day it is meant to hold.
        review_by: by which day it is looked at again.
        sources: where its rules come from.
        rules: all of them.
    """

    format: Literal["overt-policy/1"]
    id: Word
    version: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z.+-]{0,31}$")]
    title: Line
    jurisdiction: Line
    summary: Line
    effective: date
    review_by: date
    sources: Annotated[
        tuple[Source, ...], Strict(strict=False), Field(min_length=1, max_length=200)
    ]
    rules: Rules
    _sha256: Sha256 = PrivateAttr(default=Sha256(""))

    @field_validator("effective", "review_by", mode="before")
    @classmethod
    def _a_day(cls, value: object) -> object:
        if type(value) is not date:
            raise ValueError("a day such as 2026-05-01 is needed")
        return value

    @model_validator(mode="after")
    def _named_by_its_bytes(self, info: ValidationInfo) -> Self:
        self._sha256 = Sha256((info.context or {}).get("sha256", ""))
        fault = next(_contradictions(self), None)
        if fault is not None:
            raise ValueError(fault)
        return self

    @property
    def sha256(self) -> Sha256:
        """Digest of the TOML's bytes."""
        return self._sha256

    @cached_property
    def _sources_by_id(self) -> dict[str, Source]:
        return {source.id: source for source in self.sources}

    def sources_of(self, rule: Rule) -> tuple[Source, ...]:
        """Return the sources of a rule, in the order in which it names them."""
        return tuple(self._sources_by_id[source] for source in rule.source)

    def finding(self, rule: Rule, reason: str) -> Finding:
        """Return what a rule says of something, with its source."""
        cited = "; ".join(source.cited for source in self.sources_of(rule))
        return Finding(rule.id, cited, reason)


def load_pack(data: bytes) -> PolicyPack:
    """Read a pack.

    Raises:
        InputError: it is too large, not UTF-8, not TOML, or has a missing, unknown, wrong or
            contradictory key; the message names the key by its path in the TOML.
    """
    if len(data) > MAX_PACK_BYTES:
        raise InputError("The file is too large to be a policy pack.")
    try:
        content = tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError("The policy pack is not UTF-8 text.") from None
    except (ValueError, RecursionError):  # tomllib leaks ValueError for endless integers
        raise InputError("The policy pack is not valid TOML.") from None
    sha256 = hashlib.sha256(data).hexdigest()
    return pack_from_toml(content, Sha256(sha256))


def pack_from_toml(content: dict[str, Any], sha256: Sha256) -> PolicyPack:
    """Return the pack that a TOML document stands for; ``sha256`` is the digest of its bytes.

    Raises:
        InputError: see :func:`load_pack`.
    """
    try:
        return PolicyPack.model_validate(content, context={"sha256": sha256})
    except (ValidationError, RecursionError) as error:
        raise InputError(_first_fault(error)) from None


def _first_fault(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "The policy pack is nested too deeply."
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    reason = fault["msg"].removeprefix("Value error, ").rstrip(".")
    if reason == "Input should be True":  # a parameter that has one value only
        reason = "this cannot be turned off, and must be true"
    where = ".".join(str(part) for part in fault["loc"])
    return f"The policy pack cannot be used: {where + ': ' if where else ''}{reason}."


def _contradictions(pack: PolicyPack) -> Iterator[str]:
    """Yield what does not fit together, each with its place."""
    yield from _repeated("sources", [source.id for source in pack.sources])
    if pack.review_by <= pack.effective:
        yield "review_by: the pack is to be looked at again after it takes effect"
    yield from _unknown_sources(pack)
    yield from _unknown_ranks(pack.rules)
    yield from _unknown_categories(pack.rules)
    yield from _contradictory_lists(pack.rules)


def _unknown_sources(pack: PolicyPack) -> Iterator[str]:
    known = {source.id for source in pack.sources}
    for rule in pack.rules.every():
        for source in rule.source:
            if source not in known:
                yield f"rules.{rule.id}.source: there is no source {source}"


def _unknown_ranks(rules: Rules) -> Iterator[str]:
    ladder = rules.ranks.ladder
    yield from _repeated("rules.ranks", [*ladder, *rules.ranks.outside])
    named = {
        "authorising-rank.minimum": rules.authorising_rank.minimum,
        "urgent-authority.minimum_rank": rules.urgent_authority.minimum_rank,
        "policy-signer.minimum_rank": rules.policy_signer.minimum_rank,
        "protest.minimum_rank": rules.protest.minimum_rank,
        "named-authority.minimum_rank": rules.named_authority.minimum_rank,
    }
    for number, tier in enumerate(rules.children.tiers):
        named[f"children.tiers.{number}.minimum_rank"] = tier.minimum_rank
    for where, rank in named.items():
        if rank not in ladder:
            yield f"rules.{where}: there is no rank {rank}"
    if _known(ladder, rules.protest.minimum_rank, rules.authorising_rank.minimum) and (
        ladder.index(rules.protest.minimum_rank) < ladder.index(rules.authorising_rank.minimum)
    ):
        yield "rules.protest.minimum_rank: it is below the rank that authorises elsewhere"


def _known(ladder: tuple[str, ...], *ranks: str) -> bool:
    return all(rank in ladder for rank in ranks)


def _unknown_categories(rules: Rules) -> Iterator[str]:
    known = [category.id for category in rules.list_categories.categories]
    yield from _repeated("rules.list-categories.categories", known)
    named = {
        f"use-cases.cases.{number}.categories": case.categories
        for number, case in enumerate(rules.use_cases.cases)
    }
    named["protest.excluded_categories"] = rules.protest.excluded_categories
    named["named-authority.categories"] = rules.named_authority.categories
    for number, tier in enumerate(rules.children.tiers):
        named[f"children.tiers.{number}.categories"] = tier.categories
    for where, categories in named.items():
        for category in categories:
            if category not in known:
                yield f"rules.{where}: there is no category {category}"


def _contradictory_lists(rules: Rules) -> Iterator[str]:
    yield from _repeated("rules.use-cases.cases", [case.id for case in rules.use_cases.cases])
    yield from _repeated("rules.statements.required", [t.field for t in rules.statements.required])
    yield from _repeated("rules.documents.required", [d.kind for d in rules.documents.required])
    yield from _repeated("rules.closing.report", [t.field for t in rules.closing.report])
    yield from _repeated("rules.officers.present", [each.role for each in rules.officers.present])
    yield from _repeated("rules.publication.columns", [c.id for c in rules.publication.columns])
    allowed = [each.id for each in rules.image_sources.allowed]
    yield from _repeated("rules.image-sources", [*allowed, *rules.image_sources.never])
    if rules.children.sensitivity not in rules.named_authority.sensitivities:
        yield "rules.children.sensitivity: it is not among rules.named-authority.sensitivities"
    ages = [tier.under for tier in rules.children.tiers]
    if ages != sorted(set(ages)):
        yield "rules.children.tiers: the youngest comes first, each age once"


def _repeated(where: str, ids: list[str]) -> Iterator[str]:
    for number, each in enumerate(ids):
        if each in ids[:number]:
            yield f"{where}: {each} is there twice"
