"""业主人数（本局设定，参照建筑物区分所有权司法解释）：同一业主的几户一人，建设单位未售、已售未交付的合计一人。"""

from typing import Any

import psycopg
import pytest
from sqlalchemy.orm import Session

from escrow.errors import Invalid
from escrow.houses.owner_rules import OwnerKind
from escrow.houses.owning import Transfer, confirm_owner, enter_owner
from tests.estate import build, file_hash, new_number
from tests.fund.advancing import advance_all, founded, people_of, repaid
from tests.fund.fund_estate import FundEstate
from tests.fund.test_use_database import attack
from tests.fund.using import NO, TODAY, YES, published, row_of, town, vote
from tests.sale import sell


def owned(estate: FundEstate, *names: tuple[str, str | None]) -> None:
    """各户依次登记业主：姓名、证件号码。"""
    told, (maker, checker) = estate.house.settings, estate.officers

    def all_of_them(session: Session) -> None:
        for code, name in zip(estate.codes, names, strict=True):
            number = new_number("证")
            asked = Transfer(code, OwnerKind.TRANSFER, TODAY, number, file_hash(number), (name,))
            made = enter_owner(session, asked, told, officer_id=maker)
            confirm_owner(session, code, made, officer_id=checker)

    estate.do(all_of_them)


def heads(estate: FundEstate, use_no: str) -> tuple[int, ...]:
    """数据库所计人数：全部、参与、同意。"""
    query = "SELECT heads_all, heads_in, heads_yes FROM use_tally(%s)"
    with estate.house.connect("reader") as connection:
        [found] = connection.execute(query, (row_of(estate, use_no).id,)).fetchall()
    return tuple(found)


def test_one_owner_of_several_houses_is_one_head(house):
    """同一证件号码的两户合计一人，随清册写定；只有姓名的各计一人；意见不一不收；写库改不了人数。"""
    estate = town(house, units=5)
    same = ("王秀英", "11010519491231002X")
    owned(estate, same, same, ("李建国", None), ("李建国", None), ("赵刚", "140106198001010019"))
    use_no = published(estate, "90.00")
    ballots = """
    INSERT INTO use_vote SELECT s.use_id, s.house_id, CASE WHEN s.house_id = %(at)s THEN 'yes' ELSE 'no' END
      FROM use_share s JOIN fund_use u ON u.id = s.use_id WHERE u.use_no = %(no)s
    """
    assert attack(estate, ballots, no=use_no, at=estate.ids[0]) == "use_votes_stand"
    with pytest.raises(Invalid) as found:
        vote(estate, use_no, dict(zip(estate.codes, (YES, NO, YES, YES, YES), strict=True)))
    assert "同属一位业主" in found.value.errors["ballots"]
    with pytest.raises(psycopg.Error), house.connect("app") as connection:
        connection.execute("UPDATE use_share SET head = 'house:1'")
    said = dict(zip(estate.codes[:4], (YES, YES, YES, NO), strict=True))
    assert vote(estate, use_no, said) == "voted"
    assert heads(estate, use_no) == (4, 3, 2)


def test_two_thirds_of_houses_need_not_be_two_thirds_of_owners(house):
    """六户中四户参与，却只是五人中的三人：人数不到三分之二，表决未成；数据库同样不认。"""
    estate = town(house, units=6)
    same = ("王秀英", "11010519491231002X")
    owned(estate, same, same, *((f"甲{at}", None) for at in range(4)))
    use_no = published(estate, "90.00")
    assert vote(estate, use_no, dict.fromkeys(estate.codes[:4], YES)) == "failed"
    assert "60.00%（3/5）" in row_of(estate, use_no).reason
    assert heads(estate, use_no) == (5, 3, 3)


def test_what_is_sold_and_not_handed_over_is_the_developers(house: Any) -> None:
    """已备案而未交付的两户与建设单位合计一人；交付时归还了代缴款的，同一买受人的两户合计一人。"""
    people = people_of(house)
    estate = build(house, [people.clerk, people.reviewer], buildings=1, units=3, advanced=False)
    fund = founded(estate, people)
    advance_all(fund)
    for at in (0, 1):
        sell(estate, at)
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE contract SET status = 'filed'")

    def counted() -> list[str]:
        query = "SELECT house_head(house_id, bearer) FROM use_scope(%s, NULL) ORDER BY unit_code"
        with house.connect("reader") as connection:
            return [one.partition(":")[0] for (one,) in connection.execute(query, (community,)).fetchall()]

    with house.connect("reader") as connection:
        [(community,)] = connection.execute("SELECT id FROM community").fetchall()
    assert counted() == ["developer"] * 3
    for code in fund.codes[:2]:
        repaid(fund, code)
    assert counted() == ["owner", "owner", "developer"]
    with house.connect("reader") as connection:
        query = "SELECT count(DISTINCT house_head(id, 'fund')) FROM house WHERE id = ANY (%s)"
        assert connection.execute(query, (fund.ids[:2],)).fetchone() == (1,)
