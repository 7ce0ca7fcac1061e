"""What a use of the fund goes through, and why it is refused (维修资金使用). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal
from escrow.fund_use.share_rules import Bearer, Share
from escrow.maintenance.chart import OTHER_WORKS, SUPERVISION, SURVEYS, WORKS
from ledger.money import ZERO, Yuan


class UseKind(StrEnum):
    """Whether the owners vote on it first (使用种类)."""

    ORDINARY = "ordinary"
    EMERGENCY = "emergency"


class UseMatter(StrEnum):
    """What the owners vote on (表决事项)."""

    USE = "use"
    RAISE = "raise"


class UseStatus(StrEnum):
    """How far a use has come (使用状态)."""

    DRAFT = "draft"
    PUBLISHED = "published"
    VOTED = "voted"
    APPROVED = "approved"
    ACCEPTED = "accepted"
    SETTLED = "settled"
    FAILED = "failed"


class Cause(StrEnum):
    """What may be mended without a vote (应急情形)."""

    ELEVATOR = "elevator"
    FIRE = "fire"
    FACADE = "facade"
    ROOF = "roof"
    WATER = "water"


class Exclusion(StrEnum):
    """What the fund must not pay for, asked one by one (不得列支情形)."""

    WARRANTY = "in_warranty"
    PIPES = "operator_pipes"
    PERSONS = "by_persons"
    MANAGER = "manager_duty"


class PaperKind(StrEnum):
    """What a paper of a use proves (材料种类)."""

    PLAN = "plan"
    PROOF = "proof"
    VOTE = "vote"
    FILING = "filing"
    ADVANCE = "advance"
    ACCEPTANCE = "acceptance"
    SETTLEMENT = "settlement"
    REVIEW = "review"
    END = "end"


KIND_LABELS = {UseKind.ORDINARY: "一般使用（业主表决）", UseKind.EMERGENCY: "应急使用（不经表决）"}
MATTER_LABELS = {UseMatter.USE: "使用维修资金", UseMatter.RAISE: "使用并筹集（不足部分由业主自筹）"}
STATUS_LABELS = {
    UseStatus.DRAFT: "已录入",
    UseStatus.PUBLISHED: "公示中",
    UseStatus.VOTED: "表决通过",
    UseStatus.APPROVED: "已核准，已占用",
    UseStatus.ACCEPTED: "已验收",
    UseStatus.SETTLED: "已结算",
    UseStatus.FAILED: "未成",
}
CAUSE_LABELS = {
    Cause.ELEVATOR: "电梯故障危及安全",
    Cause.FIRE: "消防设施故障",
    Cause.FACADE: "外墙脱落",
    Cause.ROOF: "屋面、外墙渗漏",
    Cause.WATER: "供水、排水中断",
}
EXCLUSION_LABELS = {
    Exclusion.WARRANTY: "是否在保修期内、应由建设单位保修",
    Exclusion.PIPES: "是否属供水、供电、供气、供热、通信等专业单位的管线设施",
    Exclusion.PERSONS: "是否人为损坏、应由责任人修复",
    Exclusion.MANAGER: "是否应由物业服务企业按合同承担",
}
EXCLUDED = {
    Exclusion.WARRANTY: "保修期内的维修由建设单位承担，不得动用维修资金",
    Exclusion.PIPES: "专业单位的管线设施由其维修养护，不得动用维修资金",
    Exclusion.PERSONS: "人为损坏由责任人修复，不得动用维修资金",
    Exclusion.MANAGER: "物业服务企业应承担的费用，不得从维修资金列支",
}
PAPER_LABELS = {
    PaperKind.PLAN: "使用方案与预算",
    PaperKind.PROOF: "第三方应急鉴定",
    PaperKind.VOTE: "表决票与统计",
    PaperKind.FILING: "应急使用事后备案",
    PaperKind.ADVANCE: "施工合同与预付申请",
    PaperKind.ACCEPTANCE: "验收报告",
    PaperKind.SETTLEMENT: "结算书与发票",
    PaperKind.REVIEW: "造价审核报告",
    PaperKind.END: "终止说明",
}
WORKS_LABELS = {WORKS: "工程费用", SUPERVISION: "监理费用", SURVEYS: "检测勘察设计费用", OTHER_WORKS: "其他费用"}
USE_STEPS = {
    (UseStatus.DRAFT, UseStatus.PUBLISHED),
    (UseStatus.DRAFT, UseStatus.APPROVED),
    (UseStatus.DRAFT, UseStatus.FAILED),
    (UseStatus.PUBLISHED, UseStatus.VOTED),
    (UseStatus.PUBLISHED, UseStatus.FAILED),
    (UseStatus.VOTED, UseStatus.APPROVED),
    (UseStatus.VOTED, UseStatus.FAILED),
    (UseStatus.APPROVED, UseStatus.ACCEPTED),
    (UseStatus.APPROVED, UseStatus.FAILED),
    (UseStatus.ACCEPTED, UseStatus.SETTLED),
    # The final payment came back from the bank.
    (UseStatus.SETTLED, UseStatus.ACCEPTED),
}
NAMED = 5


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be mended, for how much, and the answers to the four questions (申请)."""

    kind: UseKind
    matter: UseMatter
    cause: Cause | None
    budget: Yuan
    yes: frozenset[Exclusion] = frozenset()


