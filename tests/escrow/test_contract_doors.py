"""Contracts through the doors: drafted, changed, verified by the bank, read, cancelled (合同接口)."""

import copy
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine

from config.clock import bureau_day, now
from tests.builders import new_number, one_project, resident_id, valid_uscc

scene_of = one_project


def reasons(answer):
    """The refusals' codes of a 409; each has its citation."""
    assert answer.status_code == 409, answer.text
    assert all(refusal["citation"] for refusal in answer.json["refusals"])
    return [refusal["code"] for refusal in answer.json["refusals"]]


def fields(answer):
    """The fields a 422 names."""
    assert answer.status_code == 422, answer.text
    return [error["field"] for error in answer.json["errors"]]


def redraft(county, drafted, **changed):
    return county.put("filing", f"/contracts/{drafted.contract_no}", drafted.body | changed)


def notice(county, number, bank="bank-ICBC"):
    return county.get(bank, f"/payment-notices/{number}")


def cancel(county, contract_no, **changed):
    body = {"event_id": new_number("ZX"), "cancelled_on": bureau_day().isoformat(), "reason": "放弃购房"}
    return county.post("filing", f"/contracts/{contract_no}/cancellation", body | changed)


def file(county, drafted):
    asked = {"request_id": new_number("WQ"), "contract_no": drafted.contract_no}
    asked |= {"unit_code": drafted.body["unit_code"], "price": drafted.body["price"]}
    check = county.post("filing", "/deposit-checks", asked).json
    assert check["decision"] == "pass", check
    body = {
        "filing_no": new_number("BA"),
        "check_no": check["check_no"],
        "filed_on": bureau_day().isoformat(),
    }
    answer = county.post("filing", f"/contracts/{drafted.contract_no}/filing", body)
    assert answer.status_code == 201, answer.text


def instalments(*amounts):
    """A plan of own money, due a month apart from today on."""
    return [
        {
            "payment_kind": "instalment", "amount": amount, "source": "own",
            "due_on": (bureau_day() + timedelta(days=30 * at)).isoformat(),
        }
        for at, amount in enumerate(amounts)
    ]  # fmt: skip


def test_a_draft_is_answered_with_a_notice_for_every_payment(county, made):
    """草拟合同答 201，每笔付款一张通知书；同样内容再报 200，答复一字不差。"""
    drafted = county.draft(made)
    assert [(one["payment_kind"], one["amount"], one["due_on"]) for one in drafted.answer["notices"]] == [
        (one["payment_kind"], one["amount"], one["due_on"]) for one in drafted.body["payments"]
    ]
    day = f"{bureau_day():%Y%m%d}"
    assert all(re.fullmatch(f"JK{day}[0-9]{{4,}}", number) for number in drafted.notices)
    again = redraft(county, drafted)
    assert (again.status_code, again.json) == (200, drafted.answer)


def test_the_same_answer_even_after_payment_and_filing(county, made):
    """缴款、备案之后再报同样内容，答复仍与首次相同。"""
    drafted = county.draft(made)
    county.deposit(made, drafted.notices[0], "350000.00")
    assert redraft(county, drafted).json == drafted.answer
    file(county, drafted)
    again = redraft(county, drafted)
    assert (again.status_code, again.json) == (200, drafted.answer)


def test_a_changed_draft_before_any_payment_replaces_every_notice(county, made):
    """未缴款时变更合同：旧通知书全部作废，换发新号，号码不重用。"""
    drafted = county.draft(made)
    changed = redraft(county, drafted, payments=instalments("350000.00", "300000.00", "350000.00"))
    assert (changed.status_code, changed.json["version"]) == (200, 2)
    numbers = [one["notice_no"] for one in changed.json["notices"]]
    assert len(numbers) == 3 and not set(numbers) & set(drafted.notices)
    assert [notice(county, number).json["status"] for number in drafted.notices] == ["void", "void"]
    assert [notice(county, number).json["status"] for number in numbers] == ["issued"] * 3
    back = redraft(county, drafted)
    assert back.json["version"] == 3
    assert not {one["notice_no"] for one in back.json["notices"]} & {*numbers, *drafted.notices}


