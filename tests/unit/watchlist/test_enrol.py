import itertools
import signal
import sys
import threading

import cv2
import numpy as np
import pytest

from overt.core.errors import InputError
from overt.core.ids import ContractId, EntryId, WatchlistId
from overt.inference.engine import RuntimeFailedError
from overt.video.picture_sets import PersonPictures
from overt.watchlist.enrol import (
    KEPT_SIDE_PX,
    LOOK_AHEAD,
    Accepted,
    Enroller,
    Refused,
    _entry_id,
    freeze,
)
from overt.watchlist.manifest import manifest_sha256
from overt.watchlist.stored import StoredEntry, StoredReference

SECRET = "Jane Doe"


def enrol(enroller, *files, label="p"):
    (verdict,) = enroller.enrol([PersonPictures(label, files)])
    return verdict


def test_a_good_picture_is_accepted_without_a_word(enroller, pictures, models):
    verdict = enrol(enroller, pictures["hopper"], label="somebody")
    assert isinstance(verdict, Accepted)
    assert (verdict.row, verdict.warnings, verdict.entry.label) == (1, (), "somebody")
    (reference,) = verdict.entry.references
    assert reference.template.shape == (models.dims,)
    assert np.linalg.norm(reference.template) == pytest.approx(1, abs=1e-6)
    assert verdict.entry.expires_utc is verdict.entry.kin_group is None


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("nobody", "There is no face in the picture."),
        ("two", "There is more than one face in the picture."),
        ("small", "The face is too small."),
        ("dark", "The face is too dark."),
        ("broken", "damaged"),
        ("no picture", "damaged"),
    ],
)
def test_what_is_refused_and_why(enroller, pictures, file, reason):
    verdict = enrol(enroller, pictures[file])
    assert isinstance(verdict, Refused)
    assert reason in verdict.reason


def test_a_person_without_a_picture_is_refused(enroller):
    assert "no picture" in enrol(enroller).reason


def test_people_in_the_background_are_ignored(enroller, pictures):
    verdict = enrol(enroller, pictures["somebody behind"])
    same = enrol(enroller, pictures["hopper"])
    assert isinstance(verdict, Accepted)
    assert verdict.entry.references[0].template @ same.entry.references[0].template > 0.95


def test_a_poor_picture_is_accepted_with_a_warning(enroller, pictures):
    verdict = enrol(enroller, pictures["poor"])
    assert isinstance(verdict, Accepted)
    (warning,) = verdict.warnings
    assert "too small" in warning
    assert "poor" in warning.lower()


def test_several_pictures_of_a_person(enroller, pictures):
    verdict = enrol(enroller, pictures["hopper"], pictures["hopper again"])
    assert len(verdict.entry.references) == 2


def test_unusable_pictures_are_left_out_and_named_by_their_reason(enroller, pictures):
    verdict = enrol(enroller, pictures["nobody"], pictures["hopper"], pictures["two"])
    assert isinstance(verdict, Accepted)
    assert len(verdict.entry.references) == 1
    assert [each.startswith("A picture left out: There is ") for each in verdict.warnings] == [
        True,
        True,
    ]


def test_rows_count_from_one_in_order(enroller, pictures):
    people = [
        PersonPictures("a", (pictures["nobody"],)),
        PersonPictures("b", (pictures["hopper"],)),
        PersonPictures("c", (pictures["no picture"],)),
    ]
    verdicts = list(enroller.enrol(people))
    assert [(each.row, type(each)) for each in verdicts] == [
        (1, Refused),
        (2, Accepted),
        (3, Refused),
    ]


def test_the_entry_id_is_stable_and_says_nothing(enroller, pictures):
    verdict = enrol(enroller, pictures["hopper"], label=SECRET)
    entry = verdict.entry.entry
    assert entry == _entry_id(PersonPictures(SECRET, (pictures["hopper"],)))
    assert SECRET.lower() not in entry.lower()
    assert entry.startswith("e-")
    assert set(entry[2:]) <= set("0123456789abcdef")


def test_another_label_picture_or_order_is_another_entry():
    people = [("a", b"1"), ("b", b"1"), ("a", b"2"), ("a", b"1", b"2"), ("a", b"2", b"1")]
    people += [("a", b"12"), ("a", b"1", b""), ("ab", b"1"), ("", b"1")]
    assert len({_entry_id(PersonPictures(label, files)) for label, *files in people}) == 9


def test_a_label_that_is_no_unicode_can_be_enrolled(enroller, pictures):
    """File names on POSIX are bytes."""
    assert isinstance(enrol(enroller, pictures["hopper"], label="caf\udce9"), Accepted)


