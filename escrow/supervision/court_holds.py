"""A court freezes, extends, lifts, deducts (司法冻结). Lock, look, judge, write.

What protects the money (freeze, extension) holds from the moment one officer writes it down; what gives it
up (lift, deduction) needs a second officer.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow import chart
from escrow.access import audit
from escrow.errors import Invalid, NotFound, Refused
from escrow.projects.models import Building, Project
from escrow.supervision.books import account_of
from escrow.supervision.changing import moving_refusals
from escrow.supervision.court_facts import act_named, serial_used, waiting_refusals
from escrow.supervision.funds import position
from escrow.supervision.levels import Split, out_of
from escrow.supervision.measure_models import CourtAct, CourtHold
from escrow.supervision.measures import (
    WHOLE,
    ActKind,
    HoldFacts,
    HoldStatus,
    OrderStatus,
    decision_refusals,
    hold_refusals,
)
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.papers import refuse_used_paper
from ledger.accounts import balance
from ledger.journal import Entry, post
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer


@dataclass(frozen=True, slots=True)
class Document:
    """A court's document as it was served (协助执行通知书)."""

    document_no: str
    dated_on: date
    file_hash: str


@dataclass(frozen=True, slots=True)
class Freeze:
    """What a court orders to be held; no amount means the whole account (冻结)."""

    account_no: str
    court: str
    amount: Yuan | None
    held_from: date
    held_until: date
    document: Document


@dataclass(frozen=True, slots=True)
class Deduction:
    """What a court took, as the bank booked it (扣划)."""

    building_no: str
    amount: Yuan
    consent_no: str
    bank_serial: str
    document: Document


def freeze(session: Session, asked: Freeze, *, officer_id: int) -> str:
    """Hold the money at once (冻结登记); the hold's number. Raises NotFound, Invalid or Refused."""
    account, law = account_locked(session, asked.account_no)
    _dated(session, asked.document, law)
    facts = HoldFacts(ActKind.FREEZE, bureau_day(), asked.held_from, asked.held_until)
    if reasons := hold_refusals(facts, law):
        raise Refused(reasons)
    amount = asked.amount or WHOLE
    number = session.scalar(text("SELECT nextval('court_hold_number')"))
    hold = CourtHold(
        hold_no=f"DJ{bureau_day():%Y}{number:06d}", account_id=account.id, court=asked.court, amount=amount,
        is_whole=asked.amount is None, held_from=asked.held_from, held_until=asked.held_until,
        status=HoldStatus.IN_FORCE,
    )  # fmt: skip
    session.add(hold)
    session.flush()
    memo = account_of(session, account.book_id, chart.JUDICIAL_HOLD, key=chart.hold_key(hold.id))
    contra = account_of(session, account.book_id, chart.MEMO_CONTRA)
    entry = post(
        session, chart.COURT_HOLD, [Transfer(contra, memo, amount)],
        reference=f"hold:{hold.hold_no}", effective_on=bureau_day(), memo=asked.document.document_no,
    )  # fmt: skip
    _act(session, hold, ActKind.FREEZE, asked.document, officer_id, until=asked.held_until, entry=entry)
    _trail(session, "hold.frozen", hold, account, asked.document)
    return hold.hold_no


def extend(
    session: Session, account_no: str, hold_no: str, until: date, document: Document, *, officer_id: int
) -> None:  # fmt: skip
    """The court goes on holding it (续冻): at once. Raises NotFound, Invalid or Refused."""
    hold, account, law = _held(session, account_no, hold_no)
    _dated(session, document, law)
    facts = HoldFacts(
        ActKind.EXTEND, bureau_day(), until=until, status=HoldStatus(hold.status), ends=hold.held_until,
        dated=document.dated_on,
    )  # fmt: skip
    if reasons := hold_refusals(facts, law):
        raise Refused(reasons)
    hold.held_until = until
    _act(session, hold, ActKind.EXTEND, document, officer_id, until=until)
    _trail(session, "hold.extended", hold, account, document)


