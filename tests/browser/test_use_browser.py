"""维修资金使用页面在真浏览器里：录入、公示、登记表决、看分母、看付款，无脚本报错。"""

from typing import Any

from tests.desk import hire
from tests.estate import file_hash
from tests.fund.use_paying import accepted, asked, paid
from tests.fund.using import approved, town


def test_an_officer_enters_publishes_and_counts_in_the_browser(house: Any, page: Any, tmp_path: Any) -> None:
    """从小区页录入一件，公示，登记表决；另看一件已预付、待结算的。"""
    estate = town(house, units=4, unsold=1)
    done = approved(estate, "300.00", title="电梯钢丝绳更换")
    paid(estate, done, "advance", "100.00")
    accepted(estate, done)
    asked(estate, done, "final", "280.00")
    maker = hire(house.database, house.settings, "maker", "register", "reviewer")
    page.goto("/sign-in")
    page.fill("[name=username]", maker.username)
    page.fill("[name=password]", maker.password)
    page.fill("[name=totp]", maker.code())
    page.click("main button")
    page.goto(f"/fund/communities/{estate.community_id}")
    page.click("text=录入使用申请")
    page.select_option("[name=kind]", "ordinary")
    page.select_option("[name=works]", "500101")
    for name in ("in_warranty", "operator_pipes", "by_persons", "manager_duty"):
        page.select_option(f"[name={name}]", "no")
    said = {
        "title": "屋面防水翻修", "contractor": "吕梁防水工程有限公司", "budget": "100.01",
        "plan_issuer": "安居苑业主委员会", "plan_no": "使用方案〔2026〕1号", "plan_hash": file_hash("方案"),
    }  # fmt: skip
    for name, value in said.items():
        page.fill(f"[name={name}]", value)
    page.screenshot(path=tmp_path / "new.png", full_page=True)
    page.click("text=录入并分摊")
    page.screenshot(path=tmp_path / "draft.png", full_page=True)
    page.click("main button:has-text('公示')")
    page.click("summary:has-text('登记表决')")
    page.fill("[name=vote-ballots]", "\n".join(f"{code} 同意" for code in estate.codes[:3]))
    page.fill("[name=vote-issuer]", "业主委员会")
    page.fill("[name=vote-document_no]", "表决统计〔2026〕1号")
    page.fill("[name=vote-file_hash]", file_hash("表决"))
    page.screenshot(path=tmp_path / "voting.png", full_page=True)
    page.click("text=登记，一次记全")
    assert "75.00%" in page.inner_text("main") and "公示须满 7 日" in page.inner_text("main")
    page.screenshot(path=tmp_path / "voted.png", full_page=True)
    page.goto(f"/fund/uses/{done}")
    assert "复核结算" in page.inner_text("main")
    page.screenshot(path=tmp_path / "paying.png", full_page=True)
    page.goto("/fund/uses")
    page.screenshot(path=tmp_path / "list.png", full_page=True)
    assert page.complaints == []
