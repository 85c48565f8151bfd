"""Puts the result into README.md and docs/performance.md, between two marks that stand there."""

import os

BEGIN, END = "<!-- compare: begin -->", "<!-- compare: end -->"
PLOT = "docs/images/compare.svg"
README, DETAILS = "README.md", "docs/performance.md"


def plot_file(top):
    return os.path.join(top, PLOT)


def update(top, main_tables, all_tables, about):
    """The most important tables and the plot go into the README, all tables into the details."""
    picture = f"![Requests per second of Zero and of Zerogate]({PLOT})"
    replace(os.path.join(top, README), [picture, "", *main_tables, about])
    replace(os.path.join(top, DETAILS), [*all_tables, about])


def replace(name, lines):
    with open(name, encoding="utf-8") as file:
        text = file.read()
    front, begin, rest = text.partition(BEGIN)
    _, end, back = rest.partition(END)
    assert begin and end, f"{name} lacks the marks {BEGIN} and {END}"
    with open(name, "w", encoding="utf-8") as file:
        file.write("\n".join([front + BEGIN, *lines, END + back]))
