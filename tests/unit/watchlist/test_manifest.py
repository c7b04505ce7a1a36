import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from overt.core.errors import InputError, IntegrityError
from overt.core.ids import ContractId, EntryId, KinGroup, Sha256, WatchlistId
from overt.ledger.canonical import parse_canonical_object
from overt.watchlist.grounds import Grounds
from overt.watchlist.manifest import (
    FORMAT,
    FORMAT_WITHOUT_GROUNDS,
    as_gallery,
    card_of,
    manifest_bytes,
    manifest_sha256,
)
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

SPACE = ContractId("space")
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SECRET = "Jane Doe"


def reference(*numbers, picture=b"jpeg"):
    template = np.asarray(numbers, np.float64)
    return StoredReference((template / np.linalg.norm(template)).astype(np.float32), picture)


FIRST = StoredEntry(EntryId("e-1"), SECRET, (reference(1, 0), reference(1, 1)), NOON, KinGroup("k"))
SECOND = StoredEntry(EntryId("e-2"), "other", (reference(0, 1),))
LIST = (FIRST, SECOND)


def watchlist(*entries):
    return StoredWatchlist(WatchlistId("w"), "list", SPACE, Sha256("0" * 64), entries)


def test_it_holds_ids_and_digests_only():
    document = parse_canonical_object(manifest_bytes(SPACE, LIST))
    assert document == {
        "format": FORMAT_WITHOUT_GROUNDS,
        "contract": "space",
        "entries": [
            {
                "entry": "e-1",
                "expires_utc": "2026-01-01T12:00:00.000Z",
                "kin": "k",
                "references": [
                    {
                        "picture_sha256": hashlib.sha256(b"jpeg").hexdigest(),
                        "template_sha256": hashlib.sha256(each.template.tobytes()).hexdigest(),
                    }
                    for each in FIRST.references
                ],
            },
            {
                "entry": "e-2",
                "expires_utc": None,
                "kin": None,
                "references": document["entries"][1]["references"],
            },
        ],
    }
    assert SECRET.encode() not in manifest_bytes(SPACE, LIST)


def test_its_digest_is_that_of_its_bytes():
    expected = hashlib.sha256(manifest_bytes(SPACE, LIST)).hexdigest()
    assert manifest_sha256(SPACE, LIST) == expected


def test_the_order_of_the_entries_does_not_matter():
    assert manifest_bytes(SPACE, LIST) == manifest_bytes(SPACE, LIST[::-1])


@pytest.mark.parametrize(
    "changed",
    [
        {"entry": EntryId("e-0")},
        {"expires_utc": NOON + timedelta(milliseconds=1)},
        {"expires_utc": None},
        {"kin_group": KinGroup("l")},
        {"kin_group": None},
        {"references": FIRST.references[:1]},
        {"references": FIRST.references[::-1]},
        {"references": (*FIRST.references, reference(3, 1))},
        {"references": (reference(1, 0, picture=b"other"), FIRST.references[1])},
        {"references": (reference(1, 1e-6), FIRST.references[1])},
    ],
    ids=[
        "id", "later", "no-expiry", "kin", "no-kin", "fewer", "order", "more", "picture",
        "numbers",
    ],
)  # fmt: skip
def test_it_changes_with_everything_that_matching_depends_on(changed):
    before = manifest_sha256(SPACE, LIST)
    assert manifest_sha256(SPACE, (replace(FIRST, **changed), SECOND)) != before


def test_it_changes_with_the_contract_and_with_the_number_of_entries():
    digests = {
        manifest_sha256(SPACE, LIST),
        manifest_sha256(ContractId("other"), LIST),
        manifest_sha256(SPACE, LIST[:1]),
        manifest_sha256(SPACE, ()),
    }
    assert len(digests) == 4


