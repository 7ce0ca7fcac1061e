"""The report of an opening as a workbook (期初导入报告)."""

import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import xlsxwriter
from sqlalchemy import Row

from escrow.fund_opening.lists import Sums, by_building, by_community, whole
from escrow.fund_opening.rules import NATURES, STATUS_LABELS, FundOpeningStatus
from escrow.maintenance.chart import Nature
from ledger.money import Yuan

# Nothing written here is ever a formula or a link.
_PLAIN = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
_SUMS = ("小区", "楼幢", "房屋性质", "户数", "建筑面积（平方米）", "首期交存额（元）", "余额（元）")
_HOUSES = (
    "文件行号", "小区", "楼幢", "房号", "不动产单元代码", "房屋性质", "建筑面积（平方米）", "首期交存额（元）", "余额（元）",
    "业主",
)  # fmt: skip


def workbook(row: Row[Any], houses: Sequence[Row[Any]]) -> bytes:
    """What was loaded, by whom, from which file, and its sums (报告)."""
    buildings = by_building(row.summary)
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, _PLAIN) as book:
        bold = book.add_format({"bold": True})
        _sheet(book, bold, "导入报告", ("项目", "内容"), _said(row))
        _sheet(book, bold, "小区", _SUMS, [_sums(one) for one in [*by_community(buildings), whole(buildings)]])
        _sheet(book, bold, "楼幢", _SUMS, [_sums(one) for one in buildings])
        if houses:
            _sheet(book, bold, "逐户", _HOUSES, map(_house, houses))
    return made.getvalue()


def _said(row: Row[Any]) -> list[tuple[object, ...]]:
    law = (row.law or {}).get("provisions", {}).values()
    return [
        ("导入编号", row.opening_no), ("状态", STATUS_LABELS[FundOpeningStatus(row.status)]),
        ("维修资金专户", f"{row.account_name} {row.account_no}"), ("余额日期", f"{row.as_of}"),
        ("银行余额：商品住宅（元）", row.bank_commodity), ("银行余额：已售公有住房（元）", row.bank_public),
        ("待分配累计收益：商品住宅（元）", row.undistributed_commodity),
        ("待分配累计收益：已售公有住房（元）", row.undistributed_public),
        ("户数", row.houses), ("银行余额证明", row.certificate_no), ("余额证明 SHA-256", row.file_hash),
        ("导入文件", row.sheet_name), ("导入文件 SHA-256", row.sheet_hash),
        ("上传", f"{row.enterer} {row.entered_at:%Y-%m-%d %H:%M:%S%z}"),
        ("批准", f"{row.decider} {row.decided_at:%Y-%m-%d %H:%M:%S%z}" if row.decider else "—"),
        ("入账时间", f"{row.booked_at:%Y-%m-%d %H:%M:%S%z}" if row.booked_at else "—"),
        ("依据", "；".join(dict.fromkeys(one["citation"] for one in law))),
    ]  # fmt: skip


def _sums(one: Sums) -> tuple[object, ...]:
    nature = NATURES[one.nature] if one.nature else ""
    return (one.community, one.building_no, nature, one.houses, one.area, one.first_paid, one.balance)


def _house(row: Row[Any]) -> tuple[object, ...]:
    return (
        row.row, row.community, row.building_no, row.room_no, row.unit_code, NATURES[Nature(row.nature)],
        row.area, row.first_paid, row.balance, row.owners or "",
    )  # fmt: skip


def _sheet(
    book: Any, bold: Any, title: str, header: Sequence[str], rows: Iterable[tuple[object, ...]]
) -> None:
    sheet, amount = book.add_worksheet(title), book.add_format({"num_format": "#,##0.00"})
    sheet.set_column(0, len(header) - 1, 22)
    sheet.freeze_panes(1, 0)
    for at, name in enumerate(header):
        sheet.write_string(0, at, name, bold)
    for line, cells in enumerate(rows, 1):
        for at, cell in enumerate(cells):
            if isinstance(cell, Yuan):
                # A spreadsheet's number keeps fen exact far beyond any fund's size.
                sheet.write_number(line, at, cell.fen / 100, amount)
            elif isinstance(cell, int | Decimal):
                sheet.write_number(line, at, cell)
            else:
                sheet.write_string(line, at, str(cell))
