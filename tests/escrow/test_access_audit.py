"""The audit trail stands, whoever is connected (审计留痕)."""

import ast
import html
import re
from pathlib import Path

import psycopg
import pytest

from escrow.access import audit
from escrow.access.audit_words import STEPS
from escrow.instructions.rules import Outcome
from escrow.release.receiving_rules import RECEIVING_STEPS
from escrow.release.rules import EVIDENCE_STEPS
from escrow.supervision.measures import GUARANTEE_STEPS, TAKEOVER_STEPS
from escrow.supervision.schedules import NodeStatus
from escrow.withdrawals.payee_rules import LISTING_STEPS
from tests.desk import hire, sit_down


def written(house):
    with house.connect("app") as connection:
        return connection.execute(
            "SELECT action, subject_kind, subject, result, actor_kind, actor_id, detail"
            " FROM audit_event ORDER BY id"
        ).fetchall()


def test_a_step_leaves_exactly_one_row(house):
    """一步操作恰好一条留痕，与业务同一事务。"""
    with house.database.begin() as session:
        audit.record(session, "release.approved", "JG1", amount="12.00", units=3, note=None)
    assert written(house) == [
        (
            "release.approved",
            "release",
            "JG1",
            "done",
            "system",
            "system",
            {"amount": "12.00", "units": 3, "note": None},
        )
    ]


def test_a_step_undone_leaves_none(house):
    """业务没有办成，留痕也不单独存在。"""
    with pytest.raises(RuntimeError), house.database.begin() as session:
        audit.record(session, "release.approved", "JG1")
        raise RuntimeError
    assert written(house) == []


@pytest.mark.parametrize("role", ["app", "owner", "reader", "verifier"])
@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE audit_event SET actor_id = 'somebody else'",
        "DELETE FROM audit_event",
        "TRUNCATE audit_event",
    ],
)
def test_nobody_rewrites_the_trail(house, role, attack):
    """审计记录不可改、不可删、不可清空，库的属主也不行。"""
    with house.database.begin() as session:
        audit.record(session, "release.approved", "JG1")
    with house.connect(role) as connection, pytest.raises(psycopg.Error):
        connection.execute(attack)
    assert len(written(house)) == 1


def test_nobody_dates_a_row_back(house):
    """留痕时间由数据库说了算，写入者报的时间不算数。"""
    with house.connect("app", autocommit=True) as connection:
        connection.execute(
            "INSERT INTO audit_event"
            " (at, action, subject_kind, subject, actor_kind, actor_id, actor_name, address, request_id)"
            " VALUES ('2001-01-01', 'x.y', 'x', '1', 'system', '', '', '', '')"
        )
        row = connection.execute(
            "SELECT clock_timestamp() - at < interval '1 minute' FROM audit_event"
        ).fetchone()
    assert row == (True,)


def test_a_row_stays_one_line(house):
    """内容里的换行、控制字符和超长文字不会伪造出别的记录。"""
    hostile = "HT1\n2026-01-01 admin 已批准\r\x1b[2J\u2028\x00" + "长" * 500
    with house.database.begin() as session:
        audit.record(session, "contract.drafted", hostile, note=hostile, listed=[hostile])
    _, _, subject, *_, detail = written(house)[0]
    for text in (subject, detail["note"], detail["listed"][0]):
        assert text.splitlines() == [text]
        assert len(text) <= 200 and "\x1b" not in text and "\x00" not in text


def test_who_acted_comes_from_the_request(app, house):
    """页面上的操作记在登录人名下，带来源地址和请求编号。"""
    seat = sit_down(app, hire(house.database, house.settings, "zhang", "register", full_name="张伟民"))
    seat.post("/sign-out")
    with house.connect("app") as connection:
        row = connection.execute(
            "SELECT actor_kind, actor_id, actor_name, address, length(request_id) FROM audit_event"
            " WHERE action = 'officer.signed-out'"
        ).fetchone()
    assert row == ("officer", "zhang", "张伟民", "127.0.0.1", 16)


