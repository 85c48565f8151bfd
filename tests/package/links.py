"""Links of Markdown files that lead nowhere."""

import re
import urllib.parse

LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"")
CODE = re.compile(r"^```.*?^```", re.M | re.S)


def anchors(text):
    """Of the headings, as GitHub makes them."""
    found = set()
    for heading in re.findall(r"^#+ (.*)$", CODE.sub("", text), re.M):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"\]\(.*?\)", "", heading).lower())
        found.add(words.replace(" ", "-"))
    return found


def dead(top, files):
    """"FILE: LINK" of each that leads out of `top`, to no file, or to no heading."""
    found = []
    for file in files:
        for groups in LINK.findall(CODE.sub("", file.read_text())):
            link = groups[0] or groups[1]
            if urllib.parse.urlsplit(link).scheme:
                continue
            name, _, anchor = link.partition("#")
            target = (file.parent / name).resolve() if name else file
            inside = target.is_relative_to(top.resolve())
            if not inside or not target.exists():
                found.append(f"{file.relative_to(top)}: {link}")
            elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
                found.append(f"{file.relative_to(top)}: {link} (no such heading)")
    return found
