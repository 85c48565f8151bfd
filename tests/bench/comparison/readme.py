"""Puts the plot into README.md and the tables into docs/performance.md, between two marks there."""

import os

BEGIN, END = "<!-- compare: begin -->", "<!-- compare: end -->"
PLOT = "docs/images/compare.svg"
README, DETAILS = "README.md", "docs/performance.md"


def plot_file(top):
    return os.path.join(top, PLOT)


def update(top, tables, about):
    """The plot goes into the README, the tables into the details."""
    picture = f"![Requests per second of Zero and of Zerogate]({PLOT})"
    replace(os.path.join(top, README), [picture])
    replace(os.path.join(top, DETAILS), [*tables, about])


def replace(name, lines):
    with open(name, encoding="utf-8") as file:
        text = file.read()
    front, begin, rest = text.partition(BEGIN)
    _, end, back = rest.partition(END)
    assert begin and end, f"{name} lacks the marks {BEGIN} and {END}"
    with open(name, "w", encoding="utf-8") as file:
        file.write("\n".join([front + BEGIN, *lines, END + back]))
