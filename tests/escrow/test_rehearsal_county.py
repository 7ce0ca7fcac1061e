"""A synthetic county: what it sends must pass the doors' own reading."""

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest

from escrow.fields import UNIT_CODE_PATTERN, read_resident_id, read_text, read_uscc
from escrow.rehearsal.county import SHARES, County, Course, Run, Size, imagine
from escrow.rehearsal.tally import fen, yuan

TODAY = date(2026, 11, 21)
COUNTY_SIZE = Size("141130", 71, 3282)


@pytest.fixture(scope="module")
def county() -> County:
    return imagine(COUNTY_SIZE, 1, Run(1795000000, TODAY))


def test_size(county: County) -> None:
    """项目数、总套数与所求一致；每个项目 20 至 120 套、2 至 6 幢。"""
    assert len(county.sites) == 71
    assert sum(len(site.units) for site in county.sites) == 3282
    assert all(20 <= len(site.units) <= 120 and 2 <= len(site.building_nos) <= 6 for site in county.sites)


@pytest.mark.parametrize(("projects", "units"), [(2, 39), (1, 121)])
def test_impossible_size(projects: int, units: int) -> None:
    """摊不到 20 至 120 套的规模不予生成，并说明可取的范围。"""
    with pytest.raises(ValueError, match="个项目须有"):
        Size("141130", projects, units)


def test_numbers(county: County) -> None:
    """不动产单元代码、信用代码、身份证号全部通过接口自己的校验；单元代码全县不重。"""
    codes = [unit["unit_code"] for site in county.sites for unit in site.units]
    assert len(set(codes)) == 3282
    for code in codes:
        read_text(code, 28, UNIT_CODE_PATTERN)
    for site in county.sites:
        read_uscc(site.body["developer"]["developer_id"])
    for deal in county.deals:
        for buyer in deal.body["buyers"]:
            read_resident_id(buyer["id_no"])


def test_realistic(county: County) -> None:
    """面积 80–140 平方米，单价 5,000–8,000 元，付款计划之和等于总价，首笔为自有资金且已到期。"""
    areas = {unit["unit_code"]: Decimal(unit["area"]) for site in county.sites for unit in site.units}
    for deal in county.deals:
        area, price = areas[deal.body["unit_code"]], Decimal(deal.body["price"])
        assert 80 <= area < 140
        assert 4999 <= price / area <= 8000
        payments = deal.body["payments"]
        assert sum(fen(payment["amount"]) for payment in payments) == fen(deal.body["price"])
        assert all(fen(payment["amount"]) > 0 for payment in payments)
        assert (payments[0]["source"], payments[0]["due_on"]) == ("own", TODAY.isoformat())
    assert {payment["source"] for deal in county.deals for payment in deal.body["payments"]} == {
        "own", "loan", "provident_fund",
    }  # fmt: skip


def test_repeatable(county: County) -> None:
    """相同种子得同一个县；不同种子得另一个县；不同场次除编号外相同，编号无一重复。"""
    again = imagine(COUNTY_SIZE, 1, county.run)
    other = imagine(COUNTY_SIZE, 2, county.run)
    later = imagine(COUNTY_SIZE, 1, Run(1795000001, TODAY))
    assert again == county
    assert other != county
    assert [deal.body["price"] for deal in later.deals] == [deal.body["price"] for deal in county.deals]
    assert not {deal.contract_no for deal in later.deals} & {deal.contract_no for deal in county.deals}
    assert not {site.account_no for site in later.sites} & {site.account_no for site in county.sites}
    assert not {deal.body["unit_code"] for deal in later.deals} & {
        deal.body["unit_code"] for deal in county.deals
    }


def test_shares(county: County) -> None:
    """各种意外情形占固定份额；小规模时每种也至少一份。"""
    counted = Counter(deal.course for deal in county.deals)
    assert all(counted[course] == len(county.deals) * share // 100 for course, share in SHARES.items())
    small = imagine(Size("141130", 2, 40), 3, county.run)
    assert {deal.course for deal in small.deals} == set(Course)


def test_money_text() -> None:
    """元与分的换算不失一分。"""
    assert [yuan(fen(text)) for text in ("0.01", "350000.00", "1.10")] == ["0.01", "350000.00", "1.10"]
