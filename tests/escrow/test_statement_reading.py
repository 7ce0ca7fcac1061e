"""对账单读取：两种 camt 版本与 CSV 读出同样的内容；整份成立才算数。"""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from escrow.statements.camt import CamtReader
from escrow.statements.flat import CsvReader, encoding_of
from escrow.statements.rules import Header, Line, Tally, Unacceptable, Unreadable, faults
from tests.stating import Day, Told, as_camt, as_csv

TODAY = date(2026, 11, 20)
USUAL = Day(
    "6222021410001234567",
    (Told("B1", 35000000, memo="首付款"), Told("B2", 120050, "debit", name="山西交口建工有限公司")),
    opening=1000,
    day=TODAY,
)


def read(body: bytes, size: int = 1 << 20) -> tuple[Header, list[Line], Tally]:
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    reader: Any = (
        CamtReader() if body.lstrip(b"\xef\xbb\xbf\n ")[:1] == b"<" else CsvReader(encoding_of(chunks))
    )
    tally, found = Tally(), list[Line]()
    for batch in reader.batches(chunks):
        found += batch
        for line in batch:
            tally.add(line, line.booked_at.date())
    return reader.header(), found, tally


WAYS = {
    "camt02": lambda told: as_camt(told, "02"),
    "camt08": lambda told: as_camt(told, "08"),
    "camt-gb": lambda told: as_camt(told, "08", encoding="GB18030"),
    "csv": as_csv,
    "csv-bom": lambda told: b"\xef\xbb\xbf" + as_csv(told),
    "csv-gb": lambda told: as_csv(told, "gb18030"),
    "csv-crlf": lambda told: as_csv(told, newline="\r\n"),
    "csv-cut-newline": lambda told: as_csv(told)[:-1],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("size", [1 << 20, 7])
def test_every_way_of_writing_says_the_same(way: str, size: int) -> None:
    """同一天的对账单，无论哪种格式、哪种编码、分多少段送来，读出的都一样。"""
    header, lines, tally = read(WAYS[way](USUAL), size)

    assert (header.account_no, header.business_date) == ("6222021410001234567", TODAY)
    assert (header.opening, header.closing) == (1000, 34880950)
    assert [(one.serial, one.direction, one.fen, one.name, one.memo) for one in lines] == [
        ("B1", "credit", 35000000, "王秀英", "首付款"),
        ("B2", "debit", 120050, "山西交口建工有限公司", "购房款"),
    ]
    assert lines[0].booked_at.isoformat() == "2026-11-20T10:12:03+08:00"
    assert faults(header, tally, TODAY) == {}


@pytest.mark.parametrize("way", WAYS)
def test_one_fen_off_and_all_of_it_is_refused(way: str) -> None:
    """期初加收减付与期末差一分，整份不收。"""
    header, _, tally = read(WAYS[way](replace(USUAL, closing=USUAL.ends + 1)))
    assert list(faults(header, tally, TODAY)) == ["closing_balance"]


def test_every_fault_is_told_at_once() -> None:
    """笔数、合计、期末、日期各有不符时，一次说全。"""
    body = as_camt(replace(USUAL, day=TODAY + timedelta(days=1), closing=5)).decode()
    body = body.replace("<NbOfNtries>2</NbOfNtries>", "<NbOfNtries>3</NbOfNtries>")
    body = body.replace("<Sum>350000.00</Sum>", "<Sum>350000.01</Sum>")
    header, _, tally = read(body.encode())
    assert set(faults(header, tally, TODAY)) == {"business_date", "lines", "credits", "closing_balance"}


def test_a_line_valued_after_its_day_is_refused() -> None:
    """起息日晚于对账日的，是另一天的事。"""
    header, _, tally = read(as_csv(USUAL.plus(Told("B3", 1, value_date=TODAY + timedelta(days=1)))))
    assert list(faults(header, tally, TODAY + timedelta(days=5))) == ["value_date"]


@pytest.mark.parametrize(
    "before",
    [
        "<!DOCTYPE Document>",
        '<!DOCTYPE Document [<!ENTITY x "y">]>',
        '<!DOCTYPE Document SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE d [<!ENTITY % p SYSTEM "http://127.0.0.1/x"> %p;]>',
    ],
)
def test_no_doctype_gets_in(before: str) -> None:
    """DOCTYPE、内部实体、外部实体、参数实体，一律整份拒收。"""
    with pytest.raises(Unreadable, match="DOCTYPE"):
        read(as_camt(USUAL, before=before))


CAMT = as_camt(USUAL).decode()


@pytest.mark.parametrize(
    "body",
    [
        CAMT[:-20], CAMT.replace("001.08", "001.13"), CAMT.replace("</Ntry>", "", 1), "<x/>", "",
        CAMT.replace("UTF-8", "UTF-16"), CAMT + "<more/>", "&x;", CAMT.replace("首付款", "&undeclared;"),
        "<a>" * 60 + "</a>" * 60,
    ],
)  # fmt: skip
def test_what_is_no_whole_document_is_unreadable(body: str) -> None:
    """残缺、未知版本、未声明实体、层次过深的 XML，都说读不了，不猜。"""
    with pytest.raises(Unreadable):
        read(body.encode())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("BOOK", "PDNG"), ("CRDT</CdtDbtInd><Sts", "X</CdtDbtInd><Sts"), ("B1", "有空格 的流水"),
        (">350000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts", ">3.5e5</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts"),
        (">350000.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts", ">0.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts"),
        ("<Ccy>CNY</Ccy>", "<Ccy>USD</Ccy>"), ("Ccy='CNY'>350000.00", "Ccy='USD'>350000.00"),
        ("<Cd>CLBD</Cd>", "<Cd>CLAV</Cd>"), ("true</LastPgInd>", "false</LastPgInd>"),
        ("6222021410001234567</Id></Othr></Id><Ccy>", "户</Id></Othr></Id><Ccy>"),
        ("</Stmt>", "</Stmt><Stmt><Id>S2</Id></Stmt>"), (f"<ValDt><Dt>{TODAY}", "<ValDt><Dt>2026-13-40"),
    ],
)  # fmt: skip
def test_a_camt_that_says_what_cannot_be_is_refused(one: str, other: str) -> None:
    """未记账、没有方向、怪金额、外币、没有期末、不是最后一页、两个账户：整份拒收。"""
    assert one in CAMT
    with pytest.raises(Unacceptable):
        read(CAMT.replace(one, other).encode())


