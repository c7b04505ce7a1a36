"""What the design promises, read from the code itself where a change could break it.

The behaviour behind each is tested elsewhere; here is what a later change must not add.
"""

import ast
import inspect
from functools import cache
from pathlib import Path

import pytest

import overt
from overt.alerts.ports import AlertSink, RunSink
from overt.core import errors
from overt.deployment.guard import Guard
from overt.live.camera import CameraWorker
from overt.live.leave import Leave
from overt.live.run import DeploymentRun
from overt.live.watch import Watch

SOURCE = Path(overt.__file__).parent
MODULES = {path.relative_to(SOURCE).as_posix(): path for path in sorted(SOURCE.rglob("*.py"))}
FRAME_PATH = ("live/", "vision/", "matching/", "policy/", "alerts/")


def tree_of(module):
    return ast.parse(MODULES[module].read_text("utf-8"))


@cache
def called_names(module):
    """Return the last part of the name of everything that a module calls."""
    calls = (node.func for node in ast.walk(tree_of(module)) if isinstance(node, ast.Call))
    return {
        func.attr if isinstance(func, ast.Attribute) else func.id
        for func in calls
        if isinstance(func, ast.Attribute | ast.Name)
    }


def callers_of(name):
    return {module for module in MODULES if name in called_names(module)}


@pytest.mark.parametrize(
    ("name", "only"),
    [
        ("CameraWorker", {"live/run.py"}),
        ("Leave", {"live/run.py"}),
        ("grant", {"live/watch.py"}),  # leave to look, after the guard was asked
        ("CameraPipeline", {"live/run.py"}),
        ("FaceTracker", {"live/pipeline.py"}),
        ("DeploymentRun", {"cli/session.py"}),
        ("CameraSource", {"cli/session.py"}),
        ("open_reader", {"cli/session.py", "cli/bench_pipeline.py"}),  # times its own clip
        ("LiveReader", {"video/open.py"}),
        ("RecordedReader", {"video/open.py"}),
    ],
)
def test_frames_reach_the_matcher_by_one_way_only(name, only):
    """Whoever reads a camera goes through the run, and the run through its authority."""
    assert callers_of(name) == only


def test_authority_is_asked_before_a_session_opens_a_reader():
    body = inspect.getsource(__import__("overt.cli.session", fromlist=["run_session"]).run_session)
    authority, bindings, sources = (
        body.index(text) for text in ("Authority(", "check_bindings(", "_sources(")
    )
    assert authority < bindings < sources


@pytest.mark.parametrize(
    ("made", "needs"),
    [
        (DeploymentRun, {"authority", "guard", "steps"}),
        (Leave, {"authority"}),
        (CameraWorker, {"leave"}),
        (Guard, {"authority", "capability_file", "pack", "reader"}),
        (Watch, {"guard", "leave"}),
    ],
)
def test_nothing_runs_without_being_given_an_authority(made, needs):
    """An authority makes leave, the guard is asked for it, and a camera asks leave."""
    parameters = inspect.signature(made).parameters
    assert {name for name in needs if parameters[name].default is inspect.Parameter.empty} == needs


WRITES = {
    "open", "write", "write_bytes", "write_text", "imwrite", "save", "savez", "tofile", "dump",
    "dumps", "touch", "mkdir", "print", "getLogger", "get_logger", "memmap", "NamedTemporaryFile",
}  # fmt: skip
# The bytes of a policy pack's signature, made when an officer signs it: not while frames pass.
NOT_ON_THE_WAY = {"policy/signing.py": {"dumps"}}


def test_the_frame_path_writes_no_file_and_no_log():
    on_path = [module for module in MODULES if module.startswith(FRAME_PATH)]
    assert len(on_path) > 20
    writing = {module: found for module in on_path if (found := called_names(module) & WRITES)}
    assert writing == NOT_ON_THE_WAY


HANDED_OVER = {
    "alert", "pictures", "alert_id", "when_utc", "similarity", "run", "ended_utc", "counts",
    "rule", "totals", "reason", "core_dumps_off", "memory_locked",
}  # fmt: skip


@pytest.mark.parametrize("port", [AlertSink, RunSink])
def test_no_port_takes_a_template_or_a_face_that_did_not_alert(port):
    for name, method in inspect.getmembers(port, inspect.isfunction):
        if not name.startswith("_"):
            parameters = set(inspect.signature(method).parameters) - {"self"}
            assert parameters <= HANDED_OVER, name


GUESSES = {"age", "gender", "sex", "ethnicity", "race", "emotion", "mood"}


def names_of(module):
    """Return every name, attribute and argument in a module."""
    kinds = {ast.Name: "id", ast.Attribute: "attr", ast.arg: "arg", ast.FunctionDef: "name"}
    return {getattr(n, kinds[type(n)]) for n in ast.walk(tree_of(module)) if type(n) in kinds}


def test_nothing_is_guessed_about_people_who_pass():
    """Of places nothing is known about people: an age there is how long ago an offence was."""
    about_people = [module for module in MODULES if not module.startswith("hotspots/")]
    assert {m: found for m in about_people if (found := names_of(m) & GUESSES)} == {}


def test_each_kind_of_error_has_its_own_documented_exit_code():
    subclasses = errors.OvertError.__subclasses__()
    kinds = [errors.OvertError, *(s for s in subclasses if s.__module__ == errors.__name__)]
    codes = {kind.__name__: kind.exit_code for kind in kinds}
    assert len(set(codes.values())) == len(codes)
    assert 0 not in codes.values()
    documented = dict(
        line.replace("├──", " ").replace("└──", " ").split()[:2]
        for line in (errors.__doc__ or "").splitlines()
        if "Error  " in line
    )
    assert {name: int(code) for name, code in documented.items()} == codes
