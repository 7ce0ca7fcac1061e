"""申请文号只用一次：用款、退款、解除监管、账户变更，同一账户同一文号第二件不收；退回的可以照原号重报。"""

from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from config.clock import bureau_day
from escrow.changes import actions as changes
from escrow.errors import Refused
from escrow.refunds import deciding as refunds
from escrow.release import actions as release
from escrow.withdrawals import deciding as withdrawals
from tests.changing import asked as changed
from tests.estate import Estate, build, file_hash, new_number, officers
from tests.refunding import dropped
from tests.sale import together
from tests.withdrawing import funded, listed

NUMBER = "SQ-2026-001"
NAMES = ("cashier", "clerk", "reviewer", "second", "issuer")


@dataclass(frozen=True, slots=True)
class Room:
    """一间房：录入一件这个文号的申请，退回一件，以及它的表。"""

    table: str
    column: str
    enter: Callable[[str], str]
    reject: Callable[[Any, str], None]
    estate: Estate


def payments(estate: Estate, people: SimpleNamespace) -> Room:
    site = funded(listed(estate, people))

    def sent_back(session: Any, number: str) -> None:
        withdrawals.reject(session, number, officer_id=people.reviewer, reason="重报")

    def entered(said: str) -> str:
        return site.enter("1.00", application_no=said)

    return Room("withdrawal", "application_no", entered, sent_back, estate)


def refunded(estate: Estate, people: SimpleNamespace) -> Room:
    sales = [dropped(estate, unit) for unit in range(4)]

    def entered(said: str) -> str:
        return sales.pop().entered(people.cashier, application_no=said)

    def sent_back(session: Any, number: str) -> None:
        refunds.reject(session, number, officer_id=people.reviewer, reason="重报")

    return Room("refund", "application_no", entered, sent_back, estate)


def ended(estate: Estate, people: SimpleNamespace) -> Room:
    def entered(said: str) -> str:
        paper = release.Applied(estate.account_no, said, bureau_day(), file_hash(new_number("F")))
        return estate.do(lambda session: release.enter(session, paper, officer_id=people.clerk))

    def sent_back(session: Any, number: str) -> None:
        release.reject(session, number, officer_id=people.reviewer, reason="重报")

    return Room("release_application", "application_no", entered, sent_back, estate)


def moved(estate: Estate, people: SimpleNamespace) -> Room:
    def entered(said: str) -> str:
        what = changed(document_no=said)
        return estate.do(
            lambda session: changes.enter(session, estate.account_no, what, officer_id=people.clerk)
        )

    def sent_back(session: Any, number: str) -> None:
        changes.reject(session, number, officer_id=people.reviewer, reason="重报")

    return Room("account_change", "document_no", entered, sent_back, estate)


def scene_of(house: Any, app: Any) -> SimpleNamespace:
    """有监管额度的项目与办理人员。"""
    people = SimpleNamespace(**dict(zip(NAMES, officers(house, *NAMES), strict=True)))
    estate = build(house, [people.clerk, people.reviewer], units=4, quotas={"1": "600000.00"})
    return SimpleNamespace(people=people, estate=estate)


@pytest.fixture(params=[payments, refunded, ended, moved], ids=["用款", "退款", "解除监管", "账户变更"])
def room(request: Any, scene: Any) -> Room:
    made: Room = request.param(scene.estate, scene.people)
    return made


def used(room: Room) -> bool:
    """第二次用这个文号：被拒，理由之一是文号已用，并指明是哪一件。"""
    with pytest.raises(Refused) as refused:
        room.enter(NUMBER)
    found = [one for one in refused.value.refusals if one.code == "number-used"]
    assert all(one.citation and NUMBER in one.message for one in found)
    return bool(found)


def test_a_number_serves_once_until_what_it_asked_is_sent_back(room: Room) -> None:
    """同一文号第二件不收，指明前一件；前一件退回之后可以照原号重报，重报之后又不收。"""
    first = room.enter(NUMBER)
    assert used(room)
    room.estate.do(lambda session: room.reject(session, first))
    again = room.enter(NUMBER)
    assert again != first and used(room)


def test_in_plain_sql_a_number_does_not_serve_twice_either(house: Any, room: Room) -> None:
    """纯 SQL 抄一行换个编号、换个文件，同一文号数据库不收；换个文号就不是这条不收。"""
    room.enter(NUMBER)
    with house.connect("owner") as connection:
        columns = [name for (name,) in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
            " AND NOT attisdropped AND attname <> 'id'", (room.table,))]  # fmt: skip
    named = [name for name in columns if name.endswith("_no") and name != room.column]
    for number, mine in ((NUMBER, True), ("SQ-2026-002", False)):
        taken = {"file_hash": "repeat('a', 64)", named[0]: "'X'", room.column: f"'{number}'"}
        values = ", ".join(taken.get(name, name) for name in columns)
        copy = f"INSERT INTO {room.table} ({', '.join(columns)}) SELECT {values} FROM {room.table}"
        try:
            with house.connect() as connection:
                connection.execute(copy)
                connection.rollback()
            assert not mine
        except psycopg.Error as refused:
            assert (refused.diag.constraint_name == "number_once") is mine, refused


def test_two_at_once_with_one_number_are_one_and_a_refusal(house: Any, people: SimpleNamespace) -> None:
    """两人同时以同一文号录入两份合同的退款：一件成立，一件被拒，没有第三种结果。"""
    estate = build(house, [people.clerk, people.reviewer], units=4)
    one, other = refunded(estate, people), dropped(estate, 4)
    answers = together([
        lambda: one.enter(NUMBER), lambda: other.entered(people.cashier, application_no=NUMBER),
    ])  # fmt: skip
    assert [one for one in answers if not isinstance(one, str)] == [["number-used"]]


def test_another_account_may_use_the_same_number(house: Any, people: SimpleNamespace) -> None:
    """文号是各开发企业自己编的：另一账户可以用同一文号。"""
    for _ in range(2):
        estate = build(house, [people.clerk, people.reviewer], quotas={"1": "600000.00"})
        assert ended(estate, people).enter(NUMBER)
