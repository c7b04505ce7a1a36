from datetime import UTC, datetime

import numpy as np
import pytest

from overt.core.errors import InputError, IntegrityError
from overt.core.ids import ContractId, EntryId
from overt.matching.gallery import Gallery, GalleryEntry

SPACE = ContractId("space")


def entry(name, templates):
    return GalleryEntry(EntryId(name), np.asarray(templates, np.float32))


def test_entries_are_ordered_by_id():
    gallery = Gallery(SPACE, [entry("b", [[1, 0]]), entry("a", [[0, 1], [1, 0]])])
    assert [each.entry for each in gallery.entries] == ["a", "b"]
    assert (gallery.contract, gallery.dims) == ("space", 2)


def test_an_empty_gallery_is_refused():
    with pytest.raises(InputError, match="empty"):
        Gallery(SPACE, [])


def test_two_entries_with_one_id_are_refused():
    with pytest.raises(InputError, match="same id"):
        Gallery(SPACE, [entry("a", [[1, 0]]), entry("a", [[0, 1]])])


@pytest.mark.parametrize(
    "templates",
    [[1, 0], [], [[]], np.zeros((0, 2)), [[1, 0, 0]], [[[1, 0]]], 1.0],
    ids=["flat", "nothing", "no-numbers", "no-row", "other-length", "deep", "scalar"],
)
def test_templates_of_a_wrong_shape_are_refused(templates):
    with pytest.raises(IntegrityError, match="shape"):
        Gallery(SPACE, [entry("a", [[1, 0]]), entry("b", templates)])
    with pytest.raises(IntegrityError):
        Gallery(SPACE, [entry("a", templates), entry("b", [[1, 0]])])


@pytest.mark.parametrize(
    "template", [[0, 0], [1, 1], [0.998, 0], [np.nan, 1], [np.inf, 0]], ids=str
)
def test_templates_not_of_unit_length_are_refused(template):
    with pytest.raises(IntegrityError, match="damaged"):
        Gallery(SPACE, [entry("a", [[1, 0]]), entry("b", [[0, 1], template])])


def test_no_error_names_an_entry():
    secret = "e-secret"
    for templates in ([[0, 0]], [[1, 0, 0]]):
        with pytest.raises(IntegrityError) as caught:
            Gallery(SPACE, [entry("a", [[1, 0]]), entry(secret, templates)])
        assert secret not in str(caught.value)


def test_an_entry_cannot_be_changed():
    each = GalleryEntry(EntryId("a"), np.eye(2, dtype=np.float32), datetime.now(UTC))
    with pytest.raises(AttributeError):
        each.expires_utc = None


def test_no_template_shows_in_a_representation():
    assert "array" not in repr(entry("a", [[1, 0]]))
