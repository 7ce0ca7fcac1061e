"""When a registration may be taken as a fact (登记事实的确认). Pure."""

from enum import StrEnum


class RegistrationSource(StrEnum):
    """Who made the registration known (登记事实来源)."""

    SYSTEM = "system"
    MANUAL = "manual"


class RegistrationStatus(StrEnum):
    """A first registration entered by hand waits for a second officer (确认状态)."""

    ENTERED = "entered"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
