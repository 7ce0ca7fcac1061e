"""The house rules a machine can check: floors, sizes, names, guards, law and words (房规)."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
CODE = ("config", "ledger", "escrow", "migrations", "tests")
BANNED = {"utils", "helpers", "common", "misc", "managers", "services", "base"}
# Doors that anybody may knock at: signing in, the token door, health, public keys, the API's own paper.
PUBLIC = {
    "static", "access.sign_in", "oauth.token", "health.healthz", "health.readyz", "health.metrics",
    "documents.docs", "documents.openapi", "filing_keys.signing_keys",
}  # fmt: skip
# Pinyin that Chinese programmers reach for; a word of an identifier equal to one of these is refused.
PINYIN = (
    "jine yue zhanghu zijin hetong beian jianguan yusou yushou xiangmu loupan fangwu fangyuan weixiu "
    "jijin kaifa kaifashang maifang goufang shoufu daikuan gongjijin yinhang liushui pingzheng fenlu "
    "jiekuan huankuan shenhe shenpi jingban fuhe tuikuan bokuan yongkuan dengji louzhuang danyuan "
    "mianji danjia zongjia chongzheng duizhang riqi shijian leixing zhuangtai bianhao mingcheng dizhi "
    "dianhua shenfenzheng yonghu mima quanxian chaxun"
)


def sources(*folders: str) -> Iterator[Path]:
    """Every Python file of ours."""
    for folder in folders or CODE:
        yield from sorted(path for path in (HOUSE / folder).rglob("*.py"))
    if not folders:
        yield HOUSE / "wsgi.py"


def place(path: Path, line: int = 0) -> str:
    """Where something is, as an editor opens it."""
    return f"{path.relative_to(HOUSE)}:{line}"


def trees(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    """Every file of ours, parsed."""
    for path in sources(*folders):
        yield path, ast.parse(path.read_text())


def test_floors_and_purity_hold():
    """楼层与纯净：谁可以引用谁，由 import-linter 按 pyproject.toml 的约定检查。"""
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_functions_and_files_are_short():
    """函数不过四十行，文件不过三百行，一行不过一百一十字；测试里的故事与样本可以长一些。"""
    found = []
    for path, tree in trees():
        lines = path.read_text().splitlines()
        longest, body = (450, 80) if "tests" in path.parts else (300, 40)
        width = 120 if "bench" in path.parts else 110
        found += [place(path, n) for n, line in enumerate(lines, 1) if len(line) > width]
        found += [f"{place(path)} 共 {len(lines)} 行"] if len(lines) > longest else []
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > body:
                found.append(f"{place(path, node.lineno)} {node.name}")
    assert not found, "\n".join(found)


def test_no_room_for_odds_and_ends():
    """没有杂物间：不设 utils、helpers、common 之类的文件或文件夹。"""
    paths = [path for folder in CODE for path in (HOUSE / folder).rglob("*")]
    assert not [place(path) for path in paths if path.stem.lower() in BANNED]


def test_every_room_has_a_doorplate():
    """每间房有门牌：__init__.py 只有一段不超过十二行的说明，没有代码。"""
    found = []
    for path, tree in trees("config", "ledger", "escrow"):
        if path.name != "__init__.py":
            continue
        only_words = len(tree.body) == 1 and ast.get_docstring(tree)
        if not only_words or len(path.read_text().splitlines()) > 12:
            found.append(place(path))
    rooms = [path for path in (HOUSE / "escrow").iterdir() if path.is_dir() and list(path.glob("*.py"))]
    found += [place(room) for room in rooms if not (room / "__init__.py").exists()]
    assert not found


def test_names_are_english():
    """标识符只用英文词：不用汉字，也不用拼音。"""
    found = []
    for path, tree in trees():
        for node in ast.walk(tree):
            name = getattr(node, "name", None) or getattr(node, "id", None) or getattr(node, "arg", None)
            if not isinstance(name, str):
                continue
            words = set(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_"))
            if not name.isascii() or words & set(PINYIN.split()):
                found.append(f"{place(path, getattr(node, 'lineno', 0))} {name}")
    assert not found, "\n".join(found)


def test_the_ledger_knows_no_house():
    """账簿不认得房屋：ledger 里没有房屋、业主、维修资金这些词，哪一个房间的钱它都一样记。"""
    words = re.compile(r"house|maintenance|unit_code|房屋|业主|维修", re.IGNORECASE)
    found = [
        place(path, n) for path, _ in trees("ledger")
        for n, line in enumerate(path.read_text().splitlines(), 1) if words.search(line)
    ]  # fmt: skip
    assert not found, "\n".join(found)


def test_money_is_never_a_float():
    """金额不经浮点：ledger 与各房间里没有 float 字样，也没有带小数点的数字常量参与金额。"""
    found = []
    for path, tree in trees("ledger"):
        for node in ast.walk(tree):
            named = isinstance(node, ast.Name) and node.id == "float"
            written = isinstance(node, ast.Constant) and isinstance(node.value, float)
            if named or written:
                found.append(place(path, getattr(node, "lineno", 0)))
    assert not found


def test_only_doors_commit():
    """只有 config/database.py 提交事务；动作里没有 commit、refresh。"""
    found = [
        f"{place(path, node.lineno)} {node.func.attr}"
        for path, tree in trees("escrow", "ledger")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in {"commit", "refresh"}
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in {"session", "transaction", "connection"}
    ]
    assert not found


def test_no_page_is_drawn_while_a_connection_is_held():
    """网页在交还数据库连接之后才绘制：绘制中还要查询的，人多时会互相等待。"""
    found = [
        place(path, inner.lineno)
        for path, tree in trees("escrow")
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        and any(re.search(r"\.(read|begin)\(\)", ast.unparse(one.context_expr)) for one in node.items)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Call) and getattr(inner.func, "id", "") == "render_template"
    ]
    assert not found, "\n".join(found)


def test_no_page_is_told_a_word_its_macros_already_mean():
    """交给网页的事实与它引入的宏不重名：宏会悄悄盖过事实，页面要到用时才出错。"""
    macros = {
        one.relative_to(HOUSE / "escrow/templates").as_posix(): {
            name.strip()
            for said in re.findall(r"{%-? from \S+ import (.*?)(?: with context)? ?-?%}", one.read_text())
            for name in said.split(",")
        }
        for one in (HOUSE / "escrow/templates").rglob("*.html")
    }
    assert "facts" in macros["withdrawals/show.html"]
    found = []
    for path, tree in trees("escrow"):
        nodes = list(ast.walk(tree))
        called = [one for one in nodes if isinstance(one, ast.Call)]
        drawn = [one for one in called if "render_template" in ast.unparse(one.func)]
        pages = [one.args[0].value for one in drawn if one.args and isinstance(one.args[0], ast.Constant)]
        words = set[str]().union(*(macros.get(page, set()) for page in pages))
        told = {word.arg for one in drawn for word in one.keywords} | {
            key.value for one in nodes if drawn and isinstance(one, ast.Dict) for key in one.keys
            if isinstance(key, ast.Constant)
        }  # fmt: skip
        found += [f"{place(path)} {word}" for word in words & told]
    assert not found, "\n".join(found)


def test_every_module_says_what_it_knows():
    """每个模块以一句话说明它知道什么。"""
    assert not [place(path) for path, tree in trees() if not ast.get_docstring(tree)]


def test_every_test_says_what_is_true():
    """每个测试用一句中文说明什么是真的。"""
    chinese = re.compile(r"[一-鿿]")
    found = [
        f"{place(path, node.lineno)} {node.name}"
        for path, tree in trees("tests")
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        and not chinese.search(ast.get_docstring(node) or "")
    ]  # fmt: skip
    assert not found, "\n".join(found)


def test_every_error_has_a_label():
    """每个错误有稳定的英文代码和中文说明，代码不重复。"""
    import escrow.errors
    import ledger.errors

    for path in sources("escrow"):
        if path.name not in ("application.py", "commands.py"):
            __import__(".".join(path.relative_to(HOUSE).with_suffix("").parts).removesuffix(".__init__"))
    families = [escrow.errors.EscrowError, ledger.errors.LedgerError]
    kinds = [kind for family in families for kind in (family, *_descendants(family))]
    for kind in kinds:
        assert re.fullmatch(r"[a-z][a-z0-9-]*", kind.code), kind
        assert re.search(r"[一-鿿]", kind.label), kind
    codes = [kind.code for kind in kinds]
    assert len(codes) == len(set(codes)), sorted(code for code in codes if codes.count(code) > 1)


def _descendants(kind: type) -> Iterator[type]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def test_every_law_key_exists_and_is_used():
    """程序引用的每一条法规参数都在表里，表里的每一条都有人用。"""
    held = {
        (path.stem, key)
        for path in (HOUSE / "config" / "law").rglob("*.toml")
        for key, value in tomllib.loads(path.read_text()).items()
        if isinstance(value, dict)
    }
    text = "\n".join(path.read_text() for path in sources("escrow"))
    asked = set(re.findall(r"""law\w*\[\s*["'](\w+)["']\s*\]""", text))
    assert asked <= {key for _, key in held}
    unused = {key for _, key in held if not re.search(rf"""["']{key}["']""", text)}
    assert not unused


def test_migrations_are_numbered():
    """迁移以四位数字和一个名词命名，一条线，不引用应用代码。"""
    versions = sorted((HOUSE / "migrations" / "versions").glob("*.py"))
    assert [path.name[:4] for path in versions] == [f"{n:04d}" for n in range(1, len(versions) + 1)]
    for path in versions:
        assert re.fullmatch(r"\d{4}_[a-z]+(_[a-z]+)?\.py", path.name), path.name
        said = dict(re.findall(r"^(revision|down_revision)\b[^=]*= *(\S+)", path.read_text(), re.M))
        number = int(path.name[:4])
        assert said["revision"].strip("\"'") == f"{number:04d}"
        assert said["down_revision"].strip("\"'") == ("None" if number == 1 else f"{number - 1:04d}")
        assert not re.search(r"^\s*(from|import) (escrow|ledger|config)\b", path.read_text(), re.M), path.name


@pytest.fixture(scope="module")
def application(blank_settings):
    """The whole house, without a database: only its plan is read."""
    from escrow.application import create_app

    nowhere = "postgresql://nobody@/nowhere?host=/nonexistent"
    return create_app(replace(blank_settings, database_url=nowhere, owner_url=nowhere))


def test_every_route_has_a_guard(application):
    """每个入口都有门卫，或在很短的公开名单里。"""
    open_doors = {
        rule.endpoint
        for rule in application.url_map.iter_rules()
        if not getattr(application.view_functions[rule.endpoint], "guard", None)
    }
    assert open_doors <= PUBLIC
    assert application.url_map.bind("localhost").match("/healthz")


def test_no_two_rooms_lend_pages_one_word(application):
    """借给网页的用语，各房间不重名：后登记的会悄悄盖过先登记的。"""
    with application.test_request_context():
        lent = [word for lend in application.template_context_processors[None] for word in lend()]
    assert sorted(lent) == sorted(set(lent))


def test_every_task_rings_or_is_called(application):
    """每个后台任务都在节拍表里，或有人调用；节拍表里没有不存在的任务。"""
    from escrow.tasks import BEAT

    celery = application.extensions["celery"]
    celery.loader.import_default_modules()
    ours = {name for name in celery.tasks if name.startswith("escrow.")}
    rung = {entry["task"] for entry in BEAT.values()}
    assert rung <= ours
    text = "\n".join(path.read_text() for path in sources("escrow"))
    called = set(re.findall(r"\b(\w+)\.(?:delay|apply_async)\b", text))
    assert {name for name in ours - rung if name.rpartition(".")[2] not in called} == set()
