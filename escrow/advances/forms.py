"""Forms of deposits and repayments as officers fill them in (交存与归还表单)."""

from typing import Any

from wtforms import Form, SelectField
from wtforms.fields.choices import SelectChoice

from escrow.advances.apart_rules import Payee
from escrow.advances.deciding import ClaimAsked, Evidence, ReturnAsked
from escrow.advances.repaying import Repayment
from escrow.advances.rules import PAYER_LABELS, PayerKind
from escrow.errors import Invalid
from escrow.fields import ACCOUNT_NO_PATTERN, UNIT_CODE_PATTERN, ReadField, read_day, read_money, read_text
from escrow.forms import DigestField
from ledger.money import Yuan

# More houses than an owner ever pays for at once; a developer's lump sum is spread building by building.
ROWS = 5
_PAYERS = [SelectChoice(kind.value, label) for kind, label in PAYER_LABELS.items()]


def _read_code(said: str) -> str:
    return read_text(said.upper(), 28, UNIT_CODE_PATTERN)


class EvidenceForm(Form):
    """The paper that says whose money it is (依据)."""

    document_no = ReadField("依据文号", lambda said: read_text(said, 64))
    file_hash = DigestField("依据文件")
    note = ReadField("说明", lambda said: read_text(said, 200))

    def evidence(self) -> Evidence:
        """As the action takes it (依据)."""
        return Evidence(str(self.document_no.data), str(self.file_hash.data), str(self.note.data))


class ClaimForm(EvidenceForm):
    """Whose deposit it is (按谁的交存记)."""

    payer_kind = SelectField("按谁的交存记", choices=_PAYERS)

    def payer(self) -> PayerKind:
        """Who paid (付款人身份)."""
        return PayerKind(self.payer_kind.data)


class ShareForm(Form):
    """One house and its part (份额)."""

    unit_code = ReadField("房屋编码", _read_code, optional=True)
    amount = ReadField("金额（元）", read_money, optional=True)


class ReturnForm(EvidenceForm):
    """How much goes back, and to which account; to whom, the rule says (退还)."""

    amount = ReadField("退还金额（元）", read_money)
    account_no = ReadField("收款账号", lambda said: read_text(said, 32, ACCOUNT_NO_PATTERN))
    bank = ReadField("收款银行", lambda said: read_text(said, 100))

    def asked(self, apart_id: int, payee: Payee) -> ReturnAsked:
        """As the action takes it (退还)."""
        told: dict[str, Any] = self.data
        return ReturnAsked(
            apart_id, told["amount"], payee, told["account_no"], told["bank"], self.evidence()
        )


class RepaymentForm(Form):
    """What the buyer has given the developer (归还)."""

    amount = ReadField("归还金额（元）", read_money)
    repaid_on = ReadField("归还日期", read_day)
    evidence_no = ReadField("收据或交接单编号", lambda said: read_text(said, 64))
    file_hash = DigestField("凭据文件")

    def asked(self, unit_code: str) -> Repayment:
        """As the action takes it (归还)."""
        told: dict[str, Any] = self.data
        return Repayment(unit_code, told["amount"], told["repaid_on"], told["evidence_no"])


def share_forms(filled: Any = None) -> list[ShareForm]:
    """The rows of a claim (归入各行)."""
    return [ShareForm(filled, prefix=f"share{place}-") for place in range(ROWS)]


def claim_of(apart_id: int, form: ClaimForm, rows: list[ShareForm]) -> ClaimAsked:
    """The claim as the action takes it (归入). Raises Invalid where a row is half filled in."""
    shares: list[tuple[str, Yuan]] = []
    for place, row in enumerate(rows, 1):
        code, amount = row.unit_code.data, row.amount.data
        if bool(code) != bool(amount):
            raise Invalid({row.amount.name: f"第 {place} 行的房屋编码与金额须一并填写。"})
        if code:
            shares.append((code, amount))
    return ClaimAsked(apart_id, form.payer(), tuple(shares), form.evidence())
