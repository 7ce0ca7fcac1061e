"""A missing or unsafe setting stops the start, by name (运行参数)."""

import base64
import json

import pytest

from config.house import drawn, keep, signing_key
from config.settings import Settings, UnsafeSettings


@pytest.fixture
def data(tmp_path):
    """A data folder with a whole house.json."""
    told = drawn(tmp_path)
    names = ("owner_url", "database_url", "reader_url", "verifier_url")
    keep(tmp_path, {**told, **dict.fromkeys(names, "postgresql://x@/y"), "broker_url": "memory://"})
    signing_key(tmp_path)
    return tmp_path


def change(data, **words):
    """Change house.json, leaving out what is None."""
    told = {**json.loads((data / "house.json").read_text()), **words}
    keep(data, {name: value for name, value in told.items() if value is not None})


def test_a_whole_house_is_read(data):
    """参数齐全：读成一份不可更改的参数，密钥不出现在打印里。"""
    settings = Settings.from_environment({"ESCROW_DATA": str(data)})
    assert (settings.port, settings.region, settings.secure_cookies) == (8000, "141130", False)
    assert len(settings.index_key) == 32
    assert str(settings.secret_key) not in repr(settings)
    assert "BEGIN" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("database_url", "ESCROW_APP_URL"),
        ("owner_url", "ESCROW_OWNER_URL"),
        ("secret_key", "ESCROW_SECRET_KEY"),
        ("broker_url", "CELERY_BROKER_URL"),
        ("index_key", "ESCROW_INDEX_KEY"),
        ("party_keys", "ESCROW_PARTY_KEYS"),
    ],
)
def test_what_is_missing_is_named(data, name, variable):
    """缺一项参数：不启动，指出是哪一项，并说先执行什么。"""
    change(data, **{name: None})
    with pytest.raises(UnsafeSettings, match=f"{variable}.*make run"):
        Settings.from_environment({"ESCROW_DATA": str(data)})


@pytest.mark.parametrize("weak", [base64.b64encode(bytes(range(31))).decode(), "密钥", "a" * 43])
def test_a_weak_key_is_refused(data, weak):
    """密钥不足三十二字节或不是 base64：不启动。"""
    change(data, secret_key=weak)
    with pytest.raises(UnsafeSettings, match="ESCROW_SECRET_KEY"):
        Settings.from_environment({"ESCROW_DATA": str(data)})


@pytest.mark.parametrize("name", ["house.json", "signing-key.pem"])
def test_a_secret_others_may_read_is_refused(data, name):
    """密钥文件可被他人读取：不启动，指出文件。"""
    (data / name).chmod(0o640)
    with pytest.raises(UnsafeSettings, match=name):
        Settings.from_environment({"ESCROW_DATA": str(data)})


def test_the_environment_comes_first(data):
    """环境变量先于 house.json。"""
    told = {"ESCROW_DATA": str(data), "ESCROW_APP_URL": "postgresql+psycopg://a@/b", "PORT": "8123"}
    settings = Settings.from_environment(told)
    assert settings.database_url == "postgresql://a@/b"
    assert settings.port == 8123


def test_what_is_drawn_is_drawn_once(data):
    """口令与密钥只抽取一次；再次启动用的是同一份。"""
    before = (data / "house.json").read_text()
    assert drawn(data) == json.loads(before)
    key = (data / "signing-key.pem").read_bytes()
    signing_key(data)
    assert (data / "signing-key.pem").read_bytes() == key
