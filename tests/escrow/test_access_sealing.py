"""Sealing, searching and masking personal data (个人信息的加密、检索与脱敏)."""

import secrets
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escrow.access.sealing import (
    SealBroken,
    blind_index,
    key_id_of,
    mask_account,
    mask_id,
    mask_name,
    mask_phone,
    seal,
    unseal,
)

NUMBER = "11010519491231002X"


def test_a_sealed_number_opens_again_and_shows_nothing(blank_settings):
    """加密后看不出原文，解密后一字不差；同一号码两次的密文不同。"""
    first, second = seal(NUMBER, blank_settings), seal(NUMBER, blank_settings)
    assert first != second
    assert NUMBER.encode() not in first
    assert unseal(first, blank_settings) == unseal(second, blank_settings) == NUMBER


def test_a_value_opens_only_where_it_belongs(blank_settings):
    """密文抄到别的行上打不开。"""
    value = seal(NUMBER, blank_settings, context="party:1")
    assert unseal(value, blank_settings, context="party:1") == NUMBER
    with pytest.raises(SealBroken):
        unseal(value, blank_settings, context="party:2")


def test_every_changed_byte_is_noticed(blank_settings):
    """密文改动任何一个字节，都解不开。"""
    value = seal("田秀英", blank_settings)
    for at in range(len(value)):
        broken = bytearray(value)
        broken[at] ^= 1
        with pytest.raises(SealBroken):
            unseal(bytes(broken), blank_settings)
    for cut in range(len(value)):
        with pytest.raises(SealBroken):
            unseal(value[:cut], blank_settings)


def test_a_new_key_seals_and_the_old_one_still_opens(blank_settings):
    """换钥后新值用新钥，旧值仍能解开；撤去旧钥则解不开。"""
    old = seal(NUMBER, blank_settings)
    fresh = {"k2": secrets.token_bytes(32)}
    rotated = replace(blank_settings, party_keys={**fresh, **blank_settings.party_keys})
    new = seal(NUMBER, rotated)
    assert (key_id_of(old), key_id_of(new)) == ("test", "k2")
    assert unseal(old, rotated) == unseal(new, rotated) == NUMBER
    with pytest.raises(SealBroken):
        unseal(old, replace(blank_settings, party_keys=fresh))


def test_the_index_finds_the_same_number_only_with_the_key(blank_settings):
    """同一号码的不同写法检索到一处；没有密钥算不出。"""
    index = blind_index(NUMBER, blank_settings)
    assert index == blind_index(" 11010519491231002x ", blank_settings)
    assert index == blind_index("１１０１０５１９４９１２３１００２Ｘ", blank_settings)
    assert index != blind_index("110105194912310038", blank_settings)
    assert index != blind_index(NUMBER, replace(blank_settings, index_key=b"k" * 32))


@pytest.mark.parametrize(
    ("mask", "plain", "shown"),
    [
        (mask_name, "田秀英", "田**"),
        (mask_name, "田英", "田**"),
        (mask_name, "欧阳修文", "欧**"),
        (mask_name, "", ""),
        (mask_id, NUMBER, "110105********002X"),
        (mask_id, "E12345678", "E******78"),
        (mask_id, "H1234", "*****"),
        (mask_phone, "13800001234", "138****1234"),
        (mask_phone, "12345", "*****"),
        (mask_account, "6217000010001234567", "***************4567"),
        (mask_account, "4567", "****"),
    ],
)
def test_masks_show_only_what_a_clerk_needs(mask, plain, shown):
    """屏幕和接口上只显示脱敏后的内容。"""
    assert mask(plain) == shown


# What is written with stars is hidden already, and reads the same when masked: "*0000".
@given(st.text(st.characters(exclude_characters="*"), min_size=1, max_size=40))
def test_no_mask_ever_gives_the_whole_away(plain):
    """不论填的是什么，脱敏后都不等于原文。"""
    for mask in (mask_id, mask_phone, mask_account):
        assert mask(plain) != plain
