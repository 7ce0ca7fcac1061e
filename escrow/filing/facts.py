"""What the bureau knows of a contract at one moment, in one statement (核对所需的事实)."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from config.clock import now
from config.regulations import law_on
from escrow.contracts.rules import ContractStatus, Source
from escrow.filing.rules import FILED, Counted, Drafted, Facts, Maintenance, Planned
from escrow.projects.rules import Home, Structure, UnitUse, maintenance_required
from escrow.supervision.freshness import missing_statement
from escrow.supervision.rules import AccountStatus
from escrow.workdays.actions import calendar
from ledger.money import ZERO, Yuan
from ledger.wire import Transaction, ask

# One statement is one snapshot: the money, the plan and the account are seen at the same moment. OFFSET 0
# keeps each receipt a probe of its key: a plan cached while the tables were small would scan them when large.
_KNOWN = """
SELECT c.id AS contract_id, c.version, c.status, c.price, cu.unit_code AS own_unit_code,
       p.region, p.permit_issued_on, a.status AS account_status, a.opened_at,
       (SELECT max(s.business_date) FROM statement s
         WHERE s.account_id = a.id AND s.status IN ('matched', 'differences')) AS stated_through,
       coalesce(cu.area, au.area) AS area, coalesce(cu.use, au.use) AS use,
       coalesce(cb.structure, ab.structure) AS structure,
       m.house_id, coalesce(m.advanced, 0) AS advanced, m.first_due,
       coalesce(au.removed_at IS NULL AND ab.removed_at IS NULL AND ab.project_id = p.id, false)
         AS unit_in_register,
       EXISTS (SELECT FROM contract f
                WHERE f.unit_id = au.id AND f.status IN ('filed', 'at-risk')) AS unit_filed,
       (SELECT v.payments FROM contract_version v
         WHERE v.contract_id = c.id AND v.version = c.version) AS plan,
       ARRAY(SELECT json_build_array(r.id, r.receipt_no, r.bank_serial, s.amount, r.booked_at)
               FROM (SELECT a.receipt_id, sum(a.amount) AS amount FROM receipt_allocation a
                      WHERE a.contract_id = c.id GROUP BY a.receipt_id) s, LATERAL (
                    SELECT * FROM receipt WHERE id = s.receipt_id AND NOT EXISTS (
                        SELECT FROM receipt_reversal v WHERE v.receipt_id = s.receipt_id) OFFSET 0) r
              ORDER BY r.id) AS receipts,
       coalesce((SELECT sum(CASE WHEN v.uncovered > 0 THEN reversal_left(s.receipt_id) END) FROM (
                        SELECT DISTINCT a.receipt_id FROM receipt_allocation a
                         WHERE a.contract_id = c.id) s, LATERAL (
                        SELECT uncovered FROM receipt_reversal WHERE receipt_id = s.receipt_id OFFSET 0) v
                 ), 0) AS uncovered,
       answered.fingerprint, answered.answer
  FROM (VALUES (%(contract_no)s::text, %(unit_code)s::text, %(key)s::text))
       AS asked (contract_no, unit_code, key)
  LEFT JOIN answered_request answered ON answered.key = asked.key
  LEFT JOIN contract c ON c.contract_no = asked.contract_no
  LEFT JOIN unit cu ON cu.id = c.unit_id
  LEFT JOIN building cb ON cb.id = cu.building_id
  LEFT JOIN unit au ON au.unit_code = asked.unit_code
  LEFT JOIN building ab ON ab.id = au.building_id
  LEFT JOIN project p ON p.id = coalesce(c.project_id, ab.project_id)
  LEFT JOIN supervised_account a ON a.project_id = p.id AND a.status <> 'closed'
  LEFT JOIN LATERAL (SELECT * FROM unit_advance WHERE unit_id = coalesce(cu.id, au.id) OFFSET 0) m ON true
