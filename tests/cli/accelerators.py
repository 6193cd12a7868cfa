"""The checks of the GPU target and of engines without weights, a part of run.py's. No GPU is
needed: the target runs on its emulation (docs/gpu.md), and compiles for GPUs that are not here."""

import json
import os
import subprocess

import numpy as np
from tally import Skip


class Accelerators:
    def on_emulation(self, *arguments, status=0, devices=1):
        done = subprocess.run(
            [self.binary, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=self.folder,
            env={**os.environ, "DRAWBAR_CUDA": f"emulated:{devices}"},
        )
        assert done.returncode == status, f"{arguments}: {done.returncode}: {done.stderr.strip()}"
        return done.stdout if status == 0 else done.stderr

    def needs_gpu_target(self):
        if not (self.binary.parent / "libdrawbar_cuda.so").exists():
            raise Skip("built without the GPU target")

    def answer(self, folder):
        return np.load(self.folder / folder / "y.npy")

    def gpu_targets(self):
        self.needs_gpu_target()
        assert "emulated on the host" in self.on_emulation("targets")
        told = self.run("targets").stdout.splitlines()
        lines = [line for line in told if line.startswith("cuda")]
        assert len(lines) == 1, lines
        if "no dr" not in lines[0] and "no device" not in lines[0]:
            raise Skip(f"there is a GPU here: {lines[0]}")
        self.refuses(
            "--arch names the architecture",
            *("compile", self.model, "-o", "none.engine", "--target", "cuda"),
            status=1,
        )
        self.refuses("no dr", "bench", self.model, "--target", "cuda", status=1)
        words = ("compile", self.model, "-o", "none.engine", "--target", "cuda", "--arch", "sm_1")
        self.refuses("architecture 'sm_1' is none of sm_75", *words)
        assert not (self.folder / "none.engine").exists()

    def gpu_runs(self):
        """From the model and from an engine, in f32 and in halves, as the processors answer."""
        self.needs_gpu_target()
        given = ("--input", f"x={self.input}")
        self.run("run", self.model, *given, "--output", "want")
        for precision, tolerance in (("fp32", 1e-5), ("fp16", 5e-3), ("bf16", 5e-2)):
            engine = f"gpu_{precision}.engine"
            words = ("--target", "cuda", "--wherever-it-can", "--shape", "x=2x3x8x8")
            self.on_emulation("compile", self.model, "-o", engine, *words, "--precision", precision)
            self.on_emulation("run", engine, *given, "--output", precision)
            error = np.abs(self.answer(precision) - self.answer("want")).max()
            assert error <= tolerance * np.abs(self.answer("want")).max(), (precision, error)
        steps = json.loads(self.on_emulation("inspect", "gpu_fp16.engine", "--json"))["plans"][0]
        assert {step["target"] for step in steps["steps"]} == {"cuda"}, steps
        assert {"Copy", "Cast", "Conv"} <= {step["op"] for step in steps["steps"]}, steps
        result = json.loads(
            self.on_emulation("bench", "gpu_fp32.engine", "--duration", "0.02", "--json")
        )
        assert result["target"] == "cuda" and result["device_ms"] > 0, result
        # What is small does not pay there, and the report says so.
        self.on_emulation("compile", self.model, "-o", "here.engine", "--target", "cuda")
        here = self.on_emulation("inspect", "here.engine")
        assert "left to the processors: Conv" in here and "ms there with its copies" in here, here

    def gpu_rounds_to_tf32(self):
        """Where it is asked to, and says so; nowhere else."""
        self.needs_gpu_target()
        given = ("--input", f"x={self.input}")
        self.run("run", self.model, *given, "--output", "want")
        words = ("--target", "cuda", "--wherever-it-can", "--shape", "x=2x3x8x8", "--deterministic")
        for precision in ("fp32", "tf32"):
            engine = f"products_{precision}.engine"
            self.on_emulation("compile", self.model, "-o", engine, *words, "--precision", precision)
            assert f"engine for cuda, {precision}" in self.on_emulation("inspect", engine)
            told = json.loads(self.on_emulation("inspect", engine, "--json"))
            on_units = any("matrix_units" in s["tactic"] for s in told["plans"][0]["steps"])
            assert on_units == (precision == "tf32"), told
            self.on_emulation("run", engine, *given, "--output", precision)
        want = self.answer("want")
        error = np.abs(self.answer("tf32") - want).max() / np.abs(want).max()
        assert 1e-6 < error < 2e-3, error
        assert not np.array_equal(self.answer("tf32"), self.answer("fp32"))
        words = ("bench", "products_tf32.engine", "--duration", "0.02")
        assert json.loads(self.on_emulation(*words, "--json"))["precision"] == "tf32"
        assert ".engine  tf32, cuda" in self.on_emulation(*words)

        folder = self.folder / "tf32_samples"
        folder.mkdir()
        for i in range(2):
            np.save(folder / f"{i}_{i}.npy", np.load(self.input)[:1])
        words = ("eval", self.model, "--dataset", folder, "--target", "cuda", "--json")
        told = json.loads(self.on_emulation(*words, "--precision", "fp32,tf32"))["results"]
        assert [result["precision"] for result in told] == ["fp32", "tf32"], told

        words = ("compile", self.model, "-o", "none.engine", "--precision", "tf32")
        self.refuses("is of GPUs' matrix units: expected target cuda, found cpu", *words)
        self.refuses("which strict does not allow", *words, "--target", "cuda", "--strict")
        assert not (self.folder / "none.engine").exists()

    def gpus_share_callers(self):
        self.needs_gpu_target()
        assert "2 × emulated on the host" in self.on_emulation("targets", devices=2)
        words = ("bench", "gpu_fp32.engine", "--duration", "0.02", "--json", "--concurrency", "3")
        result = json.loads(self.on_emulation(*words, devices=2))["concurrent"]
        assert result["callers"] == 3 and result["throughput_per_s"] > 0, result
        words = ("bench", "gpu_fp32.engine", "--duration", "0.02", "--concurrency", "3")
        assert "3 callers at once: p50 " in self.on_emulation(*words, devices=2)
        refused = self.on_emulation("targets", status=2, devices=99)
        assert "DRAWBAR_CUDA is 'emulated:99', expected emulated or emulated:1 to :16" in refused

    def gpu_memory_is_limited(self):
        self.needs_gpu_target()
        words = ("run", "gpu_fp32.engine", "--input", f"x={self.input}", "--device-memory")
        self.on_emulation(*words, "1MiB")
        assert "its limit is 1024" in self.on_emulation(*words, "1KiB", status=1)

    def gpu_code_without_a_gpu(self):
        """An engine for GPUs that are not here: inspect reads it, run says why it cannot."""
        self.needs_gpu_target()
        words = ("compile", self.model, "-o", "far.engine", "--target", "cuda", "--wherever-it-can")
        self.run(*words, "--arch", "sm_80,sm_90")
        sections = (self.folder / "far.engine").read_bytes()
        assert b"cuda/code sm_80 " in sections and b"cuda/code sm_90 " in sections
        assert "conv" in self.run("inspect", "far.engine").stdout
        if "no dr" in self.run("targets").stdout:
            self.refuses("no driver", "run", "far.engine", "--input", f"x={self.input}", status=1)

    def stripped_engines(self):
        """Large weights are left out, and refit puts them in again."""
        weights = np.random.default_rng(4).standard_normal((64, 64)).astype(np.float32)
        model = self.dense_model("dense.onnx", weights)
        other = self.dense_model("dense_other.onnx", weights, extra="Tanh")
        np.save(self.folder / "dense_x.npy", weights[:2])
        given = ("--input", "x=dense_x.npy", "--threads", "1")
        plain = ("--threads", "1", "--deterministic")
        self.run("compile", model, "-o", "dense.engine", *plain)
        self.run("compile", model, "-o", "stripped.engine", "--strip-weights", *plain)
        size = {n: (self.folder / f"{n}.engine").stat().st_size for n in ("dense", "stripped")}
        assert size["stripped"] < size["dense"] / 3, size
        self.run("refit", "stripped.engine", model, "-o", "refitted.engine")
        for name in ("dense", "refitted", "stripped"):
            self.run("run", f"{name}.engine", *given, "--output", name)
        assert np.array_equal(self.answer("dense"), self.answer("refitted"))
        assert not np.allclose(self.answer("dense"), self.answer("stripped"))
        words = ("refit", "stripped.engine", other, "-o", "wrong.engine")
        self.refuses("compiled of another model", *words)

    def portable_engines(self):
        self.run("compile", self.model, "-o", "portable.engine", "--portable")
        self.run("run", "portable.engine", "--input", f"x={self.input}", "--output", "portable")
        self.run("run", self.model, "--input", f"x={self.input}", "--output", "want")
        assert np.allclose(self.answer("portable"), self.answer("want"), atol=1e-5)
