import threading
from itertools import pairwise

import cv2
import numpy as np
import pytest

from overt.core.clock import ManualClock, SystemClock
from overt.core.errors import InputError
from overt.core.ids import CameraId
from overt.video import NewestFrameSlot, RecordedReader, open_reader, parse_source
from overt.video.slot import PrefetchQueue

_CAMERA = CameraId("gate-1")
_CLOCK = ManualClock()


def _reader(path, **options) -> RecordedReader:
    return RecordedReader(parse_source(str(path)), _CAMERA, _CLOCK, _CLOCK.now_utc(), **options)


def _read(path, **options):
    with _reader(path, **options) as reader:
        frames = list(reader)
    return frames, reader.stats()


def test_every_frame_arrives_with_its_camera_time_and_number(film):
    path = film.make("clip.mp4", n_frames=30)
    reader = _reader(path)
    frames = list(reader)
    assert [frame.sequence for frame in frames] == list(range(30))
    assert [frame.media_time_s for frame in frames] == pytest.approx([i / 25 for i in range(30)])
    assert {frame.camera for frame in frames} == {_CAMERA}
    assert (frames[25].captured_utc - _CLOCK.now_utc()).total_seconds() == pytest.approx(1.0)
    assert {frame.arrived_s for frame in frames} == {0.0}
    assert (reader.width_px, reader.height_px, reader.fps) == (160, 120, 25.0)
    assert reader.n_frames_expected == 30
    stats = reader.stats()
    assert (stats.n_decoded, stats.n_read, stats.n_dropped, stats.n_corrupt) == (30, 30, 0, 0)
    assert not stats.ended_early


def test_nothing_is_opened_before_iteration(film, monkeypatch):
    path = film.make("clip.mp4")

    def refuse(*_args, **_options):
        raise AssertionError("opened before iteration")

    with monkeypatch.context() as patched:
        patched.setattr("overt.video.readers.open_file", refuse)
        spec = parse_source(str(path))
        reader = open_reader(spec, _CAMERA, _CLOCK, started_utc=_CLOCK.now_utc())
        assert reader.stats().n_decoded == 0
        assert (reader.width_px, reader.height_px, reader.fps) == (None, None, None)
        assert reader.n_frames_expected is None
    assert len(list(reader)) == 20


def test_a_reader_that_was_stopped_first_decodes_nothing(film):
    reader = _reader(film.make("clip.mp4"))
    reader.stop()
    assert list(reader) == []
    assert reader.stats().n_decoded == 0


def test_a_reader_is_iterated_once(film):
    reader = _reader(film.make("clip.mp4"))
    list(reader)
    with pytest.raises(RuntimeError, match="once"):
        iter(reader)


def test_the_decoder_runs_ahead_by_a_bounded_number_of_frames(film):
    clip = film.make("clip.mp4", n_frames=60)
    with _reader(clip, n_prefetch=3) as reader:
        frames = iter(reader)
        first = next(frames)
        assert first.sequence == 0
        assert reader.stats().n_decoded <= 1 + 3 + 1
    stats = reader.stats()
    assert stats.n_read == 1
    assert stats.n_decoded == stats.n_read + stats.n_dropped


def test_leaving_the_loop_ends_the_thread(film):
    before = threading.active_count()
    for _ in _reader(film.make("clip.mp4", n_frames=60)):
        break
    for thread in threading.enumerate():
        if thread.name == "overt-decode":
            thread.join(30)
    assert threading.active_count() == before


def test_stopping_from_another_thread_ends_the_iteration(film):
    reader = _reader(film.make("clip.mp4", n_frames=60))
    n_seen = 0
    for frame in reader:
        n_seen += 1
        if frame.sequence == 5:
            stopper = threading.Thread(target=reader.stop)
            stopper.start()
            stopper.join()
    assert n_seen == 6


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [("a.avi", "mjpeg", "yuvj420p"), ("a.gif", "gif", "rgb8"), ("a.mkv", "mpeg4", "yuv420p"),
     ("a.ts", "libx264", "yuv420p"), ("a.h264", "libx264", "yuv420p"), ("a.mov", "png", "rgb24")],
)  # fmt: skip
def test_kinds_of_video(film, name, codec, pix_fmt):
    frames, stats = _read(film.make(name, codec=codec, pix_fmt=pix_fmt))
    assert stats.n_read == 20
    assert frames[-1].media_time_s == pytest.approx(19 / 25, abs=0.011)
    assert frames[3].picture.crop(0, 0, 160, 120).std() > 10


