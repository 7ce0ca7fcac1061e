"""When a supervision agreement takes effect, and what an account may do (监管协议与账户). Pure."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from config.regulations import Law
from escrow.errors import Refusal


class AgreementStatus(StrEnum):
    """Life of one version of an agreement (监管协议状态)."""

    PROPOSED = "proposed"
    EFFECTIVE = "effective"
    SUPERSEDED = "superseded"


class AccountStatus(StrEnum):
    """Life of a supervised account (监管账户状态). *Proposed* is told of a project whose agreement waits."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RELEASING = "releasing"
    CLOSED = "closed"


class QuotaMode(StrEnum):
    """How the supervised quota is counted (监管额度方式): a balance to keep, or a sum to draw down."""

    FLOOR = "floor"
    DRAW_DOWN = "draw_down"


class ClauseKind(StrEnum):
    """What an agreement may ask for in addition to first registration (解除监管附加条款)."""

    COMPLETION_FILING = "completion_filing"
    HANDOVER_RATIO = "handover_ratio"
    TRANSFER_RATIO = "transfer_ratio"
    MONTHS_AFTER = "months_after"
    DOCUMENT = "document"


# The only steps an account takes (账户状态迁移).
STEPS = {
    (AccountStatus.ACTIVE, AccountStatus.SUSPENDED),
    (AccountStatus.SUSPENDED, AccountStatus.ACTIVE),
    (AccountStatus.ACTIVE, AccountStatus.RELEASING),
    (AccountStatus.RELEASING, AccountStatus.CLOSED),
}

LONGEST_PERIOD = 1200


def clause_value(kind: ClauseKind, value: Any) -> str | int | bool | None:
    """What a release clause asks for, in one form for each kind (条款取值). Raises ValueError."""
    if kind in (ClauseKind.HANDOVER_RATIO, ClauseKind.TRANSFER_RATIO):
        return _ratio(value)
    if kind is ClauseKind.MONTHS_AFTER:
        return _months(value)
    if value is None or value is True:
        return value
    if isinstance(value, str) and 1 <= len(value) <= 200:
        return value
    raise ValueError("须为说明文字、true 或 null。")


def _ratio(value: Any) -> str:
    said = value if isinstance(value, str) else repr(value) if isinstance(value, int | float) else ""
    if not re.fullmatch(r"0(\.[0-9]{1,4})?|1(\.0{1,4})?", said, re.ASCII) or not Decimal(said):
        raise ValueError("须为大于 0、不超过 1 的比例，如 0.90，至多四位小数。")
    return said


def _months(value: Any) -> int:
    said = value if isinstance(value, str) else repr(value)
    if not re.fullmatch(r"[1-9][0-9]{0,3}", said, re.ASCII) or int(said) > LONGEST_PERIOD:
        raise ValueError(f"须为 1 至 {LONGEST_PERIOD} 的整月数。")
    return int(said)


# --- a proposal (监管协议报送) ---


@dataclass(frozen=True, slots=True)
class AccountNamed:
    """The account that an agreement names (协议所定账户)."""

    bank_code: str
    account_no: str
    account_name: str


@dataclass(frozen=True, slots=True)
class ProposalFacts:
    """What is known, under the lock, when a version is proposed (报送事实)."""

    agreement_no: str
    asked: AccountNamed
    opened: AccountNamed | None
    ended: bool
    agreement_project: str | None
    account_project: str | None
    quotas_dropped: tuple[str, ...] = ()


def proposal_refusals(facts: ProposalFacts, law: Law) -> list[Refusal]:
    """Every reason this version may not even wait for officers (不予受理的理由)."""
    found, bound = [], law["agreement_account_once"].citation
    if facts.agreement_project is not None:
        message = f"监管协议 {facts.agreement_no} 已用于项目 {facts.agreement_project}"
        found.append(Refusal("agreement-taken", message, bound))
    if facts.account_project is not None:
        message = f"账户 {facts.asked.account_no} 已是项目 {facts.account_project} 的监管账户"
        found.append(Refusal("account-taken", message, bound))
    if facts.ended:
        message = "项目已解除监管，不再受理新的监管协议"
        found.append(Refusal("project-released", message, law["project_fixed"].citation))
    elif facts.opened is not None and facts.asked != facts.opened:
        message = f"监管账户 {facts.opened.account_no} 已生效，开户行、账号、户名的变更须另行办理"
        found.append(Refusal("account-fixed", message, law["account_change_apart"].citation))
    if facts.quotas_dropped:
        message = f"{'、'.join(facts.quotas_dropped)} 幢已核定监管额度，新版本须逐幢列明，不得漏列"
        found.append(Refusal("quota-missing", message, law["quota_kept"].citation))
    return found


# --- its acceptance (监管协议受理) ---


@dataclass(frozen=True, slots=True)
class AcceptanceFacts:
    """What waits, and who wants to accept what they saw (受理事实)."""

    waiting: bytes | None
    seen: bytes
    first_officer_id: int | None
    officer_id: int


def acceptance_refusals(facts: AcceptanceFacts, law: Law) -> list[Refusal]:
    """Every reason this officer cannot accept this version now (不能受理的理由)."""
    source, found = law["supervision_two_officers"].citation, []
    if facts.waiting is None:
        return [Refusal("nothing-proposed", "没有等待受理的监管协议，可能已由他人受理完毕或已撤回", source)]
    if facts.waiting != facts.seen:
        message = "协议内容在您打开页面之后已变更，请重新核对后再受理"
        found.append(Refusal("proposal-changed", message, source))
    if facts.first_officer_id == facts.officer_id:
        found.append(Refusal("same-officer", "您已受理过这一版本，须由另一人员再次受理", source))
    return found
