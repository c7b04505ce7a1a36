"""The manifest that the guide shows is one that Overt reads."""

import re
from pathlib import Path

from overt.inference.manifest import parse_description

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "models.md"


def test_the_example_of_the_guide_is_a_manifest():
    (example,) = re.findall(r"```toml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    description = parse_description(example, GUIDE)
    assert description.name == "mine-2026"
    assert description.output.widths == {"template": 512}
