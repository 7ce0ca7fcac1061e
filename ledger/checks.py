"""Named checks over the whole book, read-only and in one snapshot: does every figure still follow? (账簿核验)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, LiteralString

from psycopg import Connection, IsolationLevel

SAMPLE = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """The outcome of one check (核验结果)."""

    check: str
    ok: bool
    detail: str


# Each query brings the rows that should not be there; no row means the check holds.
BALANCED: LiteralString = """
SELECT format('凭证 %s 的分录与凭证所列不符', e.id)
  FROM ledger.journal_entry e
  LEFT JOIN LATERAL (
       SELECT array_agg(t.debit_account_id ORDER BY t.line) AS debits,
              array_agg(t.credit_account_id ORDER BY t.line) AS credits,
              array_agg(t.amount ORDER BY t.line) AS amounts
         FROM ledger.transfer t WHERE t.entry_id = e.id) t ON true
 WHERE (t.debits, t.credits, t.amounts) IS DISTINCT FROM (e.debits, e.credits, e.amounts)
UNION ALL
SELECT format('账套 %s 借贷不平，相差 %s 分', b.book_id, sum(b.balance * b.sign))
  FROM ledger.balance b GROUP BY b.book_id HAVING sum(b.balance * b.sign) <> 0
"""
FOLLOW: LiteralString = """
SELECT format('科目 %s 余额 %s 版本 %s，分录应为 %s、%s', b.account_id, b.balance, b.version,
              coalesce(p.balance, 0), coalesce(p.versions, 0))
  FROM ledger.balance b
  LEFT JOIN (SELECT p.account_id, count(*) AS versions,
                    sum(CASE WHEN p.side = a.side THEN p.amount ELSE -p.amount END) AS balance
               FROM ledger.posting p JOIN ledger.account a ON a.id = p.account_id
              GROUP BY p.account_id) p ON p.account_id = b.account_id
 WHERE (b.balance, b.version) IS DISTINCT FROM (coalesce(p.balance, 0), coalesce(p.versions, 0))
    OR b.balance < b.floor
"""
GAPLESS: LiteralString = """
SELECT format('科目 %s 第 %s 笔之后余额 %s，与前一笔不衔接', account_id, version, balance)
  FROM (SELECT p.account_id, p.version, p.balance,
               CASE WHEN p.side = a.side THEN p.amount ELSE -p.amount END AS moved,
               lag(p.version, 1, 0::bigint) OVER w AS version_before,
               lag(p.balance, 1, 0::bigint) OVER w AS balance_before
          FROM ledger.posting p JOIN ledger.account a ON a.id = p.account_id
        WINDOW w AS (PARTITION BY p.account_id ORDER BY p.version)) s
 WHERE version <> version_before + 1 OR balance <> balance_before + moved
"""
DAYS: LiteralString = """
WITH moved AS (
    SELECT p.account_id, e.effective_on AS day,
           sum(CASE WHEN p.side = a.side THEN p.amount ELSE -p.amount END) AS amount
      FROM ledger.posting p
      JOIN ledger.journal_entry e ON e.id = p.entry_id JOIN ledger.account a ON a.id = p.account_id
     GROUP BY p.account_id, e.effective_on
), standing AS (
    SELECT account_id, day, sum(amount) OVER (PARTITION BY account_id ORDER BY day) - amount AS opening
      FROM moved
)
SELECT format('科目 %s 起息日 %s 的期初余额与分录不符', coalesce(s.account_id, d.account_id), coalesce(s.day, d.day))
  FROM standing s FULL JOIN ledger.balance_day d ON (d.account_id, d.day) = (s.account_id, s.day)
 WHERE s.opening IS DISTINCT FROM d.opening
"""
ORPHANS: LiteralString = """
SELECT format('分录 %s-%s 没有凭证', t.entry_id, t.line) FROM ledger.transfer t
  LEFT JOIN ledger.journal_entry e ON e.id = t.entry_id WHERE e.id IS NULL
UNION ALL
SELECT format('分录 %s-%s 的科目不在其账套', t.entry_id, t.line) FROM ledger.transfer t
  JOIN ledger.journal_entry e ON e.id = t.entry_id
  LEFT JOIN ledger.account d ON d.id = t.debit_account_id AND d.book_id = e.book_id
  LEFT JOIN ledger.account c ON c.id = t.credit_account_id AND c.book_id = e.book_id
 WHERE d.id IS NULL OR c.id IS NULL
UNION ALL
SELECT format('科目 %s 没有余额行', a.id) FROM ledger.account a
  LEFT JOIN ledger.balance b ON b.account_id = a.id
 WHERE b.account_id IS NULL OR b.book_id <> a.book_id OR b.floor IS DISTINCT FROM a.floor
    OR b.sign <> CASE a.side WHEN 'debit' THEN 1 ELSE -1 END
UNION ALL
SELECT format('凭证 %s 所冲正的凭证不存在或并非其镜像', r.id) FROM ledger.journal_entry r
  LEFT JOIN ledger.journal_entry o ON o.id = r.reverses_id
 WHERE r.reverses_id IS NOT NULL
   AND (o.id IS NULL OR (r.book_id, r.debits, r.credits, r.amounts)
                        IS DISTINCT FROM (o.book_id, o.credits, o.debits, o.amounts))
