from pathlib import Path

import numpy as np
import pytest

from overt.core.clock import ManualClock
from overt.core.errors import StorageError
from overt.core.ids import CameraId
from overt.video import RecordedReader, VideoWriter, parse_source

_CLOCK = ManualClock()
_COLOURS = [(30, 60, 200), (200, 60, 30), (60, 200, 30), (128, 128, 128)]


def _read(path):
    return list(RecordedReader(parse_source(str(path)), CameraId("c"), _CLOCK, _CLOCK.now_utc()))


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 64, 48, 30, crf=10) as writer:
        for colour in _COLOURS:
            writer.write(np.full((48, 64, 3), colour, np.uint8))
    frames = _read(path)
    assert [f.media_time_s for f in frames] == pytest.approx([0, 1 / 30, 2 / 30, 3 / 30])
    for frame, colour in zip(frames, _COLOURS, strict=True):
        found = frame.picture.crop(0, 0, 64, 48).mean(axis=(0, 1))
        np.testing.assert_allclose(found, colour, atol=4)


def test_a_fractional_rate_is_kept(tmp_path):
    path = tmp_path / "clip.mp4"
    with VideoWriter(path, 64, 48, 30000 / 1001) as writer:
        for _ in range(31):
            writer.write(np.zeros((48, 64, 3), np.uint8))
    assert _read(path)[30].media_time_s == pytest.approx(1.001)


def test_nothing_has_the_name_before_it_is_complete(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"the old one")
    with VideoWriter(path, 64, 48, 25) as writer:
        writer.write(np.zeros((48, 64, 3), np.uint8))
        assert path.read_bytes() == b"the old one"
    assert path.stat().st_size > 100
    assert [entry.name for entry in tmp_path.iterdir()] == ["clip.mp4"]


def test_an_error_leaves_nothing_behind(tmp_path):
    def fail() -> None:
        with VideoWriter(tmp_path / "clip.mp4", 64, 48, 25) as writer:
            writer.write(np.zeros((48, 64, 3), np.uint8))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("width", "height"), [(63, 48), (64, 47), (0, 48), (-2, 2)])
def test_odd_sizes_are_refused(tmp_path, width, height):
    with pytest.raises(ValueError, match="even sizes"):
        VideoWriter(tmp_path / "clip.mp4", width, height, 25)


def test_a_frame_of_another_size_is_refused(tmp_path):
    writer = VideoWriter(tmp_path / "clip.mp4", 64, 48, 25)
    with pytest.raises(ValueError, match="expected shape"):
        writer.write(np.zeros((64, 48, 3), np.uint8))
    writer.abandon()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("n_frames", [1, 300])
def test_a_full_disk_is_a_storage_error_and_leaves_nothing(tmp_path, n_frames):
    (tmp_path / ".clip.mp4.part.mp4").symlink_to("/dev/full")
    noise = np.random.default_rng(1).integers(0, 255, (48, 64, 3), np.uint8)

    def write() -> None:
        with VideoWriter(tmp_path / "clip.mp4", 64, 48, 25, crf=1) as writer:
            for _ in range(n_frames):
                writer.write(noise)

    with pytest.raises(StorageError) as caught:
        write()
    assert caught.value.exit_code == 7
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError):
        VideoWriter(tmp_path / "missing" / "clip.mp4", 64, 48, 25)
