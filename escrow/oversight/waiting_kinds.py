"""What may wait for an officer, kind by kind: where it lies, who may do it, where it is done (待办种类). Pure."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of waiting work (一种待办).

    `door` is the page where it is done, told `named` from the column `by`. `source` selects what waits, but
    for what the officer `:me` entered or looked at himself and may not decide.
    """

    label: str
    permission: str
    door: str
    named: str
    source: str
    by: str = "number"

    def address(self, row: Any) -> dict[str, Any]:
        """What the door is told (去处)."""
        return {self.named: getattr(row, self.by)}


def _from(
    tables: str, number: str, where: str, *, account: str = "t.account_id", project: str = "NULL::integer",
    who: str = "t.entered_by", when: str = "t.entered_at", due: str = "NULL::date",
) -> str:  # fmt: skip
    return (
        f"SELECT t.id, ({number})::text AS number,"  # noqa: S608 - the words of this page alone
        f" ({account})::integer AS account_id, {project} AS project_id,"
        f" {who} AS entered_by, {when} AS entered_at, {due} AS due_on FROM {tables} WHERE {where}"
    )


_UNDECIDED = "t.status = 'entered' AND t.entered_by <> :me"
_REVIEWABLE = (
    "t.status IN ('entered', 'reviewed') AND t.entered_by <> :me AND t.reviewed_by IS DISTINCT FROM :me"
)
_NOT_MINE = "t.decided_by <> :me AND t.reviewed_by IS DISTINCT FROM :me"
_UNDECIDED_OR_ENDING = f"({_UNDECIDED} OR t.status = 'in-force' AND t.ending_by <> :me)"
_LAST_BY = "coalesce(t.ending_by, t.entered_by)"
_STOPPED = "account_suspension t"

