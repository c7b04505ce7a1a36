"""Brings what ended a thread over to the thread that waits for its results."""

from types import TracebackType
from typing import Self


class ThreadFailure:
    """A context that holds on to the exception that ended it instead of passing it up.

    Attributes:
        error: what ended the context, or ``None``.
    """

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self.error = error
        return True

    def reraise(self) -> None:
        """Raise what ended the context, if anything did."""
        if self.error is not None:
            raise self.error
