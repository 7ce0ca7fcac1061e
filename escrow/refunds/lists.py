"""Refunds for reading, with their contract and who handled them, in one query each (退款查询)."""

from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session, aliased

from config.settings import Settings
from escrow.access.models import Officer
from escrow.access.sealing import unseal
from escrow.contracts.models import Contract
from escrow.deposits.models import Receipt
from escrow.projects.models import Building, Project, Unit
from escrow.refunds.models import Refund, RefundPaper, RefundPart, RefundRedirect
from escrow.refunds.redirect_rules import RedirectStatus
from escrow.supervision.models import SupervisedAccount

_ENTERER, _REVIEWER = aliased(Officer), aliased(Officer)
_DECIDER, _REVOKER = aliased(Officer), aliased(Officer)


def refunds(
    session: Session, *, contract_id: int | None = None, before: int | None = None, limit: int = 50
) -> list[Row[Any]]:
    """Newest first, from a key backwards (退款清单)."""
    query = _refunds().order_by(Refund.id.desc()).limit(limit)
    if contract_id is not None:
        query = query.where(Refund.contract_id == contract_id)
    if before is not None:
        query = query.where(Refund.id < before)
    return list(session.execute(query))


def refund(session: Session, refund_no: str) -> Any:
    """One refund, None when there is no such number (退款)."""
    return session.execute(_refunds().where(Refund.refund_no == refund_no)).one_or_none()


def parts(session: Session, refund_id: int) -> list[Row[Any]]:
    """What goes back of each receipt (退款明细)."""
    query = (
        select(RefundPart, Receipt.receipt_no)
        .join(Receipt, Receipt.id == RefundPart.receipt_id)
        .where(RefundPart.refund_id == refund_id)
        .order_by(RefundPart.id)
    )
    return list(session.execute(query))


def payees(session: Session, refund_id: int, told: Settings) -> list[dict[str, Any]]:
    """To whom each part goes, in full: for who must compare it with the paper (收款人明文)."""
    redirects = (
        select(RefundRedirect, Receipt.receipt_no, RefundPart.amount)
        .join(RefundPart, RefundPart.id == RefundRedirect.part_id)
        .join(Receipt, Receipt.id == RefundPart.receipt_id)
        .where(RefundPart.refund_id == refund_id, RefundRedirect.status != RedirectStatus.REJECTED)
        .order_by(RefundRedirect.id)
    )
    rows = list[Any]()
    rows += [(one.RefundPart, one.receipt_no, one.RefundPart.amount) for one in parts(session, refund_id)]
    rows += session.execute(redirects).all()
    return [
        {
            "receipt_no": receipt_no, "amount": amount, "bank_name": said.payee_bank,
            "is_redirect": isinstance(said, RefundRedirect),
            "name": unseal(said.payee_name_sealed, told),
            "account_no": unseal(said.payee_account_sealed, told),
        }
        for said, receipt_no, amount in rows
    ]  # fmt: skip


def _refunds() -> Any:
    return (
        select(
            Refund, Contract.contract_no, Project.project_no, Project.name.label("project_name"),
            Building.building_no, Unit.room_no, SupervisedAccount.account_no,
            RefundPaper.paper_no, RefundPaper.file_hash.label("paper_hash"),
            _ENTERER.full_name.label("enterer"), _REVIEWER.full_name.label("reviewer"),
            _DECIDER.full_name.label("decider"), _REVOKER.full_name.label("revoker"),
        )
        .join(Contract, Contract.id == Refund.contract_id)
        .join(Project, Project.id == Contract.project_id)
        .join(Unit, Unit.id == Contract.unit_id)
        .join(Building, Building.id == Refund.building_id)
        .join(SupervisedAccount, SupervisedAccount.id == Refund.account_id)
        .join(_ENTERER, _ENTERER.id == Refund.entered_by)
        .outerjoin(RefundPaper, RefundPaper.refund_id == Refund.id)
        .outerjoin(_REVIEWER, _REVIEWER.id == Refund.reviewed_by)
        .outerjoin(_DECIDER, _DECIDER.id == Refund.decided_by)
        .outerjoin(_REVOKER, _REVOKER.id == Refund.revoked_by)
    )  # fmt: skip
