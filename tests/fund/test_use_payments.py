"""使用付款：银行答复之前不记支出；预付有比例，结算不超预算，未用的占用解除；退汇复为应付；库里一样守住。"""

from contextlib import closing
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.clock import bureau_day
from config.regulations import law_on
from escrow.fund_use import deciding
from escrow.fund_use.payment_rules import (
    PaymentFacts,
    PaymentKind,
    PaymentStatus,
    advance_parts,
    final_parts,
    fund_totals,
    payment_refusals,
)
from escrow.fund_use.rules import Cause, PaperKind, UseStatus
from escrow.fund_use.share_rules import Bearer, Home, share_out
from escrow.maintenance import chart
from escrow.maintenance.chart import Nature
from ledger.money import ZERO, Yuan
from tests.fund.advancing import held, refused
from tests.fund.fund_estate import FundEstate, build_fund
from tests.fund.test_fund_database import refused_by
from tests.fund.test_use_database import limit
from tests.fund.use_paying import accepted, answered, asked, confirmed, ordered, paid
from tests.fund.using import approved, in_town, paper, row_of, town
from tests.sale import row

LAW = law_on(bureau_day(), "maintenance_fund", "141130")


def stood(estate: FundEstate) -> list[tuple[str, str]]:
    return [estate.stands(one)[:2] for one in estate.ids]


def works(estate: FundEstate) -> list[str]:
    found = held(estate)
    return [found.get(("500101", chart.house_key(one)), "0.00") for one in estate.ids]


scene_of = in_town


def test_nothing_is_spent_before_the_bank_has_paid(estate):
    """预付：录入、复核、签发都不动账，银行答复已付才逐户记支出并冲占用，各级相符。"""
    use_no = approved(estate, "300.00")
    one = asked(estate, use_no, "advance", "100.00")
    assert refused(confirmed, estate, use_no, one, by=0) == ["same-officer"]
    assert confirmed(estate, use_no, one) == "due"
    number = ordered(estate, use_no, one)
    assert stood(estate) == [("1000.00", "100.00")] * 3 and works(estate) == ["0.00"] * 3
    answered(estate, number, "paid", "100.00")
    assert stood(estate) == [("966.66", "66.66"), ("966.67", "66.67"), ("966.67", "66.67")]
    assert works(estate) == ["33.34", "33.33", "33.33"]
    assert estate.disagreements() == []


def test_sold_public_housing_pays_out_of_its_own_account(house):
    """已售公房的使用：从公有住房专户付出，商品住宅专户分文不动，各级相符。"""
    estate = build_fund(house, buildings=2, units=2, natures=(Nature.PUBLIC,))
    estate.deposits(dict.fromkeys(estate.ids, "1000.00"))
    use_no = approved(estate, "400.00")
    assert estate.stands(estate.ids[0]) == ("1000.00", "100.00", "0.00")
    paid(estate, use_no, "advance", "200.00")
    accepted(estate, use_no)
    number = paid(estate, use_no, "final", "400.00", "200.00")
    assert [estate.stands(one)[:2] for one in estate.ids] == [("900.00", "0.00")] * 4
    said = row(estate, "SELECT nature FROM fund_order WHERE instruction_no = :no", no=number)
    assert said.nature == "public" and held(estate)["100102", ""] == "3600.00"
    assert ("100101", "") not in held(estate) and estate.disagreements() == []


def test_to_the_final_account_and_what_was_not_used_is_free(estate):
    """验收之后结算二百七十元：尾款逐户补足，未用的三十元占用解除，状态已结算。"""
    use_no = approved(estate, "300.00")
    paid(estate, use_no, "advance", "100.00")
    assert refused(asked, estate, use_no, "final", "270.00") == ["not-now"]
    accepted(estate, use_no)
    assert refused(asked, estate, use_no, "final", "300.01") == ["final-over-budget"]
    assert refused(asked, estate, use_no, "final", "90.00") == ["advance-over-final"]
    paid(estate, use_no, "final", "270.00", "170.00")
    assert stood(estate) == [("910.00", "0.00")] * 3 and works(estate) == ["90.00"] * 3
    row = row_of(estate, use_no)
    assert (row.status, row.final) == ("settled", 27000) and row.free_entry_id is not None
    assert ("9299", chart.use_key(row.id)) not in held(estate)
    assert estate.disagreements() == []


def test_the_developer_pays_its_own_part_beside_the_fund(house):
    """未售一户的三分之一由建设单位另付，专户只付分户账承担的三分之二。"""
    estate = town(house, unsold=1)
    use_no = approved(estate, "300.00")
    assert refused(asked, estate, use_no, "advance", "100.01") == ["advance-over-ratio"]
    accepted(estate, use_no)
    paid(estate, use_no, "final", "300.00", "200.00")
    assert stood(estate) == [("900.00", "0.00"), ("900.00", "0.00"), ("1000.00", "0.00")]


