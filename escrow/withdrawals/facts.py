"""What an application is judged by: its account, the building's limits, payees and sums (用款事实).

Order of locks: project, supervised account, withdrawal, then balances by id inside the ledger.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ScalarSelect, func, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow.contracts.models import Contract
from escrow.contracts.rules import ContractStatus
from escrow.errors import NotFound
from escrow.projects.models import Project, Unit
from escrow.supervision.court_holds import account_locked
from escrow.supervision.funds import limits_of
from escrow.supervision.guarantees import payments_stopped
from escrow.supervision.measure_models import CourtHold
from escrow.supervision.measures import HoldStatus
from escrow.supervision.models import LIVING_FIRST, Agreement, SupervisedAccount
from escrow.supervision.rules import AccountStatus, QuotaMode
from escrow.supervision.takeovers import taken_over
from escrow.withdrawals.deciding_rules import LevelFacts
from escrow.withdrawals.models import ConstructionContract, ListedPayee, Withdrawal, WithdrawalLine
from escrow.withdrawals.payee_rules import Line
from escrow.withdrawals.rules import HOLDING, WAITING, Channel, WithdrawalFacts
from ledger.money import ZERO, Yuan

SUBJECT = "presale_funds"
# The law that an application is judged by and that its approval keeps (随核准存档的规定).
LAW_KEYS = (
    "withdrawal_two_officers", "withdrawal_second_level", "withdrawal_rolling_days",
    "withdrawal_payee_listed", "withdrawal_payee_days", "withdrawal_within_contract",
    "withdrawal_within_limit", "key_funds_for_construction", "court_hold_construction",
    "refund_before_withdrawal", "guarantee_cash", "account_active", "reversal_settled", "paper_used_once",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """The account that pays, under its law and agreement (所涉账户)."""

    account: SupervisedAccount
    mode: QuotaMode
    review_days: int
    law: Law


def place_of(session: Session, account_no: str, *, locked: bool = False) -> Place:
    """The account with its law; `locked` when something will be written. Raises NotFound."""
    if locked:
        account, law = account_locked(session, account_no)
    else:
        query = select(SupervisedAccount, Project.region).join(
            Project, Project.id == SupervisedAccount.project_id
        )
        row = session.execute(query.where(SupervisedAccount.account_no == account_no)).one_or_none()
        if row is None:
            raise NotFound("没有这个监管账户")
        account, law = row.SupervisedAccount, law_on(bureau_day(), SUBJECT, row.region)
    clauses = session.get_one(Agreement, account.agreement_id).clauses
    return Place(account, QuotaMode(clauses["quota_mode"]), int(clauses["review_days"]), law)


def of_project(account_id: int) -> ScalarSelect[int]:
    """Every account the project ever had: its list outlives a change of the account (本项目各账户)."""
    own = select(SupervisedAccount.project_id).where(SupervisedAccount.id == account_id).scalar_subquery()
    return select(SupervisedAccount.id).where(SupervisedAccount.project_id == own).scalar_subquery()


def paying_no(session: Session, account_id: int) -> str:
    """The number of the account that pays now what was asked of this one: after a change, the new (现付款账号)."""
    query = select(SupervisedAccount.account_no).where(SupervisedAccount.id.in_(of_project(account_id)))
    return session.scalars(query.order_by(*LIVING_FIRST).limit(1)).one()


@dataclass(frozen=True, slots=True)
class Asked:
    """What is judged: lines of one building through one channel (所审内容)."""

    building_id: int
    channel: Channel
    court_order_no: str | None
    lines: tuple[Line, ...]
    withdrawal_id: int = 0


def facts_of(session: Session, place: Place, asked: Asked, *, locked: bool = True) -> WithdrawalFacts:
    """What an application is judged by, its own hold left out (用款事实)."""
    account, building_id = place.account, asked.building_id
    reserved = select(func.sum(Withdrawal.key_amount)).where(
        Withdrawal.building_id == building_id, Withdrawal.status.in_(HOLDING),
        Withdrawal.id != asked.withdrawal_id,
    )  # fmt: skip
    at_risk = (
        select(Contract.contract_no)
        .join(Unit, Unit.id == Contract.unit_id)
        .where(Unit.building_id == building_id, Contract.status == ContractStatus.AT_RISK)
        .order_by(Contract.id)
        .limit(1)
    )
    return WithdrawalFacts(
        today=bureau_day(),
        account_status=AccountStatus(account.status),
        channel=asked.channel,
        lines=asked.lines,
        limits=limits_of(
            session, account.book_id, building_id, mode=place.mode, but=asked.withdrawal_id, locked=locked
        ),
        key_reserved=session.scalar(reserved) or ZERO,
        court_order_no=asked.court_order_no,
        court_holds=holds_on(session, account.id),
        at_risk=session.scalar(at_risk),
        stopped=payments_stopped(session, building_id, account.book_id),
    )


def holds_on(session: Session, account_id: int) -> tuple[str, ...]:
    """The court holds in force on an account (现有司法冻结)."""
    query = select(CourtHold.hold_no).where(
        CourtHold.account_id == account_id, CourtHold.status == HoldStatus.IN_FORCE
    )
    return tuple(session.scalars(query.order_by(CourtHold.id)))


_COMMITTED = text("""
SELECT coalesce(sum(l.amount), 0)::bigint FROM withdrawal_line l
  JOIN withdrawal w ON w.id = l.withdrawal_id JOIN listed_payee p ON p.id = l.payee_id
 WHERE p.contract_id = :contract_id AND line_counts(l.id, w.status) AND w.id <> :but
