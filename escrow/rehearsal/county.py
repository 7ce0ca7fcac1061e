"""A county that could be (虚拟县): projects, units, buyers, payment plans and mishaps. Pure."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from random import Random
from typing import Any

from escrow.rehearsal.numbers import developer_id, digits, resident_id, unit_code

SMALLEST, LARGEST = 20, 120
SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕"
GIVEN = "秀英建国志强桂兰海燕文军丽华晓明玉珍春梅国栋永红俊杰雪松佳宁思远"
ESTATES = ["云水", "锦绣", "凤凰", "龙泉", "翠微", "金鼎", "紫薇", "望江", "和顺", "民康", "玉兰", "祥和", "盛世", "书香", "阳光", "万和"]
ENDINGS = ["苑", "小区", "府", "家园", "华庭", "新城", "里", "院"]
# One in ten units stays unsold (未售比例).
UNSOLD_EVERY = 10


class Course(StrEnum):
    """How the money of one contract comes (资金到账的情形)."""

    PLAIN = "按时足额"
    WRONG_NOTICE = "通知书号错误"
    SHORT = "少缴"
    DOUBLE = "重复报送"
    OUT_OF_ORDER = "冲正先于入账到达"
    REVERSED_BEFORE = "备案前冲正"
    REVERSED_AFTER = "备案后冲正"
    SILENCE = "银行无应答后重发"


# Contracts in a hundred; what is left is plain (每百份合同中的份数).
SHARES = {
    Course.WRONG_NOTICE: 3, Course.SHORT: 4, Course.DOUBLE: 4, Course.OUT_OF_ORDER: 2,
    Course.REVERSED_BEFORE: 2, Course.REVERSED_AFTER: 2, Course.SILENCE: 3,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """How large a county is (规模). Raises ValueError where no project could be of a fitting size."""

    region: str
    projects: int
    units: int

    def __post_init__(self) -> None:
        if not self.projects * SMALLEST <= self.units <= self.projects * LARGEST:
            raise ValueError(
                f"{self.projects} 个项目须有 {self.projects * SMALLEST} 至 {self.projects * LARGEST} 套"
            )


@dataclass(frozen=True, slots=True)
class Run:
    """One performance: its number keeps it apart from every other on the same server (场次)."""

    number: int
    today: date
    banks: tuple[str, ...] = ("102", "105")

    @property
    def label(self) -> str:
        """The mark that project, contract and serial numbers of this run carry."""
        return f"{self.number:010d}"


@dataclass(frozen=True, slots=True)
class Site:
    """A project with its account (项目)."""

    project_no: str
    body: dict[str, Any] = field(repr=False)
    agreement: dict[str, Any] = field(repr=False)

    @property
    def account_no(self) -> str:
        return str(self.agreement["account_no"])

    @property
    def bank(self) -> str:
        """The bank's code (开户行)."""
        return str(self.agreement["bank_code"])

    @property
    def units(self) -> list[dict[str, Any]]:
        """Every unit of every building (全部房屋)."""
        return [unit for building in self.body["buildings"] for unit in building["units"]]

    @property
    def building_nos(self) -> list[str]:
        return [building["building_no"] for building in self.body["buildings"]]


@dataclass(frozen=True, slots=True)
class Deal:
    """A contract and how its money comes (一份合同)."""

    contract_no: str
    site: Site = field(repr=False)
    body: dict[str, Any] = field(repr=False)
    course: Course
    pays_loan: bool


@dataclass(frozen=True, slots=True)
class County:
    """Everything that is going to happen (全县)."""

    run: Run
    sites: list[Site]
    deals: list[Deal]


def imagine(size: Size, seed: int, run: Run) -> County:
    """The county of this size; the same seed, run and day bring the same one (生成)."""
    chance = Random(f"{seed}:{size.region}:{size.projects}:{size.units}")  # noqa: S311
    sites = [
        _site(chance, size.region, run, (number, count))
        for number, count in enumerate(_spread(chance, size), start=1)
    ]
    sold = [
        (site, unit)
        for site in sites
        for place, unit in enumerate(site.units, start=1)
        if place % UNSOLD_EVERY
    ]
    courses = _courses(chance, len(sold))
    deals = [
        _deal(chance, run, (number, site, unit), course)
        for number, ((site, unit), course) in enumerate(zip(sold, courses, strict=True), start=1)
    ]
    return County(run, sites, deals)


def _spread(chance: Random, size: Size) -> list[int]:
    """How many units each project has; together exactly as many as asked."""
    counts = [SMALLEST] * size.projects
    left = size.units - sum(counts)
    while left:
        at = chance.randrange(size.projects)
        more = min(left, chance.randint(1, 25), LARGEST - counts[at])
        counts[at] += more
        left -= more
    return counts


