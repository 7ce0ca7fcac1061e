"""首期应缴：各地标准按结构与日期，到分，附依据；未缴足的随标准，缴足的不溯及既往。"""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from config.clock import bureau_day
from config.regulations import law_on
from escrow.maintenance.reading import unit_seen, units_seen
from escrow.projects.rules import Home, Structure, UnitUse, first_deposit, maintenance_required
from ledger.money import ZERO, Yuan
from tests.builders import County
from tests.fund.advancing import BANK, paid
from tests.fund.fund_estate import build_fund

HOME = Home(Decimal("96.00"), Structure.FRAME, UnitUse.RESIDENTIAL, Yuan("650000.00"))
DAY = date(2026, 11, 21)
SHANXI, CHANGJI, JIAXIAN = "141130", "652301", "410425"


def law(region=SHANXI, day=DAY, **changed):
    """The region's law, some values replaced (某地某日的规定)."""
    found = dict(law_on(day, "maintenance_fund", region))
    return found | {key: replace(found[key], value=value) for key, value in changed.items()}


@pytest.mark.parametrize(
    ("structure", "due"),
    [(Structure.MASONRY, "4608.00"), (Structure.FRAME, "6912.00"), (Structure.HIGHRISE, "9216.00")],
)
def test_due_is_area_times_the_standard_of_the_structure(structure, due):
    """应缴等于面积乘以该结构的标准，并写明标准与依据。"""
    found = first_deposit(replace(HOME, structure=structure), law())
    assert found.amount == Yuan(due)
    assert found.citation.startswith("晋房屋登记清零办发〔2023〕3号 第三部分“一是”")
    assert found.standard in ("48.00", "72.00", "96.00")


def test_due_is_due_everywhere_though_not_everywhere_at_filing():
    """昌吉、郏县备案时不要求，但应缴照样算得出来，各有各的依据。"""
    for region, cited in ((CHANGJI, "昌州自然资发〔2022〕196号"), (JIAXIAN, "本局设定")):
        assert first_deposit(HOME, law(region)).amount == Yuan("6912.00")
        assert first_deposit(HOME, law(region)).citation.startswith(cited)
        assert maintenance_required(HOME, law(region)) == ZERO


def test_due_by_price_is_a_share_of_the_price():
    """以价款计收的地方：房价乘比例，四舍五入到分；没有合同价的说不出来，不臆造。"""
    by_price = law(basis="price", price_ratio=Decimal("0.055"))
    assert first_deposit(replace(HOME, price=Yuan("650000.10")), by_price).amount == Yuan("35750.01")
    assert first_deposit(HOME, by_price).standard == "5.50%"
    assert first_deposit(replace(HOME, price=None), by_price).amount is None
    assert maintenance_required(HOME, by_price) == Yuan("35750.00")


def test_due_is_rounded_once_half_up():
    """面积乘标准只四舍五入一次，到分：半分进一。"""
    rate = {Structure.FRAME: Decimal("72.50")}
    assert first_deposit(replace(HOME, area=Decimal("80.02")), law(standard=rate)).amount == Yuan("5801.45")
    assert first_deposit(replace(HOME, area=Decimal("80.01")), law(standard=rate)).amount == Yuan("5800.73")


def test_a_structure_without_a_standard_is_not_guessed():
    """本地没有这种结构的标准：应缴说不出来；非住宅不计收，为零。"""
    only = law(standard={Structure.FRAME: Decimal("72.00")})
    assert first_deposit(replace(HOME, structure=Structure.MASONRY), only).amount is None
    assert first_deposit(replace(HOME, use=UnitUse.OTHER), law()).amount == ZERO


def test_the_standard_is_that_of_the_day():
    """标准按日取：施行前一日用旧依据，当日起用新依据。"""
    before, after = law(day=date(2023, 4, 12)), law(day=date(2023, 4, 13))
    assert first_deposit(HOME, before).citation == "本局设定（待补依据）"
    assert first_deposit(HOME, after).citation.startswith("晋房屋登记清零办发〔2023〕3号")


