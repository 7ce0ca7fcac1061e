"""A bank's credit on the fund account is booked house by house (维修资金入账). Lock, look, judge, write."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from config.settings import Settings
from escrow.access import audit
from escrow.access.sealing import mask_name, seal
from escrow.advances.booking import Apart, Into, due_of, movement_of, numbers, received
from escrow.advances.facts import Fund, House, fund_of, houses, open_day
from escrow.advances.rules import PAYER_LABELS, Aside, PayerKind, Verdict, line_faults, verdict
from escrow.deposits.rules import receipt_status
from escrow.errors import Invalid, Refusal, Refused
from escrow.maintenance.reading import line_refusals
from ledger.journal import Entry, post
from ledger.money import ZERO, Yuan
from ledger.wire import ask


@dataclass(frozen=True, slots=True)
class FundDeposit:
    """One credit as the bank reports it, for many units or none (银行入账通知)."""

    bank_serial: str
    account_no: str
    amount: Yuan
    value_date: date
    payer_kind: PayerKind
    payer_name: str
    units: tuple[tuple[str, Yuan], ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """What makes a repeated report the same report (报送事实)."""
        return {
            "door": "fund-deposit", "bank_serial": self.bank_serial, "account_no": self.account_no,
            "amount": str(self.amount), "value_date": self.value_date, "payer_kind": self.payer_kind.value,
            "payer_name": self.payer_name, "units": [[code, str(amount)] for code, amount in self.units],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """One unit of the line, what became of it, and the number of what stands apart (各户)."""

    house: House
    amount: Yuan
    verdict: Verdict
    apart_id: int | None = None


def receive(session: Session, deposit: FundDeposit, bank_code: str, told: Settings) -> dict[str, Any]:
    """Book a credit on a fund account and say what became of each unit (入账); the answer to the bank.

    The money has arrived, so whatever does not fit its house is booked apart with its reason.
    Raises NotFound, Invalid, or Refused when the account is not open.
    """
    today = bureau_day()
    if deposit.value_date > today:
        raise Invalid({"value_date": "起息日不能晚于今天。"})
    fund = fund_of(session, deposit.account_no, bank_code, deposit.value_date)
    if faults := line_faults(deposit.amount, deposit.units):
        raise Invalid(faults)
    source = fund.law["fund_income_papers"].citation
    if used := line_refusals(session, fund.id, deposit.bank_serial, source):
        raise Refused(used)
    judged = _judged(session, deposit, fund)
    into = [
        Into(one.house, one.verdict.booked, one.verdict.is_advance, one.verdict.is_renewal)
        for one in judged
        if one.verdict.booked > ZERO
    ]
    apart, whole = _apart(session, deposit, judged)
    entry = post(
        session, movement_of(deposit.payer_kind, into, apart), received(session, fund, into, apart),
        reference=f"deposit:{bank_code}:{deposit.bank_serial}",
        effective_on=open_day(session, fund.book_id, deposit.value_date),
        memo=f"{PAYER_LABELS[deposit.payer_kind]}：{shown_payer(deposit)}",
    )  # fmt: skip
    answer = _answer(deposit, judged, entry)
    _write(session, deposit, fund, judged, {
        "bank_code": bank_code, "entry": entry, "answer": answer, "settings": told, "whole": whole,
    })  # fmt: skip
    return answer


def _judged(session: Session, deposit: FundDeposit, fund: Fund) -> list[Judged]:
    found = houses(session, fund, [code for code, _ in deposit.units])
    judged = [
        Judged(house, amount, verdict(
            house.unit_code, amount, deposit.payer_kind, house.facts, fund.law, known=house.known
        ))
        for house, (_, amount) in zip(found, deposit.units, strict=True)
    ]  # fmt: skip
    waiting = [one.house.unit_code for one in judged if one.verdict.apart > ZERO]
    ids = dict(zip(waiting, numbers(session, "apart_money", len(waiting)), strict=True))
    return [Judged(one.house, one.amount, one.verdict, ids.get(one.house.unit_code)) for one in judged]


def _apart(
    session: Session, deposit: FundDeposit, judged: Sequence[Judged]
) -> tuple[list[Apart], Apart | None]:
    """Each unit's sum set apart; or the whole of a line that names no unit."""
    if not deposit.units:
        [number] = numbers(session, "apart_money", 1)
        aside = Aside.PREPAID if deposit.payer_kind is PayerKind.DEVELOPER else Aside.UNCLAIMED
        whole = Apart(number, aside, deposit.amount)
        return [whole], whole
    return [
        Apart(one.apart_id, one.verdict.aside, one.verdict.apart, one.house.nature)
        for one in judged
        if one.apart_id is not None and one.verdict.aside is not None
    ], None