def _courses(chance: Random, count: int) -> list[Course]:
    """Fixed shares, at least one of each where there are contracts enough, in drawn order."""
    least = 1 if count > len(SHARES) else 0
    found = [course for course, share in SHARES.items() for _ in range(max(least, count * share // 100))]
    found += [Course.PLAIN] * (count - len(found))
    chance.shuffle(found)
    return found


def _site(chance: Random, region: str, run: Run, told: tuple[int, int]) -> Site:
    number, count = told
    name = chance.choice(ESTATES) + chance.choice(ENDINGS)
    company = f"{name}置业有限公司"
    permitted = run.today - timedelta(days=chance.randint(20, 200))
    buildings = _buildings(chance, (region, run.number, number), count)
    body = {
        "name": f"{name}（{number}期）", "region": region,
        "developer": {"developer_id": developer_id(chance, region), "name": company},
        "permit": {
            "permit_no": f"（{region}）房预售证第{run.label}{number:03d}号", "issued_on": permitted.isoformat(),
        },
        "buildings": buildings,
    }  # fmt: skip
    return Site(f"P{run.label}-{number:03d}", body, _agreement(chance, run, number, (company, buildings)))


def _buildings(chance: Random, ground: tuple[str, int, int], count: int) -> list[dict[str, Any]]:
    """Two to six buildings; the units go round, so each has its share."""
    shares = [0] * chance.randint(2, 6)
    for at in range(count):
        shares[at % len(shares)] += 1
    found = []
    for number, share in enumerate(shares, start=1):
        on_floor = chance.randint(2, 4)
        floors = -(-share // on_floor)
        units = []
        for at in range(share):
            room = (at // on_floor + 1) * 100 + at % on_floor + 1
            area = f"{chance.randint(80, 139)}.{chance.randint(0, 99):02d}"
            code = unit_code(*ground, (number, room))
            units.append({"unit_code": code, "room_no": str(room), "area": area, "use": "residential"})
        structure = "highrise" if floors > 6 else chance.choice(["masonry", "frame"])
        found.append({"building_no": str(number), "structure": structure, "floors": floors, "units": units})
    return found


def _agreement(chance: Random, run: Run, number: int, whose: tuple[str, list[Any]]) -> dict[str, Any]:
    company, buildings = whose
    quotas = [
        {"building_no": building["building_no"], "amount": f"{len(building['units']) * 180000}.00"}
        for building in buildings
    ]
    return {
        "agreement_no": f"JG{run.label}-{number:03d}", "bank_code": run.banks[number % len(run.banks)],
        "account_no": f"6222{run.label}{number:05d}", "account_name": f"{company}预售资金监管专户",
        "signed_on": (run.today - timedelta(days=chance.randint(1, 15))).isoformat(),
        "clauses": {
            "quota_mode": "floor", "quotas": quotas,
            "nodes": [{"node": "主体封顶", "locked_ratio": "0.5"}, {"node": "竣工验收", "locked_ratio": "0.05"}],
            "excess_use": "超出监管额度的资金用于本项目建设", "release": [], "review_days": 5,
        },
    }  # fmt: skip


def _deal(chance: Random, run: Run, told: tuple[int, Site, dict[str, Any]], course: Course) -> Deal:
    number, site, unit = told
    square = int(str(unit["area"]).replace(".", ""))
    price = square * chance.randint(50, 80) // 100 * 100  # whole yuan, so 5,000–8,000 a square metre
    body = {
        "project_no": site.project_no, "unit_code": unit["unit_code"], "price": f"{price}.00",
        "buyers": [_buyer(chance, site) for _ in range(chance.choice([1, 1, 2]))],
        "payments": _payments(chance, run.today, price),
    }  # fmt: skip
    return Deal(f"HT{run.label}-{number:05d}", site, body, course, pays_loan=chance.random() < 0.6)


def _buyer(chance: Random, site: Site) -> dict[str, Any]:
    name = chance.choice(SURNAMES) + "".join(chance.choice(GIVEN) for _ in range(chance.randint(1, 2)))
    number = resident_id(chance, str(site.body["region"]))
    return {"name": name, "id_type": "resident", "id_no": number, "phone": "13" + digits(chance, 9)}


def _payments(chance: Random, today: date, price: int) -> list[dict[str, Any]]:
    """Cash, a bank's loan, or the provident fund's (全款、按揭、公积金)."""
    plan = chance.choice(["full", "cash", "loan", "loan", "loan", "provident_fund"])
    down = price * chance.choice([20, 30, 30, 40]) // 100
    if plan == "full":
        asked = [("full", price, 0, "own")]
    elif plan == "cash":
        first = [("earnest", 20000, 0, "own"), ("down", down - 20000, 0, "own")]
        asked = [*first, ("final", price - down, 60, "own")]
    else:
        asked = [("down", down, 0, "own"), ("loan", price - down, 45, plan)]
    return [
        {
            "payment_kind": kind, "amount": f"{amount}.00", "source": source,
            "due_on": (today + timedelta(days=days)).isoformat(),
        }
        for kind, amount, days, source in asked
    ]  # fmt: skip
