"""司法冻结、保函、接管：保护资金的一人即办，放出资金的两人办，一步也不能多走。"""

import itertools
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from config.clock import bureau_day
from config.regulations import law_on
from escrow.errors import Invalid, Refused
from escrow.supervision import court_holds, guarantees, takeovers
from escrow.supervision.court_holds import Deduction, Document, Freeze
from escrow.supervision.guarantees import Offered
from escrow.supervision.levels import Position
from escrow.supervision.measures import (
    GUARANTEE_STEPS,
    HOLD_STEPS,
    TAKEOVER_STEPS,
    HoldStatus,
    OrderStatus,
    months_after,
    shrunk,
)
from escrow.supervision.rules import QuotaMode
from ledger.money import Yuan
from tests.estate import Estate, build, file_hash, new_number, officers

TODAY = bureau_day()


def scene_of(house: Any, app: Any) -> Any:
    """一号楼额度一千元，现有九百五十元；二号楼没有额度，现有一百元；两名办理人员。"""
    built = build(house, officers(house, "liuli", "wangyi"), quotas={"1": "1000.00"})
    built.put("1", "950.00")
    built.put("2", "100.00")
    return SimpleNamespace(estate=built, people=tuple(officers(house, "clerk", "reviewer")))


def served() -> Document:
    """一份新送达的文书。"""
    number = new_number("（2026）晋11执")
    return Document(number, TODAY, file_hash(number))


def frozen(estate: Estate, clerk: int, amount: str | None = "300.00", **changed: Any) -> str:
    """法院冻结，登记即生效。"""
    asked = {
        "account_no": estate.account_no, "court": "吕梁市中级人民法院", "held_from": TODAY,
        "held_until": months_after(TODAY, 12), "document": served(), **changed,
    }  # fmt: skip
    order = Freeze(amount=Yuan(amount) if amount else None, **asked)
    return estate.do(lambda session: court_holds.freeze(session, order, officer_id=clerk))


def codes(estate: Estate, unit: Any) -> list[str]:
    """不予办理的理由，条条有依据。"""
    with pytest.raises(Refused) as refused:
        estate.do(unit)
    assert all(refusal.citation for refusal in refused.value.refusals)
    return [refusal.code for refusal in refused.value.refusals]


def held(estate: Estate) -> dict[str, str]:
    return {code: amount for (code, _), amount in estate.held().items() if code.startswith(("82", "83"))}


def test_a_freeze_holds_at_once_and_is_lifted_by_two(estate: Estate, people: tuple[int, int]) -> None:
    """一人登记即冻结；解冻须一人录入、另一人确认，同一人不行，退回后仍冻结。"""
    home = estate.account_no
    clerk, reviewer = people
    number = frozen(estate, clerk)
    assert held(estate)["8303"] == "300.00"
    asked = estate.do(lambda s: court_holds.ask_lift(s, home, number, served(), officer_id=clerk))
    assert codes(estate, lambda s: court_holds.decide(s, home, asked, officer_id=clerk)) == ["same-officer"]
    estate.do(lambda s: court_holds.decide(s, home, asked, officer_id=reviewer, reason="文书与案号不符"))
    assert held(estate)["8303"] == "300.00"
    again = estate.do(lambda s: court_holds.ask_lift(s, home, number, served(), officer_id=clerk))
    estate.do(lambda s: court_holds.decide(s, home, again, officer_id=reviewer))
    assert "8303" not in held(estate)
    late = codes(estate, lambda s: court_holds.ask_lift(s, home, number, served(), officer_id=clerk))
    assert late == ["hold-ended"]


def test_one_document_at_a_time_waits_and_a_freeze_is_of_today(
    estate: Estate, people: tuple[int, int]
) -> None:
    """已有一件待确认时不再录入第二件；止期已过、起期未到的冻结不登记；保函编号不能录入两次。"""
    home = estate.account_no
    clerk, _ = people
    number = frozen(estate, clerk)
    estate.do(lambda s: court_holds.ask_lift(s, home, number, served(), officer_id=clerk))
    second = codes(estate, lambda s: court_holds.ask_lift(s, home, number, served(), officer_id=clerk))
    assert second == ["act-waiting"]
    early, late = TODAY - timedelta(days=30), TODAY + timedelta(days=1)
    with pytest.raises(Refused, match="已过"):
        frozen(estate, clerk, held_from=early, held_until=TODAY)
    with pytest.raises(Refused, match="起期之前不登记"):
        frozen(estate, clerk, held_from=late)
    for reasons in (None, "guarantee_no"):
        offered = Offered(
            estate.account_no, "1", "BH-1", "某银行", Yuan("100.00"), months_after(TODAY, 12),
            file_hash(new_number("BH")),
        )  # fmt: skip
        if reasons is None:
            estate.do(lambda s, one=offered: guarantees.enter(s, one, officer_id=clerk))
            continue
        with pytest.raises(Invalid) as refused:
            estate.do(lambda s, one=offered: guarantees.enter(s, one, officer_id=clerk))
        assert list(refused.value.errors) == [reasons]


