"""Open-set identification: a list drawn by seed, and searches of people on it and not on it.

Of the people in the data some are listed, by lot. Each gives references from their first pictures;
their other pictures are mated probes. Everybody else's pictures, and those of a second set if there
is one, are non-mated probes. Drawn several times, since one list is one accident.

Invariants: a person who is listed is never a non-mated probe of that list; whoever is left out by
the exclusions is neither; a probe without a template, or whose person could not be enrolled, is a
search that failed, not one that is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overt.core.errors import InputError
from overt.evaluation.curves import FAILED, Ranks, ScoreArray
from overt.evaluation.exclusions import Exclusions
from overt.evaluation.labelled import LabelledSet
from overt.evaluation.scoring import Gallery, Scoring
from overt.evaluation.templates import TemplateSet
from overt.vision.quality import QualityGate

MAX_DRAWS: Final = 200


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Pictures with templates and their people as numbers.

    Attributes:
        templates: of every picture.
        person: n, whose each picture is, 0 to ``n_people``; −1 for a picture that is left out.
        labels: column → n values; a picture without one has the empty string.
        n_people: how many people the source has, those left out included.
    """

    templates: TemplateSet = field(repr=False)
    person: Ranks = field(repr=False)
    labels: dict[str, NDArray[np.str_]] = field(repr=False)
    n_people: int

    @classmethod
    def of(cls, labelled: LabelledSet, templates: TemplateSet, exclusions: Exclusions) -> "Pool":
        """Return the pool of a labelled set without those that are left out."""
        numbers = {person: index for index, person in enumerate(labelled.people)}
        person = [
            -1
            if each.person in exclusions.people or each.name in exclusions.pictures
            else numbers[each.person]
            for each in labelled.pictures
        ]
        labels = {
            column: np.array([each.labels.get(column, "") for each in labelled.pictures], np.str_)
            for column in labelled.columns
        }
        return cls(templates, np.array(person, np.int64), labels, len(numbers))

    @property
    def kept(self) -> Ranks:
        """The pictures that are not left out."""
        return np.flatnonzero(self.person >= 0)

    @property
    def people(self) -> Ranks:
        """The people of those pictures."""
        return np.unique(self.person[self.kept])


@dataclass(frozen=True, slots=True)
class Plan:
    """What is drawn.

    Attributes:
        list_size: how many people are listed.
        n_references: of each listed person, at most.
        n_draws: how many lists.
        seed: of the draws.
        cohort_size: how many people are kept apart to normalise scores: of the second set, or
            where there is none, of those who are not listed.
    """

    list_size: int
    n_references: int = 1
    n_draws: int = 5
    seed: int = 0
    cohort_size: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Draw:
    """One list and who is searched in it.

    Attributes:
        listed: people of the mated pool.
        references: its pictures that were enrolled, by listed person.
        reference_owner: index into ``listed`` of each.
        mated: pictures of the mated pool.
        mated_owner: index into ``listed`` of each.
        nonmated: pictures of the mated pool whose people are not listed.
        cohort: pictures that serve to normalise; of the second pool, or where there is none, of
            the first.
        others: pictures of the second pool that are searched.
        n_unenrolled: listed people of whom no reference could be made.
    """

    listed: Ranks = field(repr=False)
    references: Ranks = field(repr=False)
    reference_owner: Ranks = field(repr=False)
    mated: Ranks = field(repr=False)
    mated_owner: Ranks = field(repr=False)
    nonmated: Ranks = field(repr=False)
    cohort: Ranks = field(repr=False)
    others: Ranks = field(repr=False)
    n_unenrolled: int


def draw_lists(
    pool: Pool, others: Pool | None, plan: Plan, gate: QualityGate | None
) -> tuple[Draw, ...]:
    """Draw the lists of a plan.

    Args:
        pool: who is listed, and who is searched for.
        others: a second set, of whom nobody is listed.
        plan: what to draw.
        gate: what a reference must keep to be enrolled; everything with a face if None.

    Raises:
        InputError: there are fewer people than the list is to have, or than the cohort needs.
    """
    if plan.list_size > len(pool.people):
        raise InputError(
            f"A list of {plan.list_size:,} cannot be drawn from {len(pool.people):,} people."
        )
    n_others = len(pool.people) - plan.list_size if others is None else len(others.people)
    if plan.cohort_size and plan.cohort_size >= n_others:
        raise InputError(
            f"A cohort of {plan.cohort_size:,} leaves nobody of the {n_others:,} people who are "
            "not on the list."
        )
    may_enrol = _may_enrol(pool.templates, gate)
    return tuple(_draw(pool, others, plan, may_enrol, index) for index in range(plan.n_draws))


def _may_enrol(templates: TemplateSet, gate: QualityGate | None) -> NDArray[np.bool_]:
    if gate is None:
        return templates.acquired
    fit = [
        bool(seen)
        and gate.check_geometry(templates.geometry(index)) is None
        and gate.check_pixels(templates.pixels(index)) is None
        for index, seen in enumerate(templates.acquired)
    ]
    return np.array(fit, np.bool_)


