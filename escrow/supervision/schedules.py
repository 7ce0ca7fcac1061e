"""Which construction node comes next, what proves it, what stays locked after it (工程节点). Pure."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import combinations, pairwise
from typing import Any

from config.regulations import Law
from escrow.errors import Refusal
from ledger.money import ZERO, Yuan


class NodeStatus(StrEnum):
    """Life of what is claimed of a node (节点申报状态)."""

    ENTERED = "entered"
    APPROVED = "approved"
    REJECTED = "rejected"


class ClaimKind(StrEnum):
    """A node reached, or a correction that goes back (申报或更正)."""

    REACH = "reach"
    CORRECT = "correct"


class PaperKind(StrEnum):
    """Who says so, and on what (节点材料)."""

    DECLARATION = "declaration"
    CONTRACTOR = "contractor"
    ENGINEER = "engineer"
    PHOTO = "photo"
    ACCEPTANCE = "acceptance"
    ORDER = "order"


PAPER_SHOWN = {
    PaperKind.DECLARATION: "开发企业申报书", PaperKind.CONTRACTOR: "施工单位证明",
    PaperKind.ENGINEER: "监理单位见证", PaperKind.PHOTO: "现场照片",
    PaperKind.ACCEPTANCE: "验收记录", PaperKind.ORDER: "更正文书",
}  # fmt: skip

# Who vouches for a node, each a firm of its own (见证各方).
PARTIES = (PaperKind.DECLARATION, PaperKind.CONTRACTOR, PaperKind.ENGINEER)
# The only steps there are (状态迁移).
STEPS = {(NodeStatus.ENTERED, NodeStatus.APPROVED), (NodeStatus.ENTERED, NodeStatus.REJECTED)}


@dataclass(frozen=True, slots=True)
class Node:
    """A node and the share of the quota that stays locked once it is reached (节点与留存比例)."""

    name: str
    locked_ratio: Decimal


@dataclass(frozen=True, slots=True)
class Schedule:
    """The nodes of one agreement in their order (节点表)."""

    nodes: tuple[Node, ...]
    from_agreement: bool
    citation: str | None = None

    def place(self, name: str | None) -> int | None:
        """1 for the first node, 0 before it, None for a node that is not listed (次序)."""
        if name is None:
            return 0
        return next((at for at, node in enumerate(self.nodes, 1) if node.name == name), None)

    def after(self, name: str | None) -> Node | None:
        """The one node that may be claimed next (下一节点)."""
        at = self.place(name)
        return None if at is None or at >= len(self.nodes) else self.nodes[at]

    def before(self, name: str | None) -> tuple[Node, ...]:
        """The nodes a correction may go back to, besides none at all (可更正到的节点)."""
        return self.nodes[: max((self.place(name) or 0) - 1, 0)]

    def ratio_of(self, reached: Node | None) -> Decimal:
        """What stays locked now: as the agreement says of that node, else as it was approved (现行留存比例)."""
        if reached is None:
            return Decimal(1)
        at = self.place(reached.name) if self.from_agreement else None
        return self.nodes[at - 1].locked_ratio if at else reached.locked_ratio

    def stored(self) -> list[dict[str, str]]:
        """As an agreement writes it, and as a claim keeps it (随申报存档)."""
        return [{"node": node.name, "locked_ratio": str(node.locked_ratio)} for node in self.nodes]


def schedule_of(clauses: Mapping[str, Any], law: Law) -> Schedule:
    """The agreement's own nodes, or where it names none those of the law; kept once it takes effect (节点表)."""
    agreed = [(str(one["node"]), Decimal(one["locked_ratio"])) for one in clauses.get("nodes") or ()]
    if agreed:
        return Schedule(tuple(Node(name, ratio) for name, ratio in agreed), from_agreement=True)
    listed = law["node_schedule"]
    nodes = tuple(Node(name, ratio) for name, ratio in listed.value.items())
    return Schedule(nodes, from_agreement=False, citation=listed.citation)


