"""What is kept: alerts, counts, watchlists and the ledger, in SQLite, pictures encrypted at rest.

Invariants: an act and its ledger record are written in one transaction or not at all; nothing is
acknowledged that was not kept; pictures, templates and labels reach the disk only encrypted.
Must not: have a place for a face that did not alert.
"""