def test_threads_change_nothing_in_an_undamaged_file(film):
    clip = film.make("clip.mp4", n_frames=30)
    one, _ = _read(clip, max_threads=1)
    many, _ = _read(clip, max_threads=3)
    for a, b in zip(one, many, strict=True):
        np.testing.assert_array_equal(
            a.picture.crop(0, 0, 160, 120), b.picture.crop(0, 0, 160, 120)
        )


def test_a_variable_frame_rate_keeps_its_own_times(film):
    times = [0, 1, 5, 6, 30, 31, 32, 90]
    frames, _ = _read(film.make("vfr.mp4", n_frames=len(times), times=times))
    assert [frame.media_time_s for frame in frames] == pytest.approx([t / 25 for t in times])


def test_missing_times_follow_the_frame_rate(film):
    frames, _ = _read(film.make("raw.h264"))
    assert [f.media_time_s for f in frames] == pytest.approx([i / 25 for i in range(20)])


def test_a_change_of_resolution_is_followed_and_counted(film):
    small = film.make("small.ts").read_bytes()
    large = film.make("large.ts", size_px=(320, 240)).read_bytes()
    joined = film.folder / "joined.ts"
    joined.write_bytes(small + large)
    frames, stats = _read(joined)
    sizes = [(frame.picture.width_px, frame.picture.height_px) for frame in frames]
    assert sizes == [(160, 120)] * 20 + [(320, 240)] * 20
    assert stats.n_resolution_changes == 1
    assert all(a.media_time_s <= b.media_time_s for a, b in pairwise(frames))
    assert [frame.picture.scaled(80, 60).shape for frame in frames[18:22]] == [(60, 80, 3)] * 4


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv"])
def test_a_truncated_file_is_read_as_far_as_it_goes_and_reported(film, name):
    whole = film.make(name, n_frames=100, container_options={"movflags": "faststart"})
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    frames, stats = _read(whole)
    assert 20 < len(frames) < 80
    assert stats.ended_early


def test_a_file_that_ends_where_it_says_did_not_end_early(film):
    for name in ("a.mp4", "a.mkv", "a.ts", "a.avi"):
        _, stats = _read(film.make(name, n_frames=60))
        assert not stats.ended_early


@pytest.mark.parametrize("name", ["bad.mp4", "bad.mkv", "bad.ts", "bad.avi"])
def test_corrupt_packets_are_skipped_and_counted(film, name):
    whole = film.make(name, n_frames=60, container_options={"movflags": "faststart"})
    data = bytearray(whole.read_bytes())
    rng = np.random.default_rng(3)
    for position in rng.integers(len(data) // 4, len(data), 40):
        data[position] ^= 1 << int(rng.integers(8))
    whole.write_bytes(data)
    frames, stats = _read(whole)
    assert stats.n_corrupt > 0
    assert stats.n_read == stats.n_decoded == len(frames) > 10
    assert [frame.sequence for frame in frames] == list(range(len(frames)))
    assert all(a.media_time_s <= b.media_time_s for a, b in pairwise(frames))
    assert _read(whole)[1] == stats, "a damaged file reads the same twice"


def test_a_folder_of_videos_is_one_recording(film):
    film.make("part2.mp4", n_frames=5)
    film.make("part10.mp4", n_frames=5, size_px=(320, 240))
    frames, stats = _read(film.folder)
    assert [frame.sequence for frame in frames] == list(range(10))
    assert [frame.media_time_s for frame in frames] == pytest.approx([i / 25 for i in range(10)])
    assert frames[-1].picture.width_px == 320
    assert stats.n_resolution_changes == 1


def test_an_unreadable_file_of_a_folder_is_counted_and_the_others_are_read(film):
    film.make("a.mp4", n_frames=5)
    (film.folder / "b.mp4").write_bytes(b"not a video")
    frames, stats = _read(film.folder)
    assert (len(frames), stats.n_unreadable_files) == (5, 1)


def test_a_folder_or_sequence_of_pictures_plays_at_the_given_rate(tmp_path):
    for index in range(4):
        cv2.imwrite(str(tmp_path / f"p_{index:05d}.png"), np.full((6, 8, 3), 50 * index, np.uint8))
    (tmp_path / "p_00001.png").write_bytes(b"damaged")
    for source in (tmp_path, tmp_path / "p_%05d.png"):
        reader = _reader(source, sequence_fps=10)
        assert (reader.n_frames_expected, reader.fps) == (4, 10)
        frames = list(reader)
        assert [f.media_time_s for f in frames] == pytest.approx([0.0, 0.2, 0.3])
        assert [int(f.picture.crop(0, 0, 8, 6).mean()) for f in frames] == [0, 100, 150]
        assert (reader.stats().n_corrupt, reader.stats().n_decoded) == (1, 3)


@pytest.mark.parametrize("content", [b"", b"\0" * 4000, b"not a video\n" * 400])
def test_an_unreadable_file_is_said_so_in_one_sentence(tmp_path, content):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"^cannot read video \S*clip\.mp4: [^\n]*$") as caught:
        list(_reader(path))
    assert caught.value.exit_code == 3


