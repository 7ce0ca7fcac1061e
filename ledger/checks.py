"""Whether the books hold together: named checks over all of them, in one snapshot (账簿核验).

A check is a query for what does not fit, one text a row.
It trusts none of the database's own functions: hashes are
computed anew from the rows, balances from the transfers. PostgreSQL does the work and sends back only what is
wrong, so memory stays flat however long the books are.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from ledger.seals import head as newest_head
from ledger.seals import keep, kept

Connection = psycopg.Connection[Any]

# An entry's words, as the seals hold them: only PostgreSQL's own functions, unlike ledger.wording() (凭证文本).
WORDS = """
json_build_array(
    e.id, k.code, e.movement, e.reference, e.event_group, to_char(e.effective_on, 'YYYY-MM-DD'), e.memo,
    e.debits, e.credits, e.amounts, e.reverses_id, e.settles_id,
    (extract(epoch FROM e.booked_at) * 1000000)::bigint, e.xid::text,
    (SELECT json_agg(json_build_array(
                t.line, d.code, d.key, d.side, d.floor, c.code, c.key, c.side, c.floor, t.amount,
                t.debit_account_id, t.debit_version, t.debit_balance,
                t.credit_account_id, t.credit_version, t.credit_balance) ORDER BY t.line)
       FROM ledger.transfer t
       JOIN ledger.account d ON d.id = t.debit_account_id AND d.book_id = e.book_id
       JOIN ledger.account c ON c.id = t.credit_account_id AND c.book_id = e.book_id
      WHERE t.entry_id = e.id))::text
"""

BALANCED = """
SELECT format('凭证 %s 的分录与凭证所载不符', coalesce(e.id, t.entry_id)) AS what
  FROM ledger.journal_entry e
  FULL JOIN (SELECT entry_id, array_agg(debit_account_id ORDER BY line) AS debits,
                    array_agg(credit_account_id ORDER BY line) AS credits,
                    array_agg(amount ORDER BY line) AS amounts,
                    max(line) AS last, min(amount) AS least
               FROM ledger.transfer GROUP BY entry_id) AS t ON t.entry_id = e.id
 WHERE (e.debits, e.credits, e.amounts, cardinality(e.amounts)) IS DISTINCT FROM
       (t.debits, t.credits, t.amounts, t.last) OR t.least < 1
UNION ALL
SELECT format('账套 %s 借贷不平，差 %s 分', book_id, sum(sign * balance)) FROM ledger.balance
 GROUP BY book_id HAVING sum(sign * balance) <> 0
UNION ALL
SELECT format('凭证 %s 不是凭证 %s 的逐行相反', e.id, e.reverses_id)
  FROM ledger.journal_entry e JOIN ledger.journal_entry o ON o.id = e.reverses_id
 WHERE o.reverses_id IS NOT NULL OR e.book_id <> o.book_id
    OR (e.debits, e.credits, e.amounts) IS DISTINCT FROM
       (SELECT (array_agg(l.credit ORDER BY l.line DESC), array_agg(l.debit ORDER BY l.line DESC),
                array_agg(l.amount ORDER BY l.line DESC))
          FROM unnest(o.debits, o.credits, o.amounts) WITH ORDINALITY AS l (debit, credit, amount, line))
"""

# Each posting beside the one before it on the same account, as its balance row says the account is.
CHAINED = """
SELECT p.account_id, p.version, p.balance,
b.sign * CASE p.side WHEN 'debit' THEN p.amount ELSE -p.amount END AS delta,
       lag(p.version, 1, 0::bigint) OVER account AS version_before,
       lag(p.balance, 1, 0::bigint) OVER account AS balance_before,
       lead(p.version) OVER account IS NULL AS is_last,
       b.version AS version_now, b.balance AS balance_now, b.floor
  FROM ledger.posting p JOIN ledger.balance b ON b.account_id = p.account_id
