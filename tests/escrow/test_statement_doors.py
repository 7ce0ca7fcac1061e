"""对账单的门：先留存原文，整份收或整份不收，同一文件不重收，同日另有内容的为新版本。"""

import io
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from config.clock import bureau_day
from escrow.errors import Busy
from escrow.statements.files import Kept, Sender, arriving, keep, pieces
from escrow.statements.matching import match
from escrow.statements.reading import read, waiting
from tests.conftest import applied
from tests.desk import bearer, form_token, hire, sit_down
from tests.estate import Estate, build, officers
from tests.stating import Day, Told, as_camt, as_csv


def scene_of(house: Any, app: Any) -> SimpleNamespace:
    """一个项目，开户行、另一家银行与备案系统。"""
    tokens = {
        "bank": bearer(house.database, "bank-abc", "bank", bank_code="ABC"),
        "other": bearer(house.database, "bank-ccb", "bank", bank_code="CCB"),
        "filing": bearer(house.database, "filing", "filing"),
    }
    return SimpleNamespace(estate=build(house, officers(house, "liuli", "wangyi")), tokens=tokens)


@pytest.fixture
def bank(app: Any, scene: Any) -> Any:
    """开户行与另一家银行的接口。"""
    client = app.test_client()

    def send(body: bytes | None, kind: str = "text/csv", who: str = "bank", path: str = "") -> Any:
        method = "GET" if body is None else "POST"
        headers = scene.tokens[who] | ({} if body is None else {"Content-Type": kind})
        return client.open(f"/api/v1/statements{path}", method=method, data=body, headers=headers)

    return send


def day(estate: Estate, **changed: Any) -> Day:
    lines = (Told("B1", 10000), Told("B2", 500))
    return replace(Day(estate.account_no, lines, day=bureau_day() - timedelta(days=1)), **changed)


def stored(house: Any, body: bytes) -> Kept:
    with arriving(io.BytesIO(body)) as arrived, house.database.begin() as session:
        return keep(session, arrived, Sender(bank_code="ABC"), house.settings)


def held(house: Any, query: str) -> list[Any]:
    with house.connect("app") as connection:
        return connection.execute(query).fetchall()


def test_a_statement_is_taken_whole_and_again_is_no_op(bank: Any, estate: Estate) -> None:
    """首次 202，同一文件再报 200 且答复相同；库内只有一份。"""
    body = as_csv(day(estate))
    first, again = bank(body, "text/csv; charset=utf-8"), bank(body)

    assert (first.status_code, again.status_code) == (202, 200), first.text
    assert first.json == again.json
    told = first.json
    assert (told["account_no"], told["lines"], told["version"]) == (estate.account_no, 2, 1)
    assert (told["opening"], told["closing"]) == ("0.00", "105.00")
    assert told["business_date"] == day(estate).on.isoformat()
    assert bank(None, path=f"/{told['statement_no']}").json["statement_no"] == told["statement_no"]
    assert held(estate.house, "SELECT count(*) FROM statement_line") == [(2,)]


@pytest.mark.parametrize("version", ["02", "08"])
def test_camt_comes_by_the_same_door(bank: Any, estate: Estate, version: str) -> None:
    """camt.053 两个版本走同一扇门。"""
    answer = bank(as_camt(day(estate), version), "application/xml")
    assert (answer.status_code, answer.json["lines"]) == (202, 2), answer.text
    assert held(estate.house, "SELECT kind FROM statement") == [(f"camt.053.001.{version}",)]


def test_other_bytes_for_the_same_day_are_a_new_version_with_its_differences(
    bank: Any, estate: Estate
) -> None:
    """同日另有内容：第二版并存，新增、撤去、改动逐笔列明。"""
    first = bank(as_csv(day(estate))).json
    second = bank(as_csv(day(estate, lines=(Told("B1", 10001), Told("B3", 7))))).json

    assert (first["version"], second["version"]) == (1, 2)
    assert first["changes"] == []
    assert second["changes"] == [
        {"kind": "changed", "bank_serial": "B1", "amount": "100.01", "amount_before": "100.00"},
        {"kind": "added", "bank_serial": "B3", "amount": "0.07", "amount_before": None},
        {"kind": "removed", "bank_serial": "B2", "amount": None, "amount_before": "5.00"},
    ]
    assert bank(as_csv(day(estate), "gb18030")).json["version"] == 3


