"""A bank's credit is booked and matched (购房款入账). Lock, look, judge, write."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from config.settings import Settings
from config.statement import array
from escrow import chart
from escrow.access import audit
from escrow.access.sealing import mask_account, mask_name, seal
from escrow.contracts.models import Contract
from escrow.contracts.rules import ContractStatus
from escrow.deposits.facts import Named, Place, deposit_accounts, named, open_day, place, plan
from escrow.deposits.rules import Channel, account_refusals, is_made_good, matched, receipt_status
from escrow.errors import Invalid, Refused
from escrow.supervision.books import account_of
from escrow.supervision.funds import position
from escrow.supervision.levels import Split, into
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.moved import left_for, took_in
from ledger.journal import Entry, post
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer
from ledger.wire import ask


@dataclass(frozen=True, slots=True)
class Deposit:
    """One credit as the bank reports it (银行入账通知)."""

    bank_serial: str
    account_no: str
    amount: Yuan
    value_date: date
    booked_at: datetime
    payer_name: str
    payer_account: str
    channel: Channel
    notice_no: str | None = None
    memo: str | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What makes a repeated report the same report (报送事实)."""
        return {
            "door": "deposit", "bank_serial": self.bank_serial, "account_no": self.account_no,
            "amount": str(self.amount), "value_date": self.value_date, "booked_at": self.booked_at,
            "payer_name": self.payer_name, "payer_account": self.payer_account,
            "channel": self.channel.value, "notice_no": self.notice_no, "memo": self.memo,
        }  # fmt: skip


def serial_key(bank_code: str, bank_serial: str) -> str:
    """A bank's serial number belongs to one message, whatever it tells (银行流水号的唯一键)."""
    return f"serial:{bank_code}:{bank_serial}"


def receive(
    session: Session, deposit: Deposit, bank_code: str, told: Settings, *, put: Callable[..., Any] = ask
) -> dict[str, Any]:
    """Book a credit on a supervised account and match it to its notice (入账); the answer to the bank.

    What the notice no longer asks for, and money that names no living notice, is booked unmatched; so is what
    still reaches an account the project has left, for the account that is its own now. `put`: how its last
    statement is put, with COMMIT or at once. Raises NotFound, Invalid, or Refused where no money is taken.
    """
    today = bureau_day()
    if deposit.value_date > today:
        raise Invalid({"value_date": "起息日不能晚于今天。"})
    account = place(session, deposit.account_no, bank_code, today)
    if deposit.value_date < account.opened_on:
        raise Invalid({"value_date": f"起息日不能早于账户启用日 {account.opened_on}。"})
    living = _living(session, account)
    notice = named(session, deposit.notice_no, account) if living is None else None
    taken = matched(deposit.amount, notice.facts if notice else None)
    notice = notice if taken > ZERO else None

    entry = _book(session, deposit, account, notice, bank_code, living)
    answer = _answer(deposit, notice, taken, entry)
    row = _row(deposit, account, notice, {
        "bank_code": bank_code, "entry": entry, "answer": answer, "matched": taken, "settings": told,
    })  # fmt: skip
    if notice is not None and notice.facts.contract_status is ContractStatus.AT_RISK:
        ask(session, _WRITE, row)
        clear_risk(session, notice, today)
    else:
        put(session, _WRITE, row)
    return answer


def _living(session: Session, account: Place) -> SupervisedAccount | None:
    """The account the money is owed to, where this one has been left; None on the project's own.

    Raises Refused where it takes no money.
    """
    living = left_for(
        session, account.id, account.account_no, account.project_id, account.status, account.law
    )
    stands = living or account
    if reasons := account_refusals(stands.account_no, stands.status, account.law):
        raise Refused(reasons)
    return living


def _book(
    session: Session, deposit: Deposit, account: Place, notice: Named | None, bank_code: str,
    living: SupervisedAccount | None,
) -> Entry:  # fmt: skip
    reference, on = f"deposit:{bank_code}:{deposit.bank_serial}", deposit.value_date
    if living is not None:
        days = open_day(session, account.book_id, on), open_day(session, living.book_id, on)
        return took_in(session, account.book_id, living, deposit.amount, reference=reference, on=days)
    taken = matched(deposit.amount, notice.facts) if notice else ZERO
    bank, unmatched, *contract = deposit_accounts(session, account.book_id, notice)
    transfers = []
    if contract:
        key_funds, paid_in, contra = contract
        split = split_of(session, account, notice, taken)
        if split.key_funds > ZERO:
            transfers.append(Transfer(bank, key_funds, split.key_funds))
        if split.general > ZERO:
            general = account_of(session, account.book_id, chart.GENERAL_FUNDS, key=key_funds.key)
            transfers.append(Transfer(bank, general, split.general))
        transfers.append(Transfer(contra, paid_in, taken))
    if taken < deposit.amount:
        transfers.append(Transfer(bank, unmatched, deposit.amount - taken))
    return post(
        session, chart.RECEIVE_DEPOSIT, transfers, reference=reference,
        effective_on=open_day(session, account.book_id, on),
    )  # fmt: skip


