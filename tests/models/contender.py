"""Who answers: the drawbar binary, or onnxruntime in its place to check the checks themselves."""
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

import numpy as np


def onnxruntime_session(model, threads=2):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class OnnxRuntime:
    """Stands in for the binary; keeps the session of the model it ran last."""

    name = "onnxruntime"
    reads_images = False

    def __init__(self, threads=2):
        self.threads, self.path, self.session = threads, None, None

    def compile(self, model, *_arguments):
        return model

    def run(self, model, inputs):
        if self.path != model:
            self.path = self.session = None
            self.session, self.path = onnxruntime_session(str(model), self.threads), model
        names = [output.name for output in self.session.get_outputs()]
        return dict(zip(names, self.session.run(None, inputs)))


class Drawbar:
    """The command line tool; inputs and outputs travel as .npy files."""

    name = "drawbar"
    reads_images = True

    def __init__(self, binary, folder, threads=2, timeout=300):
        self.binary, self.threads, self.timeout = str(binary), threads, timeout
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def call(self, *arguments):
        """Standard output of one command. AssertionError with its last line of standard error
        where it does not end with 0."""
        command = [self.binary, *map(str, arguments)]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=self.timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{arguments[0]}: no answer within {self.timeout} s") from None
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["nothing on standard error"]
            raise AssertionError(f"exit status {done.returncode}: {lines[-1][:300]}")
        return done.stdout

    def compile(self, model, *arguments):
        """An engine of the model, with tactics chosen by the cost model."""
        engine = self.folder / f"{Path(model).stem}.engine"
        self.call("compile", model, "-o", engine, "--threads", self.threads, "--deterministic",
                  *arguments)
        return engine

    def run(self, model, inputs):
        """The outputs by name."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            arguments = []
            for index, (name, array) in enumerate(inputs.items()):
                file = f"{folder}/{index}.npy"
                np.save(file, array)
                arguments += ["--input", f"{name}={file}"]
            return self.collect(folder, model, arguments)

    def run_images(self, engine, images):
        """The outputs by name for image files, which the binary itself decodes and prepares."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            return self.collect(folder, engine, [a for i in images for a in ("--image", i)])

    def collect(self, folder, model, arguments):
        out = Path(folder) / "out"
        self.call("run", model, *arguments, "--threads", self.threads, "--output", out)
        return {urllib.parse.unquote(p.stem): np.load(p) for p in out.glob("*.npy")}
