"""A bank's message about money its statement has told of already: the same money, not booked again (迟到的通知).

Truth order: statement > message. Where account, amount and value date agree, the message says whose money it
is; what stands unmatched is matched to the notice it names, as it would have been in time (P3).
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from config.settings import Settings
from escrow import chart
from escrow.access import audit
from escrow.access.sealing import mask_account, mask_name, seal
from escrow.contracts.models import PaymentNotice
from escrow.contracts.rules import ContractStatus
from escrow.deposits.actions import Deposit, clear_risk, split_of
from escrow.deposits.facts import Named, Place, deposit_accounts, named, place
from escrow.deposits.models import LateMessage, ReceiptAllocation
from escrow.deposits.rules import TAKES_MONEY, matched, receipt_status
from escrow.errors import KeyReused
from escrow.outbox import emit
from escrow.supervision.books import account_of
from ledger.journal import Entry, entry_no, post
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer
from ledger.wire import ask


@dataclass(frozen=True, slots=True)
class Stated:
    """The receipt a statement booked, and how it stands under its account's lock (对账单补记的入账)."""

    row: Any
    account: Place

    @property
    def remainder(self) -> Yuan:
        """What of it is nobody's yet (待认领余额)."""
        return Yuan.from_fen(self.row.remainder)

    @property
    def is_free(self) -> bool:
        """All of it is nobody's, and no officer is at it."""
        return self.row.remainder == self.row.amount and not self.row.waiting


_STATED = """
SELECT r.id, r.receipt_no, r.account_id, a.account_no, r.bank_code, r.amount, r.value_date, r.entry_id,
       r.booked_at, s.statement_no, receipt_remainder(r.id) AS remainder,
       EXISTS (SELECT FROM receipt_claim c WHERE c.receipt_id = r.id AND c.status = 'entered') AS waiting,
       EXISTS (SELECT FROM receipt_reversal v WHERE v.receipt_id = r.id) AS is_reversed,
       coalesce((SELECT sum(x.amount) FROM receipt_allocation x
                  WHERE x.receipt_id = r.id), 0)::bigint AS matched,
       ARRAY(SELECT DISTINCT c.contract_no FROM receipt_allocation x JOIN contract c ON c.id = x.contract_id
              WHERE x.receipt_id = r.id) AS contracts
  FROM receipt r JOIN supervised_account a ON a.id = r.account_id
  JOIN statement_match m ON m.entry_id = r.entry_id AND m.how = 'booked'
  JOIN statement s ON s.id = m.statement_id
 WHERE r.bank_code = %s AND r.bank_serial = %s ORDER BY s.id LIMIT 1
"""


def by_statement(session: Session, deposit: Deposit, bank_code: str) -> Stated:
    """The receipt of this serial, if a statement booked it and says the same (对账单已记的同一笔).

    Raises KeyReused, saying what the statement has where it says otherwise.
    """
    account = place(session, deposit.account_no, bank_code, bureau_day())
    rows = ask(session, _STATED, (bank_code, deposit.bank_serial), named=True)
    if not rows:
        raise KeyReused
    [row] = rows
    if (row.account_id, row.amount, row.value_date) != (account.id, deposit.amount.fen, deposit.value_date):
        raise KeyReused(
            f"流水 {deposit.bank_serial} 已由对账单 {row.statement_no} 记为账户 {row.account_no}、"
            f"{Yuan.from_fen(row.amount)} 元、起息日 {row.value_date}，与所报不符；以对账单为准，"
            "请按对账单更正后再报，对账单有误的请报送新版本"
        )
    return Stated(row, account)


def join(session: Session, deposit: Deposit, stated: Stated, told: Settings) -> dict[str, Any]:
    """Keep what the message says, and match the money to its notice where nobody has yet (补认); the answer."""
    notice, taken = None, ZERO
    if stated.is_free and stated.account.status in TAKES_MONEY:
        notice = named(session, deposit.notice_no, stated.account)
        taken = matched(deposit.amount, notice.facts if notice else None)
    notice = notice if taken > ZERO else None
    entry = _book(session, deposit, stated, notice, taken) if notice else None
    session.execute(insert(LateMessage).values(
        receipt_id=stated.row.id, notice_no=deposit.notice_no, bank_booked_at=deposit.booked_at,
        payer_name_sealed=seal(deposit.payer_name, told), payer_name_masked=mask_name(deposit.payer_name),
        payer_account_sealed=seal(deposit.payer_account, told),
        payer_account_masked=mask_account(deposit.payer_account), channel=deposit.channel,
        memo=deposit.memo, notice_id=notice.id if notice else None,
        contract_id=notice.contract_id if notice else None, matched=taken,
        entry_id=entry.id if entry else None,
    ))  # fmt: skip
    answer = _answer(deposit, stated, notice, taken)
    if notice is not None:
        _allocate(session, stated, notice, taken)
        emit(
            session, "deposit.confirmed", stated.row.receipt_no, answer,
            audience=[f"bank:{stated.row.bank_code}", "filing"],
        )  # fmt: skip
    audit.record(
        session, "deposit.told-late", stated.row.receipt_no, account_no=stated.row.account_no,
        bank_serial=deposit.bank_serial, notice_no=deposit.notice_no, matched=taken,
    )  # fmt: skip
    return answer


def _book(session: Session, deposit: Deposit, stated: Stated, notice: Named, taken: Yuan) -> Entry:
    """Out of 2101 into the building by its level, noted as paid in of the contract (P3)."""
    book_id = stated.account.book_id
    _, unmatched, key_funds, paid_in, contra = deposit_accounts(session, book_id, notice)
    split, transfers = split_of(session, stated.account, notice, taken), [Transfer(contra, paid_in, taken)]
    if split.key_funds > ZERO:
        transfers.append(Transfer(unmatched, key_funds, split.key_funds))
    if split.general > ZERO:
        general = account_of(session, book_id, chart.GENERAL_FUNDS, key=key_funds.key)
        transfers.append(Transfer(unmatched, general, split.general))
    return post(
        session, chart.CLAIM, transfers, reference=f"late:{stated.row.bank_code}:{deposit.bank_serial}",
        effective_on=bureau_day(), memo=f"入账 {stated.row.receipt_no}，银行补报通知书 {deposit.notice_no}",
    )  # fmt: skip


def _allocate(session: Session, stated: Stated, notice: Named, taken: Yuan) -> None:
    session.execute(insert(ReceiptAllocation).values(
        receipt_id=stated.row.id, notice_id=notice.id, contract_id=notice.contract_id, amount=taken
    ))  # fmt: skip
    paid = update(PaymentNotice).where(PaymentNotice.id == notice.id)
    session.execute(paid.values(paid=PaymentNotice.paid + taken))
    if notice.facts.contract_status is ContractStatus.AT_RISK:
        clear_risk(session, notice, bureau_day())


def _answer(deposit: Deposit, stated: Stated, notice: Named | None, taken: Yuan) -> dict[str, Any]:
    row, rest = stated.row, stated.remainder - taken
    held = taken + Yuan.from_fen(row.matched)
    contracts = [notice.contract_no] if notice else row.contracts
    return {
        "receipt_no": row.receipt_no,
        "status": receipt_status(held, rest, is_reversed=row.is_reversed).value,
        "contract_no": contracts[0] if len(contracts) == 1 else None,
        "notice_no": deposit.notice_no,
        "amount": str(deposit.amount),
        "matched": str(ZERO if row.is_reversed else held),
        "unmatched": str(rest),
        "entry_no": entry_no(row.entry_id),
        "booked_at": bureau_time(row.booked_at).isoformat(),
    }
