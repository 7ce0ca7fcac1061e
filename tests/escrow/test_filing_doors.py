"""The doors of the filing system: who may ask, what is malformed, what is answered again word for word."""

import json
import threading

import pytest
from joserfc import jws
from joserfc.jwk import KeySet
from sqlalchemy import text

from config.clock import bureau_day
from tests.builders import BANK, new_number, one_project, unit_code_of


def scene_of(house, app):
    """A drafted contract whose down payment of 350000.00 is due today (首付今日到期的草拟合同)."""
    found = one_project(house, app)
    found.draft = found.county.draft(found.made)
    return found


@pytest.fixture
def draft(scene):
    return scene.draft


def question(draft, **changed):
    asked = {"request_id": new_number("WQ"), "contract_no": draft.contract_no}
    return {**asked, "unit_code": draft.body["unit_code"], "price": draft.body["price"], **changed}


def filing(check_no, **changed):
    return {
        "filing_no": new_number("BA"),
        "check_no": check_no,
        "filed_on": bureau_day().isoformat(),
        **changed,
    }


def ask(county, body, who="filing"):
    return county.post(who, "/deposit-checks", body)


def pay(county, draft, amount="350000.00", notice_no=None):
    with county.house.database.read() as session:
        account = session.execute(text("SELECT account_no FROM supervised_account LIMIT 1")).scalar_one()
    body = {
        "bank_serial": new_number("B"), "account_no": account, "amount": amount,
        "value_date": bureau_day().isoformat(), "booked_at": f"{bureau_day()}T00:00:01+08:00",
        "notice_no": notice_no or draft.notices[0], "payer_name": "田秀英", "channel": "pos",
        "payer_account": "6217000010001234567", "memo": None,
    }  # fmt: skip
    answer = county.post(f"bank-{BANK}", "/deposits", body)
    assert answer.status_code == 201, answer.text
    return answer.json


def rows(county, table):
    with county.house.database.read() as session:
        return session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_the_life_of_an_answer(county, draft):
    """问、付、再问、再读、备案、重报：每一步的状态码与内容都如约定。"""
    pay(county, draft)
    body = question(draft)
    first, again = ask(county, body), ask(county, body)
    read = county.get("filing", f"/deposit-checks/{first.json['check_no']}")
    file = filing(first.json["check_no"])
    filed, repeated = (
        county.post("filing", f"/contracts/{draft.contract_no}/filing", file) for _ in range(2)
    )
    other = county.post("filing", f"/contracts/{draft.contract_no}/filing", filing(first.json["check_no"]))

    assert [first.status_code, again.status_code, read.status_code] == [200, 200, 200]
    assert first.data == again.data == read.data
    assert first.json["decision"] == "pass"
    assert [filed.status_code, repeated.status_code] == [201, 200]
    assert filed.data == repeated.data
    assert (other.status_code, other.json["code"]) == (409, "key-reused")


def test_the_answer_has_the_agreed_fields(county, draft):
    """答复的字段与接口约定一致，不多不少。"""
    assert set(ask(county, question(draft)).json) == {
        "check_no", "decision", "contract_no", "checked_at", "valid_until", "required", "deposited",
        "shortfall", "maintenance", "receipts", "reasons", "warnings", "law", "signature",
    }  # fmt: skip


def test_a_request_id_with_other_facts_is_refused(county, draft):
    """同一 request_id 改了总价：409 key-reused，不留新记录。"""
    body = question(draft)
    ask(county, body)
    changed = ask(county, {**body, "price": "1000000.01"})

    assert (changed.status_code, changed.json["code"]) == (409, "key-reused")
    assert rows(county, "deposit_check") == 1


def test_a_stranger_is_answered_and_remembered(county):
    """本局没有的合同也给出答复并存档，不是 404。"""
    body = {
        "request_id": "WQ-0",
        "contract_no": "HT-0",
        "unit_code": "141130001001GB00012F00030102",
        "price": "1.00",
    }
    answer = ask(county, body)

    assert (answer.status_code, answer.json["decision"]) == (200, "fail")
    assert "contract-unknown" in [reason["code"] for reason in answer.json["reasons"]]
    assert county.get("filing", f"/deposit-checks/{answer.json['check_no']}").data == answer.data


