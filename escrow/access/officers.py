"""Officers and their sessions (人员与会话): taken on, signed in, signed out, retired."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import cast, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from config.settings import Settings
from escrow.access import audit
from escrow.access.clients import hashed
from escrow.access.models import Officer, OfficerSession
from escrow.access.passwords import common_passwords, draw_totp_secret, hash_password, totp_step
from escrow.access.rules import (
    FRESH_FOR,
    SESSION_IDLE,
    SESSION_LIMIT,
    USERNAME,
    password_faults,
    role_faults,
)
from escrow.access.sealing import seal, unseal
from escrow.errors import Invalid, NotFound

CODE_SAYS = {
    "wrong": "动态口令不正确，请核对手机时间后重新输入",
    "used": "这个动态口令刚刚用过，请等下一个（最多 30 秒）再输入",
}


@dataclass(frozen=True, slots=True)
class NewOfficer:
    """A person to be taken on (新录入人员)."""

    username: str
    full_name: str
    staff_no: str
    roles: frozenset[str]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The officer behind a page request, as `g.officer` (当前登录人员)."""

    id: int
    username: str
    full_name: str
    roles: frozenset[str]
    session_id: int
    is_fresh: bool


def add_officer(session: Session, settings: Settings, person: NewOfficer, password: str) -> str:
    """Take a person on and draw the secret of their authenticator, told only now (录入人员)."""
    _refuse_weak(person.username, person.full_name, person.staff_no, password)
    _refuse_person(session, person)
    secret = draw_totp_secret()
    session.add(
        Officer(
            username=person.username,
            full_name=person.full_name,
            staff_no=person.staff_no,
            password_hash=hash_password(password),
            totp_sealed=seal(secret, settings, context=_context(person.username)),
            roles=sorted(person.roles),
        )
    )
    session.flush()
    audit.record(session, "officer.added", person.username, roles=sorted(person.roles))
    return secret


def reset_officer(session: Session, settings: Settings, username: str, password: str) -> str:
    """New password, new authenticator, every session ended (重置口令).

    PostgreSQL does it, with its row in the trail: the application itself cannot write a password.
    """
    officer = _living(session, username)
    _refuse_weak(username, officer.full_name, officer.staff_no, password)
    secret = draw_totp_secret()
    sealed = seal(secret, settings, context=_context(username))
    told = audit.row("officer.reset", username)
    session.execute(
        select(func.reset_officer(username, hash_password(password), sealed, cast(told, JSONB)))
    )
    session.expire(officer)
    return secret


def retire_officer(session: Session, username: str) -> None:
    """Nobody is deleted; a leaver's sessions die with this transaction (停用人员)."""
    officer = _living(session, username)
    session.execute(update(Officer).where(Officer.id == officer.id).values(retired_at=func.clock_timestamp()))
    _end_all(session, officer.id)
    audit.record(session, "officer.retired", username)


def living_officer(session: Session, username: str) -> Officer | None:
    """The officer of that name who still works here (在岗人员)."""
    return session.scalar(select(Officer).where(Officer.username == username, Officer.retired_at.is_(None)))


def use_code(session: Session, settings: Settings, officer: Officer, code: str) -> str:
    """Spend one code of the authenticator (核销动态口令): "good", "wrong" or "used".

    The step is claimed in the row itself, so of two requests with one code only one gets through.
    """
    secret = unseal(officer.totp_sealed, settings, context=_context(officer.username))
    step = totp_step(secret, code)
    if step is None:
        return "wrong"
    claim = update(Officer).where(Officer.id == officer.id, Officer.totp_last_step < step)
    claimed = session.scalar(claim.values(totp_last_step=step).returning(Officer.id))
    return "good" if claimed else "used"


def open_session(session: Session, officer: Officer, *, address: str, device: str) -> str:
    """A new session and its token, which only the browser keeps (建立会话)."""
    token = secrets.token_urlsafe(32)
    session.add(
        OfficerSession(
            token_hash=hashed(token),
            officer_id=officer.id,
            address=audit.one_line(address),
            device=audit.one_line(device),
        )
    )
    return token


