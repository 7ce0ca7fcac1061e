"""How large a number in an address may be: what its column holds (地址里的编号)."""

from werkzeug.routing import BaseConverter, IntegerConverter, Map


class Number(IntegerConverter):
    """A row's number, of an integer column (编号); with a larger one there is no such address: 404.

    It takes no arguments, so no address can say a bound of its own.
    """

    largest = 2**31 - 1

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=self.largest)


class BigNumber(Number):
    """A row's number, of a bigint column (长编号)."""

    largest = 2**63 - 1


CONVERTERS: dict[str, type[BaseConverter]] = {"int": Number, "bigint": BigNumber}
