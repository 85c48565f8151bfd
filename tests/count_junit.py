"""Counts the tests of one JUnit XML file, as GoogleTest and pytest write it.

Prints "PASSED FAILED SKIPPED" and then a line for each skipped test, with the reason.
"""

import sys
import xml.etree.ElementTree


def skip_reason(case):
    """Why it was skipped, or None when it was run."""
    for skipped in case.findall("skipped"):
        text = skipped.get("message") or skipped.text or "no reason given"
        return " ".join(text.split())
    if case.get("status") == "notrun":  # GoogleTest's DISABLED_ tests
        return "disabled"
    return None


def main(path):
    passed = failed = 0
    skips = []
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        reason = skip_reason(case)
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif reason is not None:
            skips.append(f"{case.get('classname')}.{case.get('name')}: {reason}")
        else:
            passed += 1
    print(passed, failed, len(skips))
    for line in skips:
        print(line)


if __name__ == "__main__":
    main(sys.argv[1])
