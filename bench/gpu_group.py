#!/usr/bin/env python3
"""One group of bench/gpu.sh: its measurements as GROUP.json in the results' folder.

    gpu_group.py GROUP --drawbar PROGRAM --engines FOLDER --results FOLDER
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import gpu_sanitizer
import numpy as np

# Shapes by model, but for the batch; what is not here has one image of 224 pixels as its input.
SIZES = {
    "inception_v3": {"input": (3, 299, 299)},
    "ssd300_vgg16": {"input": (3, 300, 300)},
    "ssdlite320": {"input": (3, 320, 320)},
}
GROUPS = {
    "resnet50": [("resnet50", batch) for batch in (1, 8, 64, 256)],
    "bert": [("bert_base", batch, tokens) for batch in (1, 32) for tokens in (128, 384)]
    + [("vit_b_16", 1), ("vit_b_16", 64)],
    "bert_large_128": [("bert_large", batch, 128) for batch in (1, 8, 32, 64)],
    "bert_large_384": [("bert_large", batch, 384) for batch in (1, 8, 32, 64)],
    "networks": [
        (name, batch)
        for name in ("inception_v3", "densenet121", "efficientnet_b0", "mobilenet_v2",
                     "shufflenet_v2", "squeezenet1_1", "vgg16")
        for batch in (1, 64)
    ],
    "detectors": [("ssd300_vgg16", 1), ("yolov4", 1), ("openpose", 1), ("gnmt_encoder", 1),
                  ("gnmt_decoder", 1)],
}
# Measured without TF32 and with it, on both sides.
FLOATS = [("resnet50", 1), ("resnet50", 64), ("bert_base", 1, 128), ("bert_base", 32, 128)]
SECONDS = 1.0


class Drawbar:
    def __init__(self, program, engines):
        self.program, self.engines = Path(program).resolve(), Path(engines)

    def call(self, *words):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr.strip()[-400:])
        return done.stdout

    def engine(self, model, target, precision):
        return self.engines / f"{model}.{target}.{precision}.engine"

    def inputs(self, engine):
        """Names and types of an engine's inputs, as {name: "f32[N, 3, 224, 224]"}."""
        text = self.call("inspect", engine, "--text")
        head = re.search(r"graph [^(]*\((.*?)\) \{", text, re.S).group(1)
        return dict(re.findall(r"%([^:,\s]+): (\w+\[[^\]]*\])", head))

    def shapes(self, engine, row):
        """--shape options for a row: batch and tokens in the places of symbols, in their order."""
        numbers, options = iter(()), []
        for name, kind in self.inputs(engine).items():
            numbers = iter(row[1:])
            dims = re.search(r"\[(.*)\]", kind).group(1)
            sizes = [
                d.strip() if d.strip().isdigit() else str(next(numbers, 1))
                for d in dims.split(",") if d.strip()
            ]
            options += ["--shape", f"{name}={'x'.join(sizes) or 'scalar'}"]
        return options

    def bench(self, engine, row, threads=None):
        words = ["bench", engine, *self.shapes(engine, row), "--duration", SECONDS, "--json"]
        if threads:
            words += ["--threads", threads]
        return json.loads(self.call(*words))


def progress(*words):
    print(*words, flush=True)


def measure(drawbar, rows, precisions=("fp32", "fp16", "int8"), of_torch=("fp16",)):
    """Each row in those precisions for which there is an engine, and in PyTorch's."""
    import gpu_torch

    results = []
    for row in rows:
        result = {"model": row[0], "row": list(row), "torch": {}}
        for precision in precisions:
            engine = drawbar.engine(row[0], "cuda", precision)
            if not engine.exists():
                continue
            try:
                found = drawbar.bench(engine, row)
                result[precision] = {key: found.get(key) for key in
                                     ("device_ms", "latency_ms", "operations", "load_ms")}
            except (RuntimeError, json.JSONDecodeError) as error:
                result[precision] = {"error": str(error)}
        for precision in of_torch:
            try:
                result["torch"][precision] = gpu_torch.measure(row, SECONDS, precision)
            except Exception as error:  # noqa: BLE001 - whatever it throws is the row's answer
                result["torch"][precision] = {"error": f"{type(error).__name__}: {error}"[:400]}
        results.append(result)
        progress(json.dumps(result))
    return results


def answers(drawbar):
    """Every model on the GPU and on the processors: the largest difference over the largest
    output."""
    results = []
    for engine in sorted(drawbar.engines.glob("*.cpu.fp32.engine")):
        model = engine.name.split(".")[0]
        for precision in ("fp32", "tf32", "fp16"):
            other = drawbar.engine(model, "cuda", precision)
            if not other.exists():
                continue
            result = {"model": model, "precision": precision}
            try:
                result["difference"] = difference(drawbar, engine, other)
            except (RuntimeError, OSError) as error:
                result["error"] = str(error)
            results.append(result)
            progress(json.dumps(result))
    return results


def is_bert(model):
    return model.startswith("bert_")


