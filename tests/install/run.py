#!/usr/bin/env python3
"""What `cmake --install` puts down: found by CMake and pkg-config, it compiles and runs a program.

    run.py [--build build]
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from cli.run import classifier  # noqa: E402
from tally import Skip, Tally  # noqa: E402

EXAMPLE = ROOT / "examples/classify"
PLUGIN = ROOT / "examples/plugin"


def snake(path):
    """y = Snake(Relu(x), alpha) of the example's plug-in, x [N, 7, T]."""
    nodes = [
        helper.make_node("Relu", ["x"], ["r"]),
        helper.make_node("Snake", ["r", "alpha"], ["y"], domain="com.example"),
    ]
    graph = helper.make_graph(
        nodes,
        "vocoder",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 7, "T"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.arange(1, 8, dtype=np.float32), "alpha")],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


class Installed:
    def __init__(self, build, folder):
        self.build, self.folder = Path(build).resolve(), Path(folder)
        self.prefix = self.folder / "prefix"
        self.model = self.folder / "model.onnx"
        classifier(self.model)
        self.environment = {**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")}

    def run(self, *arguments, **environment):
        done = subprocess.run(
            [*map(str, arguments)],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**self.environment, **environment},
        )
        assert done.returncode == 0, (done.stderr.strip() or done.stdout.strip())[-600:]
        return done.stdout

    def library(self):
        return next(self.prefix.rglob("libdrawbar.so")).parent

    def installs(self):
        self.run("cmake", "--install", self.build, "--prefix", self.prefix)
        for name in ("bin/drawbar", "include/drawbar/drawbar.h", "share/man/man1/drawbar.1"):
            assert (self.prefix / name).is_file(), f"{name} is missing"
        for header in (self.prefix / "include").rglob("*.h"):
            assert "fmt/" not in header.read_text(), f"{header.name} needs a header of ours"
        assert "drawbar 0." in self.run(self.prefix / "bin/drawbar", "--version")

    def expected(self):
        """What the installed command line answers to the example's input."""
        x = (np.arange(3 * 8 * 8) % 17 / 16).astype(np.float32).reshape(1, 3, 8, 8)
        np.save(self.folder / "x.npy", x)
        binary = self.prefix / "bin/drawbar"
        inputs = f"x={self.folder}/x.npy"
        self.run(binary, "run", self.model, "--input", inputs, "--output", self.folder / "out")
        y = np.load(self.folder / "out/y.npy").ravel()
        order = np.argsort(-y, kind="stable")[:5]
        return [(int(i), float(y[i])) for i in order]

    def answers(self, program):
        printed = self.run(
            program, self.model, self.folder / "model.engine", LD_LIBRARY_PATH=str(self.library())
        )
        got = [(int(a), float(b)) for a, b in (line.split() for line in printed.splitlines())]
        want = self.expected()
        assert len(got) == len(want) > 0, printed
        for (_, a), (_, b) in zip(got, want):
            assert abs(a - b) <= 1e-5, f"{got} instead of {want}"

    def cmake_finds_it(self):
        built = self.folder / "example"
        self.run("cmake", "-S", EXAMPLE, "-B", built, f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.run("cmake", "--build", built)
        self.answers(built / "classify")

    def pkg_config_finds_it(self, compiler="g++"):
        if not shutil.which(compiler):
            raise Skip(f"{compiler} is not installed")
        path = str(self.library() / "pkgconfig")
        asked = ("pkg-config", "--cflags", "--libs", "drawbar")
        flags = self.run(*asked, PKG_CONFIG_PATH=path).split()
        program = self.folder / f"classify_{compiler}"
        warnings = ("-Wall", "-Wextra", "-Werror")
        self.run(compiler, *warnings, EXAMPLE / "main.cc", *flags, "-o", program)
        self.answers(program)

    def clang_compiles_it_too(self):
        self.pkg_config_finds_it("clang++")

    def plugin_runs(self, compiler="gcc"):
        """The example's operator, in a model, an engine, and an engine opened without it."""
        if not shutil.which(compiler):
            raise Skip(f"{compiler} is not installed")
        built, model = self.folder / f"plugin_{compiler}", self.folder / "snake.onnx"
        self.run(
            *("cmake", "-S", PLUGIN, "-B", built, f"-DCMAKE_PREFIX_PATH={self.prefix}"),
            f"-DCMAKE_C_COMPILER={compiler}",
        )
        self.run("cmake", "--build", built)
        snake(model)
        rng = np.random.default_rng(5)
        x = rng.standard_normal((2, 7, 129)).astype(np.float32)
        np.save(self.folder / "snake_x.npy", x)
        binary, plugin = self.prefix / "bin/drawbar", built / "snake.so"
        engine, out = self.folder / "snake.engine", self.folder / "snake_out"
        self.run(binary, "compile", model, "-o", engine, "--plugin", plugin, "--shape", "x=2x7x129")
        alpha = np.arange(1, 8, dtype=np.float32)[None, :, None]
        want = np.maximum(x, 0) + np.sin(alpha * np.maximum(x, 0)) ** 2 / alpha
        for file in (model, engine):
            command = (binary, "run", file, "--input", f"x={self.folder}/snake_x.npy")
            self.run(*command, "--plugin", plugin, "--output", out)
            assert np.abs(np.load(out / "y.npy") - want).max() < 1e-5, f"{file.name} is off"
            alone = subprocess.run([*map(str, command)], capture_output=True, text=True)
            assert alone.returncode == 1 and "UNSUPPORTED" in alone.stderr, alone.stderr

    def plugin_runs_on_the_gpu(self):
        """The example's kernel from its source, on the emulation."""
        plugin, engine = self.folder / "plugin_gcc/snake.so", self.folder / "snake_gpu.engine"
        model, out = self.folder / "snake.onnx", self.folder / "snake_gpu_out"
        if not (plugin.exists() and (self.prefix / "lib/libdrawbar_cuda.so").exists()):
            raise Skip("built without the GPU target")
        binary = self.prefix / "bin/drawbar"
        environment = {**os.environ, "DRAWBAR_CUDA": "emulated"}

        def run(*words):
            done = subprocess.run(
                [*map(str, (binary, *words, "--plugin", plugin))],
                capture_output=True, text=True, env=environment,
            )
            assert done.returncode == 0, done.stderr[-400:]
            return done.stdout

        run("compile", model, "-o", engine, "--target", "cuda", "--wherever-it-can",
            "--shape", "x=2x7x129")
        steps = run("inspect", engine)
        assert re.search(r"cuda Custom +plugin ", steps), steps
        run("run", engine, "--input", f"x={self.folder}/snake_x.npy", "--output", out)
        want = np.load(self.folder / "snake_out/y.npy")
        assert np.abs(np.load(out / "y.npy") - want).max() < 1e-5, "the GPU's answer is off"

    def plugin_brings_an_image_for_gpus(self):
        """The example's kernel as nvcc compiled it, for GPUs that it has code for."""
        plugin, engine = self.folder / "plugin_gcc/snake.so", self.folder / "snake_far.engine"
        if not (self.folder / "plugin_gcc/snake_image.h").exists():
            raise Skip("nvcc is not installed")
        binary = self.prefix / "bin/drawbar"
        for architecture, tactic in (
            ("sm_75", "plugin"), ("sm_80", "plugin_image"), ("sm_90", "plugin_image"),
            ("sm_100", "plugin_image"),
        ):
            words = ("--target", "cuda", "--wherever-it-can", "--shape", "x=2x7x129")
            self.run(
                *(binary, "compile", self.folder / "snake.onnx", "-o", engine, "--plugin", plugin),
                *(*words, "--arch", architecture),
            )
            steps = self.run(binary, "inspect", engine, "--plugin", plugin)
            assert re.search(rf"cuda Custom +{tactic} ", steps), steps

    def plugin_of_clang_runs(self):
        self.plugin_runs("clang")

    def wrong_plugins_are_refused(self):
        binary = self.prefix / "bin/drawbar"
        (self.folder / "text.so").write_text("no library")
        library = self.library() / "libdrawbar.so"
        for file, words in (
            ("absent.so", "no such file"),
            ("text.so", "plug-in"),
            (library, "no function drawbar_plugin_entry"),
        ):
            command = [binary, "inspect", self.model, "--plugin", self.folder / file]
            done = subprocess.run([*map(str, command)], capture_output=True, text=True)
            assert done.returncode == 2 and words in done.stderr, done.stderr

    def manual_page_names_every_command(self):
        page = (self.prefix / "share/man/man1/drawbar.1").read_text()
        assert page.startswith(".TH DRAWBAR 1"), page[:60]
        for command in ("compile", "run", "bench", "inspect", "diff", "targets"):
            assert f".SS drawbar {command}\n" in page, f"{command} is missing"
        assert "\\fB\\-\\-threads\\fR" in page, "options are missing"

    def public_headers_are_documented(self):
        if not shutil.which("doxygen"):
            raise Skip("doxygen is not installed")
        done = subprocess.run(
            ["doxygen", "docs/Doxyfile"], cwd=ROOT, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr.strip()[-800:]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--build", default=ROOT / "build")
    options = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        installed = Installed(options.build, folder)
        tally.check_all(
            installed.installs,
            installed.cmake_finds_it,
            installed.pkg_config_finds_it,
            installed.clang_compiles_it_too,
            installed.plugin_runs,
            installed.plugin_runs_on_the_gpu,
            installed.plugin_brings_an_image_for_gpus,
            installed.plugin_of_clang_runs,
            installed.wrong_plugins_are_refused,
            installed.manual_page_names_every_command,
            installed.public_headers_are_documented,
        )
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