def test_a_pass_is_verified_with_the_published_keys_alone(county, draft):
    """公钥不需令牌即可取得；凭它离线验证签名，载荷就是去掉签名的答复。"""
    pay(county, draft)
    answer = ask(county, question(draft)).json
    published = county.app.test_client().get("/.well-known/jwks.json")

    token = jws.deserialize_compact(
        answer["signature"], KeySet.import_key_set(published.json), algorithms=["ES256"]
    )

    assert published.status_code == 200
    assert json.loads(token.payload) == {name: value for name, value in answer.items() if name != "signature"}
    assert all("d" not in key for key in published.json["keys"])


def test_a_refused_filing_gives_every_reason_with_its_citation(county, draft):
    """凭未通过的核对、写错日期备案：409，理由逐条，各有依据，什么也没写下。"""
    check_no = ask(county, question(draft)).json["check_no"]
    answer = county.post(
        "filing", f"/contracts/{draft.contract_no}/filing", filing(check_no, filed_on="2026-01-01")
    )

    assert answer.status_code == 409
    assert answer.content_type == "application/problem+json"
    codes = [refusal["code"] for refusal in answer.json["refusals"]]
    assert codes == ["filed-on-not-today", "check-not-passed", "deposit-missing"]
    assert all(refusal["citation"] for refusal in answer.json["refusals"])
    assert rows(county, "contract_filing") == 0


def test_a_reversal_after_filing_is_seen_by_the_next_check(county, draft):
    """备案后冲正：合同有风险，再问即不通过，理由写明未存入、已备案。"""
    receipt = pay(county, draft)
    check_no = ask(county, question(draft)).json["check_no"]
    county.post("filing", f"/contracts/{draft.contract_no}/filing", filing(check_no))
    back = {"bank_serial": new_number("R"), "amount": "350000.00", "value_date": bureau_day().isoformat()}
    county.post(
        f"bank-{BANK}", f"/deposits/{receipt['receipt_no']}/reversals", {**back, "reason": "柜员误记"}
    )

    after = ask(county, question(draft)).json

    assert [reason["code"] for reason in after["reasons"]] == ["deposit-missing", "unit-already-filed"]
    assert after["receipts"] == []


# --- bad input (不合规的报文) ---


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"price": 1000000}, "price"), ({"price": "1e6"}, "price"), ({"price": "1000000"}, "price"),
        ({"price": "Infinity"}, "price"), ({"price": "１.００"}, "price"), ({"price": "12.345"}, "price"),
        ({"price": "0.00"}, "price"), ({"price": "100000000000.01"}, "price"), ({"price": None}, "price"),
        ({"unit_code": "141130"}, "unit_code"), ({"unit_code": "1" * 28}, "unit_code"),
        ({"contract_no": ""}, "contract_no"), ({"contract_no": "a\x00b"}, "contract_no"),
        ({"contract_no": "\ud800"}, "contract_no"), ({"request_id": "x" * 65}, "request_id"),
        ({"request_id": 7}, "request_id"), ({"prise": "1.00"}, "prise"),
    ],
)  # fmt: skip
def test_a_malformed_question_names_its_field_and_leaves_no_row(county, changed, field):
    """字段不合规：422 并指出字段，不留任何记录。"""
    body = {
        "request_id": "WQ-1",
        "contract_no": "HT-1",
        "unit_code": "141130001001GB00012F00030102",
        "price": "1.00",
    }
    answer = ask(county, {**body, **changed})

    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert rows(county, "deposit_check") == rows(county, "answered_request") == 0


