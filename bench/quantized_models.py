#!/usr/bin/env python3
"""QDQ models for comparisons: onnxruntime's static quantisation of filled graphs.

    .venv/bin/python bench/quantized_models.py [--output .cache/quantized] [MODEL.onnx ...]

Activations are u8, weights i8 of seven bits for each output channel (products of pairs then do not
saturate on any processor), calibrated on four seeded random inputs: for speed, not for accuracy.
Needs `tools/setup compare`.
"""
import argparse
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
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


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=Path(".cache/quantized"))
    parser.add_argument("models", nargs="*", type=Path)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    filled = [Path(".cache/filled") / f"{name}.onnx" for name in ("resnet50", "mobilenet_v2")]
    models = options.models or filled
    for model in models:
        target = options.output / f"{model.stem}_qdq.onnx"
        quantize(model, target)
        print(f"{target}: {target.stat().st_size / 2**20:.1f} MiB", flush=True)


if __name__ == "__main__":
    main()
