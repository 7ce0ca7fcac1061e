"""The application for a refund as an officer fills it in (退款申请表)."""

from typing import Any

from wtforms import Form

from escrow.errors import Invalid
from escrow.fields import ACCOUNT_NO_PATTERN, ReadField, read_day, read_money, read_text
from escrow.forms import DigestField
from escrow.refunds.actions import AskedPart, OtherPayee, Proof, RefundAsked
from escrow.refunds.facts import Paid


def read_account(said: str) -> str:
    """A bank account's number (银行账号)."""
    return read_text(said, 32, ACCOUNT_NO_PATTERN)


class RefundForm(Form):
    """The paper itself (退款申请)."""

    application_no = ReadField("退款申请文号", lambda said: read_text(said, 64))
    applied_on = ReadField("申请日期", read_day)
    file_hash = DigestField("申请及注销证明文件")
    proof_no = ReadField("改退他人的证明文号", lambda said: read_text(said, 64), optional=True)
    proof_hash = DigestField("改退他人的证明文件", optional=True)


class PartForm(Form):
    """One receipt: how much of it, and to whom if not to its payer (退款明细)."""

    amount = ReadField("退款金额（元）", read_money, optional=True)
    name = ReadField("改退收款人", lambda said: read_text(said, 100), optional=True)
    account_no = ReadField("改退账号", read_account, optional=True)
    bank_name = ReadField("改退开户行", lambda said: read_text(said, 100), optional=True)

    def asked(self, receipt_no: str) -> AskedPart | None:
        """What is asked back of this receipt; None where nothing is (本笔所退). Raises Invalid."""
        said = self.data
        payee = (said["name"], said["account_no"], said["bank_name"])
        if said["amount"] is None and not any(payee):
            return None
        if said["amount"] is None:
            raise Invalid({f"{receipt_no}-amount": "填了改退账户的，须填退款金额。"})
        if any(payee) and not all(payee):
            raise Invalid({f"{receipt_no}-account_no": "改退他人须填收款人、账号与开户行。"})
        other = OtherPayee(*payee) if all(payee) else None
        return AskedPart(receipt_no, said["amount"], other)


def part_forms(paid: dict[str, Paid], typed: Any = None) -> dict[str, PartForm]:
    """A form for each receipt that money may still go back of (逐笔)."""
    return {
        number: PartForm(typed, prefix=f"{number}-")
        for number, one in paid.items()
        if not one.is_reversed and one.refundable.fen
    }


def asked_of(contract_no: str, form: RefundForm, lines: dict[str, PartForm]) -> RefundAsked:
    """What the filled-in form asks for (所申请的退款). Raises Invalid."""
    said = form.data
    proof = (said["proof_no"], said["proof_hash"])
    if any(proof) and not all(proof):
        raise Invalid({"proof_no": "证明文号与证明文件须一并提供。"})
    parts = (line.asked(number) for number, line in lines.items())
    return RefundAsked(
        contract_no=contract_no, application_no=said["application_no"], applied_on=said["applied_on"],
        file_hash=said["file_hash"], parts=tuple(part for part in parts if part is not None),
        proof=Proof(*proof) if all(proof) else None,
    )  # fmt: skip
