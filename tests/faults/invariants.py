"""R1 to R11 of the house, asked from outside in SQL of our own, as a role that can only read (不变式).

None of the product's code judges here, but `flask verify`, which is a program of its own for that.
"""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

import psycopg

from ledger import checks
from ledger.seals import HEAD_FILE, head, keep, seal
from tests.faults.arena import Office
from tests.faults.callers import Caller, Heard
from tests.stating import Day, as_csv


class Broken(AssertionError):
    """Invariants that do not hold, each by its name and first rows (不变式被破坏)."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found
        super().__init__("\n".join(f"{name}：{rows}" for name, rows in found.items()))


# Each a query for what must not be there.
QUERIES = {
    "R1 凭证各行借贷相等，至少两条分录": """
        SELECT e.id FROM ledger.journal_entry e
          LEFT JOIN ledger.posting p ON p.entry_id = e.id GROUP BY e.id, e.amounts
        HAVING count(p) < 2 OR count(p) <> 2 * cardinality(e.amounts)
            OR sum(CASE p.side WHEN 'debit' THEN p.amount ELSE -p.amount END) <> 0""",
    "R2 余额等于分录之和，等于末笔之后的余额，版次无缺": """
        SELECT b.account_id FROM ledger.balance b LEFT JOIN (
               SELECT p.account_id, count(*) AS n, max(version) AS last,
                      sum(CASE p.side WHEN 'debit' THEN p.amount ELSE -p.amount END) AS moved,
                      (array_agg(p.balance ORDER BY version DESC))[1] AS after
                 FROM ledger.posting p GROUP BY p.account_id) p ON p.account_id = b.account_id
         WHERE (b.balance, b.version, b.version)
               IS DISTINCT FROM (coalesce(p.moved, 0) * b.sign, coalesce(p.last, 0), coalesce(p.n, 0))
            OR coalesce(p.after, 0) <> b.balance""",
    "R3 任何一笔之后都不低于下限": """
        SELECT p.entry_id, a.code, p.balance FROM ledger.posting p
          JOIN ledger.account a ON a.id = p.account_id WHERE p.balance < a.floor""",
    "R3 拨付、解除、退款的指令不超过所核准": """
        SELECT w.withdrawal_no FROM withdrawal w JOIN withdrawal_line l ON l.withdrawal_id = w.id
          JOIN withdrawal_order o ON o.line_id = l.id JOIN instruction i ON i.id = o.instruction_id
         WHERE i.status NOT IN ('failed', 'returned', 'cancelled')
         GROUP BY w.id HAVING sum(i.amount) > w.amount
        UNION ALL
        SELECT r.release_no FROM release_application r JOIN instruction i ON i.account_id = r.account_id
         WHERE r.status = 'approved' AND i.kind = 'release'
           AND i.status NOT IN ('failed', 'returned', 'cancelled')
         GROUP BY r.id HAVING sum(i.amount) > r.amount
        UNION ALL
        SELECT r.refund_no FROM refund r JOIN refund_part p ON p.refund_id = r.id
          JOIN refund_order o ON o.part_id = p.id JOIN instruction i ON i.id = o.instruction_id
         WHERE i.status NOT IN ('failed', 'returned', 'cancelled')
         GROUP BY r.id HAVING sum(i.amount) > r.amount""",
    "R3 维修资金房屋、楼幢、小区、专户各级相等（I7）": "SELECT * FROM fund_disagreements()",
    "R4 每份存底都有答复": "SELECT key FROM answered_request WHERE answer IS NULL",
    "R4 一笔银行流水只入账一次，一件结果只动账一次": """
        SELECT bank_code, bank_serial, sum(n) FROM (
               SELECT bank_code, bank_serial, 1 AS n FROM receipt
               UNION ALL SELECT bank_code, bank_serial, 1 FROM receipt_reversal
               UNION ALL SELECT bank_code, bank_serial, 1 FROM instruction_result
                          WHERE outcome IN ('paid', 'returned')) s
         GROUP BY 1, 2 HAVING sum(n) > 1
        UNION ALL
        SELECT '', reference, count(*) FROM ledger.journal_entry GROUP BY book_id, reference
        HAVING count(*) > 1""",
    "R4 凭证与业务一一对应": """
        SELECT e.id, e.reference FROM ledger.journal_entry e
         WHERE e.movement IN ('P1', 'P26') AND EXISTS (
                   SELECT FROM ledger.account a WHERE a.id = ANY (e.debits) AND a.code = '1101')
           AND NOT EXISTS (SELECT FROM receipt r WHERE r.entry_id = e.id)
        UNION ALL
        SELECT i.id, i.instruction_no FROM instruction i
         WHERE NOT EXISTS (SELECT FROM ledger.journal_entry e WHERE e.id = i.entry_id)""",
    "R5 一笔入账归出的不超过其金额": """
        SELECT r.receipt_no FROM receipt r JOIN receipt_allocation s ON s.receipt_id = r.id
         GROUP BY r.id HAVING sum(s.amount) > r.amount""",
    "R5 各份通过书用到一笔入账的合计不超过其金额": """
        SELECT p.receipt_id FROM (
               SELECT s.receipt_id, s.contract_id, max(s.amount) AS amount FROM deposit_check_receipt s
                 JOIN deposit_check k ON k.id = s.check_id WHERE k.decision = 'pass' GROUP BY 1, 2) p
          JOIN receipt r ON r.id = p.receipt_id GROUP BY p.receipt_id, r.amount
        HAVING sum(p.amount) > r.amount""",
    "R6 一笔款只有一件在途或已付的指令": """
        SELECT 'withdrawal', line_id FROM withdrawal_order o JOIN instruction i ON i.id = o.instruction_id
         WHERE i.status NOT IN ('failed', 'returned', 'cancelled') GROUP BY line_id HAVING count(*) > 1
        UNION ALL
        SELECT 'refund', part_id FROM refund_order o JOIN instruction i ON i.id = o.instruction_id
         WHERE i.status NOT IN ('failed', 'returned', 'cancelled') GROUP BY part_id HAVING count(*) > 1
        UNION ALL
        SELECT 'return', claim_id FROM receipt_return_order o JOIN instruction i ON i.id = o.instruction_id
         WHERE i.status NOT IN ('failed', 'returned', 'cancelled') GROUP BY claim_id HAVING count(*) > 1
        UNION ALL
        SELECT 'change', account_id FROM account_change WHERE status IN ('ordered', 'done')
         GROUP BY account_id HAVING count(*) > 1""",
    "R6 维修资金一笔款只有一件在途或已付的指令": """
        SELECT source, count(*) FROM fund_order WHERE status NOT IN ('failed', 'returned', 'cancelled')
         GROUP BY source HAVING count(*) > 1""",
    "R6 经办与复核不是一人": " UNION ALL ".join(
        f"SELECT '{table}', id FROM {table} WHERE entered_by = decided_by"
        for table in (
            "withdrawal", "refund", "release_application", "account_change", "account_opening",
            "receipt_claim", "receiving_account", "apart_decision", "ended_deposit", "house_change",
            "use_payment",
        )
    ),
    "R7 每件业务都有且只有一件对外事件": """
        SELECT 'receipt', r.receipt_no FROM receipt r
         WHERE NOT EXISTS (SELECT FROM account_opening o JOIN ledger.journal_entry e ON e.movement = 'P26'
                            WHERE e.id = r.entry_id AND o.account_id = r.account_id)
           AND (SELECT count(*) FROM outbox_event v WHERE v.type = 'deposit.confirmed'
                   AND v.subject = r.receipt_no)
            <> 1 + (SELECT count(*) FROM receipt_claim c WHERE c.receipt_id = r.id AND c.status = 'confirmed')
        UNION ALL
        SELECT 'reversal', r.receipt_no FROM receipt_reversal v JOIN receipt r ON r.id = v.receipt_id
         WHERE (SELECT count(*) FROM outbox_event e WHERE e.type = 'deposit.reversed'
                   AND e.subject = r.receipt_no) <> 1
        UNION ALL
        SELECT 'instruction', i.instruction_no FROM instruction i
         WHERE (SELECT count(*) FROM outbox_event e WHERE e.type = 'instruction.issued'
                   AND e.subject = i.instruction_no) <> 1
        UNION ALL
        SELECT 'release', r.release_no FROM release_application r WHERE r.status = 'approved'
           AND (SELECT count(*) FROM outbox_event e WHERE e.type = 'supervision.released'
                   AND e.data ->> 'release_no' = r.release_no) <> 1
        UNION ALL
        SELECT 'day', a.account_no || ':' || d.business_date FROM account_day d
          JOIN supervised_account a ON a.id = d.account_id
         WHERE (SELECT count(*) FROM outbox_event e WHERE e.type = 'day.closed'
                   AND e.subject = a.account_no || ':' || d.business_date) <> 1
        UNION ALL
        SELECT 'event', e.type FROM outbox_event e WHERE e.type = 'instruction.issued'
           AND NOT EXISTS (SELECT FROM instruction i WHERE i.instruction_no = e.subject)
           AND NOT EXISTS (SELECT FROM fund_order i WHERE i.instruction_no = e.subject)""",
    "R10 每一步恰有一条留痕": """
        SELECT 'receipt', r.bank_serial FROM receipt r WHERE r.channel <> 'transfer'
           AND EXISTS (SELECT FROM ledger.journal_entry e WHERE e.id = r.entry_id AND e.movement = 'P1')
           AND (SELECT count(*) FROM audit_event a WHERE a.action = 'deposit.booked' AND a.result = 'done'
                   AND a.subject = r.receipt_no) <> 1
        UNION ALL
        SELECT 'instruction', i.instruction_no FROM instruction i
         WHERE (SELECT count(*) FROM audit_event a WHERE a.action = 'instruction.issued'
                   AND a.result = 'done' AND a.subject = i.instruction_no) <> 1
        UNION ALL
        SELECT 'result', x.bank_serial FROM instruction_result x JOIN instruction i ON i.id = x.instruction_id
         WHERE (SELECT count(*) FROM audit_event a WHERE a.action = 'instruction.' || x.outcome
                   AND a.subject = i.instruction_no AND a.detail ->> 'bank_serial' = x.bank_serial
                   AND a.detail ->> 'verdict' = x.verdict) <> 1
        UNION ALL
        SELECT 'withdrawal', w.withdrawal_no FROM withdrawal w WHERE w.decided_at IS NOT NULL
           AND (SELECT count(*) FROM audit_event a WHERE a.result = 'done' AND a.subject = w.withdrawal_no
                   AND a.action IN ('withdrawal.approved', 'withdrawal.rejected')) <> 1
        UNION ALL
        SELECT 'claim', c.id::text FROM receipt_claim c WHERE c.status = 'confirmed'
           AND (SELECT count(*) FROM audit_event a WHERE a.action = 'claim.confirmed' AND a.result = 'done'
                   AND (a.detail ->> 'claim')::integer = c.id) <> 1""",
}
# Everything that may grow when a step is taken; what only helps deliver or sign in is not part of a step.
_TABLES = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) FROM pg_class c
  JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind = 'r' AND n.nspname IN ('public', 'ledger') AND has_table_privilege(c.oid, 'SELECT')
   AND c.relname NOT IN ('alembic_version', 'delivery', 'delivery_try', 'event_place', 'event_routing',
                         'instruction_counter', 'seal', 'audit_event',
                         'task_bell', 'task_run', 'alarm', 'watched_receipt', 'finding')
"""