"""
# Asked only of a check that fails for it: what has to be done before anything can be paid.
_FUND = "SELECT account_no FROM fund_account WHERE region = %s AND status = 'active' ORDER BY id LIMIT 1"


@dataclass(frozen=True, slots=True)
class Question:
    """What a filing system says of the contract it wants filed (所问合同)."""

    contract_no: str
    unit_code: str
    price: Yuan


@dataclass(frozen=True, slots=True)
class Known:
    """The facts to judge, and what to write down about them (所知)."""

    facts: Facts
    region: str
    contract_id: int | None
    version: int | None
    earlier: tuple[bytes, str] | None


def known(session: Transaction, asked: Question, day: date, *, key: str = "") -> Known:
    """Everything about a contract that its check is judged by, and the earlier answer to `key` if any."""
    values = {"contract_no": asked.contract_no, "unit_code": asked.unit_code, "key": key}
    [row] = ask(session, _KNOWN, values, named=True)
    contract = _drafted(row) if row.contract_id is not None else None
    facts = Facts(
        day=day,
        unit_code=asked.unit_code,
        price=asked.price,
        contract=contract,
        unit_in_register=row.unit_in_register,
        unit_filed=row.unit_filed or (contract is not None and contract.status in FILED),
        project_known=row.region is not None,
        permit_issued_on=row.permit_issued_on,
        account_status=AccountStatus(row.account_status) if row.account_status else None,
        missing_statement=_missing(session, row, day),
        maintenance=_maintenance(session, row, asked, day) if row.structure else None,
    )
    earlier = (bytes(row.fingerprint), row.answer) if row.fingerprint is not None else None
    # A unit code begins with its county, so even a stranger's question has a law to be judged by.
    return Known(facts, row.region or asked.unit_code[:6], row.contract_id, row.version, earlier)


def _maintenance(session: Transaction, row: Any, asked: Question, day: date) -> Maintenance:
    """What filing asks of the unit's fund; paid in full once, it stays in full (不溯及既往)."""
    region = row.region or asked.unit_code[:6]
    law = law_on(day, "maintenance_fund", region)
    home = Home(row.area, Structure(row.structure), UnitUse(row.use), asked.price)
    required, advanced = maintenance_required(home, law), Yuan.from_fen(row.advanced)
    if row.first_due is not None and required > ZERO:
        required = Yuan.from_fen(row.first_due)
    advice = _advice(session, region) if row.house_id is None and advanced < required else ""
    return Maintenance(required, advanced, law["due_at_filing"].citation, advice)


def _advice(session: Transaction, region: str) -> str:
    found = ask(session, _FUND, (region,))
    if not found:
        return "。本局在此区划尚未开立维修资金专户：请两名人员在“维修资金”页开立专户、建立分户账，再由建设单位缴入"
    return f"。此房屋尚未建立分户账：请在“维修资金”页建账，再由建设单位缴入专户 {found[0][0]}"


def _missing(session: Transaction, row: Any, day: date) -> date | None:
    """The day whose statement the check waits for, if any."""
    if row.region is None:
        return None
    law = law_on(day, "presale_funds", row.region)
    return missing_statement(row.opened_at, row.stated_through, law, now(), lambda: calendar(session))


def _drafted(row: Any) -> Drafted:
    return Drafted(
        unit_code=row.own_unit_code,
        price=Yuan.from_fen(row.price),
        status=ContractStatus(row.status),
        plan=tuple(
            Planned(
                Yuan.parse(payment["amount"]),
                date.fromisoformat(payment["due_on"]),
                Source(payment["source"]),
            )
            for payment in row.plan
        ),
        receipts=tuple(
            Counted(receipt_id, receipt_no, serial, Yuan.from_fen(amount), datetime.fromisoformat(booked_at))
            for receipt_id, receipt_no, serial, amount, booked_at in row.receipts
        ),
        uncovered=Yuan.from_fen(int(row.uncovered)),
    )
