"""一笔存款的校验只看它所涉的几行：账簿再长，也不因此变慢。"""

from typing import Any

from sqlalchemy import text

from escrow.deposits.actions import receive
from tests.estate import Estate, credit, pay, sold, standing

scene_of = standing(buildings=2, units=6)
_READ = text("""
SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) AS rows FROM pg_stat_xact_user_tables
 WHERE relname IN ('receipt', 'receipt_allocation', 'receipt_reversal', 'payment_notice')
""")


def rows_read(estate: Estate, notice: str) -> dict[str, int]:
    """一笔存款到提交为止从各表读了几行。"""

    def look(session: Any) -> dict[str, int]:
        # What the connection read before is in it until it is told on: only the difference counts.
        before = dict(session.execute(_READ).all())
        receive(session, credit(estate, notice), "ABC", estate.house.settings)
        session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        return {table: rows - before.get(table, 0) for table, rows in session.execute(_READ).all()}

    return estate.do(look)


def test_a_deposit_reads_no_more_rows_for_those_before_it(estate: Estate) -> None:
    """收过几百笔、统计信息也新了，看一笔读几行；再收几百笔别人的，同样一笔不多读一行。"""
    notices = [sold(estate)[1][0] for _ in range(8)]

    def others_pay() -> None:
        for notice in notices[:6]:
            for _ in range(10):
                pay(estate, notice, "1.00")

    others_pay()
    with estate.house.connect("superuser", autocommit=True) as connection:
        connection.execute("ANALYZE")
    first = rows_read(estate, notices[6])
    others_pay()
    then = rows_read(estate, notices[7])
    assert {table for table, rows in then.items() if rows > first[table]} == set(), (first, then)
