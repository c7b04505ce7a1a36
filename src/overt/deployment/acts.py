"""What people do to a deployment: one type for each act, with what it brings along.

Whoever acts, and when, comes from the situation in which the act is tried; see
:mod:`overt.deployment.lifecycle`.
"""

from dataclasses import dataclass
from typing import ClassVar

from overt.core.ids import CameraId
from overt.deployment.application import Application
from overt.deployment.life import CancellationReport, LifeEvent
from overt.policy.facts import Route


@dataclass(frozen=True, slots=True)
class Apply:
    """Write the application, or write it anew while it is a draft."""

    event: ClassVar = LifeEvent.APPLY
    application: Application


@dataclass(frozen=True, slots=True)
class Submit:
    """Hand the application to those who authorise; the policy pack is asked."""

    event: ClassVar = LifeEvent.SUBMIT


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take a submitted application back."""

    event: ClassVar = LifeEvent.WITHDRAW


@dataclass(frozen=True, slots=True)
class Cosign:
    """Sign the application as an independent person; base64 of an Ed25519 signature."""

    event: ClassVar = LifeEvent.COSIGN
    signature: str


@dataclass(frozen=True, slots=True)
class Authorise:
    """Give the authority, by a signed capability.

    Attributes:
        route: ordinary or urgent.
        capability_file: as it was signed, byte for byte.
        urgency_reason: why the urgent route.
    """

    event: ClassVar = LifeEvent.AUTHORISE
    route: Route
    capability_file: bytes
    urgency_reason: str = ""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse the application, with the reason."""

    event: ClassVar = LifeEvent.REFUSE
    reason: str


@dataclass(frozen=True, slots=True)
class Ratify:
    """Put an ordinary authority in the place of an urgent one."""

    event: ClassVar = LifeEvent.RATIFY
    capability_file: bytes


@dataclass(frozen=True, slots=True)
class RefuseRatification:
    """Refuse an urgent authority afterwards: the deployment ends at once."""

    event: ClassVar = LifeEvent.REFUSE_RATIFICATION
    reason: str


@dataclass(frozen=True, slots=True)
class CheckInOfficer:
    """Be on the spot, as what the application says."""

    event: ClassVar = LifeEvent.CHECK_IN


@dataclass(frozen=True, slots=True)
class CheckOutOfficer:
    """Leave the spot."""

    event: ClassVar = LifeEvent.CHECK_OUT


@dataclass(frozen=True, slots=True)
class ConfirmSigns:
    """Say that the signs stand."""

    event: ClassVar = LifeEvent.CONFIRM_SIGNS


@dataclass(frozen=True, slots=True)
class MakeReady:
    """Ask whether everything is in place."""

    event: ClassVar = LifeEvent.MAKE_READY


@dataclass(frozen=True, slots=True)
class GoLive:
    """Begin to look, with these of the authorised cameras."""

    event: ClassVar = LifeEvent.GO_LIVE
    cameras: tuple[CameraId, ...]


@dataclass(frozen=True, slots=True)
class Pause:
    """Stop looking for now; of itself when presence lapses or the node stops."""

    event: ClassVar = LifeEvent.PAUSE
    reason: str


@dataclass(frozen=True, slots=True)
class Resume:
    """Look again."""

    event: ClassVar = LifeEvent.RESUME


@dataclass(frozen=True, slots=True)
class End:
    """End it for good."""

    event: ClassVar = LifeEvent.END
    reason: str


@dataclass(frozen=True, slots=True)
class Lapse:
    """The authority is over; nobody does this, it happens."""

    event: ClassVar = LifeEvent.LAPSE


@dataclass(frozen=True, slots=True)
class WriteReport:
    """Write the cancellation report."""

    event: ClassVar = LifeEvent.REPORT
    report: CancellationReport


@dataclass(frozen=True, slots=True)
class Close:
    """Close it; what must be deleted is deleted, or gets its date as the pack's retention says."""

    event: ClassVar = LifeEvent.CLOSE


DeploymentAct = (
    Apply
    | Submit
    | Withdraw
    | Cosign
    | Authorise
    | Refuse
    | Ratify
    | RefuseRatification
    | CheckInOfficer
    | CheckOutOfficer
    | ConfirmSigns
    | MakeReady
    | GoLive
    | Pause
    | Resume
    | End
    | Lapse
    | WriteReport
    | Close
)
"""Everything that can be tried on a deployment."""
