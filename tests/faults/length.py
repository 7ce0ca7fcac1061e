"""How long the faults last: each pair once in `make test`, many times in `make faults` (短、长两种)."""

import os

import pytest

# So often each pair is struck; 0 is the short form.
ROUNDS = int(os.environ.get("FAULTS_ROUNDS", "0"))
LONG = ROUNDS > 0
MARKS = [pytest.mark.slow]
