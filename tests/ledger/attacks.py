"""What somebody with the owner's password may try in plain SQL, and the guard that must stop each (攻击与约束)."""

from collections.abc import Iterator
from dataclasses import dataclass

TABLES = ("book", "account", "balance", "journal_entry", "transfer", "balance_day", "day_close", "seal")


@dataclass(frozen=True, slots=True)
class Attack:
    """One attempt; the constraint that refuses it; how to take that guard away, and what refuses it then,
    if anything."""

    name: str
    sql: str
    guard: str
    unguard: str
    then: str | None = None


def entry(
    reference: str = "attack",
    *,
    book: str = "{book}",
    debits: str = "{cash}",
    credits: str = "{key}",
    amounts: str = "100",
    more: tuple[str, str] = ("", ""),
    on: str = "2026-06-01",
) -> str:
    """A posting by hand, as ledger.post_entries would write it."""
    columns, values = more
    return (
        "INSERT INTO ledger.journal_entry"
        f" (book_id, movement, reference, effective_on, debits, credits, amounts{columns})"
        f" VALUES ({book}, 'T1', '{reference}', '{on}',"
        f" ARRAY[{debits}]::bigint[], ARRAY[{credits}]::bigint[], ARRAY[{amounts}]::bigint[]{values})"
    )


def many(count: int = 5, **changed: str) -> str:
    """The same in one statement with enough entries for the other path."""
    one = entry(**changed)
    head, _, row = one.partition(" VALUES ")
    return f"{head} VALUES " + ", ".join(row.replace("'attack'", f"'attack:{n}'") for n in range(count))


def _no_trigger(table: str, trigger: str) -> str:
    return f"DROP TRIGGER {trigger} ON ledger.{table}"


def _no_constraint(table: str, constraint: str) -> str:
    return f"ALTER TABLE ledger.{table} DROP CONSTRAINT {constraint}"


def _no_refusal(what: str) -> str:
    """The refusals that functions make: one of them made deaf."""
    return (
        "ALTER FUNCTION ledger.refuse(text) RENAME TO refuse_whole;"
        " CREATE FUNCTION ledger.refuse(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN"
        f" IF what <> '{what}' THEN PERFORM ledger.refuse_whole(what); END IF; END $$"
    )


# Whatever CASCADE would reach has guards of its own, the rooms' tables too.
_NOTHING_AGAINST_TRUNCATE = """
DO $$ DECLARE t record; BEGIN
    FOR t IN SELECT tgname, tgrelid::regclass AS place FROM pg_trigger
              WHERE tgtype & 32 <> 0 LOOP  -- TRUNCATE
        EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.place);
    END LOOP;
END $$
"""
_CHANGES = {
    "book": "title = title", "account": "floor = NULL", "balance": "balance = balance + 1",
    "journal_entry": "memo = '改'", "transfer": "amount = amount + 1", "balance_day": "opening = opening + 1",
    "day_close": "day = day - 1", "seal": "entries = 1",
}  # fmt: skip


def _rewriting() -> Iterator[Attack]:
    for table in TABLES:
        by_posting = table in ("balance", "balance_day")
        guard = "by_posting_only" if by_posting else "written_once"
        update = f"UPDATE ledger.{table} SET {_CHANGES[table]}"
        yield Attack(f"改写 {table}", update, guard, _no_trigger(table, guard))
        delete = f"DELETE FROM ledger.{table}"
        behind = {"book": "fk_account_book_id", "account": "fk_balance_account_id"}.get(table)
        if table == "journal_entry":
            behind = "fk_journal_entry_reverses_id"
            delete += " WHERE id = {undone}"
        yield Attack(f"删除 {table}", delete, "written_once", _no_trigger(table, "written_once"), behind)
        truncate = f"TRUNCATE ledger.{table} CASCADE"
        yield Attack(f"清空 {table}", truncate, "written_once", _NOTHING_AGAINST_TRUNCATE)


