#!/usr/bin/env python3
"""Check that a model run for minutes needs no more memory than one run for seconds.

    soak.py --drawbar build/drawbar [--seconds 300] MODEL
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tally import Tally  # noqa: E402

GROWTH = 1.02  # of the peak resident size


def bench(options, threads, seconds):
    command = [options.drawbar, "bench", options.model, "--threads", str(threads),
               "--duration", str(seconds), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 120)
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr.strip()[-300:]}"
    return json.loads(done.stdout)


def memory_growth(options, threads):
    short, long = (bench(options, threads, s)["peak_rss_bytes"] for s in (3, options.seconds))
    found = f"{short / 2**20:.1f} MiB after 3 s, {long / 2**20:.1f} MiB after {options.seconds} s"
    assert long <= GROWTH * short, found
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
