"""使用申请在数据库里的规矩：绕过程序，分摊、表决、公示期、两人、占用，一样改不动。"""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from escrow.fund_use.rules import Cause
from escrow.maintenance import chart
from tests.fund.fund_estate import FundEstate
from tests.fund.test_fund_database import refused_by
from tests.fund.using import NO, YES, approved, entered, in_town, over, published, row_of, town, vote, voted

scene_of = in_town


def attack(estate: FundEstate, *statements: str, **told: Any) -> str | None:
    """以应用的身份直接写库；拒绝它的约束名。"""

    def run() -> None:
        with closing(estate.house.connect("app")) as connection, connection.transaction():
            for statement in statements:
                connection.execute(statement, told)

    return refused_by(run)


APPROVE = """
UPDATE fund_use SET status = 'approved', decided_by = %(by)s, decided_at = clock_timestamp(), law = '{}',
       approved_on = (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date, entry_id = %(entry)s,
       file_by = CASE kind WHEN 'emergency' THEN date '2027-01-01' END
 WHERE use_no = %(use_no)s
"""


def test_shares_are_by_area_whole_and_once(estate):
    """改一户分摊、少列一户、补列一户、事后改写，都被拒绝。"""
    use_no = entered(estate, "100.00")
    said = {"use_no": use_no}
    again = """
    INSERT INTO fund_use (use_no, community_id, kind, matter, title, works, contractor, budget, fund_part,
                          in_warranty, operator_pipes, by_persons, manager_duty, status, entered_by)
    SELECT 'SY9', community_id, kind, matter, title, works, contractor, budget, %(part)s,
           false, false, false, false, 'draft', entered_by FROM fund_use WHERE use_no = %(use_no)s
    """
    spread = """
    INSERT INTO use_share SELECT n.id, s.house_id, s.bearer, s.area, s.amount {0}, s.amount {0}
      FROM use_share s JOIN fund_use u ON u.id = s.use_id, fund_use n
     WHERE u.use_no = %(use_no)s AND n.use_no = 'SY9' {1}
    """
    assert attack(estate, again, part=10000, **said) == "use_is_shared"
    shifted = spread.format("+ CASE s.amount WHEN 3334 THEN -1 ELSE 0 END", "")
    for wrong in (shifted, spread.format("", "AND s.amount = 3333")):
        assert attack(estate, again, wrong, part=10000, **said) == "use_shares_stand"
    assert attack(estate, again, spread.format("", ""), part=9999, **said) == "use_shares_stand"
    excluded = again.replace("false, false, false, false", "true, false, false, false")
    assert attack(estate, excluded, part=10000, **said) == "ck_fund_use_nothing_excluded"
    for once in ("UPDATE use_share SET amount = amount", "DELETE FROM use_share", "DELETE FROM fund_use"):
        with pytest.raises(psycopg.Error), estate.house.connect("app") as connection:
            connection.execute(once)


def test_what_was_entered_never_changes(estate):
    """预算、事项、施工单位录入之后不改；状态只走所列的步。"""
    use_no = entered(estate, "90.00")
    for change in ("budget = 9001", "title = '别的'", "contractor = '别家'", "status = 'voted'"):
        statement = f"UPDATE fund_use SET {change} WHERE use_no = %(no)s"
        assert attack(estate, statement, no=use_no) == "fund_use_steps"


def test_a_publication_cannot_be_backdated(estate):
    """公示自今日起算：倒填公示日、不设期限，都被拒绝。"""
    use_no = entered(estate, "90.00")
    statement = """
    UPDATE fund_use SET status = 'published', published_by = entered_by, published_at = clock_timestamp(),
           published_on = (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date - %(ago)s,
           published_until = (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date + %(days)s
     WHERE use_no = %(no)s
    """
    assert attack(estate, statement, no=use_no, ago=8, days=7) == "fund_use_steps"
    assert attack(estate, statement, no=use_no, ago=0, days=0) == "fund_use_steps"


