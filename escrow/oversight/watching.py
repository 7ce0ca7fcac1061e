"""Receipts are looked at once, apart from their booking: who paid becomes a keyed hash (查看入账)."""

from collections.abc import Iterable
from typing import Any

import structlog
from sqlalchemy import Row, func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from config.database import Database
from config.settings import Settings
from escrow.access.sealing import SealBroken, blind_index, unseal
from escrow.oversight.finding_models import WatchedReceipt

# Receipts commit out of order; each look goes back so far, and the night looks at all that were left.
LOOK_BACK = 5000
BATCH = 200
log = structlog.get_logger()

_WAITING = text("""
SELECT r.id, r.payer_name_sealed, r.payer_account_sealed,
       ARRAY(SELECT DISTINCT s.contract_id FROM receipt_allocation s WHERE s.receipt_id = r.id) AS contracts
  FROM receipt r LEFT JOIN watched_receipt w ON w.receipt_id = r.id
 WHERE r.id > :after
   AND (w.receipt_id IS NULL
        OR w.pays_for_buyer IS NULL AND EXISTS (SELECT FROM receipt_allocation a WHERE a.receipt_id = r.id))
 ORDER BY r.id LIMIT :batch
""")
_BUYERS = text("""
SELECT p.contract_id, c.contract_no, p.version, p.position, p.name_sealed
  FROM party p JOIN contract c ON c.id = p.contract_id
 WHERE p.contract_id = ANY (:contracts) AND p.version = c.version
""")


def name_index(name: str, told: Settings) -> bytes:
    """Names meet however they are spaced (名称摘要)."""
    return blind_index(closed_up(name), told)


def account_index(number: str, told: Settings) -> bytes:
    """Account numbers meet with and without the spaces and hyphens of a bank card (账号摘要)."""
    return blind_index(closed_up(number).replace("-", ""), told)


def closed_up(said: str) -> str:
    """Without any space (去空白)."""
    return "".join(said.split())


def watch(house: Database, told: Settings, *, everything: bool = False) -> list[int]:
    """Look at the receipts nobody has looked at, batch by batch; which they were (查看入账)."""
    with house.read() as session:
        newest = session.scalar(select(func.max(WatchedReceipt.receipt_id))) or 0
    after, seen = 0 if everything else max(newest - LOOK_BACK, 0), list[int]()
    while True:
        with house.begin() as session:
            rows = session.execute(_WAITING, {"after": after, "batch": BATCH}).all()
            seen += _write(session, rows, told)
        if len(rows) < BATCH:
            return seen
        after = rows[-1].id


def _write(session: Session, rows: Iterable[Row[Any]], told: Settings) -> list[int]:
    opened = [(row, *found) for row in rows if (found := _opened(row, told))]
    if not opened:
        return []
    buyers = _buyers(session, {one for row, *_ in opened for one in row.contracts}, told)
    hashes = [
        {
            "receipt_id": row.id, "name_index": name, "account_index": account,
            "pays_for_buyer": _is_known(name, [buyers.get(one) for one in row.contracts]),
        }
        for row, name, account in opened
    ]  # fmt: skip
    statement = insert(WatchedReceipt).values(hashes)
    # Another look may have been quicker, or the money may have found its contract since.
    statement = statement.on_conflict_do_update(
        index_elements=["receipt_id"], set_={"pays_for_buyer": statement.excluded.pays_for_buyer},
        where=WatchedReceipt.pays_for_buyer.is_(None) & statement.excluded.pays_for_buyer.is_not(None),
    )  # fmt: skip
    return list(session.scalars(statement.returning(WatchedReceipt.receipt_id)))


def _is_known(name: bytes, buyers: list[set[bytes] | None]) -> bool | None:
    """A receipt split between contracts is paid by a buyer of each; None where one cannot be judged."""
    if not buyers or not all(buyers):
        return None
    return all(name in known for known in buyers if known)


def _opened(row: Row[Any], told: Settings) -> tuple[bytes, bytes] | None:
    """The two hashes; one value that cannot be opened does not stop the others.

    A statement may leave out who paid: such payers are all different.
    """
    try:
        name, account = unseal(row.payer_name_sealed, told), unseal(row.payer_account_sealed, told)
    except SealBroken:
        log.error("payer_unreadable", receipt=row.id)
        return None
    nobody = f"receipt:{row.id}"
    return name_index(name.strip() or nobody, told), account_index(account.strip() or nobody, told)


def _buyers(session: Session, contracts: set[int], told: Settings) -> dict[int, set[bytes]]:
    """The buyers of each contract; none where one of them cannot be read: nobody is accused of that."""
    found: dict[int, set[bytes]] = {}
    unreadable = set()
    for row in session.execute(_BUYERS, {"contracts": sorted(contracts)}):
        context = f"party:{row.contract_no}:{row.version}:{row.position}:name"
        try:
            name = unseal(row.name_sealed, told, context=context)
        except SealBroken:
            log.error("buyer_unreadable", contract=row.contract_id)
            unreadable.add(row.contract_id)
            continue
        found.setdefault(row.contract_id, set()).add(name_index(name, told))
    return {contract: names for contract, names in found.items() if contract not in unreadable}
