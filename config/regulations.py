"""Law as dated, cited values (法规参数): what was in force on a day, in a region, and where it is written. Pure.

A narrower division's values replace the wider's, key by key: config/law/*.toml is the floor everywhere,
config/law/14/*.toml is Shanxi's, config/law/410425/*.toml one county's.
"""

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import Any

from config.clock import bureau_day

LAW_FOLDER = Path(__file__).parent / "law"
SETTING = "本局设定"
UNSUPPORTED = "本局设定（待补依据）"
NATIONAL = ""
# Units whose values are exact decimals, written as text in the tables so that no float can creep in.
DECIMAL_UNITS = frozenset({"元/平方米", "比例"})
# How a region's value can fall short of the floor (低于全国底线的方向).
WEAKER: Mapping[str, Callable[[Any, Any], bool]] = MappingProxyType({
    "lower": lambda value, floor: value < floor,
    "higher": lambda value, floor: value > floor,
    "false": lambda value, floor: floor and not value,
    "never": lambda value, floor: False,
})  # fmt: skip


class LawError(ValueError):
    """A law table cannot be used; says which file and which key (法规表有误)."""


@dataclass(frozen=True, slots=True)
class Provision:
    """One value of the law, from one day on, with its source (条款)."""

    value: Any
    citation: str
    unit: str
    in_force_from: date
    verified_on: date
    setting: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One key of a subject in one division: all its values, the earliest first (法规项)."""

    title: str
    unit: str
    weaker: str
    provisions: tuple[Provision, ...]

    def on(self, day: date) -> Provision | None:
        """The value in force on a day, if any (当日有效的条款)."""
        started = [provision for provision in self.provisions if provision.in_force_from <= day]
        return started[-1] if started else None


class Law(Mapping[str, Provision]):
    """What one subject's law says on one day in one region (当日适用的规定)."""

    def __init__(self, day: date, subject: str, region: str, provisions: dict[str, Provision]) -> None:
        self.day, self.subject, self.region = day, subject, region
        self._provisions = MappingProxyType(provisions)

    def __getitem__(self, key: str) -> Provision:
        return self._provisions[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._provisions)

    def __len__(self) -> int:
        return len(self._provisions)

    def in_force_from(self, keys: Iterable[str]) -> date:
        """The day since which these parts of the law have read as they do (现行规定的起始日)."""
        return max(self[key].in_force_from for key in keys)

    def stored(self, keys: Iterable[str] | None = None) -> dict[str, Any]:
        """The law as a decision keeps it, so that it can be judged again; only `keys` where given (随决定存档)."""
        return {
            "subject": self.subject, "region": self.region, "day": self.day.isoformat(),
            "provisions": {
                key: {
                    "value": _plain(found.value), "citation": found.citation, "unit": found.unit,
                    "in_force_from": found.in_force_from.isoformat(),
                    "verified_on": found.verified_on.isoformat(),
                }
                for key, found in self.items()
                if keys is None or key in keys
            },
        }  # fmt: skip


# division prefix -> subject -> key -> rule
Tables = dict[str, dict[str, dict[str, Rule]]]


@lru_cache(maxsize=4096)
def law_on(day: date, subject: str, region: str) -> Law:
    """The law of a subject on a bureau day in a county; KeyError where no such subject or day is known."""
    if not (len(region) == 6 and region.isascii() and region.isdigit()):
        raise KeyError(f"行政区划代码应为六位数字：{region!r}")
    tables = _tables()
    provisions: dict[str, Provision] = {}
    for key in tables[NATIONAL][subject]:
        found = [
            provision
            for division in divisions_of(region, tables)
            if (rule := tables[division].get(subject, {}).get(key)) and (provision := rule.on(day))
        ]
        if not found:
            raise KeyError(f"{day} 没有规定：{subject}.{key}")
        provisions[key] = found[-1]
    return Law(day, subject, region, provisions)


def divisions_of(region: str, tables: Tables) -> list[str]:
    """The divisions with tables of their own that a county lies in, the widest first (所属区划)."""
    return sorted((division for division in tables if region.startswith(division)), key=len)


def listed(tables: Tables | None = None) -> list[str]:
    """One line a value: where, what, since when, and where it is written (逐条列出)."""
    return [
        f"{name} {_said(one.value)}（{one.unit}），{one.verified_on} 核对，依据：{one.citation}"
        for name, one in _each(tables or _tables())
    ]


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return "、".join(f"{name} {_said(inner)}" for name, inner in value.items())
    return ("否", "是")[value] if isinstance(value, bool) else str(value)


def report(today: date | None = None) -> list[str]:
    """What the law officer should know: how much is our own setting, and what was not checked for a year."""
    tables = _tables()
    every = [provision for _, provision in _each(tables)]
    settings = sum(provision.setting for provision in every)
    unsupported = sum(provision.citation == UNSUPPORTED for provision in every)
    head = f"法规参数 {len(every)} 条：本局设定 {settings} 条，其中待补依据 {unsupported} 条"
    return [head, *stale(today or bureau_day(), tables), *weaker_than_floor(tables)]


def stale(today: date, tables: Tables | None = None) -> list[str]:
    """Texts that nobody has checked for over a year (逾一年未核对的条款)."""
    found = []
    for name, provision in _each(tables or _tables()):
        if _a_year_after(provision.verified_on) < today:
            found.append(f"警告：{name} 上次核对于 {provision.verified_on}，已逾一年（{provision.citation}）")
    return found