def officer_of(session: Session, token: str) -> SignedIn | None:
    """Whose session this is, if it still lives (识别会话); being seen keeps it from going idle.

    One statement: a session that is ended, idle, too old or a leaver's is nobody's.
    """
    now = func.clock_timestamp()
    living = (
        update(OfficerSession)
        .where(
            OfficerSession.token_hash == hashed(token),
            OfficerSession.officer_id == Officer.id,
            OfficerSession.ended_at.is_(None),
            OfficerSession.seen_at > now - SESSION_IDLE,
            OfficerSession.opened_at > now - SESSION_LIMIT,
            Officer.retired_at.is_(None),
        )
        .values(seen_at=now)
        .returning(
            Officer.id,
            Officer.username,
            Officer.full_name,
            Officer.roles,
            OfficerSession.id.label("session_id"),
            (OfficerSession.verified_at > now - FRESH_FOR).label("is_fresh"),
        )
        .execution_options(synchronize_session=False)
    )
    row = session.execute(living).one_or_none()
    if row is None:
        return None
    return SignedIn(row.id, row.username, row.full_name, frozenset(row.roles), row.session_id, row.is_fresh)


def refresh_factor(session: Session, session_id: int) -> None:
    """The officer has just shown the authenticator again (再次验证)."""
    statement = update(OfficerSession).where(OfficerSession.id == session_id)
    session.execute(statement.values(verified_at=func.clock_timestamp()))


def end_session(session: Session, officer_id: int, session_id: int) -> bool:
    """End one of an officer's own sessions, on the server (注销会话)."""
    statement = update(OfficerSession).where(
        OfficerSession.id == session_id,
        OfficerSession.officer_id == officer_id,
        OfficerSession.ended_at.is_(None),
    )
    ended = session.scalar(statement.values(ended_at=func.clock_timestamp()).returning(OfficerSession.id))
    return ended is not None


def living_sessions(session: Session, officer_id: int) -> Sequence[OfficerSession]:
    """An officer's sessions that would still be let in (在用会话)."""
    now = func.clock_timestamp()
    query = select(OfficerSession).where(
        OfficerSession.officer_id == officer_id,
        OfficerSession.ended_at.is_(None),
        OfficerSession.seen_at > now - SESSION_IDLE,
        OfficerSession.opened_at > now - SESSION_LIMIT,
    )
    return session.scalars(query.order_by(OfficerSession.id.desc())).all()


def officers(session: Session) -> Sequence[Officer]:
    """Everybody who works or worked here (人员名册)."""
    return session.scalars(select(Officer).order_by(Officer.retired_at.isnot(None), Officer.username)).all()


def _living(session: Session, username: str) -> Officer:
    officer = None
    if USERNAME.fullmatch(username):
        query = select(Officer).where(Officer.username == username, Officer.retired_at.is_(None))
        officer = session.scalar(query.with_for_update())
    if officer is None:
        raise NotFound(f"没有在岗人员 {audit.one_line(username)}")
    return officer


def _end_all(session: Session, officer_id: int) -> None:
    statement = update(OfficerSession).where(
        OfficerSession.officer_id == officer_id, OfficerSession.ended_at.is_(None)
    )
    session.execute(statement.values(ended_at=func.clock_timestamp()))


def _refuse_person(session: Session, person: NewOfficer) -> None:
    found = {}
    if not USERNAME.fullmatch(person.username):
        found["username"] = "须为小写字母开头的小写字母、数字、点、下划线或连字符，2 至 32 位"
    if faults := role_faults(set(person.roles)):
        found["roles"] = "；".join(faults)
    if session.scalar(select(Officer.id).where(Officer.username == person.username)):
        found["username"] = "这个用户名已经有人用过"
    if session.scalar(select(Officer.id).where(Officer.staff_no == person.staff_no)):
        found["staff_no"] = "这个工号已经录入过：一人一号"
    if found:
        raise Invalid(found)


def _refuse_weak(username: str, full_name: str, staff_no: str, password: str) -> None:
    names = (username, full_name, staff_no)
    if faults := password_faults(password, names=names, common=common_passwords()):
        raise Invalid({"password": "；".join(faults)})


def _context(username: str) -> str:
    return f"officer.totp:{username}"
