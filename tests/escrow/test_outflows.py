"""出账须有凭据：没有指令、冲正、扣划、更正或变更的凭据，钱不能从监管专户记出（数据库自己守）。"""

from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from escrow import chart
from tests.estate import Estate, build, officers
from tests.releasing import refused_by


def scene_of(house: Any, app: Any) -> Any:
    """一号楼额度一百元，另有九百元一般资金。"""
    built = build(house, officers(house, "liuli", "wangyi"), quotas={"1": "100.00"}, nodes={"封顶": "0.40"})
    built.put("1", "100.00")
    building = chart.building_key(built.buildings["1"])
    built.move(chart.DEPOSITS_AT_BANK, chart.GENERAL_FUNDS, "900.00", key=building)
    return SimpleNamespace(estate=built)


@pytest.mark.parametrize("code", [chart.GENERAL_FUNDS, chart.TRANSFER_IN_TRANSIT, chart.UNMATCHED])
def test_no_money_leaves_without_a_paper(estate: Estate, code: str) -> None:
    """直接记“借监管资金、贷监管专户存款”，提交时被拒，什么都不留下。"""
    before = estate.held()
    key = chart.building_key(estate.buildings["1"]) if code == chart.GENERAL_FUNDS else ""
    if code == chart.UNMATCHED:
        estate.move(chart.DEPOSITS_AT_BANK, chart.UNMATCHED, "5.00")
        before = estate.held()
    with pytest.raises(DBAPIError, match="no paper says why"):
        estate.move(code, chart.DEPOSITS_AT_BANK, "1.00", debit_key=key)
    assert estate.held() == before


@pytest.mark.parametrize(
    "attack",
    [
        "INSERT INTO bank_outflow (entry_id, amount, from_transit) SELECT max(id), 1, true FROM"
        " ledger.journal_entry",
        "UPDATE bank_outflow SET amount = 1",
        "DELETE FROM bank_outflow",
        "TRUNCATE bank_outflow",
    ],
)
def test_the_list_of_outflows_is_the_guards_own(estate: Estate, attack: str) -> None:
    """出账清单只由数据库自己写：应用角色写不进、改不了、删不掉。"""
    with pytest.raises(psycopg.errors.InsufficientPrivilege), estate.house.connect() as connection:
        connection.execute(attack)


def test_the_owner_cannot_rewrite_it_either(estate: Estate) -> None:
    """撤防后记出的一笔，事后也补不成、删不掉。"""
    with estate.house.connect("owner") as connection:
        connection.execute("ALTER TABLE bank_outflow DISABLE TRIGGER outflow_explained")
    estate.move(
        chart.GENERAL_FUNDS, chart.DEPOSITS_AT_BANK, "1.00",
        debit_key=chart.building_key(estate.buildings["1"]),
    )  # fmt: skip
    for attack in ("UPDATE bank_outflow SET amount = 2", "DELETE FROM bank_outflow", "TRUNCATE bank_outflow"):
        with pytest.raises(psycopg.Error) as caught, estate.house.connect("owner") as connection:
            connection.execute(attack)
        assert refused_by(caught) == "written_once"
