"""Forms of what goes back: a share of a cancelled contract's deposit, another account (退还表单)."""

from collections.abc import Sequence
from typing import Any

from wtforms import SelectField

from escrow.advances.forms import EvidenceForm
from escrow.fields import ACCOUNT_NO_PATTERN, read_text
from escrow.fields import ReadField as Read
from escrow.fund_orders.ended_rules import BEARER_LABELS, EndKind, Part
from escrow.fund_orders.ending import EndAsked
from escrow.fund_orders.return_accounts import AccountAsked


class AccountForm(EvidenceForm):
    """Another account of whoever is to be repaid (改退账户)."""

    account_no = Read("新收款账号", lambda said: read_text(said, 32, ACCOUNT_NO_PATTERN))
    bank = Read("新收款银行", lambda said: read_text(said, 100))

    def asked(self, number: str) -> AccountAsked:
        """As the action takes it (改退)."""
        told: dict[str, Any] = self.data
        return AccountAsked(number, told["account_no"], told["bank"], self.evidence())


class StayForm(EvidenceForm):
    """Which share stays with the unit (留给下一购房人)."""

    share = SelectField("处置哪一份", choices=[])

    def asked(self, contract_no: str) -> EndAsked:
        """As the action takes it (处置)."""
        told: dict[str, Any] = self.data
        return EndAsked(
            contract_no, told["share"], self.evidence(), told.get("account_no") or "", told.get("bank") or ""
        )


class BackForm(StayForm):
    """Which share goes back, and to which account; to whom, the rule says (退还)."""

    account_no = Read("收款账号", lambda said: read_text(said, 32, ACCOUNT_NO_PATTERN))
    bank = Read("收款银行", lambda said: read_text(said, 100))


def form_of(kind: EndKind, due: Sequence[Part], filled: Any = None) -> StayForm:
    """The form with the shares that are still open (表单)."""
    form = BackForm(filled, prefix="back-") if kind is EndKind.RETURN else StayForm(filled, prefix="stay-")
    form.share.choices = [(one.name, _label(one)) for one in due if one.kind is kind]
    return form


def _label(part: Part) -> str:
    whom = "留在房屋" if part.bearer is None else f"退{BEARER_LABELS[part.bearer]}"
    return f"{whom} {part.amount} 元（第 {part.deposit_id} 号交存）"
