"""Files of running communities as the tests hand them in: rows, CSV, real workbooks (期初文件测试用)."""

import csv
import io
from typing import Any

import xlsxwriter

from config.clock import bureau_day
from escrow.fund_opening.actions import Handed, approve, keep
from escrow.fund_opening.loading import carry_out
from escrow.fund_opening.reading import COLUMNS
from escrow.fund_opening.rules import Stated
from escrow.maintenance.chart import Nature
from ledger.money import Yuan
from tests.estate import file_hash, new_number
from tests.fund.fund_estate import REGION, FundEstate

NAMES = ("王秀英", "李建国", "张伟；赵敏")
IDS = ("11010519491231002X", "", "")


def home(at: int) -> dict[str, str]:
    """One house of a running community, by its number (一户)."""
    community, rest = divmod(at, 46)
    building, room = divmod(rest, 24)
    return {
        "小区": f"和谐苑{community + 1}区", "楼幢号": f"{building + 1}号楼", "房号": f"{room + 101}",
        "不动产单元代码": f"{REGION}{600_000 + community:06d}GB00001F{building + 1:04d}{room + 1:04d}",
        "结构": "框架", "房屋性质": "商品住宅", "用途": "住宅", "建筑面积": "96.00", "首期交存额": "6912.00",
        "余额": f"{7000 + at % 7}.{at % 100:02d}", "业主姓名": NAMES[at % 3], "证件号码": IDS[at % 3],
    }  # fmt: skip


def total(rows: list[dict[str, str]], nature: str = "商品住宅") -> str:
    """What the houses of one nature have together (合计)."""
    return str(sum((Yuan(row["余额"]) for row in rows if row["房屋性质"] == nature), Yuan("0.00")))


def as_csv(rows: list[dict[str, str]], encoding: str = "utf-8-sig") -> bytes:
    """The rows as a CSV file."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(COLUMNS))
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode(encoding)


def as_xlsx(rows: list[dict[str, str]], *, numbers: bool = True, formula: str = "") -> bytes:
    """The rows as a real workbook; amounts and areas as numbers, as a clerk has them."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet = book.add_worksheet("房屋")
        for at, name in enumerate(COLUMNS):
            sheet.write_string(0, at, name)
        for line, row in enumerate(rows, 1):
            for at, name in enumerate(COLUMNS):
                said = row.get(name, "")
                if numbers and name in ("建筑面积", "首期交存额", "余额", "房号") and said:
                    sheet.write_number(line, at, float(said))
                else:
                    sheet.write_string(line, at, said)
        if formula:
            sheet.write_formula(2, 9, formula, None, 7001.01)
    return made.getvalue()


def handed(fund: FundEstate, rows: list[dict[str, str]], content: bytes = b"", **changed: Any) -> Handed:
    """What one officer hands in, the bank's certificate agreeing with the rows (导入材料)."""
    aside = Yuan(changed.pop("aside", "0.00"))
    bank = {
        Nature.COMMODITY: Yuan(total(rows)) + aside, Nature.PUBLIC: Yuan(total(rows, "已售公有住房")),
    }  # fmt: skip
    undistributed = {Nature.COMMODITY: aside, Nature.PUBLIC: Yuan("0.00")}
    number = new_number("余证")
    said: dict[str, Any] = {
        "fund_id": fund.fund_id, "certificate_no": number, "file_hash": file_hash(number),
        "sheet_name": "期初.csv", "content": content or as_csv(rows),
        "stated": Stated(changed.pop("as_of", bureau_day()), changed.pop("bank", bank), undistributed),
    }  # fmt: skip
    return Handed(**{**said, **changed})


def stored(fund: FundEstate, asked: Handed) -> tuple[int, str]:
    """Uploaded, and not yet looked at (上传)."""
    told = fund.house.settings
    return fund.do(lambda session: keep(session, asked, told, officer_id=fund.officers[0]))


def entered(fund: FundEstate, asked: Handed) -> tuple[int, str]:
    """Uploaded and read (上传并核对)."""
    opening_id, number = stored(fund, asked)
    assert carry_out(fund.house.database, fund.house.settings, opening_id)
    return opening_id, number


def booked(fund: FundEstate, asked: Handed) -> str:
    """Read, approved by another, booked; its number (入账)."""
    opening_id, number = entered(fund, asked)
    fund.do(lambda session: approve(session, number, officer_id=fund.officers[1]))
    assert carry_out(fund.house.database, fund.house.settings, opening_id)
    return number


def status(fund: FundEstate, number: str) -> tuple[str, list[list[Any]]]:
    """How far it has come, and what was wrong (状态与错误)."""
    with fund.house.connect("reader") as connection:
        found = connection.execute(
            "SELECT status, coalesce(faults, '[]') FROM fund_opening WHERE opening_no = %s", (number,)
        ).fetchone()
    assert found
    return found[0], found[1]