WINDOW account AS (PARTITION BY p.account_id ORDER BY p.version)
"""

BALANCES_FOLLOW = f"""
SELECT CASE WHEN balance <> balance_before + delta
            THEN format('科目 %s 第 %s 版余额 %s 分，推算 %s 分', account_id, version, balance, balance_before + delta)
            WHEN balance < floor
            THEN format('科目 %s 第 %s 版余额 %s 分，低于下限', account_id, version, balance)
            ELSE format('科目 %s 余额 %s 分，末笔分录后 %s 分', account_id, balance_now, balance) END AS what
  FROM ({CHAINED}) AS chained
 WHERE balance <> balance_before + delta OR balance < floor OR is_last AND balance <> balance_now
UNION ALL
SELECT format('科目 %s 余额 %s 分，却无分录', b.account_id, b.balance) FROM ledger.balance b
 WHERE b.balance <> 0 AND NOT EXISTS (SELECT FROM ledger.posting p WHERE p.account_id = b.account_id)
"""  # noqa: S608

VERSIONS = f"""
SELECT CASE WHEN version <> version_before + 1
            THEN format('科目 %s 第 %s 版之后是第 %s 版', account_id, version_before, version)
            ELSE format('科目 %s 记有 %s 版，分录止于第 %s 版', account_id, version_now, version) END AS what
  FROM ({CHAINED}) AS chained WHERE version <> version_before + 1 OR is_last AND version <> version_now
UNION ALL
SELECT format('科目 %s 记有 %s 版，却无分录', b.account_id, b.version) FROM ledger.balance b
 WHERE b.version <> 0 AND NOT EXISTS (SELECT FROM ledger.posting p WHERE p.account_id = b.account_id)
UNION ALL
-- Booked under the account's lock, so later versions have later times; a minute is left for a clock set back.
SELECT format('科目 %s 第 %s 版的记账时间早于前一版', account_id, version)
  FROM (SELECT p.account_id, p.version, e.booked_at,
               lag(e.booked_at) OVER (PARTITION BY p.account_id ORDER BY p.version) AS before
          FROM ledger.posting p JOIN ledger.journal_entry e ON e.id = p.entry_id) AS timed
 WHERE booked_at < before - interval '1 minute'
"""  # noqa: S608

DAYS_FOLLOW = """
SELECT format('科目 %s 于 %s 日初余额 %s 分，推算 %s 分', coalesce(m.account_id, d.account_id),
              coalesce(m.day, d.day), d.opening, m.opening) AS what
  FROM (SELECT account_id, day, coalesce(sum(delta) OVER (
                   PARTITION BY account_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING),
                   0) AS opening
          FROM (SELECT p.account_id, e.effective_on AS day,
                       sum(b.sign * CASE p.side WHEN 'debit' THEN p.amount ELSE -p.amount END) AS delta
                  FROM ledger.posting p JOIN ledger.journal_entry e ON e.id = p.entry_id
                  JOIN ledger.balance b ON b.account_id = p.account_id
                 GROUP BY p.account_id, e.effective_on) AS moved) AS m
  FULL JOIN ledger.balance_day d ON d.account_id = m.account_id AND d.day = m.day
 WHERE m.opening IS DISTINCT FROM d.opening
UNION ALL
SELECT format('科目 %s 的末日 %s 或已结日 %s 与账不符', b.account_id, b.last_on, b.closed_through)
  FROM ledger.balance b
 WHERE b.last_on <> coalesce((SELECT max(d.day) FROM ledger.balance_day d WHERE d.account_id = b.account_id),
                             '0001-01-01')
    OR b.closed_through <> coalesce((SELECT max(c.day) FROM ledger.day_close c WHERE c.book_id = b.book_id),
                                    '0001-01-01')
UNION ALL
-- A close waits for postings under way, so what it let through was booked within that moment.
SELECT format('凭证 %s 于 %s 记入 %s，该日已日结', e.id, e.booked_at, e.effective_on)
  FROM ledger.journal_entry e
 CROSS JOIN LATERAL (SELECT c.closed_at FROM ledger.day_close c
                      WHERE c.book_id = e.book_id AND c.day >= e.effective_on ORDER BY c.day LIMIT 1) closed
 WHERE e.booked_at > closed.closed_at + interval '1 minute'
