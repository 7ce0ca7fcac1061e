"""The claim as an officer fills it in: evidence and its rows (认领表)."""

from typing import Any

from wtforms import Form

from escrow.claims.actions import ClaimAsked, Evidence, ReturnAsked
from escrow.errors import Invalid
from escrow.fields import KEY_PATTERN, ReadField, read_money, read_text
from escrow.forms import DigestField
from ledger.money import Yuan

# More parts than a payer ever names at once; a further claim takes the rest.
ROWS = 5


class EvidenceForm(Form):
    """The paper that says whose money it is (依据)."""

    document_no = ReadField("依据文号", lambda said: read_text(said, 64))
    file_hash = DigestField("依据文件")
    note = ReadField("说明", lambda said: read_text(said, 200))

    def evidence(self) -> Evidence:
        """As the action takes it (依据)."""
        return Evidence(str(self.document_no.data), str(self.file_hash.data), str(self.note.data))


class ShareForm(Form):
    """One row of a split (份额)."""

    notice_no = ReadField("通知书号", lambda said: read_text(said, 64, KEY_PATTERN), optional=True)
    amount = ReadField("金额（元）", read_money, optional=True)


class ReturnForm(EvidenceForm):
    """How much goes back (退回)."""

    amount = ReadField("退回金额（元）", read_money)

    def asked(self, receipt_no: str) -> ReturnAsked:
        """As the action takes it (退回)."""
        amount: Any = self.amount.data
        return ReturnAsked(receipt_no, self.evidence(), amount)


def share_forms(filled: Any = None) -> list[ShareForm]:
    """The rows of a split (分拆各行)."""
    return [ShareForm(filled, prefix=f"share{place}-") for place in range(ROWS)]


def asked_of(receipt_no: str, form: EvidenceForm, rows: list[ShareForm]) -> ClaimAsked:
    """The claim as the action takes it (认领). Raises Invalid where a row is half filled in."""
    shares: list[tuple[str, Yuan]] = []
    for place, row in enumerate(rows, 1):
        number, amount = row.notice_no.data, row.amount.data
        if bool(number) != bool(amount):
            raise Invalid({"shares": f"第 {place} 行的通知书号与金额须一并填写。"})
        if number:
            shares.append((number, amount))
    return ClaimAsked(receipt_no, form.evidence(), tuple(shares))
