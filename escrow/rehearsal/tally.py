"""What was done and what was answered, counted by those who did it (计数)."""

import threading
from collections import Counter
from dataclasses import dataclass, field


def fen(amount: str) -> int:
    """Whole fen of a yuan text (元转分)."""
    yuan, _, rest = amount.partition(".")
    return int(yuan) * 100 + int(rest)


def yuan(amount: int) -> str:
    """A yuan text of whole fen (分转元)."""
    return f"{amount // 100}.{amount % 100:02d}"


@dataclass(slots=True)
class Tally:
    """Counts over all windows (合计)."""

    contracts: Counter[str] = field(default_factory=Counter)
    courses: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    money_in: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    unmatched: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def drafted(self, course: str) -> None:
        with self.lock:
            self.contracts["草拟"] += 1
            self.courses[course] += 1

    def filed(self) -> None:
        with self.lock:
            self.contracts["备案"] += 1

    def refused_for(self, codes: list[str]) -> None:
        """A check said no; every reason counts."""
        with self.lock:
            self.contracts["核对不通过"] += 1
            self.refused.update(codes)

    def paid(self, account_no: str, amount: str, *, channel: str, unmatched: str) -> None:
        """Money has come in."""
        with self.lock:
            self.money_in[channel] += fen(amount)
            self.held[account_no] += fen(amount)
            self.unmatched[account_no] += fen(unmatched)

    def taken_back(self, account_no: str, amount: str) -> None:
        """A bank has taken its own error back."""
        with self.lock:
            self.money_in["冲正（负）"] -= fen(amount)
            self.held[account_no] -= fen(amount)

    def fault(self, said: str) -> None:
        """Something was not as expected."""
        with self.lock:
            self.faults.append(said)
