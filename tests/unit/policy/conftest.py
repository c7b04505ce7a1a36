"""The packs that ship, and facts that the UK pack allows, to be changed one at a time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from overt.core.ids import CameraId, ContractId, DeploymentId, PersonId, WatchlistId
from overt.policy.facts import (
    ApplicationFacts,
    AuthorityFacts,
    ClosingFacts,
    DocumentFacts,
    EntryFacts,
    EvaluationFacts,
    ListFacts,
    ReadinessFacts,
    Route,
    SignerFacts,
)
from overt.policy.pack import PolicyPack, load_pack
from overt.policy.roles import Role

POLICIES = Path(__file__).parents[3] / "policies"


def hours(n):
    return timedelta(hours=n)


class Lawful:
    """Facts that the UK pack allows; every method takes what is to be different."""

    start = datetime(2026, 7, 1, 10, tzinfo=UTC)
    end = start + hours(6)
    now = start - hours(20)
    today = now.date()

    def signer(self, rank="superintendent", person="ao-1", organisation="Avon", **changes):
        return SignerFacts(PersonId(person), rank, organisation, **changes)

    def requester(self):
        return self.signer("inspector", "req-1")

    def independent(self, **changes):
        facts = self.signer("independent-member", "ind-1", "Oversight", independent=True)
        return replace(facts, **changes)

    def evaluation(self, **changes):
        facts = EvaluationFacts(
            contract=ContractId("sface"),
            measured=date(2026, 6, 1),
            n_entries=2500,
            false_alert_one_in=1000,
            threshold=0.45,
        )
        return replace(facts, **changes)

    def watchlist(self, **changes):
        facts = ListFacts(
            watchlist=WatchlistId("east"),
            n_entries=3,
            categories={"wanted-on-warrant": 2, "suspected-offence": 1},
            made_utc=self.start - hours(21),
            earliest_held_until=date(2027, 1, 1),
        )
        return replace(facts, **changes)

    def application(self, **changes):
        facts = ApplicationFacts(
            deployment=DeploymentId("east-1"),
            use_case="crime-hotspot",
            starts_utc=self.start,
            ends_utc=self.end,
            area_km2=0.25,
            cameras=(CameraId("gate-1"),),
            cameras_outside=(),
            n_chars={
                "legitimate_aim": 200,
                "rationale": 200,
                "zone_of_recognition": 30,
                "necessity": 200,
                "proportionality": 200,
                "less_intrusive": 200,
                "community_impact": 200,
                "vulnerable_people": 200,
            },
            rationale=frozenset({"hotspot"}),
            documents=[
                DocumentFacts("dpia", date(2026, 3, 1)),
                DocumentFacts("equality-impact", date(2026, 3, 1), date(2027, 3, 1)),
                DocumentFacts("appropriate-policy", date(2025, 3, 1)),
            ],
            notice_utc=self.start - hours(48),
            notice_exception=False,
            has_signage_plan=True,
            is_protest=False,
            officers={Role.OPERATOR: 1, Role.ENGAGEMENT_OFFICER: 2},
            watchlist=self.watchlist(),
            evaluation=self.evaluation(),
            contract=ContractId("sface"),
            threshold=0.45,
            requester=PersonId("req-1"),
        )
        return replace(facts, **changes)

    def authority(self, **changes):
        facts = AuthorityFacts(
            route=Route.ORDINARY,
            requester=self.requester(),
            signer=self.signer(),
            cosigner=None,
            is_protest=False,
            issued_utc=self.start - hours(2),
            starts_utc=self.start,
            ends_utc=self.end,
        )
        return replace(facts, **changes)

    def urgent(self, **changes):
        facts = self.authority(
            route=Route.URGENT,
            signer=self.signer("inspector"),
            issued_utc=self.start,
            ends_utc=self.start + hours(4),
            urgency_reason=True,
        )
        return replace(facts, **changes)

    def entry(self, **changes):
        facts = EntryFacts(
            category="wanted-on-warrant",
            image_source="custody",
            filled=frozenset(
                {
                    "category",
                    "image_source",
                    "lawful_basis",
                    "source_system",
                    "source_reference",
                    "reason_here",
                    "image_date",
                    "held_until",
                    "date_of_birth",
                }
            ),
            today=self.today,
            image_date=date(2025, 1, 1),
            held_until=date(2027, 1, 1),
            age_years=40,
        )
        return replace(facts, **changes)

    def child(self, age_years=16, **changes):
        entry = self.entry()
        filled = entry.filled | {"requester", "instructions", "response_plan"}
        return replace(entry, age_years=age_years, filled=filled, **changes)

    def readiness(self, **changes):
        facts = ReadinessFacts(
            now_utc=self.start + hours(1),
            starts_utc=self.start,
            ends_utc=self.end,
            present={Role.OPERATOR: 1, Role.ENGAGEMENT_OFFICER: 1},
            signs_confirmed_utc=self.start,
            watchlist=self.watchlist(),
            evaluation=self.evaluation(),
            contract=ContractId("sface"),
            threshold=0.45,
        )
        return replace(facts, **changes)

    def closing(self, **changes):
        facts = ClosingFacts(
            n_chars={
                "reason_for_ending": 50,
                "result": 50,
                "public_reaction": 50,
                "incidents": 50,
                "lessons": 50,
            },
            ended_utc=self.end,
            now_utc=self.end + hours(1),
        )
        return replace(facts, **changes)


@pytest.fixture(scope="session")
def lawful() -> Lawful:
    return Lawful()


@pytest.fixture(scope="session")
def uk() -> PolicyPack:
    return load_pack((POLICIES / "uk-police.toml").read_bytes())


@pytest.fixture(scope="session")
def eu() -> PolicyPack:
    return load_pack((POLICIES / "eu-ai-act.toml").read_bytes())
