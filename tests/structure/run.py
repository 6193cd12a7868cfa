#!/usr/bin/env python3
"""Check the shape of the tree: who may include whom, sizes and names of files.

    run.py [--root FOLDER]

Every rule is one check; a rule that is broken names each place.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from tally import Tally  # noqa: E402

# A stage may include headers of its own and of those with a smaller or the same number.
STAGES = {name: level for level, names in enumerate([
    ["base"], ["ir"], ["ops"], ["import"], ["passes"], ["targets"], ["engine"], ["runtime"],
    ["precision", "serve", "advise"], ["cli"]]) for name in names}
# In src/ops/x/, import*.cc belongs to import, and these folders or first words to a target.
OPS_TARGETS = {"cpu": "cpu", "kernels": "cpu", "cuda": "cuda", "npu": "npu"}

CODE = {".cc", ".h", ".cu", ".cuh"}
MOST_LINES = 800
MOST_CMAKE_LINES = 60
MOST_COLUMNS = 100
MOST_PUBLIC_HEADERS = 10
MOST_BYTES = 1 << 20
BAD_NAME = re.compile(r"(^|[/_.-])(v2|legacy|utils?|misc|helpers?)([/_.-]|$)", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}/-])/(home|root|work|Users|mnt)/\w")
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)
UNEXPLAINED_SKIP = re.compile(r"GTEST_SKIP\(\)\s*;|\bDISABLED_\w+")


def tracked(root):
    """Files that are, or on the next commit would be, in the repository, relative to `root`."""
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, check=True, text=True).stdout
    return sorted({Path(p) for p in listed.split("\0") if p and (Path(root) / p).is_file()})


class Tree:
    def __init__(self, root):
        self.root, self.files = Path(root), tracked(root)
        self.texts = {}
        for path in self.files:
            data = (self.root / path).read_bytes()
            if b"\0" not in data:
                self.texts[path] = data.decode("utf-8", "replace")

    def code(self, *suffixes):
        for path, text in self.texts.items():
            if path.suffix in (suffixes or CODE):
                yield path, text

    def grep(self, pattern, texts):
        for path, text in texts:
            for number, line in enumerate(text.splitlines(), 1):
                if pattern.search(line):
                    yield f"{path}:{number}: {line.strip()[:120]}"


def is_test(path):
    """Tests, benches and tables of test cases may look at every stage."""
    return path.stem == "cases" or re.search(r"(^|_)(test|bench|testing)$", path.stem) is not None


def stage(path):
    """The stage a source file belongs to, as (name, target), or None outside src/."""
    parts = path.parts
    if len(parts) < 3 or parts[0] != "src":
        return None
    if parts[1] == "targets":
        return "targets", parts[2] if len(parts) > 3 else None
    if parts[1] == "ops":
        for part in (*parts[3:-1], path.stem.split("_")[0]):
            if part in OPS_TARGETS:
                return "targets", OPS_TARGETS[part]
            if part == "import":
                return "import", None
        return "ops", None
    return parts[1], None


def includes(tree):
    """(including file, included file) for every include of a file of the tree."""
    known = set(tree.files)
    for path, text in tree.code():
        for name in INCLUDE.findall(text):
            for candidate in (Path("src") / name, Path("include") / name, path.parent / name):
                if candidate in known:
                    yield path, candidate
                    break


def stages_in_order(tree):
    for path, header in includes(tree):
        own, other = stage(path), stage(header)
        if own is None or other is None or is_test(path):
            continue
        if STAGES[other[0]] > STAGES[own[0]]:
            yield f"{path} ({own[0]}) includes {header} ({other[0]}, a later stage)"


def targets_stay_apart(tree):
    for path, header in includes(tree):
        own, other = stage(path), stage(header)
        if own is None or other is None or is_test(path) or own == other:
            continue
        if other[0] == "targets" and other[1] not in (None, "reference"):
            yield f"{path} includes {header}: only target {other[1]} itself may"


def tests_are_not_included(tree):
    for path, header in includes(tree):
        if stage(path) and is_test(header) and not is_test(path):
            yield f"{path} includes {header}, a file of the tests"


def stages_are_known(tree):
    for path, _ in tree.code():
        place = stage(path)
        if place and place[0] not in STAGES:
            yield f"{path}: {place[0]} is no stage"


def public_headers(tree):
    public = [p for p in tree.files if p.parts[0] == "include"]
    if len(public) > MOST_PUBLIC_HEADERS:
        yield f"include/ has {len(public)} headers, at most {MOST_PUBLIC_HEADERS}"
    for path, header in includes(tree):
        if path.parts[0] == "include" and header.parts[0] != "include":
            yield f"{path} includes {header}, which is not public"


def file_sizes(tree):
    for path, text in tree.texts.items():
        lines = text.count("\n")
        if path.name == "CMakeLists.txt" and lines > MOST_CMAKE_LINES:
            yield f"{path}: {lines} lines, at most {MOST_CMAKE_LINES}"
        scripts = path.suffix in CODE | {".py", ".cmake"} or text.startswith("#!")
        if scripts and lines > MOST_LINES:
            yield f"{path}: {lines} lines, at most {MOST_LINES}"
    for path in tree.files:
        size = (tree.root / path).stat().st_size
        if size > MOST_BYTES:
            yield f"{path}: {size} bytes, at most {MOST_BYTES}"


def columns(tree):
    for path, text in tree.code(*CODE, ".py"):
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > MOST_COLUMNS and "://" not in line:
                yield f"{path}:{number}: {len(line)} columns, at most {MOST_COLUMNS}"


def sources(tree):
    """Every text but this file, which has to spell out what it forbids."""
    return [(p, t) for p, t in tree.texts.items() if p != Path("tests/structure/run.py")]


RULES = {
    "a stage includes only itself and earlier stages": stages_in_order,
    "a target's headers are its own": targets_stay_apart,
    "no code includes tests": tests_are_not_included,
    "every folder of src/ is a stage": stages_are_known,
    "public headers are few and stand alone": public_headers,
    f"no file over {MOST_LINES} lines, no CMakeLists.txt over {MOST_CMAKE_LINES}": file_sizes,
    f"no line over {MOST_COLUMNS} columns": columns,
    "names say what a file is": lambda t: (str(p) for p in t.files if BAD_NAME.search(str(p))),
    "no unfinished words": lambda t: t.grep(UNFINISHED, sources(t)),
    "no paths of one machine": lambda t: t.grep(MACHINE_PATH, sources(t)),
    "a skipped test says why": lambda t: t.grep(UNEXPLAINED_SKIP, t.code()),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", default=str(ROOT))
    tree, tally = Tree(parser.parse_args().root), Tally()
    for name, rule in RULES.items():
        places = list(rule(tree))
        if places:
            tally.bad(name, "".join(f"\n           {place}" for place in places))
        else:
            tally.ok(name)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
