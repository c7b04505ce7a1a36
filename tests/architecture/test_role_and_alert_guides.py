"""The tables of rights and of an alert's steps in the guides are those of the code."""

from pathlib import Path

import pytest

from overt.alerts.lifecycle import OPEN, TRANSITIONS, AlertEvent, AlertState, words
from overt.policy.roles import RIGHTS, Right, Role

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
SHORT = {role: role.replace("-", " ") for role in Role}


def rights():
    """Return one line for each right, one column for each role."""
    lines = [["May", *(SHORT[role] for role in Role)], ["---", *(":-:" for _ in Role)]]
    lines += [[right, *("●" if right in RIGHTS[role] else "" for role in Role)] for right in Right]
    return lines


def transitions():
    """Return one line for each state from which something follows, and what that can be."""
    lines = [["An alert that is", "can become"], ["---", "---"]]
    for state in AlertState:
        following = {
            after
            for (before, event, _), after in TRANSITIONS.items()
            if before is state and event is not AlertEvent.REPEAT
        }
        if following:
            name = f"**{words(state)}**" if state in OPEN else words(state)
            lines.append([name, ", ".join(words(each) for each in AlertState if each in following)])
    return lines


def written(lines):
    rows = "".join(f"| {' | '.join(map(str, line))} |\n".replace("|  |", "| |") for line in lines)
    return "\n" + rows.replace("|  |", "| |") + "\n"


@pytest.mark.parametrize(
    ("guide", "part", "lines"),
    [("roles.md", "rights", rights), ("alerts.md", "transitions", transitions)],
)
def test_the_table_in_the_guide_is_the_table_in_the_code(guide, part, lines, request):
    begins, ends = f"<!-- {part}: written by make docs -->\n", f"<!-- /{part} -->\n"
    path = GUIDES / guide
    before, _, rest = path.read_text("utf-8").partition(begins)
    said, found, after = rest.partition(ends)
    assert found
    if request.config.getoption("--update-docs"):
        path.write_text(before + begins + written(lines()) + ends + after, "utf-8")
    else:
        assert said == written(lines()), "run make docs"


def test_every_role_is_a_column_and_every_right_somebodys():
    assert set(RIGHTS) == set(Role)
    assert set().union(*RIGHTS.values()) == set(Right)