KINDS: dict[str, Kind] = {
    "agreements": Kind(
        "监管协议待受理", "accept-supervision", "supervision.show", "project_no",
        _from("agreement t JOIN project p ON p.id = t.project_id", "p.project_no",
              "t.status = 'proposed' AND t.first_officer_id IS DISTINCT FROM :me", account="NULL",
              project="t.project_id", who="t.first_officer_id", when="t.proposed_at"),
    ),
    "claims-to-enter": Kind(
        "待认领款待办理", "claim-receipt", "claims.show", "receipt_no",
        _from("unmatched_receipt u JOIN receipt t ON t.id = u.receipt_id", "t.receipt_no",
              "u.remainder > 0 AND NOT EXISTS (SELECT FROM receipt_claim k WHERE k.receipt_id = t.id"
              " AND k.status = 'entered')", who="NULL::integer", when="t.booked_at"),
    ),
    "claims": Kind(
        "认领与退回待确认", "confirm-claim", "claims.show", "receipt_no",
        _from("receipt_claim t JOIN receipt r ON r.id = t.receipt_id", "r.receipt_no", _UNDECIDED,
              account="r.account_id"),
    ),
    "nodes": Kind(
        "工程节点待核准", "approve-node", "nodes.show", "claim_id",
        _from("node_claim t", "coalesce(t.node, '第一个节点之前')", _UNDECIDED, due="t.review_by"), "id",
    ),
    "court-acts": Kind(
        "解冻、扣划待确认", "confirm-hold", "measures.show", "account_no",
        _from("court_act t JOIN court_hold h ON h.id = t.hold_id", "h.hold_no", _UNDECIDED,
              account="h.account_id"), "account_no",
    ),
    "guarantees": Kind(
        "保函待确认", "confirm-hold", "measures.show", "account_no",
        _from("guarantee t", "t.guarantee_no", _UNDECIDED_OR_ENDING, who=_LAST_BY), "account_no",
    ),
    "takeovers": Kind(
        "接管待确认", "confirm-hold", "measures.show", "account_no",
        _from("takeover t", "t.order_no", _UNDECIDED_OR_ENDING, who=_LAST_BY), "account_no",
    ),
    "construction-contracts": Kind(
        "施工合同待确认", "approve-payment", "registers.account", "account_no",
        _from("construction_contract t", "t.contract_no", _UNDECIDED), "account_no",
    ),
    "payees": Kind(
        "收款人待确认", "approve-payment", "registers.account", "account_no",
        _from("listed_payee t", "t.name", _UNDECIDED), "account_no",
    ),
    "withdrawals": Kind(
        "用款待复核", "approve-payment", "withdrawals.show", "withdrawal_no",
        _from("withdrawal t", "t.withdrawal_no", _REVIEWABLE, due="t.review_by"),
    ),
    "withdrawals-to-issue": Kind(
        "用款待签发", "issue-instruction", "withdrawals.show", "withdrawal_no",
        _from("withdrawal t", "t.withdrawal_no", f"t.status IN ('approved', 'uncovered') AND {_NOT_MINE}"
              " AND t.court_order_by IS DISTINCT FROM :me"),
    ),
    "refunds": Kind(
        "退款待复核", "approve-payment", "refunds.show", "refund_no",
        _from("refund t", "t.refund_no", _REVIEWABLE),
    ),
    "redirects": Kind(
        "改退账户待复核", "approve-payment", "refunds.show", "refund_no",
        _from("refund_redirect t JOIN refund_part r ON r.id = t.part_id JOIN refund f ON f.id = r.refund_id",
              "f.refund_no", _REVIEWABLE, account="f.account_id"),
    ),
    "refunds-to-cover": Kind(
        "退款待转应退", "enter-payment", "refunds.show", "refund_no",
        _from("refund t", "t.refund_no", "t.status = 'approved'"),
    ),
    "refunds-to-issue": Kind(
        "退款待签发", "issue-instruction", "refunds.show", "refund_no",
        _from("refund t", "t.refund_no", f"t.status = 'due' AND {_NOT_MINE}"),
    ),
    "unknown-orders": Kind(
        "付款结果不明", "issue-instruction", "instructions.show", "number",
        _from("instruction t", "t.instruction_no", "t.status = 'unknown'", who="t.issued_by",
              when="t.issued_at"),
    ),
    "cancellations": Kind(
        "指令撤销待确认", "approve-payment", "instructions.show", "number",
        _from("instruction t", "t.instruction_no", "t.status IN ('issued', 'unknown')"
              " AND t.cancel_asked_by <> :me", who="t.cancel_asked_by", when="t.issued_at"),
    ),
    "stopped-accounts": Kind(
        "停户待查清恢复", "issue-instruction", "instructions.index", "find",
        _from(_STOPPED, "t.cause", "t.reopened_by IS NULL AND t.asked_by IS NULL", who="NULL::integer",
              when="t.suspended_at"), "account_no",
    ),
    "reopenings": Kind(
        "恢复账户待确认", "approve-payment", "instructions.index", "find",
        _from(_STOPPED, "t.reason", "t.reopened_by IS NULL AND t.asked_by <> :me", who="t.asked_by",
              when="t.suspended_at"), "account_no",
    ),
    "differences": Kind(
        "对账差异待查明", "reconcile", "differences.show", "difference_id",
        _from("statement_difference t", "coalesce(t.note, to_char(t.on_date, 'YYYY-MM-DD') || ' 差异')",
              "t.status = 'open' AND t.asked_by IS NULL AND (t.worker_id IS NULL OR t.worker_id = :me)",
              who="t.worker_id", when="t.opened_at"), "id",
    ),
    "differences-to-close": Kind(
        "对账差异待了结", "approve-reconciliation", "differences.show", "difference_id",
        _from("statement_difference t", "t.note", "t.status = 'open' AND t.asked_by <> :me",
              who="t.asked_by", when="t.opened_at"), "id",
    ),
    "changes": Kind(
        "账户变更待批准", "approve-account-change", "changes.show", "change_no",
        _from("account_change t", "t.change_no", _UNDECIDED),
    ),
    "onward": Kind(
        "原监管账户余款待划转", "issue-instruction", "changes.account", "number",
        _from("supervised_account t JOIN supervised_account n ON n.id = living_account(t.id)"
              " JOIN ledger.account l ON l.book_id = t.book_id AND l.code = '2203' AND l.key = ''"
              " OR l.book_id = n.book_id AND l.code = '2102' AND l.key LIKE 'reversal:%'"
              " JOIN ledger.balance b ON b.account_id = l.id",
              "to_char(b.balance / 100.0, 'FM999999999990.00') || ' 元'",
              "t.status = 'closed' AND n.status <> 'closed' AND b.balance > 0", account="n.id",
              who="NULL::integer", when="t.opened_at"), "account_no",
    ),
    "openings": Kind(
        "期初导入待批准", "approve-opening", "opening.show", "opening_no",
        _from("account_opening t", "t.opening_no", _UNDECIDED),
    ),
    "first-registrations": Kind(
        "首次登记待确认", "confirm-registration", "registration.show", "registration_id",
        _from("first_registration t", "t.certificate_no", _UNDECIDED, account="NULL",
              project="t.project_id"), "id",
    ),
    "release-papers": Kind(
        "解除监管材料待确认", "approve-release", "release.account", "account_no",
        _from("release_evidence t", "t.paper_no", _UNDECIDED), "account_no",
    ),
    "receiving-accounts": Kind(
        "开发企业收款账户待确认", "approve-release", "receivers.show", "account_no",
        _from("receiving_account t", "t.account_no", _UNDECIDED, account="(SELECT max(s.id)"
              " FROM supervised_account s JOIN project p ON p.id = s.project_id"
              " WHERE p.developer_pk = t.developer_id)"), "account_no",
    ),
    "releases": Kind(
        "解除监管申请待决定", "approve-release", "release.show", "release_no",
        _from("release_application t", "t.release_no", _UNDECIDED),
    ),
    "fund-accounts": Kind(
        "维修资金专户待确认", "fund-decide", "maintenance.show", "fund_id",
        _from("fund_account t", "t.account_no", _UNDECIDED, account="NULL"), "id",
    ),
    "house-batches": Kind(
        "分户建账待确认", "fund-decide", "house_batches.show", "batch_no",
        _from("house_batch t", "t.batch_no", _UNDECIDED, account="NULL", project="t.project_id"),
    ),
    "aparts": Kind(
        "维修资金另列款待处理", "fund-enter", "apart_money.show", "apart_id",
        _from("apart_money t JOIN fund_receipt r ON r.id = t.receipt_id", "r.receipt_no",
              "t.remainder > 0 AND NOT EXISTS (SELECT FROM apart_decision k WHERE k.apart_id = t.id"
              " AND k.status = 'entered')", account="NULL", who="NULL::integer", when="r.booked_at"), "id",
    ),
    "apart-decisions": Kind(
        "另列款处理待确认", "fund-decide", "apart_money.show", "apart_id",
        _from("apart_decision t", "t.document_no", _UNDECIDED, account="NULL").replace(
            "SELECT t.id,", "SELECT t.apart_id AS id,", 1), "id",
    ),
    "fund-returns": Kind(
        "维修资金应退待签发", "fund-cashier", "fund_orders.returns", "after",
        _from("apart_decision t", "t.document_no", "t.status = 'return-due' AND t.decided_by <> :me"
              " AND NOT EXISTS (SELECT FROM fund_order o WHERE o.source = 'apart:' || t.id"
              " AND o.status IN ('issued', 'unknown'))", account="NULL", who="t.decided_by",
              when="t.decided_at").replace("SELECT t.id,", "SELECT t.id - 1 AS id,", 1), "id",
    ),
    "uses": Kind(
        "维修资金使用待核准", "fund-decide", "fund_use.show", "use_no",
        _from("fund_use t", "t.use_no", "(t.status = 'voted'"
              " AND t.published_until <= (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date"
              " OR t.status = 'draft' AND t.kind = 'emergency')"
              " AND t.entered_by <> :me AND t.voted_by IS DISTINCT FROM :me", account="NULL"),
    ),
    "use-payments": Kind(
        "维修资金使用付款待复核", "fund-decide", "fund_use.show", "use_no",
        _from("use_payment t JOIN fund_use u ON u.id = t.use_id", "u.use_no", _UNDECIDED, account="NULL"),
    ),
    "use-orders": Kind(
        "维修资金使用付款待签发", "fund-cashier", "fund_use.show", "use_no",
        _from("use_payment t JOIN fund_use u ON u.id = t.use_id", "u.use_no",
              "t.status = 'due' AND t.decided_by <> :me AND NOT EXISTS (SELECT FROM fund_order o"
              " WHERE o.source = 'fund-use:' || u.id || ':payment:' || t.id"
              " AND o.status IN ('issued', 'unknown'))", account="NULL", who="t.decided_by",
              when="t.decided_at"),
    ),
    "use-filings": Kind(
        "应急使用待事后备案", "fund-enter", "fund_use.show", "use_no",
        _from("fund_use t", "t.use_no", "t.file_by IS NOT NULL AND t.filed_on IS NULL"
              " AND t.status <> 'failed'",
              account="NULL", who="t.decided_by", when="t.decided_at", due="t.file_by"),
    ),
    "ended-contracts": Kind(
        "注销合同首期交存待处置", "fund-enter", "fund_ended.contract", "contract_no",
        _from("contract t JOIN contract_cancellation x ON x.contract_id = t.id"
              " JOIN house h ON h.unit_id = t.unit_id", "t.contract_no",
              "t.status = 'cancelled' AND EXISTS (SELECT FROM house_deposit d"
              " JOIN deposit_holder o ON o.deposit_id = d.id WHERE o.house_id = h.id AND o.contract_id = t.id"
              " AND d.amount > (SELECT coalesce(sum(k.amount), 0) FROM ended_deposit k"
              " WHERE k.deposit_id = d.id AND k.contract_id = t.id AND k.status <> 'rejected'))",
              account="NULL", project="t.project_id", who="NULL::integer", when="x.cancelled_at"),
    ),
    "ended-deposits": Kind(
        "注销合同交存处置待确认", "fund-decide", "fund_ended.show", "ended_id",
        _from("ended_deposit t", "t.document_no", _UNDECIDED, account="NULL"), "id",
    ),
    "ended-returns": Kind(
        "注销合同应退待签发", "fund-cashier", "fund_ended.show", "ended_id",
        _from("ended_deposit t", "t.document_no", "t.status = 'return-due' AND t.decided_by <> :me"
              " AND NOT EXISTS (SELECT FROM fund_order o WHERE o.source = 'ended:' || t.id"
              " AND o.status IN ('issued', 'unknown'))", account="NULL", who="t.decided_by",
              when="t.decided_at"), "id",
    ),
    "return-accounts": Kind(
        "维修资金改退账户待确认", "fund-decide", "fund_orders.show", "number",
        _from("return_account t JOIN LATERAL (SELECT max(instruction_no) AS number FROM fund_order"
              " WHERE source = t.source) o ON true", "o.number", _UNDECIDED, account="NULL"),
    ),
    "fund-unknown-orders": Kind(
        "维修资金付款结果不明", "fund-cashier", "fund_orders.show", "number",
        _from("fund_order t", "t.instruction_no", "t.status = 'unknown'", account="NULL",
              who="t.issued_by", when="t.issued_at"),
    ),
    "fund-cancellations": Kind(
        "维修资金指令撤销待确认", "fund-decide", "fund_orders.show", "number",
        _from("fund_order t", "t.instruction_no", "t.status = 'issued' AND t.cancel_asked_by <> :me",
              account="NULL", who="t.cancel_asked_by", when="t.issued_at"),
    ),
    "fund-stopped": Kind(
        "维修资金专户停付待查清", "fund-cashier", "fund_orders.index", "find",
        _from("fund_suspension t JOIN fund_account f ON f.id = t.fund_account_id", "f.account_no",
              "t.reopened_by IS NULL AND t.asked_by IS NULL", account="NULL", who="NULL::integer",
              when="t.suspended_at"),
    ),
    "fund-reopenings": Kind(
        "恢复维修资金专户待确认", "fund-decide", "fund_orders.index", "find",
        _from("fund_suspension t JOIN fund_account f ON f.id = t.fund_account_id", "f.account_no",
              "t.reopened_by IS NULL AND t.asked_by <> :me", account="NULL", who="t.asked_by",
              when="t.suspended_at"),
    ),
    "working-years": Kind(
        "放假安排待确认", "approve-working-year", "workdays.show", "row_id",
        _from("working_year t", "t.year || ' 年'", _UNDECIDED, account="NULL"), "id",
    ),
    "findings": Kind(
        "风险提示待核查", "decide-finding", "findings.show", "finding_id",
        _from("finding t", "t.subject", "t.status = 'open'", account="NULL", who="NULL::integer",
              when="t.raised_at"), "id",
    ),
    "dead-letters": Kind(
        "对外推送未送达", "send-again", "deliveries.show", "delivery_id",
        _from("delivery t", "t.subject", "t.status = 'dead'", account="NULL", who="NULL::integer",
              when="t.ended_at"), "id",
    ),
}  # fmt: skip