""")
_USED = text("""
SELECT w.withdrawal_no FROM withdrawal_line l JOIN withdrawal w ON w.id = l.withdrawal_id
 WHERE (l.invoice_no = :number OR l.invoice_hash = :file_hash)
   AND line_counts(l.id, w.status) AND w.id <> :but ORDER BY l.id LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class AskedLine:
    """One payment as asked for (用款明细申请)."""

    payee_id: int
    purpose: Any
    amount: Yuan
    progress: Any
    invoice_no: str
    invoice_hash: str


def judged_lines(session: Session, asked: Iterable[AskedLine], *, but: int = 0) -> tuple[Line, ...]:
    """Each line with what is known of its payee, contract and invoice now (明细现状)."""
    found = []
    for one in asked:
        payee = session.get_one(ListedPayee, one.payee_id)
        contract = session.get_one(ConstructionContract, payee.contract_id)
        committed = session.scalar(_COMMITTED, {"contract_id": contract.id, "but": but})
        invoice = {"number": one.invoice_no, "file_hash": one.invoice_hash, "but": but}
        found.append(
            Line(
                payee_name=payee.name, kind=payee.kind, status=payee.status, usable_on=payee.usable_on,
                contract_no=contract.contract_no, contract_status=contract.status,
                contract_price=contract.price, committed=Yuan.from_fen(committed or 0),
                progress=str(one.progress), purpose=one.purpose, amount=one.amount,
                invoice_no=one.invoice_no, invoice_used_by=session.scalar(_USED, invoice),
            )
        )  # fmt: skip
    return tuple(found)


def asked_of(session: Session, withdrawal: Withdrawal, lines: list[WithdrawalLine]) -> Asked:
    """An application as entered, its lines as they stand now (申请现状)."""
    asked = (
        AskedLine(line.payee_id, line.purpose, line.amount, line.progress, line.invoice_no, line.invoice_hash)
        for line in lines
    )
    return Asked(
        withdrawal.building_id, withdrawal.channel, withdrawal.court_order_no,
        judged_lines(session, asked, but=withdrawal.id), withdrawal.id,
    )  # fmt: skip


def lines_of(session: Session, withdrawal_id: int) -> list[WithdrawalLine]:
    """The rows of an application (用款明细)."""
    query = select(WithdrawalLine).where(WithdrawalLine.withdrawal_id == withdrawal_id)
    return list(session.scalars(query.order_by(WithdrawalLine.id)))


def locked(session: Session, withdrawal_no: str) -> tuple[Withdrawal, Place]:
    """An application under its locks, outermost first, with the account that pays it now. Raises NotFound."""
    account_id = session.scalar(
        select(Withdrawal.account_id).where(Withdrawal.withdrawal_no == withdrawal_no)
    )
    if account_id is None:
        raise NotFound("没有这件用款")
    place = place_of(session, paying_no(session, account_id), locked=True)
    held = select(Withdrawal).where(Withdrawal.withdrawal_no == withdrawal_no).with_for_update(key_share=True)
    return session.scalars(held.execution_options(populate_existing=True)).one(), place


_ROLLING = text("""
SELECT '本幢' AS name, sum(l.amount)::bigint AS total, 0 AS at
  FROM withdrawal w JOIN withdrawal_line l ON l.withdrawal_id = w.id
 WHERE w.building_id = :building_id AND line_counts(l.id, w.status)
   AND w.entered_at > CAST(:since AS timestamptz) - make_interval(days => :days)
UNION ALL
SELECT '同一录入人', sum(l.amount)::bigint, 1
  FROM withdrawal w JOIN withdrawal_line l ON l.withdrawal_id = w.id
 WHERE w.entered_by = :entered_by AND line_counts(l.id, w.status)
   AND w.entered_at > CAST(:since AS timestamptz) - make_interval(days => :days)
UNION ALL
SELECT '收款人“' || max(p.name) || '”', sum(l.amount)::bigint, 2 FROM withdrawal_line l
  JOIN withdrawal w ON w.id = l.withdrawal_id JOIN listed_payee p ON p.id = l.payee_id
 WHERE line_counts(l.id, w.status)
   AND w.entered_at > CAST(:since AS timestamptz) - make_interval(days => :days)
   AND p.account_no IN (SELECT q.account_no FROM withdrawal_line m JOIN listed_payee q ON q.id = m.payee_id
                         WHERE m.withdrawal_id = :id)
 GROUP BY p.account_no ORDER BY at, name
""")


def level_facts(session: Session, place: Place, withdrawal: Withdrawal, key_funds: Yuan) -> LevelFacts:
    """What decides how many levels look at it (复核层级事实)."""
    asked = {
        "building_id": withdrawal.building_id, "entered_by": withdrawal.entered_by, "id": withdrawal.id,
        "since": withdrawal.entered_at, "days": place.law["withdrawal_rolling_days"].value,
    }  # fmt: skip
    return LevelFacts(
        amount=withdrawal.amount,
        key_funds=key_funds,
        rolling={row.name: Yuan.from_fen(row.total) for row in session.execute(_ROLLING, asked)},
        takeover_no=taken_over(session, place.account.id),
        court_order_no=withdrawal.court_order_no,
        draw_down=place.mode is QuotaMode.DRAW_DOWN,
    )


def open_withdrawals(session: Session, account_id: int) -> list[Withdrawal]:
    """Applications that wait, hold money or are not covered: they stop a release (在办用款)."""
    query = select(Withdrawal).where(
        Withdrawal.account_id == account_id,
        Withdrawal.status.in_((*WAITING, *HOLDING)),
    )
    return list(session.scalars(query.order_by(Withdrawal.id)))
