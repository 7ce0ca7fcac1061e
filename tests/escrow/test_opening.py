"""A running project is opened from a file: whole, by two officers, or not at all (期初导入)."""

import io
from types import SimpleNamespace

import psycopg
import pytest
import xlsxwriter

from config.clock import bureau_day
from escrow import chart
from escrow.contracts.cancelling import CancellationAsked, cancel
from escrow.contracts.reading import contract_seen
from escrow.errors import Refused
from escrow.filing.actions import Asked, check
from escrow.opening.actions import Faulty, reject
from escrow.opening.reading import COLUMNS
from ledger.money import Yuan
from tests.estate import filed, new_number, pay, sold
from tests.opening import (
    BALANCE,
    asked,
    booked,
    content_of,
    estate_of,
    home,
    people_of,
    rows_of,
    uploaded,
    workbook_with,
)
from tests.releasing import refused_by
from tests.sale import row


def scene_of(house, app):
    """A project and who opens its account (待期初导入的项目)."""
    people = people_of(house)
    return SimpleNamespace(people=people, estate=estate_of(house, people))


def opened(estate, people, rows=None, **changed):
    number = uploaded(estate, asked(estate, rows or rows_of(estate), **changed), people.cashier)
    booked(estate, number, people.reviewer)
    return number


def found(estate, people, rows, **changed):
    """The faults as (row, column)."""
    with pytest.raises(Faulty) as caught:
        uploaded(estate, asked(estate, rows, **changed), people.cashier)
    assert row(estate, "SELECT count(*) AS n FROM account_opening").n == 0
    return [(one.row, one.column) for one in caught.value.faults]


def codes(unit):
    with pytest.raises(Refused) as refused:
        unit()
    assert all(one.citation for one in refused.value.refusals)
    return [one.code for one in refused.value.refusals]


def test_everything_is_booked_in_one_go(house, estate, people):
    """合同、缴存、已拨付、待认领一次入账：存款等于银行余额，重点资金到额度为止，各合同累计缴存分明。"""
    opened(estate, people)
    held = estate.held()
    first, second = (chart.building_key(one) for one in estate.buildings.values())
    assert held["1101", ""] == BALANCE and held["2101", ""] == "12345.67"
    assert held["2111", first] == "400000.00" and held["2112", first] == "850000.00"
    assert held["2111", second] == "350000.00" and ("2112", second) not in held
    paid = [amount for (code, _), amount in held.items() if code == "8101"]
    assert sorted(paid) == ["1000000.00", "350000.00", "350000.00"]
    query = "SELECT count(*) FILTER (WHERE status = 'filed') AS filed, count(*) AS n FROM contract"
    assert tuple(row(estate, query)) == (2, 3)


def test_checks_answer_as_for_contracts_paid_through_the_doors(house, estate, people):
    """导入之后：未备案而已缴的合同核验通过、可以备案；已备案的答已备案；入账逐笔可查。"""
    rows = rows_of(estate)
    opened(estate, people, rows)
    number, unit = rows[2]["合同编号"], rows[2]["不动产单元代码"]
    question = Asked(new_number("WQ"), number, unit, Yuan("1000000.00"))
    answer = estate.do(lambda session: check(session, question, "filing"))
    assert answer.decision == "pass", answer.text
    filed(estate, number)
    question = Asked(new_number("WQ"), rows[0]["合同编号"], rows[0]["不动产单元代码"], Yuan("1000000.00"))
    answer = estate.do(lambda session: check(session, question, "filing"))
    assert "unit-already-filed" in answer.text
    with house.database.read() as session:
        seen = contract_seen(session, rows[1]["合同编号"])
    assert seen.row.filing["filing_no"] == rows[1]["备案号"] and str(seen.deposited) == "1000000.00"
    assert [one["status"].value for one in seen.notices] == ["paid", "paid"]


def test_the_rest_is_paid_and_money_goes_back_as_ever(house, estate, people):
    """余款照通知书缴入并配到合同；注销后款项挂在合同上待退。"""
    rows = rows_of(estate)
    opened(estate, people, rows)
    query = (
        "SELECT n.notice_no FROM payment_notice n JOIN contract c ON c.id = n.contract_id"
        " WHERE c.contract_no = :number AND n.paid = 0"
    )
    notice = row(estate, query, number=rows[0]["合同编号"]).notice_no
    assert pay(estate, notice, "650000.00")["status"] == "confirmed"
    ended = CancellationAsked(new_number("ZX"), bureau_day(), "双方解除合同")
    answer = estate.do(lambda session: cancel(session, rows[0]["合同编号"], ended))
    assert answer["deposited"] == "1000000.00"


