"""When a registration may be taken as a fact (登记事实的确认). Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from config.regulations import Law
from escrow.errors import Refusal


class RegistrationSource(StrEnum):
    """Who made the registration known (登记事实来源)."""

    SYSTEM = "system"
    MANUAL = "manual"


class RegistrationStatus(StrEnum):
    """A first registration entered by hand waits for a second officer (确认状态)."""

    ENTERED = "entered"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    OVERTAKEN = "overtaken"
    SUPERSEDED = "superseded"


class PaperUse(StrEnum):
    """What a filed paper was handed in for; each paper serves once (纸质材料用途)."""

    FIRST_REGISTRATION = "first_registration"
    RELEASE_APPLICATION = "release_application"
    RELEASE_EVIDENCE = "release_evidence"
    COURT_ACT = "court_act"
    GUARANTEE = "guarantee"
    TAKEOVER = "takeover"
    CONSTRUCTION_CONTRACT = "construction_contract"
    LISTED_PAYEE = "listed_payee"
    WITHDRAWAL = "withdrawal"
    WITHDRAWAL_LINE = "withdrawal_line"
    REFUND = "refund"
    REFUND_PAPER = "refund_paper"
    REFUND_REDIRECT = "refund_redirect"
    NODE_PAPER = "node_paper"
    ACCOUNT_CHANGE = "account_change"
    ACCOUNT_OPENING = "account_opening"
    RECEIPT_CLAIM = "receipt_claim"
    RECEIVING_ACCOUNT = "receiving_account"
    APART_DECISION = "apart_decision"
    ADVANCE_REPAYMENT = "advance_repayment"
    FUND_OPENING = "fund_opening"
    OWNER_CHANGE = "owner_change"
    USE_PAPER = "use_paper"
    HOUSE_CHANGE = "house_change"


PAPER_LABELS = {
    PaperUse.FIRST_REGISTRATION: "首次登记证书",
    PaperUse.RELEASE_APPLICATION: "解除监管申请书",
    PaperUse.RELEASE_EVIDENCE: "解除监管佐证材料",
    PaperUse.COURT_ACT: "司法文书",
    PaperUse.GUARANTEE: "保函",
    PaperUse.TAKEOVER: "接管决定",
    PaperUse.CONSTRUCTION_CONTRACT: "施工合同",
    PaperUse.LISTED_PAYEE: "收款账户开户证明",
    PaperUse.WITHDRAWAL: "用款申请",
    PaperUse.WITHDRAWAL_LINE: "用款发票",
    PaperUse.REFUND: "退款申请",
    PaperUse.REFUND_PAPER: "改退他人的证明",
    PaperUse.REFUND_REDIRECT: "改退账户的证明",
    PaperUse.NODE_PAPER: "工程节点材料",
    PaperUse.ACCOUNT_CHANGE: "监管账户变更材料",
    PaperUse.ACCOUNT_OPENING: "期初余额银行证明",
    PaperUse.RECEIPT_CLAIM: "待认领款的认领或退回依据",
    PaperUse.RECEIVING_ACCOUNT: "开发企业收款账户开户证明",
    PaperUse.APART_DECISION: "维修资金另列款的处理依据",
    PaperUse.ADVANCE_REPAYMENT: "维修资金代缴款的归还凭据",
    PaperUse.FUND_OPENING: "维修资金期初余额银行证明",
    PaperUse.OWNER_CHANGE: "维修资金业主变更的登记材料",
    PaperUse.USE_PAPER: "维修资金使用材料",
    PaperUse.HOUSE_CHANGE: "维修资金分户账事项的依据",
}

# The only steps a first registration takes; the registration authority's own word needs none (状态迁移).
STEPS = {
    (RegistrationStatus.ENTERED, RegistrationStatus.CONFIRMED),
    (RegistrationStatus.ENTERED, RegistrationStatus.REJECTED),
    (RegistrationStatus.ENTERED, RegistrationStatus.OVERTAKEN),
    (RegistrationStatus.CONFIRMED, RegistrationStatus.SUPERSEDED),
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate as it is already known here (已知的证书)."""

    certificate_no: str
    project_no: str
    registered_on: date


