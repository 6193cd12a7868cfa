#!/usr/bin/env python3
"""Puts the groups' results of bench/gpu.sh together: gpu.json and gpu.txt in their folder.

    gpu_report.py FOLDER
"""

import json
import math
import sys
from pathlib import Path

GROUPS = ("tests", "sanitizer", "answers", "accuracy", "resnet50", "bert", "bert_large_128",
          "bert_large_384", "networks", "detectors", "floats", "cpu")


def milliseconds(found):
    if not found:
        return "-"
    if "error" in found or "skipped" in found:
        return "error" if "error" in found else "-"
    value = found.get("device_ms") or found.get("latency_ms", {}).get("p50")
    return f"{value:.3f}" if value else "-"


def speed_up(own, torch):
    if own.get("device_ms") and torch.get("device_ms"):
        return torch["device_ms"] / own["device_ms"]
    return None


def ratio_text(ratio):
    return f"{ratio:.2f}" if ratio else "-"


def error_lines(row):
    every = {name: row.get(name, {}) for name in ("fp32", "tf32", "fp16", "int8")}
    every |= {f"torch {name}": found for name, found in row["torch"].items()}
    for who, found in every.items():
        if found.get("error"):
            yield f"    {who}: {found['error'][:200]}"


def float_lines(rows):
    yield (f"{'model':<16} {'shape':<10} {'fp32 ms':>9} {'torch':>9} {'speed-up':>9} "
           f"{'tf32 ms':>9} {'torch':>9} {'speed-up':>9}")
    for row in rows:
        line = f"{row['model']:<16} {'x'.join(map(str, row['row'][1:])):<10}"
        for precision in ("fp32", "tf32"):
            own, torch = row.get(precision, {}), row["torch"].get(precision, {})
            line += (f" {milliseconds(own):>9} {milliseconds(torch):>9} "
                     f"{ratio_text(speed_up(own, torch)):>9}")
        yield line
        yield from error_lines(row)


def speed_lines(rows):
    yield (f"{'model':<16} {'shape':<10} {'fp32 ms':>9} {'fp16 ms':>9} {'int8 ms':>9} "
           f"{'torch fp16':>11} {'speed-up':>9} {'end to end':>11} {'TFLOP/s':>8}")
    ratios = []
    for row in rows:
        shape = "x".join(map(str, row["row"][1:]))
        half, torch = row.get("fp16", {}), row["torch"].get("fp16", {})
        rate, ratio = "-", speed_up(half, torch)
        if ratio:
            ratios.append(ratio)
        if half.get("device_ms") and half.get("operations"):
            rate = f"{half['operations'] / half['device_ms'] / 1e9:.1f}"
        whole = half.get("latency_ms", {}).get("p50")
        end_to_end = f"{whole:.3f}" if whole else "-"
        yield (f"{row['model']:<16} {shape:<10} {milliseconds(row.get('fp32')):>9} "
               f"{milliseconds(half):>9} {milliseconds(row.get('int8')):>9} "
               f"{milliseconds(torch):>11} {ratio_text(ratio):>9} {end_to_end:>11} {rate:>8}")
        yield from error_lines(row)
    if ratios:
        mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
        yield f"geometric mean of {len(ratios)}: {mean:.2f}"


def lines(group, found):
    yield f"\n== {group}"
    if isinstance(found, dict) and ("error" in found or "skipped" in found):
        yield found.get("error") or f"skipped: {found['skipped']}"
    elif group == "sanitizer":
        for each in found:
            yield (f"{each['tool']:<10} {each['what']:<34} {each['errors']} errors, "
                   f"{each['processes']} processes: {each['failed']} failed, "
                   f"{each['idle']} without work, {each['cut_off']} cut off")
            yield from (f"    {line[:200]}" for line in each["first"])
    elif group == "tests":
        yield f"{found['tests']} tests, {len(found['failed'])} failed"
        for each in found["failed"]:
            yield f"FAILED {each['test']}: {each['message'][:300]}"
    elif group == "answers":
        for each in found:
            what = each.get("error") or ", ".join(
                f"{name} {value if isinstance(value, str) else format(value, '.1e')}"
                for name, value in each["difference"].items())
            yield f"{each['model']:<16} {each['precision']:<6} {what}"
    elif group == "accuracy":
        for each in found:
            yield (f"{each['precision']:<6} {each['right']} of {each['images']} right in the first "
                   f"place, {each['images_per_second']:.0f} images/s one at a time")
    elif group == "floats":
        yield from float_lines(found)
    elif group == "cpu":
        for each in found:
            what = each.get("error") or f"{each['ms']:.2f} ms"
            yield f"{each['model']:<16} {each['precision']:<6} {each['threads']} threads  {what}"
    else:
        yield from speed_lines(found)


def main():
    folder = Path(sys.argv[1])
    results = {}
    for group in GROUPS:
        path = folder / f"{group}.json"
        if path.exists():
            results[group] = json.loads(path.read_text())
    (folder / "gpu.json").write_text(json.dumps(results, indent=1))
    text = "\n".join(line for group, found in results.items() for line in lines(group, found))
    (folder / "gpu.txt").write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
