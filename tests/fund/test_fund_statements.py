"""会住维01、02、03：任一期间，两种性质分栏，与账簿逐科目相符；结转前后一样；页面、工作簿、PDF 同一组数。"""

import io
from datetime import date
from types import SimpleNamespace

from python_calamine import CalamineWorkbook

from config.clock import bureau_day
from escrow.fund_income.rules import IncomeKind
from escrow.fund_statements.facts import standing, statements
from escrow.maintenance import chart
from escrow.maintenance.chart import Nature, house_key
from ledger.accounts import trial_balance
from tests.desk import hire, sit_down
from tests.fund.fund_estate import FundEstate, build_fund
from tests.fund.test_income_sharing import booked, close_through

LAST = bureau_day().year - 1


def scene_of(house, app):
    """商品住宅与已售公房各半：交存、利息、国债、维修、多缴、待认领都有。"""
    estate = build_fund(house, natures=(Nature.COMMODITY, Nature.PUBLIC))
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE fund_account SET opened_on = %s", (date(LAST, 1, 1),))
    one, other = estate.ids[:2]
    estate.deposit(one, "1000.00", on=date(LAST, 1, 10))
    estate.deposit(other, "600.00", on=date(LAST, 2, 10))
    booked(estate, IncomeKind.INTEREST, "30.00", date(LAST, 6, 21))
    booked(estate, IncomeKind.INTEREST, "6.00", date(LAST, 6, 21), nature=Nature.PUBLIC, serial="GF")
    booked(estate, IncomeKind.TO_BONDS, "100.00", date(LAST, 7, 1), nature=Nature.PUBLIC)
    booked(estate, IncomeKind.BUY, "60.00", date(LAST, 7, 2), nature=Nature.PUBLIC)
    estate.move(
        chart.UNIDENTIFIED, ((chart.BANK_PUBLIC, ""), (chart.UNCLAIMED, ""), "7.00"), on=date(LAST, 8, 1)
    )
    estate.without_papers()
    estate.move(
        chart.PAY_USE, ((chart.WORKS, house_key(other)), (chart.BANK_PUBLIC, ""), "50.00"),
        on=date(LAST, 9, 1),
    )
    return SimpleNamespace(fund=estate)


def made(estate: FundEstate, start: date, end: date):
    with estate.begin() as session:
        return statements(session, estate.book_id, start, end)


def rows(statement) -> dict[str, list[int]]:
    return {line.label: line.cells for line in statement.lines}


def test_the_three_statements_of_a_year_tie_to_the_ledger(fund):
    """资产等于负债加净资产；收支差额等于净资产变动；两栏之和为合计；与试算平衡表逐科目相符。"""
    sheet, income, changes = made(fund, date(LAST, 1, 1), date(LAST, 12, 31))
    one = rows(sheet)
    assert one["银行存款"][:3] == [103000, 50300, 153300]
    assert one["国债投资"][:3] == [0, 6000, 6000]
    assert one["待认领款"][:3] == [0, 700, 700]
    assert one["资产合计"][:3] == one["负债和净资产总计"][:3] == [103000, 56300, 159300]
    assert one["资产合计"][3:] == [0, 0, 0]
    two = rows(income)
    assert two["交存收入"] == [100000, 60000, 160000] and two["维修支出"] == [0, 5000, 5000]
    assert two["三、本期收支差额"] == [103000, 55600, 158600]
    three = rows(changes)
    assert three["二、本期变动"] == two["三、本期收支差额"]
    assert three["三、期末净资产"] == one["净资产合计"][:3]
    with fund.begin() as session:
        trial = trial_balance(session, fund.book_id, on=date(LAST, 12, 31))
        stood = standing(session, fund.book_id, date(LAST, 12, 31))
    for code in {line.code for line in trial if line.code[0] != "9"}:
        whole = sum(line.balance.fen for line in trial if line.code == code)
        assert sum(stood.get((code, nature), 0) for nature in Nature) == whole, code


def test_closing_the_year_changes_no_income_and_no_total(fund):
    """年结前后：收支表一样，净资产合计一样；结转后“尚未结转”为零。"""
    before = made(fund, date(LAST, 1, 1), date(LAST, 12, 31))
    close_through(fund, date(LAST, 12, 31))
    after = made(fund, date(LAST, 1, 1), date(LAST, 12, 31))
    assert rows(before[1]) == rows(after[1])
    assert rows(before[0])["净资产合计"] == rows(after[0])["净资产合计"]
    assert rows(before[2]) == rows(after[2])
    assert rows(after[0])["本期收支（尚未结转）"][:3] == [0, 0, 0]
    assert rows(after[0])["待分配累计收益"][:3] == [3000, 600, 3600]
    assert rows(after[0])["商品住宅维修资金、已售公有住房维修资金"][:3] == [100000, 55000, 155000]


def test_any_period_adds_up_with_its_neighbours(fund):
    """前半年与后半年相加等于全年；前期期末就是后期期初。"""
    first = made(fund, date(LAST, 1, 1), date(LAST, 6, 30))
    second = made(fund, date(LAST, 7, 1), date(LAST, 12, 31))
    year = made(fund, date(LAST, 1, 1), date(LAST, 12, 31))
    for label, cells in rows(year[1]).items():
        halves = zip(rows(first[1])[label], rows(second[1])[label], strict=True)
        assert cells == [one + other for one, other in halves]
    assert rows(first[0])["资产合计"][:3] == rows(second[0])["资产合计"][3:]


def test_page_workbook_and_paper_say_the_same(app, house, fund):
    """页面、工作簿、PDF 都能取得；期间写错说明理由。"""
    seat = sit_down(app, hire(house.database, house.settings, "auditor1", "auditor"))
    asked = f"start={LAST}-01-01&end={LAST}-12-31"
    page = seat.get(f"/fund-statements/{fund.fund_id}?{asked}")
    assert page.status_code == 200 and "会住维01" in page.text and "1,593.00" in page.text
    book = seat.get(f"/fund-statements/{fund.fund_id}/workbook?{asked}")
    sheets = CalamineWorkbook.from_filelike(io.BytesIO(book.data))
    assert sheets.sheet_names == ["会住维01资产负债表", "会住维02收支表", "会住维03净资产变动表"]
    found = {row[0]: row[1:] for row in sheets.get_sheet_by_index(0).to_python()}
    assert found["资产合计"][2] == 1593.0
    assert seat.get(f"/fund-statements/{fund.fund_id}/paper?{asked}").data.startswith(b"%PDF")
    late = seat.get(f"/fund-statements/{fund.fund_id}?start=2026-02-01&end=2026-01-01")
    assert late.status_code == 409 and "期间" in late.text
    assert seat.get(f"/fund-statements/{fund.fund_id}?start=2026-02-30&end=2026-03-01").status_code == 422
    assert seat.get("/fund-statements").status_code == 200
    assert seat.get("/fund-statements/999999").status_code == 404
