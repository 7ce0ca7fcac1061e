"""Doors of supervision: the agreement as the platform proposes it, the account as its bank sees it (监管接口)."""

from typing import Any

from flask import Response
from marshmallow import Schema, ValidationError, fields, post_load, validates_schema
from sqlalchemy import select

from config.clock import bureau_time, now
from escrow import chart
from escrow.doors import PROBLEM, Problem, answer, api_blueprint, caller, database, known_number, scope
from escrow.errors import NotFound
from escrow.fields import (
    ACCOUNT_NO_PATTERN,
    MONEY_PATTERN,
    StrictSchema,
    Whole,
    choice,
    day,
    key,
    money,
    ratio,
    read_text,
    text,
)
from escrow.supervision.actions import Proposal, propose
from escrow.supervision.models import SupervisedAccount
from escrow.supervision.quota_bases import Basis, BasisKind, CreditGrade, Delivery
from escrow.supervision.rules import AccountStatus, AgreementStatus, ClauseKind, QuotaMode, clause_value
from ledger.accounts import balances
from ledger.money import ZERO

api = api_blueprint("supervision", "监管协议与监管账户")

EXAMPLE_CLAUSES = {
    "quota_mode": "floor",
    "quotas": [{"building_no": "1", "amount": "18000000.00"}],
    "nodes": [
        {"node": "主体结构封顶", "locked_ratio": "0.40"},
        {"node": "竣工验收备案", "locked_ratio": "0.05"},
    ],
    "excess_use": "超出监管额度的部分，经核准可用于本项目有关的工程建设",
    "release": [{"kind": "handover_ratio", "value": "0.90", "clause": "第十二条：已售房屋交付比例达到 90%"}],
    "review_days": 3,
}
EXAMPLE = {
    "agreement_no": "JKJG2026001", "bank_code": "ICBC", "account_no": "6222021410001234567",
    "account_name": "交口县云水置业有限公司预售资金监管专户", "signed_on": "2026-09-10", "clauses": EXAMPLE_CLAUSES,
}  # fmt: skip
EXAMPLE_ANSWER = {
    "project_no": "JK2026001", "version": 1, "status": "proposed", **EXAMPLE,
    "proposed_at": "2026-09-11T09:30:00+08:00",
}  # fmt: skip
EXAMPLE_ACCOUNT = {
    "account_no": "6222021410001234567", "account_name": "交口县云水置业有限公司预售资金监管专户", "status": "active",
    "book_balance": "350000.00", "unmatched": "0.00", "as_of": "2026-11-20T10:12:03+08:00",
}  # fmt: skip


class BasisSchema(StrictSchema):
    """What a quota is reckoned on (核定依据): the figures of its kind, and no others."""

    kind = choice(BasisKind, required=True)
    delivery = choice(Delivery)
    average_price = money(metadata={"description": "备案均价，元/平方米"})
    cost = money(metadata={"description": "该幢工程总造价，元"})
    credit_grade = choice(CreditGrade)

    @post_load
    def to_stored(self, data: dict[str, Any], **_: Any) -> dict[str, str]:
        basis = Basis(**data)
        if basis.kind is BasisKind.WHOLE:
            raise ValidationError({"kind": ["全额监管的楼幢不列额度。"]})
        if faults := basis.faults():
            raise ValidationError({name: [said] for name, said in faults.items()})
        return basis.stored()


class QuotaSchema(StrictSchema):
    """The supervised quota of one building, not below what its basis comes to (监管额度)."""

    building_no = text(32, required=True)
    amount = money(required=True)
    basis = fields.Nested(BasisSchema, metadata={"description": "核定依据；写明的，额度不得低于依此核定的数"})


class NodeSchema(StrictSchema):
    """How much of the quota stays locked at a construction node (工程节点)."""

    node = text(64, required=True)
    locked_ratio = ratio(required=True)


