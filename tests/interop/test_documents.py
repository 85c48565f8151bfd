"""What the documents say of metrics: each that they name is there."""

import pathlib
import re

import pytest

from bridging import one_backend
from scripted_backend import ScriptedTcp

pytestmark = pytest.mark.gateway

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


async def test_the_page_on_scaling_names_metrics_that_exist(start_bridge):
    async with ScriptedTcp() as backend:
        gateway = await start_bridge(config={**one_backend(backend.url), "handlers": ["save_order"]})
        samples = gateway.metrics().samples
    names = {re.sub("_(bucket|sum|count)$", "", name) for name, _, _ in samples}
    named = set(re.findall(r"(?:zerogate|process)_\w+", (DOCS / "scaling.md").read_text()))
    assert len(named) > 10
    assert named <= names, named - names
