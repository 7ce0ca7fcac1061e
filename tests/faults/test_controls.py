"""反证：把保证拆掉一条，同样的核对必须变红；不变红，上面各项就什么也没有证明。"""

from collections.abc import Callable

import pytest

from tests.faults.arena import FORGETFUL, Arena, open_arena
from tests.faults.cases import Staff, staff_of
from tests.faults.invariants import Broken, footprint
from tests.faults.length import MARKS
from tests.faults.operations import deposit
from tests.faults.striking import Twins, once
from tests.nursery import Nursery

pytestmark = MARKS
# What knows a message again: its answer kept under its key, and the two numbers that are there once.
_KNOWN_AGAIN = """
SET session_replication_role = replica;
DELETE FROM answered_request;
ALTER TABLE receipt DROP CONSTRAINT uq_receipt_bank_code_bank_serial CASCADE;
ALTER TABLE ledger.journal_entry DROP CONSTRAINT uq_journal_entry_book_id_reference CASCADE;
"""


def told_then(staff: Staff, fault: Callable[[], None]) -> None:
    """A deposit is answered as booked; then the fault; then its bank asks again, and all is looked at."""
    whole = Twins(staff).of("入账")
    case = deposit(staff)
    before = footprint(staff.office)
    assert case.ask().status == 201
    fault()
    once(staff, case, before, whole, done=True)


def test_a_server_that_forgets_what_it_told_is_found_out(nest: Nursery) -> None:
    """synchronous_commit=off 的数据库：答复已入账的，断电即失；核对报出来。"""
    with open_arena(FORGETFUL, nest) as forgetful, forgetful.office() as office:

        def power_cut() -> None:
            forgetful.kill()
            forgetful.start()

        staff = staff_of(office)
        forgetful.freeze("walwriter")
        with pytest.raises(Broken, match="R4 再问一次，答复如初"):
            told_then(staff, power_cut)


def test_a_house_that_does_not_know_a_message_again_is_found_out(arena: Arena) -> None:
    """去重拆掉：同一报文再来，答复不再如初；核对报出来。"""
    with arena.office() as office:

        def forget() -> None:
            with arena.connect(office.name) as connection:
                connection.execute(_KNOWN_AGAIN)

        with pytest.raises(Broken, match="R4 再问一次，答复如初"):
            told_then(staff_of(office), forget)


def test_without_a_fault_the_same_looks_find_nothing(arena: Arena) -> None:
    """什么也不拆：同样的核对不报任何一条。"""
    with arena.office() as office:
        told_then(staff_of(office), lambda: None)
