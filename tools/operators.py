#!/usr/bin/env python3
"""Write docs/operators.md: every operator of the standard and whether models may use it.

    operators.py --drawbar build/drawbar [--check]

What the binary imports comes from `drawbar operators`, versions and types from the installed onnx
package, counts of cases from .cache/onnx_cases, reasons of refusal from refused.txt in
tests/conformance.
--check compares with the file that is there and writes nothing.
"""
import argparse
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import onnx
from onnx import defs

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/operators.md"
CASES = ROOT / ".cache/onnx_cases"
REFUSED = ROOT / "tests/conformance/refused.txt"
DOMAINS = {"": "ai.onnx", "ai.onnx.ml": "ai.onnx.ml", "ai.onnx.preview": "ai.onnx.preview"}
SHORT = {
    "float": "f32",
    "double": "f64",
    "float16": "f16",
    "bfloat16": "bf16",
    "int8": "i8",
    "int16": "i16",
    "int32": "i32",
    "int64": "i64",
    "uint8": "u8",
    "uint16": "u16",
    "uint32": "u32",
    "uint64": "u64",
    "bool": "bool",
    "string": "string",
    "complex64": "c64",
    "complex128": "c128",
    "float8e4m3fn": "f8e4m3fn",
    "float8e4m3fnuz": "f8e4m3fnuz",
    "float8e5m2": "f8e5m2",
    "float8e5m2fnuz": "f8e5m2fnuz",
    "float8e8m0": "f8e8m0",
    "float4e2m1": "f4e2m1",
    "int4": "i4",
    "uint4": "u4",
    "int2": "i2",
    "uint2": "u2",
}
GROUPS = (
    ("integers", {"i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"}),
    ("floats", {"f16", "bf16", "f32", "f64"}),
    ("float8", {"f8e4m3fn", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz"}),
    ("complex", {"c64", "c128"}),
)


def schemas():
    """{(domain, name): schemas of all versions, oldest first}."""
    found = defaultdict(list)
    for schema in defs.get_all_schemas_with_history():
        experimental = schema.support_level == defs.OpSchema.SupportType.EXPERIMENTAL
        if schema.domain in DOMAINS and not (experimental and schema.domain == ""):
            found[schema.domain, schema.name].append(schema)
    for versions in found.values():
        versions.sort(key=lambda schema: schema.since_version)
    return found


def element_types(schema):
    """The element types of the newest version's first input or output, groups by their names."""
    formal = (*schema.inputs, *schema.outputs)
    if not formal:
        return ""
    text = " ".join(formal[0].types)
    names = {SHORT[t] for t in re.findall(r"tensor\((\w+)\)", text) if t in SHORT}
    parts = []
    for group, members in GROUPS:
        if members <= names:
            parts.append(group)
            names -= members
    parts += sorted(names)
    if "map(" in text:
        parts.append("maps")
    return ", ".join(parts)


def folders():
    """Where a type is imported: {(domain, type): folder of src/ops}."""
    macros = {"": "ONNX_OP", "ai.onnx.ml": "ONNX_ML_OP", "ai.onnx.preview": "ONNX_PREVIEW_OP"}
    found, families = {}, {}
    for path in sorted((ROOT / "src/ops").glob("*/*")):
        text = path.read_text() if path.suffix in (".cc", ".h", ".def") else ""
        for domain, macro in macros.items():
            for name in re.findall(rf"\b{macro}\((\w+)\)", text):
                found[domain, name] = path.parent.name
        # Families are tables, or loops that register what a table names.
        if path.suffix == ".def" or "register_handler(" in text:
            for name in re.findall(r"\b[A-Z]\w+\b", text):
                families.setdefault(("", name), path.parent.name)
    return families | found


def cases():
    """Backend cases by operator: all, and those that are refused."""
    refused = {line.split()[0] for line in REFUSED.read_text().splitlines()
               if line and not line.startswith("#")}
    every, out = Counter(), Counter()
    for path in CASES.glob("*/*/model.onnx"):
        model = onnx.load(path, load_external_data=False)
        names = {(node.domain if node.domain != "ai.onnx" else "", node.op_type)
                 for node in model.graph.node}
        name = f"{path.parent.parent.name}/{path.parent.name}"
        for key in names:
            every[key] += 1
            out[key] += name in refused
    return every, out


def row(key, versions, imported, where, every, out):
    domain, name = key
    known = name in imported.get(DOMAINS[domain], ())
    state = "no"
    if known:
        folder = where.get(key)
        kernel = folder and any((ROOT / "src/ops" / folder).glob("cpu*.cc"))
        state = f"`{folder}`{', kernels' if kernel else ''}" if folder else "the importer"
    elif versions[-1].deprecated:
        state = "withdrawn"
    count = every[key]
    tests = f"{count - out[key]} of {count}" if out[key] else str(count or "")
    opsets = ", ".join(str(schema.since_version) for schema in versions)
    return f"| {name} | {opsets} | {element_types(versions[-1])} | {state} | {tests} |"


def page(binary):
    listed = json.loads(subprocess.run([binary, "operators", "--json"], check=True,
                                       capture_output=True, text=True).stdout)
    imported = {domain: set(names) for domain, names in listed["operators"].items()}
    where, (every, out), known = folders(), cases(), schemas()
    lines = [
        "# Operators",
        "",
        "Written by `tools/operators.py` for the onnx package "
        f"{onnx.__version__}; `drawbar operators` lists what a binary imports.",
        "",
        "Opsets are those in which the standard changed the operator: models of every one in",
        "between are read. Types are those of its first input in the newest version. *Here* names",
        "the folder of `src/ops` that translates or implements it, and whether that has kernels;",
        "everything else runs by its reference implementation. *Cases* counts the backend cases",
        "that use it and pass.",
    ]
    for domain, title in DOMAINS.items():
        keys = sorted(key for key in known if key[0] == domain)
        rows = [row(key, known[key], imported, where, every, out) for key in keys]
        have = sum(key[1] in imported.get(title, ()) for key in keys)
        lines += ["", f"## {title}: {have} of {len(keys)}", "",
                  "| Operator | Opsets | Types | Here | Cases |", "|---|---|---|---|---|", *rows]
    standard = {name for key in known for name in [key[1]] if key[0] == ""}
    old = sorted(imported.get("ai.onnx", set()) - standard)
    lines += ["", "## Others", "",
              "- Experimental ones of old files: " + ", ".join(old) + ".",
              "- com.microsoft: " + ", ".join(sorted(imported.get("com.microsoft", ()))) + ".", ""]
    reasons = [line for line in REFUSED.read_text().splitlines() if line and line[0] != "#"]
    lines += ["## Cases that are refused", "", "| Case | Reason |", "|---|---|"]
    lines += ["| {} | {} |".format(*line.split(" ", 1)) for line in reasons]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--drawbar", required=True)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    text = page(options.drawbar)
    if options.check:
        same = PAGE.exists() and PAGE.read_text() == text
        print("ok       docs/operators.md is up to date" if same else
              f"FAILED   docs/operators.md: run tools/operators.py --drawbar {options.drawbar}")
        print(f"{int(same)} passed, {int(not same)} failed")
        return 0 if same else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
