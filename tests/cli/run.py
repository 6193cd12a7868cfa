#!/usr/bin/env python3
"""The command line as a user meets it: what it prints, writes and answers to mistakes.

    run.py --drawbar build/drawbar

Makes its own small models; needs onnx and numpy (the project's .venv). One check evaluates a model
of ../shared/data, and is skipped where that is missing.
"""

import argparse
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parents[1]))
from cli.accelerators import Accelerators  # noqa: E402
from cli.evaluation import Evaluation  # noqa: E402
from cli.layers import Layers  # noqa: E402
from cli.page import self_contained  # noqa: E402
from tally import Tally  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ["compile", "run", "bench", "eval", "inspect", "diff", "refit", "targets"]
COMMANDS += ["operators", "completion", "man"]


def classifier(path, names=("x", "y")):
    """[N, 3, 8, 8] -> [N, 10], weights seeded."""
    rng = np.random.default_rng(1)
    weights = {
        "w": rng.standard_normal((6, 3, 3, 3)),
        "f": rng.standard_normal((6, 10)),
        "b": rng.standard_normal(10),
    }
    nodes = [
        helper.make_node("Conv", [names[0], "w"], ["c"], pads=[1, 1, 1, 1], name="conv"),
        helper.make_node("Relu", ["c"], ["r"], name="relu"),
        helper.make_node("GlobalAveragePool", ["r"], ["p"], name="pool"),
        helper.make_node("Flatten", ["p"], ["flat"], name="flatten"),
        helper.make_node("Gemm", ["flat", "f", "b"], [names[1]], name="head"),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info(names[0], TensorProto.FLOAT, ["N", 3, 8, 8])],
        [helper.make_tensor_value_info(names[1], TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(w.astype(np.float32), name) for name, w in weights.items()],
    )
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path
    )


def save_model(path, nodes, inputs, outputs):
    """A model of opsets 21 and ai.onnx.ml 3; inputs are value infos, outputs names."""
    graph = helper.make_graph(nodes, "g", inputs, [onnx.ValueInfoProto(name=o) for o in outputs])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=10), path)


