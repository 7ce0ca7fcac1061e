"""地址里的两个编号须是一家的：账户与冻结、保函、接管、白名单，入账与认领，退款与明细，项目与楼幢。"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from config.clock import bureau_day
from escrow.advances.apart_rules import Payee
from escrow.advances.deciding import Evidence as Paper
from escrow.advances.deciding import ReturnAsked, ask_return
from escrow.fund_income.actions import Slip, enter
from escrow.fund_income.rules import IncomeKind
from escrow.houses import actions as houses
from escrow.houses.owner_rules import OwnerKind
from escrow.houses.owning import Transfer, enter_owner
from escrow.maintenance.chart import Nature
from escrow.release.clauses import ClauseKind
from escrow.release.evidence import Evidence, enter_evidence
from escrow.supervision import court_holds, guarantees, takeovers
from escrow.supervision.court_holds import Document, Freeze
from escrow.supervision.measures import months_after
from ledger.money import Yuan
from tests.claiming import returned
from tests.desk import Seat, hire, sit_down
from tests.estate import build, file_hash, new_number, pay, sold
from tests.fund.advancing import advanced_again, entered, paid
from tests.fund.fund_estate import build_fund
from tests.fund.use_paying import asked as payment_asked
from tests.fund.using import approved as use_approved
from tests.fund.using import town as owned_town
from tests.refunding import dropped
from tests.withdrawing import listed, people_of

TODAY = bureau_day()
REASON = {"reason": "试一试", "decision": "reject"}
# What an address says besides its two numbers, the number it begins with, and a form with nothing amiss.
CASES: dict[str, tuple[str, list[dict[str, str]], dict[str, str]]] = {
    "measures.extend": ("account_no", [{}], {"held_until": months_after(TODAY, 24).isoformat()}),
    "measures.ask_lift": ("account_no", [{}], {}),
    "measures.ask_deduction": (
        "account_no", [{}], {"building_no": "1", "amount": "1.00", "consent_no": "函1", "bank_serial": "K1"},
    ),
    "measures.decide_act": ("account_no", [{}], REASON),
    "measures.decide_order": ("account_no", [{"kind": "guarantees"}, {"kind": "takeovers"}], REASON),
    "measures.ask_order_end": (
        "account_no", [{"kind": "guarantees"}, {"kind": "takeovers"}], {"reason": "到期", "to": "ended"},
    ),
    "measures.end_order": ("account_no", [{"kind": "guarantees"}, {"kind": "takeovers"}], {}),
    "registers.contract_decision": ("account_no", [{}], REASON),
    "registers.payee_decision": ("account_no", [{}], REASON),
    "registers.contract_retirement": ("account_no", [{}], REASON),
    "registers.payee_retirement": ("account_no", [{}], REASON),
    "claims.confirm_claim": ("receipt_no", [{}], {}),
    "claims.reject_claim": ("receipt_no", [{}], REASON),
    "claims.issue": ("receipt_no", [{}], {}),
    "redirects.enter": (
        "refund_no", [{}],
        {"name": "王秀兰", "account_no": "6217000099990000002", "bank_name": "中国银行", "paper_no": "ZM1"},
    ),
    "release.confirm_paper": ("account_no", [{}], {}),
    "release.reject_paper": ("account_no", [{}], REASON),
    "fund_income.confirm": ("fund_id", [{}], {}),
    "fund_income.send_back": ("fund_id", [{}], REASON),
    "buildings.show": ("project_no", [{}], {}),
    "apart_money.confirm_decision": ("apart_id", [{}], {}),
    "apart_money.reject_decision": ("apart_id", [{}], REASON),
    "use_payments.confirm": ("use_no", [{}], {}),
    "use_payments.reject": ("use_no", [{}], REASON),
    "use_payments.order": ("use_no", [{}], {}),
    "fund_advances.confirm_repayment": ("unit_code", [{}], {}),
    "fund_advances.reject_repayment": ("unit_code", [{}], REASON),
    "houses.confirm_change": ("unit_code", [{}], {}),
    "houses.reject_change": ("unit_code", [{}], REASON),
    "houses.order_loss": ("unit_code", [{"part": "owner"}, {"part": "seller"}], {}),
    "houses.confirm_transfer": ("unit_code", [{"kind": "owner_change_id"}], {}),
    "houses.reject_transfer": ("unit_code", [{"kind": "owner_change_id"}], REASON),
}  # fmt: skip
# Their numbers are of no project: whoever may open the list may open every one of them. A developer's
# receiving account is the developer's on each of its accounts; redirects have tests of their own.
ALONE = {
    "static", "receivers.confirm", "receivers.reject", "receivers.retire",
    "redirects.approve", "redirects.reject",
}  # fmt: skip
TABLES = (
    "court_hold", "court_act", "guarantee", "takeover", "construction_contract", "listed_payee",
    "receipt_claim", "refund_redirect", "release_evidence", "fund_income", "ledger.journal_entry",
    "apart_decision", "advance_repayment", "fund_use", "use_payment", "fund_order", "house_change",
    "owner_change",
)  # fmt: skip


@pytest.fixture(scope="module")
def rules(blank_settings: Any) -> list[Any]:
    """全部网页地址；接口的地址由令牌与各自的银行把守，另有测试。"""
    from escrow.application import create_app

    nowhere = "postgresql://nobody@/nowhere?host=/nonexistent"
    made = create_app(replace(blank_settings, database_url=nowhere, owner_url=nowhere))
    found = [rule for rule in made.url_map.iter_rules() if not rule.rule.startswith("/api/")]
    made.extensions["database"].dispose()
    return found


def test_every_address_with_two_numbers_is_tried(rules: list[Any]) -> None:
    """地址里有两个以上编号的网页，都在本表中逐一试过；新添一个就要在表里添一行。"""
    nested = {rule.endpoint for rule in rules if len(rule.arguments) > 1} - ALONE
    assert nested == set(CASES)


def place(house: Any, people: Any, buildings: int) -> dict[str, str]:
    """一个项目的各项编号：冻结、解冻、保函、接管、合同、收款人、入账、认领、退款。"""
    estate = build(
        house, [people.clerk, people.reviewer], buildings=buildings, quotas={"1": "1000.00"},
        clauses=[{"kind": "handover_ratio", "value": "0.9", "clause": "协议第九条"}],
    )  # fmt: skip
    estate.put("1", "950.00")
    site, who, number = listed(estate, people), people.clerk, new_number("MEASURE")

    def paper() -> Document:
        said = new_number("（2026）晋11执")
        return Document(said, TODAY, file_hash(said))

    freeze = Freeze(estate.account_no, "中级法院", Yuan("10.00"), TODAY, months_after(TODAY, 12), paper())
    hold = estate.do(lambda s: court_holds.freeze(s, freeze, officer_id=who))
    act = estate.do(lambda s: court_holds.ask_lift(s, estate.account_no, hold, paper(), officer_id=who))
    offered = guarantees.Offered(
        estate.account_no, "1", number, "建设银行", Yuan("10.00"), months_after(TODAY, 6), file_hash(number)
    )
    order = takeovers.Order(estate.account_no, number, "停工", file_hash(f"{number}接管"))
    refund_no = dropped(estate).entered(who)
    part = scalar(house, "SELECT p.id FROM refund_part p JOIN refund r ON r.id = p.refund_id"
                         " WHERE r.refund_no = :no", no=refund_no)  # fmt: skip
    receipt = pay(estate, None)
    handed = Evidence(
        estate.account_no, ClauseKind.HANDOVER_RATIO, "协议第九条", f"{number}交", TODAY,
        file_hash(f"{number}交"), Decimal("0.9"),
    )  # fmt: skip
    fund = build_fund(house)
    slip = Slip(
        fund.fund_id, IncomeKind.INTEREST, Nature.COMMODITY, Yuan("1.00"), number, TODAY, "结息单",
        file_hash(f"{number}息"),
    )  # fmt: skip
    sold(estate)
    advanced_again(house, estate.unit_codes[0])
    paid(fund, amount="10.00")
    with house.database.read() as session:
        apart_id = session.scalar(text("SELECT max(id) FROM apart_money"))
    back = ReturnAsked(
        apart_id, Yuan("10.00"), Payee.PAYER, "6217000010001234567", "建设银行",
        Paper(number, file_hash(f"{number}退"), "来函"),
    )  # fmt: skip
    homes = owned_town(house)
    use_no = use_approved(homes, "30.00")
    decided = fund.do(lambda s: ask_return(s, back, house.settings, officer_id=who))
    code, told = estate.unit_codes[0], houses.Paper(number, file_hash(f"{number}测"), "测绘更正")
    moved = Transfer(code, OwnerKind.TRANSFER, TODAY, number, file_hash(f"{number}移"), (("王秀英", None),))
    return {
        "use_no": use_no, "payment_id": str(payment_asked(homes, use_no, "advance", "9.00")),
        "change_id": str(estate.do(
            lambda s: houses.enter_area(s, code, told, Decimal("88.00"), officer_id=who))),
        "owner_change_id": str(estate.do(
            lambda s: enter_owner(s, moved, house.settings, officer_id=who))),
        "apart_id": str(apart_id), "decision_id": str(decided), "unit_code": estate.unit_codes[0],
        "repayment_id": str(entered(fund, estate.unit_codes[0], who)),
        "evidence_id": str(estate.do(lambda s: enter_evidence(s, handed, officer_id=who))),
        "fund_id": str(fund.fund_id),
        "slip_id": str(fund.do(lambda s: enter(s, slip, officer_id=fund.officers[0]))),
        "account_no": estate.account_no, "project_no": estate.project_no, "building_no": str(buildings),
        "hold_no": hold, "act_id": str(act), "refund_no": refund_no, "part_id": str(part),
        "guarantees": str(estate.do(lambda s: guarantees.enter(s, offered, officer_id=who))),
        "takeovers": str(estate.do(lambda s: takeovers.enter(s, order, officer_id=who))),
        "contract_id": str(site.contract_id), "payee_id": str(site.builder),
        "receipt_no": receipt["receipt_no"],
        "claim_id": str(returned(estate, receipt, who, "1.00")),
    }  # fmt: skip


def scalar(house: Any, query: str, **told: Any) -> Any:
    with house.database.read() as session:
        return session.scalar(text(query), told)


def state(house: Any) -> list[Any]:
    """各表现在的样子。"""
    return [scalar(house, f"SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {one} t")
            for one in TABLES]  # fmt: skip


def knock(seat: Seat, app: Any, endpoint: str, said: dict[str, str], form: dict[str, str]) -> int:
    """走到这个地址，填一张没有毛病的表。"""
    with app.test_request_context():
        path = app.url_for(endpoint, **said)
    number = new_number("文")
    paper = {"document_no": number, "dated_on": TODAY.isoformat(), "file_hash": file_hash(number)}
    if endpoint == "buildings.show":
        return int(seat.get(path).status_code)
    return int(seat.post(path, {"totp": seat.who.code(), **paper, **form}).status_code)


def test_numbers_of_two_projects_do_not_open_each_others_pages(app: Any, house: Any) -> None:
    """甲账户的地址配上乙账户的编号，一律查无此项，什么也不改；配上自己的编号就不是查无此项。"""
    people = people_of(house)
    ours, theirs = place(house, people, 2), place(house, people, 3)
    roles = ("register", "reviewer", "release", "cashier")
    seat = sit_down(app, hire(house.database, house.settings, "everything", *roles))
    before, opened, closed = state(house), [], []
    arguments = {rule.endpoint: rule.arguments for rule in app.url_map.iter_rules()}

    for endpoint, (first, variants, form) in CASES.items():
        for fixed in variants:
            inner = {name: fixed.get("kind", name) for name in arguments[endpoint] - {first, *fixed}}
            mixed = {first: ours[first], **fixed, **{name: theirs[key] for name, key in inner.items()}}
            if knock(seat, app, endpoint, mixed, form) != 404:
                opened.append((endpoint, fixed))
    assert not opened
    assert state(house) == before

    for endpoint, (first, variants, form) in CASES.items():
        for fixed in variants:
            inner = {name: fixed.get("kind", name) for name in arguments[endpoint] - {first, *fixed}}
            own = {first: theirs[first], **fixed, **{name: theirs[key] for name, key in inner.items()}}
            if knock(seat, app, endpoint, own, form) not in (200, 303, 409):
                closed.append((endpoint, fixed))
    assert not closed
