"""From a form to the application: the files that it names are read, and the parts put together.

Must not: judge what is written; the policy pack does.
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from overt.core.errors import InputError
from overt.core.ids import PersonId
from overt.deployment.application import (
    Application,
    Bindings,
    Camera,
    Document,
    Notice,
    Officer,
    Place,
    Reasons,
)
from overt.deployment.faults import first_fault
from overt.deployment.form import CameraSection, DocumentSection, Form, PlaceSection
from overt.deployment.form_files import digest_file, read_file
from overt.deployment.place import MAX_GEOJSON_BYTES, Area, parse_geojson


def fill(form: Form, folder: Path, requester: PersonId, bindings: Bindings) -> Application:
    """Return the application that a form makes, with the files that it names.

    Args:
        form: what was written.
        folder: where the files that it names are looked for.
        requester: who applies.
        bindings: what it is bound to by digest.

    Raises:
        InputError: a file cannot be read or used, or the parts do not hold together.
    """
    about, notice = form.deployment, form.notice
    try:
        return Application(
            deployment=about.id,
            title=about.title,
            use_case=about.use_case,
            place=_place(form.place, folder),
            starts_utc=form.window.start,
            ends_utc=form.window.end,
            cameras=tuple(_camera(each) for each in form.camera),
            reasons=Reasons(**form.reasons.model_dump()),
            notice=Notice(
                published_utc=notice.published,
                where=notice.where,
                exception_reason=notice.exception_reason,
                signage=notice.signage,
            ),
            is_protest=about.is_protest,
            officers=tuple(Officer(person=each.person, role=each.role) for each in form.officer),
            documents=tuple(_documents(form.document, folder)),
            watchlist=about.watchlist,
            requester=requester,
            bindings=bindings,
        )
    except ValidationError as error:
        raise InputError(f"The application cannot be used: {first_fault(error)}.") from None


def _place(section: PlaceSection, folder: Path) -> Place:
    return Place(
        name=section.name,
        area=_area(section, folder),
        rationale=section.rationale,
        hotspot_evidence=section.hotspot_evidence,
        intelligence_reference=section.intelligence_reference,
    )


def _area(section: PlaceSection, folder: Path) -> Area:
    if section.polygon is None:
        path = folder / (section.geojson or "")
        data = read_file(path, MAX_GEOJSON_BYTES, "place.geojson: the file")
        try:
            return parse_geojson(data)
        except InputError as error:
            raise InputError(f"place.geojson: {error}") from None
    ring = section.polygon
    closed = ring if ring and ring[0] == ring[-1] else (*ring, *ring[:1])
    try:
        return Area(coordinates=(closed,))
    except ValidationError as error:
        raise InputError(f"place.polygon cannot be used: {first_fault(error)}.") from None


def _camera(section: CameraSection) -> Camera:
    longitude, latitude = section.position
    return Camera(
        name=section.name,
        longitude=longitude,
        latitude=latitude,
        zone_of_recognition=section.zone_of_recognition,
    )


def _documents(sections: Sequence[DocumentSection], folder: Path) -> list[Document]:
    return [
        Document(
            kind=each.kind,
            title=each.title,
            sha256=digest_file(folder / each.path, f"document[{number}].path: the file"),
            issued=each.issued,
            valid_until=each.valid_until,
        )
        for number, each in enumerate(sections, 1)
    ]