def broken(office: Office) -> dict[str, Any]:
    """Every invariant that can be asked of the database alone, and does not hold (不变式核对)."""
    with psycopg.connect(office.house.url("reader"), autocommit=True) as reader:
        found = {name: reader.execute(f"{query} LIMIT 5").fetchall() for name, query in QUERIES.items()}
    with psycopg.connect(office.house.url("verifier")) as verifier:
        path = office.house.settings.data_dir / HEAD_FILE
        for one in checks.run(verifier, head=path):
            found[f"R8 {one.check}"] = [] if one.ok else [one.detail]
    return {name: rows for name, rows in found.items() if rows}


def holds(office: Office, *callers: Caller, told: bool = False) -> None:
    """Everything holds; raises Broken with all that does not (全部成立). `told`: and it was delivered too."""
    found = broken(office)
    if strange := unheard_of(callers):
        found["R9 只有故障期间的 503，且附 Retry-After"] = strange
    if told and (lost := undelivered(office)):
        found["R7 每件事件至少送达一次，各次相同"] = lost
    if found:
        raise Broken(found)


def sealed(office: Office) -> None:
    """What was booked so far is sealed, and its head kept outside: an anchor to verify to (封存)."""
    with office.house.database.begin() as session:
        seal(session)
    with office.house.database.read() as session:
        keep(office.house.settings.data_dir / HEAD_FILE, head(session))


