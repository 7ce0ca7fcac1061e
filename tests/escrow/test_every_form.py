"""演示数据里每一名人员打开得到的每一个表单：填错一次，所填一字不少地回来（逐表单）。"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from tests.conftest import applied, housed
from tests.desk import Hired, sign_in

pytestmark = pytest.mark.slow
# No reader of any field takes a character that cannot be seen.
BAD = "填错\u200b的"
MOST_PAGES = 90
# Worth opening once of each: what differs between two is a number.
NUMBER = re.compile(r"[A-Z]*\d[\w-]*")
# What the demo's first day must let an officer fill in; other states are met by their rooms' own tests.
FIRST_DAY = {
    "nodes.create", "nodes.approve", "nodes.reject", "nodes.correct", "measures.freeze",
    "measures.enter_guarantee", "measures.enter_takeover", "measures.decide_order",
    "registers.create_contract", "registers.create_payee", "registers.payee_decision",
    "registers.contract_retirement", "registers.payee_retirement", "applications.create",
    "withdrawals.reject_withdrawal", "refunds.create", "refunds.reject_refund", "claims.enter",
    "claims.enter_return", "changes.create", "opening.create", "registration.create", "release.create",
    "receivers.create", "workdays.create",
}  # fmt: skip


@dataclass(slots=True)
class Drawn:
    """A form as it is drawn: what it would send, and which of it is typed (画出的表单)."""

    action: str
    sent: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """The forms and links of a page (页面)."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.forms, self.links, self.ids = list[Drawn](), list[str](), set[str]()
        self.open: Drawn | None = None
        self.select = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        self.ids.add(told.get("id", ""))
        if tag == "a":
            self.links.append(told.get("href", ""))
        elif tag == "form" and told.get("method") == "post":
            self.open = Drawn(told["action"])
            self.forms.append(self.open)
        elif self.open and tag == "select":
            self.select = told["name"]
        elif self.open and tag == "option" and (self.select not in self.open.sent or "selected" in told):
            self.open.sent[self.select] = told.get("value", "")
        elif self.open and tag in ("input", "textarea") and told.get("name", "totp") != "totp":
            kind = told.get("type", "text")
            if kind in ("text", "url", "hidden"):
                self.open.sent[told["name"]] = told.get("value", "")
            if kind in ("text", "url"):
                self.open.typed.append(told["name"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = None


@pytest.fixture(scope="module")
def seats(cluster: Any, blank_settings: Any, built: Any, demo: Any) -> Iterator[Any]:
    """The demo's officers, each at a browser (演示人员)."""
    told = json.loads((demo.settings.data_dir / "demo-credentials.json").read_text())["officers"]
    with housed(cluster, blank_settings, demo.name) as house:
        house.settings = replace(house.settings, data_dir=demo.settings.data_dir)
        with applied(built, house) as app:
            clients = {}
            for one in told:
                clients[one["username"]] = client = app.test_client()
                hired = Hired(one["username"], one["password"], one["totp_secret"])
                assert sign_in(client, hired).status_code == 303
            yield app, clients


def pages_of(client: FlaskClient, *first: str) -> Iterator[Any]:
    """Every kind of page this officer can reach by links, a few of each kind (看得到的页面)."""
    waiting, seen, kinds = ["/", *first], {"/", *first}, set[str]()
    while waiting and len(kinds) < MOST_PAGES:
        path = waiting.pop(0)
        answer = client.get(path)
        if answer.status_code != 200 or answer.mimetype != "text/html":
            continue
        page = Page(answer.text)
        yield page
        for link in page.links:
            plain = link.split("#")[0]
            kind = NUMBER.sub("№", plain.split("?")[0])
            if plain.startswith("/") and "?" not in plain and plain not in seen and kind not in kinds:
                seen.add(plain)
                waiting.append(plain)
                # An object's pages differ by its state: the first few of a kind are opened.
                if sum(NUMBER.sub("№", one) == kind for one in seen) >= 4:
                    kinds.add(kind)


def test_every_form_of_every_officer_stands_again(seats: Any) -> None:
    """逐人逐页逐表单填错：答 422 一类，页面还是原来那一页，每一栏所填都在，有错的标明。"""
    app, clients = seats
    adapter, covered = app.url_map.bind("localhost"), set[str]()
    with app.extensions["database"].read() as session:
        gone = session.scalar(text("SELECT max(contract_no) FROM contract WHERE status = 'cancelled'"))
        sold = session.scalar(text("SELECT project_no FROM project ORDER BY id OFFSET 4 LIMIT 1"))
    entry = f"/first-registrations/new?project_no={sold}"
    first = (f"/refunds/contracts/{gone}", entry, f"/projects/{sold}")
    for client in clients.values():
        for page in pages_of(client, *first):
            for form in page.forms:
                door = adapter.match(form.action, method="POST")[0]
                if not form.typed or door in covered:
                    continue
                covered.add(door)
                told = {**form.sent, **dict.fromkeys(form.typed, BAD), "decision": "reject"}
                answer = client.post(form.action, data=told)
                assert answer.status_code in (409, 422), f"{door}：{answer.status_code}"
                shown = Page(answer.text)
                again = [one for one in shown.forms if one.action == form.action]
                assert again and "refused" in shown.ids, f"{door} 退回之后不在原页"
                lost = [name for name in form.typed if again[0].sent.get(name) != BAD]
                assert not lost, f"{door} 丢了 {lost}"
    assert covered >= FIRST_DAY, f"没有试到的表单：{sorted(FIRST_DAY - covered)}"