@pytest.mark.parametrize("missing", ["request_id", "contract_no", "unit_code", "price"])
def test_every_field_of_a_question_is_needed(county, missing):
    """缺一个字段即 422。"""
    body = {
        "request_id": "WQ-1",
        "contract_no": "HT-1",
        "unit_code": "141130001001GB00012F00030102",
        "price": "1.00",
    }
    del body[missing]

    assert ask(county, body).json["errors"] == [{"field": missing, "message": "必填。"}]


def test_a_day_that_does_not_exist_is_invalid(county, draft):
    """不存在的备案日：422。"""
    answer = county.post(
        "filing", f"/contracts/{draft.contract_no}/filing", filing("HD1", filed_on="2026-02-30")
    )

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "filed_on")


@pytest.mark.parametrize("number", ["HD0", "%00", "%F0%9F%8F%A0", "a" * 300, "%ED%A0%80"])
def test_numbers_that_cannot_exist_are_not_found(county, number):
    """不存在或不可能存在的编号：404，不是 500。"""
    assert county.get("filing", f"/deposit-checks/{number}").status_code == 404
    assert county.post("filing", f"/contracts/{number}/filing", filing("HD1")).status_code == 404


@pytest.mark.parametrize("who", ["platform", "registration", f"bank-{BANK}"])
def test_only_the_filing_system_may_ask_and_file(county, draft, who):
    """银行、平台、登记机构都不能问、不能读、不能备案；没有令牌一律 401。"""
    check_no = ask(county, question(draft)).json["check_no"]
    path = f"/contracts/{draft.contract_no}/filing"

    assert ask(county, question(draft), who).status_code == 403
    assert county.get(who, f"/deposit-checks/{check_no}").status_code == 403
    assert county.post(who, path, filing(check_no)).status_code == 403
    assert county.app.test_client().post(f"/api/v1{path}", json=filing(check_no)).status_code == 401
    assert county.app.test_client().get(f"/api/v1/deposit-checks/{check_no}").status_code == 401


# --- racing clients over HTTP (并发客户端) ---


def test_racing_clients_never_make_one_receipt_support_two_contracts(county):
    """银行把同一流水同时报到两份合同，二十个客户端同时核对：至多一份列出这笔钱，至多一份通过。"""
    project = county.project(units=12)
    county.token("filing"), county.token(f"bank-{BANK}")
    for pair in range(6):
        drafts = [county.draft(project, pair * 2 + side) for side in range(2)]
        serial = new_number("B")
        jobs = [
            lambda one=one, serial=serial: county.deposit(
                project, one.notices[0], "350000.00", bank_serial=serial
            )
            for one in drafts * 5
        ]
        jobs += [lambda one=one: ask(county, question(one)) for one in drafts * 5]
        answers = at_once(jobs)

        assert all(answer.status_code < 500 for answer in answers)
        checks = [ask(county, question(one)).json for one in drafts]
        assert sorted(check["decision"] for check in checks) == ["fail", "pass"]
        assert sorted(len(check["receipts"]) for check in checks) == [0, 1]
        passed = {a.json["contract_no"] for a in answers if a.json.get("decision") == "pass"}
        assert len(passed) <= 1


def at_once(jobs):
    gate, found = threading.Barrier(len(jobs)), [None] * len(jobs)

    def run(at, job):
        gate.wait()
        found[at] = job()

    threads = [threading.Thread(target=run, args=(at, job)) for at, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize(
    ("region", "since"),
    [
        ("141130", "2023-04-13"),
        ("652301", "2022-10-21"),
        ("410425", "2022-12-31"),
        ("110105", "2020-01-01"),
    ],
)
def test_the_law_line_tells_of_the_law_it_was_judged_by(county, region, since):
    """答复中的规定起始日，只看这次核对所据的各项，不受别的业务的规定影响。"""
    asked = {"request_id": new_number("WQ"), "contract_no": "HT-UNKNOWN", "price": "1000000.00"}

    answer = ask(county, {**asked, "unit_code": unit_code_of(1, 1, 1, region=region)})

    assert answer.json["law"] == {"region": region, "in_force_from": since}
