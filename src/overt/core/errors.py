"""The one error tree. Each class carries the exit code that the command line documents.

    OvertError                      1   something of ours is broken
    ├── UsageError                  2   the command was not understood
    ├── InputError                  3   what was given cannot be used
    ├── IntegrityError              4   what was given is not what was promised
    ├── AuthorityError              5   no valid, current authority
    ├── UnavailableError            6   a device, camera or runtime is not there
    ├── StorageError                7   what must be kept could not be kept
    ├── ReconciliationError         8   counts do not add up
    ├── PolicyError                 9   the policy in force, or a person's role, does not allow it
    └── StateError                 10   it is not the time for this step, or somebody was faster

A run that was interrupted closes properly and exits with 130.

Ordinary absence is a value (``Rejected``, ``NoMatch``), never one of these. A message is one plain
sentence for the person at the keyboard. No message holds a name, a picture, a vector or free text
about a person.
"""

from typing import ClassVar

EXIT_OK = 0
EXIT_INTERRUPTED = 130


class OvertError(Exception):
    """Root of every error that Overt raises on purpose."""

    exit_code: ClassVar[int] = 1


class UsageError(OvertError):
    """The command or its options do not fit together."""

    exit_code: ClassVar[int] = 2


class InputError(OvertError):
    """A file, folder, picture, video or list that cannot be used as it is."""

    exit_code: ClassVar[int] = 3


class IntegrityError(OvertError):
    """Bytes that differ from their digest or signature, or a list made in another vector space."""

    exit_code: ClassVar[int] = 4


class AuthorityError(OvertError):
    """No capability, or one that is forged, not yet valid, expired, or for something else."""

    exit_code: ClassVar[int] = 5


class UnavailableError(OvertError):
    """A device, runtime, camera or system component that was asked for is not there."""

    exit_code: ClassVar[int] = 6


class StorageError(OvertError):
    """The disk is full, read-only or damaged; nothing is acknowledged that was not kept."""

    exit_code: ClassVar[int] = 7


class ReconciliationError(OvertError):
    """The counts of a run contradict each other: a fault in Overt, reported as one."""

    exit_code: ClassVar[int] = 8


class PolicyError(OvertError):
    """The policy pack in force, or the rights of the person who asks, do not allow it.

    Attributes:
        rules: ids of the rules that refused, in the order of the message.
    """

    exit_code: ClassVar[int] = 9

    def __init__(self, message: str, rules: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.rules = rules


class StateError(OvertError):
    """A deployment, a list or an alert is not where this step could be taken from."""

    exit_code: ClassVar[int] = 10
