"""Overt: accountable live facial recognition.

Cameras at an authorised deployment look for the people on that deployment's watchlist and for
nobody else; an officer decides on every possible match; everyone else is forgotten at once.

Two files tell the whole story: ``overt.live.pipeline`` (frame to candidate to alert) and
``overt.alerts`` (alert to outcome). Imports point down only; ``pyproject.toml`` holds the contract.
"""

__version__ = "0.1.0"
