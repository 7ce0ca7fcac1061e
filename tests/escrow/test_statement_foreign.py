"""别家银行写的对账单：批量分录、冲正标志、在途与告知、多份合一、带前缀的命名空间、BOM、国标编码、两万笔。"""

import io
import time
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError
from werkzeug.datastructures import FileStorage

from config.clock import bureau_day
from escrow.errors import Malformed
from escrow.statements.files import Sender, arriving, keep
from escrow.statements.matching import match
from escrow.statements.reading import MOST_TURNS, read, waiting
from tests.desk import bearer, hire, sit_down
from tests.dusk import stored
from tests.estate import Estate, build, officers, pay, sold, standing
from tests.stating import COLUMNS, HEAD, Day, Told, as_camt, held, teller
from tests.withdrawing import force

TODAY = bureau_day()


scene_of = standing()


@pytest.fixture
def bank(app: Any) -> Any:
    return teller(app)


def sent(bank: Any, body: bytes, kind: str = "application/xml") -> Any:
    """经银行的门报送原样字节。"""
    if "token" not in vars(bank):
        bank.token = bearer(bank.app.extensions["database"], "bank-abc2", "bank", bank_code="ABC")
    headers = {**bank.token, "Content-Type": kind}
    answer = bank.app.test_client().post("/api/v1/statements", data=body, headers=headers)
    assert answer.status_code < 500, answer.text
    return answer


def entry(serial: str, fen: int, *, inside: str = "", side: str = "CRDT", status: str = "BOOK") -> str:
    """一条分录；里面另写什么由 inside 给出。"""
    return (
        f"<Ntry><Amt Ccy='CNY'>{fen // 100}.{fen % 100:02d}</Amt><CdtDbtInd>{side}</CdtDbtInd>"
        f"<Sts><Cd>{status}</Cd></Sts><BookgDt><Dt>{TODAY}</Dt></BookgDt>"
        f"<AcctSvcrRef>{serial}</AcctSvcrRef>{inside}</Ntry>"
    )


def payment(serial: str, amount: str, memo: str = "购房款", currency: str = "CNY", side: str = "") -> str:
    """批量分录里的一笔。"""
    ways = f"<CdtDbtInd>{side}</CdtDbtInd>" if side else ""
    return (
        f"<TxDtls><Refs><AcctSvcrRef>{serial}</AcctSvcrRef></Refs><Amt Ccy='{currency}'>{amount}</Amt>{ways}"
        "<RltdPties><Dbtr><Pty><Nm>王秀英</Nm></Pty></Dbtr></RltdPties>"
        f"<RmtInf><Ustrd>{memo}</Ustrd></RmtInf></TxDtls>"
    )


def document(
    estate: Estate, closing: int, *entries: str, opening: int = 0, count: int | None = None
) -> bytes:
    """一份 camt.053.001.08，分录另写。"""
    empty = as_camt(Day(estate.account_no, opening=opening, closing=closing)).decode()
    start, end = empty.index("<TxsSummry>"), empty.index("</TxsSummry>") + len("</TxsSummry>")
    summary = ""
    if count is not None:
        summary = f"<TxsSummry><TtlNtries><NbOfNtries>{count}</NbOfNtries></TtlNtries></TxsSummry>"
    return (empty[:start] + summary + "".join(entries) + empty[end:]).encode()


def batch(*payments: str) -> str:
    return f"<NtryDtls><Btch><NbOfTxs>{len(payments)}</NbOfTxs></Btch>{''.join(payments)}</NtryDtls>"


def test_a_batch_entry_is_the_payments_it_is_made_of(bank: Any, estate: Estate) -> None:
    """批量入账一条分录、两笔明细各有流水号：拆成两笔逐笔勾对，笔数按分录核对。"""
    _, (notice,) = sold(estate, amount="300.00")
    pay(estate, notice, "100.00")
    [(serial,)] = held(estate, "SELECT bank_serial FROM receipt")
    inside = batch(payment(serial, "100.00"), payment("P2", "200.00", notice))
    answer = sent(bank, document(estate, 30000, entry("BATCH", 30000, inside=inside), count=1))
    assert (answer.status_code, answer.json["lines"], answer.json["status"]) == (202, 2, "matched")
    assert held(estate, "SELECT bank_serial, amount, memo FROM statement_line ORDER BY line_no") == [
        (serial, 10000, "购房款"), ("P2", 20000, notice),
    ]  # fmt: skip


