"""Exact comparison of probes with a gallery of references.

``reference`` is the oracle: slow, plain, auditable. ``exact`` is the fast search; one contract
suite holds both to the same answers. Invariants: every search is exhaustive; an expired entry is
never a candidate; ties are broken by entry id, so that a search can be repeated.
Must not: know a name, apply a threshold (``policy`` does), or keep a probe.
"""
