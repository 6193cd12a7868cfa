#!/usr/bin/env python3
"""Write the backend test cases of the ONNX standard, out of the installed onnx package.

    onnx_cases.py FOLDER

Each case becomes FOLDER/<kind>/<name>/ with model.onnx, test_data_set_N/{input,output}_M.pb
(a TensorProto, SequenceProto, OptionalProto or MapProto, as the graph's type says) and
tolerance.json {"rtol", "atol"}. The kinds are node, simple, pytorch-converted, pytorch-operator
and light, a set of small whole networks. FOLDER/stamp names what wrote the folder; where it
matches, nothing is done.
"""
import json
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests

import wheels

KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator")
ENCODERS = {
    "sequence_type": numpy_helper.from_list,
    "optional_type": numpy_helper.from_optional,
    "map_type": numpy_helper.from_dict,
    "tensor_type": lambda value, name: numpy_helper.from_array(np.asarray(value), name),
    "sparse_tensor_type": lambda value, name: value,
}


def encode(value, info):
    """A case's value as the bytes of the message that its graph input or output calls for."""
    if not hasattr(value, "SerializeToString"):
        value = ENCODERS[info.type.WhichOneof("value")](value, info.name)
    return value.SerializeToString()


def write_data(folder, stem, values, infos):
    for index, (value, info) in enumerate(zip(values, infos, strict=False)):
        (folder / f"{stem}_{index}.pb").write_bytes(encode(value, info))


def write_tolerance(folder, rtol, atol):
    (folder / "tolerance.json").write_text(json.dumps({"rtol": rtol, "atol": atol}) + "\n")


def write_case(case, folder):
    if case.model_dir and case.model is None:  # the package has it as files
        shutil.copytree(case.model_dir, folder)
    else:
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_bytes(case.model.SerializeToString())
        for index, (inputs, outputs) in enumerate(case.data_sets):
            data = folder / f"test_data_set_{index}"
            data.mkdir()
            write_data(data, "input", inputs, case.model.graph.input)
            write_data(data, "output", outputs, case.model.graph.output)
    write_tolerance(folder, case.rtol, case.atol)


def write_light_case(path, folder):
    """A network of the light set: the package has its answer to a ramp from 0 to 1."""
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    shutil.copyfile(path, folder / "model.onnx")
    model = onnx.load(path)
    weights = {tensor.name for tensor in model.graph.initializer}
    infos = [info for info in model.graph.input if info.name not in weights]
    shapes = [[d.dim_value or 1 for d in i.type.tensor_type.shape.dim] for i in infos]
    ramps = [np.arange(np.prod(s), dtype=np.float64).reshape(s) / np.prod(s) for s in shapes]
    write_data(data, "input", [ramp.astype(np.float32) for ramp in ramps], infos)
    shutil.copyfile(path.with_name(f"{path.stem}_output_0.pb"), data / "output_0.pb")
    write_tolerance(folder, 1e-3, 1e-7)


def start(out, script):
    """Empties the folder that the script writes; the function returned stamps it. Nothing where the
    stamp says that this script has written it for this onnx."""
    stamp, wanted = out / "stamp", f"onnx {onnx.__version__} {wheels.sha256(script)}\n"
    if stamp.exists() and stamp.read_text() == wanted:
        print(f"{out} is up to date")
        return None
    shutil.rmtree(out, ignore_errors=True)

    def finish(what):
        stamp.write_text(wanted)
        print(f"{what} in {out}")

    return finish


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    finish = start(out, __file__)
    if finish is None:
        return
    warnings.simplefilter("ignore")  # the cases overflow and divide by zero on purpose
    count = 0
    for kind in KINDS:
        for case in load_model_tests(kind=kind):
            write_case(case, out / kind / case.name)
            count += 1
    light = Path(onnx.__file__).parent / "backend/test/data/light"
    for path in sorted(light.glob("light_*.onnx")):
        write_light_case(path, out / "light" / path.stem)
        count += 1
    finish(f"{count} cases")


if __name__ == "__main__":
    main()
