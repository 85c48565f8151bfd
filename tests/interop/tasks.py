"""The threads of a process, as the kernel shows them in /proc."""

import os


def read_tasks(pid, file):
    """{thread's id: text of its `file`}. A thread may end while we look: it is left out."""
    found = {}
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/{file}", encoding="utf-8") as text:
                found[task] = text.read()
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
