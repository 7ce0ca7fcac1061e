"""What a claim is judged by, read under the locks in their fixed order (认领事实).

Order of locks: supervised account, contracts and notices by id, claim, then balances by id inside the ledger.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from config.settings import Settings
from escrow import chart
from escrow.access.sealing import SealBroken, unseal
from escrow.claims.models import ReceiptClaim, ReceiptClaimPart
from escrow.claims.rules import ClaimFacts, ClaimKind, Share
from escrow.contracts.models import PaymentNotice
from escrow.contracts.rules import Source
from escrow.deposits.facts import Named, named
from escrow.deposits.facts import Place as Account
from escrow.deposits.models import Receipt
from escrow.errors import NotFound
from escrow.supervision.rules import AccountStatus
from ledger.accounts import balance, find_account
from ledger.money import ZERO, Yuan
from ledger.wire import ask

SUBJECT = "presale_funds"
# The law a claim is judged by and its confirmation keeps (随确认存档的规定).
LAW_KEYS = (
    "claim_two_officers", "claim_counts_once", "claim_days", "unmatched_to_payer", "paper_used_once",
    "reversal_settled",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """The receipt a claim is of and the account it stands on (所涉入账与账户)."""

    receipt: Row[Any]
    account: Account

    @property
    def law(self) -> Law:
        """The law of the account's region on this day (适用规定)."""
        return self.account.law


_RECEIPT = """
SELECT r.id, r.receipt_no, r.amount, r.bank_code, r.booked_at, r.value_date, r.payer_name_sealed,
       r.payer_account_sealed, receipt_remainder(r.id) AS remainder,
       EXISTS (SELECT FROM receipt_reversal v WHERE v.receipt_id = r.id) AS is_reversed,
       (SELECT k.id FROM receipt_claim k WHERE k.receipt_id = r.id AND k.status = 'entered') AS waiting,
       ARRAY(SELECT DISTINCT c.contract_no || ' ' || n.source
               FROM receipt_allocation s JOIN payment_notice n ON n.id = s.notice_id
               JOIN contract c ON c.id = s.contract_id WHERE s.receipt_id = r.id) AS sources,
       a.id AS account_id, a.account_no, a.project_id, a.book_id, a.opened_on,
       a.status AS account_status, p.region
  FROM receipt r JOIN supervised_account a ON a.id = living_account(r.account_id)
  JOIN project p ON p.id = a.project_id
 WHERE r.receipt_no = %s
"""
_HOLD = text("""
SELECT a.id FROM supervised_account a JOIN receipt r ON living_account(r.account_id) = a.id
 WHERE r.receipt_no = :receipt_no FOR UPDATE OF a
""")


def place_of(session: Session, receipt_no: str, *, locked: bool) -> Place:
    """The receipt and the account its money is owed to now, under its lock before anything is read.

    Raises NotFound.
    """
    if locked:
        session.execute(_HOLD, {"receipt_no": receipt_no})
    rows = ask(session, _RECEIPT, (receipt_no,), named=True)
    if not rows:
        raise NotFound("没有这笔入账")
    [row] = rows
    account = Account(
        row.account_id, row.account_no, row.project_id, row.book_id, row.opened_on,
        AccountStatus(row.account_status), law_on(bureau_day(), SUBJECT, row.region),
    )  # fmt: skip
    return Place(row, account)


def held(session: Session, claim_id: int) -> tuple[ReceiptClaim, Place]:
    """A claim under its lock, its account's before it (锁定认领). Raises NotFound."""
    receipt_no = session.scalar(
        select(Receipt.receipt_no)
        .join(ReceiptClaim, ReceiptClaim.receipt_id == Receipt.id)
        .where(ReceiptClaim.id == claim_id)
    )
    if receipt_no is None:
        raise NotFound("没有这件认领")
    place = place_of(session, receipt_no, locked=True)
    query = select(ReceiptClaim).where(ReceiptClaim.id == claim_id).with_for_update()
    claim = session.scalars(query.execution_options(populate_existing=True)).one()
    return claim, place


def shares_of(session: Session, claim: ReceiptClaim) -> list[tuple[str, Yuan]]:
    """The notices of a claim and their amounts (认领份额)."""
    query = (
        select(PaymentNotice.notice_no, ReceiptClaimPart.amount)
        .join(PaymentNotice, PaymentNotice.id == ReceiptClaimPart.notice_id)
        .where(ReceiptClaimPart.claim_id == claim.id)
        .order_by(ReceiptClaimPart.notice_id)
    )
    return [(row.notice_no, row.amount) for row in session.execute(query)]


def notices_of(session: Session, account: Account, numbers: Iterable[str]) -> dict[str, Named]:
    """The notices by their numbers, contracts and notices locked in the order of their keys (锁定通知书)."""
    query = (
        select(PaymentNotice.notice_no)
        .where(PaymentNotice.notice_no.in_(sorted(numbers)))
        .order_by(PaymentNotice.contract_id, PaymentNotice.id)
    )
    found = {number: named(session, number, account) for number in list(session.scalars(query))}
    return {number: notice for number, notice in found.items() if notice is not None}


_SOURCES = text("SELECT id, source FROM payment_notice WHERE id = ANY (:ids)")


def facts_of(
    session: Session, place: Place, kind: ClaimKind, asked: Yuan,
    *, shares: list[tuple[str, Yuan]], notices: dict[str, Named], told: Settings, waiting: bool,
    receivable_key: str | None = None,
) -> ClaimFacts:  # fmt: skip
    """What a claim of these shares is judged by; `waiting`: whether another may not wait (认领事实)."""
    ids = {"ids": [one.id for one in notices.values()]}
    sources = {row.id: Source(row.source) for row in session.execute(_SOURCES, ids)}
    row = place.receipt
    return ClaimFacts(
        receipt_no=row.receipt_no, kind=kind, asked=asked, remainder=Yuan.from_fen(row.remainder),
        account=place.account.status, is_reversed=row.is_reversed, waiting=row.waiting if waiting else None,
        payer_known=_is_known(*payer(row, told)),
        shares=tuple(_share(number, amount, notices.get(number), sources) for number, amount in shares),
        sources=tuple(_source(one) for one in row.sources),
        receivable=_owed(session, place.account.book_id, receivable_key),
    )  # fmt: skip


def _owed(session: Session, book_id: int, key: str | None) -> Yuan:
    """What the bank still owes under one dimension of 1301 (尚欠更正款)."""
    if key is None:
        return ZERO
    found = find_account(session, book_id, chart.BANK_ERROR_RECEIVABLE, key=key)
    return balance(session, found) if found else ZERO


def payer(row: Any, told: Settings) -> tuple[str, str]:
    """Name and account of whoever paid, empty where it cannot be told (付款人)."""
    try:
        return unseal(bytes(row.payer_name_sealed), told).strip(), unseal(
            bytes(row.payer_account_sealed), told
        ).strip()
    except SealBroken:
        return "", ""


def _is_known(name: str, account_no: str) -> bool:
    """What an opening brought in, or a statement left out, names no account."""
    return bool(name) and sum(letter.isdigit() for letter in account_no) >= 4


def _share(number: str, amount: Yuan, notice: Named | None, sources: dict[int, Source]) -> Share:
    if notice is None:
        return Share(number, amount)
    return Share(number, amount, notice.contract_no, sources[notice.id], notice.facts)


def _source(said: str) -> tuple[str, Source]:
    contract_no, _, source = said.rpartition(" ")
    return contract_no, Source(source)
