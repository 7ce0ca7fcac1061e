"""页面表单的共同规矩：退回的表单原样再现、指明哪一栏；文件当场算出 SHA-256。"""

import hashlib
import io
import re
from pathlib import Path
from typing import Any

import pytest

from config.clock import bureau_day
from escrow.forms import LARGEST_PAPER
from escrow.supervision.measures import months_after
from tests.desk import hire, sit_down
from tests.escrow.test_access_pages import page_rules
from tests.estate import build, file_hash, new_number, officers

TEMPLATES = Path(__file__).parents[2] / "escrow" / "templates"
# Signing in and out, and ending a session, have nothing typed that may stand again.
WITHOUT_PAGE = {"access.sign_in", "access.sign_out"}
TODAY = bureau_day()


def test_every_form_has_a_page_to_stand_on_again(app: Any) -> None:
    """每个表单的入口都写明它在哪一页上：退回时回到那一页，所填仍在；那一页打开时不办理任何事。"""
    rules = page_rules(app)
    views = app.view_functions
    for rule in rules:
        if "POST" not in rule.methods or rule.endpoint in WITHOUT_PAGE:
            continue
        page = views[rule.endpoint].page
        found = [one for one in rules if one.endpoint == page]
        assert found, f"{rule.rule} 没有写明表单所在的页面"
        assert "POST" not in found[0].methods and found[0].arguments <= rule.arguments, rule.rule


def test_every_form_is_drawn_the_same_way() -> None:
    """办事的表单都以同一个宏画出，宏里的每一栏都会再现所填；没有各写各的表单。"""
    own = {"layout.html", "macros.html", "sign_in.html"}
    for path in TEMPLATES.rglob("*.html"):
        text = path.read_text()
        assert path.name in own or not re.search(r'<form[^>]*method="post"', text), path
        for body in re.findall(r"\{% call posting\(.*?%\}(.*?)\{% endcall %\}", text, re.S):
            for tag in re.findall(r"<(?:input|select|textarea)\b.*?>", re.sub(r"\{\{.*?\}\}", "…", body)):
                hidden = 'type="hidden"' in tag or 'type="file"' in tag
                assert hidden or "…" in tag, f"{path.name}：{tag} 退回后不会再现"


def scene_of(house: Any, app: Any) -> Any:
    """一个账户，登记受理人员坐在窗口。"""
    estate = build(house, officers(house, "liuli", "wangyi"), quotas={"1": "1000.00"})
    estate.put("1", "950.00")
    seat = sit_down(app, hire(house.database, house.settings, "registrar", "register"))
    return f"/accounts/{estate.account_no}", seat


@pytest.fixture
def desk(scene: Any) -> Any:
    return scene


def frozen(**changed: str) -> dict[str, str]:
    """A freeze, filled in rightly but for what is changed."""
    number = new_number("（2026）晋11执")
    return {
        "document_no": number, "dated_on": TODAY.isoformat(), "file_hash": file_hash(number),
        "court": "吕梁市中级人民法院", "amount": "300.00", "held_from": TODAY.isoformat(),
        "held_until": months_after(TODAY, 12).isoformat(), **changed,
    }  # fmt: skip


def test_a_form_filled_in_wrongly_stands_again(desk: Any) -> None:
    """填错一栏：页首列出错误并链到那一栏，那一栏标红，所填各栏一字不少，折叠的表单打开着。"""
    home, seat = desk
    typed = frozen(amount="1e3")
    answer = seat.post(f"{home}/holds", typed)
    page = answer.text
    assert answer.status_code == 422
    assert all(f'value="{said}"' in page for said in typed.values())
    link = re.search(r'<a href="#([\w-]+)">冻结金额（元，全额冻结留空）：金额须为两位小数', page)
    assert link and re.search(rf'<input[^>]*aria-invalid="true"[^>]*id="{link[1]}"', page)
    assert "<title>有误：" in page
    assert '<details class="d-print-none" open><summary>登记司法冻结</summary>' in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_form_refused_by_a_rule_stands_again(desk: Any) -> None:
    """填得合乎格式而依规定不予办理：理由与依据列在页首，所填仍在。"""
    home, seat = desk
    typed = frozen(held_until=months_after(TODAY, 13).isoformat())
    answer = seat.post(f"{home}/holds", typed)
    assert answer.status_code == 409 and "依规定不予办理" in answer.text and "依据：" in answer.text
    assert all(f'value="{said}"' in answer.text for said in typed.values())
    assert seat.post(f"{home}/holds", frozen()).status_code == 303