def test_after_a_payment_only_unpaid_notices_change(county, made):
    """缴款之后，已缴和部分缴款的通知书须原样保留，其余可以变更。"""
    drafted = county.draft(made, payments=instalments("300000.00", "300000.00", "400000.00"))
    first, second, third = drafted.notices
    county.deposit(made, first, "300000.00")
    county.deposit(made, second, "0.01")
    plan = drafted.body["payments"]
    for at, name, value in ((0, "amount", "299999.99"), (1, "due_on", "2030-01-01"), (1, "source", "loan")):
        bent = copy.deepcopy(plan)
        bent[at][name] = value
        bent[2]["amount"] = "400000.01" if name == "amount" else "400000.00"
        refused = redraft(county, drafted, payments=bent)
        assert reasons(refused) == ["paid-notice-changed"]
        assert drafted.notices[at] in refused.json["refusals"][0]["message"]
    moved = [*instalments("100000.00", "250000.00"), plan[1], plan[0]]
    changed = redraft(county, drafted, payments=moved, price="950000.00")
    assert changed.status_code == 200, changed.text
    numbers = [one["notice_no"] for one in changed.json["notices"]]
    assert numbers[2:] == [second, first] and third not in numbers
    states = {number: notice(county, number).json["status"] for number in (first, second, third)}
    assert states == {first: "paid", second: "partly_paid", third: "void"}


def test_two_paid_notices_alike_must_both_reappear(county, made):
    """两张内容相同的通知书都已缴款，只保留一张不行。"""
    twins = [instalments("250000.00")[0]] * 2
    drafted = county.draft(made, payments=[*twins, *instalments("500000.00")])
    for number in drafted.notices[:2]:
        county.deposit(made, number, "250000.00")
    one = redraft(county, drafted, payments=[twins[0], *instalments("750000.00")])
    assert reasons(one) == ["paid-notice-changed"]
    both = redraft(county, drafted, payments=[*twins, *instalments("200000.00", "300000.00")])
    assert [line["notice_no"] for line in both.json["notices"][:2]] == drafted.notices[:2]


def test_a_reversed_payment_frees_its_notice(county, made):
    """缴款被银行冲正后，该通知书视同未缴，可以变更。"""
    drafted = county.draft(made)
    receipt = county.deposit(made, drafted.notices[0], "350000.00").json["receipt_no"]
    plan = instalments("400000.00", "600000.00")
    assert reasons(redraft(county, drafted, payments=plan)) == ["paid-notice-changed"]
    back = {
        "bank_serial": new_number("B"), "amount": "350000.00", "value_date": bureau_day().isoformat(),
        "reason": "错入",
    }  # fmt: skip
    assert county.post("bank-ICBC", f"/deposits/{receipt}/reversals", back).status_code == 201
    assert redraft(county, drafted, payments=plan).status_code == 200


def test_one_unit_has_one_live_contract(county, made):
    """一房同时只能有一份有效合同；注销后可以另行草拟。"""
    drafted = county.draft(made)
    body = county.contract_body(made)
    assert reasons(county.put("filing", "/contracts/HT-B", body)) == ["unit-taken"]
    assert cancel(county, drafted.contract_no).status_code == 201
    assert county.put("filing", "/contracts/HT-B", body).status_code == 201


