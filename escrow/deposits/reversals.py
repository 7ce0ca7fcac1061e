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
from escrow.deposits.facts import Place, accounts, open_day, place
from escrow.deposits.models import ReceiptReversal
from escrow.deposits.rules import Given, ReversalFacts, reversal_refusals, taken_from
from escrow.errors import Invalid, NotFound, Refused
from escrow.outbox import emit
from escrow.supervision.changing import moving_refusals
from escrow.supervision.funds import position
from escrow.supervision.levels import Split, out_of
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
SELECT r.id, r.receipt_no, r.amount, r.entry_id, r.notice_no, a.account_no,
       s.amount AS matched, s.notice_id, s.contract_id, u.building_id,
       v.bank_serial AS reversed_by,
       (SELECT coalesce(sum(p.amount), 0) FROM refund_part p JOIN refund f ON f.id = p.refund_id
         WHERE p.receipt_id = r.id AND f.status IN ('approved', 'due', 'issued'))::bigint AS refunded
  FROM receipt r JOIN supervised_account a ON a.id = r.account_id
  LEFT JOIN receipt_allocation s ON s.receipt_id = r.id
  LEFT JOIN contract c ON c.id = s.contract_id
  LEFT JOIN unit u ON u.id = c.unit_id
  LEFT JOIN receipt_reversal v ON v.receipt_id = r.id
 WHERE r.receipt_no = :receipt_no AND r.bank_code = :bank_code
""")
_LOCK_CONTRACT = text("""
SELECT c.contract_no, c.status FROM contract c JOIN payment_notice n ON n.contract_id = c.id
 WHERE n.id = :notice_id FOR NO KEY UPDATE OF c, n
""")


def take_back(session: Session, asked: Reversal, bank_code: str) -> dict[str, Any]:
    """Reverse a receipt (冲正); the answer to the bank.

    The mirror of the booking as long as the account still has the money; what it no longer has stands
    as a claim on the bank (1301) and blocks filing and release until settled.
    Raises NotFound, Invalid or Refused with every reason.
    """
    today = bureau_day()
    if asked.value_date > today:
        raise Invalid({"value_date": "起息日不能晚于今天。"})
    found = _receipt(session, asked.receipt_no, bank_code)
    account = place(session, found.account_no, bank_code, today)
    contract = _lock_contract(session, found)
    found = _receipt(session, asked.receipt_no, bank_code)
    facts = ReversalFacts(
        found.receipt_no, Yuan.from_fen(found.amount), asked.amount, found.reversed_by,
        refunded=Yuan.from_fen(found.refunded),
    )  # fmt: skip
    moving = moving_refusals(session, account.id, account.account_no, account.status, account.law)
    if reasons := [*moving, *reversal_refusals(facts, account.law)]:
        raise Refused(reasons)

    entry, given = _unbook(session, asked, found, account, bank_code)
    session.execute(
        insert(ReceiptReversal).values(
            receipt_id=found.id, bank_code=bank_code, bank_serial=asked.bank_serial, amount=asked.amount,
            value_date=asked.value_date, reason=asked.reason, uncovered=given.uncovered, entry_id=entry.id,
        )
    )  # fmt: skip
    if contract is not None:
        _unpay(session, found, contract)
    return _tell(session, asked, found, contract, entry, bank_code)


def _receipt(session: Session, receipt_no: str, bank_code: str) -> Row[Any]:
    found = session.execute(_RECEIPT, {"receipt_no": receipt_no, "bank_code": bank_code}).one_or_none()
    if found is None:
        raise NotFound("没有这笔入账，或不属于贵行；若入账通知尚在途中，请稍后重报冲正")
    return found


def _lock_contract(session: Session, found: Row[Any]) -> Row[Any] | None:
    if found.notice_id is None:
        return None
    return session.execute(_LOCK_CONTRACT, {"notice_id": found.notice_id}).one()


def _unbook(
    session: Session, asked: Reversal, found: Row[Any], account: Place, bank_code: str
) -> tuple[Entry, Given]:
    """The mirror where nothing moved since, else P4: general first, then key, then the bank's own debt."""
    matched = Yuan.from_fen(found.matched or 0)
    wanted = [
        (code, "")
        for code in (chart.UNMATCHED, chart.DEPOSITS_AT_BANK, chart.BANK_ERROR_RECEIVABLE, chart.MEMO_CONTRA)
    ]
    funds = None
    if matched > ZERO:
        key = chart.building_key(found.building_id)
        wanted += [(chart.PAID_IN_BY_CONTRACT, chart.contract_key(found.contract_id))]
        wanted += [(code, key) for code in (chart.KEY_FUNDS, chart.GENERAL_FUNDS)]
    # All that the booking touches, locked at once in order: a deposit on its way locks the bank's first.
    held = accounts(session, account.book_id, wanted)
    balances = lock_accounts(session, held)
    if matched > ZERO:
        funds = position(session, account.book_id, found.building_id)
    given = taken_from(
        matched, Yuan.from_fen(found.amount) - matched,
        building=funds.held if funds else ZERO, unmatched=balances[held[0].id],
    )  # fmt: skip
    reference = f"reversal:{bank_code}:{asked.bank_serial}"
    if given.uncovered == ZERO and (funds is None or funds.quota is None):
        mirrored = reverse(
            session, found.entry_id, reference=reference, memo=asked.reason,
            effective_on=open_day(session, account.book_id, asked.value_date),
        )
        return mirrored, given
    split = out_of(funds, given.building) if funds else Split(ZERO, ZERO)
    return _post_anew(session, asked, held, given, split, matched), given


