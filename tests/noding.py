"""What the node tests do again and again: claim, approve, be refused (工程节点测试用)."""

from datetime import date
from typing import Any

import pytest

from config.clock import bureau_day
from escrow.errors import Refused
from escrow.supervision import nodes
from escrow.supervision.nodes import Claim, Correction
from escrow.supervision.schedules import Paper, PaperKind
from tests.estate import USCC, Estate, file_hash, new_number

TODAY = bureau_day()
SCHEDULE = {"主体结构验收": "0.40", "竣工验收": "0.10", "竣工验收备案": "0.05"}
FIRMS = {
    PaperKind.DECLARATION: "测试置业有限公司", PaperKind.CONTRACTOR: "山西某建设集团",
    PaperKind.ENGINEER: "吕梁某监理公司",
}  # fmt: skip
# Whose number and name each is; the developer's is the estate's own (各家代码与签字人).
FIRM_NOS = {
    PaperKind.DECLARATION: USCC, PaperKind.CONTRACTOR: "91140105MA0HXYT18X",
    PaperKind.ENGINEER: "91141182MA0GDKF29J",
}  # fmt: skip
SIGNERS = {PaperKind.DECLARATION: "张开发", PaperKind.CONTRACTOR: "李施工", PaperKind.ENGINEER: "王监理"}


def paper(kind: PaperKind, on: date = TODAY, **changed: Any) -> Paper:
    """One paper of its kind, never seen before."""
    where = "一号楼西侧" if kind is PaperKind.PHOTO else None
    said = {
        "firm": FIRMS.get(kind), "firm_no": FIRM_NOS.get(kind), "signer": SIGNERS.get(kind), "note": where,
        **changed,
    }  # fmt: skip
    return Paper(kind, said.pop("file_hash", file_hash(new_number("P"))), on, **said)


def papers(*without: PaperKind, on: date = TODAY, **changed: Any) -> tuple[Paper, ...]:
    """Everything a node needs, or all but some."""
    kinds = [kind for kind in PaperKind if kind is not PaperKind.ORDER and kind not in without]
    return tuple(paper(kind, on, **changed) for kind in kinds)


def claimed(estate: Estate, clerk: int, node: str, *, building: str = "1", proof: Any = None) -> int:
    """One officer enters that a node is reached."""
    claim = Claim(estate.account_no, estate.buildings[building], node, papers() if proof is None else proof)
    return estate.do(lambda session: nodes.enter(session, claim, officer_id=clerk))


def approved(estate: Estate, claim_id: int, reviewer: int, on: date | None = TODAY) -> None:
    """Another officer looks at the site and approves."""
    estate.do(lambda s: nodes.approve(s, claim_id, officer_id=reviewer, site_checked_on=on))


def reached(estate: Estate, people: Any, *names: str, building: str = "1") -> None:
    """One node after another, each by two officers."""
    clerk, reviewer = people
    for name in names:
        approved(estate, claimed(estate, clerk, name, building=building), reviewer)


def corrected(estate: Estate, clerk: int, node: str | None, *, building: str = "1") -> int:
    """One officer enters the order to go back."""
    asked = Correction(
        estate.account_no, estate.buildings[building], node, "主体结构返工",
        paper(PaperKind.ORDER, note=new_number("更正")),
    )  # fmt: skip
    return estate.do(lambda session: nodes.enter_correction(session, asked, officer_id=clerk))


def codes(action: Any) -> list[str]:
    """Every reason it was refused for, each with its citation."""
    with pytest.raises(Refused) as refused:
        action()
    assert all(refusal.citation for refusal in refused.value.refusals)
    return [refusal.code for refusal in refused.value.refusals]


def funds(estate: Estate, building: str = "1") -> dict[str, str]:
    """What stands under each heading of a building."""
    key = f"building:{estate.buildings[building]}"
    return {code: amount for (code, at), amount in estate.held().items() if at == key}
