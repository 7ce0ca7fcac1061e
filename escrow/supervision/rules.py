"""When a supervision agreement takes effect, and what an account may do (监管协议与账户). Pure."""

from enum import StrEnum


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


class ProjectStatus(StrEnum):
    """What the outside is told of a project, read from its account (项目监管状态)."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RELEASED = "released"


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
