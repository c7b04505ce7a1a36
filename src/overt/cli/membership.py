"""``overt watchlist was-on``: was somebody on a deployment's list, for those with a right to know.

Exit codes: 0, whatever the answer is; 2 nobody can be named here; 3 no such deployment, or nobody
was named; 4 something kept was altered; 7 the question cannot be recorded; 9 whoever asks may not.
Must not: take a reference from the command line, which shells and process lists keep; print it.
"""

import json
import sys
from typing import Annotated, Final, Literal

import typer

from overt.cli import wiring
from overt.cli.options import Acting, AsJson
from overt.core.clock import SystemClock
from overt.core.errors import InputError, UsageError
from overt.core.ids import DeploymentId

MAX_REFERENCE_BYTES: Final = 4096
# Written out, since the command line reads its choices from types; a test holds them to the enum.
Ground = Literal["data-subject-request", "complaint", "court-order", "oversight"]

_SENTENCES: Final = {
    "on-it": "This person was on the list.",
    "not-on-it": "This person was not on the list.",
    "expired": "There was a register of who was on the list; its time is over, and nobody can say.",
    "never": "There never was a register: nobody was looked for with that list at this deployment.",
}


def was_on(
    deployment: Annotated[str, typer.Argument(metavar="DEPLOYMENT", help="On whose list.")],
    acting: Acting,
    source_system: Annotated[
        str, typer.Option(help="The system that knows the person, as the list's manifest named it.")
    ],
    ground: Annotated[Ground, typer.Option(help="Why it is asked; it is recorded.")],
    reference_stdin: Annotated[
        bool,
        typer.Option("--reference-stdin", help="Read the person's reference there from stdin."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether somebody was on a deployment's list, even when it is deleted.

    The person is named by their reference in the source system: from standard input, or when asked
    for it. That it was asked, by whom and why is recorded; whom it was about and the answer is not.
    """
    from overt.cli.identity import act_as
    from overt.store.memberships import MembershipGround

    with wiring.open_store(SystemClock()) as store:
        identity = act_as(store, acting)
        reference = _reference(from_stdin=reference_stdin)
        answer = store.memberships.ask(
            DeploymentId(deployment),
            source_system,
            reference,
            MembershipGround(ground),
            identity.person.id,
        )
    if as_json:
        print(json.dumps({"deployment": deployment, "answer": str(answer)}, indent=2))
    else:
        print(_SENTENCES[answer])


def _reference(*, from_stdin: bool) -> str:
    if not from_stdin:
        if not sys.stdin.isatty():
            raise UsageError("There is no terminal to ask on: say --reference-stdin.")
        return str(typer.prompt("Reference", hide_input=True, err=True))
    data = sys.stdin.buffer.read(MAX_REFERENCE_BYTES + 1)
    if len(data) > MAX_REFERENCE_BYTES:
        raise InputError("A reference is not as long as that.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError("The reference is not text in UTF-8.") from error