def test_an_order_that_failed_or_came_back_may_be_issued_again(estate):
    """未付：占用不动，可再签发；付后退汇：支出冲回、占用恢复，结算复为已验收，再付再结。"""
    use_no = approved(estate, "300.00")
    accepted(estate, use_no)
    one = asked(estate, use_no, "final", "240.00")
    confirmed(estate, use_no, one)
    first = ordered(estate, use_no, one)
    assert refused(ordered, estate, use_no, one) == ["already-ordered"]
    answered(estate, first, "failed", "240.00")
    assert stood(estate) == [("1000.00", "100.00")] * 3
    second = ordered(estate, use_no, one)
    answered(estate, second, "paid", "240.00")
    assert row_of(estate, use_no).status == "settled" and stood(estate) == [("920.00", "0.00")] * 3
    answered(estate, second, "returned", "240.00")
    assert row_of(estate, use_no).status == "accepted" and stood(estate) == [("1000.00", "80.00")] * 3
    third = ordered(estate, use_no, one)
    answered(estate, third, "paid", "240.00")
    assert row_of(estate, use_no).status == "settled" and stood(estate) == [("920.00", "0.00")] * 3
    assert estate.disagreements() == []


def test_a_use_nobody_carried_out_is_ended_by_two(estate):
    """未施工的：一人录入终止、另一人复核，占用全部解除；已有付款的不得终止。"""
    use_no = approved(estate, "300.00")
    one = asked(estate, use_no, "end")
    assert refused(confirmed, estate, use_no, one, by=0) == ["same-officer"]
    confirmed(estate, use_no, one)
    assert row_of(estate, use_no).status == "failed" and stood(estate) == [("1000.00", "0.00")] * 3
    other = approved(estate, "300.00")
    paid(estate, other, "advance", "100.00")
    assert refused(asked, estate, other, "end") == ["paid-already"]


def test_what_was_advanced_settles_without_another_order(estate):
    """结算恰等于预付：不再签发，复核即结算，其余占用解除。"""
    use_no = approved(estate, "300.00")
    paid(estate, use_no, "advance", "150.00")
    accepted(estate, use_no)
    assert confirmed(estate, use_no, asked(estate, use_no, "final", "150.00")) == "paid"
    assert row_of(estate, use_no).status == "settled" and stood(estate) == [("950.00", "0.00")] * 3


def test_a_large_final_account_needs_its_review(house):
    """结算超过五十万元的须附造价审核报告；恰好五十万元不须。"""
    estate = town(house, each="500000.00")
    use_no = approved(estate, "900000.00")
    accepted(estate, use_no)
    assert refused(asked, estate, use_no, "final", "500000.01") == ["review-needed"]
    assert asked(estate, use_no, "final", "500000.01", review=True)


def test_an_emergency_is_settled_only_when_filed(estate):
    """应急使用未备案的不得结算。"""
    use_no = approved(estate, "300.00", cause=Cause.WATER)
    accepted(estate, use_no)
    assert refused(asked, estate, use_no, "final", "300.00") == ["emergency-not-filed"]
    said = paper(PaperKind.FILING)
    estate.do(lambda s: deciding.file_late(s, use_no, said, officer_id=estate.officers[0]))
    assert asked(estate, use_no, "final", "300.00")


# --- the rules by themselves (规则) ---


