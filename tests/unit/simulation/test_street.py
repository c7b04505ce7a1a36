import hashlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from overt.core.errors import InputError
from overt.simulation.street import StreetSimulator, TruthRecorder
from overt.simulation.truth import format_truth, parse_truth


def digest(frames) -> str:
    total = hashlib.sha256()
    for frame in frames:
        total.update(frame.tobytes())
    return total.hexdigest()


def record(simulator: StreetSimulator, config, people):
    recorder = TruthRecorder(config, simulator.scenario, people)
    for frame in simulator.steps():
        recorder.add(frame)
    return recorder.truth(None)


def test_the_same_seed_gives_the_same_frames(small, people, find_face):
    config = replace(small, duration_s=7.0)
    simulator = StreetSimulator(config, people, find_face)
    first = digest(simulator.frames())
    assert digest(StreetSimulator(config, people, find_face).frames()) == first
    assert digest(simulator.frames()) == first, "a simulator may be played again"
    other = replace(config, seed=8)
    assert digest(StreetSimulator(other, people, find_face).frames()) != first


def test_every_frame_is_a_new_picture_of_the_asked_size(small, people, find_face):
    simulator = StreetSimulator(replace(small, duration_s=7.0), people, find_face)
    frames = list(simulator.frames())
    assert len(frames) == simulator.n_frames == 56
    assert {(f.shape, f.dtype) for f in frames} == {((180, 320, 3), np.dtype(np.uint8))}
    assert not any(np.shares_memory(a, b) for a, b in pairwise(frames))


def test_the_truth_says_who_passed_when_and_where(small, people, find_face):
    config = replace(small, occlusion_rate=0.0)
    truth = record(StreetSimulator(config, people, find_face), config, people)
    assert sorted(p.person for p in truth.passages) == [p.person for p in people]
    assert parse_truth(format_truth(truth)) == truth
    for passage in truth.passages:
        for seen in passage.sightings:
            left, top, right, bottom = seen.box_px
            assert 0.6 < (bottom - top) / seen.hairline_chin_px < 1.5
            assert 0.4 < (right - left) / seen.hairline_chin_px < 1.2
            assert right > 0
            assert bottom > 0
            assert left < config.width
            assert top < config.height


def test_the_face_is_where_the_truth_says(small, people, find_face):
    """Against the empty street: a clip whose only change is the people in it."""
    config = replace(small, n_visible=1, n_away=0, noise=0.0, lighting=0.0, occlusion_rate=0.0)
    simulator = StreetSimulator(config, people[:1], find_face)
    steps = list(simulator.steps())
    empty = np.median([s.picture for s in steps], axis=0)
    clear = [(s.picture, one) for s in steps for _, one in s.sightings if one.occluded_share == 0]
    assert len(clear) > 10
    for picture, one in clear:
        left, top, right, bottom = (round(v) for v in one.box_px)
        changed = np.abs(picture[top:bottom, left:right] - empty[top:bottom, left:right]).max(
            axis=2
        )
        assert np.mean(changed > 8) > 0.5


def test_a_face_behind_the_corner_counts_as_hidden(small, people, find_face):
    config = replace(small, share_across=0.0, n_away=0)
    simulator = StreetSimulator(config, people, find_face)
    shares = [one.occluded_share for s in simulator.steps() for _, one in s.sightings]
    assert min(shares) == 0.0
    assert any(0.05 < share < 0.9 for share in shares)
    assert max(shares) < 0.95


def test_what_is_held_before_the_face_hides_it(small, people, find_face):
    config = replace(small, n_visible=1, n_away=0, furniture=False, share_across=0.0)

    def hidden(rate: float) -> float:
        simulator = StreetSimulator(replace(config, occlusion_rate=rate), people[:3], find_face)
        return float(
            np.mean([one.occluded_share for s in simulator.steps() for _, one in s.sightings])
        )

    assert hidden(1.0) > hidden(0.0) + 0.02


def test_the_clip_is_written_with_its_digest(tmp_path, small, people, find_face):
    path = tmp_path / "street.mp4"
    config = replace(small, duration_s=7.0)
    told: list[tuple[int, int]] = []
    truth = StreetSimulator(config, people, find_face).render(path, lambda *done: told.append(done))
    assert truth.clip_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert truth.n_frames == 56
    assert told[0] == (1, 56)
    assert told[-1] == (56, 56)
    assert truth.passages


def test_nobody_to_walk_is_refused(small, find_face):
    with pytest.raises(InputError, match="at least one portrait"):
        StreetSimulator(small, [], find_face)


def test_a_portrait_without_a_face_is_refused(small, people):
    simulator = StreetSimulator(small, people, lambda picture: None)
    with pytest.raises(InputError, match="no face"):
        list(simulator.frames())