@dataclass(frozen=True, slots=True)
class FirstFacts:
    """What is known when a first registration is made known (首次登记事实)."""

    asked: Certificate
    building_nos: tuple[str, ...]
    confirmed: Mapping[str, str]  # building number -> the certificate it is confirmed under
    known: Certificate | None = None  # the same certificate number, already confirmed


def first_refusals(facts: FirstFacts, law: Law) -> list[Refusal]:
    """Every reason a first registration cannot be taken: one building, one certificate (首次登记不予受理)."""
    source = law["registered_once"].citation
    asked, known, found = facts.asked, facts.known, []
    for number in facts.building_nos:
        other = facts.confirmed.get(number)
        if other is not None and other != asked.certificate_no:
            message = f"{number} 幢已按证书 {other} 完成首次登记，不能再以另一证书登记"
            found.append(Refusal("building-registered", message, source))
    if known and known != asked and facts.building_nos:
        message = (
            f"证书 {known.certificate_no} 已用于项目 {known.project_no}（登记日 {known.registered_on}），"
            "同一证书的项目和登记日须一致"
        )
        found.append(Refusal("certificate-reused", message, source))
    return found


def hand_refusals(facts: FirstFacts, waiting: Sequence[str], law: Law) -> list[Refusal]:
    """By hand also: nothing that is registered or waits already is entered again (手工录入不予受理)."""
    source = law["registered_once"].citation
    found = first_refusals(facts, law)
    for number in facts.building_nos:
        if facts.confirmed.get(number) == facts.asked.certificate_no:
            found.append(Refusal("building-registered", f"{number} 幢已完成首次登记，不必再录", source))
        if number in waiting:
            found.append(Refusal("building-waiting", f"{number} 幢的首次登记正在等待另一人员确认", source))
    return found


def decide_refusals(status: RegistrationStatus, *, same_person: bool, law: Law) -> list[Refusal]:
    """Why an entry by hand cannot be confirmed or rejected by this officer now (确认不予办理)."""
    found = []
    source = law["registration_two_officers"].citation
    if status is not RegistrationStatus.ENTERED:
        found.append(Refusal("already-decided", DECIDED[status], source))
    if same_person:
        found.append(
            Refusal("same-officer", "录入人不能确认或退回自己录入的首次登记，须由另一人员办理", source)
        )
    return found


DECIDED = {
    RegistrationStatus.CONFIRMED: "这条首次登记已经确认，不能再次办理",
    RegistrationStatus.REJECTED: "这条首次登记已经退回，不能再次办理",
    RegistrationStatus.OVERTAKEN: "登记机构已经报来同一楼幢的首次登记，以登记机构所报为准，不必再确认",
    RegistrationStatus.SUPERSEDED: "这条首次登记已经更正，不能再次办理",
}


@dataclass(frozen=True, slots=True)
class NamedBuilding:
    """A building the registration to be corrected names, and what already stands on it (原登记所及楼幢)."""

    building_no: str
    is_released: bool
    transferred_on: date | None  # the first of its units' transfer registrations
    is_at_node: bool  # its approved node rests on this registration


@dataclass(frozen=True, slots=True)
class CorrectionFacts:
    """A confirmed registration against what it should have said (更正事实)."""

    source: RegistrationSource
    status: RegistrationStatus
    was: Certificate
    named: tuple[NamedBuilding, ...]
    asked: Certificate
    building_nos: tuple[str, ...]  # none: the certificate is of no building here
    is_waiting: bool = False


