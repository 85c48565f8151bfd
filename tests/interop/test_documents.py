"""What the documents say of metrics: each that they name is there, and the page of all is of today."""

import os
import pathlib
import re

import pytest

import metrics_document
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


async def test_the_page_of_metrics_is_of_today(start_bridge):
    async with ScriptedTcp() as backend:
        gateway = await start_bridge(config={**one_backend(backend.url), "handlers": ["save_order"]})
        _, page = gateway.get("/metrics")
    path, made = DOCS / "metrics.md", metrics_document.document(page)
    if os.environ.get("ZEROGATE_WRITE_DOCUMENTS"):
        path.write_text(made)
    how = "ZEROGATE_WRITE_DOCUMENTS=1 and this test write it anew"
    assert path.read_text() == made, f"it is older than the help texts: {how}"