def split_of(session: Session, account: Place, notice: Named | None, taken: Yuan) -> Split:
    """Key funds up to the building's level, the rest general; all of it key funds where there is no quota."""
    if notice is None or chart.QUOTA not in notice.opened:
        return Split(taken, ZERO)
    return into(position(session, account.book_id, notice.building_id, locked=True), taken)


# The receipt, its allocation, the notice's new total, the event, the trail and the answer kept for whoever
# reports it again: one statement, one round trip.
_WRITE = """
WITH booked AS (
    INSERT INTO receipt (receipt_no, account_id, bank_code, bank_serial, amount, value_date, bank_booked_at,
                         notice_no, payer_name_sealed, payer_name_masked, payer_account_sealed,
                         payer_account_masked, channel, memo, entry_id, booked_at)
    VALUES (%(receipt_no)s, %(account_id)s, %(bank_code)s, %(bank_serial)s, %(amount)s, %(value_date)s,
            %(bank_booked_at)s, %(notice_no)s, %(payer_name_sealed)s, %(payer_name_masked)s,
            %(payer_account_sealed)s, %(payer_account_masked)s, %(channel)s, %(memo)s, %(entry_id)s,
            %(booked_at)s)
    RETURNING id
), allocated AS (
    INSERT INTO receipt_allocation (receipt_id, notice_id, contract_id, amount)
    SELECT booked.id, %(notice_id)s, %(contract_id)s, %(matched)s FROM booked
     WHERE %(notice_id)s::integer IS NOT NULL
), paid AS (
    UPDATE payment_notice SET paid = paid + %(matched)s WHERE id = %(notice_id)s
), kept AS (
    UPDATE answered_request SET answer = %(answer)s WHERE key = %(key)s
), told AS (
    INSERT INTO outbox_event (type, subject, data, audience)
    VALUES ('deposit.confirmed', %(receipt_no)s, %(answer)s::jsonb, %(audience)s)
)
INSERT INTO audit_event (action, subject_kind, subject, result, actor_kind, actor_id, actor_name, address,
                         request_id, detail)
VALUES (%(action)s, %(subject_kind)s, %(subject)s, %(result)s, %(actor_kind)s, %(actor_id)s, %(actor_name)s,
        %(address)s, %(request_id)s, %(detail)s::jsonb)
RETURNING id
"""


def _row(
    deposit: Deposit, account: Place, notice: Named | None, made: dict[str, Any]
) -> dict[str, Any]:
    told: Settings = made["settings"]
    entry: Entry = made["entry"]
    answer: dict[str, Any] = made["answer"]
    trail = audit.row(
        "deposit.booked", answer["receipt_no"], account_no=account.account_no, amount=answer["amount"],
        matched=answer["matched"], bank_serial=deposit.bank_serial, entry_no=entry.entry_no,
    )  # fmt: skip
    return {
        "receipt_no": answer["receipt_no"],
        "account_id": account.id,
        "bank_code": made["bank_code"],
        "bank_serial": deposit.bank_serial,
        "amount": deposit.amount.fen,
        "value_date": deposit.value_date,
        "bank_booked_at": deposit.booked_at,
        "notice_no": deposit.notice_no,
        "payer_name_sealed": seal(deposit.payer_name, told),
        "payer_name_masked": mask_name(deposit.payer_name),
        "payer_account_sealed": seal(deposit.payer_account, told),
        "payer_account_masked": mask_account(deposit.payer_account),
        "channel": deposit.channel.value,
        "memo": deposit.memo,
        "entry_id": entry.id,
        "booked_at": entry.booked_at,
        "notice_id": notice.id if notice else None,
        "contract_id": notice.contract_id if notice else None,
        "matched": made["matched"].fen,
        "key": serial_key(made["bank_code"], deposit.bank_serial),
        "answer": json.dumps(answer, ensure_ascii=False),
        "audience": array([f"bank:{made['bank_code']}", "filing"]),
        **trail,
        "detail": json.dumps(trail["detail"], ensure_ascii=False),
    }


def clear_risk(session: Session, notice: Named, today: date) -> None:
    """A filed contract that was at risk has its money again (风险消除)."""
    if is_made_good(plan(session, notice.contract_id), today):
        session.execute(
            update(Contract).where(Contract.id == notice.contract_id).values(status=ContractStatus.FILED)
        )


def _answer(
    deposit: Deposit, notice: Named | None, taken: Yuan, entry: Entry
) -> dict[str, Any]:
    return {
        # A receipt has one booking, so it bears the number of that entry.
        "receipt_no": f"RZ{bureau_day(entry.booked_at):%Y%m%d}{entry.entry_no}",
        "status": receipt_status(taken, deposit.amount - taken, is_reversed=False).value,
        "contract_no": notice.contract_no if notice else None,
        "notice_no": deposit.notice_no,
        "amount": str(deposit.amount),
        "matched": str(taken),
        "unmatched": str(deposit.amount - taken),
        "entry_no": entry.entry_no,
        "booked_at": bureau_time(entry.booked_at).isoformat(),
    }
