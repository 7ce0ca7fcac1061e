"""What a superuser with triggers switched off may do to the books, as cleverly as he likes (篡改)."""

from dataclasses import dataclass

# Rewrites every balance, version and opening after a transfer was taken out or changed: a careful forger.
COVER_UP = """
CREATE TEMPORARY TABLE redone AS
SELECT t.entry_id, t.line, p.account_id, p.side,
       row_number() OVER w AS version,
       sum(b.sign * CASE p.side WHEN 'debit' THEN p.amount ELSE -p.amount END) OVER w AS balance
  FROM ledger.posting p JOIN ledger.transfer t USING (entry_id, line)
  JOIN ledger.balance b ON b.account_id = p.account_id
WINDOW w AS (PARTITION BY p.account_id ORDER BY p.version);
ALTER TABLE ledger.transfer DROP CONSTRAINT uq_transfer_debit_account_id_debit_version;
ALTER TABLE ledger.transfer DROP CONSTRAINT uq_transfer_credit_account_id_credit_version;
UPDATE ledger.transfer t SET debit_version = d.version, debit_balance = d.balance,
                             credit_version = c.version, credit_balance = c.balance
  FROM redone d, redone c
 WHERE (d.entry_id, d.line, d.side) = (t.entry_id, t.line, 'debit')
   AND (c.entry_id, c.line, c.side) = (t.entry_id, t.line, 'credit');
ALTER TABLE ledger.transfer ADD CONSTRAINT uq_transfer_debit_account_id_debit_version
    UNIQUE (debit_account_id, debit_version);
ALTER TABLE ledger.transfer ADD CONSTRAINT uq_transfer_credit_account_id_credit_version
    UNIQUE (credit_account_id, credit_version);
UPDATE ledger.balance b SET (balance, version) =
    (SELECT coalesce((array_agg(r.balance ORDER BY r.version DESC))[1], 0), count(*)
       FROM redone r WHERE r.account_id = b.account_id);
DELETE FROM ledger.balance_day;
INSERT INTO ledger.balance_day
SELECT account_id, day, coalesce(sum(delta) OVER (
           PARTITION BY account_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
  FROM (SELECT p.account_id, e.effective_on AS day,
               sum(b.sign * CASE p.side WHEN 'debit' THEN p.amount ELSE -p.amount END) AS delta
          FROM ledger.posting p JOIN ledger.journal_entry e ON e.id = p.entry_id
          JOIN ledger.balance b ON b.account_id = p.account_id GROUP BY p.account_id, e.effective_on) m;
UPDATE ledger.balance b SET last_on = coalesce(
    (SELECT max(day) FROM ledger.balance_day d WHERE d.account_id = b.account_id), '0001-01-01');
"""
_DROP = (
    "DELETE FROM ledger.transfer WHERE entry_id {which}; DELETE FROM ledger.journal_entry WHERE id {which}; "
)
_TAIL = "> (SELECT max(id) - 3 FROM ledger.journal_entry)"
_LAST_BLOCK = "DELETE FROM ledger.seal WHERE no = (SELECT max(no) FROM ledger.seal); "
_MIDDLE = "= (SELECT id FROM ledger.journal_entry ORDER BY id OFFSET 5 LIMIT 1)"


@dataclass(frozen=True, slots=True)
class Tampering:
    """One deed, and which check must name it."""

    name: str
    sql: str
    found_by: str


def put_in(xid: str) -> str:
    """A whole entry with its transfer, made to look as if it had been there."""
    return (
        "INSERT INTO ledger.journal_entry"
        " (book_id, movement, reference, effective_on, debits, credits, amounts, booked_at, xid)"
        f" SELECT book_id, movement, 'forged', effective_on, debits, credits, amounts, booked_at, {xid}"
        f" FROM ledger.journal_entry WHERE id {_MIDDLE};"
        " INSERT INTO ledger.transfer SELECT e.id, 1, e.debits[1], e.credits[1], e.amounts[1],"
        "   d.version + 1, d.balance + e.amounts[1], c.version + 1, c.balance + e.amounts[1]"
        "   FROM ledger.journal_entry e JOIN ledger.balance d ON d.account_id = e.debits[1]"
        "   JOIN ledger.balance c ON c.account_id = e.credits[1] WHERE e.reference = 'forged'; "
    )


def put_in_now(booked_at: str, on: str = "effective_on") -> str:
    """The same, booked by a transaction of today that lies about the time or the day."""
    honest = put_in("pg_current_xact_id()").replace("'forged', effective_on", f"'forged', {on}")
    return honest.replace("booked_at, pg_", f"{booked_at}, pg_")