def test_twenty_clients_race_for_one_unit_and_one_wins(county, made, house):
    """二十个客户端同时草拟同一房屋，只有一份成功，其余 409，没有 500。"""
    body = county.contract_body(made)

    def send(at):
        return county.put("filing", f"/contracts/HT-{at}", body)

    county.token("filing")
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(send, range(20)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 19
    assert all(reasons(answer) == ["unit-taken"] for answer in answers if answer.status_code == 409)
    with house.connect() as connection:
        assert connection.execute("SELECT count(*) FROM contract").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM payment_notice").fetchone() == (2,)


def test_the_same_contract_sent_at_once_is_drafted_once(county, made):
    """同一合同同时报送八次，一次 201，其余 200，答复相同。"""
    body = county.contract_body(made)
    county.token("filing")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: county.put("filing", "/contracts/HT-1", body), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert len({answer.text for answer in answers}) == 1


def test_a_draft_needs_an_active_account_and_a_unit_of_the_project(county):
    """账户未生效、房屋不在该项目楼盘表内，一并告知；项目不存在答 422。"""
    waiting, active = county.project(status="proposed"), county.project()
    body = county.contract_body(waiting) | {"unit_code": active.unit_codes[0]}
    answer = county.put("filing", "/contracts/HT1", body)
    assert reasons(answer) == ["account-not-active", "unit-not-in-project"]
    assert fields(county.put("filing", "/contracts/HT1", body | {"project_no": "XM0"})) == ["project_no"]


def test_a_contract_keeps_its_unit(county, made):
    """同一合同号不能改定另一房屋。"""
    drafted = county.draft(made)
    assert reasons(redraft(county, drafted, unit_code=made.unit_codes[1])) == ["unit-fixed"]


def test_a_filed_or_cancelled_contract_is_not_drafted_again(county, made):
    """已备案、已注销的合同不得再报变更。"""
    filed, dropped = county.draft(made, 0), county.draft(made, 1)
    county.deposit(made, filed.notices[0], "350000.00")
    file(county, filed)
    cancel(county, dropped.contract_no)
    assert reasons(redraft(county, filed, buyers=[filed.body["buyers"][0] | {"name": "李某"}])) == [
        "contract-filed"
    ]
    assert reasons(redraft(county, dropped, price="1.00", payments=instalments("1.00"))) == [
        "contract-cancelled"
    ]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"price": "1000000.01"}, "payments"),
        ({"price": "1e6"}, "price"),
        ({"price": 1000000}, "price"),
        ({"price": "Infinity"}, "price"),
        ({"price": "１000000.00"}, "price"),
        ({"payments": []}, "payments"),
        ({"buyers": []}, "buyers"),
        ({"unit_code": "14113000000"}, "unit_code"),
        ({"unitcode": "1"}, "unitcode"),
    ],
)
def test_bad_words_are_refused_by_field(county, made, house, changed, field):
    """付款合计须恰等于总价；金额、字段不合规答 422 并指明字段，不留任何行。"""
    answer = county.put("filing", "/contracts/HT1", county.contract_body(made) | changed)
    assert fields(answer) == [field]
    with house.connect() as connection:
        assert connection.execute("SELECT count(*) FROM contract").fetchone() == (0,)


@pytest.mark.parametrize(
    ("id_type", "id_no", "masked"),
    [
        ("resident", "11010519491231002X", "110105********002X"),
        ("resident", resident_id(7), f"141130********{resident_id(7)[-4:]}"),
        ("passport", "E12345678", "E******78"),
        ("hk_macau", "H12345678", "H******78"),
        ("taiwan", "01234567", "0*****67"),
        ("organisation", valid_uscc(5), f"911411********{valid_uscc(5)[-4:]}"),
    ],
)
def test_identity_numbers_are_checked_by_kind_and_kept_sealed(county, made, house, id_type, id_no, masked):
    """证件号按类型核对；库中只有密文与脱敏文本，没有明文。"""
    buyer = {"name": "𠮷田秀英", "id_type": id_type, "id_no": id_no}
    drafted = county.draft(made, buyers=[buyer])
    with house.connect() as connection:
        row = connection.execute(
            "SELECT name_masked, id_no_masked, phone_masked, encode(name_sealed || id_no_sealed, 'escape')"
            " FROM party"
        ).fetchone()
    assert row[:3] == ("𠮷**", masked, None)
    assert id_no not in row[3] and "秀英" not in row[3]
    page = county.seat("accepts-one").get(f"/contracts/{drafted.contract_no}").text
    assert masked in page and "𠮷**" in page and id_no not in page


