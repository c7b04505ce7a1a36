"""The manifest of a list: what the authority signs and the node insists on.

It holds ids, categories and digests only, so that it can be shown, kept and published without
saying who is on the list. What an entry is signed for is committed to by ``grounds_sha256``. It is
over the canonical JSON of label and grounds and over the entry's templates: nobody has those who
does not have the list, so that the digest cannot be found by guessing names.

Invariants: one list, one manifest. Format 2 says of each entry category and grounds; a list in
which no entry has grounds keeps format 1, so that what was signed before is still found.
"""

import hashlib
from collections.abc import Collection, Sequence
from typing import TypeAlias

import numpy as np

from overt.core.arrays import Vectors
from overt.core.clock import format_utc
from overt.core.errors import InputError, IntegrityError
from overt.core.ids import ContractId, EntryId, Sha256
from overt.ledger.canonical import JsonValue, canonical_bytes
from overt.matching.gallery import Gallery, GalleryEntry
from overt.watchlist.stored import (
    EntryCard,
    ReferenceDigests,
    StoredEntry,
    StoredReference,
    StoredWatchlist,
)

FORMAT = "overt-watchlist/2"
FORMAT_WITHOUT_GROUNDS = "overt-watchlist/1"

Listed: TypeAlias = StoredEntry | EntryCard
"""An entry, with or without its pictures: the manifest is the same."""


def manifest_bytes(contract: ContractId, entries: Sequence[Listed]) -> bytes:
    """Return the canonical manifest of a list: every reference's picture and template by digest."""
    cards = sorted((card_of(each) for each in entries), key=lambda card: card.entry)
    if all(card.grounds is None for card in cards):
        listed: list[JsonValue] = [_entry(card) for card in cards]
        return canonical_bytes(
            {"format": FORMAT_WITHOUT_GROUNDS, "contract": contract, "entries": listed}
        )
    listed = [{**_entry(card), **_grounds(card)} for card in cards]
    return canonical_bytes({"format": FORMAT, "contract": contract, "entries": listed})


def manifest_sha256(contract: ContractId, entries: Sequence[Listed]) -> Sha256:
    """Return the digest by which a capability names a list."""
    return Sha256(hashlib.sha256(manifest_bytes(contract, entries)).hexdigest())


def card_of(each: Listed) -> EntryCard:
    """Return an entry without its pictures and templates."""
    if isinstance(each, EntryCard):
        return each
    return EntryCard(
        each.entry,
        each.label,
        tuple(_digests(reference) for reference in each.references),
        each.expires_utc,
        each.kin_group,
        each.grounds,
        each.enrolment,
        _grounds_sha256(each),
    )


def _digests(reference: StoredReference) -> ReferenceDigests:
    return ReferenceDigests(
        Sha256(hashlib.sha256(reference.picture_jpeg).hexdigest()),
        Sha256(hashlib.sha256(_template_bytes(reference)).hexdigest()),
    )


def _grounds_sha256(each: StoredEntry) -> Sha256 | None:
    if each.grounds is None:
        return None
    said = canonical_bytes({"grounds": each.grounds.to_json(), "label": each.label})
    digest = hashlib.sha256(b"overt-grounds/1\n" + len(said).to_bytes(8, "big") + said)
    for reference in each.references:
        digest.update(_template_bytes(reference))
    return Sha256(digest.hexdigest())


def _template_bytes(reference: StoredReference) -> bytes:
    return reference.template.astype("<f4").tobytes()


def _entry(card: EntryCard) -> dict[str, JsonValue]:
    return {
        "entry": card.entry,
        "expires_utc": format_utc(card.expires_utc) if card.expires_utc else None,
        "kin": card.kin_group,
        "references": [
            {"picture_sha256": each.picture_sha256, "template_sha256": each.template_sha256}
            for each in card.references
        ],
    }


def _grounds(card: EntryCard) -> dict[str, JsonValue]:
    category = None if card.grounds is None else card.grounds.category
    return {"category": category, "grounds_sha256": card.grounds_sha256}


def as_gallery(watchlist: StoredWatchlist, only: Collection[EntryId] | None = None) -> Gallery:
    """Return the list as matching sees it: ids and templates, no labels and no pictures.

    Args:
        watchlist: the list, whole, as the authority names it.
        only: whom of them to compare with, see :func:`overt.watchlist.life.comparable`; everybody
            if None.

    Raises:
        InputError: there is nobody to compare with.
        IntegrityError: a template is damaged.
    """
    wanted = [each for each in watchlist.entries if only is None or each.entry in only]
    if watchlist.entries and not wanted:
        raise InputError("Nobody on the watchlist may be compared: confirm who is still wanted.")
    return Gallery(
        watchlist.contract,
        [
            GalleryEntry(
                each.entry,
                _templates(each),
                each.expires_utc,
                each.kin_group,
            )
            for each in wanted
        ],
    )


def _templates(each: StoredEntry) -> Vectors:
    shapes = {reference.template.shape for reference in each.references}
    if len(shapes) != 1:
        raise IntegrityError("a watchlist entry has no template, or templates of different lengths")
    return np.stack([reference.template for reference in each.references])