FIRST = payment("P1", "100.00")
LOOSE = [
    [FIRST, payment("P1", "200.00")], [FIRST, payment("P2", "199.99")], [FIRST, payment("", "200.00")],
    [FIRST, payment("P2", "200.00", currency="USD")], [payment("P1", "1e2"), payment("P2", "200.00")],
    [payment("P1", "400.00"), payment("P2", "100.00", side="DBIT")],
]  # fmt: skip


@pytest.mark.parametrize("payments", LOOSE, ids=range(len(LOOSE)))
def test_a_batch_that_does_not_add_up_is_one_line(bank: Any, estate: Estate, payments: list[str]) -> None:
    """明细没有各自的流水号、合计不等、币种或方向不一：整条作一笔，不猜。"""
    answer = sent(bank, document(estate, 30000, entry("BATCH", 30000, inside=batch(*payments)), count=1))
    assert (answer.status_code, answer.json["lines"]) == (202, 1)
    assert held(estate, "SELECT bank_serial, amount FROM statement_line") == [("BATCH", 30000)]


def test_a_reversal_goes_the_way_its_entry_says(bank: Any, estate: Estate) -> None:
    """带冲正标志（RvslInd）的分录，收付以本分录所写方向为准；冲正与原笔一收一付。"""
    reversal = "<RvslInd>true</RvslInd>"
    body = document(
        estate, 0, entry("R1", 500), entry("R2", 500, side="DBIT", inside=reversal), count=2
    )
    answer = sent(bank, body)
    assert (answer.status_code, answer.json["closing"], answer.json["lines"]) == (202, "0.00", 2)
    assert held(estate, "SELECT direction FROM statement_line ORDER BY line_no") == [("credit",), ("debit",)]


def test_pending_is_refused_and_information_is_passed_over(bank: Any, estate: Estate) -> None:
    """未记账（PDNG）的不是对账单，整份不收并说明；仅供告知（INFO）的不是动账，略过。"""
    answer = sent(bank, document(estate, 500, entry("B1", 500), entry("P1", 700, status="PDNG")))
    assert answer.status_code == 422 and "PDNG" in answer.text and "第 2 笔" in answer.text
    answer = sent(bank, document(estate, 500, entry("I1", 700, status="INFO"), entry("B1", 500)))
    assert (answer.status_code, answer.json["lines"]) == (202, 1)


def test_two_statements_in_one_file_are_refused_whole(bank: Any, estate: Estate, house: Any) -> None:
    """一份文件里两个账户或两天：整份不收，说明恰须一个。"""
    one = document(estate, 500, entry("B1", 500)).decode()
    start, end = one.index("<Stmt>"), one.index("</Stmt>") + len("</Stmt>")
    other = build(house, officers(house, "aa", "bb"))
    for second in (one[start:end], one[start:end].replace(estate.account_no, other.account_no)):
        answer = sent(bank, (one[:end] + second + one[end:]).encode())
        assert answer.status_code == 422 and "恰有一个账户" in answer.text
    assert held(estate, "SELECT count(*) FROM statement_line") == [(0,)]


XSI = '<Document xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="x y" '
WRITTEN = {
    "prefix": lambda xml: xml.replace("<", "<n:").replace("<n:/", "</n:").replace("<n:?", "<?").replace(
        "xmlns=", "xmlns:n="),
    "bom": lambda xml: "\ufeff" + xml,
    "crlf": lambda xml: xml.replace("\n", "\r\n"),
    "undeclared": lambda xml: xml.split("?>", 1)[1],
    "comments": lambda xml: xml.replace("<Stmt>", "<!-- 对账单 --><Stmt>").replace(
        "购房款", "<![CDATA[购房款]]>"),
    "spaces": lambda xml: xml.replace("<Ccy>CNY</Ccy>", "\u3000<Ccy>CNY</Ccy>\u3000"),
    "attributes": lambda xml: xml.replace('UTF-8"?>', 'utf-8" standalone="yes"?>').replace("<Document ", XSI),
}  # fmt: skip