@pytest.mark.parametrize(
    ("buyer", "field"),
    [
        ({"id_type": "resident", "id_no": "110105194912310021"}, "buyers[0].id_no"),
        ({"id_type": "resident", "id_no": "110105194902310023"}, "buyers[0].id_no"),
        ({"id_type": "resident", "id_no": "11010519491231002x"}, "buyers[0].id_no"),
        ({"id_type": "passport", "id_no": "护照12345"}, "buyers[0].id_no"),
        ({"id_type": "organisation", "id_no": "91141182MA0GDKF29K"}, "buyers[0].id_no"),
        ({"id_type": "driver", "id_no": "1"}, "buyers[0].id_type"),
        ({"name": ""}, "buyers[0].name"),
        ({"phone": "一三八"}, "buyers[0].phone"),
    ],
)
def test_a_buyer_with_a_wrong_paper_is_refused(county, made, buyer, field):
    """证件号、姓名、电话不合规答 422，指明是第几名买受人。"""
    whole = county.contract_body(made)["buyers"][0] | buyer
    body = county.contract_body(made) | {"buyers": [whole]}
    assert fields(county.put("filing", "/contracts/HT1", body)) == [field]


def test_a_bank_verifies_its_own_notices_only(county, made):
    """银行收款前核验：所见即通知书全貌，姓名脱敏；他行、不存在的一律 404。"""
    drafted = county.draft(made)
    assert notice(county, drafted.notices[0]).json == {
        "notice_no": drafted.notices[0], "status": "issued", "contract_no": drafted.contract_no,
        "unit_code": made.unit_codes[0], "project_name": made.body["name"], "buyer_name_masked": "田**",
        "account_no": made.account_no, "account_name": made.agreement["account_name"],
        "payment_kind": "down", "amount": "350000.00", "paid": "0.00", "due_on": bureau_day().isoformat(),
    }  # fmt: skip
    assert notice(county, drafted.notices[0], "bank-ABC").status_code == 404
    assert notice(county, "JK209901010001").status_code == 404
    assert county.get("filing", f"/payment-notices/{drafted.notices[0]}").status_code == 403


def test_a_notice_says_where_it_stands(county, made):
    """通知书状态：待缴、部分缴款、缴清；过期未缴清为逾期，缴清的不逾期；合同注销即作废。"""
    drafted = county.draft(made)
    first, second = drafted.notices
    county.deposit(made, first, "100000.00")
    assert (notice(county, first).json["status"], notice(county, first).json["paid"]) == (
        "partly_paid", "100000.00",
    )  # fmt: skip
    with time_machine.travel(now() + timedelta(days=1), tick=True):
        county._tokens.clear()
        assert notice(county, first).json["status"] == "expired"
    county._tokens.clear()
    county.deposit(made, first, "250000.00")
    assert notice(county, first).json["status"] == "paid"
    assert notice(county, second).json["status"] == "issued"
    cancel(county, drafted.contract_no)
    assert [notice(county, number).json["status"] for number in drafted.notices] == ["void", "void"]


def test_a_contract_is_read_with_all_that_happened_to_it(county, made):
    """查合同：通知书、入账、已缴存、最近核对、备案、维修资金一并答复。"""
    drafted = county.draft(made)
    path = f"/contracts/{drafted.contract_no}"
    fresh = county.get("filing", path).json
    assert (fresh["status"], fresh["deposited"], fresh["receipts"], fresh["last_check"], fresh["filing"]) == (
        "drafted", "0.00", [], None, None,
    )  # fmt: skip
    assert fresh["maintenance"] == {"required": "9216.00", "advanced": "9216.00"}
    county.deposit(made, drafted.notices[0], "350000.01")
    file(county, drafted)
    found = county.get("filing", path).json
    assert set(found) == {
        "contract_no", "status", "version", "price", "deposited", "notices", "receipts", "last_check",
        "filing", "maintenance",
    }  # fmt: skip
    assert (found["status"], found["deposited"]) == ("filed", "350000.00")
    assert [(one["status"], one["paid"]) for one in found["notices"]] == [
        ("paid", "350000.00"), ("issued", "0.00"),
    ]  # fmt: skip
    assert [(one["amount"], one["status"]) for one in found["receipts"]] == [("350000.00", "partly_matched")]
    assert found["last_check"]["decision"] == "pass"
    assert found["filing"]["check_no"] == found["last_check"]["check_no"]
    units = county.get("filing", f"/projects/{made.project_no}/units?status=filed").json["items"]
    assert [one["unit_code"] for one in units] == [made.unit_codes[0]]
    assert county.get("filing", "/contracts/HT-none").status_code == 404