_LATE = "INSERT INTO ledger.transfer VALUES ({entry}, 2, {cash}, {key}, 5, 100, 5, 100, 5)"
_ON_CONFLICT = entry("deposit:1") + (
    " ON CONFLICT ON CONSTRAINT uq_journal_entry_book_id_reference DO UPDATE SET memo = '改'"
)

WRITING_BY_HAND = [
    Attack("隔日给旧凭证补一行分录", _LATE, "by_posting_only", _no_trigger("transfer", "by_posting_only")),
    Attack(
        "同一事务、另一保存点里补一行分录",
        entry() + "; SAVEPOINT later; INSERT INTO ledger.transfer"
        " SELECT max(id), 2, {cash}, {key}, 5, 100, 5, 100, 5 FROM ledger.journal_entry",
        "by_posting_only", _no_trigger("transfer", "by_posting_only"),
    ),
    Attack(
        "以 MERGE 改余额",
        "MERGE INTO ledger.balance b USING (SELECT 1) s ON b.account_id = {cash}"
        " WHEN MATCHED THEN UPDATE SET version = 9",
        "by_posting_only", _no_trigger("balance", "by_posting_only"),
    ),
    Attack(
        "以子查询夹带改余额",
        "WITH moved AS (UPDATE ledger.balance SET balance = 0 RETURNING 1) SELECT count(*) FROM moved",
        "by_posting_only", _no_trigger("balance", "by_posting_only"),
    ),
    Attack(
        "在 DO 块里改余额，并先设一个谎称在记账的参数",
        "SET LOCAL ledger.posting = 'on'; DO $$ BEGIN UPDATE ledger.balance SET balance = 0; END $$",
        "by_posting_only", _no_trigger("balance", "by_posting_only"),
    ),
    Attack(
        "退回已结日，好再记入",
        "UPDATE ledger.balance SET closed_through = '0001-01-01'",
        "by_posting_only", _no_trigger("balance", "by_posting_only"),
    ),
    Attack(
        "给科目另造一行余额",
        "INSERT INTO ledger.balance (account_id, book_id, sign) VALUES ({cash}, {book}, 1)",
        "by_posting_only", _no_trigger("balance", "by_posting_only"), "pk_balance",
    ),
    Attack(
        "凭空写一个起息日余额",
        "INSERT INTO ledger.balance_day VALUES ({cash}, '2026-02-02', 5)",
        "by_posting_only", _no_trigger("balance_day", "by_posting_only"),
    ),
    Attack(
        "直接调用倒起息的内部函数",
        "SELECT ledger.back_date(ARRAY[{entry}]::bigint[]) FROM (SELECT count(*) FROM ledger.balance) s",
        "by_posting_only", _no_trigger("balance_day", "by_posting_only"),
    ),
    Attack(
        "重用来源号并借冲突改写原凭证", _ON_CONFLICT, "written_once", _no_trigger("journal_entry", "written_once")
    ),
]  # fmt: skip

