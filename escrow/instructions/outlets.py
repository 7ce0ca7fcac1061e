"""Other accounts whose orders go to their banks by these doors: each room hands in its own outlet (指令出口)."""

from typing import Any, Protocol

from sqlalchemy.orm import Session

from config.settings import Settings
from escrow.instructions.results import Result
from escrow.instructions.rules import InstructionStatus

Told = dict[str, str | None]


class Outlet(Protocol):
    """Orders of one room, numbered with ours and answered like ours (一类账户的指令)."""

    def page(
        self, session: Session, bank: str, told: Settings, *, status: InstructionStatus | None,
        before: int | None, limit: int,
    ) -> list[tuple[int, Told]]:  # fmt: skip
        """The bank's orders, newest first, each with its key (银行的指令清单)."""
        ...

    def one(self, session: Session, bank: str, number: str, told: Settings) -> Told | None:
        """One order of the bank, None where there is no such (一件指令)."""
        ...

    def knows(self, session: Session, number: str) -> bool:
        """Whether the order is one of these (是否属此)."""
        ...

    def record(self, session: Session, result: Result, bank: str, told: Settings) -> dict[str, Any]:
        """Take the bank's answer (接收结果)."""
        ...

    def overdue(self, session: Session) -> list[str]:
        """Orders the bank has not answered in time (逾时未答)."""
        ...

    def ask_about(self, session: Session, number: str) -> bool:
        """An unanswered order is UNKNOWN; whether it was one (转为不明)."""
        ...


OUTLETS: dict[str, Outlet] = {}


def outlet_of(session: Session, number: str) -> Outlet | None:
    """Whose order this is, None where it is ours or nobody's (指令归属)."""
    return next((one for one in OUTLETS.values() if one.knows(session, number)), None)
