"""A bank takes back its own error, whole and once (冲正). Lock, look, judge, write."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import Row, insert, text, update
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from escrow import chart
from escrow.access import audit
from escrow.contracts.models import Contract, PaymentNotice
from escrow.contracts.rules import ContractStatus
from escrow.deposits.facts import Place, accounts, open_day, place, sums
from escrow.deposits.left_behind import unbook_left
from escrow.deposits.models import ReceiptReversal
from escrow.deposits.rules import ReversalFacts, reversal_refusals, taken_from
from escrow.errors import Invalid, NotFound, Refused
from escrow.outbox import emit
from escrow.supervision.books import account_of
from escrow.supervision.funds import position
from escrow.supervision.levels import out_of
from escrow.supervision.moved import left_for
from ledger.accounts import Account, lock_accounts
from ledger.journal import Entry, post, reverse
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer


@dataclass(frozen=True, slots=True)
class Reversal:
    """A bank's word that it booked in error (银行冲正通知)."""

    receipt_no: str
    bank_serial: str
    amount: Yuan
    value_date: date
    reason: str

    @property
    def facts(self) -> dict[str, Any]:
        """What makes a repeated report the same report (报送事实)."""
        return {"door": "reversal", **asdict(self), "amount": str(self.amount)}


_RECEIPT = text("""
SELECT r.id, r.receipt_no, r.amount, r.value_date, r.entry_id, r.notice_no, a.account_no,
       v.bank_serial AS reversed_by,
       (SELECT coalesce(sum(p.amount), 0) FROM refund_part p JOIN refund f ON f.id = p.refund_id
         WHERE p.receipt_id = r.id AND f.status IN ('approved', 'due', 'issued'))::bigint AS refunded,
       (SELECT coalesce(sum(k.amount), 0) FROM receipt_claim k
         WHERE k.receipt_id = r.id AND k.kind <> 'claim' AND k.status <> 'rejected')::bigint AS returned,
       EXISTS (SELECT FROM receipt_claim k
                WHERE k.receipt_id = r.id AND k.kind = 'claim' AND k.status = 'confirmed') AS is_claimed
  FROM receipt r JOIN supervised_account a ON a.id = r.account_id
  LEFT JOIN receipt_reversal v ON v.receipt_id = r.id
 WHERE r.receipt_no = :receipt_no AND r.bank_code = :bank_code
""")
# To which notices it was matched, contracts and notices locked in their order.
_MATCHED = text("""
SELECT s.notice_id, s.contract_id, s.amount, c.contract_no, c.status, u.building_id
  FROM receipt_allocation s JOIN contract c ON c.id = s.contract_id JOIN unit u ON u.id = c.unit_id
  JOIN payment_notice n ON n.id = s.notice_id
 WHERE s.receipt_id = :receipt_id ORDER BY c.id, n.id FOR NO KEY UPDATE OF c, n
""")


def take_back(session: Session, asked: Reversal, bank_code: str) -> dict[str, Any]:
    """Reverse a receipt (冲正); the answer to the bank.

    The mirror of the booking as long as the account still has the money; what it no longer has stands
    as a claim on the bank (1301, under this receipt) and blocks filing and release until it is made good.
    Raises NotFound, Invalid or Refused with every reason.
    """
    today = bureau_day()
    if asked.value_date > today:
        raise Invalid({"value_date": "起息日不能晚于今天。"})
    found = _receipt(session, asked.receipt_no, bank_code)
    if asked.value_date < found.value_date:
        raise Invalid({"value_date": f"起息日不能早于所冲入账的起息日 {found.value_date}。"})
    account = place(session, found.account_no, bank_code, today)
    parts = list(session.execute(_MATCHED, {"receipt_id": found.id}))
    found = _receipt(session, asked.receipt_no, bank_code)
    facts = ReversalFacts(
        found.receipt_no, Yuan.from_fen(found.amount), asked.amount, found.reversed_by,
        refunded=Yuan.from_fen(found.refunded), returned=Yuan.from_fen(found.returned),
    )  # fmt: skip
    living = left_for(
        session, account.id, account.account_no, account.project_id, account.status, account.law
    )
    if reasons := reversal_refusals(facts, account.law):
        raise Refused(reasons)
    if living is not None:
        entry, uncovered = unbook_left(session, asked, found, parts, account, living)
    else:
        entry, uncovered = _unbook(session, asked, found, parts, account, bank_code)
    session.execute(
        insert(ReceiptReversal).values(
            receipt_id=found.id, bank_code=bank_code, bank_serial=asked.bank_serial, amount=asked.amount,
            value_date=asked.value_date, reason=asked.reason, uncovered=uncovered, entry_id=entry.id,
        )
    )  # fmt: skip
    for part in parts:
        _unpay(session, part)
    return _tell(session, asked, found, parts, entry, bank_code)


def _receipt(session: Session, receipt_no: str, bank_code: str) -> Row[Any]:
    found = session.execute(_RECEIPT, {"receipt_no": receipt_no, "bank_code": bank_code}).one_or_none()
    if found is None:
        raise NotFound("没有这笔入账，或不属于贵行；若入账通知尚在途中，请稍后重报冲正")
    return found


