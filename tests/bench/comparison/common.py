"""What both programs of this folder, compare and scale, begin and end with."""

import os
import signal
import sys

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))


def say(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


def end_tidily(run):
    """Runs it so that whatever ends us is an exception, and what was started is ended."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        run()
    except AssertionError as error:  # a process that does not start or stop as it should
        sys.exit(f"{sys.argv[0]}: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
