"""The demo, and a small county played against a real web server on the loopback."""

import json
import os
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyotp
import pytest
from flask import Flask
from sqlalchemy import text

from escrow.access.models import ApiClient, Officer
from escrow.application import create_app
from escrow.rehearsal.county import Size
from escrow.rehearsal.play import Stage, perform
from escrow.rehearsal.wires import InsideWire, System, Timings
from tests.desk import Hired, sign_in

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def home(demo_house: Any) -> Any:
    """Settings of a copy of the demo with a data folder of its own."""
    return demo_house.settings


@pytest.fixture
def loaded(home: Any) -> Path:
    """The demo's credentials file."""
    return Path(home.data_dir) / "demo-credentials.json"


@pytest.fixture
def town(home: Any) -> Iterator[Flask]:
    made = create_app(home)
    yield made
    made.extensions["database"].dispose()


@pytest.fixture
def address(home: Any, loaded: Path) -> Iterator[str]:
    """A web server of one process on the loopback."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "config" / "gunicorn.py"), "wsgi:app"]
    told = {**os.environ, **_environment(home), "PORT": str(port), "WEB_PROCESSES": "1"}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    server = subprocess.Popen(command, cwd=ROOT, env=told, **silent)
    try:
        _wait(url)
        yield url
    finally:
        server.terminate()
        server.wait(20)


def test_demo_is_usable(town: Flask, loaded: Path) -> None:
    """装入之后：凭据仅本人可读，客户端都领得到令牌，三个以上在售项目有可售房屋，两家银行，各阶段俱全。"""
    assert stat.S_IMODE(loaded.stat().st_mode) == 0o600
    told = json.loads(loaded.read_text())
    assert {"platform", "filing", "registration", "payment"} < set(told["clients"])
    assert len([name for name in told["clients"] if name.startswith("bank-")]) >= 2
    for one in told["clients"].values():
        _system(town, one).headers()
    platform = _system(town, told["clients"]["platform"])
    projects = platform.ask("GET", "/projects").json["items"]
    assert {project["status"] for project in projects} >= {"proposed", "active", "released"}
    for project in [one for one in projects if one["status"] == "active"][:3]:
        assert platform.ask("GET", f"/projects/{project['project_no']}/units?status=available").json["items"]


def test_demo_holds_a_fund_account(town: Flask, loaded: Path) -> None:
    """演示库里有一个维修资金专户，各小区已建账，已备案的户由建设单位代缴足额，各级余额相符；一户登记之后又转让。"""
    with town.extensions["database"].read() as session:
        fund = session.execute(text("SELECT status, bank_code FROM fund_account")).all()
        built, paid, short = session.execute(text(
            "SELECT count(*), count(*) FILTER (WHERE b.balance > 0),"
            "       count(*) FILTER (WHERE k.status = 'filed' AND b.balance = 0)"
            "  FROM house h JOIN house_balance b ON b.house_id = h.id"
            "  LEFT JOIN contract k ON k.unit_id = h.unit_id AND k.status <> 'cancelled'"
        )).one()  # fmt: skip
        wrong = session.execute(text("SELECT * FROM fund_disagreements()")).all()
        known = session.execute(text("SELECT count(*), count(DISTINCT house_id) FROM house_ownership")).one()
    assert tuple(known) == (2, 1)
    assert fund == [("active", "102")]
    assert (built, short, wrong) == (196, 0, [])
    assert paid >= 10


def test_demo_officers_sign_in_at_once(town: Flask, loaded: Path) -> None:
    """装入一完成，每名人员凭验证器上此刻的动态口令即可登录：演示自己用过的口令不占他们的。"""
    with town.extensions["database"].read() as session:
        assert {officer.totp_last_step for officer in session.query(Officer)} == {0}
    for one in json.loads(loaded.read_text())["officers"]:
        who = Hired(one["username"], one["password"], one["totp_secret"])
        answer = sign_in(town.test_client(), who, code=pyotp.TOTP(who.secret).now())
        assert answer.status_code == 303, (who.username, answer.text)


def test_demo_twice(town: Flask, loaded: Path) -> None:
    """第二次装入什么也不做；凭据文件丢失（装到一半被中止）时重新装入，密钥重新生成。"""
    written = loaded.read_text()
    assert town.test_cli_runner().invoke(args=["demo"]).exit_code == 0
    assert loaded.read_text() == written
    before = json.loads(written)
    loaded.unlink()
    said = town.test_cli_runner().invoke(args=["demo"])
    assert said.exit_code == 0, said.output
    after = json.loads(loaded.read_text())
    assert after["clients"]["filing"]["client_secret"] != before["clients"]["filing"]["client_secret"]
    _system(town, after["clients"]["filing"]).headers()
    with town.extensions["database"].read() as session:
        assert session.query(ApiClient).count() == len(after["clients"])


def test_small_county(town: Flask, loaded: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """两个项目四十套演一遍：没有意外应答，账面与报送逐户相符，各项核验通过；再演一遍不相冲突。"""
    with town.app_context():
        for seed in (1, 1):
            fine = perform(Size("141130", 2, 40), seed, Stage(address, loaded, 3))
            said = capsys.readouterr().out
            assert fine, said
            assert "账面与报送逐户相符" in said
            assert "deposit-short" in said
            assert "deposit-missing" in said
            time.sleep(1)


def _system(town: Flask, one: dict[str, str]) -> System:
    return System(InsideWire(town), one["client_id"], one["client_secret"], Timings())


def _environment(home: Any) -> dict[str, str]:
    key = home.data_dir / "signing-key.pem"
    key.write_bytes(home.signing_key_pem)
    key.chmod(0o600)
    names = [f"{name}:{b64encode(held).decode()}" for name, held in home.party_keys.items()]
    return {
        "ESCROW_DATA": str(home.data_dir), "ESCROW_APP_URL": home.database_url,
        "ESCROW_OWNER_URL": home.owner_url, "ESCROW_READER_URL": home.reader_url,
        "ESCROW_VERIFIER_URL": home.verifier_url, "CELERY_BROKER_URL": "memory://",
        "ESCROW_SECRET_KEY": b64encode(home.secret_key).decode(), "ESCROW_PARTY_KEYS": ",".join(names),
        "ESCROW_INDEX_KEY": b64encode(home.index_key).decode(),
    }  # fmt: skip


def _wait(url: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        with suppress(OSError):
            with suppress(urllib.error.HTTPError), urllib.request.urlopen(f"{url}/healthz", timeout=5):
                pass
            return
        assert time.monotonic() < deadline, "the server did not come up"
        time.sleep(0.1)
