"""What is decided about a person: the alert, its life, and where it is handed to.

Invariants: an alert names an entry, never a person; its words are *possible match*; it moves only
along the table in :mod:`overt.alerts.lifecycle`.
Must not: store anything, compare anything, or know of SQL.
"""