def _post_anew(
    session: Session, asked: Reversal, held: list[Account], given: Given, split: Split, matched: Yuan
) -> Entry:
    unmatched, bank, owed, contra, *building = held
    taken = [(owed, given.uncovered), (unmatched, given.unmatched)]
    transfers = []
    if building:
        paid_in, key_funds, general = building
        taken += [(general, split.general), (key_funds, split.key_funds)]
        transfers.append(Transfer(paid_in, contra, matched))
    transfers += [Transfer(source, bank, amount) for source, amount in taken if amount > ZERO]
    return post(
        session, chart.REVERSE_DEPOSIT, transfers,
        reference=f"reversal:{asked.receipt_no}:{asked.bank_serial}", memo=asked.reason,
        effective_on=open_day(session, bank.book_id, asked.value_date),
    )  # fmt: skip


def _unpay(session: Session, found: Row[Any], contract: Row[Any]) -> None:
    """The notice is owed again; a filed contract is at risk (款项退回，合同有风险)."""
    session.execute(
        update(PaymentNotice)
        .where(PaymentNotice.id == found.notice_id)
        .values(paid=PaymentNotice.paid - Yuan.from_fen(found.matched))
    )
    if contract.status == ContractStatus.FILED:
        session.execute(
            update(Contract).where(Contract.id == found.contract_id).values(status=ContractStatus.AT_RISK)
        )


def _tell(
    session: Session,
    asked: Reversal,
    found: Row[Any],
    contract: Row[Any] | None,
    entry: Entry,
    bank_code: str,
) -> dict[str, Any]:
    answer = {
        "receipt_no": found.receipt_no,
        "status": "reversed",
        "bank_serial": asked.bank_serial,
        "contract_no": contract.contract_no if contract else None,
        "notice_no": found.notice_no,
        "amount": str(asked.amount),
        "matched": "0.00",
        "unmatched": "0.00",
        "entry_no": entry.entry_no,
        "booked_at": bureau_time(entry.booked_at).isoformat(),
    }
    emit(session, "deposit.reversed", found.receipt_no, answer, audience=[f"bank:{bank_code}", "filing"])
    if contract is not None and contract.status == ContractStatus.FILED:
        risk = {
            "contract_no": contract.contract_no,
            "receipt_no": found.receipt_no,
            "amount": str(asked.amount),
        }
        emit(session, "filing.at-risk", contract.contract_no, risk, audience=["filing", "platform"])
    audit.record(
        session, "deposit.reversed", found.receipt_no, amount=str(asked.amount),
        bank_serial=asked.bank_serial, entry_no=entry.entry_no,
    )  # fmt: skip
    return answer
