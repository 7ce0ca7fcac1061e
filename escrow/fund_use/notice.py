"""The publication of a use: what is mended, for how much, who bears what (使用方案公示)."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from config.clock import bureau_time
from escrow.access import audit
from escrow.fund_use import lists
from escrow.fund_use.facts import Place
from escrow.fund_use.rules import EXCLUSION_LABELS, KIND_LABELS, MATTER_LABELS, UseKind, UseMatter
from escrow.fund_use.share_rules import BEARER_LABELS, Bearer
from escrow.papers import in_words, pdf

# More houses than any community has.
MOST = 100_000


def notice(session: Session, row: Any, place: Place, printer: str, at: datetime) -> bytes:
    """The PDF, and a row that says who printed it (打印公示). Raises Unprintable."""
    audit.record(session, "use.printed", row.use_no)
    shares = lists.shares(session, row.id, after=0, limit=MOST)
    return pdf("fund_use/notice.typ", {
        "number": row.use_no, "title": row.title, "lines": _lines(row, place),
        "shares": [
            [f"{one.building_no} 幢 {one.room_no}", one.unit_code, str(one.area), str(one.amount),
             BEARER_LABELS[Bearer(one.bearer)] + (f"，自筹 {one.amount - one.from_fund}" if _own(one) else "")]
            for one in shares
        ],
        "printer": printer, "printed_at": f"{bureau_time(at):%Y-%m-%d %H:%M:%S}",
    }, at)  # fmt: skip


def _own(one: Any) -> bool:
    return bool(one.bearer == Bearer.FUND and one.amount != one.from_fund)


def _lines(row: Any, place: Place) -> list[list[str]]:
    law, developer = place.law, place.row.developer_name
    days = law["use_publication_days"]
    asked = [f"{label}：否" for label in EXCLUSION_LABELS.values()]
    until = f"{row.published_on} 至 {row.published_until}" if row.published_on else "尚未公示"
    where = f" {row.building_no} 幢" if row.building_no else "（全小区）"
    rest = row.budget - row.fund_part
    return [
        ["小区及范围", f"{row.community_name}{where}，{row.houses} 户"],
        ["种类与事项", f"{KIND_LABELS[UseKind(row.kind)]}；{MATTER_LABELS[UseMatter(row.matter)]}"],
        ["施工单位", row.contractor],
        ["预算", f"{row.budget} 元（人民币{in_words(row.budget)}）"],
        ["由分户账承担", f"{row.fund_part} 元，专户 {row.account_no}"],
        ["由建设单位或业主承担", f"{rest} 元" + (f"；未售房屋由{developer}承担" if developer else "")],
        ["分摊办法", f"按建筑面积，最大余额法到分\n依据：{law['use_by_area'].citation}"],
        ["不得列支各项", "\n".join([*asked, f"依据：{law['use_excluded'].citation}"])],
        ["公示期", f"{until}，满 {days.value} 日方可核准\n依据：{days.citation}"],
        ["表决", f"参与表决的面积与人数均不少于 {law['use_vote_quorum'].value}；"
                 f"使用须过 {law['use_vote_use'].value}，筹集不少于 {law['use_vote_raise'].value}\n"
                 f"依据：{law['use_vote_quorum'].citation}\n业主人数：同一业主的几户、建设单位未售未交付的"
                 f"各合计一人，依据：{law['use_vote_heads'].citation}"],
    ]  # fmt: skip