def test_draw_down_keeps_what_key_funds_already_paid(house, people):
    """支用制：已拨付的重点资金计入重点已拨，应留存额随之递减。"""
    estate = estate_of(house, people, quota_mode="draw_down")
    rows = [*rows_of(estate)[:4], {"类别": "楼幢", "楼幢号": "1", "重点资金已拨付": "100000.00"}]
    opened(estate, people, rows)
    key = chart.building_key(estate.buildings["1"])
    held = estate.held()
    assert (held["2111", key], held["2112", key], held["8204", key]) == (
        "300000.00", "950000.00", "100000.00",
    )  # fmt: skip


def test_every_fault_is_told_with_its_row(estate, people):
    """一次列出全部错误：格式、缺项、重复、不在楼盘表、面积不符、证件、账号、超价、漏列、合计。"""
    rows = rows_of(estate)
    rows[0] |= {"合同总价": "1e6", "证件号码": "110105194912310021", "付款账号": ""}
    rows[1] |= {"用途": "商铺", "备案日期": ""}
    rows[4] |= {"类别": "其他"}
    said = found(estate, people, rows)
    assert set(said) == {
        (2, "合同总价"), (2, "证件号码"), (2, "付款账号"), (3, "用途"), (3, "备案日期"), (6, "类别"),
    }  # fmt: skip
    rows = rows_of(estate)
    rows[1] |= {"合同编号": rows[0]["合同编号"]}
    rows[2] |= {"建筑面积": "95.00", "楼幢号": "1", "合同总价": "300000.00"}
    rows[4] |= {"一般资金已拨付": "9000000.00"}
    said = found(estate, people, rows)
    for one in ((2, "合同编号"), (3, "合同编号"), (4, "建筑面积"), (4, "楼幢号"), (4, "合同总价")):
        assert one in said
    assert (6, "重点资金已拨付") in said and said[-1] == (0, "银行存款余额")


@pytest.mark.parametrize("fen", ["1612345.66", "1612345.68"])
def test_one_fen_off_the_bank_is_refused(estate, people, fen):
    """与银行余额差一分钱，整件不收。"""
    assert found(estate, people, rows_of(estate), bank_balance=Yuan(fen)) == [(0, "银行存款余额")]


def test_every_home_of_the_register_is_listed_and_new_ones_are_added(estate, people):
    """楼盘表中的房屋须全部列入；楼盘表没有的随导入增补；别的项目的不收。"""
    rows = rows_of(estate)
    assert (0, "不动产单元代码") in found(estate, people, [*rows[:3], rows[4]])
    extra = {**home(estate, 3), "不动产单元代码": f"{estate.unit_codes[3][:-1]}9", "房号": "109"}
    opened(estate, people, [*rows, extra])
    assert row(estate, "SELECT count(*) AS n FROM unit").n == 5


def test_files_that_are_no_table_are_refused(estate, people):
    """缺列、乱码、空文件都答明白，不收；GB18030 照读。"""
    assert found(estate, people, b"")[0] == (1, "类别")
    assert found(estate, people, b"\xff\xfe\x00\x81") == [(0, "")]
    assert found(estate, people, content_of([]))[-1] == (0, "不动产单元代码")
    number = uploaded(estate, asked(estate, content_of(rows_of(estate), "gb18030")), people.cashier)
    assert number


def test_a_workbook_opens_an_account_as_the_csv_does(estate, people):
    """xlsx 照所填读入：数字的金额与面积、日期格式的日期，入账与 CSV 分毫不差。"""
    number = uploaded(estate, asked(estate, workbook_with(rows_of(estate))), people.cashier)
    booked(estate, number, people.reviewer)
    key = chart.building_key(estate.buildings["1"])
    held = estate.held()
    assert held["1101", ""] == BALANCE and held["2111", key] == "400000.00"
    query = "SELECT min(filed_on)::text AS day FROM opening_contract"
    assert row(estate, query).day == "2026-03-01"


def test_a_workbook_with_a_formula_is_refused_by_its_cell(estate, people):
    """工作簿里有公式、错列的，按行按列指出；金额少写两位小数的照认，写成科学计数的不认。"""
    rows = rows_of(estate)
    wrong = io.BytesIO()
    with xlsxwriter.Workbook(wrong) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, tuple(COLUMNS))
        sheet.write_formula("J2", "=350000+650000")
    assert found(estate, people, wrong.getvalue()) == [(2, "J")]
    rows[0] |= {"合同总价": "1000000", "自有资金已缴": "350000.0"}
    assert uploaded(estate, asked(estate, rows), people.cashier)


def test_one_person_alone_cannot_and_once_is_enough(estate, people):
    """上传人不能批准；一个账户只导入一次；已有业务的账户不能导入；退回后可以重来。"""
    number = uploaded(estate, asked(estate, rows_of(estate)), people.cashier)
    assert codes(lambda: booked(estate, number, people.cashier)) == ["same-officer"]
    again = lambda: uploaded(estate, asked(estate, rows_of(estate)), people.cashier)  # noqa: E731
    assert codes(again) == ["opening-live"]
    estate.do(lambda session: reject(session, number, officer_id=people.reviewer, reason="余额日期不对"))
    assert codes(lambda: booked(estate, number, people.reviewer)) == ["already-decided"]
    second = again()
    booked(estate, second, people.reviewer)
    assert set(codes(again)) == {"opening-live", "book-not-empty"}


