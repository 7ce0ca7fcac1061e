"""What the tests of an opening do again and again: a file, its upload, its approval (期初导入测试用)."""

import csv
import io
from datetime import date
from types import SimpleNamespace
from typing import Any

import xlsxwriter

from config.clock import bureau_day
from escrow.opening.actions import Opening, approve, sheet_of, upload
from escrow.opening.carrying import carry_out
from escrow.opening.reading import COLUMNS, read_sheet
from escrow.opening.rules import OpeningStatus
from ledger.money import Yuan
from tests.estate import Estate, build, file_hash, new_number, officers

SALE = {
    "合同总价": "1000000.00", "买受人": "王秀英", "证件类型": "身份证", "证件号码": "11010519491231002X",
    "联系电话": "13800138000", "自有资金已缴": "350000.00", "付款账号": "6217000010001234567",
    "余款到期日": "2027-06-30", "余款来源": "贷款",
}  # fmt: skip


def people_of(house: Any) -> SimpleNamespace:
    """Cashier, reviewer and a clerk (办理人员)."""
    names = ("cashier", "reviewer", "clerk")
    return SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True)))


def estate_of(house: Any, people: SimpleNamespace, **changed: Any) -> Estate:
    """Two buildings of two homes, the first with a quota (有监管额度的项目)."""
    said: dict[str, Any] = {"quotas": {"1": "400000.00"}, "units": 2, **changed}
    return build(house, [people.clerk, people.reviewer], **said)


def home(estate: Estate, at: int, sale: dict[str, str] | None = None) -> dict[str, str]:
    """A row of one home; sold where a sale is given, with what of it differs (一户)."""
    per = len(estate.unit_codes) // len(estate.buildings)
    building = list(estate.buildings)[at // per]
    row = {
        "类别": "户", "楼幢号": building, "不动产单元代码": estate.unit_codes[at],
        "房号": str(101 + at % per), "建筑面积": "96.00", "用途": "住宅",
    }  # fmt: skip
    if sale is not None:
        number = new_number("QHT")
        row |= {**SALE, "合同编号": number, "备案号": f"BA-{number}", "备案日期": "2026-03-01", **sale}
    return row


def rows_of(estate: Estate) -> list[dict[str, str]]:
    """Three homes sold, one of them with a loan; the first building had paid 100,000 out (样例文件)."""
    lent = {"贷款已缴": "650000.00", "贷款机构": "交口县农村信用合作联社", "贷款账号": "9001000200030004"}
    return [
        home(estate, 0, {}),
        home(estate, 1, {**lent, "余款到期日": "", "余款来源": ""}),
        home(estate, 2, {"备案号": "", "备案日期": ""}),
        home(estate, 3),
        {"类别": "楼幢", "楼幢号": "1", "一般资金已拨付": "100000.00"},
    ]


BALANCE, UNMATCHED = "1612345.67", "12345.67"


def content_of(rows: list[dict[str, str]], encoding: str = "utf-8-sig") -> bytes:
    """The rows as a CSV file (文件)."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, COLUMNS)
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode(encoding)


def workbook_with(rows: list[dict[str, str]]) -> bytes:
    """The rows as a clerk types them into a workbook: amounts and areas as numbers, days as days (工作簿)."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as book:
        sheet, as_day = book.add_worksheet(), book.add_format({"num_format": "yyyy/m/d"})
        sheet.write_row(0, 0, tuple(COLUMNS))
        for at, row in enumerate(rows, 1):
            for column, name in enumerate(COLUMNS):
                said = row.get(name, "")
                if said and name.endswith(("已缴", "总价", "面积", "已拨付")):
                    sheet.write_number(at, column, float(said))
                elif said and name.endswith(("日期", "到期日")):
                    sheet.write_datetime(at, column, date.fromisoformat(said), as_day)
                else:
                    sheet.write_string(at, column, said)
    return made.getvalue()


def asked(estate: Estate, rows: list[dict[str, str]] | bytes, **changed: Any) -> Opening:
    """The file with its certificate (导入材料)."""
    number = new_number("YE")
    said: dict[str, Any] = {
        "account_no": estate.account_no, "as_of": bureau_day(), "bank_balance": Yuan(BALANCE),
        "unmatched": Yuan(UNMATCHED), "certificate_no": number, "file_hash": file_hash(number),
        "content": rows if isinstance(rows, bytes) else content_of(rows), **changed,
    }  # fmt: skip
    return Opening(**said)


def uploaded(estate: Estate, what: Opening, officer_id: int) -> str:
    told = estate.house.settings
    return estate.do(lambda session: upload(session, what, told, officer_id=officer_id))


def approved(estate: Estate, opening_no: str, officer_id: int) -> OpeningStatus:
    """Another officer's approval alone (批准)."""
    told = estate.house.settings
    with estate.house.database.read() as session:
        sheet = read_sheet(sheet_of(session, opening_no, told))
    status: OpeningStatus = estate.do(
        lambda session: approve(session, opening_no, sheet, told, officer_id=officer_id)
    )
    return status


def booked(estate: Estate, opening_no: str, officer_id: int) -> None:
    """Approved, and booked where the background has to (批准并入账)."""
    if approved(estate, opening_no, officer_id) is OpeningStatus.APPROVED:
        carry_out(estate.house.database, estate.house.settings, opening_no)
