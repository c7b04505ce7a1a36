"""Every question that the rest of Overt asks of a policy pack.

Pure functions: the same pack and the same facts always give the same verdict.
"""

from overt.policy.checks_application import check_application
from overt.policy.checks_authority import (
    check_authority,
    check_policy_signer,
    check_ratification,
    rank_at_least,
    urgent_end_utc,
)
from overt.policy.checks_list import (
    check_entry,
    check_list,
    check_named_authority,
    confirmed_since_utc,
    needs_named_authority,
)
from overt.policy.checks_live import (
    can_be_safeguarded,
    check_closing,
    check_presence,
    check_readiness,
    check_review,
    n_reviews,
    note_limit_chars,
    presence_within_s,
    retention_of,
)

__all__ = [
    "can_be_safeguarded",
    "check_application",
    "check_authority",
    "check_closing",
    "check_entry",
    "check_list",
    "check_named_authority",
    "check_policy_signer",
    "check_presence",
    "check_ratification",
    "check_readiness",
    "check_review",
    "confirmed_since_utc",
    "n_reviews",
    "needs_named_authority",
    "note_limit_chars",
    "presence_within_s",
    "rank_at_least",
    "retention_of",
    "urgent_end_utc",
]
