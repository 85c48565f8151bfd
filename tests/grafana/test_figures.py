"""Prometheus' figures held against what the load itself has counted and measured."""

import bisect
import statistics

import pytest

import dashboards
from scenario import UNLIMITED_CALLS

DASHBOARDS = {dashboard.name: dashboard for dashboard in dashboards.load_all()}
FUNCTIONS = ("hello_world", "echo", "save_order", "get_order", "add", "sleep_ms", "block_ms")
PROTOCOLS = ("tcp", "zmq")
# The bounds of the histogram, in seconds.
BOUNDS = [50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3]
BOUNDS += [500e-3, 1, 2.5, 5, 10]
FAILED = 'outcome=~"error|timeout|unavailable|overloaded"'
ALL = dict.fromkeys(("job", "instance", "protocol", "function"), dashboards.Everything([], ".+"))
NEW = 'wire=~"W5|T3"'  # of the release that most clients are


def value(played, expr):
    [(_, number)] = played.prometheus.query(expr, played.end_s)
    return number


def requests(played, selector):
    """A series that never counted a call is not there: that is 0."""
    return value(played, f"sum(zerogate_requests_total{{{selector}}}) or vector(0)")


def panel_of(name, title):
    [panel] = [panel for panel in DASHBOARDS[name].panels if panel["title"] == title]
    return panel


def panel_value(played, name, title, **chosen):
    """What a panel's first query says about the whole time of the scenario."""
    values = dashboards.Values({**ALL, **chosen}, played.range_s, played.range_s)
    return value(played, dashboards.queries(panel_of(name, title), values)[0].expr)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_calls_of_each_function(played, protocol, function):
    selector = f'protocol="{protocol}", function="{function}", {NEW}'
    outcomes = {"ok": 'outcome="ok"', "invalid": 'outcome="invalid"', "failed": FAILED}
    for result, outcome in outcomes.items():
        counted = played.tally.total(protocol=protocol, function=function, result=result)
        assert requests(played, f"{selector}, {outcome}") == counted, result


def test_every_call_is_counted_once(played):
    tally = played.tally
    made = tally.total() + tally.connects + tally.abandoned
    assert made > 300, "this is no load"
    assert requests(played, NEW) == made
    everything = value(played, "sum(zerogate_requests_total)")
    assert value(played, "sum(zerogate_request_duration_seconds_count)") == everything
    assert value(played, "sum(zerogate_requests_in_flight)") == 0


def test_wrong_calls(played):
    for protocol in PROTOCOLS:
        selector = f'protocol="{protocol}", {NEW}, outcome="not_found"'
        counted = played.tally.total(protocol=protocol, function="nope")
        assert requests(played, selector) == counted
    assert requests(played, 'outcome="abandoned"') == played.tally.abandoned
    malformed = 'zerogate_malformed_total{protocol="tcp", reason="other_protocol"}'
    assert value(played, malformed) == played.tally.malformed


def test_calls_over_a_rate_limit(played):
    made = played.tally.total(function="get_order")
    limited = 'zerogate_rate_limited_total{limit="get_order per function 1/h", mode="observe"}'
    assert value(played, limited) == made - UNLIMITED_CALLS > 0


def test_old_releases(played):
    for wire, calls in played.tally.old.items():
        assert calls > 100
        assert requests(played, f'wire="{wire}", function="echo"') == calls


def test_rate(played):
    """A rate is extrapolated to the whole range: within a twentieth."""
    counted = value(played, "sum(zerogate_requests_total)")
    shown = panel_value(played, "overview", "Calls") * played.range_s
    assert shown == pytest.approx(counted, rel=0.05)


@pytest.mark.parametrize("percentile", (50, 99))
def test_percentiles_within_a_bucket(played, percentile):
    """sleep_ms spends its time in the backend, so that callers measure what the gateway does."""
    measured = statistics.quantiles(played.tally.durations["sleep_ms"], n=100)[percentile - 1]
    shown = panel_value(played, "overview", f"p{percentile}", function=["sleep_ms"])
    difference = bisect.bisect_left(BOUNDS, shown) - bisect.bisect_left(BOUNDS, measured)
    assert abs(difference) <= 1, f"p{percentile}: {shown:.4f} s shown, {measured:.4f} s measured"


def test_shares_of_wires_add_up(played):
    [query] = dashboards.queries(
        panel_of("bridge", "Share of calls by client wire"), dashboards.Values(ALL, 4, 4)
    )
    sums = played.prometheus.query_range(f"sum({query.expr})", played.start_s, played.end_s, 1)
    [(_, points)] = sums
    assert all(total == pytest.approx(1) for _, total in points)


def test_rules_are_well(played):
    for rule in played.prometheus.rules():
        assert rule["health"] != "err", f"{rule['name']}: {rule.get('lastError')}"
