"""docs/metrics.md, made of what a gateway says of its metrics."""

import re

HEAD = """# Metrics

What `/metrics` on the admin port has. [Watching it](observability.md) says what the percentiles are worth and how to scrape it, [alerts.yml](../deploy/prometheus/alerts.yml) what is too much.
This page is made of the help texts (`tests/interop/test_documents.py`), and a test fails when it is older than they are.

- A counter (`_total`) only rises: look at `rate(…[5m])`. It begins at 0 when the process starts.
- A histogram has `_bucket`, `_sum` and `_count`: `histogram_quantile(0.99, sum by (le) (rate(…_bucket[5m])))`.
- At any time, requests received = the sum of the outcomes of `zerogate_requests_total` + `zerogate_requests_in_flight`.
- Label values are bounded: 200 functions (the rest is `_other`), 8 wires, 9 outcomes, 64 endpoints for each backend. What a reload takes out (a backend, a rate limit) has no series from then on; its counters go on where they were when it comes back.
- `endpoint` is the address, as in `10.0.0.2:5559`. Where several TLS names of a backend are at one address, it is `a.example@10.0.0.2:5559` for each of them.

| metric | type | labels | what |
|---|---|---|---|
"""
# The cgroup, or the configuration, decides whether these are on the page.
OPTIONAL = {
    "zerogate_memory_limit_bytes": "| `zerogate_memory_limit_bytes` | gauge |  | Memory that the tightest limit of the "
    "process' cgroup and those above it grants, or limits.memory; left out when there is none. |\n",
    "zerogate_memory_working_set_bytes": "| `zerogate_memory_working_set_bytes` | gauge |  | Memory in use of "
    "zerogate_memory_limit_bytes, the kernel's for connections included, without files that were read once. Left out "
    "without cgroup v2, and where limits.memory is lower. |\n",
    # There from the first handshake on.
    "zerogate_tls_handshake_duration_seconds": "| `zerogate_tls_handshake_duration_seconds` | histogram | side | Time of "
    "good TLS handshakes, from the connection to the last step: the network and the peer's work are in it. Left out "
    "before the first. |\n",
    # There with a certificate of the gateway's own.
    "zerogate_tls_certificate_not_after_timestamp_seconds": "| `zerogate_tls_certificate_not_after_timestamp_seconds` "
    "| gauge | use | When the gateway's certificate for this use expires, in seconds since 1970. Left out where there "
    "is none. |\n",
    "zerogate_tls_certificate_not_before_timestamp_seconds": "| `zerogate_tls_certificate_not_before_timestamp_seconds` "
    "| gauge | use | Since when it is valid: with its end, how long it lives. |\n",
}


def families(page):
    """{name: (type, labels, help)} in the order of the page."""
    found = {}
    for line in page.splitlines():
        if match := re.fullmatch(r"# HELP (\S+) (.*)", line):
            found[match[1]] = ["", set(), match[2]]
        elif match := re.fullmatch(r"# TYPE (\S+) (\S+)", line):
            found[match[1]][0] = match[2]
        elif match := re.match(r"(\w+)(?:\{(.*?)\})? ", line):
            name = match[1]
            if name not in found:
                name = re.sub("_(bucket|sum|count)$", "", name)
            found[name][1] |= set(re.findall(r'(\w+)="', match[2] or "")) - {"le"}
    return found


def rows(page):
    """{name: its row}"""
    table = {}
    for name, (kind, labels, text) in families(page).items():
        text = text.replace("|", "\\|").replace("*", "\\*")
        table[name] = f"| `{name}` | {kind} | {', '.join(sorted(labels))} | {text} |\n"
    return table


def document(page):
    table = {**OPTIONAL, **rows(page)}
    return HEAD + "".join(table[name] for name in sorted(table))
