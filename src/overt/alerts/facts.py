"""The digest by which the ledger commits to an alert without showing it.

Whoever holds the alert can recompute the digest; whoever holds the ledger alone learns nothing
that is not in the record. Repeats are not facts of the alert: each has a record of its own.
"""

import hashlib

from overt.alerts.alert import Alert
from overt.core.clock import format_utc
from overt.core.ids import Sha256
from overt.ledger.canonical import JsonValue, canonical_bytes
from overt.ledger.records import micro


def facts_sha256(alert: Alert) -> Sha256:
    """Return SHA-256 over the canonical bytes of what was true when the alert was raised."""
    rate = alert.calibrated_rate
    facts: dict[str, JsonValue] = {
        "alert": alert.id,
        "calibrated_rate": None if rate is None else {"one_in": rate.one_in, "source": rate.source},
        "camera": alert.camera,
        "captured_utc": format_utc(alert.captured_utc),
        "deployment": alert.deployment,
        "entry": alert.entry,
        "face_box_px": alert.face_box_px,
        "frame_sequence": alert.frame_sequence,
        "latency_us": micro(alert.latency_s),
        "margin_micro": None if alert.margin is None else micro(alert.margin),
        "media_time_us": micro(alert.media_time_s),
        "n_shots": alert.n_shots,
        "similarity_micro": micro(alert.similarity),
        "threshold_micro": micro(alert.threshold),
        "track": alert.track,
    }
    return Sha256(hashlib.sha256(canonical_bytes(facts)).hexdigest())
