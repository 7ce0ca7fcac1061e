"""The people and systems of the demo (演示人员与客户端): hired as everybody is, secrets drawn anew each time."""

import secrets
from dataclasses import dataclass

from sqlalchemy import cast, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from config.settings import Settings
from escrow.access import audit
from escrow.access.clients import add_client, client_named, hashed, secret_matches
from escrow.access.officers import NewOfficer, add_officer, living_officer, reset_officer
from escrow.access.rules import Role

# Clearing codes of the two demo banks (演示银行).
BANKS = {"102": "工商银行交口支行", "105": "建设银行交口支行"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A client of the demo (演示客户端)."""

    name: str
    title: str
    scopes: frozenset[str]
    bank_code: str | None = None


CLIENTS = [
    Wanted("platform", "住房信息平台", frozenset({"platform"})),
    Wanted("filing", "网签备案系统", frozenset({"filing"})),
    Wanted("registration", "不动产登记系统", frozenset({"registration"})),
    Wanted("payment", "一码缴费平台", frozenset({"payment"})),
    *(Wanted(f"bank-{code}", title, frozenset({"bank"}), code) for code, title in BANKS.items()),
]
OFFICERS = [
    NewOfficer("register1", "程晓明", "YS001", frozenset({Role.REGISTER})),
    NewOfficer("register2", "冯丽华", "YS002", frozenset({Role.REGISTER})),
    NewOfficer("cashier1", "袁建国", "YS003", frozenset({Role.CASHIER})),
    NewOfficer("reviewer1", "沈国栋", "YS004", frozenset({Role.REVIEWER})),
    NewOfficer("reviewer2", "许玉珍", "YS005", frozenset({Role.REVIEWER})),
    # A payment past a court's hold is seen by two reviewers, and a third attaches the bureau's order.
    NewOfficer("reviewer3", "韩素梅", "YS009", frozenset({Role.REVIEWER})),
    NewOfficer("cashier2", "孙立新", "YS010", frozenset({Role.CASHIER})),
    NewOfficer("release1", "曹永红", "YS006", frozenset({Role.RELEASE})),
    NewOfficer("auditor1", "彭志强", "YS007", frozenset({Role.AUDITOR})),
    NewOfficer("admin1", "邓文军", "YS008", frozenset({Role.ADMIN})),
]


def admit_clients(session: Session) -> dict[str, dict[str, str]]:
    """Every demo client with a fresh secret (登记演示客户端)."""
    found = {}
    for one in CLIENTS:
        if client_named(session, one.name):
            secret = _redraw(session, one.name)
        else:
            secret = add_client(
                session, one.name, title=one.title, scopes=set(one.scopes), bank_code=one.bank_code
            )
        found[one.name] = {
            "client_id": one.name, "client_secret": secret, "scope": " ".join(sorted(one.scopes)),
        }  # fmt: skip
    return found


def hire_officers(session: Session, settings: Settings) -> list[dict[str, object]]:
    """Every demo officer with a fresh password and authenticator (录入演示人员)."""
    found: list[dict[str, object]] = []
    for person in OFFICERS:
        password = secrets.token_urlsafe(18)
        if living_officer(session, person.username):
            totp = reset_officer(session, settings, person.username, password)
        else:
            totp = add_officer(session, settings, person, password)
        told = {"username": person.username, "password": password, "roles": sorted(person.roles)}
        found.append({**told, "totp_secret": totp})
    return found


def clients_work(session: Session, clients: dict[str, dict[str, str]]) -> bool:
    """Whether every client of a credentials file would still be let in (凭据是否可用)."""
    return set(clients) == {one.name for one in CLIENTS} and all(
        secret_matches(client_named(session, told["client_id"]), told["client_secret"])
        for told in clients.values()
    )


def _redraw(session: Session, client_id: str) -> str:
    """A load that was broken off left a client whose secret nobody knows: it gets a new one."""
    secret = secrets.token_urlsafe(32)
    told = audit.row("client.redrawn", client_id)
    session.execute(select(func.redraw_client(client_id, hashed(secret), cast(told, JSONB))))
    return secret
