"""What a confirmed claim books and whom it tells (认领记账与告知). Called under the locks."""

from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.orm import Session

from config.clock import bureau_day, bureau_time
from escrow import chart
from escrow.access import audit
from escrow.claims.facts import Place
from escrow.claims.models import ReceiptClaim
from escrow.claims.rules import ClaimKind
from escrow.deposits.facts import Named
from escrow.deposits.rules import receipt_status
from escrow.outbox import emit
from escrow.supervision.books import account_of
from escrow.supervision.funds import position
from escrow.supervision.levels import Split, into
from ledger.journal import Entry, post
from ledger.money import ZERO, Yuan
from ledger.movements import Transfer

_MOVEMENTS = {
    ClaimKind.CLAIM: chart.CLAIM, ClaimKind.RETURN: chart.DECIDE_RETURN,
    ClaimKind.SETTLE: chart.BANK_MADE_GOOD,
}  # fmt: skip


def book(session: Session, one: ReceiptClaim, place: Place, parts: list[tuple[Named, Yuan]]) -> Entry:
    """P3, the decision of P5, or P22: out of 2101 (记账)."""
    book_id = place.account.book_id
    if one.kind is ClaimKind.CLAIM:
        transfers = _to_contracts(session, parts, book_id)
    else:
        settles = one.kind is ClaimKind.SETTLE
        code = chart.BANK_ERROR_RECEIVABLE if settles else chart.RETURN_TO_PAYER
        key = one.receivable_key or "" if settles else chart.return_key(one.id)
        unmatched = account_of(session, book_id, chart.UNMATCHED)
        transfers = [Transfer(unmatched, account_of(session, book_id, code, key=key), one.amount)]
    return post(
        session, _MOVEMENTS[one.kind], transfers, reference=f"claim:{one.id}",
        effective_on=bureau_day(), memo=f"入账 {place.receipt.receipt_no}，依据 {one.document_no}",
    )  # fmt: skip


def _to_contracts(session: Session, parts: list[tuple[Named, Yuan]], book_id: int) -> list[Transfer]:
    """Each building's part by its level, each contract's noted as paid in."""
    unmatched, contra = (account_of(session, book_id, code) for code in (chart.UNMATCHED, chart.MEMO_CONTRA))
    transfers = []
    for contract_id, amount in _sums(parts, lambda notice: notice.contract_id).items():
        key = chart.contract_key(contract_id)
        paid_in = account_of(session, book_id, chart.PAID_IN_BY_CONTRACT, key=key)
        transfers.append(Transfer(contra, paid_in, amount))
    for building_id, amount in _sums(parts, lambda notice: notice.building_id).items():
        split, key = _split(session, book_id, building_id, amount), chart.building_key(building_id)
        for code, part in ((chart.KEY_FUNDS, split.key_funds), (chart.GENERAL_FUNDS, split.general)):
            if part > ZERO:
                transfers.append(Transfer(unmatched, account_of(session, book_id, code, key=key), part))
    return transfers


def _sums(parts: list[tuple[Named, Yuan]], by: Callable[[Named], int]) -> dict[int, Yuan]:
    found: dict[int, Yuan] = {}
    for notice, amount in parts:
        found[by(notice)] = found.get(by(notice), ZERO) + amount
    return dict(sorted(found.items()))


def _split(session: Session, book_id: int, building_id: int, amount: Yuan) -> Split:
    """Key funds up to the building's level, the rest general; all of it key funds without a quota."""
    found = position(session, book_id, building_id, locked=True)
    return Split(amount, ZERO) if found.quota is None else into(found, amount)


_NOW = text("""
SELECT receipt_remainder(r.id) AS remainder, receipt_settled(r.id) AS settled, r.amount,
       r.notice_no, r.bank_code,
       coalesce((SELECT sum(s.amount) FROM receipt_allocation s
                  WHERE s.receipt_id = r.id), 0)::bigint AS matched,
       ARRAY(SELECT DISTINCT c.contract_no FROM receipt_allocation s JOIN contract c ON c.id = s.contract_id
              WHERE s.receipt_id = r.id) AS contracts
  FROM receipt r WHERE r.id = :id
""")


def tell(session: Session, one: ReceiptClaim, place: Place, entry: Entry, contracts: list[str]) -> None:
    """Bank and filing system hear how the receipt stands now; the trail keeps who did it (告知)."""
    receipt_no = place.receipt.receipt_no
    now = session.execute(_NOW, {"id": place.receipt.id}).one()
    matched, rest = Yuan.from_fen(now.matched), Yuan.from_fen(now.remainder)
    settled = Yuan.from_fen(now.settled)
    emit(session, "deposit.confirmed", receipt_no, {
        "receipt_no": receipt_no, "status": receipt_status(matched + settled, rest, is_reversed=False).value,
        "contract_no": now.contracts[0] if len(now.contracts) == 1 else None, "notice_no": now.notice_no,
        "amount": str(Yuan.from_fen(now.amount)), "matched": str(matched), "unmatched": str(rest),
        "entry_no": entry.entry_no, "booked_at": bureau_time(entry.booked_at).isoformat(),
    }, audience=[f"bank:{now.bank_code}", "filing"])  # fmt: skip
    audit.record(
        session, "claim.confirmed", receipt_no, claim=one.id, kind=one.kind, amount=one.amount,
        contracts=contracts, entry_no=entry.entry_no,
    )  # fmt: skip
