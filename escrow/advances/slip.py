"""The slip of one unit for its buyer: who paid, what was repaid, what may still be collected (购房人凭单)."""

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from config.clock import bureau_time, now
from escrow.access import audit
from escrow.advances.owing import deposits, repayments
from escrow.advances.repaying import Place
from escrow.advances.rules import PAYER_LABELS, PayerKind
from escrow.maintenance.reading import UnitSeen
from escrow.papers import in_words, pdf
from ledger.money import ZERO, Yuan

OPENING = "本凭单载明下列房屋首期住宅专项维修资金的交存、建设单位代缴及归还情况，供购房人与建设单位核对。"
OWING = "建设单位在交付时可向购房人收取的，以上列尚欠之数为限，并应出具收据；已收取的不得再次收取。"
SETTLED = "购房人已无欠款，建设单位不得再以维修资金名义向购房人收取任何款项。"


def slip(session: Session, seen: UnitSeen, place: Place, printer: str) -> bytes:
    """The PDF, and a row that says who printed it (打印凭单). Raises Unprintable."""
    at, owed = now(), place.claim.owed
    audit.record(session, "repayment.printed", seen.row.unit_code, owed=owed)
    return pdf("advances/slip.typ", {
        "number": seen.row.unit_code, "opening": OPENING, "closing": OWING if owed > ZERO else SETTLED,
        "lines": _lines(session, seen, place), "printer": printer, "printed_at": _shown(at),
    }, at)  # fmt: skip


def _lines(session: Session, seen: UnitSeen, place: Place) -> list[list[Any]]:
    row, claim = seen.row, place.claim
    paid = [
        f"{one.paid_on} {PAYER_LABELS[PayerKind(one.payer_kind)]} {one.payer_name_masked} "
        f"{Yuan.from_fen(one.amount)} 元（入账 {one.receipt_no}）" + _note(one)
        for one in deposits(session, place.house_id)
    ]
    back = [
        f"{one.repaid_on} 归还 {Yuan.from_fen(one.amount)} 元（凭据 {one.evidence_no}）"
        for one in repayments(session, place.house_id)
        if one.status == "confirmed"
    ]
    due = seen.due
    return [
        ["房屋", f"{row.community_name} {row.building_no} 幢 {row.room_no}\n{row.unit_code}"],
        ["购房合同", place.contract_no or "无"],
        ["维修资金专户", row.fund_account_no],
        ["首期应缴", f"{due.amount} 元（{due.standard}）\n依据：{due.citation}"],
        ["已交存", "\n".join(paid) or "无"],
        ["其中建设单位代缴", f"{claim.advanced} 元"],
        ["购房人已归还", "\n".join(back) or "无"],
        ["购房人尚欠建设单位", f"{claim.owed} 元" + (f"（人民币{in_words(claim.owed)}）" if claim.owed > ZERO else "")],
    ]


def _note(one: Any) -> str:
    if one.other_code is not None:
        return f"，已更正转到房屋 {one.other_code}" if one.came_here else f"，由房屋 {one.other_code} 更正转入"
    return "，续交" if one.is_renewal else "，合同已注销，待退" if one.is_void else ""


def _shown(at: datetime) -> str:
    return f"{bureau_time(at):%Y-%m-%d %H:%M:%S}"
