"""维修资金期初导入：七十一个小区三千二百八十二户，上传、核对、批准、入账，页面看得见进度，报告写明一切。"""

import io
import time
from types import SimpleNamespace
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from config.clock import bureau_day
from escrow.fund_opening.loading import carry_out, waiting
from tests.desk import hire, sit_down
from tests.estate import file_hash
from tests.fund.fund_estate import FundEstate, empty_fund
from tests.fund.opening_files import as_csv, as_xlsx, home, status, total
from tests.sale import row

# 交口县：71 communities, 3,282 homes.
COUNTY = 3282


@pytest.fixture
def desks(app: Any, house: Any) -> SimpleNamespace:
    roles = {"cashier1": ["cashier"], "both": ["cashier", "reviewer"], "chief": ["reviewer"],
             "auditor": ["auditor"]}  # fmt: skip
    hired = {name: hire(house.database, house.settings, name, *held) for name, held in roles.items()}
    return SimpleNamespace(**{name: sit_down(app, who) for name, who in hired.items()})


@pytest.fixture
def fund(house: Any) -> FundEstate:
    return empty_fund(house)


def form(
    fund: FundEstate, rows: list[dict[str, str]], content: bytes, name: str, **changed: str
) -> dict[str, Any]:
    return {
        "fund_id": str(fund.fund_id), "as_of": bureau_day().isoformat(), "bank_commodity": total(rows),
        "bank_public": "0.00", "undistributed_commodity": "0.00", "undistributed_public": "0.00",
        "certificate_no": "交农行余证〔2026〕9号", "file_hash": file_hash(f"certificate {name}"),
        "file": (io.BytesIO(content), name), **changed,
    }  # fmt: skip


def works(fund: FundEstate) -> float:
    """The background takes its turn; how long it took (后台办理)."""
    started = time.monotonic()
    with fund.house.database.read() as session:
        found = waiting(session)
    for opening_id in found:
        carry_out(fund.house.database, fund.house.settings, opening_id)
    return time.monotonic() - started


@pytest.mark.parametrize(("name", "write"), [("期初.xlsx", as_xlsx), ("期初.csv", as_csv)])
def test_a_county_is_loaded_by_two(
    fund: FundEstate, desks: SimpleNamespace, name: str, write: Any
) -> None:
    """三千二百八十二户：后台核对与入账各有进度，数十秒内办完；报告有逐小区、逐幢、逐户。"""
    rows = [home(at) for at in range(COUNTY)]
    content = write(rows)
    made = desks.cashier1.post("/fund-openings", form(fund, rows, content, name))
    assert made.status_code == 303, made.text
    page = made.location
    waits = desks.cashier1.get(page)
    assert "正在核对" in waits.text and waits.headers["Refresh"] == "2"
    read = works(fund)
    shown = desks.chief.get(page)
    assert "待批准" in shown.text and "3,282" in shown.text and "Refresh" not in shown.headers
    assert desks.chief.post(f"{page}/approve").status_code == 303
    assert "正在入账" in desks.auditor.get(page).text
    loaded = works(fund)
    assert read < 20 and loaded < 40, f"核对 {read:.1f} 秒，入账 {loaded:.1f} 秒"
    done = desks.auditor.get(page).text
    for words in ("已入账", "cashier1 同志", "chief 同志", "本局设定", "和谐苑72区", total(rows)[-3:]):
        assert words in done
    assert "王秀英" not in done
    assert fund.disagreements() == []
    assert row(fund, "SELECT count(*) AS n FROM house").n == COUNTY
    assert row(fund, "SELECT count(*) AS n FROM ledger.journal_entry").n == 72
    report = CalamineWorkbook.from_filelike(io.BytesIO(desks.auditor.get(f"{page}/report.xlsx").data))
    sheets = {one: report.get_sheet_by_name(one).to_python() for one in report.sheet_names}
    assert {one: len(said) for one, said in sheets.items()} == {
        "导入报告": 18, "小区": 74, "楼幢": 144, "逐户": COUNTY + 1,
    }  # fmt: skip
    assert round(sheets["小区"][-1][6] * 100) == round(sum(one[6] for one in sheets["楼幢"][1:]) * 100)
    assert sheets["逐户"][1][9] == "王**"
    again = desks.cashier1.post("/fund-openings", form(fund, rows, content, name, certificate_no="另一证明"))
    assert again.status_code == 409 and "不得重复导入" in again.text and "另一证明" in again.text


def test_faults_are_listed_and_what_was_typed_stays(fund: FundEstate, desks: SimpleNamespace) -> None:
    """小文件当即核对：错误逐行逐列；改好再传，所填保留；无权的人传不了，本人批不了。"""
    rows = [home(0), home(1), {**home(0), "房号": "203"}]
    wrong = [{**rows[0], "余额": "-1.00"}, {**rows[1], "结构": "土木"}]
    made = desks.both.post("/fund-openings", form(fund, rows, as_csv(wrong), "错.csv"))
    shown = desks.both.get(made.location).text
    assert "文件中的错误（2 处）" in shown and "不得为负" in shown and "须为 砖混、框架、高层 之一" in shown
    again = desks.both.get("/fund-openings?again=" + made.location.rsplit("/", 1)[1]).text
    assert 'value="交农行余证〔2026〕9号"' in again and f'value="{total(rows)}"' in again
    twice = desks.both.post("/fund-openings", form(fund, rows, as_csv(rows), "重.csv"))
    assert "与第 2 行重复" in desks.both.get(twice.location).text
    right = desks.both.post("/fund-openings", form(fund, rows[:2], as_xlsx(rows[:2]), "好.xlsx"))
    assert "待批准" in desks.both.get(right.location).text
    refused = desks.both.post(f"{right.location}/approve")
    assert refused.status_code == 409 and "由您上传" in refused.text
    for forged in ("T1", "", "99999999999", "１"):
        sent = {**form(fund, rows, as_csv(rows), "伪.csv"), "fund_id": forged}
        stands = desks.both.post("/fund-openings", sent)
        assert stands.status_code == 422 and "所选不在可选之列" in stands.text
    assert desks.auditor.post("/fund-openings", form(fund, rows, b"x", "x.csv")).status_code == 403
    assert desks.cashier1.post(f"{right.location}/approve").status_code == 403
    assert row(fund, "SELECT count(*) AS n FROM house").n == 0
    assert desks.chief.post(f"{right.location}/reject", {"reason": ""}).status_code == 422
    assert desks.chief.post(f"{right.location}/approve").status_code == 303
    assert status(fund, right.location.rsplit("/", 1)[1])[0] == "booked"
    assert desks.auditor.get("/fund-openings/template.csv").text.startswith("\ufeff小区,楼幢号")
    empty = desks.both.post("/fund-openings", {**form(fund, rows, b"", "空.csv"), "file": (io.BytesIO(), "")})
    assert empty.status_code == 422 and "请选择导入文件" in empty.text
