"""状态机：凡带状态的表，每一条规则之外的迁移，绕过程序、由超级用户直接写库，也由数据库拒绝。

每张表放一行处于某状态的记录，去掉列上的约束，只留触发器：拒绝它的只能是状态迁移自己的规矩。
"""

import secrets
from collections.abc import Iterator
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

import escrow
from config.database import Base
from escrow.advances.apart_rules import DECISION_STEPS
from escrow.advances.repayment_rules import REPAYMENT_STEPS
from escrow.claims.rules import STEPS as CLAIM
from escrow.contracts.rules import STEPS as CONTRACT
from escrow.deliveries.rules import STEPS as DELIVERY
from escrow.fund_income.rules import INCOME_STEPS, RUN_STEPS
from escrow.fund_opening.rules import OPENING_STEPS
from escrow.fund_orders.ended_rules import END_STEPS
from escrow.fund_orders.rules import ACCOUNT_STEPS
from escrow.fund_use.payment_rules import PAYMENT_STEPS
from escrow.fund_use.rules import USE_STEPS
from escrow.houses.change_rules import CHANGE_STEPS as HOUSE_CHANGE_STEPS
from escrow.houses.owner_rules import OWNER_STEPS
from escrow.instructions.rules import STEPS as INSTRUCTION
from escrow.maintenance.batch_rules import BATCH_STEPS
from escrow.maintenance.rules import FUND_STEPS, HOUSE_STEPS
from escrow.opening.rules import STEPS as OPENING
from escrow.oversight.finding_terms import STEPS as FINDING
from escrow.refunds.redirect_rules import STEPS as REDIRECT
from escrow.refunds.rules import STEPS as REFUND
from escrow.registration.rules import STEPS as REGISTRATION
from escrow.release.receiving_rules import RECEIVING_STEPS
from escrow.release.rules import EVIDENCE_STEPS
from escrow.release.rules import STEPS as RELEASE
from escrow.statements.rules import FILE_STEPS, DifferenceStatus, StatementStatus
from escrow.supervision.change_rules import CHANGE_STEPS
from escrow.supervision.measures import GUARANTEE_STEPS, HOLD_STEPS, TAKEOVER_STEPS, OrderStatus
from escrow.supervision.rules import STEPS as ACCOUNT
from escrow.supervision.rules import AgreementStatus
from escrow.supervision.schedules import STEPS as NODE
from escrow.withdrawals.payee_rules import LISTING_STEPS
from escrow.withdrawals.rules import STEPS as WITHDRAWAL
from escrow.workdays.rules import YEAR_STEPS

AGREEMENT = {
    (AgreementStatus.PROPOSED, AgreementStatus.EFFECTIVE),
    (AgreementStatus.PROPOSED, AgreementStatus.SUPERSEDED),
    (AgreementStatus.EFFECTIVE, AgreementStatus.SUPERSEDED),
}
COURT_ACT = {
    (OrderStatus.ENTERED, OrderStatus.IN_FORCE),
    (OrderStatus.ENTERED, OrderStatus.REJECTED),
}
STATEMENT = {
    (StatementStatus.RECEIVED, StatementStatus.MATCHING),
    (StatementStatus.MATCHING, StatementStatus.MATCHED),
    (StatementStatus.MATCHING, StatementStatus.DIFFERENCES),
    (StatementStatus.MATCHED, StatementStatus.MATCHING),
    (StatementStatus.DIFFERENCES, StatementStatus.MATCHING),
}
TURNS = count(1000)
# An account stands only on an agreement in force that says the same of it.
PLACED = ("project_id", "account_no", "account_name", "bank_code")
STEPS: dict[str, Any] = {
    "advance_repayment": REPAYMENT_STEPS, "apart_decision": DECISION_STEPS,
    "account_change": CHANGE_STEPS, "account_opening": OPENING,
    "statement_difference": {(DifferenceStatus.OPEN, DifferenceStatus.CLOSED)}, "agreement": AGREEMENT,
    "construction_contract": LISTING_STEPS,
    "contract": CONTRACT, "court_act": COURT_ACT, "court_hold": HOLD_STEPS,
    "first_registration": REGISTRATION,
    "delivery": DELIVERY, "finding": FINDING, "fund_account": FUND_STEPS, "fund_order": INSTRUCTION,
    "ended_deposit": END_STEPS, "return_account": ACCOUNT_STEPS,
    "house": HOUSE_STEPS,
    "fund_income": INCOME_STEPS, "fund_use": USE_STEPS, "use_payment": PAYMENT_STEPS, "income_run": RUN_STEPS,
    "house_batch": BATCH_STEPS, "fund_opening": OPENING_STEPS, "owner_change": OWNER_STEPS,
    "house_change": HOUSE_CHANGE_STEPS,
    "guarantee": GUARANTEE_STEPS, "instruction": INSTRUCTION, "listed_payee": LISTING_STEPS,
    "node_claim": NODE, "receipt_claim": CLAIM, "refund": REFUND, "refund_redirect": REDIRECT,
    "receiving_account": RECEIVING_STEPS,
    "release_application": RELEASE, "release_evidence": EVIDENCE_STEPS, "statement": STATEMENT,
    "statement_file": FILE_STEPS, "supervised_account": ACCOUNT, "takeover": TAKEOVER_STEPS,
    "withdrawal": WITHDRAWAL, "working_year": YEAR_STEPS,
}  # fmt: skip
# Their status is another row's, by a foreign key that follows it.
FOLLOWS = {"registered_building"}

