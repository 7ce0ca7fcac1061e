"""The quotas of an agreement version enter the book when it takes effect (监管额度核定)."""

from dataclasses import replace

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from escrow import chart
from escrow.projects.models import Building
from escrow.supervision.funds import change_level, position
from escrow.supervision.models import Agreement, SupervisedAccount
from escrow.supervision.rules import QuotaMode
from ledger.money import Yuan

_QUOTAS = text("""
SELECT b.building_no, l.balance FROM ledger.account a
  JOIN ledger.balance l ON l.account_id = a.id
  JOIN building b ON a.key = 'building:' || b.id
 WHERE a.book_id = :book_id AND a.code = '8201' ORDER BY b.id
""")


def quotas_of(session: Session, book_id: int) -> dict[str, Yuan]:
    """Quotas in force by building number (现行监管额度)."""
    rows = session.execute(_QUOTAS, {"book_id": book_id})
    return {row.building_no: Yuan.from_fen(row.balance) for row in rows}


def put_in_force(session: Session, version: Agreement) -> None:
    """Each building's quota as this version says, its money divided anew (P7); without one all stays locked.

    The caller holds the account FOR UPDATE: no deposit is under way.
    """
    book_id = session.scalars(
        select(SupervisedAccount.book_id).where(SupervisedAccount.agreement_id == version.id)
    ).one()
    mode = QuotaMode(version.clauses["quota_mode"])
    asked = {quota["building_no"]: Yuan(quota["amount"]) for quota in version.clauses["quotas"]}
    query = select(Building.id, Building.building_no).where(
        Building.project_id == version.project_id, Building.building_no.in_(asked)
    )
    for building_id, number in session.execute(query.order_by(Building.id)).all():
        before = position(session, book_id, building_id, mode=mode, locked=True)
        change_level(
            session, book_id, building_id, before, replace(before, quota=asked[number]),
            movement=chart.SET_QUOTA, reference=f"quota:{version.id}:{building_id}", on=bureau_day(),
            memo=f"监管协议 {version.agreement_no} 第 {version.version} 版，{number} 幢",
        )  # fmt: skip
