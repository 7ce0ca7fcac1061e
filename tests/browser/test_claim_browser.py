"""待认领页面在真浏览器里：清单、建议、分拆录入，无脚本报错。"""

from typing import Any

from tests.claiming import people_of
from tests.desk import hire
from tests.estate import build, file_hash, pay, sold


def test_a_cashier_splits_a_receipt_in_the_browser(house: Any, page: Any, tmp_path: Any) -> None:
    """从清单点进一笔入账，照建议填两行，录入后待另一人员确认。"""
    people = people_of(house)
    estate = build(house, [people.clerk, people.reviewer])
    _, [first, second] = sold(estate, notices=2)
    receipt = pay(estate, None, "180.00")
    cashier = hire(house.database, house.settings, "cashier1", "cashier")
    page.goto("/sign-in")
    page.fill("[name=username]", cashier.username)
    page.fill("[name=password]", cashier.password)
    page.fill("[name=totp]", cashier.code())
    page.click("main button")
    page.goto("/unmatched")
    page.screenshot(path=tmp_path / "list.png", full_page=True)
    page.click(f"text={receipt['receipt_no']}")
    for place, (number, amount) in enumerate(((first, "100.00"), (second, "80.00"))):
        page.fill(f"[name=share{place}-notice_no]", number)
        page.fill(f"[name=share{place}-amount]", amount)
    page.fill("[name=document_no]", "认领说明 1 号")
    page.fill("[name=file_hash]", file_hash("认领说明"))
    page.fill("[name=note]", "付款人携回单到场")
    page.screenshot(path=tmp_path / "form.png", full_page=True)
    page.click("text=录入，待另一人员确认 >> nth=0")
    assert "待确认：认领 180.00 元" in page.inner_text("main")
    page.screenshot(path=tmp_path / "entered.png", full_page=True)
    assert page.complaints == []
