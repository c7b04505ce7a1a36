"""The kinds of acts that the ledger knows, by the names that stand in its records."""

from enum import StrEnum


class RecordKind(StrEnum):
    """Every kind of act that the ledger knows."""

    RUN_STARTED = "run.started"
    RUN_COUNTS = "run.counts"
    RUN_STOPPED = "run.stopped"
    ALERT_RAISED = "alert.raised"
    ALERT_REPEATED = "alert.repeated"
    REFUSAL = "refusal"
    PERSON_CHANGED = "person.changed"
    POLICY_ADOPTED = "policy.adopted"
    WATCHLIST_STEP = "watchlist.step"
    DEPLOYMENT_STEP = "deployment.step"
    ALERT_STEP = "alert.step"
    KEY_ROTATED = "key.rotated"
    KEY_DESTROYED = "key.destroyed"
    NODE_PREPARED = "node.prepared"
    PRESENCE_SEEN = "presence.seen"
    LOOK_TAKEN = "look.taken"
    EXPORT_MADE = "export.made"
    ACT_DENIED = "act.denied"
    OVERRIDE_USED = "override.used"
    DELETION_BEGUN = "deletion.begun"
    DELETION_RECEIPT = "deletion.receipt"
    HOLD_STEP = "hold.step"
    MEMBERSHIP_ASKED = "membership.asked"
    FORGET_TESTED = "forget.tested"
    WITNESS_TRUSTED = "witness.trusted"
    CHECKPOINT_WITNESSED = "checkpoint.witnessed"