CSV = as_csv(USUAL).decode()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("350000.00", "350000"), ("350000.00", "-1.00"), ("350000.00", "0.00"), ("credit", "CREDIT"),
        (",首付款", ""), (",首付款", ",首付款,多一列"), ("T10:12:03+08:00", "T10:12:03"),
        ("B1,", "B 1,"), ("6222021410001234567,", "622A,"), (",2026-11-20,10.00", ",2026-11-31,10.00"),
        ("10.00,348809.50", "10,348809.50"),
    ],
)  # fmt: skip
def test_a_row_that_says_what_cannot_be_is_refused(one: str, other: str) -> None:
    """CSV 里一格不合规，整份拒收。"""
    assert one in CSV
    with pytest.raises(Unacceptable):
        read(CSV.replace(one, other, 1).encode())


@pytest.mark.parametrize(
    "body", ["", "a,b\n", CSV.replace("memo", "note"), CSV.replace("\n\n", "\n"), "\0" * 9]
)
def test_what_is_no_such_csv_is_unreadable(body: str) -> None:
    """抬头不对、缺空行的 CSV 读不了。"""
    with pytest.raises(Unreadable):
        read(body.encode())


def test_bytes_of_no_encoding_are_unreadable() -> None:
    """既不是 UTF-8 也不是 GB18030 的字节读不了；UTF-16 的报文有没有 BOM 都一样。"""
    with pytest.raises(Unreadable):
        read(CSV.encode() + b"\xff\xff")
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        with pytest.raises(Unreadable):
            read(as_camt(USUAL).decode().replace("UTF-8", "UTF-16").encode(encoding))


def test_a_statement_cut_anywhere_is_refused_or_the_same_money() -> None:
    """在每个字节处截断：要么整份拒收，要么金额与笔数分文不差。"""
    for body in (as_csv(USUAL), as_camt(USUAL)):
        whole = [(one.serial, one.fen) for one in read(body)[1]]
        for cut in range(len(body)):
            try:
                header, lines, tally = read(body[:cut])
            except (Unreadable, Unacceptable):
                continue
            if not faults(header, tally, TODAY):
                assert [(one.serial, one.fen) for one in lines] == whole, cut