ENTRIES = [
    Attack("没有分录的凭证", entry(debits="", credits="", amounts=""), "ck_journal_entry_transfers",
           _no_constraint("journal_entry", "ck_journal_entry_transfers")),
    Attack("借方多一行的凭证", entry(debits="{cash}, {cash}"), "ck_journal_entry_transfers",
           _no_constraint("journal_entry", "ck_journal_entry_transfers")),
    Attack("成批而金额写成两层的列", many(amounts="ARRAY[100]"), "ck_journal_entry_flat",
           _no_constraint("journal_entry", "ck_journal_entry_flat")),
    Attack("成批而各列都写成两层", many(debits="ARRAY[{cash}]", credits="ARRAY[{key}]", amounts="ARRAY[100]"),
           "ck_journal_entry_flat", _no_constraint("journal_entry", "ck_journal_entry_flat")),
    Attack("成批而科目写成两层的列", many(debits="ARRAY[{cash}]", credits="ARRAY[{key}]"), "ck_journal_entry_flat",
           _no_constraint("journal_entry", "ck_journal_entry_flat")),
    Attack("金额为零", entry(amounts="0"), "ck_transfer_amount", _no_constraint("transfer",
    "ck_transfer_amount")),
    Attack("金额为负", entry(amounts="-5"), "ck_transfer_amount", _no_constraint("transfer",
    "ck_transfer_amount")),
    Attack("成批而金额为负", many(amounts="-5"), "ck_transfer_amount",
           _no_constraint("transfer", "ck_transfer_amount")),
    Attack("金额超过一千亿元", entry(amounts="10000000000001"), "ck_transfer_amount",
           _no_constraint("transfer", "ck_transfer_amount")),
    Attack("借贷同一科目", entry(credits="{cash}"), "ck_transfer_accounts",
           _no_constraint("transfer", "ck_transfer_accounts")),
    Attack("贷方科目属于另一账套", entry(credits="{other_key}"), "same_book", _no_refusal("same_book")),
    Attack("凭证记在另一账套名下", entry(book="{other_book}"), "same_book", _no_refusal("same_book")),
    Attack("成批而科目属于另一账套", many(credits="{other_key}"), "same_book", _no_refusal("same_book")),
    Attack("不存在的科目", entry(credits="987654"), "known_account", _no_refusal("known_account"), "23502"),
    Attack("成批而科目不存在", many(credits="987654"), "known_account", _no_refusal("known_account")),
    Attack("透支", entry(debits="{key}", credits="{cash}", amounts="100001"), "ck_balance_floor",
           _no_constraint("balance", "ck_balance_floor")),
    Attack("成批透支", many(debits="{key}", credits="{cash}", amounts="100000"), "ck_balance_floor",
           _no_constraint("balance", "ck_balance_floor"), "ck_balance_floor"),
    Attack("成批之中先透支后补回",
           entry(debits="{key}", credits="{cash}", amounts="100001") + ", "
           + many(4, amounts="100001").partition(" VALUES ")[2],
           "ck_balance_floor", _no_refusal("ck_balance_floor")),
    Attack("开户即低于下限",
    "INSERT INTO ledger.account (book_id, code, side, floor) VALUES ({book}, '9', 'debit', 1)",
           "ck_balance_floor", _no_constraint("balance", "ck_balance_floor")),
    Attack("自报早先的记账时间", entry(more=(", booked_at", ", '2026-06-01 08:00+08'")), "never_told",
           _no_trigger("journal_entry", "never_told")),
    Attack("自报稍后的记账时间", entry(more=(", booked_at", ", clock_timestamp() + interval '5 seconds'")),
           "never_told", _no_trigger("journal_entry", "never_told")),
    Attack("自报事务号", entry(more=(", xid", ", '3'")), "never_told", _no_trigger("journal_entry", "never_told")),
    Attack("自报日结时间",
           "INSERT INTO ledger.day_close VALUES ({other_book}, '2026-05-01', '2026-05-01 20:00+08')",
           "never_told", _no_trigger("day_close", "never_told")),
    Attack("重用来源号", entry("deposit:1"), "uq_journal_entry_book_id_reference",
           _no_constraint("journal_entry", "uq_journal_entry_book_id_reference")),
    Attack("来源号为空", entry(""), "ck_journal_entry_reference",
           _no_constraint("journal_entry", "ck_journal_entry_reference")),
    Attack("起息日为无穷", entry(on="infinity"), "ck_journal_entry_effective_on",
           _no_constraint("journal_entry", "ck_journal_entry_effective_on")),
    Attack("起息日早于有账之年", entry(on="0001-01-01"), "ck_journal_entry_effective_on",
           _no_constraint("journal_entry", "ck_journal_entry_effective_on") + "; " + _no_refusal("day_open")),
    Attack("日结到无穷", "INSERT INTO ledger.day_close VALUES ({book}, 'infinity')", "ck_day_close_day",
           _no_constraint("day_close", "ck_day_close_day")),
    Attack("记入已结日", entry(on="2026-01-05"), "day_open", _no_refusal("day_open")),
    Attack("成批记入已结日", many(on="2026-01-04"), "day_open", _no_refusal("day_open")),
    Attack("倒着日结", "INSERT INTO ledger.day_close VALUES ({book}, '2026-01-04')", "days_in_order",
           _no_refusal("days_in_order")),
    Attack("同一天日结两次", "INSERT INTO ledger.day_close VALUES ({book}, '2026-01-05')", "pk_day_close",
           _no_constraint("day_close", "pk_day_close")),
]  # fmt: skip


