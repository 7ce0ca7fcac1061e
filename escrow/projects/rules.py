"""What a project and its unit register must satisfy (项目与楼盘表). Pure."""

from enum import StrEnum


class Structure(StrEnum):
    """Building structure, which the maintenance standard depends on (房屋结构)."""

    MASONRY = "masonry"
    FRAME = "frame"
    HIGHRISE = "highrise"


class UnitUse(StrEnum):
    """What a unit is for (房屋用途)."""

    RESIDENTIAL = "residential"
    OTHER = "other"


class UnitStatus(StrEnum):
    """Where a unit stands between the register and its buyer's title (房屋状态)."""

    AVAILABLE = "available"
    DRAFTED = "drafted"
    FILED = "filed"
    REGISTERED = "registered"