def _unbook(
    session: Session, asked: Reversal, found: Row[Any], parts: list[Row[Any]], account: Place, bank_code: str
) -> tuple[Entry, Yuan]:
    """The mirror where nothing moved since, else P4: general first, then key; and the bank's own debt."""
    contracts, buildings = sums(parts, "contract_id"), sums(parts, "building_id")
    wanted = [(code, "") for code in (chart.UNMATCHED, chart.DEPOSITS_AT_BANK, chart.MEMO_CONTRA)]
    wanted += [(chart.PAID_IN_BY_CONTRACT, chart.contract_key(one)) for one in contracts]
    for one in buildings:
        wanted += [(code, chart.building_key(one)) for code in (chart.KEY_FUNDS, chart.GENERAL_FUNDS)]
    # What the bank holds first, as a deposit on its way does, before anything is opened that it may open too;
    # then all that the booking touches, at once and in order.
    lock_accounts(session, [account_of(session, account.book_id, chart.DEPOSITS_AT_BANK)])
    held = accounts(session, account.book_id, wanted)
    balances = lock_accounts(session, held)
    rest = Yuan.from_fen(found.amount) - sum(contracts.values(), ZERO)
    waiting = taken_from(ZERO, rest, building=ZERO, unmatched=balances[held[0].id])
    funds = {one: position(session, account.book_id, one) for one in buildings}
    given = {
        one: taken_from(amount, ZERO, building=funds[one].held, unmatched=ZERO)
        for one, amount in buildings.items()
    }
    uncovered = sum((one.uncovered for one in given.values()), waiting.uncovered)
    quiet = not found.is_claimed and all(one.quota is None for one in funds.values())
    if uncovered == ZERO and quiet:
        return _mirrored(session, asked, found, account.book_id, bank_code), ZERO
    taken = [(chart.UNMATCHED, "", waiting.unmatched)]
    if uncovered > ZERO:
        owed = (chart.BANK_ERROR_RECEIVABLE, chart.receivable_key(found.id))
        held.append(account_of(session, account.book_id, owed[0], key=owed[1]))
        taken.append((*owed, uncovered))
    for one, position_ in funds.items():
        split, key = out_of(position_, given[one].building), chart.building_key(one)
        taken += [(chart.GENERAL_FUNDS, key, split.general), (chart.KEY_FUNDS, key, split.key_funds)]
    return _post_anew(session, asked, held, taken, contracts), uncovered


def _mirrored(
    session: Session, asked: Reversal, found: Row[Any], book_id: int, bank_code: str
) -> Entry:
    reference = f"reversal:{bank_code}:{asked.bank_serial}"
    return reverse(
        session, found.entry_id, reference=reference, memo=asked.reason,
        effective_on=open_day(session, book_id, asked.value_date),
    )  # fmt: skip


def _post_anew(
    session: Session, asked: Reversal, held: list[Account], taken: list[tuple[str, str, Yuan]],
    contracts: dict[int, Yuan],
) -> Entry:  # fmt: skip
    by_key = {(one.code, one.key): one for one in held}
    bank, contra = by_key[chart.DEPOSITS_AT_BANK, ""], by_key[chart.MEMO_CONTRA, ""]
    transfers = [
        Transfer(by_key[chart.PAID_IN_BY_CONTRACT, chart.contract_key(one)], contra, amount)
        for one, amount in contracts.items()
    ]
    transfers += [Transfer(by_key[code, key], bank, amount) for code, key, amount in taken if amount > ZERO]
    return post(
        session, chart.REVERSE_DEPOSIT, transfers,
        reference=f"reversal:{asked.receipt_no}:{asked.bank_serial}", memo=asked.reason,
        effective_on=open_day(session, bank.book_id, asked.value_date),
    )  # fmt: skip


def _unpay(session: Session, part: Row[Any]) -> None:
    """The notice is owed again; a filed contract is at risk (款项退回，合同有风险)."""
    session.execute(
        update(PaymentNotice)
        .where(PaymentNotice.id == part.notice_id)
        .values(paid=PaymentNotice.paid - Yuan.from_fen(part.amount))
    )
    if part.status == ContractStatus.FILED:
        session.execute(
            update(Contract).where(Contract.id == part.contract_id).values(status=ContractStatus.AT_RISK)
        )


def _tell(
    session: Session,
    asked: Reversal,
    found: Row[Any],
    parts: list[Row[Any]],
    entry: Entry,
    bank_code: str,
) -> dict[str, Any]:
    filed = {part.contract_no: part.status == ContractStatus.FILED for part in parts}
    answer = {
        "receipt_no": found.receipt_no,
        "status": "reversed",
        "bank_serial": asked.bank_serial,
        "contract_no": next(iter(filed)) if len(filed) == 1 else None,
        "notice_no": found.notice_no,
        "amount": str(asked.amount),
        "matched": "0.00",
        "unmatched": "0.00",
        "entry_no": entry.entry_no,
        "booked_at": bureau_time(entry.booked_at).isoformat(),
    }
    emit(session, "deposit.reversed", found.receipt_no, answer, audience=[f"bank:{bank_code}", "filing"])
    for contract_no in (number for number, is_filed in filed.items() if is_filed):
        risk = {"contract_no": contract_no, "receipt_no": found.receipt_no, "amount": str(asked.amount)}
        emit(session, "filing.at-risk", contract_no, risk, audience=["filing", "platform"])
    audit.record(
        session, "deposit.reversed", found.receipt_no, amount=str(asked.amount),
        bank_serial=asked.bank_serial, entry_no=entry.entry_no,
    )  # fmt: skip
    return answer
