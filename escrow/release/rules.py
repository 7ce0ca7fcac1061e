"""When supervision may end: first registration always, the agreement's clauses in addition (解除监管). Pure."""

from enum import StrEnum


class ReleaseStatus(StrEnum):
    """Life of one application for release (解除监管申请状态)."""

    ENTERED = "entered"
    APPROVED = "approved"
    REJECTED = "rejected"


class EvidenceStatus(StrEnum):
    """A filed paper waits for a second officer (佐证材料状态)."""

    ENTERED = "entered"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
