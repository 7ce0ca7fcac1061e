"""One fresh house per test that wants its own, and the scenes that stand in it (测试底座)."""

import copy
import gc
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import text
from sqlalchemy.orm import Session

from config.database import Database
from config.settings import Settings
from tests.cluster import TEMPLATE, Cluster, start_cluster, stop_cluster
from tests.nursery import Nursery, nursery

# Told to the workers of a parallel run: where the one server is.
CLUSTER = "ESCROW_TEST_CLUSTER"
_first: list[Database] = []


def quick(made: Database) -> Database:
    """Statements are compiled once in a run: every engine learns from the first (共用编译)."""
    if not _first:
        made.engine.connect().close()
        _first.append(made)
    made.engine.dialect = _first[0].engine.dialect
    made.engine._compiled_cache = _first[0].engine._compiled_cache
    return made


@dataclass(slots=True)
class House:
    """A fresh database with real commits, and the way into it for every role (一套全新的系统)."""

    name: str
    cluster: Cluster
    settings: Settings
    database: Database = field(init=False)

    def __post_init__(self) -> None:
        self.database = quick(Database(self.settings))

    def url(self, role: str = "app") -> str:
        """owner, app, reader, verifier or superuser."""
        return self.cluster.url(role, self.name)

    def connect(self, role: str = "app", **options: Any) -> psycopg.Connection[Any]:
        """A plain psycopg connection as one role."""
        return psycopg.connect(self.url(role), **options)


