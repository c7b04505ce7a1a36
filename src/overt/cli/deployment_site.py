"""``overt deployment check-in|check-out|confirm-signs|ready|pause|resume|end``: on the day.

Exit codes: 0; 3 a reason that cannot be recorded; 4 something kept was altered; 7 not kept; 9 the
policy or the register does not allow it; 10 not where this can be done, or somebody was faster.
"""

from overt.cli.deployment_steps import DeploymentName, Reason, say, say_state, take
from overt.cli.options import Acting


def check_in(deployment: DeploymentName, acting: Acting) -> None:
    """Check in on the spot, in the role that the application gives you."""
    from overt.deployment.acts import CheckInOfficer

    life = take(deployment, CheckInOfficer(), acting)
    here = ", ".join(f"{person} ({role})" for person, role in sorted(life.present().items()))
    say(f"Checked in at {deployment}: {here}.")


def check_out(deployment: DeploymentName, acting: Acting) -> None:
    """Check out; a live deployment pauses of itself if too few officers are left."""
    from overt.deployment.acts import CheckOutOfficer

    life = take(deployment, CheckOutOfficer(), acting)
    here = ", ".join(f"{person} ({role})" for person, role in sorted(life.present().items()))
    say(f"Checked in at {deployment}: {here or 'nobody'}.")
    say_state(life)


def confirm_signs(deployment: DeploymentName, acting: Acting) -> None:
    """Say that you have seen the signs stand; you are checked in for that."""
    from overt.deployment.acts import ConfirmSigns

    take(deployment, ConfirmSigns(), acting)
    say(f"The signs of {deployment} are confirmed.")


def ready(deployment: DeploymentName, acting: Acting) -> None:
    """Ask whether everything is in place to go live, and record that it is."""
    from overt.deployment.acts import MakeReady

    say_state(take(deployment, MakeReady(), acting))


def pause(deployment: DeploymentName, acting: Acting, reason: Reason) -> None:
    """Stop looking for now; the node stops within a second."""
    from overt.deployment.acts import Pause

    say_state(take(deployment, Pause(reason), acting))


def resume(deployment: DeploymentName, acting: Acting) -> None:
    """Look again, if everything is still in place."""
    from overt.deployment.acts import Resume

    say_state(take(deployment, Resume(), acting))


def end(deployment: DeploymentName, acting: Acting, reason: Reason) -> None:
    """End it for good. What is left is the report, and closing."""
    from overt.deployment.acts import End

    say_state(take(deployment, End(reason), acting))
    say(f"What is left: overt deployment report {deployment}, and then: close.")