def crc32c(data):
    """Masked, as TFRecords have it."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    value ^= 0xFFFFFFFF
    return struct.pack("<I", ((value >> 15 | value << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def tfrecord(encoded, label):
    """A record with a tf.train.Example; what is None is left out."""

    def field(number, data):
        size, length = len(data), b""
        while size >= 128:
            length, size = length + bytes([size & 127 | 128]), size >> 7
        return bytes([number << 3 | 2]) + length + bytes([size]) + data

    features = b""
    if encoded is not None:
        value = field(1, field(1, encoded))
        features += field(1, field(1, b"image/encoded") + field(2, value))
    if label is not None:
        value = field(3, field(1, bytes([label])))
        features += field(1, field(1, b"image/class/label") + field(2, value))
    data = field(1, features)
    length = struct.pack("<Q", len(data))
    return length + crc32c(length) + data + crc32c(data)


class Cli(Accelerators, Evaluation, Layers):
    def __init__(self, binary, folder, shared):
        self.binary, self.folder = Path(binary).resolve(), Path(folder)
        self.data = Path(shared).resolve() / "data"
        self.model = self.folder / "model.onnx"
        self.engine = self.folder / "model.engine"
        self.input = self.folder / "x.npy"
        classifier(self.model)
        np.save(self.input, np.random.default_rng(2).random((2, 3, 8, 8), np.float32))

    def dense_model(self, name, weights, extra=None):
        """x [N, K] times the weights, and perhaps one function more."""
        nodes = [helper.make_node("MatMul", ["x", "w"], ["m" if extra else "y"])]
        if extra:
            nodes.append(helper.make_node(extra, ["m"], ["y"]))
        sizes = {"x": ["N", weights.shape[0]], "y": ["N", weights.shape[1]]}
        values = {
            name: helper.make_tensor_value_info(name, TensorProto.FLOAT, size)
            for name, size in sizes.items()
        }
        graph = helper.make_graph(
            nodes, "dense", [values["x"]], [values["y"]], [numpy_helper.from_array(weights, "w")]
        )
        opsets = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), self.folder / name)
        return self.folder / name

    def run(self, *arguments, status=0):
        done = subprocess.run(
            [self.binary, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
        )
        assert (
            done.returncode == status
        ), f"{arguments}: status {done.returncode}, expected {status}: {done.stderr.strip()}"
        return done

    def refuses(self, words, *arguments, status=2, lines=1):
        done = self.run(*arguments, status=status)
        told = done.stderr.strip().splitlines()
        assert len(told) == lines and told[-1].startswith(
            "drawbar: "
        ), f"expected {lines} lines, got {done.stderr!r}"
        assert words in told[-1], f"expected {words!r} in {told[-1]!r}"
        assert not done.stdout, f"refused, yet printed {done.stdout!r}"
        return told[-1]

    # What works.

    def help(self):
        assert all(command in self.run("--help").stdout for command in COMMANDS)
        for command in COMMANDS:
            text = self.run(command, "--help").stdout
            assert f"drawbar {command}" in text, f"{command} --help has no example"

    def compile(self):
        out = self.run(
            "compile",
            self.model,
            "-o",
            self.engine,
            "--threads",
            "1,2",
            "--shape",
            "x=1x3x8x8",
            "--shape",
            "x=2x3x8x8",
            "--preprocess",
            "resize=8,crop=8,mean=127,std=128",
        ).stdout
        assert self.engine.exists() and "model.engine" in out and out.count("\n") == 1, out

    def deterministic(self):
        bytes_of = []
        for name in ("a", "b"):
            self.run("compile", self.model, "-o", self.folder / f"{name}.engine", "--deterministic")
            bytes_of.append((self.folder / f"{name}.engine").read_bytes())
        assert bytes_of[0] == bytes_of[1], "two compilations differ"

    def calibrate(self):
        samples, cache = self.folder / "samples", self.folder / "ranges.json"
        samples.mkdir()
        random = np.random.default_rng(3)
        for i in range(4):
            np.save(samples / f"{i}.npy", random.random((1, 3, 8, 8), np.float32))
        quantise = ["compile", self.model, "--precision", "int8", "--deterministic"]
        with_samples = [*quantise, "--calibrate", samples, "--calibrator", "entropy"]
        self.run(*with_samples, "-o", "samples.engine", "--calibration-cache", cache)
        ranges = json.loads(cache.read_text())
        assert ranges["calibrator"] == "entropy" and ranges["samples"] == 4, ranges
        assert ranges["ranges"]["x"][0] == 0 and 0.8 < ranges["ranges"]["x"][1] <= 1, ranges
        assert "QLinearConv" in self.run("inspect", "samples.engine", "--text").stdout
        assert "int8" in self.run("inspect", "samples.engine").stdout

        # The cache stands for the samples, and what is edited in it counts.
        cached = [*quantise, "--calibrator", "entropy", "--calibration-cache", cache]
        self.run(*cached, "-o", "cached.engine")
        engines = [(self.folder / f"{name}.engine").read_bytes() for name in ("samples", "cached")]
        assert engines[0] == engines[1], "the cache gives another engine than the samples"
        ranges["ranges"]["x"] = [0, 2]
        cache.write_text(json.dumps(ranges))
        self.run(*cached, "-o", "edited.engine")
        assert (self.folder / "edited.engine").read_bytes() != engines[0]

        (samples / "junk.npy").write_bytes(b"junk")
        np.save(samples / "nan.npy", np.full((1, 3, 8, 8), np.nan, np.float32))
        np.save(samples / "shape.npy", np.zeros((1, 4, 8, 8), np.float32))
        told = self.run(*with_samples, "-o", "skipped.engine", "--skip-unreadable").stderr
        for words in ("junk.npy", "nan.npy", "shape.npy", "3 samples skipped, 4 used"):
            assert words in told, told

    def symmetric_activations(self):
        """0 lies in the middle of what has negative numbers: half as many steps for the rest."""
        samples = self.folder / "signed.npy"
        np.save(samples, np.random.default_rng(4).random((4, 3, 8, 8), np.float32) * 3 - 1)
        quantise = ["compile", self.model, "--precision", "int8", "--deterministic"]
        text = {}
        for activations in ("asymmetric", "symmetric"):
            cache = self.folder / f"{activations}.json"
            self.run(*quantise, "--calibrate", samples, "--activations", activations,
                     "--calibration-cache", cache, "-o", "signed.engine")
            low, high = json.loads(cache.read_text())["ranges"]["x"]
            assert 1.9 < high <= 2 and low < -0.9, (low, high)
            assert (abs(low * 127 + high * 128) < 1e-3) == (activations == "symmetric"), (low, high)
            text[activations] = self.run("inspect", "signed.engine", "--text").stdout
        assert f"--activations {activations}" in self.run("inspect", "signed.engine").stdout
        assert "u8[] [128]" in text["symmetric"] and "u8[] [128]" not in text["asymmetric"], text
        # A cache's ranges are widened too.
        self.run(*quantise, "--activations", "symmetric", "-o", "signed.engine",
                 "--calibration-cache", self.folder / "asymmetric.json")
        assert "u8[] [128]" in self.run("inspect", "signed.engine", "--text").stdout

    def smallest(self):
        """An engine without packed weights answers the same."""
        samples = self.folder / "few.npy"
        np.save(samples, np.random.default_rng(5).random((2, 3, 8, 8), np.float32))
        for precision in (["fp32"], ["bf16"], ["int8", "--calibrate", samples]):
            sizes, answers = {}, {}
            for optimize in ("speed", "size"):
                engine = self.folder / f"{optimize}.engine"
                self.run("compile", self.model, "-o", engine, "--deterministic",
                         "--optimize", optimize, "--precision", *precision)
                sizes[optimize] = engine.stat().st_size
                self.run(
                    "run", engine, "--input", f"x={self.input}", "--output", self.folder / "out")
                answers[optimize] = np.load(self.folder / "out/y.npy")
            assert sizes["size"] < sizes["speed"], (precision, sizes)
            assert np.array_equal(answers["size"], answers["speed"]), precision
        assert "--optimize size" in self.run("inspect", "size.engine").stdout
        assert "--optimize" not in self.run("inspect", "speed.engine").stdout

    def sample_archives(self):
        """Two inputs from .npz files: a folder of them, one with many; the same ranges."""
        model, folder = self.folder / "two.onnx", self.folder / "npz"
        folder.mkdir()
        rng = np.random.default_rng(6)
        weights = numpy_helper.from_array(rng.standard_normal((8, 6)).astype(np.float32), "w")
        nodes = [
            helper.make_node("Add", ["a", "b"], ["s"]),
            helper.make_node("MatMul", ["s", "w"], ["y"]),
        ]
        infos = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 8]) for name in ("a", "b")
        ]
        outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 6])]
        graph = helper.make_graph(nodes, "two", infos, outputs, [weights])
        opsets = [helper.make_opsetid("", 17)]
        onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), model)
        a, b = rng.random((2, 5, 8), np.float32)
        answers = []
        for i in range(5):
            np.savez(folder / f"{i}.npz", a=a[i : i + 1], b=b[i : i + 1])
            answers.append((a[i] + b[i]) @ numpy_helper.to_array(weights))
        best = np.argmax(answers, axis=1)
        best[0] = (best[0] + 1) % 6
        np.savez_compressed(self.folder / "many.npz", a=a, b=b, label=best)
        quantise = ["compile", model, "--precision", "int8", "-o", "two.engine", "--calibrate"]
        ranges = []
        for source in (folder, self.folder / "many.npz"):
            cache = self.folder / f"{source.stem}.ranges"
            self.run(*quantise, source, "--calibration-cache", cache)
            ranges.append(cache.read_text())
        assert ranges[0] == ranges[1], ranges
        assert json.loads(ranges[0])["samples"] == 5, ranges
        evaluate = ["eval", model, "--json", "--dataset"]
        result = json.loads(self.run(*evaluate, "many.npz").stdout)["results"][0]
        assert result["images"] == 5 and abs(result["top1"] - 4 / 5) < 1e-9, result

        wrong = self.folder / "wrong.npz"
        nan = np.full((5, 8), np.nan, np.float32)
        for words, arrays in (
            ("no array 'b'", {"a": a}),
            ("array 'c'", {"a": a, "b": b, "c": b}),
            ("array 'b': f64[1, 8]", {"a": a, "b": b.astype(np.float64)}),
            ("array 'b': shape", {"a": a, "b": b[:, :7]}),
            ("array 'b': 4 samples", {"a": a, "b": b[:4]}),
            ("array 'b': holds numbers", {"a": a, "b": nan}),
            ("array 'label': 4 classes", {"a": a, "b": b, "label": best[:4]}),
        ):
            np.savez(wrong, **arrays)
            assert "wrong.npz" in self.refuses(words, *evaluate, wrong), words
        np.savez(wrong, a=a, b=b)
        self.refuses("array 'label'", *evaluate, wrong)
        self.refuses("need .npz", *evaluate, self.input)

        # Many samples of one input in an .npy file.
        many = self.folder / "many.npy"
        np.save(many, rng.random((4, 3, 8, 8), np.float32))
        cache = self.folder / "many.json"
        quantise[1] = self.model
        self.run(*quantise, many, "--calibration-cache", cache)
        assert json.loads(cache.read_text())["samples"] == 4

    def records(self):
        """TFRecords in ImageNet's layout, by the model's own answers; one file and shards."""
        images = np.random.default_rng(7).integers(0, 256, (6, 8, 8, 3), np.uint8)
        how = ["--preprocess", "mean=127,std=128"]
        records = []
        for i, image in enumerate(images):
            (self.folder / f"{i}.ppm").write_bytes(b"P6 8 8 255\n" + image.tobytes())
        tensors = (images.transpose(0, 3, 1, 2).astype(np.float32) - 127) / 128
        np.save(self.folder / "pixels.npy", tensors)
        self.run("run", self.model, "--input", "x=pixels.npy", "--output", "answers")
        best = np.argmax(np.load(self.folder / "answers" / "y.npy"), axis=1)
        for i, label in enumerate(best):
            wrong = i == 2  # its class is another
            label = int(label + 1 if not wrong else (label + 1) % 10 + 1)
            records.append(tfrecord((self.folder / f"{i}.ppm").read_bytes(), label))
        whole, shards = self.folder / "images.tfrecord", self.folder / "shards"
        whole.write_bytes(b"".join(records))
        shards.mkdir()
        (shards / "train-00000-of-00002").write_bytes(b"".join(records[:4]))
        (shards / "train-00001-of-00002").write_bytes(b"".join(records[4:]))
        evaluate = ["eval", self.model, *how, "--json", "--dataset"]
        for source in (whole, shards):
            arguments = [*evaluate, source, "--precision", "fp32,int8", "--calibrate", source]
            results = json.loads(self.run(*arguments).stdout)["results"]
            assert results[0]["images"] == 6 and results[1]["images"] == 6, results
            assert abs(results[0]["top1"] - 5 / 6) < 1e-9, results

        second = len(records[0])
        broken = self.folder / "broken.tfrecord"
        flipped = bytearray(whole.read_bytes())
        flipped[second + 40] ^= 1
        hostile = bytearray(whole.read_bytes())
        hostile[second + 6] = 0x7F
        for name, data in (
            ("data's checksum", flipped),
            ("length's checksum", hostile),
            ("truncated", whole.read_bytes()[: second + 100]),
            ("image/class/label is missing", records[0] + tfrecord(b"P6 1 1 255\n...", None)),
            ("image/encoded is missing", records[0] + tfrecord(None, 1)),
        ):
            broken.write_bytes(data)
            line = self.refuses(name, *evaluate, broken)
            assert "broken.tfrecord" in line and f"byte {second}" in line, line
        broken.write_bytes(flipped)
        told = self.run(*evaluate, broken, "--skip-unreadable").stderr
        assert "1 samples skipped, 5 used" in told, told

    def wrong_calibrations(self):
        quantise = ["compile", self.model, "-o", "no.engine", "--precision", "int8"]
        folder = self.folder / "wrong_samples"
        folder.mkdir()
        self.refuses("--calibrate", *quantise)
        self.refuses("fp32, tf32, bf16, fp16, int8 or auto", *quantise[:-1], "int3", status=1)
        self.refuses("no images", *quantise, "--calibrate", folder)
        self.refuses("nowhere", *quantise, "--calibrate", "nowhere")
        self.refuses("min-max, percentile", *quantise, "--calibrator", "guess")
        self.refuses("asymmetric or symmetric", *quantise, "--activations", "even")
        self.refuses("speed or size", *quantise, "--optimize", "beauty")
        for name, tensor, words in (
            ("nan", np.full((1, 3, 8, 8), np.nan, np.float32), "not finite"),
            ("shape", np.zeros((1, 4, 8, 8), np.float32), "input 'x' is f32[N, 3, 8, 8]"),
            ("type", np.zeros((1, 3, 8, 8)), "input 'x' is f32[N, 3, 8, 8]"),
        ):
            np.save(folder / f"{name}.npy", tensor)
            line = self.refuses(words, *quantise, "--calibrate", folder)
            assert f"{name}.npy" in line, line
            self.refuses(
                "no samples", *quantise, "--calibrate", folder, "--skip-unreadable", lines=3
            )
            (folder / f"{name}.npy").unlink()
        (folder / "ranges.json").write_text('{"ranges": {"x": [1, 0]}}')
        cache = ["--calibration-cache", folder / "ranges.json"]
        self.refuses("ranges.json", *quantise, *cache)
        empty = {"calibrator": "mse", "samples": 1, "ranges": {}}
        (folder / "ranges.json").write_text(json.dumps(empty))
        self.refuses("no range for value", *quantise, *cache)
        assert not (self.folder / "no.engine").exists()

    def run_npy(self):
        for source in (self.model, self.engine):
            self.run("run", source, "--input", f"x={self.input}", "--output", self.folder / "out")
            y = np.load(self.folder / "out/y.npy")
            assert y.shape == (2, 10) and y.dtype == np.float32 and np.isfinite(y).all()

    def run_strings(self):
        path = self.folder / "twice.onnx"
        words = np.array(["a", "gr\u00fc\u00df", "", "\U0001f69c"])
        node = helper.make_node("StringConcat", ["x", "x"], ["y"])
        text = helper.make_tensor_value_info("x", TensorProto.STRING, ["N"])
        save_model(path, [node], [text], ["y"])
        np.save(self.folder / "words.npy", words)
        self.run("run", path, "--input", "x=words.npy", "--output", self.folder / "twice")
        y = np.load(self.folder / "twice/y.npy")
        assert y.tolist() == [word + word for word in words], y
        out = self.run("run", path, "--input", "x=words.npy").stdout
        assert out.startswith('y: string[4]  "aa", "gr\u00fc\u00dfgr\u00fc\u00df", ""'), out
        np.save(self.folder / "objects.npy", words.astype(object), allow_pickle=True)
        self.refuses("dtype |O", "run", path, "--input", "x=objects.npy")

    def run_maps(self):
        """What one model writes, a sequence of maps, another one reads map by map."""
        zipped, counted = self.folder / "zip.onnx", self.folder / "dict.onnx"
        node = helper.make_node(
            "ZipMap", ["x"], ["y"], domain="ai.onnx.ml", classlabels_strings=["a", "b"]
        )
        row = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])
        save_model(zipped, [node], [row], ["y"])
        element = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        map_type = onnx.TypeProto()
        map_type.map_type.key_type = TensorProto.STRING
        map_type.map_type.value_type.CopyFrom(element)
        node = helper.make_node(
            "DictVectorizer", ["m"], ["y"], domain="ai.onnx.ml", string_vocabulary=["b", "z", "a"]
        )
        save_model(counted, [node], [onnx.ValueInfoProto(name="m", type=map_type)], ["y"])
        out = self.folder / "maps"
        for rows in (3, 2):  # what the longer answer wrote is gone
            np.save(self.folder / "rows.npy", np.arange(2 * rows, dtype=np.float32).reshape(-1, 2))
            self.run("run", zipped, "--input", "x=rows.npy", "--output", out)
            assert sorted(p.name for p in (out / "y").iterdir()) == [str(i) for i in range(rows)]
        assert np.load(out / "y/1/keys.npy").tolist() == ["a", "b"]
        assert np.load(out / "y/1/values.npy").tolist() == [2, 3]
        self.run("run", counted, "--input", "m=maps/y/1", "--output", self.folder / "counts")
        assert np.load(self.folder / "counts/y.npy").tolist() == [[3, 0, 2]]
        self.refuses("a folder", "run", counted, "--input", "m=rows.npy")
        self.refuses("keys.npy", "run", counted, "--input", "m=maps")
        np.save(out / "y/1/keys.npy", np.array([1, 2]))
        self.refuses("other keys", "run", counted, "--input", "m=maps/y/1")
        np.save(out / "y/1/keys.npy", np.array(["a", "b", "c"]))
        self.refuses("for each key", "run", counted, "--input", "m=maps/y/1")

    def run_image(self):
        image = np.zeros((6, 9, 3), np.uint8)
        rows = b"".join(
            row.tobytes() + b"\0" * (-len(row.tobytes()) % 4) for row in image[::-1, :, ::-1]
        )
        header = (
            b"BM" + (54 + len(rows)).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little")
        )
        info = (
            (40).to_bytes(4, "little")
            + (9).to_bytes(4, "little")
            + (6).to_bytes(4, "little")
            + (1).to_bytes(2, "little")
            + (24).to_bytes(2, "little")
            + bytes(24)
        )
        (self.folder / "black.bmp").write_bytes(header + info + rows)
        (self.folder / "labels.txt").write_text("\n".join(f"class {i}" for i in range(10)))
        out = self.run(
            "run", self.engine, "--image", "black.bmp", "--labels", "labels.txt", "--top", "3"
        ).stdout.splitlines()
        assert len(out) == 4 and "class" in out[1], out
        probabilities = [float(line.split()[0]) for line in out[1:]]
        assert probabilities == sorted(probabilities, reverse=True) and sum(probabilities) <= 1.001

    def bench(self):
        done = self.run(
            "bench",
            self.engine,
            "--input",
            f"x={self.input}",
            "--threads",
            "1",
            "--duration",
            "0.05",
            "--json",
        )
        result = json.loads(done.stdout)
        for key in (
            "throughput_per_s",
            "load_ms",
            "first_run_ms",
            "peak_rss_bytes",
            "threads",
            "target",
            "precision",
        ):
            assert key in result, key
        assert {"min", "p50", "p90", "p99"} <= set(result["latency_ms"]) and result["threads"] == 1
        assert result["operations"] > 0
        assert 0 < result["executed_operations"] <= result["operations"]
        assert result["peak_operations_per_s"] > 1e8 and result["suspect"] is False, result
        assert "steps" not in result

    def bench_peak(self):
        result = json.loads(self.run("bench", "--peak", "--threads", "2", "--json").stdout)
        assert [rates["threads"] for rates in result["rates"]] == [1, 2], result
        for rates in result["rates"]:
            operations = [one["operations_per_s"] for one in rates["compute"]]
            assert operations and all(1e8 < rate < 1e14 for rate in operations), operations
            memory = {one["level"]: one for one in rates["memory"]}
            assert {"L1", "L2", "memory"} <= set(memory), memory
            for level in memory.values():
                for key in ("read_bytes_per_s", "copy_bytes_per_s"):
                    assert 1e7 < level[key] < 1e14, level
            for key in ("read_bytes_per_s", "copy_bytes_per_s"):
                assert memory["L1"][key] >= memory["memory"][key], memory
        table = self.run("bench", "--peak", "--threads", "1").stdout
        assert "1 thread" in table and "memory" in table and "GFLOP/s" in table, table

    def bench_profile(self):
        arguments = ("bench", self.model, "--duration", "0.05", "--threads", "1", "--profile")
        text = self.run(*arguments).stdout
        for words in ("p50", "% of peak", "of roofline", "conv_", "total ("):
            assert words in text, f"no {words!r} in {text}"
        result = json.loads(self.run(*arguments, "--json").stdout)
        steps = result["steps"]
        assert abs(sum(step["share"] for step in steps) - 1) < 1e-6, steps
        assert sum(step["operations"] for step in steps) == result["operations"]
        conv = next(step for step in steps if step["op"] == "Conv")
        assert conv["tactic"].startswith("conv_") and conv["ms"] > 0 and conv["bytes"] > 0, conv
        assert conv["gflops"] > 0 and conv["roofline_share"] > 0 and conv["bound"], conv
        assert result["device"]["memory"] and result["device"]["threads"] == 1

    def bench_winograd(self):
        """Where the tactic is Winograd's, fewer operations are executed than counted."""
        path = self.folder / "wide.onnx"
        weights = np.random.default_rng(3).standard_normal((64, 64, 3, 3)).astype(np.float32)
        graph = helper.make_graph(
            [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])],
            "wide",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 64, 48, 48])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 64, 48, 48])],
            [numpy_helper.from_array(weights, "w")],
        )
        onnx.save(
            helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
            path,
        )
        arguments = ("--duration", "0.05", "--threads", "1", "--profile", "--json")
        done = self.run("bench", path, *arguments)
        conv = next(s for s in json.loads(done.stdout)["steps"] if s["op"] == "Conv")
        expected = conv["operations"]
        if "winograd" in conv["tactic"]:
            tile = int(conv["tactic"].split("winograd")[1][0])
            expected = 2 * (48 // tile * (tile + 2)) ** 2 * 64 * 64
        assert conv["executed_operations"] == expected, conv

    def bench_trace(self):
        path = self.folder / "trace.json"
        self.run("bench", self.model, "--duration", "0", "--threads", "1", "--trace", path)
        events = [e for e in json.loads(path.read_text())["traceEvents"] if e["ph"] == "X"]
        assert any(e["args"]["op"] == "Conv" and "tactic" in e["args"] for e in events), events
        for before, after in zip(events, events[1:]):
            assert before["ts"] + before["dur"] <= after["ts"] + 1e-3, (before, after)
        total = events[-1]["ts"] + events[-1]["dur"] - events[0]["ts"]
        busy = sum(e["dur"] for e in events)
        assert 0.5 * total < busy <= total * 1.001, f"{busy} of {total} microseconds"
        nowhere = ("--duration", "0", "--trace", "/nowhere/x")
        self.refuses("cannot write", "bench", self.model, *nowhere)

    def bench_page(self):
        path, page = self.folder / "named.onnx", self.folder / "page.html"
        classifier(path)
        model = onnx.load(path)
        model.graph.node[0].name = """</title><script src="http://acme.example/x.js">&'"""
        onnx.save(model, path)
        self.run("bench", path, "--duration", "0", "--threads", "1", "--html", page)
        text, root = self_contained(page)
        tags = {element.tag for element in root.iter()}
        assert {"svg", "circle", "rect", "table"} <= tags, tags
        assert "&lt;/title&gt;&lt;script src=&quot;http" in text

    def inspect(self):
        text = self.run("inspect", self.engine, "--verify").stdout
        for words in ("model.onnx", "Conv", "built", "arena", "resize=8"):
            assert words in text, words
        assert json.loads(self.run("inspect", self.engine, "--json").stdout)["plans"]
        assert (
            json.loads(self.run("inspect", self.model, "--json").stdout)["operators"]["Conv"] == 1
        )
        assert "return" in self.run("inspect", self.engine, "--text").stdout
        assert "ai.onnx.Conv" in self.run("inspect", self.model, "--operators").stdout

    def diff(self):
        out = self.run(
            "diff", self.model, self.engine, "--input", f"x={self.input}", "--threshold", "1e-4"
        ).stdout
        assert "output" in out and "y" in out

    def targets(self):
        assert self.run("targets").stdout.startswith("cpu ")

    def completion(self):
        script = self.run("completion", "bash").stdout
        check = (
            script
            + '\nCOMP_WORDS=(drawbar compile --pre); COMP_CWORD=2; _drawbar; echo "${COMPREPLY[@]}"'
        )
        done = subprocess.run(["bash", "-c", check], capture_output=True, text=True)
        assert done.stdout.split() == ["--precision", "--preprocess"], done.stdout + done.stderr

    def hostile_output_name(self):
        path = self.folder / "hostile.onnx"
        classifier(path, names=("x", "../../escape"))
        self.run("run", path, "--input", f"x={self.input}", "--output", self.folder / "safe")
        assert [p.name for p in (self.folder / "safe").iterdir()] == [
            "%2E.%2F..%2Fescape.npy"
        ], list((self.folder / "safe").iterdir())

    # What is refused.

    def usage(self):
        self.refuses("subcommand", status=2)
        self.refuses("--nonsense", "run", self.model, "--nonsense")
        self.refuses("--threads", "run", self.model, "--threads", "0")
        self.refuses("frobnicate", "frobnicate")
        self.refuses("model", "bench")
        self.refuses("--peak", "bench", self.model, "--peak")

    def missing_files(self):
        self.refuses("No such file", "run", "nothing.onnx")
        self.refuses("No such file", "run", self.model, "--input", "x=nothing.npy")
        self.refuses("not a plain file", "inspect", self.folder)

    def wrong_inputs(self):
        np.save(self.folder / "wrong.npy", np.zeros((2, 4, 8, 8), np.float32))
        self.refuses("expected f32[N, 3, 8, 8]", "run", self.model, "--input", "x=wrong.npy")
        self.refuses("one of x", "run", self.model, "--input", "z=x.npy")
        self.refuses("input 'x'", "run", self.model)
        (self.folder / "cut.npy").write_bytes(self.input.read_bytes()[:200])
        self.refuses(".npy", "run", self.model, "--input", "x=cut.npy")

    def wrong_options(self):
        self.refuses("std is 0", "compile", self.model, "-o", "no.engine", "--preprocess", "std=0")
        self.refuses("no input 'q'", "compile", self.model, "-o", "no.engine", "--shape", "q=1")
        self.refuses(
            "there is no target 'abacus'",
            "compile",
            self.model,
            "-o",
            "no.engine",
            "--target",
            "abacus",
        )
        self.refuses("cannot write", "compile", self.model, "-o", "/nowhere/x.engine")
        assert not (self.folder / "no.engine").exists()

    def broken_models(self):
        (self.folder / "noise.onnx").write_bytes(bytes(range(256)) * 4)
        self.refuses("noise.onnx", "run", "noise.onnx", status=1)
        (self.folder / "empty.onnx").write_bytes(b"")
        self.refuses("empty.onnx", "run", "empty.onnx", status=1)
        whole = self.engine.read_bytes()
        (self.folder / "cut.engine").write_bytes(whole[: len(whole) // 2])
        self.refuses("truncated", "run", "cut.engine", "--input", f"x={self.input}", status=1)
        damaged = bytearray(whole)
        damaged[20] ^= 1
        (self.folder / "bad.engine").write_bytes(damaged)
        self.refuses("damaged", "inspect", "bad.engine", status=1)

    def unknown_operators(self):
        graph = helper.make_graph(
            [
                helper.make_node("Swirl", ["x"], ["a"], domain="com.acme"),
                helper.make_node("Swirl", ["a"], ["y"], domain="com.acme"),
            ],
            "unknown",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        )
        path = self.folder / "unknown.onnx"
        onnx.save(
            helper.make_model(
                graph,
                opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("com.acme", 1)],
                ir_version=8,
            ),
            path,
        )
        self.refuses("com.acme.Swirl ×2", "run", path, status=1)
        assert "unknown" in self.run("inspect", path, "--operators").stdout

    def deadline(self):
        self.refuses(
            "DEADLINE_EXCEEDED",
            "run",
            self.model,
            "--input",
            f"x={self.input}",
            "--deadline",
            "1e-9",
            status=1,
        )

    checks = [
        help,
        compile,
        deterministic,
        calibrate,
        symmetric_activations,
        smallest,
        Evaluation.eval,
        Evaluation.eval_report,
        Evaluation.eval_imagenet,
        sample_archives,
        records,
        run_npy,
        run_strings,
        run_maps,
        run_image,
        bench,
        bench_peak,
        bench_profile,
        bench_winograd,
        bench_trace,
        bench_page,
        inspect,
        diff,
        Layers.diff_precisions,
        Layers.diff_bisect,
        Layers.auto_report,
        targets,
        Accelerators.gpu_targets,
        Accelerators.gpu_runs,
        Accelerators.gpu_rounds_to_tf32,
        Accelerators.gpus_share_callers,
        Accelerators.gpu_memory_is_limited,
        Accelerators.gpu_code_without_a_gpu,
        Accelerators.stripped_engines,
        Accelerators.portable_engines,
        completion,
        hostile_output_name,
        usage,
        missing_files,
        wrong_inputs,
        wrong_options,
        wrong_calibrations,
        broken_models,
        unknown_operators,
        deadline,
    ]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--drawbar", required=True)
    parser.add_argument("--shared", default=ROOT.parent / "shared", type=Path)
    options = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as folder:
        cli = Cli(options.drawbar, folder, options.shared)
        for check in Cli.checks:
            tally.check(check.__name__.replace("_", " "), check, cli)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
