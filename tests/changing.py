"""What the tests of a change of account do again and again: enter, approve, let the bank answer (账户变更测试用)."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from config.clock import bureau_day, now
from escrow.changes.actions import ChangeAsked, approve, enter
from escrow.deposits.actions import Deposit
from escrow.deposits.actions import receive as receive_deposit
from escrow.deposits.rules import Channel
from escrow.errors import Refused
from escrow.instructions.results import Result, record
from escrow.instructions.rules import Outcome
from ledger.money import Yuan
from tests.estate import Estate, build, file_hash, new_number, officers
from tests.sale import row

OLD_BANK, NEW_BANK = "ABC", "ICBC"


def people_of(house: Any) -> SimpleNamespace:
    """Clerk, reviewer and a third (办理人员)."""
    names = ("clerk", "reviewer", "third")
    return SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True)))


def estate_of(house: Any, people: SimpleNamespace, **changed: Any) -> Estate:
    """A project whose first building keeps a quota (有监管额度的项目)."""
    said: dict[str, Any] = {"quotas": {"1": "400000.00"}, **changed}
    return build(house, [people.clerk, people.reviewer], **said)


def asked(**changed: Any) -> ChangeAsked:
    """The new account as the parties agreed on it (变更材料)."""
    number = new_number("BG")
    said = ChangeAsked(
        number, file_hash(number), f"XY-{number}", bureau_day(), NEW_BANK, "中国工商银行交口支行",
        f"6222{int(number[2:]):015d}", "测试置业预售资金监管专户",
    )  # fmt: skip
    return replace(said, **changed)


def entered(estate: Estate, officer_id: int, what: ChangeAsked | None = None) -> str:
    return estate.do(
        lambda session: enter(session, estate.account_no, what or asked(), officer_id=officer_id)
    )


def approved(estate: Estate, change_no: str, officer_id: int) -> str | None:
    told = estate.house.settings
    return estate.do(lambda session: approve(session, change_no, told, officer_id=officer_id))


def answered(
    estate: Estate, change_no: str, outcome: Outcome, bank: str = OLD_BANK, **changed: Any
) -> dict[str, Any]:
    """The old account's bank answers the transfer (银行答复划转)."""
    found = order_of(estate, change_no)
    result = Result(
        found.instruction_no, outcome, new_number("F"), Yuan.from_fen(found.amount), found.new_no,
        bureau_day(),
    )  # fmt: skip
    told = estate.house.settings
    return estate.do(lambda session: record(session, replace(result, **changed), bank, told))


def order_of(estate: Estate, change_no: str) -> Any:
    query = (
        "SELECT i.instruction_no, i.amount, i.status, c.account_no AS new_no, c.status AS change_status"
        "  FROM account_change c LEFT JOIN instruction i ON i.id = c.instruction_id"
        " WHERE c.change_no = :number"
    )
    return row(estate, query, number=change_no)


def state(estate: Estate, change_no: str) -> tuple[Any, ...]:
    """Change, old account, new account, the project as the platform sees it (现状)."""
    query = (
        "SELECT c.status, o.status AS old, n.status AS new, p.status AS project, p.account_no ="
        " o.account_no AS on_old FROM account_change c JOIN supervised_account o ON o.id = c.account_id"
        "  LEFT JOIN supervised_account n ON n.id = c.new_account_id"
        "  JOIN project_standing p ON p.project_id = o.project_id WHERE c.change_no = :number"
    )
    return tuple(row(estate, query, number=change_no))


def moved(estate: Estate, change_no: str) -> Estate:
    """The same project seen through its new account (换户后的项目)."""
    found = row(
        estate,
        "SELECT n.id, n.account_no, n.book_id FROM account_change c JOIN supervised_account n"
        " ON n.id = c.new_account_id WHERE c.change_no = :number",
        number=change_no,
    )
    return replace(estate, account_no=found.account_no, account_id=found.id, book_id=found.book_id)


def deposited(estate: Estate, notice_no: str | None, amount: str, bank: str = OLD_BANK) -> dict[str, Any]:
    """A bank books a credit (入账)."""
    deposit = Deposit(
        bank_serial=new_number("B"), account_no=estate.account_no, amount=Yuan(amount),
        value_date=bureau_day(), booked_at=now(), payer_name="王秀英",
        payer_account="6217000010001234567", channel=Channel.POS, notice_no=notice_no,
    )  # fmt: skip
    return estate.do(lambda session: receive_deposit(session, deposit, bank, estate.house.settings))


def codes(unit: Any) -> list[str]:
    """A unit of work is refused: the codes, each with its citation (被拒的理由)."""
    with pytest.raises(Refused) as found:
        unit()
    assert all(refusal.citation for refusal in found.value.refusals)
    return [refusal.code for refusal in found.value.refusals]
