"""Time and environment are read where they are meant to be, and nowhere else."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "overt"

WALL_CLOCK = {
    "datetime.datetime.now",
    "datetime.datetime.today",
    "datetime.datetime.utcnow",
    "datetime.date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
}
STOPWATCH = {
    f"time.{name}{unit}"
    for name in ("monotonic", "perf_counter", "process_time", "thread_time")
    for unit in ("", "_ns")
}
ENVIRONMENT = {"os.environ", "os.environb", "os.getenv", "os.getenvb", "os.putenv", "os.unsetenv"}

ALLOWED = {
    "wall clock": (WALL_CLOCK, {"core/clock.py"}),
    # Durations for people and reports only; what decides anything asks core/clock.py.
    "stopwatch": (
        STOPWATCH,
        {
            "core/clock.py",
            "live/stages.py",
            "live/camera.py",
            "cli/display.py",
            "cli/bench_enrol.py",
            "cli/bench_ledger.py",
            "cli/bench_match.py",
            "cli/bench_pipeline.py",
            # How old a memory was when it was searched, by the clock that two processes share.
            *(f"cli/forgetting/{each}.py" for each in ("camera", "node", "process", "trial")),
        },
    ),
    # silence.py sets one variable for a runtime's library, and reads none.
    "environment": (ENVIRONMENT, {"cli/wiring.py", "inference/silence.py"}),
}


class Uses(ast.NodeVisitor):
    """Collects the dotted names that a module uses, under the names they were imported from."""

    def __init__(self):
        self.found = set()
        self._means = {}

    def visit_Import(self, node):
        for name in node.names:
            self._means[name.asname or name.name.split(".")[0]] = (
                name.name if name.asname else name.name.split(".")[0]
            )

    def visit_ImportFrom(self, node):
        for name in node.names:
            whole = f"{node.module}.{name.name}"
            self._means[name.asname or name.name] = whole
            self.found.add(whole)

    def visit_Attribute(self, node):
        dotted = self._dotted(node)
        if dotted is not None:
            self.found.add(dotted)
        self.generic_visit(node)

    def _dotted(self, node):
        if isinstance(node, ast.Name):
            return self._means.get(node.id)
        if isinstance(node, ast.Attribute):
            before = self._dotted(node.value)
            return None if before is None else f"{before}.{node.attr}"
        return None


def uses(text):
    visitor = Uses()
    visitor.visit(ast.parse(text))
    return visitor.found


@pytest.mark.parametrize("what", ALLOWED)
def test_only_the_allowed_modules_read(what):
    names, allowed = ALLOWED[what]
    reading = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if names & uses(path.read_text("utf-8"))
    }
    assert reading - allowed == set()
    assert allowed - reading == set(), "allowed, but no longer needed"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import datetime as d\nd.datetime.now()", "datetime.datetime.now"),
        ("from datetime import datetime\ndatetime.now()", "datetime.datetime.now"),
        ("from time import time", "time.time"),
        ("import os\nos.environ['A']", "os.environ"),
        ("from os import getenv as g", "os.getenv"),
    ],
)
def test_no_way_of_writing_it_escapes(text, name):
    assert name in uses(text)
