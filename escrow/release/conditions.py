"""One precondition of a release: met or not, why, and where it is written (解除监管条件). Pure."""

from dataclasses import asdict, dataclass
from typing import Any

from escrow.errors import Refusal


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
