"""What the documents say of metrics: each that they name is there, and the page of all is of today."""

import os
import pathlib
import re

import pytest

import metrics_document
from bridging import one_backend
from raw import TcpConnection, t3_frame, t3_payload
from scripted_backend import ScriptedTcp
from waiting import PATIENCE_S, until

pytestmark = pytest.mark.gateway

DURATIONS = "zerogate_request_duration_seconds_count"
DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


async def call_once(gateway):
    """Series of calls are there once there was one."""
    async with await TcpConnection.open(gateway.tcp_port) as connection:
        await connection.send(t3_frame(1, t3_payload("save_order")))
        await connection.receive_frame()
    await until(lambda: gateway.metrics().select(DURATIONS), PATIENCE_S, "the call is counted")


async def test_the_page_on_scaling_names_metrics_that_exist(start_bridge):
    async with ScriptedTcp() as backend:
        gateway = await start_bridge(config={**one_backend(backend.url), "handlers": ["save_order"]})
        await call_once(gateway)
        samples = gateway.metrics().samples
    names = {re.sub("_(bucket|sum|count)$", "", name) for name, _, _ in samples}
    named = set(re.findall(r"(?:zerogate|process)_\w+", (DOCS / "scaling.md").read_text()))
    assert len(named) > 10
    assert named <= names, named - names


async def test_the_page_of_metrics_is_of_today(start_bridge):
    async with ScriptedTcp() as backend:
        config = {**one_backend(backend.url), "handlers": ["save_order"]}
        limits = [{"functions": "*", "rate": "1000/s"}]
        gateway = await start_bridge(config={**config, "rate_limits": limits})
        await call_once(gateway)
        _, page = gateway.get("/metrics")
    path, made = DOCS / "metrics.md", metrics_document.document(page)
    if os.environ.get("ZEROGATE_WRITE_DOCUMENTS"):
        path.write_text(made)
    how = "ZEROGATE_WRITE_DOCUMENTS=1 and this test write it anew"
    assert path.read_text() == made, f"it is older than the help texts: {how}"