DEEDS = [
    Tampering(
        "改一笔分录的金额",
        f"UPDATE ledger.transfer SET amount = amount + 1 WHERE entry_id {_MIDDLE}",
        "balanced",
    ),
    Tampering(
        "分录与凭证一并改，余额全部圆上",
        f"UPDATE ledger.transfer SET amount = amount + 1 WHERE entry_id {_MIDDLE};"
        f" UPDATE ledger.journal_entry SET amounts = ARRAY[amounts[1] + 1] WHERE id {_MIDDLE};" + COVER_UP,
        "seals-unbroken",
    ),
    Tampering(
        "改一个余额", "UPDATE ledger.balance SET balance = balance + 1 WHERE version > 0", "balances-follow"
    ),
    Tampering(
        "借贷两方余额同增",
        "UPDATE ledger.balance SET balance = balance + 1 WHERE version > 5",
        "balances-follow",
    ),
    Tampering(
        "改一个版次",
        "UPDATE ledger.balance SET version = version + 1 WHERE version > 0",
        "versions-without-gaps",
    ),
    Tampering("改一个起息日余额", "UPDATE ledger.balance_day SET opening = opening + 1", "days-follow"),
    Tampering("撤销一次日结", "DELETE FROM ledger.day_close", "days-follow"),
    Tampering(
        "改记账时间",
        f"UPDATE ledger.journal_entry SET booked_at = booked_at - interval '1 day' WHERE id {_MIDDLE}",
        "seals-unbroken",
    ),
    Tampering(
        "改摘要", f"UPDATE ledger.journal_entry SET memo = '别的事' WHERE id {_MIDDLE}", "seals-unbroken"
    ),
    Tampering(
        "改科目的辅助核算",
        "UPDATE ledger.account SET key = 'building:9' WHERE code = '2111'",
        "seals-unbroken",
    ),
    Tampering(
        "改科目的下限",
        "UPDATE ledger.account SET floor = NULL WHERE code = '2111';"
        " UPDATE ledger.balance b SET floor = NULL FROM ledger.account a"
        " WHERE a.id = b.account_id AND a.code = '2111'",
        "seals-unbroken",
    ),
    Tampering("删中间一张凭证", _DROP.format(which=_MIDDLE), "versions-without-gaps"),
    Tampering("只删分录", f"DELETE FROM ledger.transfer WHERE entry_id {_MIDDLE}", "balanced"),
    Tampering("只删凭证", f"DELETE FROM ledger.journal_entry WHERE id {_MIDDLE}", "no-orphan"),
    Tampering("删中间一张凭证，余额全部圆上", _DROP.format(which=_MIDDLE) + COVER_UP, "seals-unbroken"),
    Tampering(
        "在中间插一张凭证，余额全部圆上",
        put_in(f"(SELECT xid FROM ledger.journal_entry WHERE id {_MIDDLE})") + COVER_UP,
        "seals-unbroken",
    ),
    Tampering(
        "今天补一张、说是三天前记的，余额全部圆上",
        put_in_now("booked_at - interval '3 days'") + COVER_UP,
        "versions-without-gaps",
    ),
    Tampering(
        "补记到已日结的一天，余额全部圆上",
        put_in_now("clock_timestamp() + interval '2 minutes'", "'2026-01-04'::date") + COVER_UP,
        "days-follow",
    ),
    Tampering("插一张来自将来的凭证，余额全部圆上", put_in("'99999999'") + COVER_UP, "unsealed-too-long"),
    Tampering(
        "调换两张凭证的次序",
        "UPDATE ledger.journal_entry e SET memo = o.memo, amounts = o.amounts FROM ledger.journal_entry o"
        " WHERE (e.reference, o.reference) IN (('d:3', 'd:4'), ('d:4', 'd:3'));"
        " UPDATE ledger.transfer t SET amount = e.amounts[1]"
        " FROM ledger.journal_entry e WHERE e.id = t.entry_id;"
        + COVER_UP,
        "seals-unbroken",
    ),
    Tampering("截去已封存的尾巴，余额全部圆上", _DROP.format(which=_TAIL) + COVER_UP, "seals-unbroken"),
    Tampering(
        "连封存块一起截去，余额全部圆上",
        "DELETE FROM ledger.transfer t USING ledger.journal_entry e, ledger.seal s WHERE e.id = t.entry_id"
        " AND s.no = (SELECT max(no) - 1 FROM ledger.seal) AND (e.xid, e.id) > (s.through_xid, s.through_id);"
        " DELETE FROM ledger.journal_entry e WHERE NOT EXISTS"
        " (SELECT FROM ledger.transfer t WHERE t.entry_id = e.id);" + _LAST_BLOCK + COVER_UP,
        "head-kept",
    ),
    Tampering("抽掉中间一块", "DELETE FROM ledger.seal WHERE no = 2", "seals-unbroken"),
    Tampering("改一块的摘要", "UPDATE ledger.seal SET hash = sha256('x') WHERE no = 2", "seals-unbroken"),
    Tampering(
        "全部封存块删去重做",
        "DELETE FROM ledger.seal; UPDATE ledger.journal_entry SET memo = '改';"
        " ALTER TABLE ledger.seal ENABLE ALWAYS TRIGGER seal_block;"
        " INSERT INTO ledger.seal DEFAULT VALUES; INSERT INTO ledger.seal DEFAULT VALUES;"
        " INSERT INTO ledger.seal DEFAULT VALUES",
        "head-kept",
    ),
]
