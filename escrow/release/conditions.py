"""One precondition of a release: met or not, why, and where it is written (解除监管条件). Pure."""

from dataclasses import asdict, dataclass
from typing import Any

from escrow import chart
from escrow.errors import Refusal
from ledger.money import ZERO, Yuan


@dataclass(frozen=True, slots=True)
class Condition:
    """One precondition (条件)."""

    code: str
    label: str
    met: bool
    message: str
    citation: str

    def refusal(self) -> Refusal:
        """This condition as a reason to refuse (不予办理的理由)."""
        return Refusal(self.code, self.message, self.citation)

    def stored(self) -> dict[str, Any]:
        """As a decision keeps it (随决定存档)."""
        return asdict(self)


def unsettled(label: str, code: str, amount: Yuan, items: str | None) -> str:
    """What is open under a heading, by name, if anything; of a court's hold the name says how much (未结清)."""
    if amount == ZERO:
        return f"{label}（{code}）余额为零"
    if code == chart.JUDICIAL_HOLD and items:
        return f"{label}（{code}）尚未解除：{items}"
    return f"{label}（{code}）尚有 {amount} 元未结清" + (f"：{items}" if items else "")
