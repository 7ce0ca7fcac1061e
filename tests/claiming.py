"""What the claim tests do again and again: unmatched money, its claim and its confirmation (待认领测试用)."""

from types import SimpleNamespace
from typing import Any

import pytest

from escrow.claims.actions import ClaimAsked, Evidence, ReturnAsked, ask_return, claim, confirm, reject
from escrow.claims.returning import issue_return
from escrow.errors import Refused
from ledger.money import Yuan
from tests.estate import Estate, file_hash, new_number, officers


def people_of(house: Any) -> SimpleNamespace:
    """Two who enter and confirm, and a third (经办与复核)."""
    names = ("clerk", "cashier", "reviewer")
    return SimpleNamespace(**dict(zip(names, officers(house, *names), strict=True)))


def evidence(note: str = "付款人携回单到场核对") -> Evidence:
    """A paper nobody used before (认领依据)."""
    number = new_number("RL")
    return Evidence(number, file_hash(number), note)


def claimed(estate: Estate, receipt: dict[str, Any], officer_id: int, **shares: str) -> int:
    """Somebody says for which notices the money is (录入认领)."""
    asked = ClaimAsked(
        receipt["receipt_no"], evidence(), tuple((one, Yuan(amount)) for one, amount in shares.items())
    )
    return estate.do(lambda session: claim(session, asked, estate.house.settings, officer_id=officer_id))


def returned(estate: Estate, receipt: dict[str, Any], officer_id: int, amount: str) -> int:
    """Somebody proposes to send it back (录入退回)."""
    asked = ReturnAsked(receipt["receipt_no"], evidence("查无对应合同"), Yuan(amount))
    return estate.do(
        lambda session: ask_return(session, asked, estate.house.settings, officer_id=officer_id)
    )


def confirmed(estate: Estate, claim_id: int, officer_id: int) -> Any:
    """Another says yes (确认)."""
    told = estate.house.settings
    return estate.do(lambda session: confirm(session, claim_id, told, officer_id=officer_id))


def rejected(estate: Estate, claim_id: int, officer_id: int) -> Any:
    """Another says no (退回)."""
    return estate.do(lambda session: reject(session, claim_id, "付款人不符", officer_id=officer_id))


def ordered(estate: Estate, claim_id: int, officer_id: int) -> str:
    """The bank is told (签发退回)."""
    told = estate.house.settings
    return estate.do(lambda session: issue_return(session, claim_id, told, officer_id=officer_id))


def refused(unit: Any, *args: Any, **kwargs: Any) -> list[str]:
    """The codes of a refusal, each with its citation (被拒理由)."""
    with pytest.raises(Refused) as found:
        unit(*args, **kwargs)
    assert all(refusal.citation for refusal in found.value.refusals)
    return [refusal.code for refusal in found.value.refusals]
