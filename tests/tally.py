"""How the Python suites report: a line per check, and one closing line."""
import sys
import time


class Skip(Exception):
    """A check that cannot be made here; the message is the reason."""


class Tally:
    """Counts checks and prints each. `close` prints the closing line and gives the exit status."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def ok(self, name, note=""):
        self.passed += 1
        self._line("ok", name, note)

    def bad(self, name, reason):
        self.failed += 1
        self._line("FAILED", name, reason)

    def skip(self, name, reason):
        self.skipped += 1
        self._line("skipped", name, reason)

    def check(self, name, run, *arguments):
        """Runs one check. It fails where `run` raises, and its note is what `run` returns."""
        start = time.perf_counter()
        try:
            note = run(*arguments)
        except Skip as reason:
            self.skip(name, str(reason))
        except AssertionError as error:
            self.bad(name, str(error))
        except Exception as error:
            self.bad(name, f"{type(error).__name__}: {error}")
        else:
            seconds = time.perf_counter() - start
            parts = [note or "", f"({seconds:.1f} s)" if seconds >= 0.1 else ""]
            self.ok(name, " ".join(filter(None, parts)))

    def check_all(self, *checks):
        """Runs checks named by their functions."""
        for check in checks:
            self.check(check.__name__.replace("_", " "), check)

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0

    @staticmethod
    def _line(state, name, note):
        print(f"{state:8} {name}{': ' if note else ''}{note}")
        sys.stdout.flush()
