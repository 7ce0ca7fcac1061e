"""Officers' pages of deliveries and subscribers (对外推送页面)."""

import json
import re
from typing import Any

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form, SelectField, StringField
from wtforms.fields import SelectChoice

from escrow.access.audit_words import STEPS
from escrow.access.guards import officer
from escrow.deliveries import lists
from escrow.deliveries.actions import (
    Subscription,
    drop,
    is_allowed,
    judge_place,
    redraw,
    retire,
    send_again,
    send_all_again,
    subscribe,
)
from escrow.deliveries.rules import (
    ALGORITHM_LABELS,
    MOST_TRIES,
    OUTCOME_LABELS,
    STATUS_LABELS,
    DeliveryStatus,
)
from escrow.doors import database, settings
from escrow.errors import NotFound
from escrow.outbox import KIND_LABELS, cloud_event

pages = Blueprint("deliveries", __name__)

_PAGE = 50
_TONES = {
    DeliveryStatus.WAITING: "secondary", DeliveryStatus.SENDING: "primary",
    DeliveryStatus.DELIVERED: "success", DeliveryStatus.DEAD: "danger", DeliveryStatus.DROPPED: "warning",
}  # fmt: skip
_CHOICES = {"open": "未了", **{one.value: label for one, label in STATUS_LABELS.items()}, "all": "全部"}


class SubscriptionForm(Form):
    """An address of an outside system (订阅登记)."""

    client_id = SelectField("接口客户端", choices=[])
    url = StringField("接收地址")
    algorithm = SelectField(
        "签名算法", choices=[SelectChoice(one.value, label) for one, label in ALGORITHM_LABELS.items()]
    )


@pages.app_context_processor
def _words() -> dict[str, Any]:
    return {
        "delivery_shown": {one.value: (label, _TONES[one]) for one, label in STATUS_LABELS.items()},
        "try_shown": {one.value: label for one, label in OUTCOME_LABELS.items()},
        "event_shown": KIND_LABELS,
        "algorithm_shown": {one.value: label for one, label in ALGORITHM_LABELS.items()},
    }


@pages.get("/deliveries")
@officer("watch-deliveries")
def index() -> ResponseReturnValue:
    """推送清单：有未送达的先列未送达，各订阅方的情形；可再次发送。"""
    said = request.args.get("before", "")
    before = int(said) if re.fullmatch(r"[0-9]{1,18}", said, re.ASCII) else None
    with database().read() as session:
        subscribers = lists.subscribers(session, with_retired=False)
        which = request.args.get("status", "")
        if which not in _CHOICES:
            which = "dead" if any(one.dead for one in subscribers) else "open"
        rows = lists.deliveries(session, which, before=before, limit=_PAGE + 1)
    following = rows[_PAGE - 1].id if len(rows) > _PAGE else None
    return render_template(
        "deliveries/index.html", rows=rows[:_PAGE], following=following, first=before is None,
        subscribers=subscribers if before is None else [], which=which, choices=_CHOICES, most=MOST_TRIES,
    )  # fmt: skip


@pages.get("/deliveries/<bigint:delivery_id>")
@officer("watch-deliveries")
def show(delivery_id: int) -> ResponseReturnValue:
    """一件推送：报文、逐次经过、处理记录。"""
    with database().read() as session:
        row = lists.delivery(session, delivery_id)
        if row is None:
            raise NotFound("没有这件推送")
        found = {"tries": lists.tries(session, row.id), "steps": lists.steps(session, row)}
    event = cloud_event(_Event(row))
    body = json.dumps(event, ensure_ascii=False, indent=2)
    return render_template("deliveries/show.html", row=row, body=body, most=MOST_TRIES, words=STEPS, **found)


@pages.post("/deliveries/<bigint:delivery_id>/again")
@officer("send-again", page="deliveries.show")
def again(delivery_id: int) -> ResponseReturnValue:
    """未送达的一件，再次发送。"""
    with database().begin() as session:
        send_again(session, delivery_id)
    flash("已排队再次发送，数秒内推送；同一主体其后的事件随后依次推送。", "success")
    return redirect(url_for("deliveries.index"), 303)


@pages.post("/deliveries/<bigint:delivery_id>/drop")
@officer("send-again", page="deliveries.show")
def give_up(delivery_id: int) -> ResponseReturnValue:
    """未送达的一件不再推送，写明理由；排在其后的得以继续。"""
    with database().begin() as session:
        drop(session, delivery_id, request.form.get("reason", ""))
    flash("已放弃推送；对方仍可自行查询（GET /events）。", "success")
    return redirect(url_for("deliveries.show", delivery_id=delivery_id), 303)


@pages.post("/subscribers/<int:subscriber_id>/again")
@officer("send-again", page="deliveries.index")
def all_again(subscriber_id: int) -> ResponseReturnValue:
    """一个订阅方未送达的，全部再次发送。"""
    with database().begin() as session:
        count = send_all_again(session, subscriber_id)
    flash(f"已排队再次发送 {count} 件。", "success" if count else "info")
    return redirect(url_for("deliveries.index"), 303)


@pages.get("/subscribers")
@officer("subscribers")
def subscribers() -> ResponseReturnValue:
    """推送订阅：清单与登记。"""
    with database().read() as session:
        found = lists.subscribers(session, with_retired=True)
        clients = lists.clients(session)
    form, told = SubscriptionForm(), settings()
    form.client_id.choices = [SelectChoice(one.client_id, f"{one.title}（{one.client_id}）") for one in clients]
    return render_template(
        "deliveries/subscribers.html", rows=found, form=form,
        covered=lambda url: is_allowed(url, told),
        allowed=[f"{one.scheme}://{one.authority}{one.path}" for one in told.subscriber_urls],
    )  # fmt: skip


@pages.post("/subscribers")
@officer("subscribers", fresh=True, page="deliveries.subscribers")
def add() -> ResponseReturnValue:
    """登记一个订阅地址；签名密钥只显示这一次。"""
    form = request.form
    asked = Subscription(
        form.get("client_id", ""), form.get("url", "").strip(), frozenset(form.getlist("types")),
        form.get("algorithm", ""),
    )  # fmt: skip
    judge_place(asked.url, settings())
    with database().begin() as session:
        secret = subscribe(session, settings(), asked, officer_id=g.officer.id)
    return render_template("deliveries/secret.html", client_id=asked.client_id, url=asked.url, secret=secret)


@pages.post("/subscribers/<int:subscriber_id>/redraw")
@officer("subscribers", fresh=True, page="deliveries.subscribers")
def new_key(subscriber_id: int) -> ResponseReturnValue:
    """换发签名密钥；只显示这一次。"""
    with database().begin() as session:
        secret = redraw(session, settings(), subscriber_id)
    return render_template("deliveries/secret.html", client_id="", url="", secret=secret)


@pages.post("/subscribers/<int:subscriber_id>/retire")
@officer("subscribers", fresh=True, page="deliveries.subscribers")
def leave(subscriber_id: int) -> ResponseReturnValue:
    """停用一个订阅地址；未了的推送随之放弃。"""
    with database().begin() as session:
        retire(session, subscriber_id, officer_id=g.officer.id)
    flash("已停用，未了的推送随之放弃。", "success")
    return redirect(url_for("deliveries.subscribers"), 303)


class _Event:
    """The event of a delivery's row, under its own number (事件)."""

    def __init__(self, row: Any) -> None:
        self.id, self.type, self.subject = row.event_id, row.type, row.subject
        self.happened_at, self.data = row.happened_at, row.data
