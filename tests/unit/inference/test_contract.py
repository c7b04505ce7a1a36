import re

import pytest

from overt.core.errors import InputError
from overt.inference.catalogue import bundled_folder
from overt.inference.contract import contract_id
from overt.inference.manifest import load_manifest

SFACE = load_manifest(bundled_folder() / "sface-2021dec.toml")
TERMS = {"alignment": "arcface-112", "augmentation": "mirror-mean"}


def test_it_is_readable_repeatable_and_safe_in_a_file_name():
    contract = contract_id(SFACE, **TERMS)
    assert re.fullmatch(r"sface-2021dec-128d-[0-9a-f]{32}", contract)
    assert contract == contract_id(SFACE, **TERMS)


@pytest.mark.parametrize(
    "changed",
    [
        {"source_sha256": "0" * 64},
        {"prepared_sha256": "0" * 64},
        {"input": SFACE.input.model_copy(update={"colour": "bgr"})},
        {"input": SFACE.input.model_copy(update={"mean": (1.0, 0.0, 0.0)})},
        {"output": SFACE.output.model_copy(update={"dims": 512})},
    ],
)
def test_whatever_moves_a_template_changes_it(changed):
    assert contract_id(SFACE.model_copy(update=changed), **TERMS) != contract_id(SFACE, **TERMS)


@pytest.mark.parametrize("term", list(TERMS))
def test_alignment_and_augmentation_change_it(term):
    assert contract_id(SFACE, **(TERMS | {term: "other"})) != contract_id(SFACE, **TERMS)


def test_what_does_not_move_a_template_does_not_change_it():
    other = SFACE.model_copy(update={"summary": "another line"})
    assert contract_id(other, **TERMS) == contract_id(SFACE, **TERMS)


def test_a_detector_has_none():
    detector = load_manifest(bundled_folder() / "yunet-2023mar.toml")
    with pytest.raises(InputError, match="only an embedder"):
        contract_id(detector, **TERMS)
