#!/usr/bin/env python3
"""The build without importers: it needs a compiler and header-only libraries, and runs engines.

    run.py --drawbar build/drawbar [--build build-runtime-only]

Configures and builds it, looks at what it links, and lets it run an engine the full build made.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from cli.run import classifier  # noqa: E402
from tally import Tally  # noqa: E402

SYSTEM = {"libdrawbar", "libstdc++", "libm", "libgcc_s", "libc", "ld-linux-x86-64", "linux-vdso"}


class RuntimeOnly:
    def __init__(self, full, build, folder):
        self.full, self.build, self.folder = (
            Path(full).resolve(),
            Path(build).resolve(),
            Path(folder),
        )
        self.binary = self.build / "drawbar"
        self.model, self.engine = self.folder / "model.onnx", self.folder / "model.engine"
        classifier(self.model)
        np.save(self.folder / "x.npy", np.random.default_rng(3).random((2, 3, 8, 8), np.float32))

    def command(self, *arguments):
        return subprocess.run([*map(str, arguments)], capture_output=True, text=True, cwd=ROOT)

    def succeeds(self, *arguments):
        done = self.command(*arguments)
        assert done.returncode == 0, (done.stderr.strip() or done.stdout.strip())[-400:]
        return done.stdout

    def builds(self):
        self.succeeds("cmake", "--preset", "runtime-only", "-B", self.build)
        self.succeeds(
            "cmake", "--build", self.build, "--target", "drawbar_cli", "-j", os.cpu_count()
        )

    def links_the_system_alone(self):
        for binary in (self.binary, self.build / "libdrawbar.so"):
            names = {
                Path(line.split()[0]).name.split(".so")[0]
                for line in self.succeeds("ldd", binary).splitlines()
            }
            assert names <= SYSTEM, f"{binary.name} links {sorted(names - SYSTEM)}"

    def runs_engines(self):
        self.succeeds(self.full, "compile", self.model, "-o", self.engine)
        answers = []
        for name, binary in (("full", self.full), ("alone", self.binary)):
            out = self.folder / name
            self.succeeds(
                binary,
                "run",
                self.engine,
                "--input",
                f"x={self.folder}/x.npy",
                "--threads",
                "2",
                "--output",
                out,
            )
            answers.append((out / "y.npy").read_bytes())
        assert answers[0] == answers[1], "the two builds answer differently"

    def says_what_it_cannot_read(self):
        done = self.command(self.binary, "run", self.model, "--input", f"x={self.folder}/x.npy")
        assert done.returncode == 1 and "UNSUPPORTED" in done.stderr, done.stderr

    def says_what_it_lacks(self):
        graph = helper.make_graph(
            [helper.make_node("RegexFullMatch", ["x"], ["y"], pattern="a+")],
            "regex",
            [helper.make_tensor_value_info("x", TensorProto.STRING, ["N"])],
            [helper.make_tensor_value_info("y", TensorProto.BOOL, ["N"])],
        )
        model, engine = self.folder / "regex.onnx", self.folder / "regex.engine"
        opset = [helper.make_opsetid("", 20)]
        onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), model)
        self.succeeds(self.full, "compile", model, "-o", engine)
        done = self.command(self.binary, "inspect", engine)
        assert done.returncode == 1 and "without regular expressions" in done.stderr, done.stderr

    def says_what_it_cannot_decode(self):
        photo = self.folder / "photo.png"
        photo.write_bytes(b"\x89PNG\r\n\x1a\n")
        done = self.command(
            self.binary, "run", self.engine, "--image", photo, "--preprocess", "imagenet"
        )
        assert done.returncode == 1 and "has no image decoders" in done.stderr, done.stderr


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--drawbar", required=True, help="the full build's binary")
    parser.add_argument("--build", default=ROOT / "build-runtime-only")
    options = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        suite = RuntimeOnly(options.drawbar, options.build, folder)
        tally.check_all(
            suite.builds,
            suite.links_the_system_alone,
            suite.runs_engines,
            suite.says_what_it_cannot_read,
            suite.says_what_it_lacks,
            suite.says_what_it_cannot_decode,
        )
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
