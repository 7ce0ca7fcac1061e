"""Supervision as the platform proposes it and as its bank sees it (监管协议接口、账户接口)."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.builders import one_project

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


def propose(county, made, **changed):
    path = f"/projects/{made.project_no}/supervision"
    return county.put("platform", path, made.agreement | changed)


def with_clauses(made, **changed):
    return made.agreement["clauses"] | changed


def test_a_proposal_is_new_the_same_or_another_version(county):
    """首次报送 201；同样内容 200 且答复一致；内容变更为新版本，替换待受理的一版。"""
    made = county.project(status="registered")
    first = propose(county, made)
    assert (first.status_code, first.json["version"], first.json["status"]) == (201, 1, "proposed")
    again = propose(county, made)
    assert (again.status_code, again.json) == (200, first.json)
    changed = propose(county, made, clauses=with_clauses(made, review_days=5))
    assert (changed.status_code, changed.json["version"], changed.json["status"]) == (200, 2, "proposed")


def test_a_proposal_alone_opens_no_account(county):
    """只报送而未受理，账户不能收款，也不能草拟合同。"""
    made = county.project(status="proposed")
    assert county.get("bank-ICBC", f"/accounts/{made.account_no}").status_code == 404
    drafted = county.put("filing", "/contracts/HT1", county.contract_body(made))
    assert reasons(drafted) == ["account-not-active"]


def test_an_agreement_and_an_account_belong_to_one_project(county):
    """协议号、账号已属另一项目（不论待受理或已生效），均答 409，两条理由一并告知。"""
    for status in ("proposed", "active"):
        other, made = county.project(status=status), county.project(status="registered")
        same = {name: other.agreement[name] for name in ("agreement_no", "account_no")}
        assert reasons(propose(county, made, **same)) == ["agreement-taken", "account-taken"]
        assert propose(county, made).status_code == 201


def test_racing_proposals_of_one_account_one_wins(county):
    """六个项目同时报送同一账户，只有一个成功，其余 409。"""
    made = [county.project(status="registered", units=1) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda one: propose(county, one, account_no="62220200001111"), made))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5


@pytest.mark.parametrize(
    ("kind", "value", "stored"),
    [
        ("handover_ratio", "0.90", "0.90"),
        ("handover_ratio", 0.9, "0.9"),
        ("transfer_ratio", 1, "1"),
        ("months_after", 6, 6),
        ("months_after", "24", 24),
        ("completion_filing", None, None),
        ("completion_filing", True, True),
        ("document", "物业承接查验协议", "物业承接查验协议"),
    ],
)
def test_release_clauses_are_kept_as_data(county, kind, value, stored):
    """解除监管附加条款作为数据存下，取值按类型核对。"""
    made = county.project(status="registered")
    clause = {"kind": kind, "value": value, "clause": "第九条"}
    answer = propose(county, made, clauses=with_clauses(made, release=[clause]))
    assert answer.status_code == 201, answer.text
    assert answer.json["clauses"]["release"] == [clause | {"value": stored}]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("handover_ratio", "1.01"), ("handover_ratio", "0"), ("handover_ratio", "90%"), ("handover_ratio",
        None),
        ("transfer_ratio", "０.9"), ("transfer_ratio", -0.5), ("transfer_ratio", True), ("transfer_ratio",
        "1e-1"),
        ("months_after", 0), ("months_after", 1.5), ("months_after", "六"), ("months_after", 1201),
        ("document", False), ("document", 7), ("document", []),
    ],
)  # fmt: skip
def test_a_clause_value_that_cannot_be_judged_is_refused(county, kind, value):
    """取值不合类型的条款答 422，指明是第几条。"""
    made = county.project(status="registered")
    release = [{"kind": kind, "value": value, "clause": "第九条"}]
    answer = propose(county, made, clauses=with_clauses(made, release=release))
    assert fields(answer) == ["clauses.release[0].value"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"quota_mode": "none"}, "clauses.quota_mode"),
        ({"quotas": [{"building_no": "99", "amount": "1.00"}]}, "clauses.quotas[0].building_no"),
        ({"quotas": [{"building_no": "1", "amount": "1"}]}, "clauses.quotas[0].amount"),
        ({"quotas": [{"building_no": "1", "amount": "1.00"}] * 2}, "clauses.quotas[1].building_no"),
        ({"nodes": [{"node": "封顶", "locked_ratio": "1.2"}]}, "clauses.nodes[0].locked_ratio"),
        ({"nodes": [{"node": "封顶", "locked_ratio": "0.4"}] * 2}, "clauses.nodes[1].node"),
        ({"release": [{"kind": "wish", "value": 1, "clause": "一"}]}, "clauses.release[0].kind"),
        ({"review_days": "3"}, "clauses.review_days"),
        ({"quoata": []}, "clauses.quoata"),
    ],
)
def test_clauses_in_the_wrong_shape_are_refused_by_field(county, changed, field):
    """额度、节点、条款的每一项都核对，错处指明字段。"""
    made = county.project(status="registered")
    assert fields(propose(county, made, clauses=with_clauses(made, **changed))) == [field]


def test_empty_release_means_first_registration_alone(county):
    """附加条款可以为空：只须首次登记。"""
    made = county.project(status="registered")
    assert propose(county, made, clauses=with_clauses(made, release=[])).status_code == 201


def test_the_account_of_an_agreement_in_force_is_not_changed_here(county, made):
    """生效后账号、户名、开户行不能随新版本变更；条款变更为新的待受理版本，旧版继续有效。"""
    for name, value in (("account_no", "62220299999999"), ("account_name", "他户"), ("bank_code", "ABC")):
        assert reasons(propose(county, made, **{name: value})) == ["account-fixed"]
    answer = propose(county, made, clauses=with_clauses(made, review_days=7))
    assert (answer.status_code, answer.json["version"], answer.json["status"]) == (200, 2, "proposed")
    assert county.get("platform", f"/projects/{made.project_no}").json["status"] == "active"


def test_sending_what_is_in_force_again_withdraws_what_waits(county, made):
    """再次报送与生效版本相同的内容，即撤回待受理的新版本。"""
    in_force = propose(county, made).json
    assert in_force["status"] == "effective"
    propose(county, made, clauses=with_clauses(made, review_days=7))
    assert propose(county, made).json == in_force
    page = county.seat("accepts-one").get("/supervision").text
    assert made.project_no not in page


def test_supervision_of_an_unknown_project_is_not_found(county):
    """项目不存在，报送监管协议答 404。"""
    body = county.agreement_body(1)
    assert county.put("platform", "/projects/XM0/supervision", body).status_code == 404


def test_a_bank_sees_its_own_accounts_only(county, made):
    """账户只有开户行可查：账面余额与不明入账分列；他行一律 404。"""
    drafted = county.draft(made)
    county.deposit(made, drafted.notices[0], "350000.00")
    county.deposit(made, None, "66.60")
    answer = county.get("bank-ICBC", f"/accounts/{made.account_no}").json
    as_of = answer.pop("as_of")
    assert as_of.endswith("+08:00")
    assert answer == {
        "account_no": made.account_no, "account_name": made.agreement["account_name"], "status": "active",
        "book_balance": "350066.60", "unmatched": "66.60",
    }  # fmt: skip
    assert county.get("bank-ABC", f"/accounts/{made.account_no}").status_code == 404
    assert county.get("bank-ICBC", "/accounts/00000000").status_code == 404