def ask_lift(
    session: Session, account_no: str, hold_no: str, document: Document, *, officer_id: int
) -> int:
    """One officer enters that the court lifts its hold (解冻录入). Raises NotFound, Invalid or Refused."""
    hold, account, law = _held(session, account_no, hold_no)
    _dated(session, document, law)
    facts = HoldFacts(ActKind.LIFT, bureau_day(), status=HoldStatus(hold.status))
    if reasons := [*hold_refusals(facts, law), *waiting_refusals(session, hold, law)]:
        raise Refused(reasons)
    _trail(session, "hold.lift-entered", hold, account, document)
    return _act(session, hold, ActKind.LIFT, document, officer_id).id


def ask_deduction(
    session: Session, account_no: str, hold_no: str, asked: Deduction, *, officer_id: int
) -> int:
    """One officer enters what the court takes (扣划录入). Raises NotFound, Invalid or Refused."""
    hold, account, law = _held(session, account_no, hold_no)
    _dated(session, asked.document, law)
    ours = (Building.project_id == account.project_id, Building.building_no == asked.building_no)
    building_id = session.scalar(select(Building.id).where(*ours))
    if building_id is None:
        raise Invalid({"building_no": "项目中没有这一幢。"})
    if serial_used(session, account.bank_code, asked.bank_serial):
        raise Invalid({"bank_serial": "这个流水号已用于别的款项。"})
    facts = _deduction_facts(session, hold, account, building_id, asked)
    if reasons := [*hold_refusals(facts, law), *waiting_refusals(session, hold, law)]:
        raise Refused(reasons)
    act = _act(session, hold, ActKind.DEDUCT, asked.document, officer_id)
    act.amount, act.building_id = asked.amount, building_id
    act.consent_no, act.bank_serial = asked.consent_no, asked.bank_serial
    session.flush()
    _trail(session, "hold.deduction-entered", hold, account, asked.document, amount=str(asked.amount))
    return act.id


def decide(
    session: Session, account_no: str, act_id: int, *, officer_id: int, reason: str | None = None
) -> str:
    """Another officer carries out a lift or a deduction, or with a reason sends it back (确认或退回)."""
    hold_no, _ = act_named(session, act_id)
    hold, account, law = _held(session, account_no, hold_no)
    act = session.scalars(select(CourtAct).where(CourtAct.id == act_id).with_for_update()).one()
    found = decision_refusals(act.status, act.entered_by, officer_id, law, key="hold_two_officers")
    if reason is None:
        found += hold_refusals(_act_facts(session, hold, account, act), law)
    if found:
        raise Refused(found)
    act.decided_by, act.decided_at = officer_id, func.clock_timestamp()
    if reason is not None:
        act.status, act.reason = OrderStatus.REJECTED, reason
    else:
        act.status, act.entry_id = OrderStatus.IN_FORCE, _carry_out(session, hold, account, act).id
    session.flush()
    word = "rejected" if reason else {ActKind.LIFT: "lifted", ActKind.DEDUCT: "deducted"}[act.kind]
    _trail(session, f"hold.{word}", hold, account, Document(act.document_no, act.dated_on, act.file_hash))
    return hold_no


# --- carrying out ---


def _carry_out(session: Session, hold: CourtHold, account: SupervisedAccount, act: CourtAct) -> Entry:
    memo = account_of(session, account.book_id, chart.JUDICIAL_HOLD, key=chart.hold_key(hold.id))
    contra, left = account_of(session, account.book_id, chart.MEMO_CONTRA), balance(session, memo)
    if act.kind is ActKind.LIFT:
        hold.status = HoldStatus.LIFTED
        return post(
            session, chart.COURT_HOLD, [Transfer(memo, contra, left)],
            reference=f"hold-lift:{act.id}", effective_on=bureau_day(), memo=act.document_no,
        )  # fmt: skip
    amount, building_id = act.amount or ZERO, act.building_id or 0
    split = out_of(position(session, account.book_id, building_id, locked=True), amount)
    if amount == left:
        hold.status = HoldStatus.DEDUCTED
    return post(
        session, chart.COURT_DEDUCTION,
        [*_taken(session, account.book_id, building_id, split), Transfer(memo, contra, amount)],
        reference=f"hold-deduct:{act.id}", effective_on=bureau_day(), memo=act.document_no,
    )  # fmt: skip


