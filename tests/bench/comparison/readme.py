"""Puts the result into README.md, between two marks that stand there."""

import os

BEGIN, END = "<!-- compare: begin -->", "<!-- compare: end -->"
PLOT = "docs/images/compare.svg"


def plot_file(top):
    return os.path.join(top, PLOT)


def update(top, lines):
    name = os.path.join(top, "README.md")
    with open(name, encoding="utf-8") as file:
        text = file.read()
    front, begin, rest = text.partition(BEGIN)
    _, end, back = rest.partition(END)
    assert begin and end, f"README.md lacks the marks {BEGIN} and {END}"
    picture = f"![Requests per second of Zero and of Zerogate]({PLOT})"
    block = "\n".join([BEGIN, picture, "", *lines, END])
    with open(name, "w", encoding="utf-8") as file:
        file.write(front + block + back)