# A line that names no unit: why it waits.
_NAMELESS = {
    Aside.PREPAID: ("lump-sum", "建设单位预交，未分到户，待分户"),
    Aside.UNCLAIMED: ("no-unit", "未报房屋，待查明后认领"),
}
# The line, its units, their houses' deposits, what stands apart and the trail: one statement, so that the
# guards see all of it at once.
_WRITE = """
WITH booked AS (
    INSERT INTO fund_receipt (receipt_no, fund_account_id, bank_code, bank_serial, amount, value_date,
                              payer_kind, payer_name_sealed, payer_name_masked, entry_id, booked_at)
    VALUES (%(receipt_no)s, %(fund_id)s, %(bank_code)s, %(bank_serial)s, %(amount)s, %(value_date)s,
            %(payer_kind)s, %(payer_name_sealed)s, %(payer_name_masked)s, %(entry_id)s, %(booked_at)s)
    RETURNING id
), said AS (
    SELECT * FROM jsonb_to_recordset(%(units)s::jsonb) AS u (
        position integer, unit_code text, amount bigint, booked bigint, house_id integer, fate text,
        is_advance boolean, is_renewal boolean, due bigint, contract_id integer, is_whole boolean,
        standard text, citation text)
), apart AS (
    SELECT * FROM jsonb_to_recordset(%(apart)s::jsonb) AS p (
        id bigint, aside text, unit_code text, house_id integer, amount bigint, code text, message text,
        citation text)
), listed AS (
    INSERT INTO fund_receipt_line (receipt_id, position, unit_code, amount, booked, house_id, fate, code,
                                   message, citation)
    SELECT booked.id, s.position, s.unit_code, s.amount, s.booked, s.house_id, s.fate, a.code,
           a.message, a.citation
      FROM booked, said s LEFT JOIN apart a ON a.unit_code = s.unit_code
), given AS (
    INSERT INTO house_deposit (house_id, payer_kind, is_advance, is_renewal, amount, due, contract_id,
                               receipt_id, entry_id, paid_on, booked_at)
    SELECT s.house_id, %(payer_kind)s, s.is_advance, s.is_renewal, s.booked, s.due, s.contract_id, booked.id,
           %(entry_id)s, %(value_date)s, %(booked_at)s
      FROM booked, said s WHERE s.booked > 0 ORDER BY s.house_id
), kept_apart AS (
    INSERT INTO apart_money (id, receipt_id, aside, unit_code, house_id, amount, remainder, code, message,
                             citation)
    SELECT a.id, booked.id, a.aside, a.unit_code, a.house_id, a.amount, a.amount, a.code, a.message,
           a.citation
      FROM booked, apart a
), whole AS (
    UPDATE house h SET first_due = s.due, first_due_on = %(value_date)s, first_due_standard = s.standard,
                       first_due_citation = s.citation
      FROM said s WHERE h.id = s.house_id AND s.is_whole AND h.first_due IS NULL
)
INSERT INTO audit_event (action, subject_kind, subject, result, actor_kind, actor_id, actor_name, address,
                         request_id, detail)
VALUES (%(action)s, %(subject_kind)s, %(subject)s, %(result)s, %(actor_kind)s, %(actor_id)s, %(actor_name)s,
        %(address)s, %(request_id)s, %(detail)s::jsonb)
RETURNING id
"""


