"""期初导入：上传有错的文件逐行指出，改好后另一人批准，一次入账；之后照常缴款、核验。"""

import io
import time
from types import SimpleNamespace
from typing import Any

import pytest

from config.clock import bureau_day
from ledger.money import Yuan
from tests.desk import hire, sit_down
from tests.estate import file_hash
from tests.opening import (
    BALANCE,
    UNMATCHED,
    asked,
    booked,
    content_of,
    estate_of,
    home,
    people_of,
    rows_of,
    uploaded,
)
from tests.sale import row


@pytest.fixture
def desks(app: Any, house: Any) -> SimpleNamespace:
    roles = {"cashier1": ["cashier"], "both": ["cashier", "reviewer"], "chief": ["reviewer"],
             "auditor": ["auditor"]}  # fmt: skip
    hired = {name: hire(house.database, house.settings, name, *held) for name, held in roles.items()}
    return SimpleNamespace(**{name: sit_down(app, who) for name, who in hired.items()})


def form(content: bytes, **changed: str) -> dict[str, Any]:
    return {
        "as_of": bureau_day().isoformat(), "bank_balance": BALANCE, "unmatched": UNMATCHED,
        "certificate_no": "交农行余证〔2026〕1号", "file_hash": file_hash("certificate"),
        "file": (io.BytesIO(content), "期初.csv"), **changed,
    }  # fmt: skip


def test_a_running_project_is_opened_by_two(house: Any, desks: SimpleNamespace) -> None:
    """错误逐行列出且什么也不留下；改好后一人上传、另一人批准；页面写明合计、证明、经手人与依据。"""
    estate = estate_of(house, people_of(house))
    account = f"/openings/accounts/{estate.account_no}"
    rows = rows_of(estate)
    wrong = [{**rows[0], "证件号码": "110105194912310021"}, *rows[1:]]
    refused = desks.cashier1.post(account, form(content_of(wrong)))
    assert refused.status_code == 422 and "身份证号校验不通过" in refused.text
    assert "110105194912310021" not in refused.text
    assert row(estate, "SELECT count(*) AS n FROM account_opening").n == 0
    assert desks.chief.post(account, form(content_of(rows))).status_code == 403
    made = desks.both.post(account, form(content_of(rows)))
    assert made.status_code == 303, made.text
    assert desks.both.post(f"{made.location}/approve").status_code == 409
    assert desks.chief.post(f"{made.location}/approve").status_code == 303
    said = desks.auditor.get(made.location).text
    for words in ("已入账", "both 同志", "chief 同志", "1,612,345.67", "1,700,000.00", "本局设定"):
        assert words in said
    assert "王秀英" not in said
    again = desks.cashier1.post(account, form(content_of(rows), file_hash=file_hash("other")))
    assert again.status_code == 409 and "opening-live" in again.text
    shown = desks.auditor.get(f"/contracts/{rows[0]['合同编号']}").text
    assert rows[0]["备案号"] in shown and "350,000.00" in shown
    assert desks.cashier1.get("/openings/template.csv").text.startswith("\ufeff类别,楼幢号")


def test_a_county_of_homes_is_opened_in_a_minute(house: Any) -> None:
    """三千二百八十二户、户户已售，核对并入账在一分钟以内。"""
    people = people_of(house)
    estate = estate_of(house, people, buildings=3, units=1094, quotas={"1": "300000000.00"})
    loan = {"贷款已缴": "650000.00", "贷款机构": "交口县农信社", "贷款账号": "9001000200030004"}
    sale = {**loan, "余款到期日": "", "余款来源": ""}
    rows = [home(estate, at, sale) for at in range(len(estate.unit_codes))]
    what = asked(estate, rows, bank_balance=Yuan("3282000000.00"), unmatched=Yuan("0.00"))
    started = time.monotonic()
    number = uploaded(estate, what, people.cashier)
    read = time.monotonic()
    booked(estate, number, people.reviewer)
    took = time.monotonic() - read
    assert took < 60, f"核对 {read - started:.1f} 秒，入账 {took:.1f} 秒"
    assert estate.held()["1101", ""] == "3282000000.00"
