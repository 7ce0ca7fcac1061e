"""Where the house may send to: addresses from an allow-list, never the house's own neighbourhood (对外地址).

Source: OWASP ASVS V13.2.4 and V15.3.2. A name is looked up once, every answer is judged, and the connection
goes to the very address that was judged, so a name that changes its mind in between gains nothing.
"""

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LookUp = Callable[..., list[Any]]
PORTS = {"https": 443, "http": 80}
LONGEST = 500
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*", re.ASCII)
# Nothing that needs to be decoded, and no way up.
_PATH = re.compile(r"(/[A-Za-z0-9_~.-]*)*", re.ASCII)
# A last label that begins with a digit is an address in some spelling: only the plain one is read.
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.ASCII)
# IPv6 addresses that carry an IPv4 address: where it stands, counted from the right.
_CARRYING = {ipaddress.IPv6Network("64:ff9b::/96"): 0, ipaddress.IPv6Network("2002::/16"): 80,
             ipaddress.IPv6Network("::/96"): 0}  # fmt: skip
# Names for what every version of the standard library does not know as special.
_NEVER = [ipaddress.ip_network(said) for said in (
    "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15", "240.0.0.0/4",
    "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
)]  # fmt: skip


class PlaceRefused(ValueError):
    """An address the house does not send to; the message says why (不得送往的地址)."""


@dataclass(frozen=True, slots=True)
class Place:
    """A URL read strictly: scheme, host, port, path and nothing else (地址)."""

    scheme: str
    host: str
    port: int
    path: str

    def covers(self, other: "Place") -> bool:
        """Whether the other place is this one or lies below it (是否在名单之内)."""
        if (self.scheme, self.host, self.port) != (other.scheme, other.host, other.port):
            return False
        return other.path == self.path or other.path.startswith(self.path.rstrip("/") + "/")

    @property
    def authority(self) -> str:
        """What the Host header says (主机与端口)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def read_place(url: str) -> Place:
    """A URL in its one plain spelling (读地址). Raises PlaceRefused saying what is wrong."""
    if len(url) > LONGEST or not re.fullmatch(r"[\x21-\x7e]+", url) or "\\" in url:
        raise PlaceRefused(f"须为不超过 {LONGEST} 字符、不含空格与反斜杠的 ASCII 网址")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise PlaceRefused("不是网址") from None
    if parts.scheme not in PORTS or not parts.netloc:
        raise PlaceRefused("须以 https:// 开头")
    if "@" in parts.netloc or "?" in url or "#" in url:
        raise PlaceRefused("不得含用户名、密码、? 或 #：密钥另行交付，不写在网址里")
    if not _PATH.fullmatch(parts.path) or "/../" in parts.path + "/" or "/./" in parts.path + "/":
        raise PlaceRefused("路径只能含字母、数字和 _ ~ . -")
    if port == 0:
        raise PlaceRefused("端口不能为 0")
    return Place(parts.scheme, _host(parts.netloc, parts.hostname or ""), port or PORTS[parts.scheme],
                 parts.path or "/")  # fmt: skip


def read_places(listed: str) -> tuple[Place, ...]:
    """An allow-list: URLs separated by commas, each with all that lies below it (地址名单)."""
    return tuple(read_place(said.strip()) for said in listed.split(",") if said.strip())


def read_networks(listed: str) -> tuple[Network, ...]:
    """Networks separated by commas (网段名单). Raises ValueError."""
    return tuple(ipaddress.ip_network(said.strip()) for said in listed.split(",") if said.strip())


def settle(
    place: Place, networks: Sequence[Network], *, look_up: LookUp | None = None
) -> list[Address]:
    """The addresses to connect to, in the order told (解析并钉住). Raises PlaceRefused, or OSError.

    One forbidden answer of the name service forbids them all. Unencrypted only inside the networks named.
    """
    look_up = look_up or socket.getaddrinfo
    answers = look_up(place.host, place.port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    found = [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]
    if not found:
        raise OSError("no address")
    for address in found:
        named = any(address in network for network in networks)
        if not (named or is_open(address)):
            raise PlaceRefused("地址在本机、内网或保留网段，未经配置不得送往")
        if place.scheme == "http" and not named:
            raise PlaceRefused("未加密的地址只能在配置的网段之内")
    return found


def is_open(address: Address) -> bool:
    """Whether an address lies on the open internet: not loopback, private, link-local, reserved (公网地址)."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or _carried(address)
        if inner is not None and not is_open(inner):
            return False
        if address.ipv4_mapped:
            return True
    return (
        address.is_global
        and not (address.is_multicast or address.is_reserved or address.is_unspecified)
        and not any(address in network for network in _NEVER)
    )


def _carried(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    for network, shift in _CARRYING.items():
        if address in network:
            return ipaddress.IPv4Address((int(address) >> shift) & 0xFFFFFFFF)
    return None


def _host(netloc: str, host: str) -> str:
    """A name, or an address in its one spelling: not decimal, octal, hexadecimal or short (主机)."""
    try:
        if netloc.startswith("["):
            return str(ipaddress.IPv6Address(host)) if "%" not in host else _refuse_host()
        if _NUMERIC.fullmatch(host.rpartition(".")[2]):
            return host if str(ipaddress.IPv4Address(host)) == host else _refuse_host()
    except ValueError:
        _refuse_host()
    return host if _NAME.fullmatch(host) else _refuse_host()


def _refuse_host() -> str:
    raise PlaceRefused("主机须为域名，或写法规范的 IP 地址")
