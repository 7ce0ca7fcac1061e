"""冻结、保函与接管的页面：录入、确认、退回，填错了指明哪一栏。"""

from typing import Any

import pytest

from config.clock import bureau_day
from escrow.supervision.measures import months_after
from tests.desk import Seat, staffed
from tests.estate import build, file_hash, new_number, officers

TODAY = bureau_day()


def scene_of(house: Any, app: Any) -> Any:
    """一个账户、登记受理与复核两名人员。"""
    estate = build(house, officers(house, "liuli", "wangyi"), quotas={"1": "1000.00"})
    estate.put("1", "950.00")
    desks = staffed(house, app, {"registrar": ["register"], "reviewer": ["reviewer"]})
    return f"/accounts/{estate.account_no}", desks.registrar, desks.reviewer, estate


@pytest.fixture
def seats(scene: Any) -> Any:
    return scene


def paper() -> dict[str, str]:
    number = new_number("（2026）晋11执")
    return {"document_no": number, "dated_on": TODAY.isoformat(), "file_hash": file_hash(number)}


def decided(seat: Seat, path: str, **form: str) -> Any:
    answer = seat.post(path, {"totp": seat.who.code(), **form})
    assert answer.status_code == 303, answer.text
    return answer


def test_a_hold_from_freeze_to_lift(seats: Any) -> None:
    """登记冻结、续冻、录入解冻、退回、再录入、确认，页面逐步写明。"""
    home, register, reviewer, _estate = seats
    frozen = {
        **paper(), "court": "吕梁市中级人民法院", "amount": "300.00", "held_from": TODAY.isoformat(),
        "held_until": months_after(TODAY, 12).isoformat(),
    }  # fmt: skip
    wrong = register.post(f"{home}/holds", {**frozen, "amount": "1e3", "file_hash": "扫描件"})
    assert wrong.status_code == 422 and "is-invalid" in wrong.text and "64 位十六进制" in wrong.text
    assert register.post(f"{home}/holds", frozen).status_code == 303
    page = register.get(f"{home}/measures").text
    assert "冻结中" in page and "吕梁市中级人民法院" in page
    hold_no = page.split("<h3>DJ")[1].split(" ")[0]
    later = months_after(TODAY, 24).isoformat()
    extended = register.post(f"{home}/holds/DJ{hold_no}/extension", {**paper(), "held_until": later})
    assert extended.status_code == 303
    assert register.post(f"{home}/holds/DJ{hold_no}/lift", paper()).status_code == 303
    decided(reviewer, f"{home}/court-acts/3/decision", decision="reject", reason="案号不符")
    assert "案号不符" in reviewer.get(f"{home}/measures").text
    assert register.post(f"{home}/holds/DJ{hold_no}/lift", paper()).status_code == 303
    decided(reviewer, f"{home}/court-acts/4/decision", decision="confirm")
    assert "已解冻" in register.get(f"{home}/measures").text
    assert register.post(f"{home}/court-acts/4/decision", {"decision": "confirm"}).status_code == 403


def test_a_guarantee_and_a_takeover(seats: Any) -> None:
    """保函录入、生效、失效；接管录入、生效、终止；超过三成当面说明依据。"""
    home, register, reviewer, _estate = seats
    number = new_number("BH")
    guarantee = {
        "building_no": "1", "guarantee_no": number, "issuer": "建设银行", "amount": "300.01",
        "valid_until": months_after(TODAY, 6).isoformat(), "file_hash": file_hash(number),
    }  # fmt: skip
    over = register.post(f"{home}/guarantees", guarantee)
    assert over.status_code == 409 and "银保监办发〔2022〕104号" in over.text
    assert register.post(f"{home}/guarantees", {**guarantee, "amount": "300.00"}).status_code == 303
    early = register.post(f"{home}/guarantees/1/end", {"to": "lapsed", "reason": "到期"})
    assert early.status_code == 409 and "还没有生效" in early.text
    decided(reviewer, f"{home}/guarantees/1/decision", decision="confirm")
    again = reviewer.post(f"{home}/guarantees/1/decision", {"decision": "confirm"})
    assert again.status_code == 409
    assert "未准</span> 这一事项已有决定，不能再办理" in reviewer.get(f"{home}/measures").text
    wrong = {"to": "ended", "reason": "x" * 200}
    assert register.post(f"{home}/guarantees/1/end", wrong).status_code == 303
    assert "终止待另一人员确认" in register.get(f"{home}/measures").text
    assert "终止已由一人录入" in register.post(f"{home}/guarantees/1/end", wrong).text
    decided(reviewer, f"{home}/guarantees/1/end/confirmation", decision="reject", reason="录错了")
    assert register.post(f"{home}/guarantees/1/end", {"to": "lapsed", "reason": "到期"}).status_code == 303
    decided(reviewer, f"{home}/guarantees/1/end/confirmation")
    page = register.get(f"{home}/measures").text
    assert "退回保函终止" in page and "录错了" in page
    assert "本幢停止拨付，尚须补足 <span class=\"money\">50.00</span> 元" in page
    number = new_number("JG")
    order = {"order_no": number, "grounds": "停工", "file_hash": file_hash(number)}
    assert register.post(f"{home}/takeovers", order).status_code == 303
    decided(reviewer, f"{home}/takeovers/1/decision", decision="confirm")
    assert register.post(f"{home}/takeovers/1/end", {"to": "ended", "reason": "已复工"}).status_code == 303
    decided(reviewer, f"{home}/takeovers/1/end/confirmation")
    page = reviewer.get(f"{home}/measures").text
    assert "已失效" in page and "已终止" in page
    assert register.get("/accounts/6222999999/measures").status_code == 404


def test_the_measures_of_all_accounts_are_listed_with_who_when_and_which_law(seats: Any) -> None:
    """导航里有措施清单：按种类、状态、账号筛选，按键翻页；账户页逐步写明谁、何时、依据哪一条。"""
    home, register, reviewer, estate = seats
    frozen = {
        **paper(), "court": "吕梁市中级人民法院", "amount": "", "held_from": TODAY.isoformat(),
        "held_until": months_after(TODAY, 12).isoformat(),
    }  # fmt: skip
    assert register.post(f"{home}/holds", frozen).status_code == 303
    number = new_number("BH")
    guarantee = {
        "building_no": "1", "guarantee_no": number, "issuer": "建设银行", "amount": "300.00",
        "valid_until": months_after(TODAY, 6).isoformat(), "file_hash": file_hash(number),
    }  # fmt: skip
    assert register.post(f"{home}/guarantees", guarantee).status_code == 303
    assert 'href="/measures"' in register.get("/").text
    assert "吕梁市中级人民法院" in register.get("/measures").text and "全额" in register.get("/measures").text
    waiting = f"/measures?kind=guarantees&status=waiting&find={estate.account_no}"
    assert number in register.get(waiting).text and "待另一人确认" in register.get(waiting).text
    assert number not in register.get("/measures?kind=guarantees&find=6222000000000000").text
    assert number not in register.get("/measures?kind=guarantees&before=1").text
    assert "没有符合条件的接管" in register.get("/measures?kind=takeovers").text
    decided(reviewer, f"{home}/guarantees/1/decision", decision="confirm")
    assert number not in register.get(waiting).text
    page = register.get(f"{home}/measures").text.split("办理经过")[1]
    for said in ("司法冻结", "录入保函", "保函生效", "registrar 同志", "reviewer 同志", "银保监办发〔2022〕104号",
                 "民事诉讼法解释", TODAY.isoformat()):  # fmt: skip
        assert said in page, said
