"""How much of a building's money stays locked, and how each movement divides key from general (监管额度). Pure.

T = 2111 + 2112 is what the building holds, L the level to keep: 2111 = min(T, L) after every entry (I3).
Floor: L = min(quota - guarantee, quota - released). Draw-down: L = quota - guarantee - key funds paid.
Without a quota everything is locked (全额监管).
"""

from dataclasses import dataclass, replace

from escrow.supervision.rules import QuotaMode
from ledger.money import ZERO, Yuan


@dataclass(frozen=True, slots=True)
class Position:
    """What one building holds and what it must keep (楼幢资金状况). `quota` None: 全额监管."""

    mode: QuotaMode
    key_funds: Yuan
    general: Yuan
    quota: Yuan | None = None
    guarantee: Yuan = ZERO
    released: Yuan = ZERO
    key_paid: Yuan = ZERO

    @property
    def held(self) -> Yuan:
        """T: everything the building holds (楼幢资金合计)."""
        return self.key_funds + self.general

    @property
    def level(self) -> Yuan | None:
        """L: what must stay locked; None where everything must (应留存额)."""
        if self.quota is None:
            return None
        if self.mode is QuotaMode.FLOOR:
            kept = min(self.quota - self.guarantee, self.quota - self.released)
        else:
            kept = self.quota - self.guarantee - self.key_paid
        return max(kept, ZERO)

    @property
    def key_due(self) -> Yuan:
        """What 2111 must be: min(T, L) (重点监管资金应有额)."""
        return self.held if self.level is None else min(self.held, self.level)

    @property
    def shortfall(self) -> Yuan:
        """How far the money falls below the level: a fact to report, not to clamp (低于额度的差额)."""
        return ZERO if self.level is None else max(self.level - self.held, ZERO)

    @property
    def key_payable(self) -> Yuan:
        """What the reached nodes still allow from key funds, draw-down only (重点资金可拨额)."""
        if self.quota is None or self.mode is QuotaMode.FLOOR:
            return ZERO
        return min(max(self.released - self.key_paid, ZERO), self.key_funds)


@dataclass(frozen=True, slots=True)
class Split:
    """An amount, divided between the two kinds of money (重点与一般的划分)."""

    key_funds: Yuan
    general: Yuan


def into(position: Position, amount: Yuan) -> Split:
    """Money that comes in: key funds up to the level, the rest general (P1)."""
    after = replace(position, general=position.general + amount)
    key = after.key_due - position.key_funds
    return Split(key, amount - key)


def out_of(position: Position, amount: Yuan) -> Split:
    """Money that goes whatever its purpose: general first, then key funds (P4, P16, P18d).

    Raises ValueError where the building does not hold so much.
    """
    if amount > position.held:
        raise ValueError("楼幢资金不足")
    left = position.held - amount
    key_left = left if position.level is None else min(left, position.level)
    key = position.key_funds - key_left
    return Split(key, amount - key)


def resplit(position: Position) -> Yuan:
    """What moves from general to key when the level changed; below zero: from key to general (RECLASS)."""
    return position.key_due - position.key_funds
