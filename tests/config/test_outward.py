"""Where the house may send to, and where never (对外地址)."""

import ipaddress
import socket

import pytest

from config.outward import PlaceRefused, is_open, read_networks, read_place, read_places, settle
from config.settings import Settings, UnsafeSettings
from tests.config.test_settings import data

__all__ = ["data"]


def answering(*addresses):
    """A name service that knows one answer."""
    return lambda host, port, **_: [
        (socket.AF_INET6 if ":" in one else socket.AF_INET, 1, 6, "", (one, port)) for one in addresses
    ]


NEVER = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "192.0.0.170", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "224.0.1.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
    "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "ff0e::1", "2001:db8::1", "2001::1", "100::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2002:c0a8:101::",
    "fe80::1%eth0", "3fff::1", "5f00::1",
]  # fmt: skip


@pytest.mark.parametrize("address", NEVER)
def test_the_neighbourhood_is_never_sent_to(address):
    """本机、内网、链路本地、保留、组播和夹带这些的 IPv6 地址，域名解析到即不送。"""
    with pytest.raises(PlaceRefused):
        settle(read_place("https://a.example/x"), (), look_up=answering(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "114.114.114.114", "2400:3200::1", "::ffff:8.8.8.8"])
def test_the_open_internet_is(address):
    """公网地址可以送，连的就是核对过的那一个。"""
    found = settle(read_place("https://a.example/x"), (), look_up=answering(address))
    assert found == [ipaddress.ip_address(address)]


def test_one_bad_answer_among_good_ones_is_enough():
    """一个域名同时解析到公网和内网：不送。"""
    for answers in (("8.8.8.8", "10.0.0.1"), ("::1", "8.8.8.8")):
        with pytest.raises(PlaceRefused):
            settle(read_place("https://a.example/x"), (), look_up=answering(*answers))


def test_networks_named_by_the_bureau_are_allowed_and_no_more():
    """配置了的网段可以送，旁边的网段仍不行；未加密的只许在配置的网段内。"""
    inside = read_networks("10.20.0.0/16, fd00:1::/32")
    assert settle(read_place("http://a.example/x"), inside, look_up=answering("10.20.3.4"))
    assert settle(read_place("https://a.example/x"), inside, look_up=answering("fd00:1::5"))
    with pytest.raises(PlaceRefused):
        settle(read_place("https://a.example/x"), inside, look_up=answering("10.21.0.1"))
    with pytest.raises(PlaceRefused, match="未加密"):
        settle(read_place("http://a.example/x"), inside, look_up=answering("8.8.8.8"))


@pytest.mark.parametrize(
    "url",
    [
        "https://2130706433/", "https://0x7f000001/", "https://0x7f.0.0.1/", "https://017700000001/",
        "https://0177.0.0.1/", "https://127.1/", "https://127.0.1/", "https://127.0.0.01/",
        "https://1.2.3.4.5/",
        "https://a.0x1/", "https://127.0.0.1./", "https://a.example./", "https://[fe80::1%25eth0]/",
        "https://[::1%lo]/", "https://[::1/", "https://[v1.x]/", "https://１２７.0.0.1/", "https://a．example/",
        "https://user@a.example/", "https://a.example@10.0.0.1/", "https://u:p@a.example/", "https:///x",
        "https://", "//a.example/", "a.example", "ftp://a.example/", "file:///etc/passwd",
        "gopher://a.example/", "HTTPS//a.example", "https://a.example/?x=1", "https://a.example/#x",
        "https://a.example\\@b.example/",
        "https://a.example:0/", "https://a.example:99999/", "https://a.example:80a/", "https://a b.example/",
        "https://a.example/\r\nHost: b", "https://a.example/%2e%2e/x", "https://a.example/a/../b",
        "https://a.example/..", "https://a.example/./b", "https://-a.example/", "https://a..example/",
        "https://a_b.example/", "https://%61.example/", f"https://a.example/{'x' * 500}", "",
    ],
)  # fmt: skip
def test_only_the_plain_spelling_of_an_address_is_read(url):
    """十进制、八进制、十六进制、省写的 IP，带用户名、查询串、反斜杠、换行、上级目录的网址，一律不读。"""
    with pytest.raises(PlaceRefused):
        read_place(url)


def test_the_allow_list_covers_what_lies_below_it_and_nothing_beside_it():
    """名单逐条核对协议、主机、端口和整段路径。"""
    (allowed,) = read_places("https://A.example/hooks")
    for url in ("https://a.example/hooks", "https://a.example:443/hooks/x", "https://a.EXAMPLE/hooks/"):
        assert allowed.covers(read_place(url)), url
    for url in (
        "http://a.example/hooks", "https://a.example:8443/hooks", "https://a.example/hooksx",
        "https://b.a.example/hooks", "https://a.example.b/hooks", "https://a.example/",
    ):  # fmt: skip
        assert not allowed.covers(read_place(url)), url


def test_addresses_in_numbers_may_be_written_plainly():
    """规范写法的 IP 可以读，是否可送另由网段核对。"""
    assert read_place("https://[2400:3200::1]:8443/x").authority == "[2400:3200::1]:8443"
    assert read_place("https://8.8.8.8/").host == "8.8.8.8"
    assert not is_open(ipaddress.ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("ESCROW_SUBSCRIBER_URLS", "https://a.example, ftp://b.example"),
        ("ESCROW_SUBSCRIBER_NETWORKS", "10.0.0.1/8"),
        ("ESCROW_SUBSCRIBER_NETWORKS", "inside"),
    ],
)
def test_a_list_with_a_fault_stops_the_start(data, name, listed):
    """名单里有一项写错：不启动，指出是哪个参数；不写即为空。"""
    with pytest.raises(UnsafeSettings, match=name):
        Settings.from_environment({"ESCROW_DATA": str(data), name: listed})
    settings = Settings.from_environment({"ESCROW_DATA": str(data)})
    assert (settings.subscriber_urls, settings.subscriber_networks) == ((), ())
