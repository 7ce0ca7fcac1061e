"""应用角色在库里对人员、会话、客户端、令牌能改什么：只有登录要用的几列；换口令必经留痕。"""

from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from escrow.access.officers import officer_of, reset_officer
from tests.desk import Hired, bearer, hire, sign_in, sit_down
from tests.releasing import refused_by

DENIED = psycopg.errors.InsufficientPrivilege
NEW = "a wholly new passphrase 5"


@pytest.fixture
def zhang(house: Any) -> Hired:
    """一名登记受理人员。"""
    return hire(house.database, house.settings, "zhang", "register")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE officer SET roles = ARRAY['reviewer']", "UPDATE officer SET password_hash = 'x'",
        "UPDATE officer SET totp_sealed = 'x'", "UPDATE officer SET username = 'li'",
        "UPDATE officer SET full_name = '李某'", "UPDATE officer SET staff_no = 'G-9'",
        "UPDATE officer SET added_at = now()", "DELETE FROM officer", "TRUNCATE officer CASCADE",
        "INSERT INTO officer SELECT * FROM officer ON CONFLICT (id) DO UPDATE SET roles = ARRAY['admin']",
        "UPDATE officer_session SET officer_id = 2", "UPDATE officer_session SET token_hash = 'x'",
        "UPDATE officer_session SET opened_at = now()",
        "UPDATE api_client SET secret_hash = 'x'", "UPDATE api_client SET scopes = ARRAY['bank']",
        "UPDATE api_client SET bank_code = 'ABC'", "UPDATE api_token SET scopes = ARRAY['platform']",
        "UPDATE api_token SET expires_at = expires_at + interval '1 year'",
        "UPDATE api_token SET api_client_id = 1",
    ],
)  # fmt: skip
def test_the_application_cannot_rewrite_who_may_do_what(
    house: Any, app: Any, zhang: Hired, statement: str
) -> None:
    """纯 SQL 以应用角色改岗位、口令、姓名、会话归属、客户端密钥与范围、令牌期限，一概无权。"""
    sit_down(app, zhang)
    bearer(house.database, "filing", "filing")
    with house.connect() as connection, pytest.raises(DENIED):
        connection.execute(statement)


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE officer SET totp_last_step = totp_last_step - 1", "officer_stays"),
        ("UPDATE officer SET retired_at = now(); UPDATE officer SET retired_at = NULL", "officer_stays"),
        ("UPDATE officer_session SET ended_at = now(); UPDATE officer_session SET ended_at = NULL",
         "session_stays"),
        ("INSERT INTO officer (username, full_name, staff_no, password_hash, totp_sealed, roles)"
         " VALUES ('ghost', '某', 'G-0', 'x', 'x', ARRAY['reviewer']); SET CONSTRAINTS ALL IMMEDIATE",
         "officer_told"),
    ],
)  # fmt: skip
def test_what_it_may_write_goes_one_way(
    house: Any, app: Any, zhang: Hired, statement: str, constraint: str, role: str
) -> None:
    """用过的动态口令不能再用，离岗的不能悄悄复岗，注销的会话不能复活，没有留痕的人员加不进来，库主一样。"""
    sit_down(app, zhang)
    with house.connect(role) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement)
    assert refused_by(refused) == constraint


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE officer SET roles = ARRAY['reviewer']", "UPDATE officer SET full_name = '李某'",
        "DELETE FROM officer", "TRUNCATE officer CASCADE",
    ],
)  # fmt: skip
def test_not_even_the_owner_rewrites_a_person(house: Any, zhang: Hired, statement: str) -> None:
    """库主也不能改写人员的岗位与姓名，不能删除。"""
    with house.connect("owner") as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement)
    assert refused_by(refused) == "stands"


def test_a_new_password_works_and_is_told(house: Any, app: Any, zhang: Hired) -> None:
    """换发口令：新口令可登录，旧口令与旧会话作废，留痕写明谁办的；停用的人换不了。"""
    seat = sit_down(app, zhang)
    with house.database.begin() as session:
        secret = reset_officer(session, house.settings, "zhang", NEW)
    assert seat.get("/account").status_code == 303
    assert sign_in(app.test_client(), zhang).status_code == 403
    sit_down(app, Hired("zhang", NEW, secret))
    assert told(house) == [("officer.reset", "zhang", "system")]


def told(house: Any) -> list[Any]:
    with house.connect() as connection:
        return connection.execute(
            "SELECT action, subject, actor_kind FROM audit_event WHERE action = 'officer.reset'"
        ).fetchall()


def test_a_password_set_in_plain_sql_leaves_its_row(house: Any, app: Any, zhang: Hired) -> None:
    """应用角色在库里调用换口令的函数：必留一条痕，删不掉；会话随之作废；没有这个人即失败。"""
    seat = sit_down(app, zhang)
    call = "SELECT reset_officer(%s, 'x', 'x', '{\"actor_kind\": \"nobody\", \"actor_id\": \"\","
    call += ' "actor_name": "", "address": "", "request_id": ""}\')'
    with house.connect() as connection:
        connection.execute(call, ("zhang",))
    assert seat.get("/account").status_code == 303
    assert told(house) == [("officer.reset", "zhang", "nobody")]
    with house.connect() as connection, pytest.raises(DENIED):
        connection.execute("DELETE FROM audit_event")
    with house.connect() as connection, pytest.raises(psycopg.Error, match="no rows"):
        connection.execute(call, ("nobody",))
    for role in ("reader", "verifier"):
        with house.connect(role) as connection, pytest.raises(DENIED):
            connection.execute(call, ("zhang",))


def test_a_session_still_is_seen_and_ends(house: Any, app: Any, zhang: Hired) -> None:
    """收窄之后，登录、看页面、再次验证、退出照常。"""
    seat = sit_down(app, zhang)
    assert seat.get("/account").status_code == 200
    assert seat.post("/verify", {"totp": zhang.code()}).status_code == 303
    assert seat.post("/sign-out").status_code == 303
    with house.database.begin() as session:
        assert officer_of(session, "nobody's") is None
        assert session.scalar(text("SELECT count(*) FROM officer_session WHERE ended_at IS NOT NULL")) == 1