def test_matching_sees_ids_and_templates():
    gallery = as_gallery(watchlist(*LIST))
    assert (gallery.contract, gallery.dims) == ("space", 2)
    first, second = gallery.entries
    assert (first.entry, first.expires_utc, first.kin) == ("e-1", NOON, "k")
    np.testing.assert_array_equal(first.templates, [e.template for e in FIRST.references])
    assert (second.entry, second.templates.shape) == ("e-2", (1, 2))
    assert not hasattr(first, "label")


def test_an_empty_list_cannot_be_searched():
    with pytest.raises(InputError, match="empty"):
        as_gallery(watchlist())


@pytest.mark.parametrize(
    "references",
    [
        (),
        (reference(1, 0), reference(1, 0, 0)),
        (reference(1, 0, 0),),
        (StoredReference(np.array([1, 1], np.float32), b""),),
        (StoredReference(np.array([np.nan, 1], np.float32), b""),),
    ],
    ids=["none", "mixed", "other-length", "not-unit", "nan"],
)
def test_a_damaged_entry_is_an_integrity_error_without_a_name(references):
    damaged = StoredEntry(EntryId("e-9"), SECRET, references)
    with pytest.raises(IntegrityError) as caught:
        as_gallery(watchlist(FIRST, damaged))
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "template", [np.zeros((1, 2), np.float32), np.float32(1), np.zeros(2)], ids=["2d", "0d", "f64"]
)
def test_a_template_of_a_wrong_form_is_refused(template):
    with pytest.raises(ValueError, match="1-dimensional"):
        StoredReference(np.asarray(template), b"")


def test_a_list_out_of_order_or_with_an_entry_twice_is_refused():
    for entries in ((SECOND, FIRST), (FIRST, FIRST)):
        with pytest.raises(ValueError, match="sorted"):
            watchlist(*entries)


def test_nothing_of_a_person_shows_in_a_representation():
    for shown in (FIRST.references[0], FIRST, watchlist(*LIST)):
        said = repr(shown)
        assert SECRET not in said
        assert "array" not in said
        assert "jpeg=b" not in said


def listed_for(reason, label=SECRET):
    grounds = Grounds("wanted-on-warrant", "Warrant", "records", "ref-1", reason)
    return replace(FIRST, grounds=grounds, label=label)


def test_with_grounds_it_says_category_and_commits_to_the_rest():
    entry = listed_for("Was seen in the Obsidian Street")
    data = manifest_bytes(SPACE, [entry, SECOND])
    document = parse_canonical_object(data)
    assert document["format"] == FORMAT == "overt-watchlist/2"
    first, second = document["entries"]
    assert first["category"] == "wanted-on-warrant"
    assert len(first["grounds_sha256"]) == 64
    assert (second["category"], second["grounds_sha256"]) == (None, None)
    assert b"Obsidian" not in data
    assert SECRET.encode() not in data


@pytest.mark.parametrize(
    "other", [listed_for("Another reason"), listed_for("Seen here", label="Somebody else")]
)
def test_who_and_why_are_signed(other):
    assert manifest_sha256(SPACE, [listed_for("Seen here")]) != manifest_sha256(SPACE, [other])


def test_grounds_cannot_be_guessed_without_the_templates():
    one = listed_for("Seen here")
    other = replace(one, references=(reference(1, 1), reference(1, 0)))
    assert card_of(one).grounds_sha256 != card_of(other).grounds_sha256


def test_a_card_stands_for_its_entry():
    entries = [listed_for("Seen here"), SECOND]
    cards = [card_of(each) for each in entries]
    assert manifest_bytes(SPACE, cards) == manifest_bytes(SPACE, entries)
    assert [card_of(card) for card in cards] == cards
    assert SECRET not in repr(cards)


def test_a_gallery_can_be_of_some():
    whole = watchlist(*LIST)
    assert [each.entry for each in as_gallery(whole, {"e-2"}).entries] == ["e-2"]
    assert len(as_gallery(whole, {"e-1", "e-2", "e-9"}).entries) == 2
    with pytest.raises(InputError, match="confirm who is still wanted"):
        as_gallery(whole, frozenset())
