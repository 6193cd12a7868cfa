#!/usr/bin/env python3
"""Check that a model run for minutes needs no more memory than one run for seconds.

    soak.py --drawbar build/drawbar [--seconds 300] MODEL
"""
import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from contender import Drawbar  # noqa: E402
from tally import Tally  # noqa: E402

GROWTH = 1.02  # of the peak resident size
LATENCY_BYTES = 24  # a double of each run is kept, and copied when there is no room for more


def memory_growth(options, threads):
    """One engine for both, since what timing chooses takes more or less memory."""
    with tempfile.TemporaryDirectory() as folder:
        drawbar = Drawbar(options.drawbar, folder, threads, timeout=options.seconds + 300)
        engine = drawbar.folder / "model.engine"
        drawbar.call("compile", options.model, "-o", engine, "--threads", threads)
        short, long = (
            json.loads(drawbar.call("bench", engine, "--threads", threads, "--duration", seconds,
                                    "--json"))
            for seconds in (3, options.seconds))
    found = (f"{short['peak_rss_bytes'] / 2**20:.1f} MiB after 3 s, "
             f"{long['peak_rss_bytes'] / 2**20:.1f} MiB after {options.seconds} s")
    assert (long["peak_rss_bytes"] <=
            GROWTH * short["peak_rss_bytes"] + LATENCY_BYTES * long["runs"]), found
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--drawbar", required=True)
    parser.add_argument("--seconds", type=int, default=300)
    options, tally = parser.parse_args(), Tally()
    for threads in (1, 2):
        tally.check(f"memory does not grow, {threads} threads", memory_growth, options, threads)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
