"""Identifiers, each a distinct type so that one cannot be handed over for another.

None of them is derived from a person's name. An :data:`EntryId` is what matching, alerts and the
ledger carry; the name behind it stays in the watchlist.
"""

from typing import NewType

CameraId = NewType("CameraId", str)
"""A camera as the capability names it, for example ``gate-1``."""

EntryId = NewType("EntryId", str)
"""One person on one watchlist. Opaque; never a name."""

KinGroup = NewType("KinGroup", str)
"""People on a list who are known or likely to be related, or duplicates of each other."""

WatchlistId = NewType("WatchlistId", str)
"""The name under which a list is kept; what it held is named by its manifest hash."""

DeploymentId = NewType("DeploymentId", str)
"""One authorised deployment."""

PersonId = NewType("PersonId", str)
"""Somebody of the force who acts in Overt, for example ``ao-east-1``. Never a listed person."""

AlertId = NewType("AlertId", str)
"""One possible match that was raised for an officer."""

TrackId = NewType("TrackId", int)
"""One passage of one face before one camera; meaningless outside it."""

ContractId = NewType("ContractId", str)
"""The vector space of a template: model digest, preprocessing, alignment and augmentation."""

Sha256 = NewType("Sha256", str)
"""Lower-case hexadecimal SHA-256 digest, 64 characters."""
