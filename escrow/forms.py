"""Forms of pages: read once, and when refused shown again where they stood, with everything typed (页面表单)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Response, current_app, flash, g, make_response, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import MultiDict
from wtforms import Field, Form
from wtforms.validators import ValidationError as FormError

from escrow.access.guards import CODE_FIELD, NotFresh
from escrow.errors import EscrowError, Invalid
from escrow.fields import DIGEST_PATTERN, ReadField, read_text

F = TypeVar("F", bound=Form)
# Refused, not acceptable, too soon, too busy: the officer mends or waits, and sends the same form again.
MENDABLE = (409, 422, 429, 503)
# The file of a paper is sent beside its SHA-256, under the same name with this behind it.
CHOSEN = "-file"
EMPTY = hashlib.sha256().hexdigest()
# A scan of a paper; of larger ones the SHA-256 is typed.
LARGEST_PAPER = 32 * 1024 * 1024
# The library's words for a choice that was not offered.
_NO_CHOICE = ("Not a valid choice.", "Invalid Choice: could not coerce.")


class ReasonForm(Form):
    """Why something is sent back, given up or ended (理由)."""

    reason = ReadField("理由", lambda said: read_text(said, 200))


class DigestField(ReadField):
    """A paper's SHA-256: typed, or computed here from the file that was chosen (文件摘要)."""

    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, _read_digest, **kwargs)
        self.computed = ""

    def process(self, formdata: Any, *args: Any, **kwargs: Any) -> None:
        super().process(formdata, *args, **kwargs)
        self.computed = formdata.get(self.name + CHOSEN, "") if formdata else ""
        self.typed = self.typed or self.computed

    def pre_validate(self, form: Any) -> None:
        if self.computed == EMPTY:
            raise FormError("所选文件是空的。")
        if self.computed and self.typed.lower() != self.computed:
            raise FormError(f"所填与所选文件不符，所选文件的 SHA-256 为 {self.computed}。")
        super().pre_validate(form)


def _read_digest(said: str) -> str:
    try:
        return read_text(said.lower(), 64, DIGEST_PATTERN)
    except ValueError:
        raise ValueError("SHA-256 须为 64 位十六进制；也可选择文件，由本页计算。") from None


def filled_in() -> MultiDict[str, str]:
    """What this form said, and the SHA-256 of each file sent with it; the files are not kept (所填)."""
    found: MultiDict[str, str] | None = g.get("filled_in")
    if found is None:
        found = MultiDict(request.form)
        for name, sent in request.files.items():
            if name.endswith(CHOSEN) and sent.filename:
                found[name] = hashlib.file_digest(sent.stream, "sha256").hexdigest()  # type: ignore[arg-type]
                flash(f"“{sent.filename}”的 SHA-256：{found[name]}", "info")
        g.filled_in = found
    return found


def posted(kind: Callable[..., F], **told: Any) -> F:
    """One form of this request, every field of it good. Raises Invalid."""
    form = kind(filled_in(), **told)
    checked(form)
    return form


def checked(*forms: Form) -> None:
    """Each is asked, so that every fault is shown at once, by its input's own name. Raises Invalid."""
    bad = [form for form in forms if not form.validate()]
    if bad:
        raise Invalid({
            one.name: _wrong(one) for form in bad for one in form if one.errors
        })  # fmt: skip


def _wrong(one: Field) -> str:
    """What is wrong with a field, in Chinese throughout."""
    return "；".join("所选不在可选之列。" if str(said) in _NO_CHOICE else str(said) for said in one.errors)


def posted_reason() -> str:
    """The reason of this request's form. Raises Invalid."""
    return str(posted(ReasonForm).reason.data)


# --- shown again ---


@dataclass(slots=True)
class Sheet:
    """What a page's forms look like on this request: blank, or as they were sent and refused (表单现状)."""

    error: EscrowError | None = None
    is_refused: bool = False
    taken: set[str] = field(default_factory=set)
    shown: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def faults(self) -> dict[str, str]:
        """What is wrong, by the input's name (逐项有误)."""
        if isinstance(self.error, NotFresh):
            return {CODE_FIELD: self.error.detail}
        return self.error.errors if isinstance(self.error, Invalid) else {}

    def begin(self, *actions: str) -> str:
        """A form starts here: was it this one that was refused? (表单开始)"""
        self.is_refused = self.error is not None and request.path in actions
        return ""

    def id(self, name: str, label: str = "") -> str:
        """An id no other input of the page has (编号)."""
        found, count = name, 1
        while found in self.taken:
            count += 1
            found = f"{name}-{count}"
        self.taken.add(found)
        if self.is_refused:
            self.shown.setdefault(name, (found, label))
        return found

    def value(self, name: str, otherwise: Any = "") -> Any:
        """What was typed here (所填)."""
        return filled_in().get(name, otherwise) if self.is_refused else otherwise

    def ticked(self, name: str, value: str, otherwise: bool = False) -> bool:
        """Whether this box was ticked (勾选)."""
        return value in filled_in().getlist(name) if self.is_refused else otherwise

    def fault(self, name: str) -> str:
        """What is wrong here (有误)."""
        return self.faults.get(name, "") if self.is_refused else ""

    def fill(self, one: Field) -> list[str]:
        """Put what was typed back into an input; what is wrong with it (填回)."""
        if self.is_refused and isinstance(one, ReadField):
            one.typed = filled_in().get(one.name, "") or filled_in().get(one.name + CHOSEN, "")
        elif self.is_refused and one.name in filled_in():
            one.process_formdata(filled_in().getlist(one.name))
        said = self.fault(one.name)
        return [said] if said else list(one.errors)


def sheet() -> Sheet:
    """This request's (表单现状)."""
    found: Sheet = g.setdefault("sheet", Sheet())
    return found


def shown_again(error: EscrowError) -> Response | None:
    """The page a refused form stood on, reasons above, all that was typed in its place; None without one."""
    views = current_app.view_functions
    page = getattr(views.get(request.endpoint or ""), "page", None)
    if request.method != "POST" or page is None:
        return None
    if error.status not in MENDABLE and not isinstance(error, NotFresh):
        return None
    takes = next(current_app.url_map.iter_rules(page)).arguments
    told = {name: value for name, value in (request.view_args or {}).items() if name in takes}
    g.sheet = Sheet(error)
    try:
        answer = make_response(views[page](**told))
    except (EscrowError, SQLAlchemyError):
        return None
    if answer.status_code != 200:
        return None
    answer.status_code = error.status
    return answer