def correction_refusals(facts: CorrectionFacts, law: Law) -> list[Refusal]:
    """Every reason a confirmed registration cannot be corrected so (更正不予办理)."""
    source, found = law["registration_corrected"].citation, []
    if facts.source is not RegistrationSource.MANUAL:
        message = "登记机构所报的首次登记以登记机构为准，不能手工更正"
        found.append(Refusal("registration-by-authority", message, source))
    elif facts.status is not RegistrationStatus.CONFIRMED:
        found.append(Refusal("not-confirmed", "只有已确认的首次登记可以更正", source))
    if facts.is_waiting:
        found.append(Refusal("correction-waiting", "这条首次登记已有一件更正等待另一人员确认", source))
    if facts.was == facts.asked and {one.building_no for one in facts.named} == set(facts.building_nos):
        found.append(Refusal("nothing-corrected", "所填与原登记相同，没有要更正的内容", source))
    return [*found, *_standing_refusals(facts, law)]


def _standing_refusals(facts: CorrectionFacts, law: Law) -> list[Refusal]:
    """What already rests on the registration is not taken from under it."""
    source, order, found = (
        law["registration_corrected"].citation, law["transfer_after_first_registration"].citation, []
    )  # fmt: skip
    for one in facts.named:
        kept = one.building_no in facts.building_nos
        if one.is_released:
            message = f"{one.building_no} 幢已批准解除监管，其首次登记不能再更正"
            found.append(Refusal("building-released", message, source))
        if one.transferred_on is not None and not kept:
            message = f"{one.building_no} 幢已有转移登记，不能从证书中去掉"
            found.append(Refusal("units-transferred", message, order))
        elif one.transferred_on is not None and one.transferred_on < facts.asked.registered_on:
            message = f"{one.building_no} 幢最早的转移登记日为 {one.transferred_on}，首次登记日不能晚于它"
            found.append(Refusal("after-transfer", message, order))
        if one.is_at_node and not kept:
            message = f"{one.building_no} 幢已凭这条登记核准首次登记节点，须先以文书更正节点"
            found.append(Refusal("node-rests-on-it", message, law["node_by_record"].citation))
    return found


@dataclass(frozen=True, slots=True)
class TransferFacts:
    """What is known when a title to a unit is made known (转移登记事实)."""

    unit_code: str
    certificate_no: str
    registered_on: date
    first_registered_on: date | None  # of the unit's building
    certificate_unit: str | None  # unit code this certificate is already used for
    is_same: bool = False  # and it says the same day and the same owner


def transfer_refusals(facts: TransferFacts, law: Law) -> list[Refusal]:
    """Every reason a transfer registration cannot be taken (转移登记不予受理).

    A home is sold again, and a later title may be told before an earlier one: neither is a reason.
    """
    order, once = law["transfer_after_first_registration"].citation, law["registered_once"].citation
    found = []
    if facts.first_registered_on is None:
        found.append(Refusal("first-registration-missing", "该户所在楼幢尚无已确认的首次登记", order))
    elif facts.registered_on < facts.first_registered_on:
        message = f"转移登记日早于楼幢首次登记日 {facts.first_registered_on}"
        found.append(Refusal("before-first-registration", message, order))
    if facts.certificate_unit not in (None, facts.unit_code):
        message = f"证书 {facts.certificate_no} 已用于另一户 {facts.certificate_unit}"
        found.append(Refusal("certificate-reused", message, once))
    elif facts.certificate_unit is not None and not facts.is_same:
        message = f"该户已按证书 {facts.certificate_no} 办理转移登记，所报内容与之不同"
        found.append(Refusal("unit-registered", message, once))
    return found


def paper_refusals(used_for: PaperUse | None, law: Law) -> list[Refusal]:
    """A file already handed in once proves nothing a second time (材料重复使用)."""
    if used_for is None:
        return []
    message = f"这个文件（SHA-256 相同）已作为{PAPER_LABELS[used_for]}使用过，不得重复使用"
    return [Refusal("file-reused", message, law["paper_used_once"].citation)]