def test_the_picture_that_is_kept_is_small_and_shows_the_same(enroller, portraits):
    large = cv2.resize(portraits["eileen-collins"], (1200, 1200))
    (reference,) = enrol(enroller, cv2.imencode(".png", large)[1].tobytes()).entry.references
    kept = cv2.imdecode(np.frombuffer(reference.picture_jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert kept.shape == (KEPT_SIDE_PX, KEPT_SIDE_PX, 3)
    assert np.abs(kept.astype(int) - portraits["eileen-collins"]).mean() < 4


def test_a_face_that_fills_a_large_picture_is_one_face(enroller, models, portraits):
    """Regression: the largest side found a part of it as a second face."""
    close = cv2.resize(portraits["grace-hopper"][109:344, 173:362], (1200, 1500))
    assert isinstance(enrol(enroller, cv2.imencode(".jpg", close)[1].tobytes()), Accepted)


@pytest.mark.parametrize("file", ["hopper", "nobody", "no picture", "poor"])
def test_nothing_of_a_person_shows_in_a_representation_or_reason(enroller, pictures, file):
    verdict = enrol(enroller, pictures[file], label=SECRET)
    said = verdict.reason if isinstance(verdict, Refused) else " ".join(verdict.warnings)
    assert SECRET not in repr(verdict) + said
    assert "array" not in repr(verdict)


def bits(verdicts):
    return [
        (each.row, each.reason)
        if isinstance(each, Refused)
        else (
            each.row,
            each.entry.entry,
            each.warnings,
            each.assessments,
            [(ref.template.tobytes(), ref.picture_jpeg) for ref in each.entry.references],
        )
        for each in verdicts
    ]


def everybody(pictures):
    people = [PersonPictures(name, (data,)) for name, data in pictures.items()]
    people.append(PersonPictures("all", tuple(pictures.values())))
    return people


def test_many_threads_say_the_same_as_one_bit_for_bit(models, pictures):
    one, many = (Enroller(models.still_detector, models.embedder, n_workers=n) for n in (1, 4))
    people = everybody(pictures)
    assert bits(many.enrol(people)) == bits(one.enrol(people))


def test_each_reference_comes_with_its_assessment(enroller, pictures):
    verdict = enrol(enroller, pictures["nobody"], pictures["hopper"], pictures["poor"])
    assert [each.verdict.value for each in verdict.assessments] == ["good", "poor"]


class Watched:
    """A detector that does something instead, for the picture of a given number."""

    def __init__(self, detector, number, act):
        self._detector, self._number, self._act = detector, number, act
        self._count = itertools.count(1)

    def detect_still(self, picture):
        if next(self._count) == self._number:
            self._act()
        return self._detector.detect_still(picture)


def workers_alive():
    return [thread for thread in threading.enumerate() if thread.name.startswith("enrol")]


def failed():
    raise RuntimeFailedError("the runtime failed")


@pytest.mark.parametrize("n_workers", [1, 3])
def test_what_fails_in_a_worker_surfaces_in_its_row(models, pictures, n_workers):
    detector = Watched(models.still_detector, 1, failed)
    enroller = Enroller(detector, models.embedder, n_workers=n_workers)
    with pytest.raises(RuntimeFailedError, match="the runtime failed"):
        list(enroller.enrol([PersonPictures("p", (pictures["hopper"],))] * 9))
    assert not workers_alive()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent to a thread")
def test_an_interrupt_stops_it(models, pictures):
    main = threading.main_thread().ident
    detector = Watched(models.still_detector, 4, lambda: signal.pthread_kill(main, signal.SIGINT))
    enroller = Enroller(detector, models.embedder, n_workers=3)
    with pytest.raises(KeyboardInterrupt):
        list(enroller.enrol([PersonPictures("p", (pictures["hopper"],))] * 500))
    assert not workers_alive()


def test_what_cannot_be_read_comes_after_the_verdicts_before_it(models, pictures):
    def people():
        for label in "abc":
            yield PersonPictures(label, (pictures["hopper"],))
        raise InputError("the archive ends here")

    rows = Enroller(models.still_detector, models.embedder, n_workers=4).enrol(people())
    assert [next(rows).row for _ in range(3)] == [1, 2, 3]
    with pytest.raises(InputError, match="ends here"):
        next(rows)
    assert not workers_alive()


def test_only_a_few_people_are_read_ahead(models, pictures):
    read = itertools.count()
    people = (PersonPictures(str(next(read)), (pictures["nobody"],)) for _ in range(10_000))
    rows = Enroller(models.still_detector, models.embedder, n_workers=2).enrol(people)
    next(rows)
    rows.close()
    assert next(read) <= 2 * LOOK_AHEAD + 1
    assert not workers_alive()


@pytest.mark.parametrize("n_workers", [0, -1])
def test_somebody_must_work(models, n_workers):
    with pytest.raises(ValueError, match="positive"):
        Enroller(models.still_detector, models.embedder, n_workers=n_workers)


def entry(name, *numbers, picture=None):
    template = np.asarray(numbers, np.float32)
    reference = StoredReference(template, picture or name.encode())
    return StoredEntry(EntryId(name), SECRET, (reference,))


def frozen(*entries):
    return freeze(WatchlistId("w"), "list", ContractId("space"), entries)


def test_a_list_is_frozen_in_order_of_entry_id():
    entries = [entry(name, 1, 0) for name in ("e-2", "e-1", "e-3")]
    one, other = frozen(*entries), frozen(*reversed(entries))
    assert [each.entry for each in one.entries] == ["e-1", "e-2", "e-3"]
    assert one.manifest_sha256 == other.manifest_sha256
    assert one.manifest_sha256 == manifest_sha256(ContractId("space"), one.entries)


def test_an_entry_that_stands_twice_is_kept_once():
    first, again = entry("e-1", 1, 0), entry("e-1", 1, 0)
    assert len(frozen(first, again).entries) == 1
    assert frozen(first, again).manifest_sha256 == frozen(first).manifest_sha256


def test_an_empty_list_is_refused():
    with pytest.raises(InputError, match="empty"):
        frozen()


def test_people_listed_with_the_same_picture_are_kin_and_others_are_not():
    kept = frozen(
        entry("e-1", 1, 0, picture=b"x"), entry("e-2", 1, 0, picture=b"x"), entry("e-3", 1)
    )
    first, second, third = (each.kin_group for each in kept.entries)
    assert first == second is not None
    assert third is None
