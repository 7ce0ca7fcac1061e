"""A fund account entered by one officer and opened by another (维修资金专户开立). Lock, look, judge, write."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow.access import audit
from escrow.errors import NotFound, Refusal, Refused
from escrow.maintenance.books import open_set
from escrow.maintenance.models import FundAccount
from escrow.maintenance.rules import FundStatus, decider_refusals

LAW = "maintenance_fund"


@dataclass(frozen=True, slots=True)
class AskedAccount:
    """What an officer reads off the bank's paper (开户资料)."""

    account_no: str
    account_name: str
    bank_code: str
    region: str
    document_no: str


def enter_account(session: Session, asked: AskedAccount, *, officer_id: int) -> int:
    """One officer enters a fund account; its id (录入专户). Raises Refused."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("fund_account", 0))))
    law = law_on(bureau_day(), LAW, asked.region)
    if reasons := _asked_refusals(session, asked, law):
        raise Refused(reasons)
    row = FundAccount(
        account_no=asked.account_no, account_name=asked.account_name, bank_code=asked.bank_code,
        region=asked.region, document_no=asked.document_no, status=FundStatus.ENTERED, entered_by=officer_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, "fund.account-entered", asked.account_no, bank_code=asked.bank_code, region=asked.region
    )
    return row.id


def open_fund(session: Session, fund_id: int, *, officer_id: int) -> None:
    """Another officer opens it, with its book (确认开立专户). Raises NotFound or Refused."""
    row = _held(session, fund_id, officer_id)
    row.book_id = open_set(session, account_no=row.account_no, account_name=row.account_name)
    row.status, row.opened_on = FundStatus.ACTIVE, bureau_day()
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "fund.account-opened", row.account_no)


def reject_fund(session: Session, fund_id: int, reason: str, *, officer_id: int) -> None:
    """Another officer sends it back, saying why (退回). Raises NotFound or Refused."""
    row = _held(session, fund_id, officer_id)
    row.status, row.reason = FundStatus.REJECTED, reason
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "fund.account-rejected", row.account_no, reason=reason)


def _asked_refusals(session: Session, asked: AskedAccount, law: Law) -> list[Refusal]:
    source, found = law["fund_account_once"].citation, []
    live = FundAccount.status != FundStatus.REJECTED
    if session.scalar(select(FundAccount.id).where(live, FundAccount.account_no == asked.account_no)):
        found.append(Refusal("fund-account-known", f"账号 {asked.account_no} 已登记为维修资金专户", source))
    there = (FundAccount.region == asked.region) & (FundAccount.bank_code == asked.bank_code)
    open_ = FundAccount.status.in_((FundStatus.ENTERED, FundStatus.ACTIVE))
    if session.scalar(select(FundAccount.id).where(open_, there)):
        message = f"{asked.region} 在 {asked.bank_code} 已有维修资金专户"
        found.append(Refusal("fund-account-there", message, source))
    return found


def _held(session: Session, fund_id: int, officer_id: int) -> FundAccount:
    query = select(FundAccount).where(FundAccount.id == fund_id).with_for_update()
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFound("没有这个维修资金专户")
    law = law_on(bureau_day(), LAW, row.region)
    if reasons := decider_refusals(row.status, row.entered_by, officer_id, law):
        raise Refused(reasons)
    return row
