"""账簿由数据库自己守住：无论谁连上来写。"""

import psycopg
import pytest

from ledger import checks
from tests.ledger.attacks import ATTACKS, TABLES, Attack
from tests.ledger.conftest import Ground

NO_PRIVILEGE = "42501"
by_name = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


def refused_by(error: psycopg.Error) -> str:
    """The name of what refused: a constraint, or the state where there is none."""
    return error.diag.constraint_name or str(error.sqlstate)


@by_name
def test_the_owner_is_refused(ground: Ground, attack: Attack) -> None:
    """以表的所有者身份直接写库，也被所指的那一条约束拒绝。"""
    with ground.house.connect("owner") as owner:
        with pytest.raises(psycopg.Error) as refused:
            owner.execute(attack.sql.format(**ground.ids))
        owner.rollback()
    assert refused_by(refused.value) == attack.guard


@by_name
def test_the_application_has_no_such_right(ground: Ground, attack: Attack) -> None:
    """以应用身份直接写库，没有这个权限。"""
    with ground.house.connect("app") as app:
        with pytest.raises(psycopg.Error) as refused:
            app.execute(attack.sql.format(**ground.ids))
        app.rollback()
    assert refused.value.sqlstate == NO_PRIVILEGE


@by_name
def test_without_its_guard_the_attack_goes_through(ground: Ground, attack: Attack) -> None:
    """拿掉这一条约束，同样的攻击就得逞（或只剩第二道约束拦着）：可见拦住它的正是这一条。"""
    with ground.house.connect("owner") as owner:
        owner.execute(attack.unguard)
        if attack.then is None:
            owner.execute(attack.sql.format(**ground.ids))
        else:
            with pytest.raises(psycopg.Error) as refused:
                owner.execute(attack.sql.format(**ground.ids))
            assert refused_by(refused.value) == attack.then
        owner.rollback()


@pytest.mark.parametrize("role", ["owner", "app", "reader", "verifier"])
def test_nobody_of_the_house_may_switch_triggers_off(ground: Ground, role: str) -> None:
    """四个角色都不是超级用户：不能把触发器一关了之。"""
    with ground.house.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SET session_replication_role = replica")


@pytest.mark.parametrize("role", ["app", "reader", "verifier"])
@pytest.mark.parametrize("table", TABLES)
def test_only_the_owner_holds_more_than_reading(ground: Ground, role: str, table: str) -> None:
    """应用、只读、核验三个角色对账簿各表只有读的权限。"""
    with ground.house.connect(role) as connection:
        held = connection.execute(
            "SELECT array_agg(p) FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) p"
            " WHERE has_table_privilege(%s, p)",
            [f"ledger.{table}"],
        ).fetchone()
    assert held == (["SELECT"],)


def test_readers_may_not_call_what_writes(ground: Ground) -> None:
    """只读与核验角色不能调用记账函数，任何人也不能调用内部函数。"""
    with ground.house.connect("superuser") as connection:
        callable_by = connection.execute("""
            SELECT r.rolname, array_agg(p.proname ORDER BY p.proname)
              FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace AND n.nspname = 'ledger'
              JOIN pg_roles r ON has_function_privilege(r.oid, p.oid, 'EXECUTE')
             WHERE r.rolname IN ('escrow_app', 'escrow_reader',
             'escrow_verifier') GROUP BY r.rolname""").fetchall()
    calls = ["balance_at", "close_day", "lock_balances", "open_account", "open_book", "post_entries",
             "reverse_entry", "seal_next"]  # fmt: skip
    assert dict(callable_by) == {
        "escrow_app": calls, "escrow_reader": ["balance_at"], "escrow_verifier": ["balance_at"]
    }  # fmt: skip


