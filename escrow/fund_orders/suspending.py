"""A fund account stops paying when its bank contradicts an order; two officers let it go on (专户停付与恢复)."""

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import law_on
from escrow.access import audit
from escrow.errors import NotFound, Refusal, Refused
from escrow.fund_orders.models import FundSuspension
from escrow.maintenance.models import FundAccount


def suspend(session: Session, fund: FundAccount, cause: str) -> None:
    """No order leaves until two officers have looked (停付). The caller holds the account."""
    session.add(FundSuspension(fund_account_id=fund.id, cause=cause))
    session.flush()
    audit.record(session, "fund-order.suspended", fund.account_no, cause=cause)


def causes(session: Session, fund_account_id: int) -> list[str]:
    """Why an account pays nobody now (停付缘由)."""
    return [one.cause for one in session.scalars(_open(fund_account_id))]


def ask_reopen(session: Session, fund_account_id: int, reason: str, *, officer_id: int) -> None:
    """One officer says why it may go on (申请恢复). Raises NotFound or Refused."""
    fund, source = _held(session, fund_account_id)
    waiting = list(session.scalars(_open(fund.id)))
    if not waiting:
        raise Refused([Refusal("not-suspended", "专户没有未了的停付事项", source)])
    for one in waiting:
        one.asked_by, one.reason = officer_id, reason
    session.flush()
    audit.record(session, "fund-order.reopen-entered", fund.account_no, reason=reason)


def reopen(session: Session, fund_account_id: int, *, officer_id: int) -> None:
    """Another officer lets it go on (恢复). Raises NotFound or Refused."""
    fund, source = _held(session, fund_account_id)
    waiting = list(session.scalars(_open(fund.id)))
    if not waiting or any(one.asked_by is None for one in waiting):
        raise Refused([Refusal("reopen-not-asked", "尚未录入恢复申请，或又有新的停付事项", source)])
    if any(one.asked_by == officer_id for one in waiting):
        raise Refused([Refusal("same-officer", "恢复须由另一名人员确认", source)])
    for one in waiting:
        one.reopened_by, one.reopened_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "fund-order.reopened", fund.account_no)


def _held(session: Session, fund_account_id: int) -> tuple[FundAccount, str]:
    query = select(FundAccount).where(FundAccount.id == fund_account_id).with_for_update(key_share=True)
    fund = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if fund is None:
        raise NotFound("没有这个维修资金专户")
    return fund, law_on(bureau_day(), "presale_funds", fund.region)["reopen_two_officers"].citation


def _open(fund_account_id: int) -> Select[FundSuspension]:
    query = select(FundSuspension).where(
        FundSuspension.fund_account_id == fund_account_id, FundSuspension.reopened_by.is_(None)
    )
    return query.order_by(FundSuspension.id)