REFUSED = {
    "sums": (lambda told: as_csv(replace(told, closing=told.ends + 1)), 422),
    "future": (lambda told: as_csv(replace(told, day=bureau_day() + timedelta(days=1))), 422),
    "cut": (lambda told: as_csv(told)[:-60], 422),
    "not-csv": (lambda told: b"hello", 400),
    "unknown-account": (lambda told: as_csv(replace(told, account_no="99999999")), 404),
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_refused_file_leaves_its_bytes_and_nothing_else(bank: Any, estate: Estate, why: str) -> None:
    """整份不收：一笔也不留，原文、摘要与原因留存；再报同一文件再核一次，答复相同。"""
    make, status = REFUSED[why]
    body = make(day(estate))
    answers = [bank(body), bank(body)]

    assert [one.status_code for one in answers] == [status, status], answers[0].text
    assert answers[0].json["code"] == answers[1].json["code"]
    assert held(estate.house, "SELECT FROM statement_line") == []
    assert held(estate.house, "SELECT FROM statement") == []
    [(file_id, state, digest, faults)] = held(
        estate.house, "SELECT id, status, sha256, faults FROM statement_file"
    )
    assert (state, bytes(digest)) == ("refused", sha256(body).digest())
    assert faults
    assert b"".join(pieces(estate.house.database, file_id, estate.house.settings)) == body


def test_a_doctype_is_refused_at_the_door(bank: Any, estate: Estate) -> None:
    """带 DOCTYPE 的报文答 400，不打开任何实体。"""
    before = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    answer = bank(as_camt(day(estate), before=before), "application/xml")
    assert (answer.status_code, answer.json["code"]) == (400, "malformed")
    assert "DOCTYPE" in answer.json["detail"]


def test_a_bank_sees_only_its_own_accounts(bank: Any, estate: Estate) -> None:
    """他行报送、查询都是 404；没有银行授权的客户端 403；类型不对 400。"""
    body = as_csv(day(estate))
    assert bank(body, who="other").status_code == 404
    number = bank(body).json["statement_no"]
    assert bank(body, who="other").status_code == 404
    assert bank(None, who="other", path=f"/{number}").status_code == 404
    assert bank(body, who="filing").status_code == 403
    assert bank(body, "application/json").status_code == 400
    assert bank(b"").status_code == 400


def test_a_statement_may_be_larger_than_a_form(bank: Any, estate: Estate) -> None:
    """对账单可以超过一般请求的 1 MB 上限；一天没有收付也是一份对账单。"""
    many = tuple(Told(f"B{n:06d}", n, memo="购房款" * 20) for n in range(1, 6001))
    answer = bank(as_csv(day(estate, lines=many)))
    assert (answer.status_code, answer.json["lines"]) == (202, 6000)
    assert bank(as_csv(day(estate, lines=(), day=bureau_day()))).json["lines"] == 0


def test_only_one_reader_has_its_turn(estate: Estate) -> None:
    """同一文件同时只有一处在读；读到一半消失的，另一处接着读；迟到的写不进来。"""
    house = estate.house
    kept = stored(house, as_csv(day(estate)))
    with house.database.begin() as session:
        session.execute(text("UPDATE statement_file SET status = 'reading', token = 1"))
    with pytest.raises(Busy):
        read(house.database, house.settings, kept.id)
    with house.database.begin() as session:
        assert waiting(session) == []
        session.execute(text("UPDATE statement_file SET touched_at = now() - interval '1 minute'"))
    with house.database.begin() as session:
        assert waiting(session) == [kept.id]
    assert read(house.database, house.settings, kept.id)
    assert held(house, "SELECT status, token FROM statement_file") == [("accepted", 2)]


ATTACKS = [
    "UPDATE statement SET closing = closing + 1, credits = credits + 1",
    "UPDATE statement SET status = 'received'",
    "DELETE FROM statement",
    "UPDATE statement_line SET amount = amount + 1",
    "DELETE FROM statement_line WHERE line_no = 2",
    "INSERT INTO statement_line SELECT statement_id, 3, account_id, 'X', direction, amount, value_date,"
    " booked_at, name_sealed, name_masked, account_sealed, account_masked, memo FROM statement_line"
    " WHERE line_no = 1",
    "INSERT INTO statement_line SELECT 99, line_no, account_id, 'X', direction, amount, value_date,"
    " booked_at, name_sealed, name_masked, account_sealed, account_masked, memo FROM statement_line",
    "INSERT INTO statement SELECT 99, 'DZ', file_id + 0, account_id, business_date, 2, kind, reference,"
    " opening, closing, lines, credits, debits, received_at, 'received', 0 FROM statement",
    "UPDATE statement_file SET sha256 = sha256('x')",
    "UPDATE statement_file SET status = 'reading', token = token + 1",
    "DELETE FROM statement_file",
    "UPDATE statement_chunk SET content = 'x'",
    "DELETE FROM statement_chunk",
    "TRUNCATE statement_line, statement, statement_chunk, statement_file CASCADE",
]


@pytest.fixture(scope="module")
def told(struck: Any, built: Any) -> Estate:
    """报来一份对账单；被拒的语句在此一一试过，什么也不留下。"""
    estate: Estate = struck.estate
    headers = struck.tokens["bank"] | {"Content-Type": "text/csv"}
    with applied(built, estate.house) as app:
        sent = app.test_client().post("/api/v1/statements", data=as_csv(day(estate)), headers=headers)
        assert sent.status_code == 202, sent.text
    return estate


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize("attack", ATTACKS)
def test_what_the_bank_said_cannot_be_rewritten(told: Estate, role: str, attack: str) -> None:
    """原文、对账单、逐笔都不可改、不可删、不可添，库的属主也不行。"""
    estate = told
    with pytest.raises(psycopg.Error), estate.house.connect(role) as connection:
        connection.execute(f"{attack}; SET CONSTRAINTS ALL IMMEDIATE")
    assert held(estate.house, "SELECT lines, closing FROM statement") == [(2, 10500)]


FILE_STATES = ("stored", "reading", "accepted", "refused")


@pytest.mark.parametrize("before", FILE_STATES)
@pytest.mark.parametrize("after", FILE_STATES)
def test_a_file_goes_only_its_own_steps(estate: Estate, before: str, after: str) -> None:
    """文件的状态只按规定的步骤走，其余每一步数据库都拒绝。"""
    from escrow.statements.rules import FILE_STEPS

    house = estate.house
    way = {"stored": [], "reading": ["reading"], "accepted": ["reading", "accepted"]}
    way["refused"] = ["reading", "refused"]
    step = "UPDATE statement_file SET status = %s, token = token + %s, faults = %s::jsonb"
    stored(house, b"x")

    def go(connection: Any, to: str) -> None:
        faults = '{"body": "x"}' if to == "refused" else None
        connection.execute(step, (to, int(to == "reading"), faults))

    with house.connect("app", autocommit=True) as connection:
        for state in way[before]:
            go(connection, state)
        if (before, after) in FILE_STEPS or (before == after and before != "accepted"):
            go(connection, after)
        else:
            with pytest.raises(psycopg.Error):
                go(connection, after)


def test_an_officer_uploads_and_sees_how_far_it_is(app: Any, estate: Estate) -> None:
    """工作人员上传：小文件当即读完；大文件先留存，页面显示读取、勾对的进度并自动刷新，直到勾对完。"""
    house = estate.house
    seat = sit_down(app, hire(house.database, house.settings, "yuan", "cashier"))

    token = form_token(seat.get("/account").text)

    def upload(body: bytes) -> Any:
        sent = FileStorage(io.BytesIO(body), "day.csv")
        boundary, form = encode_multipart({"csrf_token": token, "file": sent})
        kind = f"multipart/form-data; boundary={boundary}"
        return seat.client.post("/statements", data=form, content_type=kind, follow_redirects=True)

    small = upload(as_csv(day(estate)))
    assert "已接收为对账单" in small.text
    assert "这份文件已收过" in upload(as_csv(day(estate))).text
    assert "期初 0.00 ＋ 收 105.00" in upload(as_csv(day(estate, closing=1))).text

    many = tuple(Told(f"B{n:06d}", n, memo="购房款" * 160) for n in range(1, 1601))
    large = upload(as_csv(day(estate, lines=many)))
    assert "已留存，待读取" in large.text and large.headers["Refresh"] == "2"
    with app.app_context():
        from escrow.tasks import read_statements

        read_statements()
    after = seat.get(large.request.path)
    assert "正在勾对：0 / 1,600 笔" in after.text and after.headers["Refresh"] == "2"
    match(house.database, house.settings, estate.account_id)
    after = seat.get(large.request.path)
    assert "有差异" in after.text and "Refresh" not in after.headers
    assert "件，列出前 50" in seat.get(f"/statements/{held(house, NEWEST)[0][0]}").text
    assert "与上一版的差别" in seat.get(f"/statements/{held(house, NEWEST)[0][0]}").text
    page = seat.get("/statements").text
    assert "未接收的文件" in page and "第 2 版" not in page


NEWEST = "SELECT statement_no FROM statement ORDER BY id DESC LIMIT 1"


def test_nobody_else_may_send_large_forms(app: Any, estate: Estate) -> None:
    """没有登录的人传大文件，仍受 1 MB 限制；复核人员不能上传。"""
    house = estate.house
    boundary, form = encode_multipart({"file": FileStorage(io.BytesIO(b"x" * 2**21), "x.csv")})
    kind = f"multipart/form-data; boundary={boundary}"
    answer = app.test_client().post("/statements", data=form, content_type=kind)
    assert answer.status_code in (400, 403)
    seat = sit_down(app, hire(house.database, house.settings, "shen", "reviewer"))
    assert seat.post("/statements", {"file": (io.BytesIO(b"x"), "x.csv")}).status_code == 403
    assert held(house, "SELECT count(*) FROM statement_file") == [(0,)]
