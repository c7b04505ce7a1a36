"""Where and when offences concentrate, and whether that is more than chance: places, never people.

The story is :mod:`~overt.hotspots.ingest` → :mod:`~overt.hotspots.ranking` or
:mod:`~overt.hotspots.hours`; :mod:`~overt.hotspots.evaluation` says how well it would have done.

Invariants: of an offence's record only place, time, kind, force and who reported it are ever read;
a month that a force did not supply is missing and not zero; a cell finer than the places are known
is refused; what police activity finds never raises a rank; the same events, options and seed give
the same result.
Must not: reach alerts, watchlists, matching or the ledger, or hold anything about a person.
"""
