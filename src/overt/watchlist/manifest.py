"""The manifest of a list: what the authority signs and the node insists on.

It holds ids and digests only, so that it can be shown, kept and published without saying who is
on the list.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from overt.core.arrays import Vectors
from overt.core.clock import format_utc
from overt.core.errors import IntegrityError
from overt.core.ids import ContractId, Sha256
from overt.ledger.canonical import JsonValue, canonical_bytes
from overt.matching.gallery import Gallery, GalleryEntry
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

FORMAT = "overt-watchlist/1"


def manifest_bytes(contract: ContractId, entries: Sequence[StoredEntry]) -> bytes:
    """Return the canonical manifest of a list: every reference's picture and template by digest."""
    ordered = sorted(entries, key=lambda entry: entry.entry)
    listed: list[JsonValue] = [_entry(each) for each in ordered]
    return canonical_bytes({"format": FORMAT, "contract": contract, "entries": listed})


def manifest_sha256(contract: ContractId, entries: Sequence[StoredEntry]) -> Sha256:
    """Return the digest by which a capability names a list."""
    return Sha256(hashlib.sha256(manifest_bytes(contract, entries)).hexdigest())


def _entry(each: StoredEntry) -> JsonValue:
    return {
        "entry": each.entry,
        "expires_utc": format_utc(each.expires_utc) if each.expires_utc else None,
        "kin": each.kin_group,
        "references": [_reference(reference) for reference in each.references],
    }


def _reference(reference: StoredReference) -> JsonValue:
    template = reference.template.astype("<f4").tobytes()
    return {
        "picture_sha256": hashlib.sha256(reference.picture_jpeg).hexdigest(),
        "template_sha256": hashlib.sha256(template).hexdigest(),
    }


def as_gallery(watchlist: StoredWatchlist) -> Gallery:
    """Return the list as matching sees it: ids and templates, no labels and no pictures.

    Raises:
        InputError: the list is empty.
        IntegrityError: a template is damaged.
    """
    return Gallery(
        watchlist.contract,
        [
            GalleryEntry(
                each.entry,
                _templates(each),
                each.expires_utc,
                each.kin_group,
            )
            for each in watchlist.entries
        ],
    )


def _templates(each: StoredEntry) -> Vectors:
    shapes = {reference.template.shape for reference in each.references}
    if len(shapes) != 1:
        raise IntegrityError("a watchlist entry has no template, or templates of different lengths")
    return np.stack([reference.template for reference in each.references])