def _reversal(of: str, **changed: str) -> str:
    mirror = {"debits": "{key}", "credits": "{cash}", "amounts": "100000"} | changed
    return entry(more=(", reverses_id", f", {of}"), **mirror)  # type: ignore[arg-type]


def _settlement(of: str, **changed: str) -> str:
    back = {"debits": "{hold}", "credits": "{contra}", "amounts": "1000"} | changed
    return entry(more=(", settles_id", f", {of}"), **back)  # type: ignore[arg-type]


_NO_RESOLVES = "DROP INDEX ledger.uq_journal_entry_resolves"
LINKS = [
    Attack("第二次冲正", _reversal("{undone}", amounts="5000"), "uq_journal_entry_reverses_id",
           f"DROP INDEX ledger.uq_journal_entry_reverses_id; {_NO_RESOLVES}"),
    Attack("少冲一分", _reversal("{entry}", amounts="99999"), "exact_mirror", _no_refusal("exact_mirror")),
    Attack("冲正却同向", _reversal("{entry}", debits="{cash}", credits="{key}"), "exact_mirror",
           _no_refusal("exact_mirror")),
    Attack("冲正成别的科目", _reversal("{entry}", credits="{owed}"), "exact_mirror", _no_refusal("exact_mirror")),
    Attack("冲正另一账套的凭证",
           _reversal("{entry}", book="{other_book}", debits="{other_cash}", credits="{other_key}"),
           "exact_mirror",
           _no_refusal("exact_mirror")),
    Attack("冲正一张冲正凭证", _reversal("{reversal}", debits="{cash}", credits="{key}", amounts="5000"),
           "exact_mirror", _no_refusal("exact_mirror")),
    Attack("冲正不存在的凭证", _reversal("987654"), "fk_journal_entry_reverses_id",
           _no_constraint("journal_entry", "fk_journal_entry_reverses_id")),
    Attack("第二次了结占用", _settlement("{settled}"), "uq_journal_entry_settles_id",
           f"DROP INDEX ledger.uq_journal_entry_settles_id; {_NO_RESOLVES}"),
    Attack("冲正已了结的占用", _reversal("{settled}", debits="{hold}", credits="{contra}", amounts="2000"),
           "uq_journal_entry_resolves", _NO_RESOLVES),
    Attack("了结已冲正的凭证", _settlement("{undone}"), "uq_journal_entry_resolves", _NO_RESOLVES),
    Attack("从另一账套了结占用",
           _settlement("{held}", book="{other_book}", debits="{other_cash}", credits="{other_key}"),
           "same_hold_book", _no_refusal("same_hold_book")),
    Attack("了结不存在的占用", _settlement("987654"), "fk_journal_entry_settles_id",
           _no_constraint("journal_entry", "fk_journal_entry_settles_id")),
    Attack("一张凭证既冲正又了结",
           entry(more=(", reverses_id, settles_id", ", {entry}, {held}"), debits="{key}", credits="{cash}",
                 amounts="100000"),
           "ck_journal_entry_links", _no_constraint("journal_entry", "ck_journal_entry_links")),
]  # fmt: skip

ATTACKS = [*_rewriting(), *WRITING_BY_HAND, *ENTRIES, *LINKS]
