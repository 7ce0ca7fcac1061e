"""The developer's own account is registered by one officer, confirmed by another (收款账户登记). 锁、查、判、记."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session, aliased

from config.clock import bureau_day
from config.regulations import Law, law_on
from config.settings import Settings
from escrow.access import audit
from escrow.access.models import Officer
from escrow.access.sealing import seal
from escrow.errors import Invalid, NotFound, Refused
from escrow.projects.models import Developer, Project
from escrow.release.models import ReceivingAccount
from escrow.release.receiving_rules import (
    LIVE,
    ReceivingFacts,
    ReceivingStatus,
    decider_refusals,
    receiving_refusals,
)
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.papers import refuse_used_paper

SUBJECT = "presale_funds"
# Every account money is held on, and everybody else who is paid (监管账户与其他收款人).
_SUPERVISED = text("""
SELECT EXISTS (SELECT FROM supervised_account WHERE account_no = :account_no)
    OR EXISTS (SELECT FROM agreement WHERE account_no = :account_no AND status IN ('proposed', 'effective'))
    OR EXISTS (SELECT FROM account_change WHERE account_no = :account_no AND status IN ('entered', 'ordered'))
""")
_ANOTHER = text("""
SELECT name FROM listed_payee WHERE account_no = :account_no AND status IN ('entered', 'listed')
UNION ALL
SELECT name FROM receiving_account
 WHERE account_no = :account_no AND status IN ('entered', 'confirmed') AND developer_id <> :developer_id
LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class ReceivingAsked:
    """The developer's account and the paper that proves it (开户证明); its name is the developer's."""

    supervised_no: str
    account_no: str
    bank_name: str
    paper_no: str
    dated_on: date
    file_hash: str


def enter_receiving(session: Session, asked: ReceivingAsked, told: Settings, *, officer_id: int) -> int:
    """One officer registers the account (登记); nothing is paid to it yet.

    Raises NotFound, Invalid or Refused.
    """
    developer, law = _developer_of(session, asked.supervised_no)
    if asked.dated_on > bureau_day():
        raise Invalid({"dated_on": "证明日期不能晚于今天。"})
    if reasons := receiving_refusals(_facts(session, developer.id, asked.account_no), law):
        raise Refused(reasons)
    refuse_used_paper(session, asked.file_hash, law)
    one = ReceivingAccount(
        developer_id=developer.id, name=developer.name, account_no=asked.account_no,
        name_sealed=seal(developer.name, told), account_sealed=seal(asked.account_no, told),
        bank_name=asked.bank_name, paper_no=asked.paper_no, dated_on=asked.dated_on,
        file_hash=asked.file_hash, status=ReceivingStatus.ENTERED, entered_by=officer_id,
    )  # fmt: skip
    session.add(one)
    session.flush()
    audit.record(
        session, "receiving.entered", one.id, name=developer.name, account_no=asked.account_no,
        bank_name=asked.bank_name, paper_no=asked.paper_no, file_hash=asked.file_hash,
    )  # fmt: skip
    return one.id


def decide_receiving(
    session: Session, receiving_id: int, *, officer_id: int, reason: str | None = None
) -> ReceivingStatus:
    """Another officer confirms it, or with a reason sends it back (确认或退回). Raises NotFound or Refused."""
    one, law = _held(session, receiving_id)
    reasons = decider_refusals(one.status, one.entered_by, officer_id, law)
    if reason is None:
        reasons += receiving_refusals(_facts(session, one.developer_id, one.account_no, but=one.id), law)
    if reasons:
        raise Refused(reasons)
    one.status = ReceivingStatus.CONFIRMED if reason is None else ReceivingStatus.REJECTED
    one.decided_by, one.decided_at, one.reason = officer_id, func.clock_timestamp(), reason
    session.flush()
    audit.record(session, f"receiving.{one.status}", one.id, account_no=one.account_no, reason=reason)
    return one.status


