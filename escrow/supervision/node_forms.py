"""A node claim, a correction and a decision as an officer fills them in (节点申报表、更正表、决定)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from wtforms import Form

from escrow.fields import ReadField, read_day, read_text, read_uscc
from escrow.forms import DigestField
from escrow.supervision.schedules import PARTIES, Paper, PaperKind

# The rows of a claim; several photographs make one claim (申报表各行).
ROWS: Mapping[str, PaperKind] = {
    "declaration": PaperKind.DECLARATION, "contractor": PaperKind.CONTRACTOR,
    "engineer": PaperKind.ENGINEER, "photo1": PaperKind.PHOTO, "photo2": PaperKind.PHOTO,
    "photo3": PaperKind.PHOTO, "acceptance": PaperKind.ACCEPTANCE,
}  # fmt: skip


def _line(longest: int) -> Callable[[str], str]:
    return lambda said: read_text(said, longest)


class PaperForm(Form):
    """One file that proves a node; a blank row is no file (一份材料)."""

    file_hash = DigestField("文件", optional=True)
    dated_on = ReadField("出具或拍摄日期", read_day, optional=True)
    firm = ReadField("单位", _line(100), optional=True)
    firm_no = ReadField("统一社会信用代码", lambda said: read_uscc(said.strip().upper()), optional=True)
    signer = ReadField("签字人", _line(50), optional=True)
    note = ReadField("文号或拍摄地点", _line(200), optional=True)

    kind: PaperKind

    @property
    def is_blank(self) -> bool:
        """Nothing was typed into the row (空行)."""
        return not any(field.typed for field in self if isinstance(field, ReadField))

    def validate(self, extra_validators: Mapping[str, Sequence[Any]] | None = None) -> bool:
        """A row that is begun is finished: what its kind must say is said (必填项)."""
        good = bool(super().validate(extra_validators))
        if self.is_blank:
            return good
        needed: tuple[Any, ...] = (self.file_hash, self.dated_on)
        if self.kind in PARTIES:
            needed = (*needed, self.firm, self.firm_no, self.signer)
        if self.kind is PaperKind.PHOTO:
            needed = (*needed, self.note)
        missing = [field for field in needed if not field.typed]
        for field in missing:
            field.errors = ["必填。"]
        return good and not missing

    def paper(self) -> Paper:
        """What was handed in."""
        said = self.data
        return Paper(kind=self.kind, **said)


def paper_forms(typed: Any = None) -> dict[str, PaperForm]:
    """The blank rows, or what was typed into them (各份材料)."""
    found = {}
    for name, kind in ROWS.items():
        found[name] = PaperForm(typed, prefix=f"{name}-")
        found[name].kind = kind
    return found


class ClaimForm(Form):
    """Which node is claimed (申报节点)."""

    node = ReadField("申报节点", _line(64))


class CorrectionForm(Form):
    """An order that puts a building back; no node: before the first (更正录入)."""

    node = ReadField("退回到节点", _line(64), optional=True)
    grounds = ReadField("更正事由", _line(200))
    note = ReadField("更正文书文号", _line(200))
    dated_on = ReadField("文书日期", read_day)
    file_hash = DigestField("文书文件")

    def order(self) -> Paper:
        """The order itself."""
        said = self.data
        return Paper(PaperKind.ORDER, said["file_hash"], said["dated_on"], note=said["note"])


class SiteForm(Form):
    """When the bureau looked at the site (现场核查)."""

    site_checked_on = ReadField("现场核查日期", read_day)