def test_only_the_form_that_was_sent_keeps_what_was_typed(desk: Any) -> None:
    """一页上有几个表单的，只有送出的那一个再现所填，别的仍是空白。"""
    home, seat = desk
    assert seat.post(f"{home}/holds", frozen()).status_code == 303
    page = seat.get(f"{home}/measures").text
    hold = re.search(r'action="(/accounts/\w+/holds/\w+/lift)"', page)
    assert hold
    answer = seat.post(hold[1], {"document_no": "（2026）晋11执异9号", "dated_on": "昨天"})
    assert answer.status_code == 422 and answer.text.count("（2026）晋11执异9号") == 1
    assert answer.text.count("昨天") == 1


def test_a_missing_code_keeps_what_was_typed(app: Any, house: Any, desk: Any) -> None:
    """批准类操作口令过期或填错：回到原页，理由仍在，口令一栏标红。"""
    home, seat = desk
    number = new_number("JG")
    order = {"order_no": number, "grounds": "停工", "file_hash": file_hash(number)}
    assert seat.post(f"{home}/takeovers", order).status_code == 303
    reviewer = sit_down(app, hire(house.database, house.settings, "reviewer", "reviewer"))
    with house.connect("app") as connection:
        connection.execute("UPDATE officer_session SET verified_at = verified_at - interval '11 minutes'")
    said = {"decision": "reject", "reason": "决定书没有盖章", "totp": "000000"}
    answer = reviewer.post(f"{home}/takeovers/1/decision", said)
    assert answer.status_code == 403 and 'value="决定书没有盖章"' in answer.text
    assert re.search(r'<input[^>]*name="totp"[^>]*aria-invalid="true"', answer.text)
    again = {**said, "totp": reviewer.who.code()}
    assert reviewer.post(f"{home}/takeovers/1/decision", again).status_code == 303


# --- papers (文件) ---

SCAN = b"%PDF-1.7 the court's order"
PRINT = hashlib.sha256(SCAN).hexdigest()


def chosen(content: bytes = SCAN, name: str = "裁定书.pdf") -> dict[str, Any]:
    """A file picked in the form."""
    return {"file_hash-file": (io.BytesIO(content), name)}


def test_a_file_is_enough(desk: Any) -> None:
    """选了文件就不必手抄：系统当场算出 SHA-256 并显示，文件本身不留存。"""
    home, seat = desk
    answer = seat.post(f"{home}/holds", {**frozen(file_hash=""), **chosen()})
    assert answer.status_code == 303
    page = seat.get(f"{home}/measures").text
    assert f"“裁定书.pdf”的 SHA-256：{PRINT}" in page


def test_a_computed_print_is_kept_when_something_else_is_wrong(desk: Any) -> None:
    """选了文件而别的栏填错：算出的 SHA-256 填在栏里，不必再选一次。"""
    home, seat = desk
    answer = seat.post(f"{home}/holds", {**frozen(file_hash="", amount="三百"), **chosen()})
    assert answer.status_code == 422 and f'value="{PRINT}"' in answer.text


def test_a_print_that_differs_from_the_file_is_refused(desk: Any) -> None:
    """既填摘要又选文件而两者不符：不收，说明文件的摘要是什么；相符的收下，大小写不论。"""
    home, seat = desk
    answer = seat.post(f"{home}/holds", {**frozen(file_hash="a" * 64), **chosen()})
    assert answer.status_code == 422 and f"所选文件的 SHA-256 为 {PRINT}" in answer.text
    assert seat.post(f"{home}/holds", {**frozen(file_hash=PRINT.upper()), **chosen()}).status_code == 303


def test_an_empty_or_huge_file_is_refused(desk: Any) -> None:
    """空文件不收；超过上限的说明上限，不办理。"""
    home, seat = desk
    empty = seat.post(f"{home}/holds", {**frozen(file_hash=""), **chosen(b"")})
    assert empty.status_code == 422 and "所选文件是空的" in empty.text
    huge = seat.post(f"{home}/holds", {**frozen(file_hash=""), **chosen(b"x" * (LARGEST_PAPER + 1))})
    assert huge.status_code == 400 and "超过 32 MB" in huge.text
    assert "没有司法冻结" in seat.get(f"{home}/measures").text


def test_a_large_scan_is_taken_from_who_is_signed_in_alone(app: Any, desk: Any) -> None:
    """几兆的扫描件可以计算；没有登录的，超过 1 MB 的请求一律不读。"""
    home, seat = desk
    answer = seat.post(f"{home}/holds", {**frozen(file_hash=""), **chosen(b"y" * 5_000_000)})
    assert answer.status_code == 303
    stranger = app.test_client().post(f"{home}/holds", data=chosen(b"y" * 5_000_000))
    stranger.request.environ["wsgi.input"].close()
    assert stranger.status_code == 400 and "超过 1 MB" in stranger.text
