"""An import, with an enroller that counts instead of looking."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from overt.core.clock import ManualClock
from overt.core.errors import UnavailableError
from overt.core.ids import ContractId, EntryId, KinGroup, Sha256
from overt.policy.pack import load_pack
from overt.watchlist import importing
from overt.watchlist.enrol import Accepted, Refused
from overt.watchlist.grounds import Grounds
from overt.watchlist.importing import Importer, Origin, Outcome, import_sha256, row_key
from overt.watchlist.likely_pairs import AlikeLimits, likely_pairs
from overt.watchlist.rows import ManifestRow, RowRefused
from overt.watchlist.stored import StoredEntry, StoredReference

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
SPACE = ContractId("space")


def row(number, *, picture=None, label=None, kin=None, category="wanted-on-warrant"):
    grounds = Grounds(
        category=category,
        lawful_basis="Warrant",
        source_system="records",
        source_reference=f"ref-{number}",
        reason_here="Seen here",
        requester="dc-7",
        image_source="custody",
        image_date=NOON.date(),
        held_until=NOON.date().replace(year=2027),
    )
    data = picture or b"picture %d" % number
    digest = hashlib.sha256(data + category.encode() + str(number).encode()).hexdigest()
    return ManifestRow(
        number,
        number + 1,
        label or f"Person {number}",
        (data,),
        grounds,
        NOON.replace(month=7),
        None if kin is None else KinGroup(kin),
        Sha256(digest),
    )


class Enroller:
    """Counts whom it is given; a picture that says so is refused."""

    def __init__(self, stop_after=None):
        self.seen = []
        self.stop_after = stop_after

    def enrol(self, people):
        for number, person in enumerate(people, start=1):
            self.seen.append(person.label)
            if number == self.stop_after:
                raise UnavailableError("The device is gone.")
            if person.pictures[0] == b"no face":
                yield Refused(number, person.label, "There is no face in the picture.")
                continue
            digest = hashlib.sha256(person.label.encode() + person.pictures[0]).hexdigest()
            random = np.random.default_rng(int(digest[:8], 16))
            template = random.standard_normal(16).astype(np.float32)
            template /= np.linalg.norm(template)
            reference = StoredReference(template, person.pictures[0])
            entry = StoredEntry(EntryId(f"e-{digest[:20]}"), person.label, (reference,))
            yield Accepted(number, entry, (), ())


class Staging:
    started_utc = NOON

    def __init__(self):
        self.kept = {}
        self.batches = []

    def find(self, key):
        return self.kept.get(key)

    def keep(self, verdicts):
        self.batches.append(len(verdicts))
        self.kept.update(verdicts)


class Known:
    def __init__(self, kept):
        self.kept = kept

    def find(self, key):
        return self.kept.get(key)


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def begin(pack_toml, clock):
    """Return an importer and what it works with."""

    def do(staging=None, known=None, stop_after=None):
        staging, enroller = staging or Staging(), Enroller(stop_after)
        pack = load_pack(pack_toml)
        importer = Importer(pack, SPACE, staging, clock, enroller=lambda: enroller, known=known)
        return importer, staging, enroller

    return do


def test_every_row_has_one_report(begin):
    rows = [
        row(1),
        RowRefused(2, 3, "name", "must not be blank", ""),
        row(3, picture=b"no face"),
        row(4, category="unheard-of"),
        row(5),
        row(6, picture=b"picture 5", label="Person 5"),
    ]
    importer, _, enroller = begin()
    reports = sorted(importer.reports(rows), key=lambda each: each.row)
    assert [each.outcome for each in reports] == [
        Outcome.ACCEPTED,
        Outcome.REFUSED,
        Outcome.REFUSED,
        Outcome.REFUSED,
        Outcome.ACCEPTED,
        Outcome.REFUSED,
    ]
    assert [each.column for each in reports] == [None, "name", "images", None, None, "images"]
    assert reports[5].reasons == ("the same name and pictures stand in row 5 already",)
    # What policy refuses costs no model anything.
    assert enroller.seen == ["Person 1", "Person 3", "Person 5", "Person 5"]
    assert set(importer.cards) == set(importer.fresh)
    assert len(importer.cards) == 2
    assert "Person" not in repr(reports)


def test_what_was_kept_aside_is_not_enrolled_again(begin):
    rows = [row(n) for n in range(1, 7)]
    importer, staging, _ = begin(stop_after=4)
    with pytest.raises(UnavailableError):
        list(importer.reports(rows))
    assert len(staging.kept) == 3  # kept although it ended in an error
    importer, staging, enroller = begin(staging)
    reports = list(importer.reports(rows))
    assert enroller.seen == ["Person 4", "Person 5", "Person 6"]
    assert {each.row for each in reports if each.origin is Origin.RESUMED} == {1, 2, 3}
    whole, *_ = begin()
    list(whole.reports(rows))
    assert whole.cards == importer.cards
    assert whole.digest.sha256 == importer.digest.sha256


def test_a_refusal_is_kept_aside_too(begin):
    rows = [row(1, picture=b"no face"), row(2)]
    importer, staging, _ = begin()
    list(importer.reports(rows))
    importer, _, enroller = begin(staging)
    reports = sorted(importer.reports(rows), key=lambda each: each.row)
    assert enroller.seen == []
    assert reports[0].reasons == ("There is no face in the picture.",)


def test_no_model_is_opened_for_what_is_known(begin, pack_toml, clock):
    rows = [row(1), row(2)]
    importer, staging, _ = begin()
    list(importer.reports(rows))
    known = Known(dict(staging.kept))

    def fail():
        raise AssertionError("a model was opened")

    importer = Importer(load_pack(pack_toml), SPACE, Staging(), clock, enroller=fail, known=known)
    reports = list(importer.reports(rows))
    assert {each.origin for each in reports} == {Origin.KEPT}
    assert importer.fresh == {}
    assert len(importer.cards) == 2


def test_verdicts_are_kept_in_batches_by_number_and_time(begin, clock, monkeypatch):
    monkeypatch.setattr(importing, "BATCH_ROWS", 3)
    importer, staging, _ = begin()
    reports = importer.reports([row(n) for n in range(1, 9)])
    for n in range(8):
        if n == 4:
            clock.advance(importing.BATCH_S)
        next(reports)
    list(reports)
    assert staging.batches == [3, 2, 3]


def test_whoever_stops_early_keeps_what_was_done(begin):
    importer, staging, _ = begin()
    reports = importer.reports([row(n) for n in range(1, 9)])
    next(reports)
    next(reports)
    reports.close()
    assert len(staging.kept) == 2


def test_what_names_a_row_and_an_import(pack_toml):
    pack = load_pack(pack_toml).sha256
    rows = [row(1), RowRefused(2, 3, None, "is broken", "")]
    assert row_key(row(1), SPACE) != row_key(row(1), ContractId("another"))
    assert row_key(row(1), SPACE) != row_key(row(2), SPACE)
    digest = import_sha256(rows, SPACE, pack)
    assert digest == import_sha256(list(rows), SPACE, pack)
    assert digest != import_sha256(rows[:1], SPACE, pack)
    assert digest != import_sha256(rows[::-1], SPACE, pack)
    assert digest != import_sha256(rows, ContractId("another"), pack)
    assert digest != import_sha256(rows, SPACE, Sha256("0" * 64))
    assert digest != import_sha256([rows[0], replace(rows[1], reason="is gone")], SPACE, pack)


def test_pictures_are_not_held_to_the_end(begin):
    importer, *_ = begin()
    list(importer.reports([row(1, picture=b"x" * 100_000)]))
    (light,) = importer.light
    assert len(light.references[0].picture_jpeg) == 32
    assert light.label == ""
    assert light.grounds is None


def test_pairs_that_the_source_calls_kin_are_not_asked_about(begin):
    limits = AlikeLimits(duplicate_at=0.99, kin_at=0.98)
    importer, *_ = begin()
    rows = [
        row(1, picture=b"same", kin="smith"),
        row(2, picture=b"same", kin="smith"),
        row(3, picture=b"same"),
    ]
    list(importer.reports(rows))
    cards = tuple(importer.cards.values())
    pairs, complete = likely_pairs(cards, importer.light, limits)
    assert complete
    ids = sorted(importer.cards, key=lambda entry: importer.cards[entry].label)
    smiths = tuple(sorted(ids[:2]))
    assert len(pairs) == 2
    assert smiths not in {(pair.a, pair.b) for pair in pairs}
    assert {str(pair.likely) for pair in pairs} == {"same"}


def test_a_word_that_the_pack_does_not_know_is_not_repeated(begin):
    """Where columns were mixed up it may be a name, and reports are shared."""
    importer, *_ = begin()
    (report,) = importer.reports([row(1, category="anna-mueller")])
    assert "anna" not in " ".join(report.reasons)
    assert "knows no category of that name" in report.reasons[0]
    assert "(rule list-categories;" in report.reasons[0]