def unheard_of(callers: Iterable[Caller]) -> list[tuple[int | None, str]]:
    """Answers that are a fault of the server's, and no plain "try again"."""
    return [
        (one.status, one.text[:300]) for caller in callers for one in caller.heard
        if one.status and one.status >= 500 and not (one.status == 503 and one.retry_after)
    ]  # fmt: skip


def undelivered(office: Office) -> list[Any]:
    """Events the subscriber should have heard of and has not, or heard differently each time."""
    heard: dict[str, set[bytes]] = {}
    for one in list(office.listener.heard):
        heard.setdefault(one.event["id"], set()).add(one.body)
    with psycopg.connect(office.house.url("reader")) as reader:
        due = reader.execute("SELECT id::text FROM outbox_event WHERE 'bank:ABC' = ANY (audience)").fetchall()
    return [event_id for (event_id,) in due if len(heard.get(event_id, ())) != 1]


_STATES = """
SELECT quote_ident(c.relname) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
 WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attname = 'status'
   AND has_table_privilege(c.oid, 'SELECT') AND c.relname NOT IN ('delivery', 'finding', 'alarm')
"""


_KINDS = """
SELECT 'audit:' || action, count(*) FROM audit_event
 WHERE result = 'done' AND action NOT IN ('statement.sent-again', 'finding.raised') GROUP BY 1
UNION ALL SELECT 'event:' || type, count(*) FROM outbox_event GROUP BY 1
UNION ALL SELECT 'money:' || a.code, sum(b.balance)::bigint FROM ledger.balance b
            JOIN ledger.account a ON a.id = b.account_id GROUP BY 1
"""