@dataclass(frozen=True, slots=True)
class Recent:
    """An emergency use of the same cause over the same houses (同一事由的应急使用)."""

    use_no: str
    budget: Yuan
    approved_on: date


@dataclass(frozen=True, slots=True)
class Standing:
    """A house's share beside what it has, and what it gave to other emergencies of the same cause (分摊与余额)."""

    share: Share
    balance: Yuan
    held: Yuan
    given: Yuan = ZERO
    paid: Yuan = ZERO

    @property
    def free(self) -> Yuan:
        """What is held for nothing else (可用)."""
        return self.balance - self.held

    def is_over(self, ratio: Decimal) -> bool:
        """Whether it gives more than its ratio, earlier emergencies counted with what they took (超过每户上限)."""
        mine = self.share.from_fund
        return mine > ZERO and mine + self.given > (self.balance + self.paid).share(ratio)


def asked_refusals(
    asked: Asked, standing: Sequence[Standing], public: Sequence[str], recent: Sequence[Recent],
    today: date, law: Law,
) -> list[Refusal]:  # fmt: skip
    """Why this may not be applied for (不予受理的理由); every one."""
    found = exclusion_refusals(asked.yes, law)
    found += _nature_refusals(public, len(standing), law)
    if not standing:
        found.append(Refusal("scope-empty", "范围内没有已建账的房屋", law["use_by_area"].citation))
    elif not any(one.share.bearer is Bearer.FUND for one in standing):
        message = "范围内房屋均未售出，费用由建设单位承担，不动用维修资金"
        found.append(Refusal("all-unsold", message, law["use_unsold"].citation))
    elif all(one.share.from_fund == ZERO for one in standing):
        message = "没有一户能从分户账承担分毫，不动用维修资金，费用由业主、建设单位另行承担"
        found.append(Refusal("nothing-from-fund", message, law["use_short"].citation))
    if asked.matter is UseMatter.RAISE and law["use_short"].value == "refuse":
        message = "余额不足的户须先补足，本地不设随使用一并筹集"
        found.append(Refusal("raise-not-allowed", message, law["use_short"].citation))
    if asked.kind is UseKind.EMERGENCY:
        found += emergency_refusals(asked, standing, recent, today, law)
    return found


def _nature_refusals(public: Sequence[str], houses: int, law: Law) -> list[Refusal]:
    """Sold public housing and commodity housing are two accounts at the bank: each its own use (性质)."""
    rule = law["use_public_housing"]
    if public and not rule.value:
        message = f"范围内有已售公有住房 {_named(public)}，其维修资金的使用本地不受理，须另行办理"
        return [Refusal("public-housing", message, rule.citation)]
    if 0 < len(public) < houses:
        message = f"范围内既有商品住宅又有已售公有住房（{_named(public)}），两种资金分户存放，须先按面积分清，各自申请"
        return [Refusal("mixed-natures", message, rule.citation)]
    return []


def exclusion_refusals(yes: frozenset[Exclusion], law: Law) -> list[Refusal]:
    """One reason for every question answered with yes (不得列支)."""
    source = law["use_excluded"].citation
    codes = {one: f"excluded-{one.value.replace('_', '-')}" for one in Exclusion}
    return [Refusal(codes[one], EXCLUDED[one], source) for one in Exclusion if one in yes]