@pytest.mark.parametrize("way", WRITTEN)
@pytest.mark.parametrize("version", ["02", "08"])
def test_every_way_a_bank_may_write_it(bank: Any, estate: Estate, way: str, version: str) -> None:
    """带前缀的命名空间、BOM、CRLF、没有声明、注释与 CDATA、全角空格、附加属性：读出的都一样。"""
    plain = as_camt(Day(estate.account_no, (Told("B1", 10500),)), version).decode()
    body = WRITTEN[way](plain).encode()
    answer = sent(bank, body)
    assert (answer.status_code, answer.json["closing"]) == (202, "105.00"), answer.text
    assert held(estate, "SELECT bank_serial, amount, memo FROM statement_line") == [("B1", 10500, "购房款")]


def flat(estate: Estate, *rows: str, closing: str = "105.00", head: str = HEAD) -> str:
    return "\n".join([head, f"{estate.account_no},{TODAY},0.00,{closing}", "", COLUMNS, *rows, ""])


ROW = f'B1,credit,105.00,{TODAY},{TODAY}T10:12:03+08:00,"张三，""李四"",王五",6217000010001234567,"首付,\u3000款"'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_commas_and_quotes_inside_a_field(bank: Any, estate: Estate, encoding: str, newline: str) -> None:
    """CSV 里带逗号、引号、全角空格的户名与摘要，UTF-8 与 GB18030、LF 与 CRLF 都读得一样。"""
    body = flat(estate, ROW).replace("\n", newline).encode(encoding)
    answer = sent(bank, body, "text/csv; charset=gb18030" if encoding == "gb18030" else "text/csv")
    assert (answer.status_code, answer.json["closing"]) == (202, "105.00"), answer.text
    assert held(estate, "SELECT memo FROM statement_line") == [("首付, 款",)]


ODD_ROWS = [
    ROW.replace("105.00", "999999999999.99"), ROW.replace("105.00", "１０５.００"), ROW.replace("B1,", "B 1,"),
    ROW.replace(f"{TODAY},", "9999-12-31,"), ROW + ",多一列",
    ROW.replace("credit", "CREDIT"), ROW.replace('"张三', '"张三"x"'), '"没有收尾', "\x1a", "，" * 7,
    ROW.replace("6217000010001234567", "6" * 5000),
]  # fmt: skip


@pytest.mark.parametrize("row", ODD_ROWS, ids=range(len(ODD_ROWS)))
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_row_nobody_can_book_is_refused_and_no_fault(
    bank: Any, estate: Estate, row: str, encoding: str
) -> None:
    """写不成账的一行：整份不收，说明哪一行、为什么；不是系统出错。"""
    closing = "999999999999.99" if "999999999999.99" in row else "105.00"
    answer = sent(bank, flat(estate, row, closing=closing).encode(encoding), "text/csv")
    assert answer.status_code in (400, 422), answer.text
    assert answer.json["code"] in ("malformed", "invalid") and "系统" not in answer.json["detail"]


ODD_ENTRIES = [
    entry("B1", 99999999999999), entry("流水", 500), entry("", 500),
    entry("B1", 500).replace(f"{TODAY}", "2026-02-30"),
    entry("B1", 500).replace(f"<Dt>{TODAY}</Dt>", "<DtTm>0001-01-01T00:00:00+14:00</DtTm>"),
    entry("B1", 500).replace(f"<Dt>{TODAY}</Dt>", "<DtTm>9999-12-31T23:59:59-14:00</DtTm>"),
    entry("B1", 500).replace("5.00", "+5.00"), entry("B1", 500).replace("CRDT", "crdt"),
    entry("B1", 500).replace("'CNY'", "'USD'"), "<Ntry/>", "</Stmt><Stmt>",
    "<Bal/>" * 3 + "<Ntry><Bal/></Ntry>", entry("B" * 65, 500),
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD_ENTRIES, ids=range(len(ODD_ENTRIES)))
def test_an_entry_nobody_can_book_is_refused_and_no_fault(bank: Any, estate: Estate, odd: str) -> None:
    """写不成账的一条分录：整份不收，说明第几笔、为什么；页面上传同样。"""
    body = document(estate, 99999999999999 if "999999999999" in odd else 500, odd)
    answer = sent(bank, body)
    assert answer.status_code in (400, 422), answer.text


