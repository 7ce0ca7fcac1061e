"""What a refund is judged by: the contract, its receipts, what stands for it (退款事实).

Order of locks: supervised account, contract, refund, then balances by id inside the ledger.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from escrow import chart
from escrow.contracts.models import Contract
from escrow.contracts.rules import ContractStatus, Source
from escrow.errors import NotFound
from escrow.projects.models import Project, Unit
from escrow.refunds.models import Refund, RefundPart
from escrow.refunds.rules import Cover, Part, RefundFacts, RefundStatus
from escrow.supervision.books import account_of
from escrow.supervision.models import LIVING_FIRST, SupervisedAccount
from escrow.supervision.rules import AccountStatus
from ledger.accounts import balance, balances, find_account, lock_accounts
from ledger.money import ZERO, Yuan

SUBJECT = "presale_funds"
# The law that a refund is judged by and that its approval keeps (随核准存档的规定).
LAW_KEYS = (
    "refund_after_cancellation", "refund_within_paid", "refund_to_payer", "refund_other_payee_days",
    "refund_two_officers", "refund_before_withdrawal", "account_active", "reversal_settled",
    "paper_used_once",
)  # fmt: skip
ENDED = (RefundStatus.REJECTED, RefundStatus.REVOKED)


@dataclass(frozen=True, slots=True)
class Place:
    """The contract a refund is of, and the account that pays it (所涉合同与账户)."""

    contract_id: int
    contract_no: str
    contract_status: ContractStatus
    building_id: int
    account_id: int
    account_no: str
    account_status: AccountStatus
    book_id: int
    law: Law


@dataclass(frozen=True, slots=True)
class Paid:
    """One receipt of the contract, and what of it goes back already (合同的一笔入账)."""

    receipt_id: int
    receipt_no: str
    source: Source
    matched: Yuan
    refunded: Yuan
    is_reversed: bool
    value_date: Any
    payer_name_sealed: bytes
    payer_name_masked: str
    payer_account_sealed: bytes
    payer_account_masked: str

    @property
    def refundable(self) -> Yuan:
        """What may still go back (尚可退)."""
        return ZERO if self.is_reversed else self.matched - self.refunded


def place_of(session: Session, contract_no: str, *, lock: str | None = None) -> Place:
    """The contract and its account; `lock`: "share" or "update" on the account. Raises NotFound."""
    if lock:
        _hold(session, contract_no, share=lock == "share")
    query = (
        select(
            Contract.id, Contract.status, Unit.building_id, SupervisedAccount.id.label("account_id"),
            SupervisedAccount.account_no, SupervisedAccount.status.label("account_status"),
            SupervisedAccount.book_id, Project.region,
        )
        .join(Unit, Unit.id == Contract.unit_id)
        .join(Project, Project.id == Contract.project_id)
        .join(SupervisedAccount, SupervisedAccount.project_id == Project.id)
        .where(Contract.contract_no == contract_no)
        .order_by(*LIVING_FIRST)
        .limit(1)
    )  # fmt: skip
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound("没有这个合同号")
    return Place(
        row.id, contract_no, row.status, row.building_id, row.account_id, row.account_no,
        row.account_status, row.book_id, law_on(bureau_day(), SUBJECT, row.region),
    )  # fmt: skip


def _hold(session: Session, contract_no: str, *, share: bool) -> None:
    """The account, then the contract: releases, withdrawals and reversals of them wait."""
    account = (
        select(SupervisedAccount.id)
        .join(Contract, Contract.project_id == SupervisedAccount.project_id)
        .where(Contract.contract_no == contract_no)
        .order_by(SupervisedAccount.id)
    )
    session.execute(account.with_for_update(of=SupervisedAccount, read=share))
    held = select(Contract.id).where(Contract.contract_no == contract_no)
    session.execute(held.with_for_update(key_share=True))


_RECEIPTS = text("""
SELECT r.id, r.receipt_no, s.source, s.matched, v.id IS NOT NULL AS is_reversed, r.value_date,
       r.payer_name_sealed, r.payer_name_masked, r.payer_account_sealed, r.payer_account_masked,
       (SELECT coalesce(sum(p.amount), 0) FROM refund_part p JOIN refund f ON f.id = p.refund_id
         WHERE p.receipt_id = r.id AND p.contract_id = :contract_id
           AND f.status NOT IN ('rejected', 'revoked') AND f.id <> :but)::bigint AS refunded
  FROM (SELECT a.receipt_id, min(n.source) AS source, sum(a.amount)::bigint AS matched
          FROM receipt_allocation a JOIN payment_notice n ON n.id = a.notice_id
         WHERE a.contract_id = :contract_id GROUP BY a.receipt_id) s
  JOIN receipt r ON r.id = s.receipt_id
  LEFT JOIN receipt_reversal v ON v.receipt_id = r.id
 ORDER BY r.id