def _taken(session: Session, book_id: int, building_id: int, split: Split) -> list[Transfer]:
    bank, key = account_of(session, book_id, chart.DEPOSITS_AT_BANK), chart.building_key(building_id)
    parts = ((chart.GENERAL_FUNDS, split.general), (chart.KEY_FUNDS, split.key_funds))
    return [
        Transfer(account_of(session, book_id, code, key=key), bank, amount)
        for code, amount in parts
        if amount > ZERO
    ]


# --- looking ---


def account_locked(session: Session, account_no: str) -> tuple[SupervisedAccount, Law]:
    """The account FOR UPDATE, its project before it, and the law of its region (锁定账户).

    Raises NotFound, or Refused where the account is moving or has moved to another.
    """
    query = select(SupervisedAccount.id, SupervisedAccount.project_id, Project.region).join(
        Project, Project.id == SupervisedAccount.project_id
    )
    row = session.execute(query.where(SupervisedAccount.account_no == account_no)).one_or_none()
    if row is None:
        raise NotFound("没有这个监管账户")
    session.execute(select(Project.id).where(Project.id == row.project_id).with_for_update(key_share=True))
    account = session.scalars(
        select(SupervisedAccount)
        .where(SupervisedAccount.id == row.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one()
    law = law_on(bureau_day(), "presale_funds", row.region)
    if reasons := moving_refusals(session, account.id, account_no, account.status, law):
        raise Refused(reasons)
    return account, law


def _held(session: Session, account_no: str, hold_no: str) -> tuple[CourtHold, SupervisedAccount, Law]:
    account, law = account_locked(session, account_no)
    ours = select(CourtHold).where(CourtHold.hold_no == hold_no, CourtHold.account_id == account.id)
    locked = ours.with_for_update().execution_options(populate_existing=True)
    hold = session.scalars(locked).one_or_none()
    if hold is None:
        raise NotFound("这个账户没有这件司法冻结")
    return hold, account, law


def _act_facts(session: Session, hold: CourtHold, account: SupervisedAccount, act: CourtAct) -> HoldFacts:
    if act.kind is ActKind.LIFT:
        return HoldFacts(ActKind.LIFT, bureau_day(), status=HoldStatus(hold.status))
    document = Document(act.document_no, act.dated_on, act.file_hash)
    asked = Deduction("", act.amount or ZERO, act.consent_no or "", act.bank_serial or "", document)
    return _deduction_facts(session, hold, account, act.building_id or 0, asked)


def _deduction_facts(
    session: Session, hold: CourtHold, account: SupervisedAccount, building_id: int, asked: Deduction
) -> HoldFacts:
    memo = account_of(session, account.book_id, chart.JUDICIAL_HOLD, key=chart.hold_key(hold.id))
    return HoldFacts(
        ActKind.DEDUCT, bureau_day(), amount=asked.amount, status=HoldStatus(hold.status),
        left=balance(session, memo), consent=asked.consent_no,
        building_holds=position(session, account.book_id, building_id).held,
    )  # fmt: skip


# --- writing ---


def _dated(session: Session, document: Document, law: Law) -> None:
    if document.dated_on > bureau_day():
        raise Invalid({"dated_on": "文书日期不能晚于今天。"})
    refuse_used_paper(session, document.file_hash, law)


def _act(
    session: Session, hold: CourtHold, kind: ActKind, document: Document, officer_id: int,
    *, until: date | None = None, entry: Entry | None = None,
) -> CourtAct:  # fmt: skip
    act = CourtAct(
        hold_id=hold.id, kind=kind, document_no=document.document_no, dated_on=document.dated_on,
        file_hash=document.file_hash, held_until=until, entry_id=entry.id if entry else None,
        status=OrderStatus.IN_FORCE if until else OrderStatus.ENTERED, entered_by=officer_id,
    )  # fmt: skip
    session.add(act)
    if kind is not ActKind.DEDUCT:
        session.flush()
    return act


def _trail(
    session: Session, action: str, hold: CourtHold, account: SupervisedAccount, document: Document,
    **more: Any,
) -> None:  # fmt: skip
    audit.record(
        session, action, hold.hold_no, account_no=account.account_no, court=hold.court,
        document_no=document.document_no, held_until=str(hold.held_until), **more,
    )  # fmt: skip