def test_the_oldest_and_the_largest_that_can_be(bank: Any, estate: Estate) -> None:
    """一千亿元整、公元元年起息的收款：对账单怎么写就怎么记，补记不明入账。"""
    told = entry("B1", 10_000_000_000_000, inside="<ValDt><Dt>0001-01-01</Dt></ValDt>")
    answer = sent(bank, document(estate, 10_000_000_000_000, told))
    assert (answer.status_code, answer.json["status"]) == (202, "matched"), answer.text
    assert estate.held()["2101", ""] == "100000000000.00"


def test_an_officer_is_told_why_at_the_page_too(bank: Any, estate: Estate) -> None:
    """同样的文件经页面上传：不收的说明理由，收的给出编号；从不出错页。"""
    house = estate.house
    seat = sit_down(bank.app, hire(house.database, house.settings, "yuan", "cashier"))
    bodies = [document(estate, 500, odd) for odd in ODD_ENTRIES]
    bodies += [flat(estate, row).encode() for row in ODD_ROWS]
    bodies.append(flat(estate, ROW).encode("gb18030"))
    pages = []
    for body in bodies:
        file = FileStorage(io.BytesIO(body), "日终.xml")
        page = seat.post("/statements", {"file": file}, follow_redirects=True)
        assert page.status_code == 200
        pages.append(page.text)
    assert all("不予接收" in page for page in pages[:-1]) and "已接收为对账单" in pages[-1]


def test_a_file_we_fail_at_is_not_tried_for_ever(bank: Any, estate: Estate) -> None:
    """读取时系统自己出错：留待再读；五次未成即不再自动读，写明原因，原文仍在。"""
    house = estate.house
    file_id = stored(house, Day(estate.account_no, (Told("B1", 500),)), reading=False)
    with house.connect("owner") as connection:
        connection.execute("ALTER TABLE statement_line ADD CONSTRAINT never CHECK (amount < 0)")
    for turn in range(1, MOST_TURNS):
        with pytest.raises(DBAPIError):
            read(house.database, house.settings, file_id)
        force(house, "UPDATE statement_file SET touched_at = now() - interval '1 hour'")
        with house.database.read() as session:
            assert waiting(session) == [file_id], turn
    with pytest.raises(Malformed, match="告知系统管理员"):
        read(house.database, house.settings, file_id)
    with house.database.read() as session:
        assert waiting(session) == []


def test_twenty_thousand_entries_are_read_and_matched_in_time(estate: Estate) -> None:
    """两万笔的 camt 对账单：读完并勾对不到一分钟（十万笔五分钟），逐笔补记，分文不差。"""
    many = tuple(Told(f"M{n:06d}", n, name="", memo="") for n in range(1, 20_001))
    house, begun = estate.house, time.monotonic()
    body = io.BytesIO(as_camt(Day(estate.account_no, many)))
    with arriving(body) as arrived, house.database.begin() as session:
        kept = keep(session, arrived, Sender(bank_code="ABC"), house.settings)
    read(house.database, house.settings, kept.id)
    match(house.database, house.settings, estate.account_id)
    assert time.monotonic() - begun < 60
    assert held(estate, "SELECT status, lines, matched FROM statement") == [("matched", 20_000, 20_000)]
    assert estate.held()["2101", ""] == "2000100.00"


def test_a_line_older_than_its_account_is_booked_as_the_bank_tells_it(bank: Any, estate: Estate) -> None:
    """起息日早于账户启用日的收款：对账单列了就照记，不出错。"""
    old = TODAY - timedelta(days=4000)
    answer = bank(Day(estate.account_no, (Told("B1", 500, value_date=old),)))
    assert (answer["status"], answer["matched"]) == ("matched", 1)
