"""A contract ends: the draft is dropped or the filing revoked; money on it stays against it (注销合同)."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access import audit
from escrow.contracts.actions import LAW, locked_contract, void_unpaid
from escrow.contracts.models import Cancellation, Contract, PaymentNotice
from escrow.contracts.rules import ContractStatus, cancel_refusals
from escrow.errors import Invalid, NotFound, Refused
from escrow.projects.models import UNIT_STANDING, Project, Unit
from escrow.projects.rules import UnitStatus
from escrow.supervision.models import SupervisedAccount
from ledger.money import ZERO


@dataclass(frozen=True, slots=True)
class CancellationAsked:
    """The end of a contract (注销)."""

    event_id: str
    cancelled_on: date
    reason: str


def cancel(session: Session, contract_no: str, asked: CancellationAsked) -> dict[str, Any]:
    """Drop a draft or revoke a filing (注销草拟合同、撤销备案); the home goes back to stock at once.

    Money paid on it stays against it, waits for its refund, and blocks the release until then.
    Raises NotFound, Invalid or Refused.
    """
    if asked.cancelled_on > bureau_day():
        raise Invalid({"cancelled_on": "注销日期不能晚于今天。"})
    place = _hold(session, contract_no)
    contract = locked_contract(session, contract_no)
    if contract is None:
        raise NotFound("没有这个合同号")
    law = law_on(bureau_day(), LAW, place.region)
    standing = session.scalar(select(UNIT_STANDING.c.status).where(UNIT_STANDING.c.unit_id == place.unit_id))
    registered = standing == UnitStatus.REGISTERED
    if reasons := cancel_refusals(contract_no, contract.status, is_registered=registered, law=law):
        raise Refused(reasons)

    was = contract.status
    void_unpaid(session, contract.id)
    contract.status = ContractStatus.CANCELLED
    session.add(
        Cancellation(
            contract_id=contract.id,
            event_id=asked.event_id,
            cancelled_on=asked.cancelled_on,
            reason=asked.reason,
        )
    )
    session.flush()
    return _tell(session, contract, asked, was)


def _hold(session: Session, contract_no: str) -> Any:
    """Account and home are held, in this order: release and transfer wait. Raises NotFound."""
    query = (
        select(Contract.unit_id, Contract.project_id, Project.region)
        .join(Project, Project.id == Contract.project_id)
        .where(Contract.contract_no == contract_no)
    )
    place = session.execute(query).one_or_none()
    if place is None:
        raise NotFound("没有这个合同号")
    account = select(SupervisedAccount.id).where(SupervisedAccount.project_id == place.project_id)
    session.execute(account.order_by(SupervisedAccount.id).with_for_update(read=True))
    session.execute(select(Unit.id).where(Unit.id == place.unit_id).with_for_update(key_share=True))
    return place


def _tell(
    session: Session, contract: Contract, asked: CancellationAsked, was: ContractStatus
) -> dict[str, Any]:
    paid = select(func.sum(PaymentNotice.paid)).where(PaymentNotice.contract_id == contract.id)
    remaining = session.scalar(paid) or ZERO
    audit.record(
        session, "contract.cancelled", contract.contract_no, event_id=asked.event_id, was=was.value,
        cancelled_on=asked.cancelled_on, to_refund=remaining,
    )  # fmt: skip
    return {
        "contract_no": contract.contract_no, "status": ContractStatus.CANCELLED.value,
        "event_id": asked.event_id, "cancelled_on": asked.cancelled_on.isoformat(),
        "deposited": str(remaining),
    }  # fmt: skip
