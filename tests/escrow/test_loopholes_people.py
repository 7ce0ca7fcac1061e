"""漏洞逐条尝试（人与材料）：改退他人、一人两手、提前解除监管，从网页与直接写库两处都办不成。"""

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from escrow.access.officers import NewOfficer, add_officer
from escrow.errors import Invalid
from tests.desk import staffed
from tests.escrow.test_refund_pages import apply_for, elsewhere, page_of, paper
from tests.estate import build, file_hash, new_number, officers
from tests.refunding import dropped, estate_of, people_of
from tests.releasing import refused_by
from tests.sale import row

# Whoever begins a step, and whoever ends it.
PAIRS = {
    ("ending_by", "ended_by"), ("cancel_asked_by", "cancelled_by"), ("asked_by", "reopened_by"),
    ("asked_by", "decided_by"), ("first_officer_id", "second_officer_id"), ("entered_by", "decided_by"),
    ("entered_by", "reviewed_by"), ("entered_by", "revoked_by"),
}  # fmt: skip


def scene_of(house: Any, app: Any) -> SimpleNamespace:
    """各岗一人，另有一人兼经办与复核。"""
    roles = {
        "cashier1": ["cashier"], "reviewer1": ["reviewer"], "reviewer2": ["reviewer"],
        "release1": ["release"], "both": ["release", "reviewer", "cashier"],
    }  # fmt: skip
    return SimpleNamespace(desks=staffed(house, app, roles))


def refused(house: Any, statement: str, *values: Any, role: str = "owner") -> str:
    """Which guard of the database refuses it."""
    with pytest.raises(psycopg.Error) as caught, house.connect(role) as connection:
        connection.execute(statement, values)
        connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return refused_by(caught)


def test_l10_a_refund_to_another_needs_paper_two_levels_and_a_day(house: Any, desks: Any) -> None:
    """L10 退给他人：缺证明不受理；一级复核不够；当日签不出；直接写库跳级、改账号、提前都被拒。"""
    people = people_of(house)
    gone = dropped(estate_of(house, people))
    bare = elsewhere(gone) | {"proof_no": "", "proof_hash": ""}
    answer = desks.cashier1.post(page_of(gone), paper(**{f"{gone.receipts[1]}-amount": "1.00"} | bare))
    assert answer.status_code == 422
    page = apply_for(desks.cashier1, gone, **elsewhere(gone))

    skipped = "UPDATE refund SET status = 'approved', decided_by = %s, decided_at = now()"
    assert refused(house, skipped, people.second) == "refund_follows_ledger"
    changed = "UPDATE refund_part SET payee_account_masked = '**** 0000'"
    assert refused(house, changed) in ("written_once", "refund_part_stands")

    assert desks.reviewer1.post(f"{page}/approve").status_code == 303
    assert row(gone.estate, "SELECT status FROM refund").status == "reviewed"
    assert desks.reviewer1.post(f"{page}/approve").status_code == 409
    assert desks.reviewer2.post(f"{page}/approve").status_code == 303
    assert desks.cashier1.post(f"{page}/issue").status_code == 409
    assert row(gone.estate, "SELECT count(*) AS n FROM instruction").n == 0


def test_l13_nobody_decides_what_they_entered(house: Any, desks: Any) -> None:
    """L13 一人两手：兼岗的人批不了自己录入的；同一工号不能有第二个登录名；每张表在库里也分两人。"""
    estate = build(house, officers(house, "liuli", "wangyi"))
    estate.register()
    number = new_number("SQ")
    asked = {"application_no": number, "applied_on": "2026-01-05", "file_hash": file_hash(number)}
    page = desks.both.post(f"/releases/accounts/{estate.account_no}/applications", asked).location
    answer = desks.both.post(f"{page}/approve")
    assert answer.status_code == 409 and "须由另一人员决定" in answer.text

    twin = NewOfficer("both2", "both 同志", "G-both", frozenset({"reviewer"}))
    with pytest.raises(Invalid), house.database.begin() as session:
        add_officer(session, house.settings, twin, "一个很长的口令 2026 七")
    insert = (
        "INSERT INTO officer (username, full_name, staff_no, password_hash, totp_sealed, roles)"
        " SELECT 'both2', full_name, staff_no, password_hash, totp_sealed, roles FROM officer"
        " WHERE username = 'both'"
    )
    assert refused(house, insert) == "uq_officer_staff_no"
    decided = (
        "UPDATE release_application SET status = 'rejected', decided_by = entered_by,"
        " decided_at = clock_timestamp(), reason = '不符'"
    )
    assert refused(house, decided) == "ck_release_application_two_officers"


