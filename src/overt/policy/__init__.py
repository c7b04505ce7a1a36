"""Pure verdicts: what follows from a score, and why.

Invariants: functions of their arguments alone; every verdict carries its reason.
Must not: read a clock, a file or a database, or know who an entry is.
"""