def _draw(
    pool: Pool,
    others: Pool | None,
    plan: Plan,
    may_enrol: NDArray[np.bool_],
    index: int,
) -> Draw:
    # Two lots, so that a seed gives the same lists with a cohort and without.
    of_list, of_cohort = (np.random.default_rng([plan.seed, index, lot]) for lot in range(2))
    listed = np.sort(of_list.permutation(pool.people)[: plan.list_size])
    place = np.full(pool.n_people, -1, np.int64)
    place[listed] = np.arange(len(listed))
    kept = pool.kept
    owner = place[pool.person[kept]]
    on_list, owners = kept[owner >= 0], owner[owner >= 0]
    is_reference = _nth_of_person(owners) < plan.n_references
    enrolled = is_reference & may_enrol[on_list]
    unlisted = kept[owner < 0]
    searched = np.zeros(0, np.int64) if others is None else others.kept
    if others is None:
        cohort, unlisted = _split(pool, unlisted, plan.cohort_size, of_cohort)
    else:
        cohort, searched = _split(others, searched, plan.cohort_size, of_cohort)
    return Draw(
        listed=listed,
        references=on_list[enrolled],
        reference_owner=owners[enrolled],
        mated=on_list[~is_reference],
        mated_owner=owners[~is_reference],
        nonmated=unlisted,
        cohort=cohort,
        others=searched,
        n_unenrolled=len(listed) - len(np.unique(owners[enrolled])),
    )


def _nth_of_person(owners: Ranks) -> Ranks:
    """Return of each picture which one of its person it is, from 0; pictures come by person."""
    order = np.argsort(owners, kind="stable")
    sorted_owners = owners[order]
    begins = np.flatnonzero(np.diff(sorted_owners, prepend=-1))
    nth = np.empty(len(owners), np.int64)
    nth[order] = np.arange(len(owners)) - np.repeat(begins, np.diff(np.append(begins, len(owners))))
    return nth


def _split(
    pool: Pool, pictures: Ranks, n_cohort: int, rng: np.random.Generator
) -> tuple[Ranks, Ranks]:
    """Return the pictures of a cohort of people drawn by lot, and everybody else's."""
    if not n_cohort:
        return pictures[:0], pictures
    person = pool.person[pictures]
    chosen = np.isin(person, rng.permutation(np.unique(person))[:n_cohort])
    return pictures[chosen & pool.templates.acquired[pictures]], pictures[~chosen]


@dataclass(frozen=True, slots=True, eq=False)
class Searches:
    """Every search of every draw.

    Attributes:
        mated: score of each mated search's mate.
        mated_rank: at which place the mate stands, from 1; 0 where the search failed.
        mated_picture: of the mated pool.
        nonmated: best score of each non-mated search.
        nonmated_picture: of the pool that ``nonmated_is_other`` says.
        nonmated_person: of the same pool.
        nonmated_is_other: whether it is of the second pool.
        draw: of each non-mated search, which draw.
    """

    mated: ScoreArray = field(repr=False)
    mated_rank: Ranks = field(repr=False)
    mated_picture: Ranks = field(repr=False)
    nonmated: ScoreArray = field(repr=False)
    nonmated_picture: Ranks = field(repr=False)
    nonmated_person: Ranks = field(repr=False)
    nonmated_is_other: NDArray[np.bool_] = field(repr=False)
    draw: Ranks = field(repr=False)


def search(
    pool: Pool, others: Pool | None, draws: Sequence[Draw], scorings: Sequence[Scoring]
) -> Searches:
    """Carry out every search of the draws, each under its own scoring."""
    mated, ranks, nonmated, pictures, people, is_other, number = [], [], [], [], [], [], []
    for index, (draw, scoring) in enumerate(zip(draws, scorings, strict=True)):
        gallery = Gallery(pool.templates.vectors[draw.references], draw.reference_owner)
        scores, rank = _mated(gallery, scoring, pool, draw)
        mated.append(scores)
        ranks.append(rank)
        sources = [(pool, draw.nonmated, False)]
        if others is not None:
            sources.append((others, draw.others, True))
        for source, searched, other in sources:
            nonmated.append(_best(gallery, scoring, source.templates, searched))
            pictures.append(searched)
            people.append(source.person[searched])
            is_other.append(np.full(len(searched), other))
            number.append(np.full(len(searched), index))
    return Searches(
        np.concatenate(mated),
        np.concatenate(ranks),
        np.concatenate([draw.mated for draw in draws]),
        np.concatenate(nonmated),
        np.concatenate(pictures),
        np.concatenate(people),
        np.concatenate(is_other),
        np.concatenate(number),
    )


def _mated(gallery: Gallery, scoring: Scoring, pool: Pool, draw: Draw) -> tuple[ScoreArray, Ranks]:
    scores = np.full(len(draw.mated), FAILED)
    ranks = np.zeros(len(draw.mated), np.int64)
    column = np.full(len(draw.listed), -1, np.int64)
    column[gallery.enrolled] = np.arange(len(gallery.enrolled))
    mate = column[draw.mated_owner]
    able = np.flatnonzero(pool.templates.acquired[draw.mated] & (mate >= 0))
    probes = pool.templates.vectors[draw.mated[able]]
    for rows, block in gallery.by_person(scoring, probes):
        which = able[rows]
        own = block[np.arange(len(which)), mate[which]]
        scores[which] = own
        ranks[which] = 1 + np.count_nonzero(block > own[:, np.newaxis], axis=1)
    return scores, ranks


def _best(
    gallery: Gallery, scoring: Scoring, templates: TemplateSet, searched: Ranks
) -> ScoreArray:
    best = np.full(len(searched), FAILED)
    able = np.flatnonzero(templates.acquired[searched])
    if len(gallery.references):
        for rows, block in gallery.by_person(scoring, templates.vectors[searched[able]]):
            best[able[rows]] = block.max(axis=1)
    return best