def test_sound_alone_is_no_video(tmp_path):
    import av

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="it holds no video"):
        list(_reader(path))


def test_a_video_of_which_no_picture_decodes_is_an_error(film):
    whole = film.make("clip.mp4", container_options={"movflags": "faststart"})
    data = whole.read_bytes()
    start = data.index(b"mdat") + 4
    whole.write_bytes(data[:start] + b"\xff" * (len(data) - start))
    with pytest.raises(InputError, match="no picture in it can be decoded"):
        list(_reader(whole))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXTINF:1,\n{clip}\n"),
        ("list.mp4", "#EXTM3U\n#EXTINF:1,\nfile://{clip}\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile {clip}\n"),
        ("list.sdp", "v=0\nm=video 9 RTP/AVP 96\n"),
    ],
)
def test_a_playlist_cannot_make_it_open_something_else(film, name, text):
    clip = film.make("clip.ts")
    path = film.folder / name
    path.write_text(text.format(clip=clip))
    with pytest.raises(InputError, match="damaged or not a video"):
        list(_reader(path))


def test_what_a_file_says_of_itself_is_not_printed(film, capfd):
    whole = film.make("noisy.mp4", n_frames=40, container_options={"movflags": "faststart"})
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    _read(whole)
    assert capfd.readouterr() == ("", "")


def test_what_breaks_in_the_thread_is_raised_to_the_consumer(film, monkeypatch):
    def fail(*_args):
        raise MemoryError

    monkeypatch.setattr("overt.video.readers.DecodedPicture", fail)
    with pytest.raises(MemoryError):
        list(_reader(film.make("clip.mp4")))


def test_a_recording_played_live_waits_for_its_own_time(film):
    clock = ManualClock()
    spec = parse_source(str(film.make("clip.mp4", n_frames=50)))
    with RecordedReader(spec, _CAMERA, clock, clock.now_utc(), realtime=True) as reader:
        assert isinstance(reader._buffer, NewestFrameSlot)
        frames = iter(reader)
        assert next(frames).sequence == 0
        assert reader.stats().n_decoded == 1, "the clock stands still: nothing else is due"
        clock.advance(0.041)
        assert next(frames).sequence == 1
        clock.advance(10)
        rest = list(frames)
        assert rest[-1].sequence == 49
    stats = reader.stats()
    assert stats.n_decoded == 50 == stats.n_read + stats.n_dropped


def test_a_recording_played_live_drops_what_is_late_and_says_so(film):
    clock = SystemClock()
    spec = parse_source(str(film.make("clip.mp4", n_frames=12)))
    with RecordedReader(spec, _CAMERA, clock, clock.now_utc(), realtime=True) as reader:
        frames = iter(reader)
        seen = [next(frames)]
        while reader.stats().n_decoded < 6:
            threading.Event().wait(0.02)
        seen.extend(frames)
    stats = reader.stats()
    gaps = sum(b.sequence - a.sequence - 1 for a, b in pairwise(seen))
    assert stats.n_dropped == gaps >= 4
    assert stats.n_read == len(seen)


def test_recordings_are_not_dropped_unless_asked(film):
    clip = film.make("clip.mp4")
    assert isinstance(_reader(clip)._buffer, PrefetchQueue)


def test_a_video_that_announces_enormous_pictures_is_refused(film, monkeypatch):
    clip = film.make("clip.mp4")
    monkeypatch.setattr("overt.video.container.MAX_PICTURE_PX", 160 * 120 - 1)
    with pytest.raises(InputError, match="its pictures are too large"):
        list(_reader(clip))


def test_pictures_that_become_enormous_on_the_way_are_not_decoded(film, monkeypatch):
    small = film.make("small.ts").read_bytes()
    large = film.make("large.ts", size_px=(320, 240)).read_bytes()
    joined = film.folder / "joined.ts"
    joined.write_bytes(small + large)
    monkeypatch.setattr("overt.video.container._CODEC_OPTIONS", {"max_pixels": "60000"})
    frames, stats = _read(joined)
    assert {frame.picture.width_px for frame in frames} == {160}
    assert stats.n_corrupt > 0