def released_of(quota: Yuan | None, locked_ratio: Decimal) -> Yuan:
    """What the reached node releases of the quota, rounded once (节点释放额); nothing without a quota."""
    return ZERO if quota is None else quota.share(1 - locked_ratio)


def schedule_refusals(schedule: Schedule, reached: Mapping[str, str], law: Law) -> list[Refusal]:
    """Why a new agreement's nodes cannot be; `reached` is by building number (节点条款不予受理的理由)."""
    found = []
    for earlier, later in pairwise(schedule.nodes):
        if later.locked_ratio > earlier.locked_ratio:
            message = (
                f"节点“{later.name}”的留存比例 {later.locked_ratio} 高于"
                f"前一节点“{earlier.name}”的 {earlier.locked_ratio}"
            )
            found.append(Refusal("node-ratio-rises", message, law["node_ratio_falls"].citation))
    for building_no, name in reached.items():
        if schedule.place(name) is None:
            message = f"{building_no} 幢已核准到节点“{name}”，新版本的节点表须保留这一节点"
            found.append(Refusal("node-dropped", message, law["node_kept"].citation))
    return found


# --- a claim (节点申报) ---


@dataclass(frozen=True, slots=True)
class Paper:
    """One file that proves a node, by its hash; `firm_no`: who a firm is (节点材料，单位凭统一社会信用代码)."""

    kind: PaperKind
    file_hash: str
    dated_on: date
    firm: str | None = None
    firm_no: str | None = None
    signer: str | None = None
    note: str | None = None

    @property
    def signed_by(self) -> str:
        """The name with nothing of how it was typed (签字人，不计空格与全半角)."""
        return "".join(unicodedata.normalize("NFKC", self.signer or "").split())


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What is known of a building under the lock, and what is claimed of it (节点申报事实)."""

    schedule: Schedule
    reached: Node | None
    asked: str | None
    papers: tuple[Paper, ...]
    developer_no: str
    is_active: bool
    is_registered: bool
    is_waiting: bool = False
    kept_schedule: list[dict[str, str]] | None = None
    site_checked_on: date | None = None


def claim_refusals(facts: NodeFacts, law: Law) -> list[Refusal]:
    """Every reason this node is not reached (节点不予核准的理由)."""
    return [
        *_standing_refusals(facts, law),
        *_order_refusals(facts, law),
        *_paper_refusals(facts, law),
        *_witness_refusals(facts, law),
    ]


def correction_refusals(facts: NodeFacts, law: Law) -> list[Refusal]:
    """Every reason a building cannot be put back so far (不予更正的理由)."""
    source, found = law["node_correction"].citation, _standing_refusals(facts, law)
    at, reached = facts.schedule.place(facts.asked), facts.schedule.place(_name(facts.reached)) or 0
    if at is None:
        found.append(_unknown(facts, law))
    elif at >= reached:
        message = f"更正只能退回到现节点“{_name(facts.reached) or '无'}”之前的节点"
        found.append(Refusal("correction-not-back", message, source))
    if not any(paper.kind is PaperKind.ORDER for paper in facts.papers):
        found.append(Refusal("paper-missing", "更正须附更正文书及其文件摘要", source))
    return found


def _name(node: Node | None) -> str | None:
    return node.name if node else None


def _standing_refusals(facts: NodeFacts, law: Law) -> list[Refusal]:
    found = []
    if not facts.is_active:
        message = "监管账户不在正常状态（暂停、解除监管中或已销户），不办理工程节点"
        found.append(Refusal("account-not-active", message, law["account_active"].citation))
    if facts.is_waiting:
        message = "该幢已有一件节点申报或更正等待决定，决定之后才能再报"
        found.append(Refusal("claim-waiting", message, law["node_in_order"].citation))
    if facts.kept_schedule is not None and facts.kept_schedule != facts.schedule.stored():
        message = "申报之后监管协议的节点表已变更，请退回后按现行节点表重新申报"
        found.append(Refusal("schedule-changed", message, law["node_in_order"].citation))
    return found


def _order_refusals(facts: NodeFacts, law: Law) -> list[Refusal]:
    source = law["node_in_order"].citation
    at, reached = facts.schedule.place(facts.asked), facts.schedule.place(_name(facts.reached)) or 0
    if at is None:
        return [_unknown(facts, law)]
    if at <= reached:
        message = f"已核准到节点“{_name(facts.reached)}”，不得重复申报或倒退；退回须以文书更正"
        return [Refusal("node-passed", message, source)]
    if at > reached + 1:
        message = f"须先核准节点“{facts.schedule.nodes[reached].name}”，不得跳过"
        return [Refusal("node-skipped", message, source)]
    return []


def _unknown(facts: NodeFacts, law: Law) -> Refusal:
    listed = "、".join(node.name for node in facts.schedule.nodes)
    message = f"节点表中没有“{facts.asked}”，现行节点依次为：{listed}"
    return Refusal("node-unknown", message, law["node_in_order"].citation)


def _paper_refusals(facts: NodeFacts, law: Law) -> list[Refusal]:
    found, asked = [], law["node_papers"]
    for kind, least in asked.value.items():
        have = sum(paper.kind == kind for paper in facts.papers)
        if have < least:
            message = f"{PAPER_SHOWN[PaperKind(kind)]}至少 {least} 份，现有 {have} 份"
            found.append(Refusal("paper-missing", message, asked.citation))
    accepted, name = law["node_acceptance"], facts.asked or ""
    if accepted.value in name and not any(paper.kind is PaperKind.ACCEPTANCE for paper in facts.papers):
        found.append(Refusal("acceptance-missing", f"节点“{name}”须附验收记录", accepted.citation))
    recorded = law["node_by_record"]
    if recorded.value in name and not facts.is_registered:
        message = f"节点“{name}”以登记簿为准，该幢尚未确认首次登记"
        found.append(Refusal("node-not-registered", message, recorded.citation))
    return found


def _witness_refusals(facts: NodeFacts, law: Law) -> list[Refusal]:
    """Developer, contractor and engineer are three firms, and the bureau looks after them (见证独立)."""
    source = law["node_witnesses"].citation
    signed = [paper for paper in facts.papers if paper.kind in PARTIES]
    found = _party_refusals(signed, facts.developer_no, source)
    if any(paper.kind is PaperKind.PHOTO and not paper.note for paper in facts.papers):
        found.append(Refusal("photo-unplaced", "现场照片须写明拍摄地点", law["node_papers"].citation))
    latest = max((paper.dated_on for paper in facts.papers), default=None)
    if facts.site_checked_on and latest and facts.site_checked_on < latest:
        message = f"现场核查须在全部材料出具（最晚 {latest}）之后"
        found.append(Refusal("site-check-early", message, source))
    return found


def _party_refusals(signed: list[Paper], developer_no: str, source: str) -> list[Refusal]:
    found, pairs = [], [(one, two) for one, two in combinations(signed, 2) if one.kind is not two.kind]
    if any(one.firm_no == two.firm_no or one.firm == two.firm for one, two in pairs):
        message = "开发、施工、监理须为三家不同单位（按统一社会信用代码），见证不得出自同一单位"
        found.append(Refusal("witness-not-independent", message, source))
    if any(one.signed_by and one.signed_by == two.signed_by for one, two in pairs):
        found.append(Refusal("signer-repeated", "开发、施工、监理须由三个不同的人签字", source))
    if any(one.kind is PaperKind.DECLARATION and one.firm_no != developer_no for one in signed):
        message = f"申报单位须是本项目的开发企业（统一社会信用代码 {developer_no}）"
        found.append(Refusal("declarer-not-developer", message, source))
    for paper in signed:
        if not (paper.firm and paper.firm_no and paper.signer):
            message = f"{PAPER_SHOWN[paper.kind]}须写明单位、统一社会信用代码与签字人"
            found.append(Refusal("witness-unnamed", message, source))
    return found