def test_cancelling_a_draft_keeps_the_money_on_it(county, made):
    """注销草拟合同：未缴的通知书作废，已缴的款项仍记在合同名下；重复报送答复相同。"""
    drafted = county.draft(made)
    county.deposit(made, drafted.notices[0], "350000.00")
    body = {"event_id": new_number("ZX"), "cancelled_on": bureau_day().isoformat(), "reason": "放弃购房"}
    path = f"/contracts/{drafted.contract_no}"
    first = county.post("filing", f"{path}/cancellation", body)
    assert first.status_code == 201
    assert first.json == {
        "contract_no": drafted.contract_no, "status": "cancelled", "event_id": body["event_id"],
        "cancelled_on": body["cancelled_on"], "deposited": "350000.00",
    }  # fmt: skip
    again = county.post("filing", f"{path}/cancellation", body)
    assert (again.status_code, again.json) == (200, first.json)
    reused = county.post("filing", f"{path}/cancellation", body | {"reason": "其他"})
    assert (reused.status_code, reused.json["code"]) == (409, "key-reused")
    found = county.get("filing", path).json
    assert (found["status"], found["deposited"]) == ("cancelled", "350000.00")
    assert [one["status"] for one in found["notices"]] == ["void", "void"]
    assert reasons(cancel(county, drafted.contract_no)) == ["contract-cancelled"]
    late = county.deposit(made, drafted.notices[1], "10.00").json
    assert late["status"] == "unmatched"


def test_a_cancellation_of_tomorrow_or_of_nothing_is_refused(county, made):
    """注销日期不能晚于今天；合同不存在答 404。"""
    drafted = county.draft(made)
    tomorrow = (bureau_day() + timedelta(days=1)).isoformat()
    assert fields(cancel(county, drafted.contract_no, cancelled_on=tomorrow)) == ["cancelled_on"]
    assert cancel(county, "HT-none").status_code == 404


def test_a_payment_racing_a_redraft_is_never_lost(county, house):
    """缴款与变更合同同时到达：要么缴款在先、变更被拒，要么通知书已换、款项待认领；账上与通知书始终相符。"""
    made = county.project(units=6)
    bank, filing = county.token("bank-ICBC"), county.token("filing")
    assert bank and filing
    for unit in range(6):
        drafted = county.draft(made, unit)
        plan = instalments("400000.00", "600000.00")
        with ThreadPoolExecutor(2) as pool:
            paid = pool.submit(county.deposit, made, drafted.notices[0], "350000.00")
            changed = pool.submit(redraft, county, drafted, payments=plan)
        receipt, answer = paid.result().json, changed.result()
        if answer.status_code == 200:
            assert receipt["status"] == "unmatched"
        else:
            assert reasons(answer) == ["paid-notice-changed"] and receipt["status"] == "confirmed"
        found = county.get("filing", f"/contracts/{drafted.contract_no}").json
        assert found["deposited"] == receipt["matched"]


def test_a_draft_racing_the_removal_of_its_unit(county):
    """草拟合同与该房屋移出楼盘表同时到达：只有一个成功，不会卖出册外的房屋。"""
    made = county.project(units=7)
    assert county.token("filing") and county.token("platform")
    for unit in range(6):
        listed = copy.deepcopy(made.body)
        gone = made.unit_codes[unit]
        units = listed["buildings"][0]["units"]
        listed["buildings"][0]["units"] = [one for one in units if one["unit_code"] != gone]
        body = county.contract_body(made, unit)
        with ThreadPoolExecutor(2) as pool:
            drafted = pool.submit(county.put, "filing", f"/contracts/HT-{unit}", body)
            removed = pool.submit(county.put, "platform", f"/projects/{made.project_no}", listed)
        pair = (drafted.result().status_code, removed.result().status_code)
        assert pair in {(201, 409), (409, 200)}, pair
        if pair == (409, 200):
            assert reasons(drafted.result()) == ["unit-not-in-project"]
            made.body = listed
