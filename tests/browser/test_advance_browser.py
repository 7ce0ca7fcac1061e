"""维修资金交存页面在真浏览器里：入账逐户、分户、账龄、一户的来龙去脉，无脚本报错。"""

from datetime import timedelta
from typing import Any

from config.clock import bureau_day
from tests.desk import hire
from tests.estate import build, file_hash, sold
from tests.fund.advancing import DUE, OWNER, founded, paid, people_of
from tests.sale import row


def test_an_officer_reads_and_spreads_in_the_browser(house: Any, page: Any, tmp_path: Any) -> None:
    """看一笔入账各户的去处，把单位预交分到一幢勾选的户，看账龄与一户的明细。"""
    people = people_of(house)
    estate = build(house, [people.clerk, people.reviewer], buildings=1, units=4, advanced=False)
    fund = founded(estate, people)
    one, two, three, four = estate.unit_codes
    for _ in range(3):
        sold(estate)
    fund.opened(long_ago := bureau_day() - timedelta(days=120))
    answer = paid(
        fund, (one, DUE), (two, "6912.01"), (one[:-4] + "9999", "5.00"), value_date=long_ago
    )  # fmt: skip
    paid(fund, (one, DUE), payer=OWNER)
    paid(fund, amount="20000.00")
    maker = hire(house.database, house.settings, "maker", "cashier")
    page.goto("/sign-in")
    page.fill("[name=username]", maker.username)
    page.fill("[name=password]", maker.password)
    page.fill("[name=totp]", maker.code())
    page.click("main button")
    page.goto(f"/fund/receipts/{answer['receipt_no']}")
    page.screenshot(path=tmp_path / "receipt.png", full_page=True)
    page.goto("/fund/apart")
    page.screenshot(path=tmp_path / "aparts.png", full_page=True)
    lump = row(estate, "SELECT id FROM apart_money WHERE aside = 'prepaid'").id
    page.goto(f"/fund/apart/{lump}")
    page.fill("[name=find]", estate.project_no)
    page.click("text=查找楼幢")
    page.click("text=1 幢")
    page.check(f"[value='{three}']")
    page.check(f"[value='{four}']")
    page.fill("[name=spread-document_no]", "建设单位来函 3 号")
    page.fill("[name=spread-file_hash]", file_hash("来函"))
    page.fill("[name=spread-note]", "附户清册")
    page.screenshot(path=tmp_path / "spread.png", full_page=True)
    page.click("text=录入分户，待另一人员确认")
    assert "待确认：归入分户 13,824.00 元" in page.inner_text("main")
    page.screenshot(path=tmp_path / "entered.png", full_page=True)
    page.goto("/fund/advances")
    page.screenshot(path=tmp_path / "owing.png", full_page=True)
    page.click(f"text={one}")
    page.screenshot(path=tmp_path / "house.png", full_page=True)
    assert "尚欠建设单位 6,912.00 元" in page.inner_text("main")
    assert page.complaints == []
