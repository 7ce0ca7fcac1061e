"""A bank's credit is booked and matched (购房款入账). Lock, look, judge, write."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text, update
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from config.settings import Settings
from escrow import chart
from escrow.access import audit
from escrow.access.sealing import mask_account, mask_name, seal
from escrow.contracts.models import Contract
from escrow.contracts.rules import ContractStatus
from escrow.deposits.facts import Named, Place, deposit_accounts, named, place, plan
from escrow.deposits.rules import Channel, account_refusals, is_made_good, matched, receipt_status
from escrow.errors import Invalid, Refused
from escrow.outbox import emit
from ledger.journal import Entry, post
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer


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
        return {"door": "deposit", **asdict(self), "amount": str(self.amount), "channel": self.channel.value}


def receive(session: Session, deposit: Deposit, bank_code: str, told: Settings) -> dict[str, Any]:
    """Book a credit on a supervised account and match it to its notice (入账); the answer to the bank.

    What the notice no longer asks for, and money that names no living notice, is booked unmatched.
    Raises NotFound, Invalid, or Refused when the account takes no money.
    """
    today = bureau_day()
    if deposit.value_date > today:
        raise Invalid({"value_date": "起息日不能晚于今天。"})
    account = place(session, deposit.account_no, bank_code, today)
    notice = named(session, deposit.notice_no, account.project_id)
    if reasons := account_refusals(account.account_no, account.status, account.law):
        raise Refused(reasons)
    taken = matched(deposit.amount, notice.facts if notice else None)
    notice = notice if taken > ZERO else None

    entry = _book(session, deposit, account, notice, bank_code)
    receipt_no = _write(
        session,
        deposit,
        account,
        notice,
        {"bank_code": bank_code, "entry": entry, "matched": taken, "settings": told},
    )
    if notice is not None and notice.facts.contract_status is ContractStatus.AT_RISK:
        _clear_risk(session, notice, today)
    answer = _answer(deposit, notice, receipt_no, taken, entry)
    emit(session, "deposit.confirmed", receipt_no, answer, audience=[f"bank:{bank_code}", "filing"])
    audit.record(
        session, "deposit.booked", receipt_no, account_no=account.account_no, amount=str(deposit.amount),
        matched=str(taken), bank_serial=deposit.bank_serial, entry_no=entry.entry_no,
    )  # fmt: skip
    return answer


def _book(session: Session, deposit: Deposit, account: Place, notice: Named | None, bank_code: str) -> Entry:
    taken = matched(deposit.amount, notice.facts) if notice else ZERO
    bank, unmatched, *contract = deposit_accounts(session, account.book_id, notice)
    transfers = []
    if contract:
        key_funds, paid_in, contra = contract
        transfers += [Transfer(bank, key_funds, taken), Transfer(contra, paid_in, taken)]
    if taken < deposit.amount:
        transfers.append(Transfer(bank, unmatched, deposit.amount - taken))
    return post(
        session, chart.RECEIVE_DEPOSIT, transfers,
        reference=f"deposit:{bank_code}:{deposit.bank_serial}", effective_on=deposit.value_date,
    )  # fmt: skip


# The receipt, its allocation and the notice's new total: one statement, one round trip.
_WRITE = text("""
WITH booked AS (
    INSERT INTO receipt (receipt_no, account_id, bank_code, bank_serial, amount, value_date, bank_booked_at,
                         notice_no, payer_name_sealed, payer_name_masked, payer_account_sealed,
                         payer_account_masked, channel, memo, entry_id, booked_at)
    VALUES ('RZ' || to_char(CAST(:today AS date), 'YYYYMMDD') || to_char(nextval('receipt_number'),
    'FM000000000'),
            :account_id, :bank_code, :bank_serial, :amount, :value_date, :bank_booked_at, :notice_no,
            :payer_name_sealed, :payer_name_masked, :payer_account_sealed, :payer_account_masked,
            :channel, :memo, :entry_id, :booked_at)
    RETURNING id, receipt_no
), allocated AS (
    INSERT INTO receipt_allocation (receipt_id, notice_id, contract_id, amount)
    SELECT booked.id, :notice_id, :contract_id, :matched FROM booked
     WHERE CAST(:notice_id AS integer) IS NOT NULL
), paid AS (
    UPDATE payment_notice SET paid = paid + :matched WHERE id = :notice_id
)
SELECT receipt_no FROM booked
""")


def _write(
    session: Session, deposit: Deposit, account: Place, notice: Named | None, made: dict[str, Any]
) -> str:
    told: Settings = made["settings"]
    entry: Entry = made["entry"]
    row = {
        "today": bureau_day(entry.booked_at),
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
    }
    return str(session.scalar(_WRITE, row))


def _clear_risk(session: Session, notice: Named, today: date) -> None:
    """A filed contract that was at risk has its money again (风险消除)."""
    if is_made_good(plan(session, notice.contract_id), today):
        session.execute(
            update(Contract).where(Contract.id == notice.contract_id).values(status=ContractStatus.FILED)
        )


def _answer(
    deposit: Deposit, notice: Named | None, receipt_no: str, taken: Yuan, entry: Entry
) -> dict[str, Any]:
    return {
        "receipt_no": receipt_no,
        "status": receipt_status(deposit.amount, taken, is_reversed=False).value,
        "contract_no": notice.contract_no if notice else None,
        "notice_no": deposit.notice_no,
        "amount": str(deposit.amount),
        "matched": str(taken),
        "unmatched": str(deposit.amount - taken),
        "entry_no": entry.entry_no,
        "booked_at": bureau_time(entry.booked_at).isoformat(),
    }