def test_a_freeze_lasts_a_year_at_most_and_is_extended_before_it_ends(
    estate: Estate, people: tuple[int, int]
) -> None:
    """每次冻结不超过一年，续冻从原止期起再算一年；不许倒着写。"""
    clerk, _ = people
    too_long = months_after(TODAY, 12) + timedelta(days=1)
    with pytest.raises(Refused, match="12 个月"):
        frozen(estate, clerk, held_until=too_long)
    with pytest.raises(Refused):
        frozen(estate, clerk, held_until=TODAY)
    number = frozen(estate, clerk)
    until = months_after(months_after(TODAY, 12), 12)
    estate.do(lambda s: court_holds.extend(s, estate.account_no, number, until, served(), officer_id=clerk))
    beyond = months_after(until, 12) + timedelta(days=1)
    assert codes(
        estate, lambda s: court_holds.extend(s, estate.account_no, number, beyond, served(), officer_id=clerk)
    ) == ["hold-too-long"]


def test_a_whole_freeze_and_a_paper_used_twice(estate: Estate, people: tuple[int, int]) -> None:
    """全额冻结高于任何账户的余额；同一份文书只用一次。"""
    clerk, _ = people
    paper = served()
    frozen(estate, clerk, None, document=paper)
    assert held(estate)["8303"] == "100000000000.00"
    with pytest.raises(Refused) as refused:
        frozen(estate, clerk, document=paper)
    assert [refusal.code for refusal in refused.value.refusals] == ["file-reused"]


