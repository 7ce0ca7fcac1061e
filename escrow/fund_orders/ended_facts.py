"""A cancelled contract with its house, its deposits and what was decided of them, locked (注销合同的交存事实).

Order of locks: contract, house, then the decision, then balances by id inside the ledger.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from config.clock import bureau_day
from config.regulations import Law, law_on
from config.settings import Settings
from escrow.access.sealing import unseal
from escrow.contracts.rules import ContractStatus
from escrow.errors import NotFound
from escrow.fund_orders.ended_rules import Bearer, EndFacts, Given, Part, parts
from escrow.fund_orders.issuing import SUBJECT
from escrow.maintenance.chart import Nature
from ledger.money import Yuan
from ledger.wire import ask

_LOCK = """
SELECT c.id FROM contract c JOIN house h ON h.unit_id = c.unit_id
 WHERE c.contract_no = %s FOR SHARE OF c FOR NO KEY UPDATE OF h
"""
_CONTRACT = """
SELECT c.id AS contract_id, c.contract_no, c.status, h.id AS house_id, h.unit_code, h.nature, m.region,
       m.name AS community_name, h.room_no, g.building_no, f.id AS fund_id, f.account_no, f.book_id,
       v.name AS developer_name, y.name_sealed AS buyer_sealed, y.name_masked AS buyer_masked,
       y.version AS buyer_version, y.position AS buyer_place,
       x.cancelled_on, x.reason, b.balance - b.held AS free,
       (SELECT coalesce(sum(r.amount), 0)::bigint FROM advance_repayment r
         WHERE r.contract_id = c.id AND r.house_id = h.id AND r.status = 'confirmed') AS repaid
  FROM contract c JOIN house h ON h.unit_id = c.unit_id JOIN house_balance b ON b.house_id = h.id
  JOIN community_building g ON g.id = h.community_building_id JOIN community m ON m.id = g.community_id
  JOIN fund_account f ON f.id = m.fund_account_id JOIN project p ON p.id = c.project_id
  JOIN developer v ON v.id = p.developer_pk
  LEFT JOIN contract_cancellation x ON x.contract_id = c.id
  LEFT JOIN LATERAL (SELECT * FROM party WHERE contract_id = c.id AND version = c.version
                      ORDER BY position LIMIT 1) y ON true
 WHERE c.contract_no = %s
"""
_GIVEN = """
SELECT d.id, d.amount, d.is_advance, d.paid_on, r.receipt_no, r.payer_name_sealed, r.payer_name_masked,
       r.payer_kind
  FROM house_deposit d JOIN deposit_holder o ON o.deposit_id = d.id JOIN fund_receipt r ON r.id = d.receipt_id
 WHERE o.house_id = %s AND o.contract_id = %s ORDER BY d.id
"""
# What was paid for it and then found to be another house's.
_MOVED = """
SELECT d.id, o.unit_code FROM house_change k JOIN house_deposit d ON d.id = k.deposit_id
  JOIN house o ON o.id = k.other_house_id
 WHERE k.house_id = %s AND k.status = 'confirmed' AND deposit_contract(d) = %s ORDER BY d.id
"""
_TAKEN = """
SELECT deposit_id, coalesce(payee, 'stay') AS bearer FROM ended_deposit
 WHERE contract_id = %s AND status <> 'rejected'
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """The contract, what was paid for it, and what the law says of it (注销合同)."""

    row: Any
    given: list[Any]
    taken: frozenset[str]
    # Deposits that lie on another house since, with its code.
    moved: dict[int, str]

    @property
    def law(self) -> Law:
        """The fund's law of the region today (适用规定)."""
        return law_on(bureau_day(), SUBJECT, self.row.region)

    @property
    def nature(self) -> Nature:
        """Of the house (房屋性质)."""
        return Nature(self.row.nature)

    @property
    def due(self) -> list[Part]:
        """To whom each share goes (依规定的处置)."""
        given = [Given(one.id, Yuan.from_fen(one.amount), one.is_advance) for one in self.given]
        return parts(given, Yuan.from_fen(self.row.repaid), self.law)

    @property
    def facts(self) -> EndFacts:
        """As the rules judge it (事实)."""
        return EndFacts(
            self.row.contract_no, self.row.status == ContractStatus.CANCELLED, tuple(self.due), self.taken,
            Yuan.from_fen(self.row.free), self.moved,
        )

    def payee(self, part: Part, told: Settings) -> tuple[str, str]:
        """Whom the bank is to pay, whole and as it is shown (收款人)."""
        if part.bearer is Bearer.DEVELOPER:
            return str(self.row.developer_name), str(self.row.developer_name)
        if part.bearer is Bearer.BUYER:
            row = self.row
            context = f"party:{row.contract_no}:{row.buyer_version}:{row.buyer_place}:name"
            return unseal(bytes(row.buyer_sealed), told, context=context), str(row.buyer_masked)
        one = next(one for one in self.given if one.id == part.deposit_id)
        return unseal(bytes(one.payer_name_sealed), told), str(one.payer_name_masked)


def ended_of(session: Session, contract_no: str, *, locked: bool = True) -> Ended:
    """A contract whose unit has a house account. Raises NotFound."""
    if locked:
        ask(session, _LOCK, (contract_no,))
    rows = ask(session, _CONTRACT, (contract_no,), named=True)
    if not rows:
        raise NotFound("没有这份合同，或其房屋没有维修资金分户账")
    [row] = rows
    given = ask(session, _GIVEN, (row.house_id, row.contract_id), named=True)
    taken = frozenset(f"{deposit}-{bearer}" for deposit, bearer in ask(session, _TAKEN, (row.contract_id,)))
    moved = dict(ask(session, _MOVED, (row.house_id, row.contract_id)))
    return Ended(row, given, taken, moved)
