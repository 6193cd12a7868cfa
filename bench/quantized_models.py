#!/usr/bin/env python3
"""Quantised models for comparisons: onnxruntime's static quantisation of filled graphs, as QDQ, or
its dynamic one.

    .venv/bin/python bench/quantized_models.py [--dynamic] [--output FOLDER] [MODEL.onnx ...]

writes NAME_qdq.onnx or NAME_dynamic.onnx (to .cache/quantized). Activations are u8. QDQ's weights
are i8 of seven bits for each output channel (products of pairs then do not saturate on any
processor), calibrated on four seeded random inputs: for speed, not for accuracy. Dynamic weights
are i8 of eight bits with one scale, quantize_dynamic's defaults. Needs `tools/setup compare`.
"""
import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process


class RandomInputs(CalibrationDataReader):
    """Inputs in the range of prepared images, every symbolic dimension being 1."""

    def __init__(self, path, count=4):
        random = np.random.default_rng(7)
        weights = {tensor.name for tensor in onnx.load(path).graph.initializer}
        inputs = [value for value in onnx.load(path).graph.input if value.name not in weights]
        self.rest = [
            {
                value.name: random.standard_normal(
                    [max(d.dim_value, 1) for d in value.type.tensor_type.shape.dim], np.float32
                )
                for value in inputs
            }
            for _ in range(count)
        ]

    def get_next(self):
        return self.rest.pop() if self.rest else None


def quantize(source, target):
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            target,
            RandomInputs(prepared),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )


def quantize_dynamically(source, target):
    quantize_dynamic(source, target, weight_type=QuantType.QInt8)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path(".cache/quantized"))
    parser.add_argument("--dynamic", action="store_true", help="scales are found while running")
    parser.add_argument("models", nargs="*", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    names = ("bert_base",) if options.dynamic else ("resnet50", "mobilenet_v2")
    suffix = "dynamic" if options.dynamic else "qdq"
    for model in options.models or [Path(".cache/filled") / f"{name}.onnx" for name in names]:
        target = options.output / f"{model.stem}_{suffix}.onnx"
        (quantize_dynamically if options.dynamic else quantize)(model, target)
        print(f"{target}: {target.stat().st_size / 2**20:.1f} MiB", flush=True)


if __name__ == "__main__":
    main()
