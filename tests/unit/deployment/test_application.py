"""An application is one thing: what is signed is what is kept, and what is shown."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from fixtures.attempts import START, Attempts
from overt.deployment.application import Application, Camera, Officer, Place, Reasons
from overt.policy.facts import ListFacts
from overt.policy.roles import Role

PARIS = timezone(timedelta(hours=1))
LIST = ListFacts("the-list", 1, {}, START)


def application(**changes):
    return Attempts().application("requester", **changes)


def test_what_is_signed_does_not_depend_on_how_a_time_was_written():
    there = application(starts_utc=START.astimezone(PARIS))
    assert there.starts_utc.tzinfo is UTC
    assert there.sha256 == application().sha256


def test_a_time_is_as_exact_as_the_capability_carries_it():
    asked = application(starts_utc=START.replace(microsecond=123_999))
    assert asked.starts_utc.microsecond == 123_000


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"ends_utc": START}, "ends before it begins"),
        ({"starts_utc": START + timedelta(days=1)}, "ends before it begins"),
        ({"starts_utc": START.replace(tzinfo=None)}, "timezone"),
        ({"starts_utc": datetime.min.replace(tzinfo=PARIS)}, "years 1 to 9999"),
        ({"deployment": "Upper Case"}, "match pattern"),
        ({"deployment": ""}, "match pattern"),
        ({"deployment": "d" * 65}, "match pattern"),
        ({"title": " "}, "at least 1 character"),
        ({"title": "a\x1b[2Jb"}, "cannot be seen"),
        ({"title": "a\nb"}, "cannot be seen"),
        ({"title": "a\u202eb"}, "cannot be seen"),
        ({"cameras": ()}, "at least 1"),
        ({"watchlist": "\x00"}, "cannot be seen"),
        ({"unknown": 1}, "Extra inputs"),
    ],
)
def test_what_cannot_be_an_application_is_refused(changes, says):
    with pytest.raises(ValidationError, match=says):
        application(**changes)


def camera(name, **changes):
    place = {"longitude": 0.0005, "latitude": 0.0002, "zone_of_recognition": "The gate."}
    return Camera(name=name, **(place | changes))


def test_a_camera_or_officer_is_named_once():
    with pytest.raises(ValidationError, match="one camera is named twice"):
        application(cameras=(camera("east"), camera("east")))
    twice = (Officer(person="a", role=Role.OPERATOR), Officer(person=" a", role=Role.ANALYST))
    with pytest.raises(ValidationError, match="officer is named twice"):
        application(officers=twice)


def test_the_rules_see_lengths_and_places_and_not_what_is_said():
    asked = application(cameras=(camera("in"), camera("out", longitude=1.0)), is_protest=True)
    facts = asked.facts(LIST, 0.25)
    assert facts.cameras == ("in", "out")
    assert facts.cameras_outside == ("out",)
    assert facts.n_chars["zone_of_recognition"] == len("The gate.")
    assert facts.n_chars["necessity"] == len(asked.reasons.necessity)
    assert facts.rationale == {"hotspot", "intelligence"}
    assert facts.officers[Role.OPERATOR] == 2
    assert facts.reused_share == 0.25
    assert facts.is_protest
    assert facts.evaluation.threshold == 0.5


def test_the_zone_that_says_least_counts():
    asked = application(cameras=(camera("a"), camera("b", zone_of_recognition="")))
    assert asked.facts(LIST, 0.0).n_chars["zone_of_recognition"] == 0


@pytest.mark.parametrize("reference", ["", " "])
def test_a_blank_reference_is_no_evidence(reference):
    there = application().place
    place = Place(name="x", area=there.area, hotspot_evidence=reference)
    assert application(place=place).facts(LIST, 0.0).rationale == frozenset()


def test_every_statement_of_a_pack_is_a_field_of_the_application():
    for pack in ("uk-police", "eu-ai-act"):
        rules = Attempts(pack).pack.rules
        known = set(application().facts(LIST, 0.0).n_chars)
        assert {text.field for text in rules.statements.required} <= known
        assert rules.protest.statement_field in known


TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf", "Zl", "Zp"]), max_size=60)


@given(
    texts=st.tuples(*[TEXTS] * len(Reasons.model_fields)),
    longitude=st.floats(-180, 180),
    latitude=st.floats(-90, 90),
    seconds=st.integers(1, 10**6),
)
def test_what_is_kept_is_read_back_with_the_same_digest(texts, longitude, latitude, seconds):
    asked = application(
        reasons=Reasons(**dict(zip(Reasons.model_fields, texts, strict=True))),
        cameras=(camera("east", longitude=longitude, latitude=latitude),),
        ends_utc=START + timedelta(seconds=seconds),
    )
    kept = Application.model_validate_json(asked.model_dump_json())
    assert kept == asked
    assert kept.sha256 == asked.sha256


@given(text=st.text(max_size=20))
def test_a_text_shows_all_that_it_holds_or_is_refused(text):
    try:
        kept = Reasons(necessity=text).necessity
    except ValidationError:
        return
    assert kept == text.strip()
    turning = set("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
    obeyed = {chr(code) for code in (*range(32), *range(0x7F, 0xA0))} - set("\n\t")
    assert not (turning | obeyed) & set(kept)
