"""Pages of funds that run low: the list with amounts, the notice to an owner (余额不足与续交通知)."""

from flask import Blueprint, Response, g, render_template
from flask.typing import ResponseReturnValue

from config.clock import bureau_day, bureau_time, now
from config.regulations import law_on
from escrow.access import audit
from escrow.access.guards import officer
from escrow.doors import database, known_number
from escrow.errors import NotFound, Refusal, Refused
from escrow.houses import lists
from escrow.houses.actions import LAW, facts_of
from escrow.maintenance import lists as places
from escrow.maintenance.pages import PAGE, found, key, next_key
from escrow.maintenance.reading import unit_seen
from escrow.papers import in_words, pdf
from ledger.money import ZERO

pages = Blueprint("renewals", __name__)


@pages.get("/fund/communities/<int:community_id>/renewals")
@officer("read")
def index(community_id: int) -> ResponseReturnValue:
    """一个小区余额不足的各户：低于首期交存额的几成、应续交多少、依据。"""
    after = key("after") or 0
    with database().read() as session:
        place = found(places.community(session, community_id), "没有这个小区")
        law = law_on(bureau_day(), LAW, place.region)
        threshold = law["renewal_threshold"]
        rows = lists.low(session, community_id, str(threshold.value), after=after, limit=PAGE + 1)
    return render_template(
        "houses/renewals.html", place=place, rows=rows[:PAGE], following=next_key(rows), first=after == 0,
        threshold=threshold, days=law["renewal_days"],
    )  # fmt: skip


@pages.get("/fund/houses/<unit_code>/renewal-notice.pdf")
@officer("read")
def notice(unit_code: str) -> ResponseReturnValue:
    """续交通知书：余额、应续交金额、期限与依据。"""
    number, at = known_number(unit_code), now()
    with database().begin() as session:
        seen = unit_seen(session, number)
        if seen is None or not seen.is_built:
            raise NotFound("没有这套房屋的分户账")
        owned = [one for one in lists.owners(session, seen.row.house_id) if one.status == "confirmed"]
        law = law_on(bureau_day(), LAW, seen.row.region)
        amount, threshold = facts_of(seen).renewable(law), law["renewal_threshold"]
        if amount == ZERO:
            message = f"本户余额未低于首期交存额的 {threshold.value * 100:.0f}%，不发续交通知"
            raise Refused([Refusal("not-low", message, threshold.citation)])
        audit.record(session, "house-change.notice-printed", number, amount=str(amount))
    row, days = seen.row, law["renewal_days"]
    content = pdf("houses/notice.typ", {
        "number": number, "owner": owned[0].owners if owned else "业主",
        "opening": "你户住宅专项维修资金分户账余额已低于首期交存额的规定比例，请按下列金额续交。",
        "lines": [
            ["房屋", f"{row.community_name} {row.building_no} 幢 {row.room_no}\n{number}"],
            ["维修资金专户", row.fund_account_no],
            ["首期交存额", f"{seen.due.amount} 元"], ["现余额", f"{seen.balance} 元"],
            ["应续交", f"{amount} 元（人民币{in_words(amount)}）"],
            ["期限", f"自收到本通知之日起 {days.value} 日内"],
            ["依据", f"低于首期交存额的 {threshold.value * 100:.0f}%：{threshold.citation}\n期限：{days.citation}"],
        ],
        "printer": g.officer.full_name, "printed_at": f"{bureau_time(at):%Y-%m-%d %H:%M:%S}",
    }, at)  # fmt: skip
    headers = {"Content-Disposition": f'inline; filename="renewal-{number}.pdf"'}
    return Response(content, mimetype="application/pdf", headers=headers)
