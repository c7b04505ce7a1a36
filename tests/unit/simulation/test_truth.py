import json
from dataclasses import replace

import pytest

from overt.core.errors import InputError
from overt.simulation.config import StreetConfig
from overt.simulation.truth import (
    Passage,
    Sighting,
    Truth,
    format_truth,
    parse_truth,
    read_truth,
    write_truth,
)


@pytest.fixture
def truth() -> Truth:
    seen = tuple(Sighting(f, (10.5, 20.0, 30.0, 50.5), 30.5, 0.125) for f in (4, 5, 7))
    passage = Passage("someone-17", 4, 7, 0.16, 0.28, seen)
    return Truth(config=StreetConfig(), n_frames=50, clip_sha256="a" * 64, passages=(passage,))


def test_what_is_written_is_read_back(tmp_path, truth):
    path = tmp_path / "truth.json"
    write_truth(path, truth)
    assert read_truth(path) == truth
    assert parse_truth(format_truth(replace(truth, clip_sha256=None))).clip_sha256 is None


def test_a_passage_knows_its_frames(truth):
    passage = truth.passages[0]
    assert passage.at_frame(5) == passage.sightings[1]
    assert passage.at_frame(6) is None
    assert truth.duration_s == 2.0


def altered(truth: Truth, change) -> bytes:
    content = json.loads(format_truth(truth))
    change(content)
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(schema="overt/street-truth/0"),
        lambda c: c.update(extra=1),
        lambda c: c.pop("n_frames"),
        lambda c: c.update(n_frames="50"),
        lambda c: c.update(clip_sha256="A" * 64),
        lambda c: c["config"].update(width=3),
        lambda c: c["config"].update(unknown=3),
        lambda c: c["passages"][0].update(sightings=[]),
        lambda c: c["passages"][0].update(first_frame=3),
        lambda c: c["passages"][0].update(first_time_s=9.0),
        lambda c: c["passages"][0]["sightings"].reverse(),
        lambda c: c["passages"][0]["sightings"][0].update(occluded_share=1.5),
        lambda c: c["passages"][0]["sightings"][0].update(box_px=[1, 2, 3]),
        lambda c: c["passages"][0]["sightings"][0].update(hairline_chin_px=float("nan")),
    ],
)
def test_what_is_not_of_the_schema_is_refused_without_repeating_it(truth, change):
    with pytest.raises(InputError) as caught:
        parse_truth(altered(truth, change))
    assert "someone" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_an_absent_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_truth(tmp_path / "absent.json")


def test_a_place_that_cannot_be_written_is_an_input_error(tmp_path, truth):
    with pytest.raises(InputError, match="cannot be written"):
        write_truth(tmp_path, truth)
