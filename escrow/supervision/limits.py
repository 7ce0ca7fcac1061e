"""What may leave a supervised account: a building's own limit, capped by the account's cash (可拨付额度). Pure.

A building: 2112 - 8301 - 8302. The account: 1101 less what is owed to others, less all key funds, less what
a court holds, less what is already promised. So what is payable never exceeds the cash (I11).
"""

from dataclasses import dataclass

from escrow import chart
from escrow.supervision.levels import Position
from ledger.money import ZERO, Yuan

# Money in the account that belongs to nobody's general funds (账户内另有归属的资金).
OWED = (
    chart.UNMATCHED, chart.RETURN_TO_PAYER, chart.PAYMENT_IN_TRANSIT, chart.REFUND_IN_TRANSIT,
    chart.REFUND_PAYABLE, chart.INTEREST, chart.RELEASED_PAYABLE, chart.BANK_SURPLUS,
)  # fmt: skip
# What an account's limits are read from (限额所据科目).
LIMIT_CODES = (
    chart.DEPOSITS_AT_BANK, *OWED, chart.KEY_FUNDS, chart.WITHDRAWAL_HOLD, chart.REFUND_HOLD,
    chart.JUDICIAL_HOLD,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the sum that a limit is, for whoever wants to check it (算式的一项)."""

    label: str
    amount: Yuan
    sign: str


@dataclass(frozen=True, slots=True)
class AccountFunds:
    """One account by heading, over all its buildings (账户资金状况)."""

    by_code: dict[str, Yuan]

    def of(self, *codes: str) -> Yuan:
        """The sum of some headings (科目合计)."""
        return sum((self.by_code.get(code, ZERO) for code in codes), ZERO)

    @property
    def promised(self) -> Yuan:
        """What approvals have set apart: withdrawals and refunds (已占用)."""
        return self.of(chart.WITHDRAWAL_HOLD, chart.REFUND_HOLD)

    @property
    def cash(self) -> Yuan:
        """General funds the bank really holds; below zero when the bank is short (账户可动用现金)."""
        return self.of(chart.DEPOSITS_AT_BANK) - self.of(*OWED) - self.of(chart.KEY_FUNDS)

    @property
    def frozen(self) -> Yuan:
        """What a court's hold really keeps here: no more than there is, however large it is (实际冻结)."""
        return min(self.of(chart.JUDICIAL_HOLD), max(self.cash - self.promised, ZERO))

    def free(self, *, past_court: bool = False) -> Yuan:
        """What no hold has set apart; construction payments may pass a court's hold by the bureau's order."""
        return self.cash - self.promised - (ZERO if past_court else self.frozen)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one building may pay now (楼幢可拨付额度)."""

    position: Position
    withdrawals_held: Yuan
    refunds_held: Yuan
    account: AccountFunds

    def payable(self, *, past_court: bool = False) -> Yuan:
        """General funds that may be promised to a payee, never below zero (一般资金可拨额)."""
        own = self.position.general - self.withdrawals_held - self.refunds_held
        return max(min(own, self.account.free(past_court=past_court)), ZERO)

    def key_payable(self, *, past_court: bool = False) -> Yuan:
        """Key funds the reached nodes allow, draw-down only; none past a court's hold without the order."""
        if self.account.of(chart.JUDICIAL_HOLD) > ZERO and not past_court:
            return ZERO
        return self.position.key_payable

    @property
    def uncovered(self) -> bool:
        """Whether what was promised is no longer covered by general funds (占用已无资金支持)."""
        return self.position.general < self.withdrawals_held + self.refunds_held

    def building_terms(self) -> list[Term]:
        """How the building's own limit comes about (本幢算式)."""
        own = self.position.general - self.withdrawals_held - self.refunds_held
        return [
            Term("本幢一般监管资金（2112）", self.position.general, ""),
            Term("本幢已核准用款的占用（8301）", self.withdrawals_held, "−"),
            Term("本幢已核准退款的占用（8302）", self.refunds_held, "−"),
            Term("本幢可用", own, "="),
        ]

    def account_terms(self, *, past_court: bool = False) -> list[Term]:
        """How the account's cash caps it; headings that hold nothing are left out (账户算式)."""
        others = (*OWED, chart.KEY_FUNDS, chart.WITHDRAWAL_HOLD, chart.REFUND_HOLD)
        taken = [(f"{chart.HEADINGS[code].label}（{code}）", self.account.of(code)) for code in others]
        if not past_court:
            taken.append(("司法冻结（8303，以可动用的为限）", self.account.frozen))
        return [
            Term("监管专户存款（1101）", self.account.of(chart.DEPOSITS_AT_BANK), ""),
            *(Term(label, amount, "−") for label, amount in taken if amount != ZERO),
            Term("账户可动用", self.account.free(past_court=past_court), "="),
        ]
