#!/usr/bin/env python3
"""Write the cases of one node once more for older opsets, as onnx's version converter spells them.

    older_opsets.py CASES FOLDER

CASES is what onnx_cases.py wrote. For every older version of a case's operator that the converter
can reach, FOLDER/node/<name>_opset<N>/ is the case with the model of opset N, the last one with
that version. What the converter gets wrong is left out, with its reason here. FOLDER/stamp names
what wrote the folder; where it matches, nothing is done.
"""
import re
import shutil
import sys
from collections import defaultdict
from pathlib import Path

import onnx
from onnx import defs, version_converter

import onnx_cases

LEFT_OUT = {
    r"(log)?softmax_axis_[01]_opset(10|12)": "Softmax went over all axes from `axis` on before 13",
    r"prelu_broadcast_opset6": "PRelu's slope was one number for each channel before 7",
    r"scan9_.*_opset8": "Scan had a batch dimension in 8",
    r"training_dropout_": "training",
}


def versions():
    """{operator: the opsets that changed it}."""
    found = defaultdict(set)
    for schema in defs.get_all_schemas_with_history():
        if schema.domain == "":
            found[schema.name].add(schema.since_version)
    return found


def older_opsets(changes, opset):
    """The last opset of each version of an operator before the one of `opset`."""
    return [after - 1 for after in sorted(changes)[1:] if after <= opset]


def converted(model, opset):
    try:
        result = version_converter.convert_version(model, opset)
        onnx.checker.check_model(result)
        return result
    except Exception:  # no adapter for the way down, or none that is right
        return None


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    cases, out = Path(sys.argv[1]), Path(sys.argv[2])
    finish = onnx_cases.start(out, __file__)
    if finish is None:
        return
    changes = versions()
    count = left_out = 0
    for path in sorted((cases / "node").glob("*/model.onnx")):
        model = onnx.load(path)
        opsets = {opset.domain: opset.version for opset in model.opset_import}
        if set(opsets) != {""} or len(model.graph.node) != 1:
            continue
        for opset in older_opsets(changes[model.graph.node[0].op_type], opsets[""]):
            name = f"{path.parent.name}_opset{opset}"
            if any(re.match(f"test_{pattern}", name) for pattern in LEFT_OUT):
                left_out += 1
            elif (older := converted(model, opset)) is not None:
                shutil.copytree(path.parent, out / "node" / name)
                (out / "node" / name / "model.onnx").write_bytes(older.SerializeToString())
                count += 1
    finish(f"{count} cases, {left_out} left out")


if __name__ == "__main__":
    main()
