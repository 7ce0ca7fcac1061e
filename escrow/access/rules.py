"""Which role may do what, and what a password, a code and a session must be. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum


class Role(StrEnum):
    """What an officer is employed to do (岗位)."""

    REGISTER = "register"
    CASHIER = "cashier"
    REVIEWER = "reviewer"
    RELEASE = "release"
    AUDITOR = "auditor"
    ADMIN = "admin"


ROLE_LABELS = {
    Role.REGISTER: "登记受理",
    Role.CASHIER: "资金经办",
    Role.REVIEWER: "复核",
    Role.RELEASE: "解除监管经办",
    Role.AUDITOR: "审计",
    Role.ADMIN: "安全管理员",
}

# 三员分立: the one who watches and the one who hands out keys do no business, and are not each other.
ALONE = frozenset({Role.AUDITOR, Role.ADMIN})

_BUSINESS = frozenset(Role) - ALONE

# One table, read by the guards, the navigation and the test of every page × every role.
PERMISSIONS: dict[str, frozenset[Role]] = {
    "read": _BUSINESS | {Role.AUDITOR},
    "check": frozenset({Role.REGISTER, Role.CASHIER, Role.REVIEWER}),
    "file": frozenset({Role.REGISTER}),
    "accept-supervision": frozenset({Role.REGISTER, Role.REVIEWER}),
    "enter-registration": frozenset({Role.REGISTER}),
    "confirm-registration": frozenset({Role.REVIEWER}),
    "claim-receipt": frozenset({Role.CASHIER}),
    "confirm-claim": frozenset({Role.REVIEWER}),
    "enter-node": frozenset({Role.REGISTER}),
    "approve-node": frozenset({Role.REVIEWER}),
    "enter-hold": frozenset({Role.REGISTER}),
    "confirm-hold": frozenset({Role.REVIEWER}),
    "enter-payment": frozenset({Role.CASHIER}),
    "approve-payment": frozenset({Role.REVIEWER}),
    "issue-instruction": frozenset({Role.CASHIER}),
    "reconcile": frozenset({Role.CASHIER}),
    "approve-reconciliation": frozenset({Role.REVIEWER}),
    "enter-account-change": frozenset({Role.REGISTER}),
    "approve-account-change": frozenset({Role.REVIEWER}),
    "enter-opening": frozenset({Role.CASHIER}),
    "approve-opening": frozenset({Role.REVIEWER}),
    "enter-working-year": frozenset({Role.REGISTER}),
    "approve-working-year": frozenset({Role.REVIEWER}),
    "enter-release": frozenset({Role.RELEASE}),
    "approve-release": frozenset({Role.REVIEWER}),
    "fund-enter": frozenset({Role.REGISTER, Role.CASHIER}),
    "fund-cashier": frozenset({Role.CASHIER}),
    "fund-decide": frozenset({Role.REVIEWER}),
    "decide-finding": frozenset({Role.REVIEWER}),
    "watch-deliveries": frozenset(Role),
    "watch-night": frozenset(Role),
    "send-again": frozenset({Role.CASHIER, Role.ADMIN}),
    "audit": frozenset({Role.AUDITOR}),
    "officers": frozenset({Role.ADMIN}),
    "subscribers": frozenset({Role.ADMIN}),
    "own-account": frozenset(Role),
}

SCOPES = frozenset({"bank", "platform", "filing", "registration", "payment"})

# A working day at the counter; an empty chair for half an hour is an empty chair.
SESSION_IDLE = timedelta(minutes=30)
SESSION_LIMIT = timedelta(hours=12)
# How long a second factor stays fresh for an approval (双因素时效).
FRESH_FOR = timedelta(minutes=10)
TOKEN_LIFE = timedelta(hours=1)

USERNAME = re.compile(r"[a-z][a-z0-9._-]{1,31}", re.ASCII)
CLIENT_ID = re.compile(r"[a-z][a-z0-9-]{1,62}", re.ASCII)
PASSWORD_LEAST = 12
PASSWORD_MOST = 256

# Wrong tries: so many are free, then each further one doubles the wait; forgotten after an hour's quiet.
FREE_TRIES = {"officer": 5, "address": 40}
FIRST_WAIT = timedelta(seconds=30)
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)


def allowed(roles: frozenset[str] | set[str], permission: str) -> bool:
    """Whether any of these roles carries the permission (是否有权)."""
    return not PERMISSIONS[permission].isdisjoint(roles)


def role_faults(roles: set[str]) -> list[str]:
    """Why these roles cannot be held by one person (岗位冲突); empty when they can."""
    if unknown := sorted(roles - set(Role)):
        return [f"没有这个岗位：{'、'.join(unknown)}"]
    if not roles:
        return ["至少要有一个岗位"]
    if len(roles) > 1 and (alone := ALONE & roles):
        label = "、".join(ROLE_LABELS[role] for role in sorted(alone))
        return [f"{label}不得兼任其他岗位（三员分立）"]
    return []


def client_faults(client_id: str, scopes: set[str], bank_code: str | None) -> dict[str, str]:
    """Why a client cannot be admitted as stated, by field (客户端登记信息)."""
    found = {}
    if not CLIENT_ID.fullmatch(client_id):
        found["client_id"] = "须为小写字母开头的小写字母、数字或连字符，2 至 63 位"
    if not scopes or scopes - SCOPES:
        found["scopes"] = "须为 " + "、".join(sorted(SCOPES)) + " 中的一个或多个"
    if ("bank" in scopes) != (bank_code is not None):
        found["bank_code"] = "银行客户端须写明 bank_code，其他客户端不得写"
    return found


def wait_after(kind: str, failures: int) -> timedelta:
    """How long the next try must wait after so many failures in a row (失败限速)."""
    over = failures - FREE_TRIES[kind]
    if over < 0:
        return timedelta(0)
    doublings: int = 2 ** min(over, 10)
    return min(FIRST_WAIT * doublings, LONGEST_WAIT)


def password_faults(password: str, *, names: tuple[str, ...], common: frozenset[str]) -> list[str]:
    """Every reason this password is refused (口令强度). Length and guessability, not punctuation."""
    found = []
    folded = password.casefold()
    if len(password) < PASSWORD_LEAST:
        found.append(f"口令至少 {PASSWORD_LEAST} 位")
    if len(password) > PASSWORD_MOST:
        found.append(f"口令至多 {PASSWORD_MOST} 位")
    if any(not character.isprintable() for character in password):
        found.append("口令不能含控制字符")
    if folded in common or _is_pattern(folded):
        found.append("这个口令太常见，容易被猜到")
    if any(len(name) >= (3 if name.isascii() else 2) and name.casefold() in folded for name in names):
        found.append("口令不能包含用户名、姓名或工号")
    return found


_WALKS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm")
_STEP = 4


def _is_pattern(folded: str) -> bool:
    """A short piece repeated, or nothing but runs along the keyboard (有规律的口令)."""
    if len(set(folded)) < 5:
        return True
    if folded in (folded + folded)[1:-1]:
        return True
    return _walked(folded) >= len(folded) - 2


def _walked(folded: str) -> int:
    """How many characters lie on runs of four or more along the keyboard or the alphabet."""
    walks = [*_WALKS, *(walk[::-1] for walk in _WALKS)]
    covered: set[int] = set()
    for start in range(len(folded) - _STEP + 1):
        piece = folded[start : start + _STEP]
        if any(piece in walk for walk in walks):
            covered.update(range(start, start + _STEP))
    return len(covered)
