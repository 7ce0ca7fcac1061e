"""How owners vote: every numerator with its denominator (业主表决). Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction

from config.regulations import Law
from escrow.errors import Refusal
from escrow.fund_use.rules import UseMatter

# The head of all that is unsold or not handed over (建设单位计为一人).
DEVELOPER = "developer"


class Ballot(StrEnum):
    """What an owner said (表决意见)."""

    YES = "yes"
    NO = "no"
    ABSTAIN = "abstain"


BALLOT_LABELS = {Ballot.YES: "同意", Ballot.NO: "反对", Ballot.ABSTAIN: "弃权"}


@dataclass(frozen=True, slots=True)
class Voter:
    """One house of the scope and what was said for it, None where nobody took part (一户表决)."""

    unit_code: str
    area: Decimal
    # Which owner it is counted as.
    head: str
    ballot: Ballot | None


@dataclass(frozen=True, slots=True)
class Tally:
    """Of all owners those who took part, of these those who agreed: by area and by heads (统计)."""

    area_all: Decimal
    area_in: Decimal
    area_yes: Decimal
    heads_all: int
    heads_in: int
    heads_yes: int


@dataclass(frozen=True, slots=True)
class Line:
    """One of the four conditions, its numerator and denominator named (一项条件)."""

    code: str
    label: str
    numerator: Decimal | int
    denominator: Decimal | int
    numerator_label: str
    denominator_label: str
    asked: str
    is_met: bool
    citation: str

    @property
    def percent(self) -> str:
        """The share to two decimals, cut off and never rounded up over a limit (占比)."""
        if not self.denominator:
            return "0.00%"
        ten_thousandths = int(Fraction(self.numerator) * 10000 / Fraction(self.denominator))
        return f"{ten_thousandths // 100}.{ten_thousandths % 100:02d}%"


def tally(voters: Iterable[Voter]) -> Tally:
    """A house is a head, but one owner's houses, and the developer's, together are one (业主人数)."""
    area = {"all": Decimal(0), "in": Decimal(0), "yes": Decimal(0)}
    heads: dict[str, set[str]] = {"all": set(), "in": set(), "yes": set()}
    for one in voters:
        groups = ["all"] + ["in"] * (one.ballot is not None) + ["yes"] * (one.ballot is Ballot.YES)
        for group in groups:
            area[group] += one.area
            heads[group].add(one.head)
    return Tally(
        area["all"], area["in"], area["yes"], len(heads["all"]), len(heads["in"]), len(heads["yes"])
    )


def lines(found: Tally, matter: UseMatter, law: Law) -> list[Line]:
    """The two conditions of taking part and the two of agreeing (法定比例逐项)."""
    quorum, counted = law["use_vote_quorum"], (law["use_vote_area"], law["use_vote_heads"])
    consent = law["use_vote_raise"] if matter is UseMatter.RAISE else law["use_vote_use"]
    least, needed = Fraction(quorum.value), Fraction(consent.value)
    # Ordinary use needs more than half; raising needs three quarters or more.
    over = matter is UseMatter.USE
    said = f"过 {consent.value}" if over else f"不少于 {consent.value}"

    def line(code: str, top: Decimal | int, bottom: Decimal | int) -> Line:
        takes_part = code.startswith("quorum")
        ratio = Fraction(top) / Fraction(bottom) if bottom else Fraction(0)
        is_area = code.endswith("area")
        unit = "专有部分面积" if is_area else "业主人数"
        by = (quorum if takes_part else consent).citation
        return Line(
            code, f"{'参与表决' if takes_part else '同意'}{unit}占比", top, bottom,
            f"参与表决{unit}" if takes_part else f"同意{unit}",
            f"范围内全部{unit}" if takes_part else f"参与表决{unit}",
            f"不少于 {quorum.value}" if takes_part else said,
            ratio >= least if takes_part else ratio > needed if over else ratio >= needed,
            f"{by}；{unit}：{counted[not is_area].citation}",
        )  # fmt: skip

    return [
        line("quorum-area", found.area_in, found.area_all),
        line("quorum-heads", found.heads_in, found.heads_all),
        line("consent-area", found.area_yes, found.area_in),
        line("consent-heads", found.heads_yes, found.heads_in),
    ]  # fmt: skip


def vote_refusals(found: Tally, matter: UseMatter, law: Law) -> list[Refusal]:
    """The conditions that are not met (表决未通过的理由)."""
    return [
        Refusal(
            f"vote-{one.code}",
            f"{one.label} {one.percent}（{one.numerator}/{one.denominator}），须{one.asked}", one.citation,
        )
        for one in lines(found, matter, law) if not one.is_met
    ]  # fmt: skip


def ballot_faults(said: Mapping[str, Ballot], heads: Mapping[str, str]) -> list[str]:
    """What is wrong with a list of ballots: houses of another scope, an owner of two minds (清册差错)."""
    found = [f"{code} 不在分摊清册内" for code in said if code not in heads]
    minds: dict[str, dict[Ballot, str]] = {}
    for code, ballot in said.items():
        if code in heads:
            minds.setdefault(heads[code], {})[ballot] = code
    split = {head: "、".join(named.values()) for head, named in minds.items() if len(named) > 1}
    if DEVELOPER in split:
        found.append("建设单位就其未售、未交付的房屋只能有一种意见")
    return found + [f"{named} 同属一位业主，只能有一种意见" for head, named in split.items() if head != DEVELOPER]