"""

# Every entry belongs to the first block that reaches it, so one put in later or taken out changes a block.
SEALS_UNBROKEN = f"""
SELECT format('第 %s 块与其前后块或块内凭证不符', s.no) AS what
  FROM (SELECT *, lag(no, 1, 0::bigint) OVER chain AS no_before, lag(hash, 1,
  sha256('')) OVER chain AS hash_before,
               lag(sealed_at) OVER chain AS sealed_before, lag(entries) OVER chain AS entries_before,
               lag(through_xid, 1, '0'::xid8) OVER chain AS after_xid, lag(through_id, 1,
               0::bigint) OVER chain AS after_id
          FROM ledger.seal WINDOW chain AS (ORDER BY no)) AS s
 CROSS JOIN LATERAL (
       SELECT count(*) AS entries, (array_agg(w.id ORDER BY w.xid DESC, w.id DESC))[1] AS last_id,
              min(w.booked_at) AS earliest,
              sha256(s.hash_before || convert_to(string_agg(w.words, E'\\n' ORDER BY w.xid, w.id),
              'UTF8')) AS hash
         FROM (SELECT e.xid, e.id, e.booked_at, {WORDS} AS words
                 FROM ledger.journal_entry e LEFT JOIN ledger.book k ON k.id = e.book_id
                WHERE (e.xid, e.id) > (s.after_xid, s.after_id) AND (e.xid, e.id) <= (s.through_xid,
                s.through_id)
               ) AS w) AS anew
 WHERE (s.no, s.previous, s.entries, s.through_id, s.hash) IS DISTINCT FROM
       (s.no_before + 1, s.hash_before, anew.entries, anew.last_id, anew.hash)
    -- A block that is not full took all there was: what comes after it was booked after it.
    OR s.entries_before < 1000 AND anew.earliest < s.sealed_before - interval '1 hour'
"""  # noqa: S608

UNSEALED = """
SELECT format('凭证 %s 于 %s 记账，至今未封存', e.id, e.booked_at) AS what
  FROM ledger.journal_entry e
 WHERE (e.xid, e.id) > (coalesce((SELECT through_xid FROM ledger.seal ORDER BY no DESC LIMIT 1), '0'::xid8),
                        coalesce((SELECT through_id FROM ledger.seal ORDER BY no DESC LIMIT 1), 0))
   AND (e.booked_at < clock_timestamp() - interval '1 hour' OR e.xid >=
   pg_snapshot_xmax(pg_current_snapshot()))
"""

# What foreign keys do not say, or said only as long as triggers were on.
NO_ORPHAN = """
SELECT format('科目 %s 与其余额行不符', coalesce(a.id, b.account_id)) AS what
  FROM ledger.account a FULL JOIN ledger.balance b ON b.account_id = a.id
 WHERE (a.id, a.book_id, a.floor, CASE a.side WHEN 'debit' THEN 1 ELSE -1 END) IS DISTINCT FROM
       (b.account_id, b.book_id, b.floor, b.sign)
UNION ALL
SELECT format('凭证 %s 的账套不存在', e.id) FROM ledger.journal_entry e
 WHERE NOT EXISTS (SELECT FROM ledger.book k WHERE k.id = e.book_id)
UNION ALL
SELECT format('凭证 %s 第 %s 行没有凭证，或科目不在凭证的账套', t.entry_id, t.line)
  FROM ledger.transfer t
  LEFT JOIN ledger.journal_entry e ON e.id = t.entry_id
  LEFT JOIN ledger.account d ON d.id = t.debit_account_id AND d.book_id = e.book_id
  LEFT JOIN ledger.account c ON c.id = t.credit_account_id AND c.book_id = e.book_id
 WHERE d.id IS NULL OR c.id IS NULL
