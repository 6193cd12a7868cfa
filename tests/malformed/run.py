#!/usr/bin/env python3
"""Feed malformed models, graphs in text form and engines to the command line.

    run.py --drawbar build/drawbar [--only TEXT] [--scale 1]

Each file must be answered within a second of processor time and 256 MiB plus four times its own
size (times --scale, for sanitizers) by exit status 1 (2 where the caller's input is wrong) and one
line on standard error: `drawbar: CODE: …` with the words the table names. Files whose code is None
are right, or have a right answer, and must be read.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import attributes  # noqa: E402
import engines  # noqa: E402
import files  # noqa: E402
import graphs  # noqa: E402
import running  # noqa: E402
import texts  # noqa: E402
from tally import Tally  # noqa: E402

STATUS = {"INVALID_ARGUMENT": 2}
SECONDS, MEBIBYTES = 1.0, 256


class Runner:
    def __init__(self, drawbar, folder, scale, only):
        self.drawbar, self.folder, self.scale, self.only = drawbar, folder, scale, only
        self.tally = Tally()
        self.worst_seconds = self.worst_bytes = 0

    def check(self, name, arguments, code, words="", seconds=SECONDS):
        if self.only in name:
            self.tally.check(name, self.one, arguments, code, words, seconds)

    def one(self, arguments, code, words, seconds):
        arguments = [str(a) for a in arguments]
        pid = os.posix_spawn(
            self.drawbar, [self.drawbar, *arguments], os.environ, file_actions=self.actions()
        )
        status, usage = self.wait(pid, 30 * seconds * self.scale + 30)
        text = (self.folder / "stderr").read_bytes().decode("utf-8", "replace")
        text = "".join(l for l in text.splitlines(True) if "AddressSanitizer failed to" not in l)
        told = text.strip()[:300]
        spent = usage.ru_utime + usage.ru_stime
        assert status >= 0, f"signal {-status} ({told})"
        if code is None:
            assert status == 0, f"exit status {status}: {told}"
        else:
            assert status == STATUS.get(code, 1), f"exit status {status}, expected {code}: {told}"
            assert text.count("\n") == 1, f"{text.count(chr(10))} lines: {told}"
            assert text.startswith(f"drawbar: {code}: "), f"expected {code}: {told}"
            assert words in text, f"'{words}' is not in: {told}"
        assert spent <= seconds * self.scale, f"{spent:.1f} s of processor time ({told})"
        size = sum(os.path.getsize(a) for a in arguments if os.path.isfile(a))
        most = (MEBIBYTES << 20) * self.scale + 4 * size
        assert usage.ru_maxrss * 1024 <= most, f"{usage.ru_maxrss // 1024} MiB ({told})"
        self.worst_seconds = max(self.worst_seconds, spent)
        self.worst_bytes = max(self.worst_bytes, usage.ru_maxrss * 1024)
        return told.removeprefix("drawbar: ") if self.only else ""

    def actions(self):
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        return [
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, str(self.folder / "stderr"), flags, 0o644),
        ]

    @staticmethod
    def wait(pid, seconds):
        """Exit status and usage of that one process; it is ended when it takes too long."""
        end = time.monotonic() + seconds
        while True:
            done, status, usage = os.wait4(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status), usage
            if time.monotonic() > end:
                os.kill(pid, signal.SIGKILL)
                end = float("inf")
            time.sleep(0.002)


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    return path


def prepare(folder):
    """What models with external data look for, right and wrong."""
    data = np.arange(6, dtype=np.float32).tobytes()
    outside = folder.parent / "outside.bin"
    outside.write_bytes(data)
    (folder / "w.bin").write_bytes(data)
    (folder / "folder").mkdir()
    (folder / "folder" / "w.bin").write_bytes(data)
    (folder / "link.bin").symlink_to(outside)
    (folder / "folder_link").symlink_to(folder / "folder")
    os.link(outside, folder / "hard.bin")
    os.mkfifo(folder / "pipe.bin")


def check_models(runner, folder):
    for family in (files, graphs, attributes):
        for name, made, code, words in family.cases():
            path = write(folder / f"{family.__name__}.onnx", made)
            runner.check(f"{family.__name__}/{name}", ["inspect", path], code, words)
    for name, text, words in texts.cases():
        path = write(folder / "graph.txt", text.encode())
        code = "RESOURCE_EXHAUSTED" if name in texts.EXHAUSTED else "INVALID_MODEL"
        runner.check(
            f"texts/{name}", ["inspect", path], None if words is None else code, words or ""
        )


def check_runs(runner, folder):
    for name, made, inputs, code, words in running.indices():
        path, arguments = write(folder / "run.onnx", made), []
        for key, array in inputs.items():
            np.save(folder / f"{key}.npy", array)
            arguments += ["--input", f"{key}={folder / key}.npy"]
        runner.check(f"running/{name}", ["run", path, *arguments], code, words)
    for name, made in running.bombs():
        path = write(folder / "bomb.onnx", made)
        runner.check(f"bombs/{name}", ["bench", path, "--duration", "0.01"], "RESOURCE_EXHAUSTED")
    np.save(folder / "x.npy", np.ones(1, np.float32))
    for name, made in running.endless():
        path = write(folder / "endless.onnx", made)
        runner.check(
            f"endless/{name}",
            ["run", path, "--input", f"x={folder / 'x.npy'}", "--deadline", "0.3"],
            "DEADLINE_EXCEEDED",
            seconds=2,
        )


def check_paths(runner, folder):
    np.save(folder / "x.npy", np.ones((2, 3), np.float32))
    for number, (name, made) in enumerate(running.paths()):
        path = write(folder / "path.onnx", made)
        place = folder / f"out{number}" / "inner"
        label = f"paths/{name[:20]!r}"
        before = {p for p in folder.rglob("*")}
        runner.check(
            label, ["run", path, "--input", f"x={folder / 'x.npy'}", "--output", place], None
        )
        if runner.only in label:
            made_now = {p for p in folder.rglob("*")} - before
            stray = [str(p) for p in made_now if place not in (p, *p.parents) and p != place.parent]
            files_made = [p for p in made_now if p.is_file()]
            if stray or len(files_made) != 1:
                runner.tally.bad(label, f"wrote {sorted(map(str, made_now))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drawbar", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--scale", type=float, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top) / "models"
        folder.mkdir()
        prepare(folder)
        runner = Runner(str(Path(options.drawbar).resolve()), folder, options.scale, options.only)
        check_models(runner, folder)
        check_runs(runner, folder)
        check_paths(runner, folder)
        for name, path, code, words in engines.cases(runner.drawbar, folder):
            runner.check(f"engines/{name}", ["inspect", "--verify", path], code, words)
        print(
            f"at most {runner.worst_seconds:.2f} s of processor time and "
            f"{runner.worst_bytes / 2**20:.0f} MiB for one file"
        )
        return runner.tally.close()


if __name__ == "__main__":
    sys.exit(main())
