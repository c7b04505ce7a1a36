"""Opens containers and cameras with FFmpeg, and turns its errors into plain sentences.

Invariants: FFmpeg logs nothing; none of its errors gets out, because they quote the address with
its password; a file cannot make FFmpeg open another file or an address (playlists are not among
the formats, and the only protocol is the one asked for).
Must not: decode; that is :mod:`overt.video.decoding`.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Final

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from overt.core.errors import InputError, UnavailableError
from overt.video.sources import SourceKind, SourceSpec

MAX_PICTURE_PX: Final = 100_000_000
"""Pixels of the largest picture that is decoded; more is an attack or a mistake."""

_FILE_FORMATS = (
    "3gp,apng,asf,av1,avi,dhav,dv,flv,gif,h264,hevc,ivf,matroska,webm,mjpeg,mov,mp4,m4a,3g2,"
    "mj2,mpeg,mpegts,mpegvideo,m4v,mxf,nut,obu,ogg,vob,wtv,yuv4mpegpipe"
)
_FILE_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FILE_FORMATS}

_RTSP_OPTIONS = {
    "rtsp_transport": "tcp",
    "allowed_media_types": "video",
    "protocol_whitelist": "rtsp,rtsps,rtp,tcp,tls,crypto",
    "fpsprobesize": "0",
    "analyzeduration": "1000000",
}
_CODEC_OPTIONS = {"max_pixels": str(MAX_PICTURE_PX)}

TIMED_OUT: Final = "it did not answer in time"
"""What is said of a camera that keeps silent."""

_PROBLEMS: Mapping[type[Exception], str] = {
    av.error.HTTPUnauthorizedError: "it refused the user name or password",
    av.error.HTTPForbiddenError: "it refused the user name or password",
    av.error.HTTPNotFoundError: "it has no stream at that address",
    av.error.ConnectionRefusedError: "nothing listens at that address",
    av.error.FileNotFoundError: "it is not there",
    av.error.PermissionError: "this account may not open it",
    av.error.ExitError: TIMED_OUT,
    av.error.TimeoutError: TIMED_OUT,
    av.error.EOFError: "it closed the connection",
    av.error.InvalidDataError: "what it sends is not video that can be decoded",
    av.error.OSError: "it cannot be reached",
}
"""What to tell people, most particular first."""


def problem_of(error: Exception) -> str:
    """Say in words, without any address, why FFmpeg could not go on."""
    for kind, words in _PROBLEMS.items():
        if isinstance(error, kind):
            return words
    if isinstance(error, av.FFmpegError):
        return "it stopped sending video"
    return "this system has no driver for it"


def open_file(path: str) -> InputContainer:
    """Open a recording.

    Raises:
        InputError: it is not a video that can be read; the message is the reason alone.
    """
    av.logging.set_level(None)
    try:
        return av.open(
            path, "r", metadata_errors="replace", options=_CODEC_OPTIONS,
            container_options=_FILE_OPTIONS,
        )  # fmt: skip
    except (av.FFmpegError, OSError, ValueError, RuntimeError):
        raise InputError("it is damaged or not a video") from None


def open_camera(
    spec: SourceSpec, *, open_timeout_s: float, read_timeout_s: float
) -> InputContainer:
    """Connect to a camera.

    Raises:
        UnavailableError: it did not answer, or refused; the message is the reason alone.
    """
    av.logging.set_level(None)
    if spec.kind is SourceKind.RTSP:
        format_name, options = "rtsp", _RTSP_OPTIONS | {"timeout": str(int(read_timeout_s * 1e6))}
    else:
        format_name, options = "v4l2", {}
    try:
        return av.open(
            spec.location, "r", format_name, metadata_errors="replace", options=_CODEC_OPTIONS,
            container_options=options, timeout=(open_timeout_s, read_timeout_s),
        )  # fmt: skip
    except (av.FFmpegError, OSError, ValueError, RuntimeError) as error:
        raise UnavailableError(problem_of(error)) from None


def video_stream(container: InputContainer, *, max_threads: int, low_delay: bool) -> VideoStream:
    """Choose the stream to decode and set its decoder up, without decoding.

    Args:
        container: what was opened.
        max_threads: decoding threads; 0 lets FFmpeg use every core.
        low_delay: let threads share one picture rather than decode several side by side.

    Raises:
        InputError: there is no video, no decoder for it, or its pictures are too large; the
            message is the reason alone.
    """
    found = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not found:
        raise InputError("it holds no video")
    stream = found[0]
    if stream.codec_context is None:
        raise InputError("its video codec is not supported")
    if stream.width * stream.height > MAX_PICTURE_PX:
        raise InputError("its pictures are too large")
    stream.codec_context.options = dict(_CODEC_OPTIONS)
    stream.codec_context.thread_count = max_threads
    stream.thread_type = "SLICE" if low_delay else "AUTO"
    return stream


def rate_of(stream: VideoStream) -> float | None:
    """Return the frames a second that a stream declares or that FFmpeg guesses from it."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if isinstance(rate, Fraction) and 0 < rate <= 1000:
            return float(rate)
    return None


def n_frames_of(container: InputContainer, stream: VideoStream) -> int | None:
    """Return how many frames a recording declares, or what its duration and rate imply."""
    if stream.frames > 0:
        return stream.frames
    duration_s, rate = duration_of(container, stream), rate_of(stream)
    if duration_s is None or rate is None:
        return None
    return round(duration_s * rate) or None


def duration_of(container: InputContainer, stream: VideoStream) -> float | None:
    """Return the seconds of video that a recording declares, if it says so of the video itself."""
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / av.time_base
    return None
