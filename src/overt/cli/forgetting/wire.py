"""What the searched node and the searcher say to each other, over two sockets.

``control`` carries small JSON messages, with open files beside them; ``data`` carries arrays, each
after one byte that says what it is and four that say how long it is.

Invariants: the node sends an array straight from the buffer in which it lies, and keeps no copy.
"""

import json
import socket
import struct
import threading
from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from overt.core.errors import UnavailableError

_HEAD: Final = struct.Struct("<BI")
_MOST_BYTES: Final = 1 << 16
_MOST_FILES: Final = 64


class What(IntEnum):
    """What an array is."""

    CROP = 1
    TEMPLATE = 2
    END = 3


class ArraySender:
    """Sends arrays from where they lie; safe to use from several threads."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._turn = threading.Lock()

    def send(self, what: What, array: NDArray[np.generic]) -> None:
        """Send a contiguous array."""
        with self._turn:
            self._channel.sendall(_HEAD.pack(what, array.nbytes))
            self._channel.sendall(array.data.cast("B"))

    def end(self) -> None:
        """Say that all arrays of a passage have been sent."""
        with self._turn:
            self._channel.sendall(_HEAD.pack(What.END, 0))


def receive_array(channel: socket.socket) -> tuple[What, bytes]:
    """Wait for the next array.

    Raises:
        UnavailableError: the other side is gone.
    """
    what, length = _HEAD.unpack(_exactly(channel, _HEAD.size))
    return What(what), _exactly(channel, length)


def _exactly(channel: socket.socket, n_bytes: int) -> bytes:
    data = bytearray(n_bytes)
    receive_into(channel, data)
    return bytes(data)


def receive_into(channel: socket.socket, buffer: bytearray) -> None:
    """Fill a buffer.

    Raises:
        UnavailableError: the other side is gone.
    """
    view, done = memoryview(buffer), 0
    while done < len(buffer):
        n_read = channel.recv_into(view[done:])
        if n_read == 0:
            raise UnavailableError("The process that was to be searched has ended.")
        done += n_read


def say(channel: socket.socket, message: dict[str, Any], files: Sequence[int] = ()) -> None:
    """Send a message, and open files with it."""
    data = json.dumps(message).encode()
    if files:
        socket.send_fds(channel, [data], list(files))
    else:
        channel.send(data)


def hear(channel: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Wait for a message.

    Raises:
        UnavailableError: the other side is gone, or did not answer in time.
    """
    try:
        data, files, _, _ = socket.recv_fds(channel, _MOST_BYTES, _MOST_FILES)
    except TimeoutError:
        raise UnavailableError("The process that was to be searched does not answer.") from None
    if not data:
        raise UnavailableError("The process that was to be searched has ended.")
    message: dict[str, Any] = json.loads(data)
    return message, files
