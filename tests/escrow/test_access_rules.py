"""Passwords, roles and waits, without a database (口令、岗位与限速规则)."""

from datetime import timedelta
from itertools import combinations

import pyotp
import pytest

from escrow.access.passwords import (
    common_passwords,
    draw_totp_secret,
    hash_password,
    password_matches,
    totp_step,
)
from escrow.access.rules import (
    ALONE,
    FREE_TRIES,
    LONGEST_WAIT,
    PERMISSIONS,
    Role,
    allowed,
    client_faults,
    password_faults,
    role_faults,
    wait_after,
)
from tests.desk import AS_IN_THE_HOUSE

NAMES = ("zhangwei", "张伟", "G2031")


def faults(password: str) -> list[str]:
    return password_faults(password, names=NAMES, common=common_passwords())


@pytest.mark.parametrize(
    "password",
    [
        "corect horse 7 battery",
        "交口县城北两棵老槐树开花了",
        "a" * 3 + "Vx9#kQ2m!pL",
        "x7" + "风" * 2 + "Lq93-vv_Tz" * 7,
    ],
)
def test_a_long_password_nobody_would_guess_is_accepted(password):
    """十二位以上、不易猜的口令应予接受，六十四位以上和中文也可以。"""
    assert faults(password) == []


@pytest.mark.parametrize(
    "password",
    [
        "123456789012",
        "qwertyuiop123456",
        "aaaaaaaaaaaaaa",
        "abcabcabcabcabc",
        "1qaz2wsx3edc",
        "WoAiNi1314520",
        "Admin@123456",
        "zyxwvutsrqponm",
    ],
)
def test_a_common_password_is_refused(password):
    """常见口令、键盘顺序和重复片段一律不得使用。"""
    assert "这个口令太常见，容易被猜到" in faults(password)


def test_eleven_characters_are_too_few_and_twelve_are_enough():
    """十一位不行，十二位可以。"""
    assert faults("k7#Vm2!pQzx") == ["口令至少 12 位"]
    assert faults("k7#Vm2!pQzxW") == []


@pytest.mark.parametrize("password", ["my-zhangwei-2026-x", "张伟的口令不告诉你们哦呀", "xx-g2031-secret-9"])
def test_a_password_with_ones_own_name_is_refused(password):
    """口令不得包含用户名、姓名或工号，不论大小写。"""
    assert faults(password) == ["口令不能包含用户名、姓名或工号"]


def test_control_characters_are_refused():
    """口令里不能有控制字符。"""
    assert "口令不能含控制字符" in faults("good long\x00password 93")


def test_every_stored_hash_is_argon2id_and_salted():
    """口令以 argon2id 存放，同一口令两次的摘要不同。"""
    first, second = hash_password("交口县城北两棵老槐树"), hash_password("交口县城北两棵老槐树")
    assert first.startswith("$argon2id$")
    assert AS_IN_THE_HOUSE.hash("口令").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert first != second
    assert password_matches(first, "交口县城北两棵老槐树")
    assert not password_matches(first, "交口县城北两棵老槐樹")
    assert not password_matches(None, "交口县城北两棵老槐树")


def test_the_one_who_watches_does_no_business():
    """三员分立：审计、安全管理员不得兼任任何其他岗位，也没有任何业务权限。"""
    for pair in combinations(Role, 2):
        assert bool(role_faults(set(pair))) == bool(ALONE & set(pair))
    assert {name for name in PERMISSIONS if allowed({Role.ADMIN}, name)} == {
        "officers", "subscribers", "watch-deliveries", "watch-night", "send-again", "own-account",
    }  # fmt: skip
    assert {name for name in PERMISSIONS if allowed({Role.AUDITOR}, name)} == {
        "read", "audit", "watch-deliveries", "watch-night", "own-account",
    }  # fmt: skip
    assert role_faults(set()) and role_faults({"boss"})


def test_entering_and_approving_are_different_duties():
    """录入与批准分属不同岗位。"""
    assert PERMISSIONS["enter-registration"].isdisjoint(PERMISSIONS["confirm-registration"])
    assert PERMISSIONS["enter-release"].isdisjoint(PERMISSIONS["approve-release"])


def test_waits_double_and_stop_growing():
    """前几次失败不等待，其后逐次加倍，至多十五分钟。"""
    free = FREE_TRIES["officer"]
    waits = [wait_after("officer", tries) for tries in range(1, 21)]
    assert waits[: free - 1] == [timedelta(0)] * (free - 1)
    assert waits[free - 1 : free + 2] == [timedelta(seconds=seconds) for seconds in (30, 60, 120)]
    assert waits[-1] == LONGEST_WAIT == max(waits)


def test_a_code_counts_for_its_own_step_and_its_neighbours():
    """动态口令前后各容一步（30 秒），再早再晚都不认。"""
    secret, now = draw_totp_secret(), 1_800_000_000.0

    def code_at(shift):
        return pyotp.TOTP(secret).at(int(now + shift))

    assert totp_step(secret, code_at(0), now=now) == 60_000_000
    assert totp_step(secret, code_at(-30), now=now) == 59_999_999
    assert totp_step(secret, code_at(30), now=now) == 60_000_001
    assert totp_step(secret, code_at(-60), now=now) is None
    assert totp_step(secret, code_at(60), now=now) is None


@pytest.mark.parametrize("code", ["", "12345", "1234567", "１２３４５６", "12e456", "-12345", "\x00" * 6])
def test_what_is_not_six_plain_digits_is_no_code(code):
    """动态口令只认六位半角数字。"""
    assert totp_step(draw_totp_secret(), code) is None


def test_a_bank_client_speaks_for_one_bank():
    """银行客户端必须写明银行，其他客户端不得写。"""
    assert client_faults("bank-icbc", {"bank"}, "icbc") == {}
    assert set(client_faults("bank-icbc", {"bank"}, None)) == {"bank_code"}
    assert set(client_faults("platform", {"platform"}, "icbc")) == {"bank_code"}
    assert set(client_faults("Bad Id", set(), None)) == {"client_id", "scopes"}
