"""新的一年用文件录入：下载空白文件，对照通知补全，上传，另一人确认；差错逐行指出；缺年早两个月报警。"""

import io
import time
from datetime import date
from typing import Any

import pytest
import time_machine
from werkzeug.datastructures import FileStorage

from config.clock import bureau_day
from escrow.workdays.files import read_file, template
from tests.desk import hire, sit_down

YEAR = 2098
FIXED = {date(YEAR, 1, 1), date(YEAR, 5, 1), date(YEAR, 10, 1), date(YEAR, 10, 2), date(YEAR, 10, 3)}
FILLED = template(YEAR) + "2098-02-01至2098-02-07,放假,春节\r\n2098-02-08,上班,\r\n"
PAPER = {"notice_no": "国办发明电〔2097〕1号", "file_hash": "cd" * 32}


def test_the_template_is_a_year_with_its_fixed_festivals() -> None:
    """空白文件原样传回，就是只有元旦、劳动节、国庆的一年。"""
    year, days = read_file(template(YEAR).encode())
    assert (year, days.holidays, days.working_weekends) == (YEAR, FIXED, frozenset())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("spoilt", [False, True])
def test_a_spreadsheet_may_have_had_it(encoding: str, spoilt: bool) -> None:
    """Excel 存过的也认得：BOM、国标编码、2098/2/8、末尾空行与多余的逗号。"""
    body = FILLED
    if spoilt:
        body = body.replace("2098-02-08", "2098/2/8").replace("春节", "春节,,") + ",,\r\n\r\n"
    year, days = read_file(body.encode(encoding))
    assert (year, len(days.holidays), days.working_weekends) == (YEAR, 12, {date(YEAR, 2, 8)})


FAULTY = {
    "第 7 行：安排须为": FILLED.replace("放假,春节", "休息,春节"),
    "第 8 行：“2098-02-30”不是日子": FILLED.replace("2098-02-08", "2098-02-30"),
    "2097、2098 年的日子": FILLED.replace("2098-02-08", "2097-02-08"),
    "第一行须为表头": "2098-01-01,放假\n", "文件里没有一天": "日期,安排,说明\n", "没有填日期": "日期,安排\n,放假\n",
    "第 9 行：2098-02-07 前面已经写过放假": FILLED + "2098-02-07,放假,\r\n",
    "不是合规的 CSV": 'a,"b\n', "文件过大": "日期,安排\n" + "2098-01-01,放假\n" * 10000, "起止颠倒":
        FILLED.replace("2098-02-01至2098-02-07", "2098-02-07至2098-02-01"),
}  # fmt: skip


@pytest.mark.parametrize("said", FAULTY)
def test_every_fault_is_told_by_its_row(said: str) -> None:
    """填错的逐行指出，不猜。"""
    with pytest.raises(ValueError, match=said):
        read_file(FAULTY[said].encode())
    with pytest.raises(ValueError, match="编码"):
        read_file(b"\xff\xfe\x00")


def file(text: str) -> FileStorage:
    return FileStorage(io.BytesIO(text.encode("gb18030")), "2098.csv")


def test_an_officer_loads_a_year_in_a_minute(app: Any, house: Any) -> None:
    """从报警到生效：下载、补全、上传、另一人确认，几次点击；通知文件当场算出摘要；有差错的留在原页指出。"""
    people = [hire(house.database, house.settings, name, role)
              for name, role in (("luru", "register"), ("fuhe", "reviewer"))]  # fmt: skip
    clerk, reviewer = (sit_down(app, one) for one in people)
    begun = time.monotonic()
    page = clerk.get("/working-days").text
    assert f"/working-days/{bureau_day().year + 1}.csv" in page
    blank = clerk.get(f"/working-days/{YEAR}.csv")
    assert blank.mimetype == "text/csv" and blank.text.lstrip("\ufeff") == template(YEAR)
    assert clerk.get("/working-days/1.csv").status_code == 404

    wrong = clerk.post("/working-days/file", {**PAPER, "days": file(FAULTY["第 7 行：安排须为"])})
    assert wrong.status_code == 422 and "第 7 行：安排须为" in wrong.text and PAPER["notice_no"] in wrong.text
    assert "请选择填好的文件" in clerk.post("/working-days/file", PAPER).text
    lacking = clerk.post("/working-days/file", {**PAPER, "days": file("日期,安排\n2098-01-01,放假\n")})
    assert "法定日子必在其中" in lacking.text
    early = clerk.post("/working-days/file", {**PAPER, "days": file(FILLED.replace("2098", "1998"))})
    assert early.status_code == 422 and "1998 年不在 2000 至 2099 年之间" in early.text

    notice = {"notice_no": PAPER["notice_no"], "file_hash-file": FileStorage(io.BytesIO(b"%PDF"), "通知.pdf")}
    sent = clerk.post("/working-days/file", {**notice, "days": file(FILLED)})
    assert sent.status_code == 303, sent.text
    path = sent.headers["Location"]
    assert reviewer.post(f"{path}/confirm", {"totp": reviewer.who.code()}).status_code == 303
    assert "现行" in reviewer.get(path).text
    assert time.monotonic() - begun < 60
    assert reviewer.post("/working-days/file", {**PAPER, "days": file(FILLED)}).status_code == 403


@pytest.mark.parametrize(("day", "warned"), [
    ("2026-10-31", False), ("2026-11-01", True), ("2026-11-21", True), ("2027-01-02", True),
])  # fmt: skip
def test_the_front_page_warns_two_months_ahead(app: Any, house: Any, day: str, warned: bool) -> None:
    """2027 年的放假通知没有录入：自 2026 年 11 月 1 日起首页报警，到 2027 年仍报；10 月底还不报。"""
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM working_year WHERE year >= 2027")
    with time_machine.travel(f"{day}T02:00:00+00:00", tick=True):
        seat = sit_down(app, hire(house.database, house.settings, "kan", "reviewer"))
        assert ("2027 年的放假通知尚未录入" in seat.get("/").text) is warned
