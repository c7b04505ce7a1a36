"""What is true of every verdict, whatever the evidence."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from overt.core.ids import EntryId, KinGroup
from overt.policy.locks import AlertRule, Evidence, Lock, NoMatch, PossibleMatch, Scored, decide

similarities = st.floats(-1, 1)
people = st.builds(
    Scored,
    st.sampled_from("abcd").map(EntryId),
    similarities,
    st.sampled_from([None, KinGroup("k"), KinGroup("l")]),
)
rules = st.builds(
    AlertRule,
    threshold=st.floats(0.01, 0.99),
    min_agreeing_shots=st.integers(1, 3),
    lone_shot_surcharge=st.floats(0, 0.5),
    min_margin=st.floats(0, 0.5),
)


@st.composite
def evidences(draw):
    candidates = draw(st.lists(people, max_size=6, unique_by=lambda each: each.entry))
    shots = draw(st.lists(st.tuples(people, st.floats(0.01, 100)), max_size=3))
    if candidates and draw(st.booleans()):  # most evidence points somewhere
        shots = [(candidates[0], weight) for _, weight in shots]
    candidates.sort(key=lambda each: (-each.similarity, each.entry))
    return Evidence(candidates, [who for who, _ in shots], [weight for _, weight in shots])


@given(evidences(), rules)
def test_a_verdict_is_a_function_of_its_arguments(evidence, rule):
    assert decide(evidence, rule) == decide(evidence, rule)


@given(evidences(), rules, st.floats(0.01, 0.99))
def test_a_higher_threshold_never_turns_no_match_into_a_match(evidence, rule, threshold):
    assume(threshold > rule.threshold)
    before, after = decide(evidence, rule), decide(evidence, replace(rule, threshold=threshold))
    assert isinstance(before, PossibleMatch) or isinstance(after, NoMatch)
    if before == NoMatch(Lock.THRESHOLD):
        assert after == NoMatch(Lock.THRESHOLD)


@given(evidences(), rules, st.floats(0, 0.5), st.floats(0, 0.5), st.integers(1, 3))
def test_a_stricter_rule_never_raises_more(evidence, rule, margin, surcharge, shots):
    stricter = replace(
        rule,
        min_margin=max(rule.min_margin, margin),
        lone_shot_surcharge=max(rule.lone_shot_surcharge, surcharge),
        min_agreeing_shots=max(rule.min_agreeing_shots, shots),
    )
    if isinstance(decide(evidence, stricter), PossibleMatch):
        assert isinstance(decide(evidence, rule), PossibleMatch)


@given(evidences(), rules)
def test_a_match_is_what_the_locks_promise(evidence, rule):
    verdict = decide(evidence, rule)
    if isinstance(verdict, NoMatch):
        return
    first = evidence.candidates[0]
    assert (verdict.entry, verdict.similarity) == (first.entry, first.similarity)
    assert verdict.similarity >= rule.threshold
    assert verdict.margin is None or verdict.margin >= rule.min_margin
    enough = verdict.n_agreeing >= rule.min_agreeing_shots
    assert enough or verdict.similarity >= rule.threshold + rule.lone_shot_surcharge
    assert 1 <= verdict.n_agreeing <= len(evidence.shot_leaders)


@given(evidences(), rules, st.sampled_from([0.25, 2.0, 1024.0]))
def test_only_the_proportions_of_the_weights_matter(evidence, rule, factor):
    scaled = replace(evidence, shot_weights=[w * factor for w in evidence.shot_weights])
    assert decide(evidence, rule) == decide(scaled, rule)
