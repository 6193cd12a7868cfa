#!/usr/bin/env python3
"""Check that whole models answer right: the trained ones of ../shared/data as its README says, two
from the Python package index, pipelines of scikit-learn, and the graphs of
../shared/models as onnxruntime does.

    run.py --drawbar build/drawbar [--only REGEX] [--threads 2]
    run.py                             the same checks of onnxruntime: are the checks right?

Models, images and expected answers that had to be made are kept in .cache.
"""
import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

from contender import Drawbar, OnnxRuntime  # noqa: E402
from expected import Expected  # noqa: E402
from graphs import Graphs  # noqa: E402
from packages import Packages  # noqa: E402
from pipelines import Pipelines  # noqa: E402
from tally import Tally  # noqa: E402
from trained import Trained  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drawbar", help="the binary; without it onnxruntime takes its place")
    parser.add_argument("--shared", default=ROOT.parent / "shared", type=Path)
    parser.add_argument("--cache", default=ROOT / ".cache", type=Path)
    parser.add_argument("--filled", type=Path, help="where graphs with weights are kept")
    parser.add_argument("--only", default="", help="only checks whose name matches")
    parser.add_argument("--threads", default=2, type=int)
    options = parser.parse_args()

    folder = options.cache / "models"
    expected = Expected(options.cache / "expected")
    if options.drawbar and not Path(options.drawbar).is_file():
        sys.exit(f"run.py: there is no {options.drawbar}; build it first")
    if options.drawbar:
        contender = Drawbar(Path(options.drawbar).resolve(), folder, options.threads)
    else:
        contender = OnnxRuntime(options.threads)
    folder.mkdir(parents=True, exist_ok=True)
    filled = options.filled or options.cache / "filled"
    suites = [
        Trained(options.shared, contender, expected, folder),
        Packages(ROOT, contender, expected, folder),
        Pipelines(contender, expected, folder),
        Graphs(options.shared, contender, expected, filled),
    ]
    tally = Tally()
    for suite in suites:
        for name, check in suite.checks().items():
            if re.search(options.only, name):
                tally.check(name, check)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