def words_for_inputs(drawbar, engine, folder):
    """--input options for `run`: one image, or 128 tokens, drawn into the folder."""
    random, words = np.random.default_rng(1), []
    for name, kind in drawbar.inputs(engine).items():
        element, dims = re.match(r"(\w+)\[(.*)\]", kind).groups()
        shape = [int(d) if d.strip().isdigit() else 1 for d in dims.split(",") if d.strip()]
        if is_bert(engine.name):
            shape = [1, 128]
        value = (random.standard_normal(shape).astype(np.float32) if element == "f32"
                 else random.integers(0, 2, shape, dtype=np.int64))
        path = Path(folder) / f"{len(words)}.npy"
        np.save(path, value)
        words += ["--input", f"{name}={path}"]
    return words


def difference(drawbar, engine, other):
    with tempfile.TemporaryDirectory() as folder:
        words = words_for_inputs(drawbar, engine, folder)
        found = []
        for each in (engine, other):
            out = Path(folder) / each.name
            drawbar.call("run", each, *words, "--output", out)
            found.append({path.name: np.load(path) for path in sorted(out.glob("*.npy"))})
    worst = {}
    for name, want in found[0].items():
        got = found[1][name]
        if want.shape != got.shape:
            worst[name] = f"shape {got.shape}, expected {want.shape}"
            continue
        scale = float(np.abs(want).max()) or 1.0
        worst[name] = float(np.abs(want.astype(np.float64) - got).max()) / scale if want.size else 0
    return worst


def unit_tests(drawbar, results):
    """Every kernel's table of cases on this GPU, and the rest of the unit tests."""
    report = Path(results) / "unit_tests.json"
    done = subprocess.run(
        [drawbar.program.parent / "unit_tests", "--gtest_brief=1", f"--gtest_output=json:{report}"],
        capture_output=True, text=True)
    (Path(results) / "unit_tests.log").write_text(done.stdout + done.stderr)
    if not report.exists():
        return {"error": (done.stdout + done.stderr)[-2000:]}
    found = json.loads(report.read_text())
    failed = [
        {"test": f"{suite['name']}.{test['name']}", "message": test["failures"][0]["failure"][:600]}
        for suite in found["testsuites"] for test in suite["testsuite"] if test.get("failures")
    ]
    for each in failed:
        progress(json.dumps(each))
    return {"tests": found["tests"], "failed": failed}


def accuracy(drawbar):
    """Right answers of EfficientNet-Lite0 on 500 images (435 in fp32 on the processors)."""
    from PIL import Image

    folder, results = drawbar.engines.parent / "accuracy", []
    with tempfile.TemporaryDirectory() as inputs:
        for path in sorted((folder / "images").glob("*.jpg")):
            image = Image.open(path).convert("RGB")
            short = min(image.size)
            size = [round(side * 256 / short) for side in image.size]
            image = image.resize(size, Image.Resampling.BILINEAR)
            left, top = (size[0] - 224) // 2, (size[1] - 224) // 2
            pixels = np.asarray(image.crop((left, top, left + 224, top + 224)), np.float32)
            planes = (pixels.transpose(2, 0, 1)[None] - 127) / 128
            np.save(Path(inputs) / f"{path.stem}.npy", planes)
        for engine in sorted(folder.glob("*.engine")):
            found = json.loads(drawbar.call("eval", engine, "--dataset", inputs, "--json"))
            found = found["results"][0]
            results.append({
                "precision": found["precision"],
                "images": found["images"],
                "right": round(found["top1"] * found["images"]),
                "images_per_second": found["model_images_per_second"],
            })
            progress(json.dumps(results[-1]))
    return results


def processors(drawbar):
    """Single images and small batches on the processors beside the GPU."""
    results = []
    for engine in sorted(drawbar.engines.glob("*.cpu.*.engine")):
        model, _, precision, _ = engine.name.split(".")
        if model in ("faster_rcnn", "mask_rcnn"):
            continue  # minutes of compilation
        for threads in (1, 8):
            result = {"model": model, "precision": precision, "threads": threads}
            try:
                row = (model, 1, 128) if is_bert(model) else (model, 1)
                result["ms"] = drawbar.bench(engine, row, threads)["latency_ms"]["p50"]
            except RuntimeError as error:
                result["error"] = str(error)
            results.append(result)
            progress(json.dumps(result))
    return results


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("group")
    parser.add_argument("--drawbar", required=True)
    parser.add_argument("--engines", required=True)
    parser.add_argument("--results", required=True)
    options = parser.parse_args()
    drawbar = Drawbar(options.drawbar, options.engines)
    if "NVIDIA" not in drawbar.call("targets"):
        sys.exit(f"gpu_group: no GPU here:\n{drawbar.call('targets')}")
    if options.group == "tests":
        result = unit_tests(drawbar, options.results)
    elif options.group == "answers":
        result = answers(drawbar)
    elif options.group == "accuracy":
        result = accuracy(drawbar)
    elif options.group == "sanitizer":
        result = gpu_sanitizer.measure(
            drawbar, options.results, partial(words_for_inputs, drawbar))
    elif options.group == "cpu":
        result = processors(drawbar)
    elif options.group == "floats":
        result = measure(drawbar, FLOATS, ("fp32", "tf32"), ("fp32", "tf32"))
    elif options.group in GROUPS:
        result = measure(drawbar, GROUPS[options.group])
    else:
        sys.exit(f"gpu_group: no group '{options.group}'")
    path = Path(options.results) / f"{options.group}.json"
    path.write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