def _write(
    session: Session, deposit: FundDeposit, fund: Fund, judged: Sequence[Judged], made: dict[str, Any]
) -> None:
    entry: Entry = made["entry"]
    answer: dict[str, Any] = made["answer"]
    trail = audit.row(
        "fund.deposit-booked", answer["receipt_no"], account_no=fund.account_no, amount=answer["amount"],
        matched=answer["matched"], bank_serial=deposit.bank_serial, units=len(judged),
        entry_no=entry.entry_no,
    )  # fmt: skip
    apart = [_apart_row(one.apart_id, one.verdict.aside, one.verdict.apart, one.verdict.why, one.house)
             for one in judged if one.apart_id is not None]  # fmt: skip
    if (whole := made["whole"]) is not None:
        code, message = _NAMELESS[whole.aside]
        why = Refusal(code, message, fund.law["deposit_fits_house"].citation)
        apart.append(_apart_row(whole.id, whole.aside, whole.amount, why, None))
    ask(session, _WRITE, {
        "receipt_no": answer["receipt_no"], "fund_id": fund.id, "bank_code": made["bank_code"],
        "bank_serial": deposit.bank_serial, "amount": deposit.amount.fen, "value_date": deposit.value_date,
        "payer_kind": deposit.payer_kind.value,
        "payer_name_sealed": seal(deposit.payer_name, made["settings"]),
        "payer_name_masked": shown_payer(deposit), "entry_id": entry.id, "booked_at": entry.booked_at,
        "units": json.dumps([_unit_row(at, one) for at, one in enumerate(judged, 1)]),
        "apart": json.dumps(apart, ensure_ascii=False),
        **trail, "detail": json.dumps(trail["detail"], ensure_ascii=False),
    })  # fmt: skip


def shown_payer(deposit: FundDeposit) -> str:
    """A company's name is no secret, a person's is shown by its first character (付款人显示)."""
    is_company = deposit.payer_kind is PayerKind.DEVELOPER
    return deposit.payer_name if is_company else mask_name(deposit.payer_name)


def _unit_row(position: int, one: Judged) -> dict[str, Any]:
    facts, due, booked = one.house.facts, one.house.due, one.verdict.booked
    return {
        "position": position, "unit_code": one.house.unit_code, "amount": one.amount.fen,
        "booked": booked.fen, "house_id": one.house.id, "fate": one.verdict.fate.value,
        "is_advance": one.verdict.is_advance, "is_renewal": one.verdict.is_renewal,
        **due_of(one.house, is_renewal=one.verdict.is_renewal),
        "is_whole": facts is not None and booked > ZERO and facts.standing + booked == facts.due,
        "standard": due.standard if due else None, "citation": due.citation if due else None,
    }  # fmt: skip


def _apart_row(
    number: int | None, aside: Aside | None, amount: Yuan, why: Refusal | None, house: House | None
) -> dict[str, Any]:
    return {
        "id": number, "aside": aside.value if aside else None, "amount": amount.fen,
        "unit_code": house.unit_code if house else None, "house_id": house.id if house else None,
        "code": why.code if why else None, "message": why.message if why else None,
        "citation": why.citation if why else None,
    }  # fmt: skip


def _answer(deposit: FundDeposit, judged: Sequence[Judged], entry: Entry) -> dict[str, Any]:
    matched = sum((one.verdict.booked for one in judged), ZERO)
    unmatched = deposit.amount - matched
    return {
        # A line has one booking, so it bears the number of that entry.
        "receipt_no": f"WX{bureau_day(entry.booked_at):%Y%m%d}{entry.entry_no}",
        "status": receipt_status(matched, unmatched, is_reversed=False).value,
        "amount": str(deposit.amount), "matched": str(matched), "unmatched": str(unmatched),
        "entry_no": entry.entry_no, "booked_at": bureau_time(entry.booked_at).isoformat(),
        "units": [_unit_answer(one) for one in judged],
    }  # fmt: skip


def _unit_answer(one: Judged) -> dict[str, Any]:
    why = one.verdict.why
    return {
        "unit_code": one.house.unit_code, "amount": str(one.amount), "status": one.verdict.fate.value,
        "booked": str(one.verdict.booked), "apart": str(one.verdict.apart),
        "reason": {"code": why.code, "message": why.message, "citation": why.citation} if why else None,
    }  # fmt: skip
