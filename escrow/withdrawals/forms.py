"""Applications, contracts and payees as an officer fills them in (用款申请表、白名单登记表)."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from wtforms import Form, SelectField
from wtforms.fields import SelectChoice
from wtforms.validators import ValidationError as FormError

from escrow.fields import (
    ACCOUNT_NO_PATTERN,
    KEY_PATTERN,
    ReadField,
    read_day,
    read_money,
    read_ratio,
    read_text,
)
from escrow.forms import DigestField
from escrow.withdrawals.actions import Application
from escrow.withdrawals.facts import AskedLine
from escrow.withdrawals.payee_rules import KIND_LABELS, PURPOSE_LABELS, PayeeKind, Purpose
from escrow.withdrawals.payees import AskedContract, AskedPayee
from escrow.withdrawals.rules import CHANNEL_LABELS, Channel

LINES, MOST_LINES = 3, 20


class Choice(SelectField):
    """One of a few, none of them chosen beforehand (单选)."""

    def pre_validate(self, form: Any) -> None:
        if not self.data or self.data not in {value for value, *_ in self.iter_choices()}:
            raise FormError("请选择一项。")


def options(named: Iterable[tuple[str, str]]) -> list[SelectChoice]:
    """What may be chosen, nothing first (选项)."""
    return [SelectChoice(value, label) for value, label in (("", "请选择"), *named)]


def _terms(labels: dict[Any, str]) -> list[SelectChoice]:
    return options((str(term.value), label) for term, label in labels.items())


class ConstructionForm(Form):
    """A construction contract (登记施工合同)."""

    contract_no = ReadField("施工合同编号", lambda said: read_text(said, 64))
    contractor = ReadField("承包人", lambda said: read_text(said, 100))
    price = ReadField("合同价（元）", read_money)
    signed_on = ReadField("签订日期", read_day)
    file_hash = DigestField("合同文件")

    def asked(self, account_no: str) -> AskedContract:
        """What is to be registered."""
        return AskedContract(account_no=account_no, **self.data)


class PayeeForm(Form):
    """A payee under a contract (登记收款人)."""

    contract_id = Choice("施工合同")
    kind = Choice("账户种类", choices=_terms(KIND_LABELS))
    name = ReadField("户名", lambda said: read_text(said, 100))
    account_no = ReadField("账号", lambda said: read_text(said, 32, ACCOUNT_NO_PATTERN))
    bank_name = ReadField("开户行", lambda said: read_text(said, 100))
    file_hash = DigestField("开户证明")

    def asked(self) -> AskedPayee:
        """Who is to be listed."""
        said = self.data
        chosen = {"contract_id": int(said["contract_id"]), "kind": PayeeKind(said["kind"])}
        return AskedPayee(**{**said, **chosen})


class CourtOrderForm(Form):
    """The order that lets an approved payment pass a court's hold (补附决定)."""

    order_no = ReadField("决定文号", lambda said: read_text(said, 100))
    file_hash = DigestField("决定文件")


class ApplicationForm(Form):
    """The paper itself (用款申请)."""

    building_no = Choice("楼幢")
    channel = Choice("用款渠道", choices=_terms(CHANNEL_LABELS))
    application_no = ReadField("用款申请文号", lambda said: read_text(said, 64))
    applied_on = ReadField("申请日期", read_day)
    file_hash = DigestField("申请及监理进度证明")
    court_order_no = ReadField(
        "冻结期间准予支付的决定文号", lambda said: read_text(said, 100), optional=True
    )
    court_order_hash = DigestField("决定文件", optional=True)


class LineForm(Form):
    """One payment (用款明细)."""

    payee_id = Choice("收款人")
    purpose = Choice("用途", choices=_terms(PURPOSE_LABELS))
    amount = ReadField("金额（元）", read_money)
    progress = ReadField("监理确认的累计进度", read_ratio)
    invoice_no = ReadField("发票号码", lambda said: read_text(said, 64, KEY_PATTERN).upper())
    invoice_hash = DigestField("发票文件")

    @property
    def is_blank(self) -> bool:
        """Nothing chosen and nothing typed: no payment (空行)."""
        typed = (field.typed if isinstance(field, ReadField) else field.data for field in self)
        return not any(typed)

    def asked(self) -> AskedLine:
        """What is to be paid."""
        said = self.data
        chosen = {"payee_id": int(said["payee_id"]), "purpose": Purpose(said["purpose"])}
        return AskedLine(**{**said, **chosen})


def line_forms(many: int, listed: list[tuple[str, str]], typed: Any = None) -> list[LineForm]:
    """So many blank payments, or what was typed into them (逐笔)."""
    found = [LineForm(typed, prefix=f"line{at}-") for at in range(1, many + 1)]
    for form in found:
        form.payee_id.choices = options(listed)
    return found


def application_of(account_no: str, form: ApplicationForm, lines: list[LineForm]) -> Application:
    """What the filled-in form asks for (所申请的用款)."""
    said = form.data
    return Application(
        account_no=account_no, lines=tuple(line.asked() for line in lines if not line.is_blank),
        **{**said, "channel": Channel(said["channel"])},
    )  # fmt: skip


def read_term(kind: type[StrEnum], said: str) -> Any:
    """A status from the address, None for all (查询条件)."""
    return kind(said) if said in set(kind) else None
