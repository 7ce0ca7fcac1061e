"""Numbers that the real world would accept: unit codes, credit codes, resident IDs (编号). Pure."""

from random import Random

from stdnum.cn import ric, uscc

USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def unit_code(region: str, zone: int, parcel: int, place: tuple[int, int]) -> str:
    """A 28-character real-estate unit code (不动产单元代码): 县 6, 地籍区与子区 6, GB 宗地 5, F 幢 4 户 4."""
    return f"{region}{zone % 1_000_000:06d}GB{parcel:05d}F{place[0]:04d}{place[1]:04d}"


def developer_id(chance: Random, region: str) -> str:
    """A unified social credit code of a company, with its check character (统一社会信用代码)."""
    body = "91" + region + "".join(chance.choice(USCC_ALPHABET) for _ in range(9))
    return body + str(uscc.calc_check_digit(body))


def resident_id(chance: Random, region: str) -> str:
    """A resident's number of a grown-up, with its check character (公民身份号码)."""
    born = f"{chance.randint(1958, 2003)}{chance.randint(1, 12):02d}{chance.randint(1, 28):02d}"
    body = f"{region}{born}{chance.randint(1, 999):03d}"
    return body + str(ric.calc_check_digit(body + "0"))


def digits(chance: Random, count: int) -> str:
    """So many digits (一串数字)."""
    return "".join(chance.choice("0123456789") for _ in range(count))
