#!/usr/bin/env python3
"""Drawbar, onnxruntime and OpenVINO on the same models, threads and machine, taking turns.

    .venv/bin/python bench/side_by_side.py [--batch 1] [--threads 1,2] [--rounds 5] [--seconds 0.5]
        [--write] [MODEL…]

Needs `tools/setup compare`, `tools/build release` and the folder ../shared beside the checkout,
which has the models (a MODEL is a name there; all of them without one) and the comparison script.
Models are compiled and timed for the shapes and threads of each row, answers are compared with
onnxruntime's, and the rows are printed as they come. --write puts them, with the machine, the
versions and the command, into docs/performance.md in place of the table there.
"""

import argparse
import importlib.metadata
import json
import math
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
FILLED = ROOT / ".cache" / "filled"
RESULT = ROOT / ".cache" / "side_by_side.json"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- side by side: begin -->", "<!-- side by side: end -->"
PEERS = ("onnxruntime", "openvino")


def filled(names):
    """Paths of the models with weights, made where they are missing."""
    missing = [name for name in names if not (FILLED / f"{name}.onnx").exists()]
    if missing:
        FILLED.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, SHARED / "models/fill.py", FILLED, *missing], check=True)
    return [FILLED / f"{name}.onnx" for name in names]


def first_line(path, key):
    for line in Path(path).read_text().splitlines():
        if line.startswith(key):
            return line.split(":", 1)[1].strip()
    return "unknown"


def machine():
    """The processor, its widest vector instructions and the memory of this machine."""
    flags = first_line("/proc/cpuinfo", "flags").split()
    sets = ("amx_bf16", "avx512f", "avx2", "sse4_2")
    widest = next((isa for isa in sets if isa in flags), "baseline")
    memory = int(first_line("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    name = first_line("/proc/cpuinfo", "model name")
    return f"{name}, {os.cpu_count()} processors, {widest}, {memory:.0f} GiB"


def commit():
    command = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()


def agreement(row):
    if row.get("boxes_matched") is not None:
        return f"{100 * row['boxes_matched']:.1f} % of boxes"
    return f"{row['worst_difference']:.0e}"


def table(rows, options):
    """Markdown: one line for each row of the comparison, and what it was measured with."""
    versions = ", ".join(f"{peer} {importlib.metadata.version(peer)}" for peer in PEERS)
    lines = [
        f"Commit {commit()}, {date.today()}, {machine()}; {versions}. `bench/side_by_side.py"
        f" --batch {options.batch} --threads {options.threads} --rounds {options.rounds}"
        f" --seconds {options.seconds}`: p50 in ms, median over the rounds; speed-up is the faster"
        " peer's p50 over Drawbar's, median over the rounds.",
        "",
        "| Model | Batch | Threads | onnxruntime | OpenVINO | Drawbar | Speed-up | Agreement |",
        "|---|---|---|---|---|---|---|---|",
    ]
    good = [row for row in rows if "failed" not in row]
    for row in good:
        times = " | ".join(
            f"{row['p50_ms'].get(name, math.nan):.2f}" for name in (*PEERS, "drawbar")
        )
        lines.append(
            f"| {row['model']} | {row['batch']} | {row['threads']} | {times}"
            f" | {row['speed_up']:.2f} | {agreement(row)} |"
        )
    lines += [f"| {row['model']} | failed: {row['failed']} |" for row in rows if "failed" in row]
    speed_ups = [row["speed_up"] for row in good]
    mean = math.exp(sum(map(math.log, speed_ups)) / len(speed_ups))
    lines += [
        "",
        f"Geometric mean over {len(speed_ups)} rows: {mean:.3f}; worst {min(speed_ups):.2f}.",
    ]
    return "\n".join(lines)


def write(text):
    page = PAGE.read_text()
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.S)
    PAGE.write_text(pattern.sub(lambda _: f"{BEGIN}\n{text}\n{END}", page))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*")
    parser.add_argument("--batch", default="1")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    script = SHARED / "peers/compare.py"
    if not script.exists():
        sys.exit(f"side_by_side: {script.relative_to(ROOT.parent)} is missing beside the checkout")
    known = sorted(path.stem for path in (SHARED / "models").glob("*.onnx"))
    if unknown := set(options.models) - set(known):
        sys.exit(
            f"side_by_side: no model {', '.join(sorted(unknown))}; there are {', '.join(known)}"
        )
    flags = [
        ("--drawbar", ROOT / "build/drawbar"),
        ("--json", RESULT),
        *(
            (f"--{name}", getattr(options, name))
            for name in ("batch", "threads", "rounds", "seconds")
        ),
    ]
    words = [str(word) for flag in flags for word in flag]
    models = filled(options.models or known)
    subprocess.run([sys.executable, script, "--check", *words, *models], check=True)
    if options.write:
        write(table(json.loads(RESULT.read_text()), options))
        print(f"written to {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