def test_l13_every_table_keeps_its_two_officers_apart(house: Any) -> None:
    """L13：凡有录入人与决定人两列的表，库里都有一条“两人不同”的约束，新表漏写这里即失败。"""
    with house.connect("superuser") as connection:
        tables = connection.execute(
            "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns"
            " WHERE table_schema = 'public' GROUP BY 1"
        ).fetchall()
        told = dict(connection.execute(
            "SELECT conrelid::regclass::text, string_agg(pg_get_constraintdef(oid), ' ') FROM pg_constraint"
            " WHERE contype = 'c' GROUP BY 1"
        ).fetchall())  # fmt: skip
    kept = [
        (table, one, other)
        for table, columns in tables
        for one, other in PAIRS
        if one in columns and other in columns
    ]
    assert len(kept) > 20
    assert [pair for pair in kept if f"{pair[1]} <> {pair[2]}" not in told.get(pair[0], "")] == []


def test_l13_an_approval_asks_for_a_code_that_is_used_once(house: Any, desks: Any) -> None:
    """L13 借用会话：动态口令过时即要重输，用过的一次不能再用。"""
    estate = build(house, officers(house, "liuli", "wangyi"))
    number = new_number("SQ")
    asked = {"application_no": number, "applied_on": "2026-01-05", "file_hash": file_hash(number)}
    page = desks.release1.post(f"/releases/accounts/{estate.account_no}/applications", asked).location
    with house.connect("superuser") as connection:
        connection.execute("UPDATE officer_session SET verified_at = now() - interval '11 minutes'")
    assert desks.reviewer1.post(f"{page}/approve").status_code == 403
    code = desks.reviewer1.who.code()
    assert desks.reviewer1.post(f"{page}/approve", {"totp": code}).status_code == 409
    with house.connect("superuser") as connection:
        connection.execute("UPDATE officer_session SET verified_at = now() - interval '11 minutes'")
    assert desks.reviewer1.post(f"{page}/approve", {"totp": code}).status_code == 403


def test_l15_supervision_does_not_end_before_first_registration(house: Any, desks: Any) -> None:
    """L15 提前解除：有一幢未首次登记，网页逐条说明不能批；直接写库批准、改账户状态都被拒。"""
    estate = build(house, officers(house, "liuli", "wangyi"))
    estate.register("1")
    estate.put("1", "100.00")
    number = new_number("SQ")
    asked = {"application_no": number, "applied_on": "2026-01-05", "file_hash": file_hash(number)}
    page = desks.release1.post(f"/releases/accounts/{estate.account_no}/applications", asked).location
    answer = desks.reviewer1.post(f"{page}/approve")
    assert answer.status_code == 409 and "尚未确认首次登记的楼幢：2" in answer.text
    assert "晋房屋登记清零办发〔2023〕3号 第三部分“五是”" in answer.text

    approved = (
        "UPDATE release_application SET status = 'approved', decided_by = (SELECT id FROM officer"
        " WHERE username = 'reviewer1'), decided_at = clock_timestamp(), amount = 10000, law = '{}',"
        " findings = '{}'"
    )
    assert refused(house, approved) != ""
    ended = "UPDATE supervised_account SET status = %s"
    assert refused(house, ended, "releasing") != ""
    assert refused(house, ended, "closed") == "account_steps"
    registered = "UPDATE registered_building SET building_id = %s"
    assert refused(house, registered, estate.buildings["2"]) == "registered_building_stands"
    assert row(estate, "SELECT status FROM supervised_account").status == "active"
