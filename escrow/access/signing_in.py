"""Signing in (登录核验): password and code together, and nothing told to whoever has neither."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sqlalchemy.orm import Session

from config.database import Database
from config.settings import Settings
from escrow.access import audit
from escrow.access.models import Officer
from escrow.access.officers import CODE_SAYS, living_officer, open_session, use_code
from escrow.access.passwords import password_matches
from escrow.access.rules import PASSWORD_MOST, USERNAME
from escrow.access.tries import TooSoon, count_try, forgive
from escrow.errors import Forbidden

# What is written down for a name nobody has: people type passwords into the wrong box.
NOBODY = "（无此用户）"
_ACTION = "officer.sign-in"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One filled-in sign-in form and where it came from (一次登录)."""

    username: str
    password: str = field(repr=False)
    code: str = field(repr=False)
    address: str
    device: str

    @property
    def whose(self) -> list[tuple[str, str]]:
        """Whose wrong tries this one counts among."""
        return [("officer", self.username), ("address", self.address)]


class NotLetIn(Forbidden):
    """Wrong name, password or code; it is not told which (登录未通过)."""

    code, label = "not-let-in", "用户名、密码或动态口令不正确"


def let_in(database: Database, settings: Settings, attempt: Attempt) -> str:
    """The token of a new session (登录). Raises NotLetIn or TooSoon; each outcome is one audit row.

    Name unknown, password wrong and code wrong read the same and cost one argon2 check each.
    The check runs between transactions: it is slow on purpose and must hold no connection.
    """
    try:
        count_try(database, settings, attempt.whose)
    except TooSoon:
        with database.begin() as session:
            _refuse(session, NOBODY, "too-soon")
        raise
    with database.begin() as session:
        employee = _employee(session, attempt.username)
    matches = password_matches(
        employee.password_hash if employee else None, attempt.password[: PASSWORD_MOST + 1]
    )
    with database.begin() as session:
        if employee is None or not matches:
            _refuse(session, employee.username if employee else NOBODY, "password")
            found: str | NotLetIn = NotLetIn()
        else:
            found = _with_code(session, settings, attempt)
    if isinstance(found, NotLetIn):
        raise found
    return found


def _with_code(session: Session, settings: Settings, attempt: Attempt) -> str | NotLetIn:
    """The password is right: spend the code and open the session, all in one transaction."""
    employee = _employee(session, attempt.username)
    if employee is None:
        return NotLetIn()
    said = use_code(session, settings, employee, attempt.code)
    if said == "wrong":
        _refuse(session, employee.username, "code")
        return NotLetIn()
    # Whoever shows the right password with a spent code is not guessing.
    forgive(session, settings, attempt.whose)
    if said == "used":
        _refuse(session, employee.username, "code-used")
        return NotLetIn(CODE_SAYS[said])
    token = open_session(session, employee, address=attempt.address, device=attempt.device)
    actor = replace(audit.current_actor(), kind="officer", id=employee.username, name=employee.full_name)
    audit.record(session, _ACTION, employee.username, actor=actor)
    return token


def _employee(session: Session, username: str) -> Officer | None:
    return living_officer(session, username) if USERNAME.fullmatch(username) else None


def _refuse(session: Session, subject: str, why: str) -> None:
    audit.record(session, _ACTION, subject, result="refused", why=why)