UNION ALL
SELECT format('凭证 %s 所了结的占用不存在', s.id) FROM ledger.journal_entry s
  LEFT JOIN ledger.journal_entry h ON h.id = s.settles_id
 WHERE s.settles_id IS NOT NULL AND h.id IS NULL
"""
UNSEALED: LiteralString = """
SELECT format('凭证 %s 自 %s 起未封存', e.id, e.booked_at)
  FROM ledger.journal_entry e
 WHERE (e.xid, e.id) > (SELECT through_xid, through_id FROM ledger.seal ORDER BY no DESC LIMIT 1)
   AND e.booked_at < clock_timestamp() - interval '10 minutes'
UNION ALL
SELECT format('凭证 %s 自 %s 起未封存', e.id, e.booked_at)
  FROM ledger.journal_entry e
 WHERE NOT EXISTS (SELECT FROM ledger.seal) AND e.booked_at < clock_timestamp() - interval '10 minutes'
"""
QUERIES: tuple[tuple[str, LiteralString], ...] = (
    ("balanced 借贷相等", BALANCED),
    ("balances-follow 余额随分录", FOLLOW),
    ("versions-without-gaps 笔序无缺", GAPLESS),
    ("days-follow 起息日余额随分录", DAYS),
    ("no-orphan 无孤立记录", ORPHANS),
    ("unsealed-too-long 按时封存", UNSEALED),
)

_SEALS: LiteralString = (
    "SELECT no, through_xid::text, through_id, entries, previous, hash FROM ledger.seal ORDER BY no"
)
_BLOCK: LiteralString = """
SELECT count(*), sha256(%s::bytea || convert_to(coalesce(string_agg(w.words, E'\\n' ORDER BY w.xid, w.id), ''), 'UTF8'))
  FROM (SELECT e.xid, e.id, ledger.wording(e) AS words FROM ledger.journal_entry e
         WHERE (e.xid, e.id) > (%s::xid8, %s) AND (e.xid, e.id) <= (%s::xid8, %s)) w
"""


def run(connection: Connection[Any], head: Path | None = None) -> list[Finding]:
    """Every check, in one read-only snapshot; a failure never mends anything (核验).

    `head` is where the last seal seen is kept outside the database: a cut tail shows against it.
    """
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    connection.execute("SET LOCAL statement_timeout = 0")
    findings = [_holds(connection, name, query) for name, query in QUERIES]
    seals = list(_broken_seals(connection, _kept(head)))
    findings.append(_finding("seals-unbroken 封存链完整", seals))
    if head is not None and not seals:
        _keep(connection, head)
    connection.rollback()
    return findings


def _holds(connection: Connection[Any], name: str, query: LiteralString) -> Finding:
    """Rows are counted on the server's side of a cursor, so memory stays flat."""
    with connection.cursor(name="verify") as cursor:
        cursor.execute(query)
        first = [said for (said,) in cursor.fetchmany(SAMPLE)]
        more = sum(1 for _ in cursor) if len(first) == SAMPLE else 0
    return _finding(name, first, more)


def _finding(name: str, faults: list[str], more: int = 0) -> Finding:
    if not faults:
        return Finding(name, True, "无不符")
    said = "；".join(faults[:SAMPLE])
    return Finding(name, False, f"{len(faults) + more} 处不符：{said}")


def _broken_seals(connection: Connection[Any], kept: tuple[int, str] | None) -> Iterator[str]:
    before: tuple[int, str, int, bytes] | None = None
    hashes: dict[int, str] = {}
    for no, xid, last, entries, previous, hash_ in connection.execute(_SEALS).fetchall():
        number, through_xid, through_id, chained = before or (0, "0", 0, _genesis(connection))
        if no != number + 1 or bytes(previous) != chained:
            yield f"第 {no} 块与前一块不衔接"
        found = connection.execute(_BLOCK, (previous, through_xid, through_id, xid, last)).fetchone()
        if found is None or (found[0], bytes(found[1])) != (entries, bytes(hash_)):
            yield f"第 {no} 块的凭证已被改动"
        before = (no, xid, last, bytes(hash_))
        hashes[no] = bytes(hash_).hex()
    if kept is not None and hashes.get(kept[0]) != kept[1]:
        yield f"库外留存的第 {kept[0]} 块封存头在库中找不到：末尾被截去或整链被重写"


def _genesis(connection: Connection[Any]) -> bytes:
    row = connection.execute("SELECT sha256('')").fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM always brings a row
    return bytes(row[0])


def _kept(head: Path | None) -> tuple[int, str] | None:
    if head is None or not head.exists():
        return None
    told = json.loads(head.read_text())
    return int(told["no"]), str(told["hash"])


def _keep(connection: Connection[Any], head: Path) -> None:
    row = connection.execute("SELECT no, hash FROM ledger.seal ORDER BY no DESC LIMIT 1").fetchone()
    if row is not None:
        fresh = head.with_suffix(".new")
        fresh.write_text(json.dumps({"no": row[0], "hash": bytes(row[1]).hex()}))
        fresh.replace(head)
