"""The claim as an officer fills it in: evidence and its rows (认领表)."""

from typing import Any

from wtforms import Form, SelectField

from escrow.claims.actions import ClaimAsked, Evidence, ReturnAsked, SettleAsked
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


# A select's blank is no choice: what no reversal left owing has a name of its own.
SHORTAGE = "shortage"


class SettleForm(EvidenceForm):
    """Of which debt of the bank it is the correction, and how much of it (冲抵)."""

    receivable = SelectField("冲哪一笔应收银行更正款", validate_choice=False)
    amount = ReadField("冲抵金额（元）", read_money)

    def asked(self, receipt_no: str) -> SettleAsked:
        """As the action takes it (冲抵)."""
        amount: Any = self.amount.data
        said = str(self.receivable.data or "")
        return SettleAsked(receipt_no, self.evidence(), amount, "" if said == SHORTAGE else said[:40])


def settle_form(rows: list[Any]) -> SettleForm:
    """The form with the bank's debts to choose from (可冲抵的各笔)."""
    form = SettleForm(prefix="settle-")
    form.receivable.choices = [(row.key or SHORTAGE, _owed(row)) for row in rows]
    return form


def _owed(row: Any) -> str:
    of = f"入账 {row.receipt_no} 的冲正" if row.receipt_no else "银行少款"
    return f"{of}，尚欠 {Yuan.from_fen(row.balance)} 元"


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
