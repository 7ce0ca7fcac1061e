"""How long the faults last: each pair once in `make test`, many times in `make faults` (短、长两种)."""

import os
from typing import Any

import pytest

# So often each pair is struck; 0 is the short form.
ROUNDS = int(os.environ.get("FAULTS_ROUNDS", "0"))
LONG = ROUNDS > 0
# One after the other beside the other tests; on every core where they are alone.
MARKS: list[Any] = [pytest.mark.slow, *([] if LONG else [pytest.mark.xdist_group("faults")])]
