"""Two officers accept a supervision: on the pages, or by the room's own action where the page does not stand (受理)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.database import Database
from escrow.access.officers import living_officer
from escrow.errors import NotFound
from escrow.projects.models import Project
from escrow.rehearsal.desk import Desk, accept_supervision
from escrow.rehearsal.wires import Unexpected
from escrow.supervision.actions import accept
from escrow.supervision.models import Agreement
from escrow.supervision.rules import AgreementStatus


def accept_by(house: Database, desks: list[Desk], project_no: str) -> None:
    """Each at their desk; without the page, in the same two transactions (双人受理)."""
    for desk in desks:
        try:
            accept_supervision([desk], project_no)
        except Unexpected:
            with house.begin() as session:
                _accept(session, project_no, desk.username)


def _accept(session: Session, project_no: str, username: str) -> None:
    waiting = select(Agreement.digest).join(Project, Project.id == Agreement.project_id)
    seen = session.scalar(
        waiting.where(Project.project_no == project_no, Agreement.status == AgreementStatus.PROPOSED)
    )
    officer = living_officer(session, username)
    if seen is None or officer is None:
        raise NotFound("没有等待受理的监管协议，或没有这名人员")
    accept(session, project_no, seen=seen, officer_id=officer.id)
