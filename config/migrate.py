"""Brings a database to the newest migration, from inside another program (执行迁移)."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

HOUSE = Path(__file__).resolve().parents[1]


def alembic_config(url: str) -> Config:
    """[tool.alembic] of pyproject.toml, told which database (迁移参数)."""
    found = Config(toml_file=HOUSE / "pyproject.toml")
    found.attributes["url"] = url
    return found


def head() -> str | None:
    """The newest migration's number (最新迁移)."""
    return ScriptDirectory.from_config(alembic_config("")).get_current_head()


def upgrade(url: str) -> None:
    """Run what is missing, as the owner `url` names (升级)."""
    if head():
        command.upgrade(alembic_config(url), "head")