def test_what_is_paid_in_full_is_settled(house):
    """未缴足（不足额的待认领）时随付款日的标准；缴足之日标准固定，此后不因标准变动而补退。"""
    estate = build_fund(house, buildings=1, units=2, bank_code=BANK)
    code, other = estate.codes
    old = date(2023, 4, 12)
    estate.opened(old)
    with estate.begin() as session:
        seen = units_seen(session, [code, other], on=old)
        assert seen[code].due.citation == "本局设定（待补依据）"
        assert seen[code].on == old
    paid(estate, (code, "6911.99"), value_date=old)
    with estate.begin() as session:
        assert unit_seen(session, code).on == bureau_day()
    paid(estate, (code, "6912.00"), value_date=old)
    with estate.begin() as session:
        seen = units_seen(session, [code, other])
        assert (seen[code].due.citation, seen[code].on) == ("本局设定（待补依据）", old)
        assert seen[other].due.citation.startswith("晋房屋登记清零办发")
        assert seen[other].on == bureau_day()


def test_paid_repaid_and_balance_are_what_the_books_say(house):
    """已缴、已归还、余额、待归还都取自账上：代缴、归还、续筹各记各的。"""
    from escrow.maintenance import chart

    estate = build_fund(house, buildings=1, units=1)
    [one], [code] = estate.ids, estate.codes
    key = chart.house_key(one)
    estate.advance(one, "6912.00")
    estate.move(chart.REPAY, ((chart.CLAIM_CONTRA, ""), (chart.CLAIM, key), "2000.00"))
    estate.without_papers()
    estate.move(chart.RENEWAL, ((chart.BANK_COMMODITY, ""), ("400101", key), "500.00"))
    with house.database.read() as session:
        seen = unit_seen(session, code)
    said = tuple(map(str, (seen.paid, seen.repaid, seen.balance, seen.owed, seen.outstanding)))
    assert said == ("6912.00", "2000.00", "7412.00", "4912.00", "0.00")


def test_the_door_answers_with_exactly_its_fields(house, app):
    """接口逐项答复；未建账的也答应缴，已缴与余额为零、没有专户；没有这套房屋答 404。"""
    county = County(house, app)
    project = county.project(units=2, advanced=False)
    estate = build_fund(house, buildings=1, units=1, bank_code="ICBC", region="140105")
    estate.advance(estate.ids[0], "6912.00")
    answer = county.get("filing", f"/maintenance/units/{estate.codes[0]}")
    assert answer.status_code == 200
    assert answer.json == {
        "unit_code": estate.codes[0], "due": "6912.00", "standard": "72.00",
        "citation": "晋房屋登记清零办发〔2023〕3号 第三部分“一是”；金额：本局设定", "advanced": "6912.00",
        "repaid": "0.00", "balance": "6912.00", "fund_account_no": estate.account_no,
    }  # fmt: skip
    unbuilt = county.get("filing", f"/maintenance/units/{project.unit_codes[0]}").json
    assert (unbuilt["due"], unbuilt["advanced"], unbuilt["fund_account_no"]) == ("9216.00", "0.00", None)
    assert county.get("filing", "/maintenance/units/141130999999GB00001F00010001").status_code == 404
    assert county.get("filing", "/maintenance/units/%E5%AE%85").status_code == 404


def test_a_bank_is_told_of_its_own_houses_only(house, app):
    """银行只看得到本行专户的房屋；其他系统没有授权。"""
    county = County(house, app)
    estate = build_fund(house, buildings=1, units=1, bank_code="ICBC", region="140105")
    path = f"/maintenance/units/{estate.codes[0]}"
    assert county.get("bank-ICBC", path).json["fund_account_no"] == estate.account_no
    assert county.get("bank-CCB", path).status_code == 404
    assert county.get("platform", path).status_code == 403


def test_one_statement_however_many_units(house):
    """一次问一百户也只用一条语句。"""
    estate = build_fund(house, buildings=2, units=50)
    asked = []
    with house.database.read() as session:
        from sqlalchemy import event

        event.listen(session.get_bind(), "before_cursor_execute", lambda *told: asked.append(told[2]))
        assert len(units_seen(session, estate.codes, on=bureau_day() - timedelta(days=1))) == 100
        session.execute(text("SELECT 1"))
    assert len(asked) == 2