""")


def paid_on(session: Session, contract_id: int, *, but: int = 0) -> dict[str, Paid]:
    """Every receipt of a contract by its number; `but`: a refund that is not counted (合同入账)."""
    return {
        row.receipt_no: Paid(
            row.id,
            row.receipt_no,
            Source(row.source),
            Yuan.from_fen(row.matched),
            Yuan.from_fen(row.refunded),
            row.is_reversed,
            row.value_date,
            bytes(row.payer_name_sealed),
            row.payer_name_masked,
            bytes(row.payer_account_sealed),
            row.payer_account_masked,
        )
        for row in session.execute(_RECEIPTS, {"contract_id": contract_id, "but": but})
    }


def facts_of(session: Session, place: Place, parts: tuple[Part, ...], *, but: int = 0) -> RefundFacts:
    """What a refund of these parts is judged by, what was paid in read under its lock (退款事实)."""
    paid_in = account_of(
        session, place.book_id, chart.PAID_IN_BY_CONTRACT, key=chart.contract_key(place.contract_id)
    )
    return _facts(session, place, parts, paid_in=lock_accounts(session, [paid_in])[paid_in.id], but=but)


def peek_facts(session: Session, place: Place, parts: tuple[Part, ...], *, but: int = 0) -> RefundFacts:
    """The same without a lock, for a page (退款事实，供阅览)."""
    key = chart.contract_key(place.contract_id)
    account = find_account(session, place.book_id, chart.PAID_IN_BY_CONTRACT, key=key)
    paid_in = balance(session, account) if account else ZERO
    return _facts(session, place, parts, paid_in=paid_in, but=but)


def _facts(
    session: Session, place: Place, parts: tuple[Part, ...], *, paid_in: Yuan, but: int
) -> RefundFacts:
    held = select(func.sum(Refund.amount)).where(
        Refund.contract_id == place.contract_id, Refund.status == RefundStatus.APPROVED, Refund.id != but
    )
    return RefundFacts(
        contract_no=place.contract_no,
        contract_status=place.contract_status,
        account_status=place.account_status,
        paid_in=paid_in,
        held=session.scalar(held) or ZERO,
        parts=parts,
    )


def parts_of(session: Session, refund: Refund) -> tuple[Part, ...]:
    """The parts of a refund as they stand now (退款明细现状)."""
    paid = {one.receipt_id: one for one in paid_on(session, refund.contract_id, but=refund.id).values()}
    return tuple(
        Part(
            paid[part.receipt_id].receipt_no,
            part.amount,
            paid[part.receipt_id].refundable,
            paid[part.receipt_id].is_reversed,
            part.to_original,
        )
        for part in lines(session, refund.id)
    )


def lines(session: Session, refund_id: int) -> list[RefundPart]:
    """The rows of a refund (退款明细)."""
    query = select(RefundPart).where(RefundPart.refund_id == refund_id).order_by(RefundPart.id)
    return list(session.scalars(query))


def cover_of(session: Session, place: Place, amount: Yuan) -> Cover:
    """What stands for a refund of so much, now (可退资金)."""
    found = balances(session, place.book_id, [chart.KEY_FUNDS, chart.GENERAL_FUNDS, chart.JUDICIAL_HOLD])
    key = chart.building_key(place.building_id)
    money = [(account, held) for account, held in found if account.code != chart.JUDICIAL_HOLD]
    return Cover(
        amount=amount,
        building=sum((held for account, held in money if account.key == key), ZERO),
        account=sum((held for _, held in money), ZERO),
        court_held=sum((held for account, held in found if account.code == chart.JUDICIAL_HOLD), ZERO),
    )


def locked(session: Session, refund_no: str) -> tuple[Refund, Place]:
    """A refund under its locks, outermost first. Raises NotFound."""
    query = (
        select(Contract.contract_no)
        .join(Refund, Refund.contract_id == Contract.id)
        .where(Refund.refund_no == refund_no)
    )
    contract_no = session.scalar(query)
    if contract_no is None:
        raise NotFound("没有这件退款")
    place = place_of(session, contract_no, lock="update")
    held = select(Refund).where(Refund.refund_no == refund_no).with_for_update(key_share=True)
    return session.scalars(held.execution_options(populate_existing=True)).one(), place
