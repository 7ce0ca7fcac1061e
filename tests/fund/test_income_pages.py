"""维修资金收益页面：录入结息单、他人确认、按月结转、提出分配、测算、批准、入户，谁在何时依据什么都看得见。"""

import re
from datetime import date
from types import SimpleNamespace

from config.clock import bureau_day
from escrow.fund_income import sharing
from tests.desk import staffed
from tests.estate import file_hash
from tests.fund.fund_estate import build_fund


def scene_of(house, app):
    """专户上上月开立，两户当日交存；窗口有人。"""
    estate = build_fund(house)
    first = months_ago(2)
    estate.opened(first)
    estate.deposit(estate.ids[0], "3000.00", on=first)
    estate.deposit(estate.ids[1], "1000.00", on=first)
    roles = {"cashier1": ["cashier"], "reviewer1": ["reviewer"], "auditor1": ["auditor"]}
    return SimpleNamespace(fund=estate, desks=staffed(house, app, roles))


def months_ago(count: int) -> date:
    today = bureau_day()
    at = today.year * 12 + today.month - 1 - count
    return date(at // 12, at % 12 + 1, 1)


def slip(**more: str) -> dict[str, str]:
    said = {
        "kind": "interest", "nature": "commodity", "community": "", "amount": "40.00", "interest": "",
        "bank_serial": "LX1", "value_date": months_ago(2).replace(day=21).isoformat(), "paper_no": "结息单 1",
        "file_hash": file_hash("LX1"),
    }  # fmt: skip
    return said | more


def test_from_the_bank_slip_to_every_house(desks, fund):
    """录入人自己不见确认；确认入账、月结之后才能分配；批准后逐户入账，页面写明经手人与依据。"""
    page = f"/fund-income/{fund.fund_id}"
    assert fund.account_no in desks.auditor1.get("/fund-income").text
    assert desks.cashier1.post(f"{page}/slips", slip()).status_code == 303
    assert "核对无误" not in desks.cashier1.get(page).text
    shown = desks.reviewer1.get(page).text
    [confirm] = re.findall(r"/fund-income/\d+/slips/\d+/confirm", shown)
    assert desks.reviewer1.post(confirm).status_code == 303
    for month in (months_ago(2), months_ago(1)):
        done = desks.reviewer1.post(f"{page}/months", {"month": f"{month:%Y-%m}"})
        assert done.status_code == 303, done.text
    assert "试算平衡表" in desks.auditor1.get(page).text

    asked = {
        "nature": "commodity", "community": "", "period_from": months_ago(2).isoformat(),
        "period_to": (months_ago(0).replace(day=1)).fromordinal(months_ago(0).toordinal() - 1).isoformat(),
        "basis": "day-weighted",
    }  # fmt: skip
    made = desks.cashier1.post(f"{page}/runs", asked)
    assert made.status_code == 303, made.text
    run_page = made.headers["Location"]
    run_no = run_page.rsplit("/", 1)[1]
    assert "正在测算" in desks.reviewer1.get(run_page).text
    sharing.carry_out(fund.house.database, run_no)
    shown = desks.reviewer1.get(run_page).text
    assert "30.00" in shown and "10.00" in shown and "批准，分配入户" in shown
    assert desks.reviewer1.post(f"{run_page}/approve").status_code == 303
    sharing.carry_out(fund.house.database, run_no)
    done = desks.auditor1.get(run_page).text
    assert "已分配到户" in done and "1/1 批" in done and "reviewer1 同志" in done and "本局设定" in done
    assert fund.stands(fund.ids[0])[0] == "3030.00" and fund.stands(fund.ids[1])[0] == "1010.00"


def test_a_refused_slip_says_why_and_leaves_nothing(desks, fund):
    """流水重复、起息日不对、金额写错：说明理由，什么也不留下。"""
    page = f"/fund-income/{fund.fund_id}"
    assert desks.cashier1.post(f"{page}/slips", slip()).status_code == 303
    again = desks.cashier1.post(f"{page}/slips", slip())
    assert again.status_code == 409 and "不得重复入账" in again.text
    early = desks.cashier1.post(f"{page}/slips", slip(bank_serial="LX2", value_date="1999-01-01"))
    assert early.status_code == 409 and "起息日" in early.text
    wrong = desks.cashier1.post(f"{page}/slips", slip(bank_serial="LX3", amount="1e3"))
    assert wrong.status_code == 422 and "金额" in wrong.text and "LX3" in wrong.text
    with fund.house.connect("reader") as connection:
        assert connection.execute("SELECT count(*) FROM fund_income").fetchone() == (1,)


def test_only_who_may(desks, fund):
    """审计只看；经办不得结转；没有的专户、没有的分配都说没有。"""
    page = f"/fund-income/{fund.fund_id}"
    assert desks.auditor1.post(f"{page}/slips", slip()).status_code == 403
    assert desks.cashier1.post(f"{page}/months", {"month": "2026-01"}).status_code == 403
    assert desks.auditor1.get("/fund-income/999999").status_code == 404
    assert desks.auditor1.get("/fund-income/runs/FP0").status_code == 404


def test_a_number_that_no_account_can_have_is_not_found(desks, fund):
    """专户、单据的编号大到不可能存在：没有这个专户、没有这张单据，不是系统错误。"""
    huge, page = 2**31, f"/fund-income/{fund.fund_id}"
    for path in (
        f"/fund-income/{huge}/months", f"{page}/slips/{huge}/confirm", f"/fund-income/{10**20}/months",
    ):  # fmt: skip
        asked = {"month": f"{months_ago(2):%Y-%m}"}
        assert desks.reviewer1.post(path, asked).status_code == 404, path
    assert desks.cashier1.post(f"/fund-income/{huge}/slips", slip()).status_code == 404
    assert desks.auditor1.get(f"/fund-statements/{huge}").status_code == 404