def retire_receiving(session: Session, receiving_id: int, *, officer_id: int, reason: str) -> None:
    """It is paid no more; whoever finds it out takes it off at once (停用). Raises NotFound or Refused."""
    one, law = _held(session, receiving_id)
    waits = ReceivingStatus.CONFIRMED
    if reasons := decider_refusals(one.status, one.entered_by, officer_id, law, waits=waits):
        raise Refused(reasons)
    one.status, one.reason = ReceivingStatus.RETIRED, reason
    one.retired_by, one.retired_at = officer_id, func.clock_timestamp()
    session.flush()
    audit.record(session, "receiving.retired", one.id, account_no=one.account_no, reason=reason)


def confirmed_of(session: Session, developer_id: int, *, locked: bool = False) -> ReceivingAccount | None:
    """The account a developer is paid on, held against being retired meanwhile (有效的收款账户)."""
    query = select(ReceivingAccount).where(
        ReceivingAccount.developer_id == developer_id, ReceivingAccount.status == ReceivingStatus.CONFIRMED
    )
    return session.scalar(query.with_for_update(read=True) if locked else query)


def confirmed_for(session: Session, account_id: int) -> ReceivingAccount | None:
    """The same, by the supervised account that is released: for the page (页面所示收款账户)."""
    query = select(Project.developer_pk).join(SupervisedAccount, SupervisedAccount.project_id == Project.id)
    developer_id = session.scalar(query.where(SupervisedAccount.id == account_id))
    return confirmed_of(session, developer_id or 0)


def receiving_of(session: Session, account_no: str) -> list[Row[Any]]:
    """Everything registered for the developer of an account, newest first, with who handled it (登记与经办)."""
    enterer, decider, retirer = aliased(Officer), aliased(Officer), aliased(Officer)
    query = (
        select(
            ReceivingAccount, enterer.full_name.label("enterer"), decider.full_name.label("decider"),
            retirer.full_name.label("retirer"),
        )
        .join(Project, Project.developer_pk == ReceivingAccount.developer_id)
        .join(SupervisedAccount, SupervisedAccount.project_id == Project.id)
        .join(enterer, enterer.id == ReceivingAccount.entered_by)
        .outerjoin(decider, decider.id == ReceivingAccount.decided_by)
        .outerjoin(retirer, retirer.id == ReceivingAccount.retired_by)
        .where(SupervisedAccount.account_no == account_no)
        .order_by(ReceivingAccount.id.desc())
        .limit(50)
    )  # fmt: skip
    return list(session.execute(query))


def _facts(session: Session, developer_id: int, account_no: str, *, but: int = 0) -> ReceivingFacts:
    asked = {"account_no": account_no, "developer_id": developer_id}
    live = select(ReceivingAccount.account_no).where(
        ReceivingAccount.developer_id == developer_id, ReceivingAccount.status.in_(LIVE),
        ReceivingAccount.id != but,
    )  # fmt: skip
    return ReceivingFacts(
        account_no, live=session.scalar(live), supervised=bool(session.scalar(_SUPERVISED, asked)),
        another=session.scalar(_ANOTHER, asked),
    )  # fmt: skip


def _developer_of(session: Session, account_no: str) -> tuple[Developer, Law]:
    """The developer under its lock, and the law of the account's region. Raises NotFound."""
    query = (
        select(Project.developer_pk, Project.region)
        .join(SupervisedAccount, SupervisedAccount.project_id == Project.id)
        .where(SupervisedAccount.account_no == account_no)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("没有这个监管账户")
    held = select(Developer).where(Developer.id == row.developer_pk).with_for_update(key_share=True)
    developer = session.scalars(held.execution_options(populate_existing=True)).one()
    return developer, law_on(bureau_day(), SUBJECT, row.region)


def _held(session: Session, receiving_id: int) -> tuple[ReceivingAccount, Law]:
    query = (
        select(SupervisedAccount.account_no)
        .join(Project, Project.id == SupervisedAccount.project_id)
        .join(ReceivingAccount, ReceivingAccount.developer_id == Project.developer_pk)
        .where(ReceivingAccount.id == receiving_id)
        .order_by(SupervisedAccount.id)
        .limit(1)
    )
    account_no = session.scalar(query)
    if account_no is None:
        raise NotFound("没有这个收款账户")
    _, law = _developer_of(session, account_no)
    locked = select(ReceivingAccount).where(ReceivingAccount.id == receiving_id).with_for_update()
    return session.scalars(locked.execution_options(populate_existing=True)).one(), law
