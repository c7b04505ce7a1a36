"""The cancellation report as a person writes it: a TOML file with one text for each part.

Invariant: whatever the bytes, there is a report or an :class:`~overt.core.errors.InputError` that
names the part at fault.
"""

import tomllib
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from overt.core.errors import InputError
from overt.deployment.faults import first_fault
from overt.deployment.form_files import read_file
from overt.deployment.life import CancellationReport
from overt.policy.pack import PolicyPack
from overt.policy.phrases import counted

MAX_REPORT_BYTES: Final = 2**18


def blank_report(pack: PolicyPack) -> str:
    """Return the empty form, with what the pack asks for."""
    required = {text.field: text for text in pack.rules.closing.report}
    lines = [f"# Cancellation report, under the policy {pack.id} {pack.version}."]
    for field in CancellationReport.model_fields:
        text = required.get(field)
        asked = "Not required by this policy."
        if text is not None:
            least = counted(text.min_chars, "character")
            asked = f"{text.title}. At least {least}. [rule {pack.rules.closing.id}]"
        lines += [f"# {asked}", f'{field} = ""']
    return "\n".join(lines) + "\n"


def read_report(path: Path) -> CancellationReport:
    """Read a report; raises InputError as :func:`parse_report`, or if it cannot be read."""
    return parse_report(read_file(path, MAX_REPORT_BYTES, "The report"))


def parse_report(data: bytes) -> CancellationReport:
    """Return the report that a TOML document stands for.

    Raises:
        InputError: it is too large, not UTF-8, not TOML, or has an unknown or wrong key.
    """
    if len(data) > MAX_REPORT_BYTES:
        raise InputError("The file is too large to be a report.")
    try:
        content = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):  # also what is not UTF-8
        raise InputError("The report is not valid TOML in UTF-8.") from None
    try:
        return CancellationReport.model_validate(content)
    except ValidationError as error:
        raise InputError(f"The report cannot be used: {first_fault(error)}.") from None
