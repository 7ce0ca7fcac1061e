"""An officer at a desk: signs in and fills in the pages' own forms (窗口)."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urlsplit

import pyotp

from escrow.rehearsal.wires import Answer, HttpWire, InsideWire, Unexpected

STEP_SECONDS = 30
PATIENCE_SECONDS = 100


@dataclass(slots=True)
class PageForm:
    """A form of a page with what it would send untouched (表单)."""

    action: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)


class _PageReader(HTMLParser):
    """Finds the forms and links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self.links: list[str] = []
        self.open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(told.get("href", ""))
        elif tag == "form":
            self.forms.append(PageForm(told.get("action", "")))
            self.open = True
        elif tag in ("input", "select", "textarea", "button") and self.open and told.get("name"):
            form = self.forms[-1]
            form.names.add(told["name"])
            kind = told.get("type", "text")
            if tag == "input" and (kind not in ("checkbox", "radio", "submit") or "checked" in told):
                form.fields.setdefault(told["name"], []).append(told.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.open = False


def forms_of(page: str) -> list[PageForm]:
    """The forms of a page, in order (页面上的表单)."""
    reader = _PageReader()
    reader.feed(page)
    return reader.forms


def links_of(page: str) -> list[str]:
    """Where a page leads (页面上的链接)."""
    reader = _PageReader()
    reader.feed(page)
    return reader.links


def _refusal(page: str) -> str:
    """What stands above a form that was refused (退回的理由)."""
    said = re.search(r'<section[^>]*id="refused".*?</section>', page, re.S)
    return "：" + " ".join(re.sub(r"<[^>]+>", " ", said[0]).split()) if said else ""


@dataclass(slots=True)
class Desk:
    """A browser of one officer (一名人员的浏览器)."""

    wire: HttpWire | InsideWire
    username: str
    password: str = field(repr=False)
    totp_secret: str = field(repr=False)
    last_step: int = 0
    cookies: dict[str, str] = field(default_factory=dict, repr=False)

    def sign_in(self) -> None:
        """Password and code; a code just used by somebody else is waited out. Raises Unexpected."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            form = self.form("/sign-in", "/sign-in")
            told = {"username": self.username, "password": self.password, "totp": self._code()}
            found = self.submit(form, told, page="/sign-in")
            if found.status == 303:
                return
            if "刚刚用过" not in found.text or time.monotonic() > deadline:
                raise Unexpected(f"{self.username} 登录", found)
            time.sleep(1)

    def get(self, path: str) -> Answer:
        """A page."""
        return self._send("GET", path, None)

    def form(self, path: str, action: str) -> PageForm:
        """The form on a page whose action ends in this, or has it in it. Raises Unexpected without one."""
        found = self.get(path)
        fitting = [form for form in forms_of(found.text) if action in (form.action or path)]
        for form in [*(one for one in fitting if one.action.endswith(action)), *fitting]:
            return form
        raise Unexpected(f"{path} 页面上没有 {action} 表单", found)

    def submit(self, form: PageForm, told: Mapping[str, Any], *, page: str) -> Answer:
        """Send a form filled in; a second factor is added where it asks for one."""
        filled: dict[str, Any] = {**form.fields, **told}
        if "totp" in form.names and "totp" not in told:
            filled["totp"] = self._code()
        return self._send("POST", form.action or page, urlencode(filled, doseq=True).encode())

    def fill(self, path: str, action: str, told: Mapping[str, Any] | None = None) -> str:
        """Open a page, fill in its form, send it; where it led to. Raises Unexpected."""
        found = self.submit(self.form(path, action), told or {}, page=path)
        if found.status not in (302, 303):
            raise Unexpected(f"{self.username} {action}{_refusal(found.text)}", found)
        return urlsplit(found.header("Location")).path

    def _code(self) -> str:
        """A code not used before: of the step just past, this one, or the next."""
        # Late in a step its forerunner would be refused by the time it arrives.
        step = max(int((time.time() - 20) // STEP_SECONDS), self.last_step + 1)
        self.last_step = min(step, int(time.time() // STEP_SECONDS) + 1)
        return pyotp.HOTP(self.totp_secret).at(self.last_step)

    def _send(self, method: str, path: str, body: bytes | None) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        found = self.wire.send(method, path, body, headers)
        for name, value in found.headers:
            if name.lower() == "set-cookie":
                pair = value.split(";", 1)[0]
                self.cookies[pair.split("=", 1)[0]] = pair.split("=", 1)[1]
        return found


def accept_supervision(officers: list[Desk], project_no: str) -> None:
    """Two officers accept what the platform proposed, each at their own desk (受理监管协议)."""
    for desk in officers:
        page = f"/projects/{project_no}"
        found = desk.get(page)
        if found.status != 200:
            raise Unexpected(f"打开项目 {project_no}", found)
        onward = [link for link in links_of(found.text) if "supervision" in link and project_no in link]
        desk.fill(onward[0] if onward else page, "accept")
