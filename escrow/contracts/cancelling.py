"""A drafted contract is dropped; money on it stays against it (注销合同). Lock, look, judge, write."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access import audit
from escrow.contracts.actions import LAW, locked_contract, void_unpaid
from escrow.contracts.models import Cancellation, PaymentNotice
from escrow.contracts.rules import ContractStatus, cancel_refusals
from escrow.errors import Invalid, NotFound, Refused
from escrow.projects.models import Project
from ledger.money import ZERO


@dataclass(frozen=True, slots=True)
class CancellationAsked:
    """The end of a contract (注销)."""

    event_id: str
    cancelled_on: date
    reason: str


def cancel(session: Session, contract_no: str, asked: CancellationAsked) -> dict[str, Any]:
    """Drop a drafted contract (注销草拟合同); money on it stays against it and waits for its refund.

    Raises NotFound, Invalid or Refused.
    """
    if asked.cancelled_on > bureau_day():
        raise Invalid({"cancelled_on": "注销日期不能晚于今天。"})
    contract = locked_contract(session, contract_no)
    if contract is None:
        raise NotFound("没有这个合同号")
    region = session.scalar(select(Project.region).where(Project.id == contract.project_id))
    law = law_on(bureau_day(), LAW, str(region))
    if reasons := cancel_refusals(contract_no, contract.status, law):
        raise Refused(reasons)

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
    paid = select(func.sum(PaymentNotice.paid)).where(PaymentNotice.contract_id == contract.id)
    remaining = session.scalar(paid) or ZERO
    audit.record(
        session, "contract.cancelled", contract_no, event_id=asked.event_id,
        cancelled_on=asked.cancelled_on, to_refund=remaining,
    )  # fmt: skip
    return {
        "contract_no": contract_no, "status": ContractStatus.CANCELLED.value, "event_id": asked.event_id,
        "cancelled_on": asked.cancelled_on.isoformat(), "deposited": str(remaining),
    }  # fmt: skip