def test_payments_stand_once():
    """预付、结算各一次；预付未办结不能结算。"""
    facts = PaymentFacts(
        UseStatus.ACCEPTED, Yuan("300.00"), Yuan("300.00"), ZERO, {PaymentKind.ADVANCE: PaymentStatus.DUE}
    )
    found = payment_refusals(facts, PaymentKind.FINAL, Yuan("300.00"), LAW)
    assert [one.code for one in found] == ["advance-open"] and all(one.citation for one in found)
    twice = payment_refusals(facts, PaymentKind.ADVANCE, Yuan("1.00"), LAW)
    assert [one.code for one in twice] == ["not-now", "payment-once"]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(1, 20_000), st.booleans()), min_size=1, max_size=30),
    st.integers(1, 10**8), st.integers(0, 100), st.integers(1, 100),
)  # fmt: skip
def test_no_house_ever_pays_more_than_was_held_for_it(homes, budget, advance, final):
    """任意面积、预算、预付与结算比例：逐户合计不超其占用，预付与尾款之和恰为分户账应付。"""
    shares = share_out(Yuan.from_fen(budget), [
        Home(at, f"U{at:03d}", area / Yuan("100.00").amount, Bearer.DEVELOPER if unsold else Bearer.FUND)
        for at, (area, unsold) in enumerate(homes)
    ])  # fmt: skip
    caps = {one.house_id: one.from_fund for one in shares}
    whole = sum(caps.values(), ZERO)
    first = Yuan.from_fen(whole.fen * advance // 200)
    advanced = advance_parts(first, shares)
    totals = fund_totals(Yuan.from_fen(max(budget * final // 100, 1)), shares)
    rest = final_parts(totals, advanced, shares)
    assert sum(advanced.values(), ZERO) == first
    assert all(advanced.get(at, ZERO) + rest.get(at, ZERO) <= caps[at] for at in caps)
    if sum(totals.values(), ZERO) >= first:
        assert first + sum(rest.values(), ZERO) == sum(totals.values(), ZERO)


# --- plain SQL (绕过程序) ---


def attack(estate: FundEstate, *statements: str, **told: Any) -> str | None:
    def run() -> None:
        with closing(estate.house.connect("app")) as connection, connection.transaction():
            for statement in statements:
                connection.execute(statement, told)

    return refused_by(run)


def test_payments_keep_their_steps_in_the_database(estate):
    """没有银行答复写成已付、超比例预付、同一人复核、没有验收就结算、未付完就写已结算，都被拒绝。"""
    use_no = approved(estate, "300.00")
    one = asked(estate, use_no, "advance", "150.00")
    told = {"id": one, "by": estate.officers[1], "maker": estate.officers[0], "no": use_no}
    due = """
    UPDATE use_payment SET status = 'due', decided_by = %(by)s, decided_at = clock_timestamp(), law = {}
     WHERE id = %(id)s
    """
    wide = """'{"provisions": {"use_advance_ratio": {"value": "1.00"}}}'"""
    with limit(estate.house, "use_advance_ratio", "0.49"):
        assert attack(estate, due.format(wide), **told) == "use_payment_steps"
    same = due.format(wide).replace("%(by)s", "%(maker)s")
    assert attack(estate, same, **told) == "ck_use_payment_two_officers"
    confirmed(estate, use_no, one)
    for change in ("status = 'paid'", "amount = 1", "payee_bank = '别家'"):
        statement = f"UPDATE use_payment SET {change} WHERE id = %(id)s"
        assert attack(estate, statement, **told) == "use_payment_steps"
    accept = """
    UPDATE fund_use SET status = 'accepted', accepted_on = current_date, accepted_by = %(maker)s,
           accepted_at = clock_timestamp() WHERE use_no = %(no)s
    """
    assert attack(estate, accept, **told) == "fund_use_steps"
    end = """
    UPDATE fund_use SET status = 'failed', reason = '不做了', ended_by = %(maker)s, ended_at = clock_timestamp()
     WHERE use_no = %(no)s
    """
    assert attack(estate, end, **told) == "fund_use_steps"
    more = "INSERT INTO use_payment_part VALUES (%(id)s, %(house)s, 1)"
    assert attack(estate, more, house=town(estate.house).ids[0], **told) == "use_payment_whole"
    settled = "UPDATE fund_use SET status = 'settled', final = 30000 WHERE use_no = %(no)s"
    accepted(estate, use_no)
    assert attack(estate, settled, **told) == "fund_use_steps"


def test_an_order_pays_the_contractor_that_was_decided(estate):
    """指令付给别人、付别的数，数据库不收。"""
    use_no = approved(estate, "300.00")
    one = asked(estate, use_no, "advance", "150.00")
    confirmed(estate, use_no, one)
    number = ordered(estate, use_no, one)
    answered(estate, number, "failed", "150.00")
    draw = """
    UPDATE instruction_counter SET last = last + 1
     WHERE year = (SELECT max(year) FROM instruction_counter)
    """
    copy = """
    INSERT INTO fund_order (instruction_no, kind, fund_account_id, nature, amount, purpose, source,
                            decided_by, issued_by, law, status, expires_on, payee_name_sealed,
                            payee_account_sealed,
                            payee_name_masked, payee_account_masked, payee_bank)
    SELECT 'ZL' || k.year || to_char(k.last, 'FM000000'), o.kind, fund_account_id, nature, {amount}, purpose,
           source, decided_by, issued_by, law, 'issued', expires_on, payee_name_sealed, {account},
           payee_name_masked, payee_account_masked, payee_bank
      FROM fund_order o, (SELECT * FROM instruction_counter ORDER BY year DESC LIMIT 1) k
    """
    more = copy.format(amount="amount + 1", account="payee_account_sealed")
    assert attack(estate, draw, more) == "fund_order_stands"
    other = copy.format(amount="amount", account="payee_name_sealed")
    assert attack(estate, draw, other) == "use_order_followed"
    with estate.house.connect("app") as connection:
        connection.execute(draw)
        connection.execute(copy.format(amount="amount", account="payee_account_sealed"))