def test_votes_are_counted_again_by_the_database(estate):
    """未过半的不能写成表决通过；表决之后不能补票、改票。"""
    use_no = published(estate, "90.00")
    ballots = """
    INSERT INTO use_vote SELECT s.use_id, s.house_id, CASE WHEN s.house_id = %(yes)s THEN 'yes' ELSE 'no' END
      FROM use_share s JOIN fund_use u ON u.id = s.use_id WHERE u.use_no = %(no)s
    """
    paper = """
    INSERT INTO use_paper (use_id, kind, issuer, document_no, file_hash, recorded_by)
    SELECT id, 'vote', '业委会', '表决1', repeat('ab', 32), entered_by FROM fund_use WHERE use_no = %(no)s
    """
    carried = """
    UPDATE fund_use SET status = 'voted', voted_by = entered_by, voted_at = clock_timestamp()
     WHERE use_no = %(no)s
    """
    told = {"no": use_no, "yes": estate.ids[0]}
    assert attack(estate, ballots, paper, carried, **told) == "fund_use_steps"
    agreed = ballots.replace("= %(yes)s", "<> %(yes)s")
    assert attack(estate, agreed, carried, **told) == "fund_use_steps"
    first = agreed.rstrip() + " AND s.house_id = %(yes)s"
    assert attack(estate, first, agreed.rstrip() + " AND s.house_id <> %(yes)s", **told) == "use_votes_stand"
    assert vote(estate, use_no, dict.fromkeys(estate.codes[:2], YES)) == "voted"
    assert attack(estate, first, no=use_no, yes=estate.ids[2]) == "use_votes_stand"
    with pytest.raises(psycopg.Error), estate.house.connect("app") as connection:
        connection.execute("UPDATE use_vote SET ballot = 'yes'")


def test_the_developer_has_one_mind_in_the_database(house):
    """建设单位未售房屋的意见不一，数据库不收；意见一致的合计一人。"""
    estate = town(house, units=4, unsold=2)
    use_no = published(estate, "90.00")
    ballots = """
    INSERT INTO use_vote SELECT s.use_id, s.house_id, CASE WHEN s.house_id = %(at)s THEN 'yes' ELSE 'no' END
      FROM use_share s JOIN fund_use u ON u.id = s.use_id WHERE u.use_no = %(no)s
    """
    assert attack(estate, ballots, no=use_no, at=estate.ids[3]) == "use_votes_stand"
    assert vote(estate, use_no, dict(zip(estate.codes, (YES, NO, YES, YES), strict=True))) == "voted"
    with house.connect("reader") as connection:
        [found] = connection.execute("SELECT heads_all, heads_in, heads_yes FROM use_tally(%s)",
                                     (row_of(estate, use_no).id,)).fetchall()  # fmt: skip
    assert found == (3, 3, 2)


def hold(estate: FundEstate, use_no: str, *parts: str) -> int:
    """按所给数额占用，不问规则。"""
    key = chart.use_key(row_of(estate, use_no).id)
    lines = [((chart.USE_CONTRA, key), (chart.USE_HOLD, chart.house_key(one)), part)
             for one, part in zip(estate.ids, parts, strict=False)]  # fmt: skip
    return estate.move(chart.HOLD_USE, *lines).id


def test_nothing_is_held_or_freed_without_its_step(estate):
    """没有核准的占用、不属该申请步骤的解除，事务结束时拒绝。"""
    use_no = voted(estate, "90.00")
    assert refused_by(lambda: hold(estate, use_no, "30.00", "30.00", "30.00")) == "use_entry_by_step"
    done = approved(estate, "60.00")
    key = chart.use_key(row_of(estate, done).id)
    free = ((chart.USE_HOLD, chart.house_key(estate.ids[0])), (chart.USE_CONTRA, key), "20.00")
    assert refused_by(lambda: estate.move(chart.FREE_USE, free)) == "use_entry_by_step"
    assert estate.stands(estate.ids[0])[1] == "20.00"


def test_an_approval_holds_exactly_the_shares_by_two_officers(estate):
    """同一人核准、公示未满、占用少一分，都被拒绝。"""
    use_no = voted(estate, "90.00")
    entry = hold_unseen(estate, use_no, "30.00", "30.00", "29.99")
    told = {"use_no": use_no, "entry": entry}
    assert attack(estate, APPROVE, by=estate.officers[0], **told) == "ck_fund_use_two_officers"
    assert attack(estate, APPROVE, by=estate.officers[1], **told) == "use_is_held"
    early = published(estate, "90.00")
    vote(estate, early, dict.fromkeys(estate.codes, YES))
    assert attack(estate, APPROVE, by=estate.officers[1], use_no=early, entry=entry) == "fund_use_steps"
    over(estate, early)
    assert attack(estate, APPROVE, by=estate.officers[1], use_no=early, entry=entry) == "use_is_held"


