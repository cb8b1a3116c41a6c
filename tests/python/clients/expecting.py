"""A promise that is kept is said; the first that is not ends the run with its name."""

import sys


def expect(what, holds, *seen):
    if not holds:
        sys.exit(f"NOT KEPT: {what}: {seen}")
    print(f"ok  {what}")
