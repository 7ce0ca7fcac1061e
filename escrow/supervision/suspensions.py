"""An account stops by itself when facts contradict each other; two officers reopen it (账户暂停与恢复)."""

from datetime import date

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from config.clock import now
from config.regulations import Law
from escrow.access import audit
from escrow.errors import Refusal, Refused
from escrow.supervision.court_holds import account_locked
from escrow.supervision.freshness import missing_statement
from escrow.supervision.measure_models import AccountSuspension
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.rules import AccountStatus
from escrow.workdays.actions import calendar


def suspend(session: Session, account: SupervisedAccount, cause: str) -> None:
    """Stop payments and filings until two officers have looked (暂停). The caller holds the account."""
    session.add(AccountSuspension(account_id=account.id, cause=cause))
    if account.status is AccountStatus.ACTIVE:
        account.status = AccountStatus.SUSPENDED
    session.flush()
    audit.record(session, "account.suspended", account.account_no, cause=cause)


def ask_reopen(session: Session, account_no: str, reason: str, *, officer_id: int) -> None:
    """One officer says why it may go on (申请恢复). Raises NotFound or Refused."""
    account, law = account_locked(session, account_no)
    waiting = list(session.scalars(_open(account)))
    if not waiting:
        source = law["reopen_two_officers"].citation
        raise Refused([Refusal("not-suspended", "账户没有未了的暂停事项", source)])
    for one in waiting:
        one.asked_by, one.reason = officer_id, reason
    session.flush()
    audit.record(session, "account.reopen-entered", account_no, reason=reason)


def reopen(session: Session, account_no: str, *, officer_id: int) -> None:
    """Another officer lets it go on (恢复). Raises NotFound or Refused."""
    account, law = account_locked(session, account_no)
    waiting, source = list(session.scalars(_open(account))), law["reopen_two_officers"].citation
    if not waiting or any(one.asked_by is None for one in waiting):
        raise Refused([Refusal("reopen-not-asked", "尚未录入恢复申请，或又有新的暂停事项", source)])
    if any(one.asked_by == officer_id for one in waiting):
        raise Refused([Refusal("same-officer", "恢复须由另一名人员确认", source)])
    for one in waiting:
        one.reopened_by, one.reopened_at = officer_id, func.clock_timestamp()
    session.flush()
    if account.status is AccountStatus.SUSPENDED:
        account.status = AccountStatus.ACTIVE
    session.flush()
    audit.record(session, "account.reopened", account_no)


def causes(session: Session, account_id: int) -> list[str]:
    """Why an account stands still now (暂停缘由)."""
    query = text(
        "SELECT cause FROM account_suspension WHERE account_id = :id AND reopened_by IS NULL ORDER BY id"
    )
    return list(session.scalars(query, {"id": account_id}))


def breaks(session: Session, account_id: int) -> int:
    """How many differences between bank and book are open on an account (未了的对账差异)."""
    query = text(
        "SELECT count(*) FROM statement_difference WHERE account_id = :id AND status = 'open' AND delta <> 0"
    )
    return int(session.scalar(query, {"id": account_id}) or 0)


_STATED = text("""
SELECT a.opened_at, (SELECT max(s.business_date) FROM statement s
                      WHERE s.account_id = a.id AND s.status IN ('matched', 'differences')) AS stated_through
  FROM supervised_account a WHERE a.id = :id
""")


def missing_on(session: Session, account_id: int, law: Law) -> date | None:
    """The last working day whose statement should be here and is not (缺少对账单的日期)."""
    row = session.execute(_STATED, {"id": account_id}).one()
    return missing_statement(row.opened_at, row.stated_through, law, now(), lambda: calendar(session))


def _open(account: SupervisedAccount) -> Select[AccountSuspension]:
    query = select(AccountSuspension).where(
        AccountSuspension.account_id == account.id, AccountSuspension.reopened_by.is_(None)
    )
    return query.order_by(AccountSuspension.id).with_for_update()
