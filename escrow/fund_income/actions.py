"""The bank's slip is entered by one officer and booked by another (收益入账). Lock, look, judge, write."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow.access import audit
from escrow.errors import NotFound, Refusal, Refused
from escrow.fund_income.models import FundIncome
from escrow.fund_income.rules import (
    EARNED,
    MOVEMENTS,
    OF_COMMUNITY,
    IncomeFacts,
    IncomeKind,
    IncomeStatus,
    decider_refusals,
    income_refusals,
)
from escrow.maintenance import chart
from escrow.maintenance.books import account_of
from escrow.maintenance.chart import Nature
from escrow.maintenance.models import Community, FundAccount
from escrow.maintenance.reading import line_refusals
from escrow.maintenance.rules import FundStatus
from ledger.accounts import balance
from ledger.journal import post
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer

LAW = "maintenance_fund"
LAW_KEYS = ("fund_income_papers", "fund_two_officers")


@dataclass(frozen=True, slots=True)
class Slip:
    """What an officer reads off the bank's paper (银行单据)."""

    fund_account_id: int
    kind: IncomeKind
    nature: Nature
    amount: Yuan
    bank_serial: str
    value_date: date
    paper_no: str
    file_hash: str
    interest: Yuan = ZERO
    community_id: int | None = None


def enter(session: Session, slip: Slip, *, officer_id: int) -> int:
    """One officer writes a slip down; its number (录入). No money moves yet. Raises NotFound or Refused."""
    fund = held_fund(session, slip.fund_account_id)
    law = _law(fund)
    reasons = income_refusals(_facts(session, fund, slip), law) + _booked(session, fund, slip, law)
    if reasons:
        raise Refused(reasons)
    row = FundIncome(
        fund_account_id=fund.id, kind=slip.kind, nature=slip.nature, community_id=slip.community_id,
        amount=slip.amount, interest=slip.interest, bank_serial=slip.bank_serial, value_date=slip.value_date,
        paper_no=slip.paper_no, file_hash=slip.file_hash, status=IncomeStatus.ENTERED, entered_by=officer_id,
    )  # fmt: skip
    session.add(row)
    session.flush()
    audit.record(
        session, "fund-income.entered", row.id, kind=slip.kind.value, amount=str(slip.amount),
        account_no=fund.account_no, bank_serial=slip.bank_serial, file_hash=slip.file_hash,
    )  # fmt: skip
    return row.id


def book(session: Session, income_id: int, *, officer_id: int, fund_id: int) -> None:
    """Another officer confirms it, and it is booked (确认入账). Raises NotFound or Refused."""
    row, fund = _held(session, income_id, fund_id)
    law = _law(fund)
    reasons = decider_refusals(row.status is IncomeStatus.ENTERED, row.entered_by, officer_id, law)
    if row.status is IncomeStatus.ENTERED:
        reasons += income_refusals(_facts(session, fund, _slip(row), own=row.id), law)
        reasons += _booked(session, fund, _slip(row), law)
    if reasons:
        raise Refused(reasons)
    entry = post(
        session, MOVEMENTS[row.kind], _transfers(session, fund, row), reference=f"fund-income:{row.id}",
        effective_on=_open_day(session, fund, row.value_date), memo=row.paper_no,
    )  # fmt: skip
    row.status, row.entry_id, row.law = IncomeStatus.BOOKED, entry.id, law.stored(LAW_KEYS)
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "fund-income.booked", row.id, entry_no=entry.entry_no, amount=str(row.amount))


def reject(session: Session, income_id: int, reason: str, *, officer_id: int, fund_id: int) -> None:
    """Another officer sends it back, saying why (退回). Raises NotFound or Refused."""
    row, fund = _held(session, income_id, fund_id)
    is_open = row.status is IncomeStatus.ENTERED
    if reasons := decider_refusals(is_open, row.entered_by, officer_id, _law(fund)):
        raise Refused(reasons)
    row.status, row.reason = IncomeStatus.REJECTED, reason
    row.decided_by, row.decided_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "fund-income.rejected", row.id, reason=reason)


def held_fund(session: Session, fund_id: int) -> FundAccount:
    """The fund account under its lock, in use (锁定专户). Raises NotFound."""
    query = select(FundAccount).where(FundAccount.id == fund_id, FundAccount.status == FundStatus.ACTIVE)
    row = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if row is None:
        raise NotFound("没有这个使用中的维修资金专户")
    return row


