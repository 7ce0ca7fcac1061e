"""What stands behind each heading that is not settled yet: the items by number (未了事项)."""

from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.orm import Session

from escrow import chart
from escrow.release.scope import Scope
from ledger.money import Yuan

_MOST = 6
# One statement over the rooms whose items they are; what was left on an account before this one counts too.
_ITEMS = text("""
WITH ours AS (SELECT id FROM supervised_account WHERE project_id = :project_id)
SELECT :hold AS code, h.hold_no AS number, NULL::integer AS building_id, h.court, h.is_whole, h.amount
  FROM court_hold h JOIN ours ON ours.id = h.account_id WHERE h.status = 'in-force'
UNION ALL
SELECT :guarantee, g.guarantee_no, g.building_id, NULL, NULL, NULL
  FROM guarantee g JOIN ours ON ours.id = g.account_id WHERE g.status = 'in-force'
UNION ALL
SELECT CASE i.kind WHEN 'refund' THEN :refunding ELSE :paying END, i.instruction_no,
       coalesce(i.building_id, nullif(substring(i.source_key FROM '^building:([0-9]+)'), '')::integer),
       NULL, NULL, NULL
  FROM instruction i JOIN ours ON ours.id = i.account_id WHERE i.status IN ('issued', 'unknown')
UNION ALL
SELECT :withdrawal, w.withdrawal_no, w.building_id, NULL, NULL, NULL
  FROM withdrawal w JOIN ours ON ours.id = w.account_id WHERE w.status IN ('approved', 'uncovered')
UNION ALL
SELECT CASE r.status WHEN 'approved' THEN :refund ELSE :due END, r.refund_no, r.building_id, NULL, NULL, NULL
  FROM refund r JOIN ours ON ours.id = r.account_id WHERE r.status IN ('approved', 'due')
UNION ALL
SELECT :unmatched, r.receipt_no, NULL, NULL, NULL, NULL
  FROM unmatched_receipt u JOIN receipt r ON r.id = u.receipt_id JOIN ours ON ours.id = u.account_id
 WHERE u.remainder > 0
ORDER BY code, number
""")
_CODES = {
    "hold": chart.JUDICIAL_HOLD, "guarantee": chart.GUARANTEE, "refunding": chart.REFUND_IN_TRANSIT,
    "paying": chart.PAYMENT_IN_TRANSIT, "withdrawal": chart.WITHDRAWAL_HOLD, "refund": chart.REFUND_HOLD,
    "due": chart.REFUND_PAYABLE, "unmatched": chart.UNMATCHED,
}  # fmt: skip


def open_items(session: Session, project_id: int, scope: Scope) -> dict[str, str]:
    """The numbers behind each heading, as a page names them; a few of many (各科目未了事项的编号)."""
    found: dict[str, list[str]] = {}
    for row in session.execute(_ITEMS, {"project_id": project_id, **_CODES}):
        if scope.has(row.building_id):
            found.setdefault(row.code, []).append(_named(row))
    return {code: _joined(names) for code, names in found.items()}


def _named(row: Row[Any]) -> str:
    if row.court is None:
        return str(row.number)
    return f"{row.number}（{row.court}，{'全额' if row.is_whole else f'{Yuan.from_fen(row.amount)} 元'}）"


def _joined(names: list[str]) -> str:
    more = f"等 {len(names)} 件" if len(names) > _MOST else ""
    return "、".join(names[:_MOST]) + more
