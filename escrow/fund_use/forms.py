"""Forms of a use as officers fill them in (维修资金使用表单)."""

import re
from typing import Any

from wtforms import Form, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import ValidationError as FormError
from wtforms.widgets import TextArea

from escrow.errors import Invalid
from escrow.fields import (
    ACCOUNT_NO_PATTERN,
    UNIT_CODE_PATTERN,
    ReadField,
    problem_in_text,
    read_money,
    read_text,
)
from escrow.forms import DigestField
from escrow.fund_use.actions import Application, Paper
from escrow.fund_use.paying import PaymentAsked
from escrow.fund_use.payment_rules import PaymentKind
from escrow.fund_use.rules import (
    CAUSE_LABELS,
    EXCLUSION_LABELS,
    KIND_LABELS,
    MATTER_LABELS,
    PAPER_LABELS,
    WORKS_LABELS,
    Asked,
    Cause,
    Exclusion,
    PaperKind,
    UseKind,
    UseMatter,
)
from escrow.fund_use.vote_rules import BALLOT_LABELS, Ballot
from ledger.money import ZERO

_BALLOTS = {label: ballot for ballot, label in BALLOT_LABELS.items()}
MOST_BALLOTS = 20_000


def read_ballots(said: str) -> dict[str, Ballot]:
    """A line a house: its code, then 同意, 反对 or 弃权 (逐户表决清册). Raises ValueError naming the line."""
    found: dict[str, Ballot] = {}
    lines = said.splitlines()
    if len(lines) > MOST_BALLOTS:
        raise ValueError(f"一次至多 {MOST_BALLOTS} 行。")
    for number, line in enumerate(lines, 1):
        words = re.split(r"[\s,，]+", line.strip())
        if words == [""]:
            continue
        if problem_in_text("".join(words)) or len(words) != 2 or words[1] not in _BALLOTS:
            raise ValueError(f"第 {number} 行：应为“房屋编码 同意”，意见为同意、反对、弃权之一。")
        code = words[0].upper()
        if not re.fullmatch(UNIT_CODE_PATTERN.strip("^$"), code, re.ASCII):
            raise ValueError(f"第 {number} 行：房屋编码须为 28 位不动产单元代码。")
        if code in found:
            raise ValueError(f"第 {number} 行：{code} 已在前面列出。")
        found[code] = _BALLOTS[words[1]]
    if not found:
        raise ValueError("至少填写一户。")
    return found


class Choice(SelectField):
    """One of a few, none of them chosen beforehand (单选)."""

    def pre_validate(self, form: Any) -> None:
        if not self.data or self.data not in {value for value, *_ in self.iter_choices()}:
            raise FormError("请选择一项。")


def _options(labels: dict[Any, str], blank: str = "请选择") -> list[SelectChoice]:
    return [SelectChoice("", blank), *(SelectChoice(str(one), label) for one, label in labels.items())]


_ASKED = {"no": "否", "yes": "是"}


class UseForm(Form):
    """A use as its applicant asks for it; the four questions have no answer beforehand (使用申请)."""

    kind = Choice("种类", choices=_options(KIND_LABELS))
    matter = SelectField(
        "表决事项", choices=[SelectChoice(str(one), label) for one, label in MATTER_LABELS.items()]
    )
    cause = SelectField("应急情形", choices=_options(CAUSE_LABELS, "非应急使用"))
    building = SelectField("范围", choices=list[SelectChoice](), default="")
    title = ReadField("维修事项", lambda said: read_text(said, 100))
    works = Choice("费用类别", choices=_options(WORKS_LABELS))
    contractor = ReadField("施工单位", lambda said: read_text(said, 100))
    budget = ReadField("预算（元）", read_money)
    in_warranty = Choice(EXCLUSION_LABELS[Exclusion.WARRANTY], choices=_options(_ASKED))
    operator_pipes = Choice(EXCLUSION_LABELS[Exclusion.PIPES], choices=_options(_ASKED))
    by_persons = Choice(EXCLUSION_LABELS[Exclusion.PERSONS], choices=_options(_ASKED))
    manager_duty = Choice(EXCLUSION_LABELS[Exclusion.MANAGER], choices=_options(_ASKED))
    plan_issuer = ReadField("方案编制单位", lambda said: read_text(said, 100))
    plan_no = ReadField("方案与预算文号", lambda said: read_text(said, 64))
    plan_hash = DigestField("方案与预算文件")
    proof_issuer = ReadField("鉴定机构（应急）", lambda said: read_text(said, 100), optional=True)
    proof_no = ReadField("鉴定文号（应急）", lambda said: read_text(said, 64), optional=True)
    proof_hash = DigestField("鉴定文件（应急）", optional=True)

    def application(self, community_id: int) -> Application:
        """As the action takes it. Raises Invalid where an emergency lacks its proof or cause."""
        told: dict[str, Any] = self.data
        kind = UseKind(told["kind"])
        papers = [Paper(PaperKind.PLAN, told["plan_issuer"], told["plan_no"], told["plan_hash"])]
        if kind is UseKind.EMERGENCY:
            needed = ("cause", "proof_issuer", "proof_no", "proof_hash")
            if lacking := {name: "应急使用须填写。" for name in needed if not told[name]}:
                raise Invalid(lacking)
            papers.append(
                Paper(PaperKind.PROOF, told["proof_issuer"], told["proof_no"], told["proof_hash"])
            )
        elif told["cause"]:
            raise Invalid({"cause": "一般使用不填应急情形。"})
        asked = Asked(
            kind, UseMatter(told["matter"]), Cause(told["cause"]) if told["cause"] else None,
            told["budget"], frozenset(one for one in Exclusion if told[one.value] == "yes"),
        )  # fmt: skip
        return Application(
            community_id, int(told["building"]) if told["building"] else None, asked, told["title"],
            told["works"], told["contractor"], tuple(papers),
        )  # fmt: skip