def edges() -> list[tuple[str, str, str]]:
    """Every pair of different statuses that is no step, from each status a row may come to (规则之外的迁移)."""
    return [
        (table, str(one), str(other))
        for table, steps in STEPS.items()
        for one in sorted({status for step in steps for status in step})
        for other in type(one)
        if one != other and (one, other) not in steps
    ]


def test_every_table_with_a_status_is_walked() -> None:
    """新添一张带状态的表而没有列入，这里就会失败。"""
    for path in Path(escrow.__file__).parent.glob("*/*models.py"):
        import_module(f"escrow.{path.parent.name}.{path.stem}")
    held = {table.name for table in Base.metadata.sorted_tables if "status" in table.c}
    assert held == STEPS.keys() | FOLLOWS
    for name in FOLLOWS:
        keys = Base.metadata.tables[name].foreign_key_constraints
        assert any("status" in key.column_keys and key.onupdate == "CASCADE" for key in keys)


@pytest.fixture(scope="module")
def loose(cluster: Any) -> Iterator[psycopg.Connection[Any]]:
    """A house where only the triggers are left to refuse anything (只余触发器的库)."""
    name = f"edge_{secrets.token_hex(6)}"
    cluster.clone(name)
    with psycopg.connect(cluster.url("superuser", name), autocommit=True) as connection:
        found = connection.execute(
            "SELECT conrelid::regclass::text, conname"
            "  FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid"
            " WHERE contype IN ('c', 'f') AND t.relname = ANY (%s) AND conname !~ 'status$'"
            " ORDER BY contype DESC",
            (list(STEPS),),
        ).fetchall()
        for table, name in found:
            drop = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}")
            connection.execute(drop.format(sql.Identifier(table), sql.Identifier(name)))
        yield connection


def put(connection: psycopg.Connection[Any], table: str, status: str) -> str:
    """One row in this status, written past every trigger; where it lies (放一行)."""
    given: dict[str, Any] = {}
    if table == "supervised_account":
        given = {name: dummy("integer" if name.endswith("_id") else "text") for name in PLACED}
        given["agreement_id"] = insert(connection, "agreement", "effective", given, "id::text")
    return insert(connection, table, status, given, "ctid::text")


def insert(
    connection: psycopg.Connection[Any], table: str, status: str, given: dict[str, Any], told: str
) -> str:
    """The row, its other columns filled with anything of their type."""
    columns = connection.execute(
        "SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND attnotnull AND NOT atthasdef AND attidentity = ''",
        (table,),
    ).fetchall()
    row = {**{name: dummy(kind) for name, kind in columns}, **given, "status": status}
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({}) RETURNING ").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join(map(sql.Literal, row.values())),
    )  # fmt: skip
    connection.execute("SET session_replication_role = replica")
    written = connection.execute(statement + sql.SQL(told)).fetchone()
    connection.execute("SET session_replication_role = origin")
    assert written
    return str(written[0])


def dummy(kind: str) -> Any:
    """Some value of a type, never the same text twice (占位值)."""
    turn = next(TURNS)
    if kind.endswith("[]"):
        return "{}"
    if kind.startswith(("integer", "bigint", "smallint")):
        return turn
    if kind.startswith("timestamp"):
        return "2026-01-01 00:00:00+00"
    fixed = {"boolean": False, "date": "2026-01-01", "jsonb": "[]", "bytea": b"x%d" % turn}
    return 0 if kind.startswith("numeric") else fixed.get(kind, f"x{turn}")


@pytest.mark.parametrize(("table", "one", "other"), edges())
def test_no_other_step_is_taken(loose: psycopg.Connection[Any], table: str, one: str, other: str) -> None:
    """规则之外的状态迁移，数据库一概拒绝。"""
    row = put(loose, table, one)
    step = sql.SQL("UPDATE {} SET status = {} WHERE ctid = {}")
    with pytest.raises(psycopg.Error) as refused:
        loose.execute(step.format(sql.Identifier(table), sql.Literal(other), sql.Literal(row)))
    name = refused.value.diag.constraint_name or ""
    assert name.endswith(("_steps", "_stands", "_once", "_status", "_is_matched")), f"{name}: {refused.value}"


@pytest.mark.parametrize("table", sorted(STEPS))
def test_the_walk_sees_a_missing_guard(loose: psycopg.Connection[Any], table: str) -> None:
    """反证：同一行在触发器停用后确能改动，可见拒绝来自触发器。"""
    one, other = next((str(one), str(other)) for one, other in STEPS[table])
    row = put(loose, table, one)
    loose.execute("SET session_replication_role = replica")
    step = sql.SQL("UPDATE {} SET status = {} WHERE ctid = {}")
    done = loose.execute(step.format(sql.Identifier(table), sql.Literal(other), sql.Literal(row)))
    loose.execute("SET session_replication_role = origin")
    assert done.rowcount == 1