class ReleaseClauseSchema(StrictSchema):
    """One condition of release in addition to first registration (解除监管附加条款)."""

    kind = choice(ClauseKind, required=True)
    value = fields.Raw(
        allow_none=True, load_default=None,
        metadata={
            "type": ["string", "number", "boolean", "null"],
            "description": "比例类为大于 0、不超过 1 的小数；months_after 为整月数；其余为说明文字、true 或 null",
        },
    )  # fmt: skip
    clause = text(500, required=True)

    @post_load
    def to_stored(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        try:
            if isinstance(data["value"], str):
                read_text(data["value"], 200)
            return {**data, "kind": data["kind"].value, "value": clause_value(data["kind"], data["value"])}
        except ValueError as fault:
            raise ValidationError({"value": [str(fault)]}) from None


class ClausesSchema(StrictSchema):
    """The agreement's clauses as data (协议条款)."""

    quota_mode = choice(QuotaMode, required=True)
    quotas = fields.List(fields.Nested(QuotaSchema), required=True)
    nodes = fields.List(fields.Nested(NodeSchema), required=True)
    excess_use = text(500, required=True, allow_none=True)
    release = fields.List(fields.Nested(ReleaseClauseSchema), required=True)
    review_days = Whole(1, 365, required=True)

    @validates_schema
    def each_once(self, data: dict[str, Any], **_: Any) -> None:
        for name, named in (("quotas", "building_no"), ("nodes", "node")):
            seen: set[str] = set()
            for at, line in enumerate(data[name]):
                if line[named] in seen:
                    raise ValidationError({name: {at: {named: ["与前面的重复。"]}}})
                seen.add(line[named])

    @post_load
    def to_stored(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        quotas = [{**quota, "amount": str(quota["amount"])} for quota in data["quotas"]]
        nodes = [{**node, "locked_ratio": str(node["locked_ratio"])} for node in data["nodes"]]
        return {**data, "quota_mode": data["quota_mode"].value, "quotas": quotas, "nodes": nodes}


class AgreementSchema(StrictSchema):
    """A supervision agreement as proposed (监管协议)."""

    agreement_no = text(64, required=True)
    bank_code = key(required=True)
    account_no = text(32, ACCOUNT_NO_PATTERN, required=True)
    account_name = text(200, required=True)
    signed_on = day(required=True)
    clauses = fields.Nested(ClausesSchema, required=True)

    @post_load
    def to_proposal(self, data: dict[str, Any], **_: Any) -> Proposal:
        return Proposal(**data)


class AgreementAnswer(Schema):
    """The version that now stands (监管协议现状)."""

    project_no = fields.String(required=True)
    version = fields.Integer(required=True)
    status = fields.String(required=True, metadata={"enum": [status.value for status in AgreementStatus]})
    agreement_no = fields.String(required=True)
    bank_code = fields.String(required=True)
    account_no = fields.String(required=True)
    account_name = fields.String(required=True)
    signed_on = fields.String(required=True, metadata={"format": "date"})
    clauses = fields.Nested(ClausesSchema, required=True)
    proposed_at = fields.String(required=True, metadata={"format": "date-time"})


class AccountAnswer(Schema):
    """A supervised account and its book (监管账户)."""

    account_no = fields.String(required=True)
    account_name = fields.String(required=True)
    status = fields.String(
        required=True,
        metadata={"enum": [one.value for one in AccountStatus if one is not AccountStatus.PROPOSED]},
    )
    book_balance = fields.String(required=True, metadata={"pattern": MONEY_PATTERN})
    unmatched = fields.String(required=True, metadata={"pattern": MONEY_PATTERN})
    as_of = fields.String(required=True, metadata={"format": "date-time"})


@api.route("/projects/<project_no>/supervision", methods=["PUT"])
@scope("platform")
@api.arguments(AgreementSchema, example=EXAMPLE)
@api.response(201, AgreementAnswer, description="已报送，待两名人员受理后生效", example=EXAMPLE_ANSWER)
@api.alt_response(
    200, schema=AgreementAnswer, description="内容相同，或以新版本替换待受理者", example=EXAMPLE_ANSWER
)
@api.alt_response(
    409, schema=Problem, content_type=PROBLEM, description="协议号、账户已属其他项目，或生效账户被变更"
)
def put_supervision(asked: Proposal, project_no: str) -> Response:
    """报送监管协议：仅为提出，须由两名不同人员在本局页面受理后生效。"""
    number = known_number(project_no)
    body, first = database().transact(lambda session: propose(session, number, asked))
    return answer(body, 201 if first else 200)


@api.route("/accounts/<account_no>", methods=["GET"])
@scope("bank")
@api.response(200, AccountAnswer, example=EXAMPLE_ACCOUNT)
def get_account(account_no: str) -> Response:
    """本行监管账户的账面余额与不明入账。"""
    with database().read() as session:
        query = select(SupervisedAccount).where(
            SupervisedAccount.account_no == known_number(account_no),
            SupervisedAccount.bank_code == caller().bank_code,
        )
        account = session.scalar(query)
        if account is None:
            raise NotFound("没有这个监管账户")
        held = balances(session, account.book_id, codes=[chart.DEPOSITS_AT_BANK, chart.UNMATCHED])
        totals = dict.fromkeys((chart.DEPOSITS_AT_BANK, chart.UNMATCHED), ZERO)
        for one, amount in held:
            totals[one.code] += amount
        return answer(
            {
                "account_no": account.account_no, "account_name": account.account_name,
                "status": account.status.value, "book_balance": str(totals[chart.DEPOSITS_AT_BANK]),
                "unmatched": str(totals[chart.UNMATCHED]),
                "as_of": bureau_time(now()).isoformat(timespec="seconds"),
            }
        )  # fmt: skip
