"""A deployment as ``overt deployment show --json`` prints it; published as a JSON Schema.

``docs/specs/deployment.schema.json`` is made from :class:`DeploymentDocument`. A member is never
taken away or given another meaning without another ``format``.

Must not: hold anything about a listed person.
"""

from typing import Any, Final, Literal

from pydantic import AwareDatetime, Field

from overt.deployment.application import Application, Digest, Frozen, Name
from overt.deployment.life import (
    AuthorityRecord,
    CancellationReport,
    CheckIn,
    Cosignature,
    Life,
    LifeState,
    Step,
)
from overt.deployment.situation import Situation
from overt.deployment.verdicts import verdict_now
from overt.policy.verdict import Finding

FORMAT: Final = "overt-deployment-document/1"
SCHEMA_ID: Final = "deployment.schema.json"
_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class FindingDocument(Frozen):
    """One rule's word."""

    rule: Name = Field(description="Id of the rule in the policy pack.")
    source: str = Field(description="Where the rule comes from, as the pack cites it.")
    reason: str = Field(description="One plain sentence.")


class VerdictDocument(Frozen):
    """What the policy says of the next step as things stand at ``as_of_utc``."""

    allowed: bool = Field(description="Whether nothing stands in the way.")
    refusals: tuple[FindingDocument, ...] = Field(description="What stands in the way.")
    warnings: tuple[FindingDocument, ...] = Field(description="What those who decide must see.")


class PolicyDocument(Frozen):
    """The policy pack under which the deployment stands."""

    id: Name = Field(description="By which the pack is asked for.")
    version: Name = Field(description="Of the pack.")
    sha256: Digest = Field(description="SHA-256 of the pack's bytes.")
    in_force: bool = Field(description="Whether no other version was put into its place since.")


class WatchlistDocument(Frozen):
    """The list, in counts; nobody on it is named."""

    id: Name = Field(description="The list's id.")
    sha256: Digest = Field(description="SHA-256 of the manifest that was applied with.")
    available: bool = Field(description="Whether it is here, frozen, and still that list.")
    n_entries: int = Field(ge=0, description="People on it; 0 if it is not available.")
    categories: dict[str, int] = Field(description="People in each category.")
    n_unconfirmed: int = Field(ge=0, description="People not confirmed lately as still wanted.")


class DeploymentDocument(Frozen):
    """A deployment's whole life, and what the policy says of it now. All times are UTC."""

    format: Literal["overt-deployment-document/1"] = Field(description="Version of this format.")
    as_of_utc: AwareDatetime = Field(description="When it was asked for.")
    deployment: Name = Field(description="The deployment's id.")
    state: LifeState = Field(description="Where it stands, as last recorded.")
    authority_is_over: bool = Field(
        description="Whether its authority has ended though that is not recorded yet."
    )
    version: int = Field(ge=1, description="How many steps were taken.")
    sha256: Digest = Field(description="SHA-256 of the kept record, as the ledger has it.")
    application_sha256: Digest = Field(description="SHA-256 that whoever authorises signs.")
    application: Application = Field(description="What was applied for.")
    area_km2: float = Field(gt=0, description="Area of the place, in square kilometres.")
    policy: PolicyDocument = Field(description="The policy under which it stands.")
    watchlist: WatchlistDocument = Field(description="The list, in counts.")
    cosignature: Cosignature | None = Field(description="An independent signature, if any.")
    authority: AuthorityRecord | None = Field(description="The authority, once given.")
    check_ins: tuple[CheckIn, ...] = Field(description="Officers on the spot, from when to when.")
    signs_confirmed_utc: AwareDatetime | None = Field(description="When the signs were seen.")
    steps: tuple[Step, ...] = Field(description="Everything that happened, in order.")
    report: CancellationReport | None = Field(description="The cancellation report, once written.")
    delete_by: dict[str, AwareDatetime] = Field(
        description="Once closed: by kind of data, the latest time at which it must be gone."
    )
    verdict: VerdictDocument = Field(description="What the policy says of the next step now.")


def document_of(life: Life, situation: Situation) -> DeploymentDocument:
    """Return a deployment as it is shown."""
    asked, pack, listed = life.application, situation.pack, situation.watchlist
    verdict = verdict_now(life, situation)
    return DeploymentDocument(
        format=FORMAT,
        as_of_utc=situation.now_utc,
        deployment=life.deployment,
        state=life.state,
        authority_is_over=life.lapsed(situation.now_utc),
        version=life.version,
        sha256=life.sha256,
        application_sha256=asked.sha256,
        application=asked,
        area_km2=asked.place.area.km2,
        policy=PolicyDocument(
            id=pack.id,
            version=pack.version,
            sha256=pack.sha256,
            in_force=situation.is_pack_in_force,
        ),
        watchlist=WatchlistDocument(
            id=asked.watchlist,
            sha256=asked.bindings.watchlist_sha256,
            available=situation.list_manifest_sha256 == asked.bindings.watchlist_sha256,
            n_entries=listed.n_entries,
            categories=dict(listed.categories),
            n_unconfirmed=listed.n_unconfirmed,
        ),
        cosignature=life.cosignature,
        authority=life.authority,
        check_ins=life.check_ins,
        signs_confirmed_utc=life.signs_confirmed_utc,
        steps=life.steps,
        report=life.report,
        delete_by=dict(life.delete_by),
        verdict=VerdictDocument(
            allowed=verdict.allowed,
            refusals=tuple(map(_finding, verdict.refusals)),
            warnings=tuple(map(_finding, verdict.warnings)),
        ),
    )


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of what :func:`document_of` gives, as it is printed."""
    schema = DeploymentDocument.model_json_schema(mode="serialization")
    return {"$schema": _DIALECT, "$id": SCHEMA_ID, **schema}


def _finding(finding: Finding) -> FindingDocument:
    return FindingDocument(rule=finding.rule, source=finding.source, reason=finding.reason)