def settle(database: Database) -> None:
    """Wait for every transaction begun before: the server is shared; seals and events wait for them too."""
    with database.begin() as session:
        mine = session.scalar(text("SELECT pg_current_xact_id()::text::bigint"))
    for _ in range(1000):
        with database.begin() as session:
            if session.scalar(text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")) > mine:
                return
        time.sleep(0.02)
    raise AssertionError("其他事务迟迟没有结束")


def pytest_configure(config: pytest.Config) -> None:
    """In a parallel run the one server belongs to the controller, which outlives every worker."""
    # Looking for garbage less often makes a run a tenth shorter.
    gc.set_threshold(50_000, 20, 100)
    if getattr(config.option, "numprocesses", None) and not config.option.collectonly:
        config.stash[_STARTED] = cluster = start_cluster()
        os.environ[CLUSTER] = cluster.sockets


def pytest_collection_finish() -> None:
    """What was imported by now stays: the collector need not walk it again and again."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """The controller stops what it started."""
    if started := config.stash.get(_STARTED, None):
        stop_cluster(started)


# Each on one worker from the run's first minute: long, one after the other, and mostly waiting (同归一处).
TOGETHER = ("tests/faults/", "tests/brokers/")
# Held to seconds of the clock: begun when the others are nearly done (计时的在后).
TIMED = "tests/config/test_launching.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, what is timed last (先长后短)."""
    items.sort(key=lambda item: (item.nodeid.startswith(TIMED), not item.nodeid.startswith(TOGETHER)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """In a parallel run the tests of one scene go to one worker, which builds it once (同场景的归一处)."""
    if config.getvalue("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    @cache
    def has_scene(path: str) -> bool:
        return "scene_of" in (config.rootpath / path).read_text()

    class ByScene(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = nodeid.partition("::")[0]
            folder = next((one for one in TOGETHER if path.startswith(one)), "")
            return folder or (path if has_scene(path) else nodeid)

    config.option.loadscopereorder = False
    return ByScene(config, log)


_STARTED = pytest.StashKey[Cluster]()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The run's PostgreSQL: the controller's, or our own when the run is not parallel."""
    if CLUSTER in os.environ:
        ours = Cluster(os.environ[CLUSTER])
        yield ours
        ours.leave()
        return
    own = start_cluster()
    yield own
    stop_cluster(own)


@pytest.fixture(scope="session")
def nest() -> Iterator[Nursery]:
    """Where worker, beat and web processes are started (代启处)."""
    with nursery() as made:
        yield made


@pytest.fixture(scope="session")
def signing_key_pem() -> bytes:
    """A freshly drawn ES256 key (签名私钥)."""
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


@pytest.fixture(scope="session")
def blank_settings(tmp_path_factory: pytest.TempPathFactory, signing_key_pem: bytes) -> Settings:
    """Settings of a house without a database."""
    return Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        database_url="", owner_url="", reader_url="", verifier_url="",
        broker_url="memory://", secret_key=secrets.token_bytes(32),
        party_keys={"test": secrets.token_bytes(32)}, index_key=secrets.token_bytes(32),
        signing_key_pem=signing_key_pem, testing=True,
    )  # fmt: skip


def settings_for(cluster: Cluster, name: str, blank: Settings) -> Settings:
    """The blank settings, pointed at one database."""
    urls = {f"{role}_url": cluster.url(role, name) for role in ("owner", "reader", "verifier")}
    return replace(blank, database_url=cluster.url("app", name), **urls)


@contextmanager
def housed(cluster: Cluster, blank: Settings, template: str = TEMPLATE) -> Iterator[House]:
    """A house on a copy of the template, or of another house nobody is connected to; dropped at the end."""
    name = f"house_{secrets.token_hex(6)}"
    cluster.clone(name, template)
    fresh = House(name, cluster, settings_for(cluster, name, blank))
    yield fresh
    fresh.database.dispose()
    cluster.drop(name)


@dataclass(frozen=True, slots=True)
class Stage:
    """A scene that was built once, for every test of a module to begin in a copy of it (搭好的场景)."""

    house: House
    app: Any
    made: Any

    def copied(self, house: House, app: Any) -> Any:
        """The scene as it stands in another house: whatever knew the first now knows this one."""
        pairs = [(self.house, house), (self.house.database, house.database), (self.app, app)]
        pairs += [(self.house.settings, house.settings), (self.house.cluster, house.cluster)]
        return copy.deepcopy(self.made, {id(first): second for first, second in pairs})


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, cluster: Cluster, blank_settings: Settings, built: Any
) -> Iterator[Stage | None]:
    """What the module's own `scene_of(house, app)` builds, once; most modules have none (共用场景)."""
    make = getattr(request.module, "scene_of", None)
    if make is None:
        yield None
        return
    with housed(cluster, blank_settings) as first:
        with applied(built, first) as app:
            made = make(first, app)
        first.database.dispose()
        yield Stage(first, app, made)


@pytest.fixture
def house(cluster: Cluster, blank_settings: Settings, stage: Stage | None) -> Iterator[House]:
    """A fresh house for one test, with real commits; the module's scene stands in it (一套全新的系统)."""
    with housed(cluster, blank_settings, stage.house.name if stage else TEMPLATE) as fresh:
        yield fresh


@pytest.fixture
def scene(stage: Stage, house: House, app: Any) -> Any:
    """This test's own copy of the module's scene (本例的场景)."""
    return stage.copied(house, app)


@pytest.fixture(scope="module")
def struck(cluster: Cluster, blank_settings: Settings, stage: Stage) -> Iterator[Any]:
    """One more copy of the scene, the whole module's: for statements that are refused (供攻击的场景)."""
    with housed(cluster, blank_settings, stage.house.name) as copy:
        yield stage.copied(copy, None)


@pytest.fixture
def empty_house(cluster: Cluster, blank_settings: Settings) -> Iterator[House]:
    """A fresh house in which no scene stands (没有场景的系统)."""
    with housed(cluster, blank_settings) as fresh:
        yield fresh


def part(name: str) -> Any:
    """A fixture for one part of the module's scene (场景的一部分)."""
    return pytest.fixture(lambda scene: getattr(scene, name), name=name)


county, made, town, estate, site = map(part, ("county", "made", "town", "estate", "site"))
gone, fund, people, desks = map(part, ("gone", "fund", "people", "desks"))


@pytest.fixture(scope="session")
def shared_house(cluster: Cluster, blank_settings: Settings) -> Iterator[House]:
    """One database per worker for tests that undo what they did."""
    with housed(cluster, blank_settings) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def demo(
    cluster: Cluster, blank_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """The demo, loaded once by its command; tests have copies of it (装好的演示)."""
    from escrow.application import create_app

    with housed(cluster, blank_settings) as first:
        first.settings = replace(first.settings, data_dir=tmp_path_factory.mktemp("demo"))
        town = create_app(first.settings)
        said = town.test_cli_runner().invoke(args=["demo"])
        assert said.exit_code == 0, said.output
        for used in (town.extensions["database"], first.database):
            used.dispose()
        yield first


@pytest.fixture
def demo_house(cluster: Cluster, blank_settings: Settings, demo: House, tmp_path: Path) -> Iterator[House]:
    """A copy of the demo with a data folder of its own (演示的副本)."""
    with housed(cluster, blank_settings, demo.name) as copy:
        shutil.copytree(demo.settings.data_dir, tmp_path, dirs_exist_ok=True)
        copy.settings = replace(copy.settings, data_dir=tmp_path)
        yield copy


@pytest.fixture
def session(shared_house: House) -> Iterator[Session]:
    """A session as the application, undone at the end whatever it committed (事后撤销的会话)."""
    with shared_house.database.engine.connect() as connection:
        outer = connection.begin()
        with Session(
            connection, expire_on_commit=False, autoflush=False, join_transaction_mode="create_savepoint"
        ) as inside:
            yield inside
        outer.rollback()


@pytest.fixture
def settings(house: House) -> Settings:
    """The settings of this test's house."""
    return house.settings


@pytest.fixture(scope="session")
def built(blank_settings: Settings) -> Any:
    """The application without a house, put together once: that takes a quarter of a second (装配好的应用)."""
    from escrow.application import create_app

    return create_app(replace(blank_settings, database_url="postgresql://nobody@/nowhere?host=/nonexistent"))


@contextmanager
def applied(built: Any, house: House) -> Iterator[Any]:
    """The whole application on a house (应用)."""
    from escrow.access.rates import prepare_rates
    from escrow.tasks import create_celery

    made = copy.copy(built)
    made.config = copy.copy(built.config)
    # One pool for the test and the application: a fresh connection learns every guard anew.
    made.extensions = built.extensions | {"settings": house.settings, "database": house.database}
    made.extensions["celery"] = create_celery(made, house.settings)
    prepare_rates(made)
    yield made


@pytest.fixture
def app(built: Any, house: House) -> Iterator[Any]:
    """The whole application on this test's house (应用)."""
    with applied(built, house) as made:
        yield made


@pytest.fixture
def empty_app(built: Any, empty_house: House) -> Iterator[Any]:
    """The application where no scene stands (没有场景的应用)."""
    with applied(built, empty_house) as made:
        yield made


@pytest.fixture
def own_app(house: House) -> Iterator[Any]:
    """An application a test may add to (另装的应用)."""
    from escrow.application import create_app

    made = create_app(house.settings)
    yield made
    made.extensions["database"].dispose()


@pytest.fixture
def client(app: Any) -> Any:
    """A test client of the application."""
    return app.test_client()
