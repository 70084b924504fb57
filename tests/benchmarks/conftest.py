"""Let tests import the benchmarks, which are no part of the installation."""

from __future__ import annotations

import sys

import helpers

if str(helpers.ROOT) not in sys.path:
    sys.path.append(str(helpers.ROOT))