def test_names_made_up_by_the_caller_lead_nowhere(ground: Ground) -> None:
    """应用不能自建临时表，好让约束看见假的行；属主建了、改了搜索路径，记账仍记在真账上。"""
    shadow = "CREATE TEMPORARY TABLE balance (LIKE ledger.balance); SET LOCAL search_path = pg_temp, ledger"
    for role in ("app", "reader", "verifier"):
        with ground.house.connect(role) as outsider, pytest.raises(psycopg.errors.InsufficientPrivilege):
            outsider.execute(shadow)
    with ground.house.connect("owner") as app:
        app.execute(shadow)
        app.execute(
            "SELECT * FROM ledger.post_entries(%s, ARRAY['T1'], ARRAY['shadow'], ARRAY[NULL], '{2026-06-01}',"
            " ARRAY[''], '{NULL}', '{NULL}', '{1}', '{1}', %s, %s, '{5}')",
            ([ground.ids["book"]], [ground.ids["cash"]], [ground.ids["key"]]),
        )
        moved = app.execute(
            "SELECT balance FROM ledger.balance WHERE account_id = %s", [ground.ids["cash"]]
        ).fetchone()
        assert moved == (100005,)
        app.rollback()


def test_the_application_books_no_list_of_lists(ground: Ground) -> None:
    """应用成批记账时把金额写成两层的列，也被拒绝：否则谁来核验都读得不一样。"""
    nested = "SELECT array_agg(ARRAY[{}]::bigint[]) FROM generate_series(1, 6)"
    debits, credits, amounts = (nested.format(ground.ids.get(name, 5)) for name in ("cash", "key", "amount"))
    with ground.house.connect("app") as app:
        with pytest.raises(psycopg.errors.CheckViolation) as refused:
            app.execute(
                "SELECT p.* FROM (SELECT array_agg(n)::integer[] AS n, array_agg('n' || n) AS ref,"
                "   array_agg(%s::bigint) AS book, array_agg('T1'::text) AS movement,"
                "   array_agg(''::text) AS memo, array_agg('2026-06-01'::date) AS day,"
                "   array_agg(NULL::text) AS no_group, array_agg(NULL::bigint) AS none"
                "  FROM generate_series(1, 6) n) a, ledger.post_entries(a.book, a.movement, a.ref,"
                "   a.no_group, a.day, a.memo, a.none, a.none, a.n, a.n,"
                f"  ({debits}), ({credits}), ({amounts})) p",
                [ground.ids["book"]],
            )
        app.rollback()
    assert refused_by(refused.value) == "ck_journal_entry_flat"


@pytest.mark.parametrize("role", ["app", "reader", "verifier"])
def test_nobody_keeps_the_seals_waiting(ground: Ground, role: str) -> None:
    """只有封存自己能占住封存：别的角色拿不到那把锁，也没有一把谁都能拿的锁。"""
    with ground.house.connect(role) as idler, ground.house.connect("app") as sealer:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            idler.execute("LOCK TABLE ledger.seal IN SHARE UPDATE EXCLUSIVE MODE")
        idler.rollback()
        idler.execute("SELECT pg_advisory_xact_lock(hashtextextended('ledger.seal', 0))")
        sealer.execute("SET lock_timeout = '500ms'")
        sealer.execute("SELECT ledger.seal_next()")
        sealer.rollback()


def test_a_seal_is_computed_never_told(ground: Ground) -> None:
    """谁来封存都一样：自报的块号与摘要一概不用，由数据库照账算出。"""
    told = "INSERT INTO ledger.seal VALUES (9, '9', 9, 9, sha256('a'), sha256('b'), now()) RETURNING no, hash"
    with ground.house.connect("owner") as owner:
        made = owner.execute(told).fetchone()
        owner.rollback()
        honest = owner.execute("INSERT INTO ledger.seal DEFAULT VALUES RETURNING no, hash").fetchone()
        owner.rollback()
        owner.execute("DROP TRIGGER seal_block ON ledger.seal")
        forged = owner.execute(told).fetchone()
        owner.rollback()
    assert made == honest and made[0] == 1
    assert forged is not None and forged[0] == 9


def test_nothing_was_changed_by_all_that(ground: Ground) -> None:
    """经过上面全部攻击，账簿核验项项通过。"""
    with ground.house.connect("verifier") as connection:
        assert [finding for finding in checks.run(connection) if not finding.ok] == []
