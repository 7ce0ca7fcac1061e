"""期初文件的读取：Excel 与 CSV 同样读出，错误逐行逐列写明；公式不采信（其余格式的规矩见 escrow/sheets.py）。"""

import pytest

from escrow.fund_opening.reading import COLUMNS, read_sheet
from escrow.sheets import workbook_of
from tests.fund.opening_files import as_csv, as_xlsx, home

ROWS = [home(at) for at in range(3)]


@pytest.mark.parametrize(
    "content",
    [as_csv(ROWS), as_csv(ROWS, "gb18030"), as_xlsx(ROWS), as_xlsx(ROWS, numbers=False)],
)
def test_every_format_says_the_same(content):
    """UTF-8、GB18030、数字格与文字格的 Excel，读出来是同样的三户。"""
    houses, found = read_sheet(content)
    assert not found
    assert [(one.row, one.room_no, str(one.area), str(one.balance)) for one in houses] == [
        (2, "101", "96.00", "7000.00"), (3, "102", "96.00", "7001.01"), (4, "103", "96.00", "7002.02"),
    ]  # fmt: skip
    assert houses[0].owners == (("王秀英", "11010519491231002X"),)
    assert [name for name, _ in houses[2].owners] == ["张伟", "赵敏"]


@pytest.mark.parametrize(
    ("column", "said", "message"),
    [
        ("不动产单元代码", "141130", "格式不正确"), ("不动产单元代码", "1" * 28, "格式不正确"),
        ("余额", "-0.01", "不得为负"), ("余额", "7,000.00", "不带千分位"), ("余额", "1.001", "至多两位小数"),
        ("余额", "=SUM(A1)", "不得为公式"), ("余额", "", "必填"), ("建筑面积", "0", "面积须大于零"),
        ("结构", "土木", "须为 砖混、框架、高层 之一"), ("房屋性质", "商铺", "须为 商品住宅、已售公有住房 之一"),
        ("证件号码", "110105194912310021", "身份证号校验不通过"), ("证件号码", "A1；B2", "个数须一一对应"),
        ("小区", " ", "必填"),
    ],
)  # fmt: skip
def test_a_fault_has_its_row_and_column(column, said, message):
    """每一处错误都说在第几行、哪一列、为什么。"""
    rows = [ROWS[1], {**ROWS[0], column: said}]
    for content in (as_csv(rows), as_xlsx(rows, numbers=False)):
        _, [fault] = read_sheet(content)
        assert (fault.row, fault.column) == (3, column) and message in fault.message


def test_an_empty_row_and_a_leading_blank_do_not_move_the_numbers():
    """中间的空行不算错误；行号与表格里看到的一致。"""
    content = as_xlsx([ROWS[0], {}, {**ROWS[1], "余额": "甲"}], numbers=False)
    houses, [fault] = read_sheet(content)
    assert len(houses) == 1 and fault.row == 4


def test_a_header_that_is_not_ours_is_named():
    """缺一列、多一列都写明列名；业主两列可以没有。"""
    said = as_csv(ROWS).decode("utf-8-sig")
    assert read_sheet(said.replace("结构", "构造").encode())[1][0].column == "结构"
    assert read_sheet(said.replace("\r\n", ",备注\r\n", 1).encode())[1][0].column == "备注"
    lines = [",".join(list(COLUMNS)[:10]), ",".join(list(ROWS[0].values())[:10])]
    houses, found = read_sheet("\r\n".join(lines).encode())
    assert len(houses) == 1 and not found


def test_the_empty_workbook_reads_back_as_a_file_without_houses():
    """下载的空白表原样传回：表头对得上，一户也没有。"""
    assert read_sheet(workbook_of(COLUMNS)) == ([], [])


def test_a_formula_is_told_by_its_cell():
    """公式不运行也不采信：说明在哪一格，请改为数值。"""
    _, [fault] = read_sheet(as_xlsx(ROWS, formula="=1+1"))
    assert (fault.row, fault.column) == (3, "J") and "公式" in fault.message
