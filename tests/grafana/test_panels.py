"""Every query of every panel, asked of a real Prometheus that has scraped a real gateway."""

import math

import pytest

import dashboards

DASHBOARDS = {dashboard.name: dashboard for dashboard in dashboards.load_all()}
PANELS = [(name, panel) for name, d in DASHBOARDS.items() for panel in d.panels]
RATE_INTERVAL_S = 4  # as Grafana computes it: four scrapes


def title(panel):
    return panel["title"] if isinstance(panel, dict) else panel


@pytest.fixture(scope="session")
def chosen(played):
    """{dashboard: what a user finds chosen}"""
    prometheus = played.prometheus

    def label_values(label, selector):
        return prometheus.label_values(label, selector, played.start_s, played.end_s)

    return {name: dashboards.choose(d, label_values) for name, d in DASHBOARDS.items()}


def series_of(played, query):
    """[[value]] over the time of the scenario; NaN is no value."""
    if query.instant:
        found = [[value] for _, value in played.prometheus.query(query.expr, played.end_s)]
    else:
        found = played.prometheus.query_range(query.expr, played.start_s, played.end_s, 1)
        found = [[value for _, value in points] for _, points in found]
    found = [[value for value in values if not math.isnan(value)] for values in found]
    return [values for values in found if values]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_variables_have_values(played, chosen, name):
    for variable, values in chosen[name].items():
        assert values, f"${variable} of {name} has no value"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_annotations_are_understood(played, chosen, name):
    values = dashboards.Values(chosen[name], RATE_INTERVAL_S, played.range_s)
    for annotation in DASHBOARDS[name].json["annotations"]["list"]:
        if "expr" in annotation:  # that it may return nothing is right: no restart, no alert
            expr = values.fill(annotation["expr"])
            played.prometheus.query_range(expr, played.start_s, played.end_s, 1)


@pytest.mark.parametrize("name, panel", PANELS, ids=title)
def test_panel(played, chosen, listing, name, panel):
    values = dashboards.Values(chosen[name], RATE_INTERVAL_S, played.range_s)
    for heading, one in dashboards.copies(panel, values):
        counts, values_seen = [], []
        for query in dashboards.queries(panel, one):
            found = series_of(played, query)
            assert found, f"query {query.ref} returns nothing: {query.expr}"
            counts.append(len(found))
            values_seen += [value for series in found for value in series]
        listing.append(f"{name:9} {panel['type']:14} {heading:50} {'+'.join(map(str, counts))}")
        assert any(values_seen), f"all {len(values_seen)} values are 0"
