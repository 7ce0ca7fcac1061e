"""What a wrong registration by hand is corrected by, and what rests on it meanwhile (首次登记更正)."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from config.regulations import Law
from escrow.registration.actions import FirstAsked
from escrow.registration.models import FirstRegistration
from escrow.registration.rules import (
    Certificate,
    CorrectionFacts,
    NamedBuilding,
    RegistrationStatus,
)

# Rooms that come later rest on a registration: what they hold is read as it stands in the database.
_NAMED = text("""
SELECT b.building_no,
       EXISTS (SELECT FROM released_building x WHERE x.building_id = b.id) AS is_released,
       (SELECT min(t.registered_on) FROM transfer_registration t JOIN unit u ON u.id = t.unit_id
         WHERE u.building_id = b.id) AS transferred_on,
       coalesce(strpos((SELECT n.node FROM node_claim n WHERE n.building_id = b.id AND n.status = 'approved'
                         ORDER BY n.id DESC LIMIT 1), :node) > 0, false) AS is_at_node
  FROM registered_building r JOIN building b ON b.id = r.building_id
 WHERE r.registration_id = :id ORDER BY b.id
""")
_WAITING = text("""
SELECT EXISTS (SELECT FROM first_registration
                WHERE corrects = :id AND status = 'entered' AND id IS DISTINCT FROM :but)
""")


def correction_facts(
    session: Session, wrong: FirstRegistration, asked: FirstAsked, law: Law, *, but: int | None = None
) -> CorrectionFacts:
    """What is known of a registration under the lock of its project, against what it should say (更正事实)."""
    named = session.execute(_NAMED, {"id": wrong.id, "node": law["node_by_record"].value})
    return CorrectionFacts(
        source=wrong.source,
        status=wrong.status,
        was=Certificate(wrong.certificate_no, asked.project_no, wrong.registered_on),
        named=tuple(NamedBuilding(*row) for row in named),
        asked=Certificate(asked.certificate_no, asked.project_no, asked.registered_on),
        building_nos=asked.building_nos,
        is_waiting=bool(session.scalar(_WAITING, {"id": wrong.id, "but": but})),
    )


def supersede(session: Session, wrong: FirstRegistration, by: FirstRegistration) -> None:
    """The wrong one stays on record and counts for nothing any more (原登记留存，不再作数)."""
    wrong.status, wrong.superseded_by = RegistrationStatus.SUPERSEDED, by.id
    session.flush()
