"""The statements as a workbook and as paper (报表文件): the same figures, the same words."""

import io
from dataclasses import dataclass
from datetime import date, datetime

import xlsxwriter

from escrow.fund_statements.rules import Statement
from escrow.papers import pdf
from ledger.money import Yuan


@dataclass(frozen=True, slots=True)
class Heading:
    """Whose statements, of which period, made when (报表抬头)."""

    account_no: str
    account_name: str
    start: date
    end: date
    made_at: datetime

    @property
    def period(self) -> str:
        """The period in words (期间)."""
        return f"{self.start:%Y-%m-%d} 至 {self.end:%Y-%m-%d}"


def workbook(heading: Heading, statements: list[Statement]) -> bytes:
    """One sheet for each statement, amounts as numbers in yuan (工作簿); nothing in it is a formula."""
    made = io.BytesIO()
    told = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(made, told) as book:
        book.set_properties({"title": "维修资金报表", "created": heading.made_at.replace(tzinfo=None)})
        bold = book.add_format({"bold": True})
        amount = book.add_format({"num_format": "#,##0.00"})
        total = book.add_format({"num_format": "#,##0.00", "bold": True})
        for one in statements:
            sheet = book.add_worksheet(f"{one.number}{one.title}")
            sheet.set_column(0, 0, 44)
            sheet.set_column(1, len(one.columns), 20)
            sheet.write_string(0, 0, f"{one.title}（{one.number}）", bold)
            sheet.write_string(1, 0, f"{heading.account_name} {heading.account_no}")
            sheet.write_string(2, 0, f"{heading.period}　单位：元")
            for at, column in enumerate(("项目", *one.columns)):
                sheet.write_string(3, at, column, bold)
            for row, line in enumerate(one.lines, 4):
                sheet.write_string(row, 0, line.label, bold if line.is_total else None)
                for at, fen in enumerate(line.cells, 1):
                    # A spreadsheet's number keeps fen exact far beyond any fund's size.
                    sheet.write_number(row, at, fen / 100, total if line.is_total else amount)
    return made.getvalue()


def paper(heading: Heading, statements: list[Statement]) -> bytes:
    """The same on A4, landscape (PDF). Raises Unprintable."""
    return pdf("fund_statements/statements.typ", {
        "title": "住宅专项维修资金报表", "place": f"{heading.account_name} {heading.account_no}",
        "period": heading.period, "made_at": f"{heading.made_at:%Y-%m-%d %H:%M:%S}",
        "statements": [
            {
                "title": f"{one.title}（{one.number}）", "columns": ["项目", *one.columns],
                "lines": [
                    [line.label, *(f"{Yuan.from_fen(fen):,}" for fen in line.cells)] for line in one.lines
                ],
            }
            for one in statements
        ],
    }, heading.made_at)  # fmt: skip