def test_an_auditor_pages_through_the_whole_trail_by_key(app, house):
    """审计人员按序号翻页，一条不漏、一条不重；怪参数不出错。"""
    seat = sit_down(app, hire(house.database, house.settings, "shen", "auditor"))
    with house.database.begin() as session:
        for n in range(120):
            audit.record(session, "test.step", f"S{n:03d}")
    seen, path = [], "/audit"
    while path:
        page = seat.get(path).text
        seen += re.findall(r"S\d{3}", page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = html.unescape(following[1]) if following else None
    assert seen == [f"S{n:03d}" for n in reversed(range(120))]
    only = seat.get("/audit?subject=S007").text
    assert re.findall(r"S\d{3}", only.split("<tbody>")[1]) == ["S007"]
    for odd in (
        "before=-1",
        "before=99999999999999999999",
        "before=x",
        "actor=%00",
        "subject=%27;--",
        "before=１",
    ):
        assert seat.get(f"/audit?{odd}").status_code == 200


def test_hostile_text_is_shown_and_never_run(app, house):
    """留痕内容原样显示，不当作网页代码。"""
    with house.database.begin() as session:
        audit.record(session, "test.step", "<script>alert(1)</script>", note="<img src=x onerror=alert(2)>")
    page = sit_down(app, hire(house.database, house.settings, "shen", "auditor")).get("/audit").text
    assert "&lt;script&gt;alert(1)" in page and "<script>alert" not in page and "<img src=x" not in page


def test_readers_do_not_see_what_secrets_could_be_tried_against(house):
    """只读与核验角色看不到口令摘要、动态口令密钥、会话与令牌。"""
    hidden = ("password_hash FROM officer", "totp_sealed FROM officer", "* FROM officer_session",
              "secret_hash FROM api_client", "* FROM api_token", "* FROM wrong_tries")  # fmt: skip
    for role in ("reader", "verifier"):
        for columns in hidden:
            with house.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT {columns}")
        with house.connect(role) as connection:
            connection.execute("SELECT username, roles FROM officer")
            connection.execute("SELECT * FROM audit_event")


def test_the_application_deletes_only_what_may_go(house):
    """应用角色只能清理过期令牌、早已结束的会话与失败计数，人员、客户端、审计都删不掉。"""
    for table in ("officer", "api_client", "audit_event"):
        with house.connect("app") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"DELETE FROM {table}")
    for table in ("api_token", "wrong_tries", "officer_session"):
        with house.connect("app") as connection:
            connection.execute(f"DELETE FROM {table}")


def test_one_person_has_one_login_in_the_database_too(house):
    """一个工号只能有一个账号，审计岗不得兼任，数据库本身也拒绝。"""
    hire(house.database, house.settings, "zhang", "register")
    insert = (
        "INSERT INTO officer (username, full_name, staff_no, password_hash, totp_sealed, roles)"
        " VALUES (%s, 'x', %s, 'x', 'x', %s)"
    )
    for username, staff_no, roles, broken in (
        ("zhang2", "G-zhang", ["register"], "uq_officer_staff_no"),
        ("zhang", "G-2", ["register"], "uq_officer_username"),
        ("li", "G-3", ["auditor", "register"], "ck_officer_separate_duties"),
        ("li", "G-3", ["admin", "auditor"], "ck_officer_separate_duties"),
        ("li", "G-3", ["boss"], "ck_officer_roles"),
        ("li", "G-3", [], "ck_officer_has_role"),
        ("Li", "G-3", ["register"], "ck_officer_username"),
    ):
        with house.connect("app") as connection, pytest.raises(psycopg.errors.IntegrityError) as refused:
            connection.execute(insert, [username, staff_no, roles])
        assert refused.value.diag.constraint_name == broken


def modules():
    """Every module of the rooms, parsed."""
    for source in (Path(__file__).parents[2] / "escrow").rglob("*.py"):
        yield source, ast.parse(source.read_text("utf-8"))


def words_of(node, function, module, beginnings):
    """Every text an action can be: written here, chosen, named above, or handed in by the callers."""
    if isinstance(node, ast.Constant):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return set().union(*(words_of(one, function, module, beginnings) for one in (node.body, node.orelse)))
    if isinstance(node, ast.JoinedStr):
        beginnings.add(node.values[0].value)
        return set()
    assert isinstance(node, ast.Name), ast.unparse(node)
    named = [one.value for one in module.body if isinstance(one, ast.Assign) and one.targets[0].id == node.id]
    if not named:
        place = [argument.arg for argument in function.args.args].index(node.id)
        named = [
            call.args[place]
            for _, calling in modules()
            for call in ast.walk(calling if function.name == "tried" else module)
            if isinstance(call, ast.Call) and ast.unparse(call.func) == function.name
        ]
    assert named, f"{function.name} 的 {node.id}"
    return set().union(*(words_of(one, function, module, beginnings) for one in named))


def recorded_actions():
    """Every action written down anywhere, and the beginnings of those that end in a status."""
    found, beginnings = set(), set()
    for _, module in modules():
        functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
        for function in functions:
            for call in ast.walk(function):
                said = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
                if said in ("audit.record", "audit.row"):
                    action = call.args[1 if said == "audit.record" else 0]
                    found |= words_of(action, function, module, beginnings)
    return found, beginnings


def test_every_step_has_its_chinese_name():
    """每一种留痕事项，审计页上都有中文名称（escrow/access/audit_words.py）。"""
    found, beginnings = recorded_actions()
    # The statuses these end in, by the rooms' own tables of steps.
    ends = {
        "construction.": {to for _, to in LISTING_STEPS},
        "payee.": {to for _, to in LISTING_STEPS},
        "node.": {back + to for back in ("", "correction-") for to in NodeStatus},
        "evidence.": {to for _, to in EVIDENCE_STEPS},
        "receiving.": {to for _, to in RECEIVING_STEPS},
        "guarantee.": {to for _, to in GUARANTEE_STEPS},
        "takeover.": {to for _, to in TAKEOVER_STEPS},
        "hold.": {"rejected", "lifted", "deducted"},
        "instruction.": set(Outcome), "fund-order.": set(Outcome),
    }

    assert beginnings == ends.keys()
    ended = {beginning + word for beginning, words in ends.items() for word in words}
    assert (found | ended) - set(STEPS) == set()
    assert all(re.search(r"[一-鿿]", words) for words in STEPS.values())