def test_a_deduction_needs_consent_and_two_officers(estate: Estate, people: tuple[int, int]) -> None:
    """扣划须附本局答复，不超过冻结余额与该幢资金；先一般后重点，额度不足如实列示。"""
    home = estate.account_no
    clerk, reviewer = people
    number = frozen(estate, clerk)

    def asked(amount: str, building: str = "1", consent: str = "交住建函〔2026〕8号") -> int:
        deduction = Deduction(building, Yuan(amount), consent, new_number("KH"), served())
        return estate.do(lambda s: court_holds.ask_deduction(s, home, number, deduction, officer_id=clerk))

    for amount, building, consent, code in (
        ("300.01", "1", "有", "deduction-over-hold"), ("200.00", "2", "有", "deduction-over-funds"),
        ("1.00", "1", "", "consent-missing"),
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            asked(amount, building, consent)
        assert code in [refusal.code for refusal in refused.value.refusals]
    act = asked("300.00")
    assert codes(estate, lambda s: court_holds.decide(s, home, act, officer_id=clerk)) == ["same-officer"]
    estate.do(lambda s: court_holds.decide(s, home, act, officer_id=reviewer))
    assert estate.held()["2111", f"building:{estate.buildings['1']}"] == "650.00"
    assert estate.held()["1101", ""] == "750.00" and "8303" not in held(estate)


def offered(estate: Estate, amount: str, building: str = "1", until: date | None = None) -> Offered:
    number = new_number("BH")
    valid = until or TODAY + timedelta(days=365)
    return Offered(
        estate.account_no, building, number, "中国建设银行吕梁分行", Yuan(amount), valid, file_hash(number)
    )


def test_a_guarantee_replaces_at_most_thirty_percent(estate: Estate, people: tuple[int, int]) -> None:
    """保函不超过额度的三成，现金不低于七成；没有额度的楼不能置换；两人办理后应留存额随之下降。"""
    home = estate.account_no
    clerk, reviewer = people

    def entered(offer: Offered) -> int:
        return estate.do(lambda s: guarantees.enter(s, offer, officer_id=clerk))

    assert codes(estate, lambda s: guarantees.enter(s, offered(estate, "300.01"), officer_id=clerk)) == [
        "guarantee-over-share"
    ]
    assert codes(estate, lambda s: guarantees.enter(s, offered(estate, "1.00", "2"), officer_id=clerk)) == [
        "quota-missing"
    ]
    used = replace(offered(estate, "300.01"), file_hash=file_hash("用过的保函"))
    entered(replace(used, guarantee_no=new_number("BH"), amount=Yuan("1.00")))
    assert codes(estate, lambda s: guarantees.enter(s, used, officer_id=clerk)) == [
        "guarantee-over-share", "file-reused"
    ]  # fmt: skip
    guarantee = entered(offered(estate, "300.00"))
    alone = codes(estate, lambda s: guarantees.decide(s, home, guarantee, officer_id=clerk))
    assert alone == ["same-officer"]
    estate.do(lambda s: guarantees.decide(s, home, guarantee, officer_id=reviewer))
    key = f"building:{estate.buildings['1']}"
    assert (estate.held()["2111", key], estate.held()["2112", key]) == ("700.00", "250.00")
    estate.do(
        lambda s: guarantees.ask_end(s, home, guarantee, OrderStatus.LAPSED, "到期未续", officer_id=clerk)
    )
    assert codes(estate, lambda s: guarantees.end(s, home, guarantee, officer_id=clerk)) == ["same-officer"]
    estate.do(lambda s: guarantees.end(s, home, guarantee, officer_id=reviewer))
    assert estate.held()["2111", key] == "950.00" and ("2112", key) not in estate.held()
    with estate.begin() as session:
        found = guarantees.payments_stopped(session, estate.buildings["1"], estate.book_id)
    assert found is not None


def test_a_guarantee_with_too_little_cash_is_refused(estate: Estate, people: tuple[int, int]) -> None:
    """监管资金不足额度七成时，保函不予置换；已录入的，绕过规则直接改库也生效不了。"""
    key, (clerk, reviewer) = f"building:{estate.buildings['1']}", people
    estate.do(lambda s: guarantees.enter(s, offered(estate, "10.00"), officer_id=clerk))
    estate.move("2111", "2501", "300.00", debit_key=key, key=key)
    assert codes(
        estate, lambda s: guarantees.enter(s, offered(estate, "10.00"), officer_id=clerk)
    ) == ["guarantee-cash-short"]
    estate.move("8199", "8202", "10.00", key=key)
    with estate.house.connect() as connection, pytest.raises(psycopg.errors.CheckViolation) as refused:
        connection.execute(
            "UPDATE guarantee SET status = 'in-force', left_amount = amount, decided_at = now(),"
            " decided_by = %s", (reviewer,)
        )  # fmt: skip
        connection.commit()
    assert refused.value.diag.constraint_name == "guarantee_beside_cash"


def test_guarantees_shrink_with_key_payments() -> None:
    """支用制下重点资金每付一笔，保函随额度余额按三成递减。"""
    law = law_on(TODAY, "presale_funds", "141130")
    position = Position(
        QuotaMode.DRAW_DOWN, Yuan("700"), Yuan("0"), Yuan("1000"), Yuan("300"), key_paid=Yuan("200")
    )
    assert shrunk(position, law) == Yuan("60.00")


def test_a_takeover_is_begun_and_ended_by_two(estate: Estate, people: tuple[int, int]) -> None:
    """接管由两人生效、两人终止；同时只有一件。"""
    home = estate.account_no
    clerk, reviewer = people

    def order() -> takeovers.Order:
        number = new_number("JG")
        return takeovers.Order(estate.account_no, number, "停工三个月", file_hash(number))

    first = estate.do(lambda s: takeovers.enter(s, order(), officer_id=clerk))
    assert codes(estate, lambda s: takeovers.enter(s, order(), officer_id=clerk)) == ["takeover-live"]
    assert codes(estate, lambda s: takeovers.decide(s, home, first, officer_id=clerk)) == ["same-officer"]
    estate.do(lambda s: takeovers.decide(s, home, first, officer_id=reviewer))
    with estate.begin() as session:
        assert takeovers.taken_over(session, estate.account_id) is not None
    assert codes(estate, lambda s: takeovers.end(s, home, first, officer_id=reviewer)) == ["same-officer"]
    estate.do(lambda s: takeovers.ask_end(s, home, first, "ended", "已复工", officer_id=clerk))
    estate.do(lambda s: takeovers.end(s, home, first, officer_id=reviewer))
    with estate.begin() as session:
        assert takeovers.taken_over(session, estate.account_id) is None


TABLES = {
    "court_hold": (HoldStatus, HOLD_STEPS), "guarantee": (OrderStatus, GUARANTEE_STEPS),
    "takeover": (OrderStatus, TAKEOVER_STEPS),
}  # fmt: skip
EDGES = [
    (table, one.value, other.value)
    for table, (statuses, steps) in TABLES.items()
    for one, other in itertools.permutations(statuses, 2)
    if (one, other) not in steps and (table != "takeover" or "lapsed" not in (one, other))
]


@pytest.mark.parametrize(("table", "one", "other"), EDGES)
def test_no_other_step_is_taken_even_in_sql(
    estate: Estate, people: tuple[int, int], table: str, one: str, other: str
) -> None:
    """每张状态表的每一条非法边，直接写库也走不通。"""
    clerk, reviewer = people
    frozen(estate, clerk)
    guarantee = estate.do(lambda s: guarantees.enter(s, offered(estate, "10.00"), officer_id=clerk))
    estate.do(lambda s: guarantees.decide(s, estate.account_no, guarantee, officer_id=reviewer, reason="试"))
    number = new_number("JG")
    order = takeovers.Order(estate.account_no, number, "停工", file_hash(number))
    estate.do(lambda s: takeovers.enter(s, order, officer_id=clerk))
    with estate.house.connect("superuser") as forger:
        forger.execute("SET session_replication_role = replica")
        for check in ("court_hold", "guarantee", "takeover"):
            for (name,) in forger.execute(
                "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", (check,)
            ).fetchall():
                forger.execute(f"ALTER TABLE {check} DROP CONSTRAINT {name}")
        forger.execute(f"UPDATE {table} SET status = %s", (one,))
    with estate.house.connect() as connection, pytest.raises(psycopg.errors.CheckViolation) as refused:
        connection.execute(f"UPDATE {table} SET status = %s", (other,))
    assert refused.value.diag.constraint_name == "measure_steps"


@pytest.mark.parametrize(
    ("statement", "constraint"),
    [
        ("UPDATE court_hold SET held_until = held_until + 367", "hold_term"),
        ("UPDATE court_hold SET amount = 1", "court_stands"),
        ("UPDATE court_hold SET status = 'lifted'", "hold_follows_ledger"),
        ("UPDATE court_act SET document_no = '改'", "court_stands"),
        ("DELETE FROM court_act", "written_once"),
        ("DELETE FROM guarantee", "written_once"),
        ("UPDATE guarantee SET status = 'in-force', left_amount = amount, decided_by = %s,"
         " decided_at = now()",
         "guarantee_follows_ledger"),
        ("UPDATE guarantee SET status = 'in-force', decided_by = entered_by, decided_at = now()",
         "ck_guarantee_two_officers"),
        ("UPDATE takeover SET status = 'in-force', decided_by = entered_by, decided_at = now()",
         "ck_takeover_two_officers"),
        ("UPDATE guarantee SET amount = amount * 10", "stands_as_written"),
        ("UPDATE guarantee SET valid_until = valid_until + 300", "stands_as_written"),
        ("UPDATE takeover SET grounds = '改'", "stands_as_written"),
        ("UPDATE takeover SET ending_by = entered_by", "stands_as_written"),
        ("INSERT INTO court_act (hold_id, kind, document_no, dated_on, file_hash, held_until, status,"
         " entered_by) SELECT hold_id, 'extend', document_no, held_until + 1, repeat('e', 64),"
         " held_until + 9, status, entered_by FROM court_act", "extended_in_time"),
    ],
)  # fmt: skip
def test_what_the_database_refuses(
    estate: Estate, people: tuple[int, int], statement: str, constraint: str
) -> None:
    """绕过规则改表：期限、金额、状态、同一人、与账簿不符，一概不收。"""
    clerk, reviewer = people
    frozen(estate, clerk)
    estate.do(lambda s: guarantees.enter(s, offered(estate, "10.00"), officer_id=clerk))
    number = new_number("JG")
    order = takeovers.Order(estate.account_no, number, "停工", file_hash(number))
    estate.do(lambda s: takeovers.enter(s, order, officer_id=clerk))
    with estate.house.connect() as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement, (reviewer,) if "%s" in statement else ())
        connection.commit()
    found = refused.value.diag.constraint_name or ""
    assert found == constraint or (constraint == "written_once" and "denied" in str(refused.value)), found
