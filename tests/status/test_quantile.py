"""The page's percentiles are those of Prometheus' histogram_quantile(), to the last digit."""

import json
import random
import subprocess

QUANTILES = (0.01, 0.5, 0.9, 0.99, 0.999, 1)
BOUNDS = [0.00005, 0.0001, 0.00025, 0.001, 0.005, 0.1, 1, 10]


def histograms():
    """Counts per bucket; the last one is above all bounds."""
    buckets = len(BOUNDS) + 1
    for i in range(buckets):
        yield [7 * (j == i) for j in range(buckets)]
    dice = random.Random(1)
    for _ in range(20):
        yield [dice.choice((0, 0, 1, 3, 1000, 123456)) for _ in range(buckets)]


def as_series(case, counts):
    below = 0
    for bound, count in zip([*BOUNDS, "+Inf"], counts):
        below += count
        yield {"series": f'h_bucket{{case="{case}",le="{bound}"}}', "values": str(below)}


def test_as_prometheus_computes_it(page, tmp_path):
    cases = [counts for counts in histograms() if sum(counts)]
    script = """
        const {quantile} = await import('/status/snapshot.js');
        const [bounds, cases, quantiles] = a;
        return cases.map(counts => quantiles.map(q => quantile(q, bounds, counts)));
    """
    ours = page.browser.run(script, BOUNDS, cases, QUANTILES)
    checks = [
        {
            "expr": f'histogram_quantile({q}, h_bucket{{case="{case}"}})',
            "eval_time": 0,
            "exp_samples": [{"labels": f'{{case="{case}"}}', "value": ours[case][i]}],
        }
        for case in range(len(cases))
        for i, q in enumerate(QUANTILES)
    ]
    series = [one for case, counts in enumerate(cases) for one in as_series(case, counts)]
    test = {"interval": "1m", "input_series": series, "promql_expr_test": checks}
    file = tmp_path / "quantile.yaml"
    file.write_text(json.dumps({"evaluation_interval": "1m", "tests": [test]}))  # JSON is YAML
    command = ["promtool", "test", "rules", str(file)]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_an_interval_in_which_the_bounds_become_few_has_those_of_its_end(page):
    """As when more than 200 pairs of a function and a protocol have been called."""
    script = """
        const {Interval, Snapshot} = await import('/status/snapshot.js');
        const [many, few] = a.map(([bounds, counts], uptime) => new Snapshot({
          uptime,
          families: {h: {type: 'histogram', labels: ['f'], bounds, samples: [['f', 1, counts]]}},
        }));
        const counts = (older, newer) => {
          const interval = new Interval(older, newer);
          const [by] = interval.histogramBy('h', ['f']).values();
          return [interval.histogram('h').counts, by.counts];
        };
        return [counts(many, few), counts(few, few)];
    """
    crossing, after = page.browser.run(script, [[1, 2, 3], [5, 5, 5, 5]], [[2], [11, 13]])
    assert crossing == [[11, 13], [11, 13]]
    assert after == [[0, 0], [0, 0]]
