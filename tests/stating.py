"""Statements as a bank would write them: CSV and camt.053 in both versions (银行对账单样本)."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import Flask

from config.clock import bureau_day
from tests.desk import bearer
from tests.estate import Estate, pay, sold

HEAD = "account_no,business_date,opening_balance,closing_balance"
COLUMNS = "bank_serial,direction,amount,value_date,booked_at,counterparty_name,counterparty_account,memo"


@dataclass(frozen=True, slots=True)
class Told:
    """One movement as the bank tells it (一笔)."""

    serial: str
    fen: int
    direction: str = "credit"
    value_date: date | None = None
    name: str = "王秀英"
    account_no: str = "6217000010001234567"
    memo: str = "购房款"


@dataclass(frozen=True, slots=True)
class Day:
    """One account and day (一天)."""

    account_no: str
    lines: tuple[Told, ...] = ()
    opening: int = 0
    day: date | None = None
    closing: int | None = None

    @property
    def on(self) -> date:
        return self.day or bureau_day()

    @property
    def ends(self) -> int:
        if self.closing is not None:
            return self.closing
        return self.opening + sum(one.fen if one.direction == "credit" else -one.fen for one in self.lines)

    def plus(self, *lines: Told, **changed: Any) -> "Day":
        return replace(self, lines=(*self.lines, *lines), **changed)


def yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def as_csv(told: Day, encoding: str = "utf-8", newline: str = "\n") -> bytes:
    """The CSV of the contract with the banks (约定格式 CSV)."""
    rows = [
        f"{one.serial},{one.direction},{yuan(one.fen)},{one.value_date or told.on},"
        f"{told.on}T10:12:03+08:00,{one.name},{one.account_no},{one.memo}"
        for one in told.lines
    ]
    head = f"{told.account_no},{told.on},{yuan(told.opening)},{yuan(told.ends)}"
    return newline.join([HEAD, head, "", COLUMNS, *rows, ""]).encode(encoding)


def as_camt(told: Day, version: str = "08", *, before: str = "", encoding: str = "UTF-8") -> bytes:
    """camt.053.001.02 or .08; `before` goes between the declaration and the document."""
    credits = [one.fen for one in told.lines if one.direction == "credit"]
    debits = [one.fen for one in told.lines if one.direction != "credit"]
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n{before}'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>M1</MsgId><CreDtTm>{told.on}T23:00:00+08:00</CreDtTm>"
        "<MsgPgntn><PgNb>1</PgNb><LastPgInd>true</LastPgInd></MsgPgntn></GrpHdr><Stmt><Id>S1</Id>"
        f"<Acct><Id><Othr><Id>{told.account_no}</Id></Othr></Id><Ccy>CNY</Ccy></Acct>"
        + _balance("OPBD", told.opening, told.on)
        + _balance("CLBD", told.ends, told.on)
        + "<TxsSummry>"
        + _stated("TtlNtries", [*credits, *debits])
        + _stated("TtlCdtNtries", credits)
        + _stated("TtlDbtNtries", debits)
        + "</TxsSummry>"
        + "".join(_entry(one, told.on, version) for one in told.lines)
        + "</Stmt></BkToCstmrStmt></Document>\n"
    )
    return text.encode(encoding)


def _balance(code: str, fen: int, day: date) -> str:
    side = "CRDT" if fen >= 0 else "DBIT"
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='CNY'>{yuan(abs(fen))}</Amt>"
        f"<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def _stated(part: str, amounts: list[int]) -> str:
    return f"<{part}><NbOfNtries>{len(amounts)}</NbOfNtries><Sum>{yuan(sum(amounts))}</Sum></{part}>"


def _entry(one: Told, day: date, version: str) -> str:
    side, party = ("CRDT", "Dbtr") if one.direction == "credit" else ("DBIT", "Cdtr")
    status = "<Sts>BOOK</Sts>" if version == "02" else "<Sts><Cd>BOOK</Cd></Sts>"
    name = f"<Nm>{one.name}</Nm>" if version == "02" else f"<Pty><Nm>{one.name}</Nm></Pty>"
    return (
        f"<Ntry><NtryRef>1</NtryRef><Amt Ccy='CNY'>{yuan(one.fen)}</Amt><CdtDbtInd>{side}</CdtDbtInd>{status}"
        f"<BookgDt><DtTm>{day}T10:12:03</DtTm></BookgDt><ValDt><Dt>{one.value_date or day}</Dt></ValDt>"
        f"<AcctSvcrRef>{one.serial}</AcctSvcrRef><NtryDtls><TxDtls>"
        f"<Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs><RltdPties><{party}>{name}</{party}>"
        f"<{party}Acct><Id><Othr><Id>{one.account_no}</Id></Othr></Id></{party}Acct></RltdPties>"
        f"<RmtInf><Ustrd>{one.memo}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )


def teller(app: Flask) -> Any:
    """开户行：报送一天的对账单，随即查询结果。"""
    token = bearer(app.extensions["database"], "bank-abc", "bank", bank_code="ABC")
    client = app.test_client()

    def state(told: Day, *, camt: bool = False) -> Any:
        body, kind = (as_camt(told), "application/xml") if camt else (as_csv(told), "text/csv")
        sent = client.post("/api/v1/statements", data=body, headers={**token, "Content-Type": kind})
        assert sent.status_code in (200, 202), sent.text
        return client.get(f"/api/v1/statements/{sent.json['statement_no']}", headers=token).json

    def call(method: str, path: str, body: Any = None) -> Any:
        return client.open(f"/api/v1{path}", method=method, json=body, headers=token)

    state.call, state.app = call, app  # type: ignore[attr-defined]
    return state


def paid_in(estate: Estate, amount: str = "100.00") -> tuple[str, int]:
    """一笔已入账的购房款：流水号与分。"""
    _, (notice,) = sold(estate, amount=amount)
    receipt = pay(estate, notice, amount)
    query = f"SELECT bank_serial FROM receipt WHERE receipt_no = '{receipt['receipt_no']}'"
    return held(estate, query)[0][0], int(amount.replace(".", ""))


def held(estate: Estate, query: str) -> list[Any]:
    with estate.house.connect("app") as connection:
        return connection.execute(query).fetchall()


def kinds(answer: Any) -> list[tuple[str, str]]:
    return [(one["kind"], one["status"]) for one in answer["differences"]]


def told_by_demo_bank(house: Any) -> tuple[list[str], list[str]]:
    """A check of a long-open account before and after the demo's bank has sent its statements (演示银行)."""
    from escrow.rehearsal.banking import CREDENTIALS, send_statements
    from tests.estate import build, officers

    estate = build(house, officers(house, "aa", "bb"), bank_code="102")
    with house.connect("superuser") as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE supervised_account SET opened_at = now() - interval '8 days'")
    number, (notice,) = sold(estate)
    receipt = _paid(estate, notice)
    assert receipt["status"] == "confirmed"

    def reasons() -> list[str]:
        return [one["code"] for one in _checked(estate, number)["reasons"]]

    assert send_statements(house.database, house.settings) == 0
    stale = reasons()
    path = house.settings.data_dir / CREDENTIALS
    path.write_text("{}")
    try:
        sent = send_statements(house.database, house.settings)
        assert 4 <= sent <= 8
        assert send_statements(house.database, house.settings) == 0
    finally:
        path.unlink()
    return stale, reasons()


def _paid(estate: Estate, notice: str) -> Any:
    from config.clock import now
    from escrow.deposits.actions import Deposit, receive
    from escrow.deposits.rules import Channel
    from ledger.money import Yuan
    from tests.estate import new_number

    deposit = Deposit(
        bank_serial=new_number("B"), account_no=estate.account_no, amount=Yuan("100.00"),
        value_date=bureau_day(), booked_at=now(), payer_name="王秀英", payer_account="1",
        channel=Channel.POS, notice_no=notice,
    )  # fmt: skip
    return estate.do(lambda session: receive(session, deposit, "102", estate.house.settings))


def _checked(estate: Estate, contract_no: str) -> Any:
    import json

    from escrow.filing.actions import Asked, check
    from ledger.money import Yuan
    from tests.estate import new_number

    asked = Asked(new_number("WQ"), contract_no, estate.unit_codes[0], Yuan("100.00"))
    return json.loads(estate.do(lambda session: check(session, asked, "filing")).text)
