"""The command line: what people type, and the wiring of everything below.

Invariants: results go to standard output, everything else to standard error; an error is one plain
sentence and the exit code of its class; only ``wiring.py`` reads the environment.
Must not: hold logic that another front end would need again.
"""
