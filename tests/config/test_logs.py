"""Nobody's whole number is written to a log, whatever goes wrong (日志脱敏)."""

import json

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from config.logs import configure_logs, masked


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("证件 11010519491231002X。", "证件 110105********002X。"),
        ("Key (phone)=(13800001234) exists", "Key (phone)=(138****1234) exists"),
        ("serial 202511200000000001234567", "serial 202511200000000001234567"),
        ("unit 141130001001GB00001F00010001", "unit 141130001001GB00001F00010001"),
    ],
)
def test_ids_and_telephones_are_masked(said, kept):
    """身份证号与手机号脱敏；流水号、单元代码原样。"""
    assert masked(said) == kept


def test_an_error_is_one_line_without_local_variables(capsys):
    """出错时只记一行 JSON：有调用栈，没有局部变量的值，没有完整的证件号。"""
    configure_logs()
    secret = "令牌".join(["甲", "乙"])
    try:
        raise ValueError("11010519491231002X")
    except ValueError as error:
        structlog.get_logger().error("fault", number="n1", exc_info=error)
    (line,) = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert told["event"] == "fault"
    assert "ValueError: 110105********002X" in told["exception"]
    assert secret not in line


def test_a_database_error_does_not_tell_the_values(session):
    """数据库报错不带语句参数的值。"""
    with pytest.raises(DBAPIError) as refused:
        session.execute(text("SELECT CAST(:name AS int)"), {"name": "田秀英"})
    assert "田秀英" not in str(refused.value).partition("[SQL:")[2]
