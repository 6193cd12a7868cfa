#!/usr/bin/env python3
"""Check the project's own scripts: what the checkpoint reader accepts and refuses, that a new
operator made from the template compiles, and that those of docs/adding-an-operator.md pass their
tests.

    tests/tools/run.py [--build build]"""
import argparse
import io
import pickle
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections import OrderedDict
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tools")]

import torch_checkpoint  # noqa: E402
from tally import Tally  # noqa: E402


class Named:
    """Pickles as a call of a global by name, so that a test can write any name it likes."""

    def __init__(self, module, name, arguments):
        self.module, self.name, self.arguments = module, name, arguments


class Storage:
    def __init__(self, kind, key, size):
        self.identity = ("storage", kind, key, "cpu", size, None)


class Global:
    def __init__(self, module, name):
        self.module, self.name = module, name


class Writer(pickle._Pickler):  # the one written in Python, whose methods can be replaced
    def persistent_id(self, value):
        return value.identity if isinstance(value, Storage) else None

    def save(self, value, save_persistent_id=True):
        if isinstance(value, Global):
            self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())
        elif isinstance(value, Named):
            self.save(Global(value.module, value.name))
            self.save(value.arguments)
            self.write(pickle.REDUCE)
        else:
            super().save(value, save_persistent_id)


def checkpoint(tensors, keys=("7",), data=np.arange(6, dtype="<f4"), count=6, cut=None):
    file = io.BytesIO()
    table = {"protocol_version": torch_checkpoint.PROTOCOL, "little_endian": True}
    for value in (torch_checkpoint.MAGIC, torch_checkpoint.PROTOCOL, table, tensors, list(keys)):
        Writer(file, protocol=2).dump(value)
    file.write(struct.pack("<q", count) + data.tobytes())
    return file.getvalue()[:cut]


def tensor(offset=0, shape=(2, 3), strides=(3, 1), size=6):
    storage = Storage(Global("torch", "FloatStorage"), "7", size)
    arguments = (storage, offset, shape, strides, False, OrderedDict())
    return Named("torch._utils", "_rebuild_tensor_v2", arguments)


def read(data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return torch_checkpoint.read(file.name)


def reads(tensors, expected):
    found = read(checkpoint(tensors))
    assert set(found) == set(expected), f"found {set(found)}"
    for name, array in expected.items():
        assert np.array_equal(found[name], array), f"{name} is {found[name]}"


def refuses(data, words):
    try:
        read(data)
    except pickle.UnpicklingError as error:
        assert words in str(error), f"refused with '{error}'"
    else:
        raise AssertionError("accepted")


def compiler(copy):
    """The compiler's command for sources that stand beside those of the project."""
    return ["g++", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers",
            f"-I{copy}/src", f"-I{ROOT}/src", f"-I{ROOT}/include", f"-I{ROOT}"]


def new_operator_compiles():
    """In a copy of the tools, so that the tree stays as it is."""
    with tempfile.TemporaryDirectory() as copy:
        shutil.copytree(ROOT / "tools", Path(copy) / "tools")
        (Path(copy) / "src/ops").mkdir(parents=True)
        made = subprocess.run([Path(copy) / "tools/new_operator", "QLinearSwirl"], check=True,
                              capture_output=True, text=True).stdout.split()
        sources = [name for name in made if name.endswith(".cc")]
        assert len(sources) == 3 and "src/ops/q_linear_swirl/op.h" in made, f"made {made}"
        command = [*compiler(copy), "-fsyntax-only", "-DFMT_HEADER_ONLY"]
        for source in sources:
            done = subprocess.run([*command, Path(copy) / source], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr[:400]


def documented_operators():
    """{operator: {file: its text}} of the whole examples in the page."""
    page = (ROOT / "docs/adding-an-operator.md").read_text()
    files = re.findall(r"<!-- file: (\w+)/([\w.]+) -->\n```cpp\n(.*?)```", page, re.S)
    operators = {}
    for operator, name, text in files:
        operators.setdefault(operator, {})[name] = text
    return operators


def expect_two(operators):
    assert len(operators) == 2, f"found {list(operators)}"


def documented_operator_passes(operator, files, build):
    """Built as in src/ops, from the page's text alone, and its tests run."""
    with tempfile.TemporaryDirectory() as copy:
        folder = Path(copy) / "src/ops" / operator
        folder.mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text)
        sources = [folder / name for name in files if name.endswith(".cc")]
        assert {source.stem for source in sources} >= {"op", "import", "cpu", "test"}, sources
        support = sorted((build / "tests/CMakeFiles/unit_tests.dir/support").glob("*.o"))
        libraries = sorted(build.glob("libdrawbar*.so"))
        command = [*compiler(copy), "-O1", "-isystem", build / "src", *sources, *support,
                   *libraries, f"-Wl,-rpath,{build}", "-lgtest_main", "-lgtest",
                   "-lprotobuf", "-lfmt", "-pthread", "-o", Path(copy) / "tests"]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[:800]
        done = subprocess.run([Path(copy) / "tests"], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-800:]
        assert re.search(r"PASSED +\] [3-9] tests", done.stdout), done.stdout[-200:]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    build = parser.parse_args().build.resolve()
    tally = Tally()
    whole = np.arange(6, dtype=np.float32).reshape(2, 3)
    tally.check("checkpoint: whole and transposed tensors of one storage", reads,
                {"a": tensor(), "b": tensor(shape=(3, 2), strides=(1, 3)), "c": tensor(5, (), ())},
                {"a": whole, "b": whole.T, "c": np.float32(5)})
    refused = {
        "a call of os.system": (
            checkpoint({"a": Named("os", "system", ("true",))}), "os.system is not allowed"),
        "a call of eval": (
            checkpoint({"a": Named("builtins", "eval", ("1",))}), "eval is not allowed"),
        "a tensor past its storage": (
            checkpoint({"a": tensor(1)}), "reaches element 7 of storage 7, which has 6"),
        "a negative stride": (checkpoint({"a": tensor(3, (2,), (-1,))}), "strides (-1,)"),
        "a truncated storage": (checkpoint({"a": tensor()}, cut=-1), "storage 7 is truncated"),
        "a storage of another size": (
            checkpoint({"a": tensor()}, count=5), "storage 7 is truncated"),
        "an object that is no tensor": (
            checkpoint({"a": 1}), "more than a dictionary of tensors"),
        "another format": (pickle.dumps(1), "not a legacy torch checkpoint"),
    }
    for name, (data, words) in refused.items():
        tally.check(f"checkpoint: refuses {name}", refuses, data, words)
    tally.check("new_operator: what it makes compiles", new_operator_compiles)
    operators = documented_operators()
    tally.check("adding-an-operator: has two whole operators", expect_two, operators)
    for operator, files in operators.items():
        tally.check(f"adding-an-operator: {operator} builds and passes its tests",
                    documented_operator_passes, operator, files, build)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