"""

CHECKS = {
    "balanced": BALANCED,
    "balances-follow": BALANCES_FOLLOW,
    "versions-without-gaps": VERSIONS,
    "days-follow": DAYS_FOLLOW,
    "seals-unbroken": SEALS_UNBROKEN,
    "unsealed-too-long": UNSEALED,
    "no-orphan": NO_ORPHAN,
}
HELD = {
    "balanced": "每张凭证的分录齐全，每个账套借贷相等",
    "balances-follow": "每个余额都由分录逐笔推得，且从未低于下限",
    "versions-without-gaps": "每个科目的分录版次连续，记账时间依次",
    "days-follow": "每个起息日的余额与分录相符，已结日没有后补的凭证",
    "seals-unbroken": "封存块首尾相接，块内凭证未增、未减、未改",
    "unsealed-too-long": "没有逾时未封存的凭证",
    "no-orphan": "没有失去凭证、科目或账套的记录，各处引用的凭证都在",
    "head-kept": "留存在库外的封存头仍在链上",
}

# For as long as it takes; and names resolve to PostgreSQL's own first, whatever else was made.
TERMS = (
    "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL search_path = pg_catalog",
    "SET LOCAL work_mem = '64MB'",
    "SET LOCAL jit = off",
)
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found (核验结果)."""

    check: str
    ok: bool
    detail: str


def run(connection: Connection, head: Path | None = None) -> list[Finding]:
    """Run every check in one read-only snapshot; `head` is the file that keeps the newest block outside.

    That file is compared with the chain, and moves on only when everything held.
    """
    connection.rollback()
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    with connection.transaction():
        for term in TERMS:
            connection.execute(term)
        wrong = {name: _offences(connection, sql.SQL(statement)) for name, statement in CHECKS.items()}
        for reference in _references(connection):
            wrong["no-orphan"] += _offences(connection, reference)
        wrong["head-kept"] = _missing_head(connection, head)
        newest = newest_head(connection)
    if head is not None and not any(wrong.values()):
        keep(head, newest)
    return [_finding(name, offences) for name, offences in wrong.items()]


def _finding(name: str, offences: list[str]) -> Finding:
    more = f" 等 {len(offences)} 处" if len(offences) > SHOWN else ""
    return Finding(name, not offences, "；".join(offences[:SHOWN]) + more or HELD[name])


def _offences(connection: Connection, statement: sql.Composable) -> list[str]:
    """The first thousand; nobody reads more, and memory stays flat."""
    limited = sql.SQL("SELECT what FROM ({}) AS offence LIMIT 1000").format(statement)
    return [what for (what,) in connection.cursor(row_factory=tuple_row).execute(limited)]


def _references(connection: Connection) -> list[sql.Composable]:
    """Every foreign key to the ledger's tables, the rooms' too, asked again: rows that point at nothing."""
    keys = connection.cursor(row_factory=tuple_row).execute("""
        SELECT c.conname, n.nspname, t.relname, a.attname, r.relname, b.attname
          FROM pg_constraint c
          JOIN pg_class t ON t.oid = c.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace
          JOIN pg_class r ON r.oid = c.confrelid JOIN pg_namespace s ON s.oid = r.relnamespace
          JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.conkey[1]
          JOIN pg_attribute b ON b.attrelid = r.oid AND b.attnum = c.confkey[1]
         WHERE c.contype = 'f' AND s.nspname = 'ledger' AND cardinality(c.conkey) = 1
           AND has_table_privilege(t.oid, 'SELECT')
         ORDER BY n.nspname, c.conname""")
    return [
        sql.SQL(
            "SELECT format('%s：%s 不在账簿', {name}::text, child.{column}) AS what FROM {child} child"
            " WHERE child.{column} IS NOT NULL"
            " AND NOT EXISTS (SELECT FROM {parent} parent WHERE parent.{key} = child.{column})"
        ).format(
            name=sql.Literal(name),
            column=sql.Identifier(column),
            child=sql.Identifier(schema, table),
            parent=sql.Identifier("ledger", parent),
            key=sql.Identifier(key),
        )
        for name, schema, table, column, parent, key in keys
    ]


def _missing_head(connection: Connection, path: Path | None) -> list[str]:
    """A chain that no longer holds the block kept outside was cut or rewritten."""
    told = kept(path) if path else None
    if told is None:
        return []
    found = connection.cursor(row_factory=tuple_row).execute(
        "SELECT encode(hash, 'hex') FROM ledger.seal WHERE no = %s", (told.no,)
    ).fetchone()  # fmt: skip
    if found is None:
        return [f"留存的第 {told.no} 块已不在库中：链尾被截去"]
    return [] if found[0] == told.hash else [f"第 {told.no} 块与留存的不同：链被改写"]
