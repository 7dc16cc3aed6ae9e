"""Our own modules for browsers, run by node."""

from __future__ import annotations

import json
from typing import Any

from sorgente.control.static import WEB
from tests.support.npm import node, run


def in_module(name: str, body: str, argument: object = None) -> Any:
    """What the function body ``body`` returns, with ``module`` and ``argument`` in scope."""
    text = json.dumps([str(WEB / name), body, argument])
    return json.loads(run(node(), "run_module.mjs", text=text))
