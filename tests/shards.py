#!/usr/bin/env python3
"""A GoogleTest program in as many processes as there are processors, each with its share of tests.

    shards.py PROGRAM [ARGUMENT…]

Prints what they print, one after the other, and closes with `N passed, N failed, N skipped`.
"""

import os
import re
import subprocess
import sys


def share(program, arguments, index, total):
    environment = {
        **os.environ, "GTEST_TOTAL_SHARDS": str(total), "GTEST_SHARD_INDEX": str(index)
    }
    return subprocess.Popen(
        [program, *arguments], env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )


def count(word, text):
    found = re.findall(rf"^\[  {word} *\] (\d+) tests?[.,]", text, re.M)
    return int(found[-1]) if found else 0


def main():
    total = len(os.sched_getaffinity(0))
    shares = [share(sys.argv[1], sys.argv[2:], i, total) for i in range(total)]
    counts = {"PASSED": 0, "FAILED": 0, "SKIPPED": 0}
    broken = False
    for process in shares:
        text, _ = process.communicate()
        print(text, end="", flush=True)
        for word in counts:
            counts[word] += count(word, text)
        if process.returncode != 0 and count("FAILED", text) == 0:
            print(f"a share of the tests ended with exit status {process.returncode}")
            broken = True
    failed = counts["FAILED"] + broken
    print(f"{counts['PASSED']} passed, {failed} failed, {counts['SKIPPED']} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
