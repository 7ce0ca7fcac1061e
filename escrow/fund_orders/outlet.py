"""The fund's orders at the bank's doors, beside all other orders (维修资金指令出口)."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from config.settings import Settings
from escrow.fund_orders import results
from escrow.fund_orders.issuing import for_bank
from escrow.fund_orders.models import FundOrder
from escrow.instructions.outlets import Told
from escrow.instructions.results import Result
from escrow.instructions.rules import InstructionStatus
from escrow.maintenance.models import FundAccount


class FundOutlet:
    """Orders from fund accounts (维修资金指令)."""

    def page(
        self, session: Session, bank: str, told: Settings, *, status: InstructionStatus | None,
        before: int | None, limit: int,
    ) -> list[tuple[int, Told]]:  # fmt: skip
        """Newest first (银行的指令清单)."""
        wanted = _orders(bank).order_by(FundOrder.id.desc()).limit(limit)
        if status is not None:
            wanted = wanted.where(FundOrder.status == status)
        if before is not None:
            wanted = wanted.where(FundOrder.id < before)
        return [
            (row.FundOrder.id, for_bank(row.FundOrder, row.account_no, told))
            for row in session.execute(wanted)
        ]

    def one(self, session: Session, bank: str, number: str, told: Settings) -> Told | None:
        """One order of the bank (一件指令)."""
        row = session.execute(_orders(bank).where(FundOrder.instruction_no == number)).one_or_none()
        return for_bank(row.FundOrder, row.account_no, told) if row else None

    def knows(self, session: Session, number: str) -> bool:
        """Whether it pays from a fund account (是否维修资金指令)."""
        return session.scalar(select(FundOrder.id).where(FundOrder.instruction_no == number)) is not None

    def record(self, session: Session, result: Result, bank: str, told: Settings) -> dict[str, Any]:
        """Take the bank's answer (接收结果)."""
        return results.record(session, result, bank, told)

    def overdue(self, session: Session) -> list[str]:
        """Not answered in time (逾时未答)."""
        return results.overdue(session)

    def ask_about(self, session: Session, number: str) -> bool:
        """UNKNOWN from here on (转为不明)."""
        return results.ask_about(session, number)


def _orders(bank: str) -> Any:
    return (
        select(FundOrder, FundAccount.account_no)
        .join(FundAccount, FundAccount.id == FundOrder.fund_account_id)
        .where(FundAccount.bank_code == bank)
    )
