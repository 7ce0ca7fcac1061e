"""一笔存款、一次核对只看所涉的几行：账簿再长，也不因此变慢。"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from config.clock import bureau_day
from escrow.deposits.actions import receive
from escrow.filing.facts import Question, known
from ledger.money import Yuan
from tests.estate import Estate, credit, pay, sold, standing

scene_of = standing(buildings=4, units=6)
_READ = text("""
SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) AS rows FROM pg_stat_xact_user_tables
 WHERE schemaname = 'public'
""")


def rows_read(estate: Estate, act: Callable[[Any], object]) -> dict[str, int]:
    """一件事到提交为止从各表读了几行。"""

    def look(session: Any) -> dict[str, int]:
        # What the connection read before is in it until it is told on: only the difference counts.
        before = dict(session.execute(_READ).all())
        act(session)
        session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        return {table: rows - before.get(table, 0) for table, rows in session.execute(_READ).all()}

    return estate.do(look)


def fresh_statistics(estate: Estate) -> None:
    """统计信息是新的：旧的正好掩盖全表连接。"""
    with estate.house.connect("superuser", autocommit=True) as connection:
        connection.execute("ANALYZE")


def more(then: dict[str, int], first: dict[str, int]) -> dict[str, tuple[int, int]]:
    """比先前多读的表。"""
    return {table: (first.get(table, 0), rows) for table, rows in then.items() if rows > first.get(table, 0)}


def test_a_deposit_reads_no_more_rows_for_those_before_it(estate: Estate) -> None:
    """收过几十笔看一笔读几行；再收几十笔别人的，同样一笔不多读一行。"""
    notices = [sold(estate)[1][0] for _ in range(8)]

    def others_pay() -> None:
        for notice in notices[:6]:
            for _ in range(10):
                pay(estate, notice, "1.00")

    def taken(notice: str) -> dict[str, int]:
        deposit = credit(estate, notice)
        return rows_read(estate, lambda session: receive(session, deposit, "ABC", estate.house.settings))

    others_pay()
    fresh_statistics(estate)
    first = taken(notices[6])
    others_pay()
    assert more(taken(notices[7]), first) == {}


def test_a_check_reads_no_more_rows_for_the_contracts_beside_it(estate: Estate) -> None:
    """签了几份看一次核对读几行；再签十几份别人的，同样一次核对不多读一行。"""

    def looked() -> dict[str, int]:
        asked, day = Question(estate.sold[0], estate.unit_codes[0], Yuan("100.00")), bureau_day()
        return rows_read(estate, lambda session: known(session, asked, day))

    for _ in range(6):
        pay(estate, sold(estate)[1][0])
    fresh_statistics(estate)
    first = looked()
    for _ in range(12):
        pay(estate, sold(estate)[1][0])
    assert more(looked(), first) == {}


_WRITTEN = (
    "receipt", "receipt_allocation", "payment_notice", "answered_request", "outbox_event", "audit_event",
    "ledger.journal_entry", "ledger.transfer", "ledger.balance", "ledger.balance_day",
)  # fmt: skip
_CONDITIONS = text("""
SELECT sum(length(conbin::text)) FROM pg_constraint
 WHERE contype = 'c' AND conrelid = ANY (CAST(:tables AS regclass[]))
 UNION ALL
SELECT sum(length(tgqual::text)) FROM pg_trigger WHERE tgrelid = ANY (CAST(:tables AS regclass[]))
""")


def test_the_conditions_a_deposit_reads_are_short(estate: Estate) -> None:
    """所写各表的约束与触发条件合起来不长：PostgreSQL 每写一句，都把这些文本从头读一遍。"""
    with estate.house.database.read() as session:
        lengths = session.scalars(_CONDITIONS, {"tables": list(_WRITTEN)}).all()
    assert sum(lengths) < 24_000
