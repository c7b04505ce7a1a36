"""Whatever the bytes, reading a pack gives a pack or an error of ours; rules are monotone."""

import copy
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import AuthorityError, InputError
from overt.core.ids import PersonId, Sha256
from overt.policy.checks import (
    check_authority,
    check_entry,
    check_named_authority,
    check_ratification,
    rank_at_least,
    urgent_end_utc,
)
from overt.policy.facts import AuthorityFacts, EntryFacts, Route, SignerFacts
from overt.policy.pack import PolicyPack, load_pack, pack_from_toml
from overt.policy.render import render
from overt.policy.signing import verify_pack

UK_BYTES = (Path(__file__).parents[2] / "policies" / "uk-police.toml").read_bytes()
UK_TOML = tomllib.loads(UK_BYTES.decode())
UK = load_pack(UK_BYTES)
RANKS = (*UK.rules.ranks.ladder, *UK.rules.ranks.outside, "colonel", "")

STRANGE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=30),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.lists(st.text(max_size=5), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
    st.sampled_from(["superintendent", "victim", "immediate", "never", "custody"]),
)
START = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = st.integers(0, 48 * 60).map(lambda minutes: START + timedelta(minutes=minutes))


def attempt(read, *given):
    """Return what reading gives, or the error of ours."""
    try:
        return read(*given)
    except InputError as error:
        return error


def is_plain(result):
    """Whether it is a pack, or an error that says so in plain words."""
    return isinstance(result, PolicyPack) or str(result).startswith("The policy pack ")


@given(st.binary(max_size=300))
def test_any_bytes(data):
    with pytest.raises(InputError):
        load_pack(data)


@given(st.text(max_size=300))
def test_any_text(text):
    with pytest.raises(InputError):
        load_pack(text.encode("utf-8", "surrogatepass"))


@given(st.data())
@settings(max_examples=300)
def test_a_pack_with_one_thing_changed_is_a_pack_or_an_input_error(data):
    content = copy.deepcopy(UK_TOML)
    part = content
    while True:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        key = data.draw(st.sampled_from(keys))
        deeper = isinstance(part[key], dict | list) and part[key]
        if not deeper or data.draw(st.integers(0, 5)) == 0:
            break
        part = part[key]
    if data.draw(st.booleans()):
        part[key] = data.draw(STRANGE)
    else:
        del part[key]
    result = attempt(pack_from_toml, content, Sha256("0" * 64))
    assert is_plain(result)
    assert isinstance(result, InputError) or render(result)


@given(st.data())
def test_a_pack_with_bytes_changed_is_a_pack_or_an_input_error(data):
    start = data.draw(st.integers(0, len(UK_BYTES)))
    end = data.draw(st.integers(start, min(len(UK_BYTES), start + 20)))
    altered = UK_BYTES[:start] + data.draw(st.binary(max_size=20)) + UK_BYTES[end:]
    assert is_plain(attempt(load_pack, altered))


@given(st.binary(max_size=400))
def test_any_signature_file(signature):
    with pytest.raises(AuthorityError):
        verify_pack(UK_BYTES, signature, [])


@st.composite
def signers(draw, person, ranks=RANKS):
    usual = st.just((person, "Oversight" if person == "cosigner" else "Avon"))
    others = st.tuples(st.sampled_from(["requester", "signer", "cosigner"]), st.just("Avon"))
    name, organisation = draw(st.one_of(usual, usual, usual, others))
    return SignerFacts(
        person=PersonId(name),
        rank=draw(st.sampled_from(ranks)),
        organisation=organisation,
        independent=draw(st.sampled_from([person == "cosigner", True])),
    )


@st.composite
def authorities(draw):
    """Draw authorities of which one in seven or so is allowed."""
    starts = draw(TIMES)
    minutes = draw(st.one_of(st.integers(1, 4 * 60), st.integers(-60, 14 * 60)))
    before = draw(st.one_of(st.just(0), st.integers(-60, 6 * 60)))
    high = st.sampled_from([RANKS, RANKS[3:10], RANKS[7:10]])
    return AuthorityFacts(
        route=draw(st.sampled_from(Route)),
        requester=draw(signers("requester")),
        signer=draw(signers("signer", draw(high))),
        cosigner=draw(st.none() | signers("cosigner")),
        is_protest=draw(st.booleans()),
        issued_utc=starts - timedelta(minutes=before),
        starts_utc=starts,
        ends_utc=starts + timedelta(minutes=minutes),
        urgency_reason=draw(st.sampled_from([True, True, False])),
    )