@cache
def _everything(url: str) -> str:
    """One query for all of it; what there is to count does not change while a house runs."""
    with psycopg.connect(url) as reader:
        tables = [name for (name,) in reader.execute(_TABLES)]
        states = [name for (name,) in reader.execute(_STATES)]
    counts = [f"SELECT '{name}' AS name, count(*) AS n FROM {name}" for name in tables]
    counts += [f"SELECT '{name}:' || status, count(*) FROM {name} GROUP BY status" for name in states]
    return " UNION ALL ".join([*counts, _KINDS])


def footprint(office: Office) -> Counter[str]:
    """How much there is of everything: rows by table and status, steps by kind, money by heading (足迹)."""
    url = office.house.url("reader")
    with psycopg.connect(url, autocommit=True) as reader:
        return Counter(dict(reader.execute(_everything(url)).fetchall()))


def grown(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    """What a step added, table by table; nothing is left out (增减)."""
    return {name: after[name] - before[name] for name in before | after if after[name] != before[name]}


def reconciled(bank: Caller, day: Day) -> Heard:
    """R11: the bank's own statement of a day finds every line in the book, and nothing else there (对平)."""
    sent = bank.state(as_csv(day))
    assert sent.status in (200, 202), sent
    shown = bank.ask("GET", f"/api/v1/statements/{sent.json['statement_no']}")
    assert shown.status == 200, shown
    left = [one for one in shown.json["differences"] if one["status"] == "open"]
    if shown.json["status"] != "matched" or left:
        raise Broken({"R11 对账单与账簿相符": (str(day.on), left or shown.json)})
    return shown

