"""What the tests of deposits do again and again: a bank's line, a repayment, officers' decisions."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from config.clock import bureau_day
from escrow.advances.actions import FundDeposit, receive
from escrow.advances.repaying import Repayment, confirm, enter, report
from escrow.advances.rules import PayerKind
from escrow.errors import Refused
from escrow.maintenance.reading import units_seen
from ledger.money import Yuan
from tests.estate import Estate, build, file_hash, new_number, officers
from tests.fund.fund_estate import FundEstate, fund_of

BANK = "ABC"
# 96.00 square metres in a frame building of Shanxi.
DUE = "6912.00"
DEVELOPER, OWNER = PayerKind.DEVELOPER, PayerKind.OWNER


def people_of(house: Any) -> SimpleNamespace:
    """Those who enter and those who decide (经办与复核)."""
    names = ("clerk", "cashier", "reviewer")
    return SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True)))


def unpaid(*, buildings: int = 1, units: int = 2) -> Callable[[Any, Any], SimpleNamespace]:
    """What builds the scene of houses with accounts and nothing in them (建账而未交存的场景)."""

    def scene_of(house: Any, app: Any) -> SimpleNamespace:
        people = people_of(house)
        two = [people.clerk, people.reviewer]
        estate = build(house, two, buildings=buildings, units=units, advanced=False)
        return SimpleNamespace(people=people, estate=estate, fund=founded(estate, people))

    return scene_of


def founded(estate: Estate, people: SimpleNamespace) -> FundEstate:
    """The estate's houses have their accounts (建账)."""
    return fund_of(estate.house, estate.project_no, [people.clerk, people.reviewer], bank_code=BANK)


def advance_all(fund: FundEstate) -> None:
    """Every house of the project has what is due, in one line of the bank (全部代缴)."""
    with fund.house.database.read() as session:
        due = {code: seen.due.amount for code, seen in units_seen(session, fund.houses).items()}
    units = [(code, str(amount)) for code, amount in due.items() if amount]
    if units:
        paid(fund, *units)


def advanced_again(house: Any, unit_code: str) -> None:
    """A home whose filed contract ended is sold again: its developer pays anew (另售重新代缴)."""
    query = text(
        "SELECT f.account_no, f.bank_code FROM house h"
        " JOIN community_building b ON b.id = h.community_building_id"
        " JOIN community c ON c.id = b.community_id"
        " JOIN fund_account f ON f.id = c.fund_account_id WHERE h.unit_code = :code"
    )
    with house.database.read() as session:
        account_no, bank_code = session.execute(query, {"code": unit_code}).one()
        due = units_seen(session, [unit_code])[unit_code].due.amount
    fund = FundEstate(house, account_no, [], bank_code=bank_code)
    assert due and fates(paid(fund, (unit_code, str(due)))) == [("booked", str(due), None)]


def line(fund: FundEstate, *units: tuple[str, str], payer: PayerKind = DEVELOPER, **told: Any) -> FundDeposit:
    """One line of the fund's bank (银行一笔)."""
    amount = told.pop("amount", None) or str(sum((Yuan(part) for _, part in units), Yuan(0)))
    named = tuple((code, Yuan(part)) for code, part in units)
    return FundDeposit(
        bank_serial=told.pop("bank_serial", None) or new_number("W"), account_no=fund.account_no,
        amount=Yuan(amount), value_date=told.pop("value_date", None) or bureau_day(), payer_kind=payer,
        payer_name="测试置业有限公司" if payer is DEVELOPER else "王秀英", units=named,
    )  # fmt: skip


def paid(fund: FundEstate, *units: tuple[str, str], **told: Any) -> dict[str, Any]:
    """The bank reports it (银行报送入账)."""
    said = line(fund, *units, **told)
    return fund.do(lambda session: receive(session, said, fund.bank_code or BANK, fund.house.settings))


def fates(answer: dict[str, Any]) -> list[tuple[str, str, str | None]]:
    """What became of each unit: its fate, what was booked, why not all (各户结果)."""
    return [
        (one["status"], one["booked"], one["reason"]["code"] if one["reason"] else None)
        for one in answer["units"]
    ]


def repaid(fund: FundEstate, unit_code: str, amount: str = DUE, evidence_no: str = "") -> dict[str, Any]:
    """The filing system tells that a buyer repaid (报来归还)."""
    asked = Repayment(unit_code, Yuan(amount), bureau_day(), evidence_no or new_number("收"))
    event = new_number("GH")
    return fund.do(lambda session: report(session, asked, f"event:filing:{event}", event))


def entered(fund: FundEstate, unit_code: str, officer_id: int, amount: str = DUE) -> int:
    """An officer enters a repayment with its paper (录入归还)."""
    number = new_number("收")
    asked = Repayment(unit_code, Yuan(amount), bureau_day(), number)
    return fund.do(lambda session: enter(session, asked, file_hash(number), officer_id=officer_id))


def confirmed(fund: FundEstate, repayment_id: int, officer_id: int) -> None:
    """Another says yes (确认)."""
    fund.do(lambda session: confirm(session, repayment_id, officer_id=officer_id))


def refused(unit: Any, *args: Any, **kwargs: Any) -> list[str]:
    """The codes of a refusal, each with its citation (被拒理由)."""
    with pytest.raises(Refused) as found:
        unit(*args, **kwargs)
    assert all(refusal.citation for refusal in found.value.refusals)
    return [refusal.code for refusal in found.value.refusals]


def held(fund: FundEstate) -> dict[tuple[str, str], str]:
    """Every account of the fund's book that is not zero (非零科目)."""
    query = text(
        "SELECT a.code, a.key, b.balance FROM ledger.account a JOIN ledger.balance b ON b.account_id = a.id"
        " WHERE a.book_id = :book_id AND b.balance <> 0"
    )
    with fund.house.database.read() as session:
        rows = session.execute(query, {"book_id": fund.book_id})
        return {(row.code, row.key): str(Yuan.from_fen(row.balance)) for row in rows}
