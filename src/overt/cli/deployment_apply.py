"""``overt deployment template|apply|submit|withdraw|check``: the application, and what it lacks.

Exit codes: 0; 3 a form, file or name that cannot be used; 4 something kept was altered, or other
models; 7 not kept; 9 the policy or the register does not allow it; 10 not where this can be done.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overt.cli import wiring
from overt.cli.deployment_steps import DeploymentName, say, say_state, take
from overt.cli.options import Acting, AsJson
from overt.core.clock import SystemClock
from overt.core.errors import InputError, PolicyError
from overt.core.ids import DeploymentId

if TYPE_CHECKING:
    from overt.policy.pack import PolicyPack
    from overt.policy.verdict import Finding

FormFile = Annotated[Path, typer.Argument(metavar="FILE", help="The form, filled in.")]


def template(
    policy: Annotated[str, typer.Option(help="Under which policy pack.")] = "uk-police",
) -> None:
    """Print the form of an application, with what is wanted where and which rule asks for it."""
    from overt.deployment.form_template import template as blank_form

    print(blank_form(_pack(policy), SystemClock().now_utc()), end="")


def apply(path: FormFile, acting: Acting, as_json: AsJson = False) -> None:
    """Write an application, or write it anew while it is a draft; whoever applies is its requester.

    It is bound by digest to the frozen list, the models, the threshold with its evidence, the
    policy pack and every document that it names.
    """
    from overt.cli.deployment_bindings import bind
    from overt.cli.identity import act_as
    from overt.deployment.acts import Apply
    from overt.deployment.filling import fill
    from overt.deployment.form import read_form
    from overt.deployment.verdicts import verdict_now

    form = read_form(path)
    with wiring.open_store(SystemClock()) as store:
        requester = act_as(store, acting).person.id
        application = fill(form, path.parent, requester, bind(form, store))
        life = store.lives.act(application.id, Apply(application), requester)
        verdict = store.lives.ask(application.id, verdict_now)
    if as_json:
        print(json.dumps({"deployment": life.deployment, "sha256": application.sha256}, indent=2))
        return
    say_state(life)
    n_open = len(verdict.refusals)
    if n_open:
        say(
            f"The policy still asks for {n_open:,} {'thing' if n_open == 1 else 'things'}: "
            f"overt deployment check {life.deployment}"
        )
    else:
        say(f"Nothing is missing: overt deployment submit {life.deployment}")


def submit(deployment: DeploymentName, acting: Acting) -> None:
    """Hand an application to those who authorise; the policy is asked first."""
    from overt.deployment.acts import Submit

    say_state(take(deployment, Submit(), acting))


def withdraw(deployment: DeploymentName, acting: Acting) -> None:
    """Take a submitted application back, to write it anew."""
    from overt.deployment.acts import Withdraw

    say_state(take(deployment, Withdraw(), acting))


def check(deployment: DeploymentName, as_json: AsJson = False) -> None:
    """Say what stands in the way of the next step, all of it, with rule and source."""
    from overt.deployment.verdicts import verdict_now

    with wiring.open_store(SystemClock()) as store:
        verdict = store.lives.ask(DeploymentId(deployment), verdict_now)
    if as_json:
        shown = {
            "deployment": deployment,
            "allowed": verdict.allowed,
            "refusals": [_finding(each) for each in verdict.refusals],
            "warnings": [_finding(each) for each in verdict.warnings],
        }
        print(json.dumps(shown, indent=2, ensure_ascii=False))
    else:
        for each in verdict.refusals:
            print(f"missing  {each}")
        for each in verdict.warnings:
            print(f"note     {each}")
    if not verdict.allowed:
        n, rules = len(verdict.refusals), tuple(each.rule for each in verdict.refusals)
        raise PolicyError(f"{n} {'thing stands' if n == 1 else 'things stand'} in the way.", rules)
    say("Nothing stands in the way.")


def _finding(each: "Finding") -> dict[str, str]:
    return {"rule": each.rule, "source": each.source, "reason": each.reason}


def _pack(name: str) -> "PolicyPack":
    """Return the pack that is in force here, or else the one that ships."""
    from overt.policy.pack import load_pack

    with wiring.open_store(SystemClock()) as store:
        adopted = store.policies.find(name)
    if adopted is not None:
        return adopted.pack
    shipped = {path.stem: path for path in wiring.policy_folder().glob("*.toml")}
    if name not in shipped:
        raise InputError("There is no policy pack of that name; see overt policy list.")
    return load_pack(shipped[name].read_bytes())
