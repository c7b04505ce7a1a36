from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from overt.core.errors import UsageError
from overt.simulation.camera import Camera
from overt.simulation.config import StreetConfig
from overt.simulation.scenario import plan_scenario

CONFIG = StreetConfig(seed=11)
CAMERA = Camera.for_picture(CONFIG.width, CONFIG.height)


def n_faces(scenario) -> np.ndarray:
    count = np.zeros(scenario.n_frames, int)
    for cast in scenario.cast:
        if cast.person is not None:
            count[max(0, cast.walk.start_frame) : cast.walk.end_frame] += 1
    return count


@pytest.mark.parametrize("passes", [1, 3])
def test_everybody_passes_as_often_as_asked(passes):
    scenario = plan_scenario(replace(CONFIG, passes=passes), CAMERA, 20)
    turns = Counter(cast.person for cast in scenario.cast if cast.person is not None)
    assert turns == dict.fromkeys(range(20), passes)
    assert all(c.walk.end_frame <= scenario.n_frames for c in scenario.cast if c.person is not None)


def test_about_as_many_are_out_as_asked():
    scenario = plan_scenario(CONFIG, CAMERA, 60)
    busy = n_faces(scenario)[: round(0.8 * scenario.n_frames)]
    assert busy.max() == CONFIG.n_visible
    assert busy.mean() > CONFIG.n_visible - 1.5


@pytest.mark.parametrize("at_once", [1, 3])
def test_one_person_is_not_out_more_often_than_allowed(at_once):
    config = replace(CONFIG, duration_s=30.0, same_person_at_once=at_once)
    scenario = plan_scenario(config, CAMERA, 2)
    for person in (0, 1):
        out = np.zeros(scenario.n_frames, int)
        for cast in scenario.cast:
            if cast.person == person:
                out[max(0, cast.walk.start_frame) : cast.walk.end_frame] += 1
        assert out.max() == at_once


def test_in_a_clip_of_given_length_nobody_is_cut_off():
    scenario = plan_scenario(replace(CONFIG, duration_s=20.0), CAMERA, 9)
    assert scenario.n_frames == 500
    assert all(c.walk.end_frame <= 500 for c in scenario.cast if c.person is not None)


def test_too_short_a_clip_is_refused():
    with pytest.raises(UsageError, match="too short"):
        plan_scenario(replace(CONFIG, duration_s=1.0), CAMERA, 3)


def test_those_who_come_grow_from_the_smallest_to_the_largest_size():
    scenario = plan_scenario(replace(CONFIG, share_across=0.0), CAMERA, 30)
    for cast in scenario.cast:
        if cast.person is None or cast.walk.start_frame < 1:
            continue
        walk = cast.walk
        sizes = CAMERA.focal_px * 0.18 * walk.size / walk.z_m
        columns = CAMERA.column_px(walk.x_m, walk.z_m)
        inside = sizes[(columns > 0) & (columns < CONFIG.width)]
        assert inside.min() < 1.15 * CONFIG.smallest_px
        assert 0.8 * CONFIG.largest_px < inside.max() < 1.15 * CONFIG.largest_px


def test_those_who_cross_keep_their_size():
    scenario = plan_scenario(replace(CONFIG, share_across=1.0), CAMERA, 30)
    low, high = CONFIG.across_px
    for cast in scenario.cast:
        if cast.walk.kind == "across":
            sizes = CAMERA.focal_px * 0.18 * cast.walk.size / cast.walk.z_m
            assert low * 0.85 < sizes.min() < sizes.max() < high * 1.2


def test_heads_turn_no_farther_than_asked():
    for cast in plan_scenario(CONFIG, CAMERA, 30).cast:
        assert np.abs(cast.walk.yaw_deg).max() <= CONFIG.yaw_deg


def test_the_occlusion_rate_is_the_share_of_passages():
    scenario = plan_scenario(replace(CONFIG, occlusion_rate=0.5), CAMERA, 300)
    hidden = [c.walk.accessory is not None for c in scenario.cast if c.person is not None]
    assert 0.4 < np.mean(hidden) < 0.6
    clear = plan_scenario(replace(CONFIG, occlusion_rate=0.0), CAMERA, 30)
    assert all(c.walk.accessory is None for c in clear.cast)
