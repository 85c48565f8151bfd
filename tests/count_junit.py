"""Counts the tests of one JUnit XML file, as GoogleTest and pytest write it.

Prints "PASSED FAILED SKIPPED" and then a line for each test that failed or was skipped, with the
reason: "failed: CLASS.NAME: why".
"""

import sys
import xml.etree.ElementTree

# Of a reason, in characters: one line of a summary. The log has all of it.
LINE_LIMIT = 300


def one_line(text):
    return " ".join(text.split())[:LINE_LIMIT]


def failure_reason(case):
    """What it says about its failure, or None when it did not fail."""
    for found in [*case.findall("failure"), *case.findall("error")]:
        return one_line(found.get("message") or found.text or "no reason given")
    return None


def skip_reason(case):
    """Why it was skipped, or None when it was run."""
    for skipped in case.findall("skipped"):
        text = skipped.get("message") or skipped.text or "no reason given"
        return one_line(text)
    if case.get("status") == "notrun":  # GoogleTest's DISABLED_ tests
        return "disabled"
    return None


def main(path):
    passed = failed = 0
    skips = 0
    lines = []
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}.{case.get('name')}"
        if (reason := failure_reason(case)) is not None:
            failed += 1
            lines.append(f"failed: {name}: {reason}")
        elif (reason := skip_reason(case)) is not None:
            skips += 1
            lines.append(f"skipped: {name}: {reason}")
        else:
            passed += 1
    print(passed, failed, skips)
    for line in lines:
        print(line)


if __name__ == "__main__":
    main(sys.argv[1])