class PaperForm(Form):
    """A paper handed in for a step (材料)."""

    issuer = ReadField("出具人", lambda said: read_text(said, 100))
    document_no = ReadField("文号", lambda said: read_text(said, 64))
    file_hash = DigestField("文件")

    def paper(self, kind: PaperKind) -> Paper:
        """As the action takes it (材料)."""
        told: dict[str, Any] = self.data
        return Paper(kind, told["issuer"], told["document_no"], told["file_hash"])


class VoteForm(PaperForm):
    """Who said what, house by house (表决登记)."""

    ballots = ReadField("逐户意见", read_ballots, widget=TextArea(), render_kw={"rows": 8})

    def said(self) -> dict[str, Ballot]:
        """The ballots as the action takes them (逐户意见)."""
        told: dict[str, Any] = self.data
        return dict(told["ballots"])


class AdvanceForm(PaperForm):
    """How much is paid before the works, and to which account of the contractor (预付)."""

    amount = ReadField("预付金额（元）", read_money)
    account_no = ReadField("施工单位收款账号", lambda said: read_text(said, 32, ACCOUNT_NO_PATTERN))
    bank = ReadField("收款银行", lambda said: read_text(said, 100))

    def asked(self) -> PaymentAsked:
        """As the action takes it (预付)."""
        told: dict[str, Any] = self.data
        papers = (self.paper(PaperKind.ADVANCE),)
        return PaymentAsked(PaymentKind.ADVANCE, told["amount"], told["account_no"], told["bank"], papers)


class FinalForm(PaperForm):
    """What the works cost in the end, with the review of prices where it is needed (结算)."""

    amount = ReadField("结算总价（元）", read_money)
    account_no = ReadField("施工单位收款账号", lambda said: read_text(said, 32, ACCOUNT_NO_PATTERN))
    bank = ReadField("收款银行", lambda said: read_text(said, 100))
    review_issuer = ReadField("造价审核单位", lambda said: read_text(said, 100), optional=True)
    review_no = ReadField("造价审核报告文号", lambda said: read_text(said, 64), optional=True)
    review_hash = DigestField("造价审核报告", optional=True)

    def asked(self) -> PaymentAsked:
        """As the action takes it. Raises Invalid where the review is half filled in (结算)."""
        told: dict[str, Any] = self.data
        papers = [self.paper(PaperKind.SETTLEMENT)]
        review = [told["review_issuer"], told["review_no"], told["review_hash"]]
        if any(review) and not all(review):
            raise Invalid({self.review_no.name: "造价审核单位、文号与文件须一并填写。"})
        if all(review):
            papers.append(Paper(PaperKind.REVIEW, *review))
        return PaymentAsked(
            PaymentKind.FINAL, told["amount"], told["account_no"], told["bank"], tuple(papers)
        )


class EndForm(PaperForm):
    """Nothing will be built: what is held goes free (终止)."""

    def asked(self) -> PaymentAsked:
        """As the action takes it (终止)."""
        return PaymentAsked(PaymentKind.END, ZERO, "", "", (self.paper(PaperKind.END),))


def papers_named() -> dict[str, str]:
    """What the kinds of papers are called (材料名称)."""
    return {one.value: label for one, label in PAPER_LABELS.items()}