def test_what_happened_since_the_upload_stops_the_approval(estate, people):
    """上传之后账户有了业务：批准时重新核对，不准，什么也没入。"""
    number = uploaded(estate, asked(estate, rows_of(estate)), people.cashier)
    sold(estate)
    pay(estate, None, "1.00")
    before = estate.held()
    assert codes(lambda: booked(estate, number, people.reviewer)) == ["book-not-empty"]
    assert estate.held() == before


ENTRY = """
SELECT entry_id FROM ledger.post_entries(ARRAY[%(book)s]::bigint[], '{P26}', '{x}', ARRAY[%(no)s]::text[],
    ARRAY[current_date], '{x}', '{NULL}', '{NULL}', '{1}', '{1}', ARRAY[%(bank)s]::bigint[],
    ARRAY[%(to)s]::bigint[], '{1}')
"""


@pytest.mark.parametrize("is_booked", [False, True])
def test_no_opening_entry_before_or_after_the_approval(house, estate, people, is_booked):
    """期初凭证只在批准的那一刻：之前、之后，纯 SQL 都记不进去。"""
    number = uploaded(estate, asked(estate, rows_of(estate)), people.cashier)
    if is_booked:
        booked(estate, number, people.reviewer)
    said = {
        "book": estate.book_id, "no": number, "bank": estate.account("1101").id,
        "to": estate.account("2101").id,
    }  # fmt: skip
    with pytest.raises(psycopg.Error) as caught, house.connect() as connection:
        connection.execute(ENTRY, said)
        connection.commit()
    assert refused_by(caught) == "opening_by_approval"


BOOK = """
UPDATE account_opening SET status = 'booked', decided_by = %(who)s, decided_at = now(), law = '{}',
       booked_in = pg_current_xact_id()::text::bigint
"""


@pytest.fixture(scope="module")
def asked_for(struck):
    """A house with an opening entered, where nothing that is tried stays (已录入一件期初)."""
    uploaded(struck.estate, asked(struck.estate, rows_of(struck.estate)), struck.people.cashier)
    return struck


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        (BOOK, "opening_follows"),
        (BOOK.replace("%(who)s", "entered_by"), "ck_account_opening_two_officers"),
        ("UPDATE account_opening SET bank_balance = 1", "decided_once"),
        ("UPDATE account_opening SET status = 'entered'", "decided_once"),
        ("DELETE FROM account_opening", "written_once"),
        ("INSERT INTO account_opening SELECT (jsonb_populate_record(o, ('{\"id\": 9, \"opening_no\": \"x\","
         " \"file_hash\": \"' || repeat('f', 64) || '\"}')::jsonb)).* FROM account_opening o",
         "uq_account_opening_live"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("role", ["app", "owner"])
def test_an_opening_is_not_made_by_hand(asked_for, statement, constraint, role):
    """空口入账、自己批准、改余额、删除、第二件，纯 SQL 都不行。"""
    house = asked_for.estate.house
    with pytest.raises(psycopg.Error) as caught, house.connect(role) as connection:
        connection.execute(statement, {"who": asked_for.people.reviewer})
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    denied = isinstance(caught.value, psycopg.errors.InsufficientPrivilege) and role == "app"
    assert denied or refused_by(caught) == constraint


def test_a_booked_opening_stands_in_plain_sql(house, estate, people):
    """入账之后：不能再挂合同到期初、不能借期初备案、备案号不能再用。"""
    opened(estate, people)
    number, _ = sold_again(estate)
    with pytest.raises(psycopg.Error) as caught, house.connect("owner") as connection:
        connection.execute(
            "INSERT INTO opening_contract (contract_id, opening_id, row) SELECT c.id, o.id, 1"
            " FROM contract c, account_opening o WHERE c.contract_no = %s", (number,),
        )  # fmt: skip
    assert refused_by(caught) == "opening_contract_stands"
    with pytest.raises(psycopg.Error) as caught, house.connect() as connection:
        connection.execute("UPDATE contract SET status = 'filed' WHERE contract_no = %s", (number,))
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert refused_by(caught) == "filed_needs_filing"


def sold_again(estate):
    """A contract of afterwards, on a home that became free."""
    free = row(estate, "SELECT contract_no FROM contract ORDER BY id LIMIT 1").contract_no
    ended = CancellationAsked(new_number("ZX"), bureau_day(), "双方解除合同")
    estate.do(lambda session: cancel(session, free, ended))
    return sold(estate)
