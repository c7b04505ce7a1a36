"""The name of an embedder's vector space.

Two templates may be compared only if their contract ids are equal. The id changes with anything
that moves a template: the weights, how they were prepared, the preprocessing, the alignment and the
augmentation. It does not change with the runtime, the device or the precision, whose outputs agree
to the tolerances of the golden vectors.
"""

import hashlib
import json

from overt.core.errors import InputError
from overt.core.ids import ContractId
from overt.inference.manifest import EmbeddingOutput, ModelManifest

CONTRACT_FORMAT = "overt-contract/1"


def contract_id(embedder: ModelManifest, *, alignment: str, augmentation: str) -> ContractId:
    """Return the contract id of templates made by ``embedder``.

    Args:
        embedder: the manifest; its role must be embedder.
        alignment: name of the template that faces are aligned to.
        augmentation: name of what is averaged, for example ``mirror-mean``.

    Returns:
        ``<model name>-<dims>d-<32 hexadecimal digits>``.

    Raises:
        InputError: the model is not an embedder.
    """
    if not isinstance(embedder.output, EmbeddingOutput):
        raise InputError(f"{embedder.name} is a {embedder.role}; only an embedder makes templates.")
    terms = {
        "format": CONTRACT_FORMAT,
        "source_sha256": embedder.source_sha256,
        "prepared_sha256": embedder.prepared_sha256,
        "input": embedder.input.model_dump(mode="json"),
        "output": embedder.output.model_dump(mode="json"),
        "alignment": alignment,
        "augmentation": augmentation,
    }
    canonical = json.dumps(terms, sort_keys=True, separators=(",", ":"), allow_nan=False)
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:32]
    return ContractId(f"{embedder.name}-{embedder.output.dims}d-{digest}")
