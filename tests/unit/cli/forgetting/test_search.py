"""The search finds whatever is there, wherever it lies, and nothing else."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.cli.forgetting.forms import Form, forms_of
from overt.cli.forgetting.likeness import alike
from overt.cli.forgetting.search import Needles
from overt.simulation.drawn_face import draw_head

RANDOM = np.random.default_rng(5)


def unit(*shape):
    vectors = RANDOM.normal(size=shape).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.fixture(scope="module")
def forms():
    crop = draw_head(3).bgr[100:212, 104:216].copy()
    return forms_of([unit(128)], [crop])


@pytest.fixture(scope="module")
def needles(forms):
    return Needles(forms)


def haystack(n_bytes=1 << 16):
    return RANDOM.integers(0, 256, n_bytes, np.uint8)


def test_every_form_has_pieces_and_they_are_of_it(forms):
    assert len(forms) > 60
    assert len({form.name for form in forms}) == len(forms)
    for form in forms:
        assert form.pieces, form.name
        assert all(piece in form.data for piece in form.pieces), form.name


def test_every_form_is_found_where_it_was_planted(forms, needles):
    for number, form in enumerate(forms):
        hay = haystack(len(form.data) + 4096)
        hay[99 + number : 99 + number + len(form.data)] = np.frombuffer(form.data, np.uint8)
        found = needles.find(hay)
        assert form.name in {hit.form for hit in found}
        for hit in found:
            assert hay[hit.offset : hit.offset + 24].tobytes() in form.data


def test_nothing_is_found_where_nothing_is(needles):
    for hay in (haystack(1 << 20), np.zeros(1 << 20, np.uint8), haystack(5), haystack(0)):
        assert needles.find(hay) == []


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 400), st.integers(24, 64), st.integers(0, 300))
def test_a_piece_is_found_at_any_offset(before, length, after):
    piece = RANDOM.bytes(length)
    hay = np.frombuffer(bytes(before) + piece + bytes(after), np.uint8)
    found = Needles([Form("it", piece, (piece,))]).find(hay)
    assert [(hit.form, hit.offset) for hit in found] == [("it", before)]


def test_a_piece_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="too short"):
        Needles([Form("it", b"short", (b"short",))])


@pytest.mark.parametrize(("kind", "size"), [("f4", 4), ("f2", 2)])
@pytest.mark.parametrize("scale", [1, 0.05, 17])
def test_what_is_alike_is_found_in_any_scale(kind, size, scale):
    template = unit(128)
    similar = template + 0.25 * unit(128)
    hay = haystack()
    at = 1000 * size
    planted = (scale * similar).astype(kind).tobytes()
    hay[at : at + len(planted)] = np.frombuffer(planted, np.uint8)
    assert at in alike(hay, template[np.newaxis], kind)


def test_what_is_not_alike_is_not_found():
    template = unit(128)
    others = unit(500, 128) * np.float32(3)
    for hay in (others.view(np.uint8).reshape(-1), haystack(1 << 18), np.zeros(9999, np.uint8)):
        for kind in ("f4", "f2"):
            assert alike(hay[: hay.size // 4 * 4], template[np.newaxis], kind) == []


def test_a_torn_template_is_still_alike():
    template = unit(128)
    torn = template.copy()
    torn[60:63] = np.nan
    hay = np.concatenate([np.zeros(77, np.float32), torn, np.zeros(200, np.float32)])
    assert 77 * 4 in alike(hay.view(np.uint8), template[np.newaxis], "f4")