def _held(session: Session, income_id: int, fund_id: int) -> tuple[FundIncome, FundAccount]:
    fund = held_fund(session, fund_id)
    query = select(FundIncome).where(FundIncome.id == income_id, FundIncome.fund_account_id == fund.id)
    row = session.scalars(
        query.with_for_update().execution_options(populate_existing=True)
    ).one_or_none()
    if row is None:
        raise NotFound("没有这笔收益")
    return row, fund


def _slip(row: FundIncome) -> Slip:
    return Slip(
        row.fund_account_id, row.kind, row.nature, row.amount, row.bank_serial, row.value_date, row.paper_no,
        row.file_hash, row.interest, row.community_id,
    )  # fmt: skip


def _booked(session: Session, fund: FundAccount, slip: Slip, law: Law) -> list[Refusal]:
    """Whether another room has booked the bank's line (别处已入账); what this room has, its own rule names."""
    own = select(FundIncome.id).where(
        FundIncome.fund_account_id == fund.id, FundIncome.bank_serial == slip.bank_serial,
        FundIncome.status == IncomeStatus.BOOKED,
    )  # fmt: skip
    if session.scalar(own) is not None:
        return []
    return line_refusals(session, fund.id, slip.bank_serial, law["fund_income_papers"].citation)


def _facts(session: Session, fund: FundAccount, slip: Slip, *, own: int = 0) -> IncomeFacts:
    def stands(code: str) -> Yuan:
        return balance(session, account_of(session, _book(fund), code))

    serial = select(FundIncome.id).where(
        FundIncome.fund_account_id == fund.id, FundIncome.bank_serial == slip.bank_serial,
        FundIncome.status != IncomeStatus.REJECTED, FundIncome.id != own,
    )  # fmt: skip
    of_fund = select(Community.id).where(
        Community.id == slip.community_id, Community.fund_account_id == fund.id
    )
    return IncomeFacts(
        kind=slip.kind, amount=slip.amount, value_date=slip.value_date, today=bureau_day(),
        opened_on=fund.opened_on or date.max, interest=slip.interest,
        at_bank=stands(chart.BANK[slip.nature]) - _ordered(session, fund, slip.nature),
        at_bonds_account=stands(chart.BANK_BONDS), bonds=stands(chart.BONDS[slip.nature]),
        serial_used=session.scalar(serial) is not None,
        community_known=slip.community_id is None
        or (slip.kind in OF_COMMUNITY and session.scalar(of_fund) is not None),
    )  # fmt: skip


_ORDERED = text("""
SELECT coalesce(sum(amount), 0)::bigint FROM fund_order
 WHERE fund_account_id = :fund_id AND nature = :nature AND status IN ('issued', 'unknown')
""")


def _ordered(session: Session, fund: FundAccount, nature: Nature) -> Yuan:
    """What open orders will take: it is not there to be moved (指令占用)."""
    return Yuan.from_fen(session.scalar(_ORDERED, {"fund_id": fund.id, "nature": nature.value}) or 0)


def _transfers(session: Session, fund: FundAccount, row: FundIncome) -> list[Transfer]:
    def at(code: str, key: str = "") -> Any:
        return account_of(session, _book(fund), code, key=key)

    bank, bonds = at(chart.BANK[row.nature]), at(chart.BANK_BONDS)
    if row.kind in EARNED:
        key = chart.community_key(row.community_id, row.nature) if row.community_id else ""
        return [Transfer(bank, at(EARNED[row.kind][row.nature], key), row.amount)]
    held = at(chart.BONDS[row.nature])
    debit, credit = {
        IncomeKind.TO_BONDS: (bonds, bank), IncomeKind.FROM_BONDS: (bank, bonds),
        IncomeKind.BUY: (held, bonds), IncomeKind.REDEEM: (bonds, held),
    }[row.kind]  # fmt: skip
    transfers = [Transfer(debit, credit, row.amount)]
    if row.interest > ZERO:
        transfers.append(Transfer(bonds, at(chart.BOND_INTEREST[row.nature]), row.interest))
    return transfers


def _open_day(session: Session, fund: FundAccount, value_date: date) -> date:
    """The slip's own day, or the first day after the closed ones (记账日)."""
    closed = closed_through(session, fund)
    return max(value_date, date.fromordinal(closed.toordinal() + 1)) if closed else value_date


_CLOSED = text("SELECT max(day) FROM ledger.day_close WHERE book_id = :book_id")


def closed_through(session: Session, fund: FundAccount) -> date | None:
    """The last closed day of the fund's book, if any (已结至)."""
    found: date | None = session.scalar(_CLOSED, {"book_id": fund.book_id})
    return found


def _book(fund: FundAccount) -> int:
    return fund.book_id or 0


def _law(fund: FundAccount) -> Law:
    return law_on(bureau_day(), LAW, fund.region)
