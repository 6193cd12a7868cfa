#!/usr/bin/env python3
"""The graph of a BERT for questions and answers without weights, BERT-large where nothing is said.

    .venv/bin/python bench/bert_graph.py FILE.onnx [--layers 24] [--width 1024] [--heads 16]

Its nodes are those of ../shared/models/bert_base.onnx, of another size; each weight says in its
doc_string how to draw it. Source: Devlin and others, "BERT", 2019; vocabulary and positions of
bert-large-uncased.
"""
import argparse
import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

VOCABULARY, POSITIONS = 30522, 512


class Bert:
    def __init__(self, width, heads):
        self.width, self.heads = width, heads
        self.nodes, self.weights = [], []

    def weight(self, name, *shape, fill="normal 0 0.02"):
        self.weights.append(
            TensorProto(name=name, dims=shape, data_type=TensorProto.FLOAT,
                        doc_string=f"fill {fill}")
        )
        return name

    def constant(self, name, value, dtype=np.float32):
        self.weights.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def node(self, kind, name, *inputs, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name, **attributes))
        return name

    def dense(self, x, name, inputs, outputs):
        product = self.node("MatMul", f"{name}.product", x,
                            self.weight(f"{name}.weight", inputs, outputs))
        bias = self.weight(f"{name}.bias", outputs)
        return self.node("Add", name, bias, product)

    def norm(self, x, name):
        scale = self.weight(f"{name}.weight", self.width, fill="constant 1")
        bias = self.weight(f"{name}.bias", self.width, fill="constant 0")
        return self.node("LayerNormalization", name, x, scale, bias, axis=-1, epsilon=1e-12)

    def attention(self, x, mask, name):
        def head(kind, order):
            split = self.node("Reshape", f"{name}.{kind}.split",
                              self.dense(x, f"{name}.{kind}", self.width, self.width), "split")
            return self.node("Transpose", f"{name}.{kind}.heads", split, perm=order)

        scores = self.node("MatMul", f"{name}.scores", head("q", [0, 2, 1, 3]),
                           head("k", [0, 2, 3, 1]))
        scaled = self.node("Div", f"{name}.scaled", scores, "root")
        masked = self.node("Add", f"{name}.masked", scaled, mask)
        shares = self.node("Softmax", f"{name}.shares", masked, axis=-1)
        mixed = self.node("MatMul", f"{name}.mixed", shares, head("v", [0, 2, 1, 3]))
        rows = self.node("Transpose", f"{name}.rows", mixed, perm=[0, 2, 1, 3])
        joined = self.node("Reshape", f"{name}.joined", rows, "join")
        return self.dense(joined, f"{name}.o", self.width, self.width)

    def gelu(self, x, name):
        wave = self.node("Erf", f"{name}.erf", self.node("Div", f"{name}.div", x, "root_of_two"))
        raised = self.node("Add", f"{name}.raised", wave, "one")
        return self.node("Mul", name, self.node("Mul", f"{name}.twice", x, raised), "half")

    def layer(self, x, mask, name):
        attended = self.node("Add", f"{name}.attended", x, self.attention(x, mask, name))
        x = self.norm(attended, f"{name}.a")
        wide = self.dense(x, f"{name}.i", self.width, 4 * self.width)
        narrow = self.dense(self.gelu(wide, f"{name}.gelu"), f"{name}.d", 4 * self.width,
                            self.width)
        return self.norm(self.node("Add", f"{name}.sum", x, narrow), f"{name}.b")

    def model(self, layers):
        for name, value in (("one", 1), ("half", 0.5), ("root_of_two", math.sqrt(2)),
                            ("root", math.sqrt(self.width // self.heads)), ("hidden", -10000)):
            self.constant(name, value)
        for name, value in (("split", [0, 0, self.heads, self.width // self.heads]),
                            ("join", [0, 0, self.width]), ("first", [0]), ("second", [1]),
                            ("mask_axes", [1, 2])):
            self.constant(name, value, np.int64)
        words = self.node("Gather", "words", self.weight("e.weight", VOCABULARY, self.width),
                          "input_ids")
        count = self.node("Shape", "count", "input_ids", start=1, end=2)
        places = self.node("Slice", "places", self.weight("p.weight", POSITIONS, self.width),
                           "first", count, "first", "second")
        x = self.norm(self.node("Add", "embedded", words, places), "ln")
        mask = self.node("Unsqueeze", "mask.rank4", "attention_mask", "mask_axes")
        seen = self.node("Cast", "mask.seen", mask, to=TensorProto.FLOAT)
        mask = self.node("Mul", "mask", self.node("Sub", "mask.hidden", "one", seen), "hidden")
        for i in range(layers):
            x = self.layer(x, mask, f"l.{i}")
        product = self.node("MatMul", "c.product", x, self.weight("c.weight", self.width, 2))
        self.node("Add", "logits", self.weight("c.bias", 2), product)
        graph = helper.make_graph(
            self.nodes, "bert",
            [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", "T"])
             for name in ("input_ids", "attention_mask")],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", "T", 2])],
            self.weights,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--heads", type=int, default=16)
    options = parser.parse_args()
    onnx.save(Bert(options.width, options.heads).model(options.layers), options.file)


if __name__ == "__main__":
    main()