def weaker_than_floor(tables: Tables | None = None) -> list[str]:
    """Where a region asks for less than the national floor of that day (低于全国底线的地方参数)."""
    tables = tables or _tables()
    found = []
    for division, subject, key, rule in _rules(tables):
        floor = tables[NATIONAL][subject][key]
        for day in sorted({one.in_force_from for one in (*rule.provisions, *floor.provisions)}):
            local, national = rule.on(day), floor.on(day)
            if local and national and _is_weaker(floor.weaker, local.value, national.value):
                asked = f"{_plain(local.value)} 低于全国底线 {_plain(national.value)}"
                found.append(f"警告：{division}/{subject}.{key} 自 {day}：{asked}")
    return found


def _is_weaker(direction: str, value: Any, floor: Any) -> bool:
    if isinstance(floor, Mapping):
        return any(
            name not in value or _is_weaker(direction, value[name], least) for name, least in floor.items()
        )
    return bool(WEAKER[direction](value, floor))


@cache
def _tables() -> Tables:
    return load(LAW_FOLDER)


def load(folder: Path) -> Tables:
    """Read every table under a folder; LawError names the file and the key that is wrong (读取法规表)."""
    tables: Tables = {NATIONAL: _read_division(folder, {})}
    for division in sorted(path for path in folder.iterdir() if path.is_dir()):
        if not (division.name.isdigit() and 2 <= len(division.name) <= 6):
            raise LawError(f"{division}：文件夹名应为行政区划代码的前几位")
        tables[division.name] = _read_division(division, tables[NATIONAL])
    return tables


def _read_division(folder: Path, national: dict[str, dict[str, Rule]]) -> dict[str, dict[str, Rule]]:
    subjects = {}
    for file in sorted(folder.glob("*.toml")):
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise LawError(f"{file}：{error}") from None
        floor = national.get(file.stem, {})
        if national and not content.keys() <= floor.keys():
            raise LawError(f"{file}：全国底线中没有 {'、'.join(sorted(content.keys() - floor.keys()))}")
        subjects[file.stem] = {
            key: _read_rule(f"{file} [{key}]", raw, floor.get(key)) for key, raw in content.items()
        }
    return subjects


def _read_rule(where: str, raw: dict[str, Any], floor: Rule | None) -> Rule:
    about = {"title": floor.title, "unit": floor.unit, "weaker": floor.weaker} if floor else raw
    for name in ("title", "unit", "weaker"):
        if not isinstance(about.get(name), str) or not about[name]:
            raise LawError(f"{where}：缺少 {name}")
    if about["weaker"] not in WEAKER:
        raise LawError(f"{where}：weaker 须为 {'、'.join(WEAKER)} 之一")
    provisions = tuple(_read_provision(where, one, about["unit"]) for one in raw.get("in_force", []))
    if not provisions:
        raise LawError(f"{where}：没有任何条款")
    days = [provision.in_force_from for provision in provisions]
    if any(later <= earlier for earlier, later in pairwise(days)):
        raise LawError(f"{where}：起始日须逐条递增")
    return Rule(about["title"], about["unit"], about["weaker"], provisions)


def _read_provision(where: str, raw: dict[str, Any], unit: str) -> Provision:
    if missing := [
        name for name in ("from", "value", "citation", "verified_on") if raw.get(name) in (None, "")
    ]:
        raise LawError(f"{where}：缺少 {'、'.join(missing)}")
    if unknown := raw.keys() - {"from", "value", "citation", "verified_on", "note"}:
        raise LawError(f"{where}：未知的 {'、'.join(sorted(unknown))}")
    for name in ("from", "verified_on"):
        if type(raw[name]) is not date:
            raise LawError(f"{where}：{name} 须为日期")
    citation = raw["citation"]
    if not isinstance(citation, str) or citation != citation.strip():
        raise LawError(f"{where}：citation 须为文字")
    value = _read_value(where, raw["value"], unit)
    return Provision(
        value, citation, unit, raw["from"], raw["verified_on"], SETTING in citation, raw.get("note", "")
    )


def _read_value(where: str, raw: Any, unit: str) -> Any:
    """A value without floats: exact decimals from text, tables read-only."""
    if isinstance(raw, dict):
        return MappingProxyType(
            {name: _read_value(f"{where}.{name}", value, unit) for name, value in raw.items()}
        )
    if unit in DECIMAL_UNITS:
        try:
            exact = Decimal(raw) if isinstance(raw, str) else None
        except InvalidOperation:
            exact = None
        if exact is None or not exact.is_finite() or exact < 0:
            raise LawError(f'{where}：value 须为文字写成的非负小数，如 "96.00"')
        return exact
    if not isinstance(raw, bool | int | str):
        raise LawError(f"{where}：value 须为布尔、整数或文字")
    return raw


def _rules(tables: Tables) -> Iterator[tuple[str, str, str, Rule]]:
    for division, subjects in tables.items():
        for subject, rules in subjects.items():
            for key, rule in rules.items():
                yield division, subject, key, rule


def _each(tables: Tables) -> Iterator[tuple[str, Provision]]:
    for division, subject, key, rule in _rules(tables):
        for provision in rule.provisions:
            yield f"{division or '全国'}/{subject}.{key}（{provision.in_force_from} 起）", provision


def _a_year_after(day: date) -> date:
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return date(day.year + 1, 3, 1)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    return str(value) if isinstance(value, Decimal) else value