def emergency_refusals(
    asked: Asked, standing: Sequence[Standing], recent: Sequence[Recent], today: date, law: Law
) -> list[Refusal]:  # fmt: skip
    """What an emergency use may not exceed, split or not (应急使用的限额)."""
    cap, found = law["emergency_cap"], []
    most = Yuan(cap.value)
    if asked.matter is UseMatter.RAISE:
        found.append(Refusal("emergency-raise", "应急使用不经表决，不得同时筹集", law["use_vote_raise"].citation))
    if asked.cause is None or asked.cause.value not in law["emergency_causes"].value:
        found.append(Refusal("emergency-cause", "不属所列应急情形，须经业主表决", law["emergency_causes"].citation))
    if asked.budget > most:
        found.append(Refusal("emergency-over-cap", f"应急使用每次不超过 {most} 元，须经业主表决", cap.citation))
    days = law["emergency_split_days"]
    near = [one for one in recent if today - one.approved_on < timedelta(days=days.value)]
    spent = sum((one.budget for one in near), ZERO)
    if near and asked.budget + spent > most:
        others = "、".join(f"{one.use_no}（{one.budget} 元）" for one in near)
        message = f"{days.value} 日内同一事由已应急使用 {others}，合计将超过 {most} 元，不得拆分"
        found.append(Refusal("emergency-split", message, days.citation))
    ratio = law["emergency_house_ratio"]
    if over := [one.share.unit_code for one in standing if one.is_over(ratio.value)]:
        message = (
            f"应急使用每户分摊不超过其余额的 {ratio.value:.0%}，{days.value} 日内同一事由此前承担的合并计算，"
            f"超过的有 {_named(over)}"
        )
        found.append(Refusal("emergency-over-balance", message, ratio.citation))
    return found


def short_refusals(standing: Sequence[Standing], law: Law) -> list[Refusal]:
    """The houses that cannot bear their share (余额不足的户)."""
    short = [
        f"{one.share.unit_code}（分摊 {one.share.from_fund}，可用 {one.free}）"
        for one in standing if one.share.from_fund > one.free
    ]  # fmt: skip
    if not short:
        return []
    message = f"余额不足以分摊的有 {_named(short)}；须先补足或另行申请"
    return [Refusal("house-short", message, law["use_short"].citation)]


def decider_refusals(officer_id: int, makers: Sequence[int | None], law: Law) -> list[Refusal]:
    """Whoever entered it or recorded its votes does not approve it (两人办理)."""
    if officer_id not in makers:
        return []
    source = law["fund_two_officers"].citation
    return [Refusal("same-officer", "这件申请由您录入或登记表决，须由另一人员办理", source)]


def publication_refusals(published_until: date, today: date, law: Law) -> list[Refusal]:
    """Approved only when everybody had time to read it (公示期)."""
    if today >= published_until:
        return []
    days = law["use_publication_days"]
    message = f"公示须满 {days.value} 日，至 {published_until} 方可核准"
    return [Refusal("publication-not-over", message, days.citation)]


def unready_refusals(status: UseStatus, law: Law) -> list[Refusal]:
    """What an ordinary use still lacks before its votes are in (尚未公示、尚未表决)."""
    lacks = {UseStatus.DRAFT: "尚未公示", UseStatus.PUBLISHED: "尚未登记表决"}
    if status not in lacks:
        return []
    key = "use_publication_days" if status is UseStatus.DRAFT else "use_vote_quorum"
    return [Refusal("not-ready", lacks[status], law[key].citation)]


def step_refusals(status: UseStatus, wanted: Sequence[UseStatus], law: Law) -> list[Refusal]:
    """Nothing is done twice or out of turn (办理次序)."""
    if status in wanted:
        return []
    message = f"这件申请{STATUS_LABELS[status]}，不能办理此步"
    return [Refusal("not-now", message, law["fund_two_officers"].citation)]


def _named(all_: Sequence[str]) -> str:
    more = f" 等 {len(all_)} 户" if len(all_) > NAMED else ""
    return "、".join(all_[:NAMED]) + more