@given(authorities())
def test_no_way_round_separation_rank_or_time(facts):
    if not check_authority(UK, facts).allowed:
        return
    assert facts.signer.person != facts.requester.person
    if facts.cosigner is not None:
        assert facts.cosigner.person not in {facts.signer.person, facts.requester.person}
    minimum = "inspector" if facts.route is Route.URGENT else "superintendent"
    assert rank_at_least(UK, facts.signer.rank, minimum)
    assert facts.starts_utc < facts.ends_utc
    assert facts.issued_utc < facts.ends_utc
    assert facts.ends_utc - facts.starts_utc <= timedelta(hours=12)
    if facts.route is Route.URGENT:
        assert not facts.is_protest
        assert facts.ends_utc - facts.issued_utc <= timedelta(hours=4)
    if facts.is_protest:
        assert facts.cosigner is not None
        assert facts.cosigner.independent


@given(authorities(), st.integers(1, 9))
def test_a_higher_rank_never_turns_an_allowed_authority_into_a_refused_one(facts, steps):
    ladder = UK.rules.ranks.ladder
    if facts.signer.rank not in ladder:
        return
    place = min(ladder.index(facts.signer.rank) + steps, len(ladder) - 1)
    higher = replace(facts, signer=replace(facts.signer, rank=ladder[place]))
    if check_authority(UK, facts).allowed:
        assert check_authority(UK, higher).allowed
    if check_ratification(UK, facts, PersonId("urgent-1")).allowed:
        assert check_ratification(UK, higher, PersonId("urgent-1")).allowed


@given(authorities(), st.floats(0, 1), st.floats(0, 1))
def test_a_shorter_window_never_turns_an_allowed_authority_into_a_refused_one(facts, late, early):
    if not check_authority(UK, facts).allowed:
        return
    lasts = facts.ends_utc - facts.starts_utc
    starts = facts.starts_utc + lasts * late
    ends = facts.ends_utc - lasts * early
    shorter = replace(facts, starts_utc=starts, ends_utc=ends)
    if starts < ends and facts.issued_utc < ends:
        assert check_authority(UK, shorter).allowed


@given(authorities())
def test_whoever_gave_the_urgent_authority_never_ratifies_it(facts):
    assert not check_ratification(UK, facts, facts.signer.person).allowed


@given(TIMES, TIMES)
def test_an_urgent_authority_never_outlasts_its_window_or_its_hours(issued, ends):
    until = urgent_end_utc(UK, issued, ends)
    assert until <= ends
    assert until - issued <= timedelta(hours=4)
    assert until in {ends, issued + timedelta(hours=4)}


WORDS = st.one_of(
    st.text(max_size=10),
    st.sampled_from(["victim", "wanted-on-warrant", "custody", "passport", "child", "pregnant"]),
)
DAYS = st.none() | st.dates()


@given(
    st.builds(
        EntryFacts,
        category=WORDS,
        image_source=WORDS,
        filled=st.frozensets(st.text(max_size=5), max_size=3),
        today=st.dates(),
        sensitivities=st.lists(WORDS, max_size=3).map(tuple),
        image_date=DAYS,
        held_until=DAYS,
        expires_utc=st.none() | TIMES,
        age_years=st.none() | st.integers(-5, 120),
        named_authority=st.none() | st.sampled_from(RANKS),
    )
)
def test_what_is_not_known_of_an_entry_refuses(entry):
    verdict = check_entry(UK, entry)
    known = UK.rules.list_categories.find(entry.category) is not None
    assert known or not verdict.allowed
    assert UK.rules.image_sources.is_allowed(entry.image_source) or not verdict.allowed
    sensitivities = UK.rules.named_authority.sensitivities
    assert set(entry.sensitivities) <= set(sensitivities) or not verdict.allowed
    for rank in RANKS:
        if rank not in UK.rules.ranks.ladder:
            signer = SignerFacts(PersonId("x"), rank, "Avon")
            assert not check_named_authority(UK, entry, signer).allowed