def hold_unseen(estate: FundEstate, use_no: str, *parts: str) -> int:
    """占用一笔，先撤去那道防线。"""
    with estate.house.connect("owner") as connection:
        connection.execute(
            "CREATE OR REPLACE FUNCTION public.use_entry_known(of_use integer, of_entry bigint)"
            " RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true'"
        )
    return hold(estate, use_no, *parts)


@contextmanager
def limit(house: Any, key: str, value: str) -> Iterator[None]:
    """规定收紧的这段时间。"""
    change = (
        "UPDATE fund_limit l SET value = %s FROM fund_limit b"
        " WHERE l.key = %s AND b.key = l.key RETURNING b.value"
    )
    with house.connect("owner") as connection:
        [before] = connection.execute(change, (value, key)).fetchone()
    yield
    with house.connect("owner") as connection:
        connection.execute(change, (before, key))


def test_an_emergency_keeps_its_caps_in_the_database(house):
    """应急没有鉴定、超过限额、拆分成两件，自带一份放宽的规定，数据库一样不准；限额以当日规定为准。"""
    estate = town(house, each="200000.00")
    first, second = (entered(estate, "80000.01", cause=Cause.ELEVATOR) for _ in range(2))
    law = """{"provisions": {"emergency_cap": {"value": "%s"}, "emergency_split_days": {"value": 30},
              "emergency_house_ratio": {"value": "%s"}}}"""
    entry = hold_unseen(estate, first, "26666.67", "26666.67", "26666.67")
    told = {"use_no": first, "entry": entry, "by": estate.officers[1]}
    for key, low in (("emergency_cap", "80000.00"), ("emergency_house_ratio", "0.13")):
        with limit(house, key, low):
            assert attack(estate, APPROVE, **told) == "fund_use_steps"
    said = APPROVE.replace("'{}'", f"'{law % ('150000.00', '0.50')}'")
    with house.connect("app") as connection:
        connection.execute(said, told)
    told = {"use_no": second, "entry": entry, "by": estate.officers[1]}
    assert attack(estate, said, **told) == "fund_use_steps"
    wide = APPROVE.replace("'{}'", f"'{law % ('900000.00', '1.00')}'")
    assert attack(estate, wide, **told) == "fund_use_steps"
    ordinary = voted(estate, "90.00")
    assert attack(estate, "UPDATE fund_use SET filed_on = current_date, filed_by = 1 WHERE use_no = %(no)s",
                  no=ordinary) == "fund_use_steps"  # fmt: skip


def test_two_emergencies_take_no_more_of_a_house_in_the_database(estate):
    """绕过程序：两件各占三百相争，后到的等前一件提交，数据库不准；已占足上限再要一分也不准，恰好可以；按索引查，不扫全表。"""
    budgets = ("0.03", "900.00", "900.00")
    few, first, other = (entered(estate, one, cause=Cause.ELEVATOR) for one in budgets)
    told = [
        {"use_no": one, "by": estate.officers[1], "entry": hold_unseen(estate, one, *[part] * 3)}
        for one, part in ((few, "0.01"), (first, "300.00"), (other, "300.00"))
    ]
    said: list[str | None] = []
    late = threading.Thread(target=lambda: said.append(attack(estate, APPROVE, **told[2])))
    with closing(estate.house.connect("app")) as connection, connection.transaction():
        connection.execute(APPROVE, told[1])
        late.start()
        late.join(0.5)
        assert late.is_alive()
    late.join(30)
    assert said == ["fund_use_steps"]
    with limit(estate.house, "emergency_house_ratio", "0.30"):
        assert attack(estate, APPROVE, **told[0]) == "fund_use_steps"
    with limit(estate.house, "emergency_house_ratio", "0.30001"), estate.house.connect("app") as connection:
        connection.execute(APPROVE, told[0])
    with estate.house.connect("app") as connection:
        connection.execute("SET enable_seqscan = off")
        given = "SELECT * FROM emergency_given(%s, 'elevator', '2026-01-01', 0)"
        connection.execute(given, (estate.community_id,))
        [(scans,)] = connection.execute(
            "SELECT sum(seq_scan) FROM pg_stat_xact_user_tables"
            " WHERE relname IN ('fund_use', 'use_share', 'use_payment', 'use_payment_part')"
        ).fetchall()
    assert scans == 0
