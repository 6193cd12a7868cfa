#!/usr/bin/env python3
"""Write random ONNX models with onnxruntime's answers, as cases for build/onnx_cases.

    random_models.py FOLDER COUNT [--seed 1] [--jobs 2]

Model i depends on the seed and i alone. A node is kept when onnxruntime runs it and its results are
finite and moderate; operators that jump (floor, comparisons, selections) read values that are equal
on every implementation: inputs, integers, and what was only moved. Some dimensions of the inputs
are symbols. The cases lie in FOLDER/random/<i>.
"""
import argparse
import shutil
import subprocess
import sys
from multiprocessing.pool import ThreadPool
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from onnx_cases import write_data, write_tolerance

OPSET = 21
SIZES = (1, 2, 3, 4, 5, 7, 8, 13, 16, 17)
LARGEST = 1e3  # magnitudes beyond this end a branch
MOST_ELEMENTS = 20000
EACH = 50  # models that one process makes
onnxruntime.set_default_logger_severity(4)

SMOOTH = ("Abs Acosh Asinh Atan Ceil Cos Elu Erf Exp Gelu HardSigmoid HardSwish Identity LeakyRelu "
          "Log Mish Neg Reciprocal Relu Selu Sigmoid Sin Sinh Softplus Softsign Sqrt Tanh "
          "ThresholdedRelu Celu").split()
JUMPS = {"Ceil", "Floor", "Round", "Sign", "ThresholdedRelu"}
BINARY = ("Add", "Sub", "Mul", "Div", "Min", "Max", "Pow", "PRelu", "Mod")
REDUCTIONS = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1",
              "ReduceL2", "ReduceLogSumExp", "ReduceSumSquare")


class Skip(Exception):
    """This node cannot be added here."""


class Model:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)
        self.inputs, self.nodes, self.constants = [], [], {}
        self.values = {}  # name: array, as onnxruntime computed it
        self.exact = set()  # names of values without rounding
        self.names = 0

    # Choices.
    def one_of(self, items):
        return items[int(self.rng.integers(len(items)))]

    def shape(self, least=0, most=4):
        rank = int(self.rng.integers(least, most + 1))
        return tuple(int(self.one_of(SIZES)) for _ in range(rank))

    def value(self, test=lambda array: True, exact=False):
        names = [n for n, a in self.values.items() if test(a) and (not exact or n in self.exact)]
        if not names:
            raise Skip
        return names[-1] if self.rng.random() < 0.6 else self.one_of(names)

    def floats(self, least=0, exact=False):
        return self.value(lambda a: a.dtype == np.float32 and a.ndim >= least and a.size, exact)

    def axis(self, name, negative=True):
        rank = self.values[name].ndim
        axis = int(self.rng.integers(rank))
        return axis - rank if negative and self.rng.random() < 0.3 else axis

    # Building.
    def fresh(self, stem):
        self.names += 1
        return f"{stem}{self.names}"

    def constant(self, array):
        name = self.fresh("c")
        self.constants[name] = np.asarray(array)
        return name

    def add_input(self, array):
        name = self.fresh("x")
        self.inputs.append(name)
        self.values[name] = array
        self.exact.add(name)
        return name

    def weights(self, *shape):
        fan = max(int(np.prod(shape[1:])), 1)
        return (self.rng.standard_normal(shape) / np.sqrt(fan)).astype(np.float32)

    def node(self, kind, inputs, outputs=1, exact=False, **attributes):
        names = [self.fresh("v") for _ in range(outputs)]
        node = helper.make_node(kind, inputs, names, name=names[0], **attributes)
        known = {n: self.values[n] if n in self.values else self.constants[n] for n in inputs if n}
        try:
            results = run([node], known, names)
        except Exception as error:
            raise Skip from error
        for result in results:
            if not isinstance(result, np.ndarray) or result.size > MOST_ELEMENTS:
                raise Skip
            if result.dtype.kind == "f" and not (np.abs(result) < LARGEST).all():
                raise Skip
        self.nodes.append(node)
        for name, result in zip(names, results):
            self.values[name] = result
            moved = exact and all(n in self.exact or n in self.constants for n in inputs if n)
            if moved or result.dtype.kind in "iub" and exact:
                self.exact.add(name)
        return names

    # Operators.
    def unary(self):
        kind = self.one_of((*SMOOTH, "Floor", "Round", "Sign"))
        self.node(kind, [self.floats(exact=kind in JUMPS)])

    def binary(self):
        kind = self.one_of(BINARY)
        a = self.floats()
        shape = list(self.values[a].shape)
        for axis in range(len(shape)):
            if self.rng.random() < 0.3:
                shape[axis] = 1
        shape = shape[int(self.rng.integers(len(shape) + 1)):] if shape else shape
        low, high = (0.5, 2) if kind in ("Div", "Pow", "Mod") else (-1, 1)
        b = self.constant(self.rng.uniform(low, high, shape).astype(np.float32))
        if self.rng.random() < 0.4 and kind not in ("Div", "Pow", "Mod", "PRelu"):
            same = self.values[a].shape
            b = self.value(lambda x: x.dtype == np.float32 and x.shape in (same, ()))
        if kind == "Pow":
            a = self.node("Abs", [a])[0]
        if kind == "Mod":
            if a not in self.exact:
                raise Skip
            return self.node(kind, [a, b], fmod=1)
        # Symbols may stand for 1, where slopes would have to spread x.
        if kind == "PRelu" and 1 in self.values[a].shape:
            raise Skip
        self.node(kind, [a, b] if self.rng.random() < 0.8 or kind in ("Div", "Pow", "PRelu")
                  else [b, a])

    def compare(self):
        a = self.floats(exact=True)
        b = self.constant(self.rng.uniform(-1, 1, self.values[a].shape[-1:]).astype(np.float32))
        kind = self.one_of(("Less", "Greater", "LessOrEqual", "GreaterOrEqual"))
        condition = self.node(kind, [a, b], exact=True)[0]
        if self.rng.random() < 0.5:
            condition = self.node("Not", [condition], exact=True)[0]
        x = self.value(lambda v: v.dtype == np.float32 and v.shape == self.values[a].shape)
        self.node("Where", [condition, x, b])

    def move(self):
        x = self.floats(least=1)
        array, rank = self.values[x], self.values[x].ndim
        kind = self.one_of(("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Slice",
                            "Concat", "Split", "Gather", "Pad", "Tile", "Expand", "DepthToSpace",
                            "GatherElements", "Trilu", "ReverseSequence", "SpaceToDepth",
                            "ScatterElements", "CenterCropPad", "Identity"))
        ints = lambda *values: self.constant(np.array(values, np.int64))  # noqa: E731
        if kind == "Transpose":
            self.node(kind, [x], exact=True, perm=[int(i) for i in self.rng.permutation(rank)])
        elif kind == "Reshape":
            sizes, left = [], array.size
            for _ in range(int(self.rng.integers(0, 3))):
                divisors = [d for d in range(1, left + 1) if left % d == 0]
                sizes.append(self.one_of(divisors))
                left //= sizes[-1]
            sizes.append(-1 if self.rng.random() < 0.5 else left)
            self.node(kind, [x, ints(*sizes)], exact=True)
        elif kind == "Flatten":
            self.node(kind, [x], exact=True, axis=int(self.rng.integers(rank + 1)))
        elif kind == "Squeeze":
            ones = [i for i, size in enumerate(array.shape) if size == 1]
            if not ones:
                raise Skip
            self.node(kind, [x, ints(self.one_of(ones))], exact=True)
        elif kind == "Unsqueeze":
            self.node(kind, [x, ints(int(self.rng.integers(rank + 1)))], exact=True)
        elif kind == "Slice":
            axis = self.axis(x)
            size = array.shape[axis]
            start, end = sorted(int(i) for i in self.rng.integers(0, size + 1, 2))
            step = self.one_of((1, 1, 2, -1))
            if start == end:
                raise Skip
            bounds = (start, end) if step > 0 else (end - 1, start - size - 1)
            self.node(kind, [x, ints(bounds[0]), ints(bounds[1]), ints(axis), ints(step)],
                      exact=True)
        elif kind == "Concat":
            axis = self.axis(x)
            other = list(array.shape)
            other[axis] = int(self.one_of(SIZES))
            second = self.constant(self.rng.uniform(-1, 1, other).astype(np.float32))
            order = [x, second] if self.rng.random() < 0.5 else [second, x, x]
            self.node(kind, order, exact=True, axis=axis)
        elif kind == "Split":
            axis = self.axis(x)
            size = array.shape[axis]
            if size < 2:
                raise Skip
            first = int(self.rng.integers(1, size))
            self.node(kind, [x, ints(first, size - first)], 2, exact=True, axis=axis)
        elif kind == "Gather":
            axis = self.axis(x)
            size = array.shape[axis]
            index = self.rng.integers(-size, size, self.shape(0, 2)).astype(np.int64)
            self.node(kind, [x, self.constant(index)], exact=True, axis=axis)
        elif kind in ("GatherElements", "ScatterElements"):
            axis = self.axis(x)
            size, shape = array.shape[axis], list(array.shape)
            if kind == "GatherElements":
                shape[axis] = int(self.one_of(SIZES))
                index = self.rng.integers(-size, size, shape)
                return self.node(kind, [x, self.constant(index.astype(np.int64))], exact=True,
                                 axis=axis)
            count = int(self.rng.integers(1, size + 1))
            shape[axis] = count
            index = self.rng.permuted(
                np.broadcast_to(np.arange(size).reshape([-1 if i == axis % rank else 1
                                                         for i in range(rank)]), array.shape),
                axis=axis).take(range(count), axis)
            updates = self.constant(self.rng.uniform(-1, 1, shape).astype(np.float32))
            self.node(kind, [x, self.constant(index.astype(np.int64)), updates], exact=True,
                      axis=axis)
        elif kind == "Pad":
            mode = self.one_of(("constant", "constant", "reflect", "edge", "wrap"))
            most = 3 if mode in ("constant", "edge") else max(min(array.shape) - 1, 0)
            pads = self.rng.integers(-1 if mode == "constant" and min(array.shape) > 2 else 0,
                                     most + 1, 2 * rank)
            self.node(kind, [x, self.constant(pads.astype(np.int64))], exact=True, mode=mode)
        elif kind == "Tile":
            self.node(kind, [x, ints(*(int(i) for i in self.rng.integers(1, 3, rank)))],
                      exact=True)
        elif kind == "Expand":
            shape = [int(self.one_of(SIZES)) if size == 1 else size for size in array.shape]
            self.node(kind, [x, ints(int(self.one_of((1, 2))), *shape)], exact=True)
        elif kind in ("DepthToSpace", "SpaceToDepth"):
            self.node(kind, [x], exact=True, blocksize=2)
        elif kind == "Trilu":
            self.node(kind, [x, self.constant(np.int64(self.rng.integers(-2, 3)))], exact=True,
                      upper=int(self.rng.integers(2)))
        elif kind == "ReverseSequence":
            if rank < 2:
                raise Skip
            lengths = self.rng.integers(1, array.shape[0] + 1, array.shape[1]).astype(np.int64)
            self.node(kind, [x, self.constant(lengths)], exact=True, time_axis=0, batch_axis=1)
        elif kind == "CenterCropPad":
            self.node(kind, [x, ints(int(self.one_of(SIZES)))], exact=True, axes=[self.axis(x)])
        else:
            self.node(kind, [x], exact=True)

    def reduce(self):
        kind = self.one_of(REDUCTIONS)
        x = self.floats(least=1)
        axes = sorted({self.axis(x) % self.values[x].ndim for _ in range(2)})
        self.node(kind, [x, self.constant(np.array(axes, np.int64))],
                  keepdims=int(self.rng.integers(2)))

    def select(self):
        x = self.floats(least=1, exact=True)
        kind = self.one_of(("ArgMax", "ArgMin", "TopK", "NonZero", "Compress", "OneHot", "CumSum",
                            "Unique", "Hardmax"))
        axis = self.axis(x)
        size = self.values[x].shape[axis]
        if kind in ("ArgMax", "ArgMin"):
            self.node(kind, [x], exact=True, axis=axis, keepdims=int(self.rng.integers(2)))
        elif kind == "TopK":
            count = self.constant(np.array([self.rng.integers(1, size + 1)], np.int64))
            self.node(kind, [x, count], 2, exact=True, axis=axis,
                      largest=int(self.rng.integers(2)))
        elif kind == "Compress":
            keep = self.constant(self.rng.random(size) < 0.6)
            self.node(kind, [x, keep], exact=True, axis=axis)
        elif kind == "OneHot":
            index = self.constant(self.rng.integers(0, 5, self.shape(0, 2)).astype(np.int64))
            self.node(kind, [index, self.constant(np.int64(5)),
                             self.constant(np.array([-1, 2], np.float32))], exact=True)
        elif kind == "CumSum":
            self.node(kind, [x, self.constant(np.int64(axis))],
                      exclusive=int(self.rng.integers(2)), reverse=int(self.rng.integers(2)))
        elif kind == "Hardmax":
            self.node(kind, [x], exact=True, axis=axis)
        else:
            self.node(kind, [x], exact=True)

    def product(self):
        a = self.floats(least=1)
        shape, n = self.values[a].shape, int(self.one_of(SIZES))
        kind = self.one_of(("MatMul", "MatMul", "Gemm", "Einsum"))
        if kind == "Gemm" and len(shape) == 2:
            bias = self.constant(self.weights(n)) if self.rng.random() < 0.6 else ""
            inputs = [a, self.constant(self.weights(n, shape[1])), bias]
            self.node(kind, inputs[: 3 if bias else 2], transB=1, alpha=0.5)
        elif kind == "Einsum" and len(shape) == 2:
            self.node(kind, [a, self.constant(self.weights(shape[1], n))], equation="ij,jk->ki")
        else:
            lead = shape[:-2] if self.rng.random() < 0.3 else ()
            self.node("MatMul", [a, self.constant(self.weights(*lead, shape[-1], n))])

    def convolution(self):
        x = self.value(lambda a: a.dtype == np.float32 and a.ndim in (3, 4, 5) and a.size)
        shape, spatial = self.values[x].shape, self.values[x].ndim - 2
        kind = self.one_of(("Conv", "Conv", "Conv", "ConvTranspose", "MaxPool", "AveragePool",
                            "GlobalAveragePool", "GlobalMaxPool", "LpPool", "Resize"))
        kernel = [int(self.one_of((1, 2, 3, 3, 5))) for _ in range(spatial)]
        strides = [int(self.one_of((1, 1, 2, 3))) for _ in range(spatial)]
        pads = [int(self.rng.integers(0, max(k // 2, 0) + 1)) for k in kernel + kernel]
        for i in range(spatial):
            if shape[2 + i] + pads[i] + pads[i + spatial] < kernel[i]:
                raise Skip
        window = {"kernel_shape": kernel, "strides": strides, "pads": pads}
        channels = shape[1]
        if kind in ("Conv", "ConvTranspose"):
            group = self.one_of([g for g in (1, 1, 2, channels) if channels % g == 0])
            each = int(self.one_of((1, 2, 3, 8)))
            dilations = [int(self.one_of((1, 1, 2))) for _ in range(spatial)]
            sizes = ((group * each, channels // group) if kind == "Conv" else (channels, each))
            inputs = [x, self.constant(self.weights(*sizes, *kernel))]
            if self.rng.random() < 0.6:
                inputs.append(self.constant(self.weights(group * each)))
            self.node(kind, inputs, group=group, dilations=dilations, **window)
        elif kind.startswith("Global"):
            self.node(kind, [x])
        elif kind == "Resize":
            if spatial != 2:
                raise Skip
            scales = [1, 1, *(float(self.one_of((0.5, 1, 2, 1.5))) for _ in range(2))]
            mode = self.one_of(("nearest", "linear"))
            self.node(kind, [x, "", self.constant(np.array(scales, np.float32))], mode=mode,
                      nearest_mode="floor",
                      coordinate_transformation_mode=self.one_of(("asymmetric", "half_pixel")))
        else:
            extra = {"ceil_mode": int(self.rng.integers(2))} if kind != "LpPool" else {}
            if kind == "AveragePool":
                extra["count_include_pad"] = int(self.rng.integers(2))
            self.node(kind, [x], **window, **extra)

    def normalise(self):
        x = self.floats(least=2)
        shape = self.values[x].shape
        kind = self.one_of(("Softmax", "LogSoftmax", "LayerNormalization", "BatchNormalization",
                            "InstanceNormalization", "LRN", "LpNormalization", "GroupNorm"))

        def vector(n):
            return self.constant(self.rng.uniform(0.5, 1.5, n).astype(np.float32))

        if kind in ("Softmax", "LogSoftmax"):
            self.node(kind, [x], axis=self.axis(x))
        elif kind == "LayerNormalization":
            self.node(kind, [x, vector(shape[-1]), vector(shape[-1])])
        elif kind == "BatchNormalization":
            self.node(kind, [x, *(vector(shape[1]) for _ in range(4))])
        elif kind == "InstanceNormalization" and len(shape) > 2:
            self.node(kind, [x, vector(shape[1]), vector(shape[1])])
        elif kind == "LRN" and len(shape) == 4:
            self.node(kind, [x], size=3)
        elif kind == "LpNormalization":
            self.node(kind, [x], axis=self.axis(x), p=int(self.one_of((1, 2))))
        else:
            raise Skip

    def recurrent(self):
        x = self.value(lambda a: a.dtype == np.float32 and a.ndim == 3 and a.size)
        size, hidden = self.values[x].shape[2], int(self.one_of((1, 3, 8)))
        kind, gates = self.one_of((("LSTM", 4), ("GRU", 3), ("RNN", 1)))
        directions, direction = self.one_of(((1, "forward"), (1, "reverse"), (2, "bidirectional")))
        rows = gates * hidden
        inputs = [x, *(self.constant(self.weights(directions, *s))
                       for s in ((rows, size), (rows, hidden), (2 * rows,)))]
        self.node(kind, inputs, 2, hidden_size=hidden, direction=direction)

    def quantise(self):
        x = self.floats(exact=True)
        scale = self.constant(np.float32(self.one_of((0.01, 0.05))))
        zero = self.constant(self.one_of((np.uint8(128), np.int8(3))))
        q = self.node("QuantizeLinear", [x, scale, zero], exact=True)[0]
        self.node("DequantizeLinear", [q, scale, zero])

    def cast(self):
        x = self.value(lambda a: a.size, exact=True)
        to = self.one_of((TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32,
                          TensorProto.BOOL))
        self.node("Cast", [x], exact=True, to=to)

    def integers(self):
        x = self.value(lambda a: a.dtype in (np.int64, np.int32) and a.size)
        y = self.constant(self.rng.integers(1, 9, ()).astype(self.values[x].dtype))
        kind = self.one_of(("Add", "Sub", "Mul", "Div", "Mod", "Max", "Equal", "Cast"))
        if kind == "Cast":
            self.node(kind, [x], exact=True, to=TensorProto.FLOAT)
        else:
            if kind == "Mul" and np.abs(self.values[x]).max() > 1000:
                raise Skip
            self.node(kind, [x, y], exact=True)

    def shapes(self):
        """What exporters write: a shape taken apart and put together."""
        x = self.floats(least=2)
        shape = self.node("Shape", [x], exact=True)[0]
        first = self.node("Gather", [shape, self.constant(np.int64(0))], exact=True, axis=0)[0]
        first = self.node("Unsqueeze", [first, self.constant(np.array([0], np.int64))],
                          exact=True)[0]
        target = self.node("Concat", [first, self.constant(np.array([-1], np.int64))], exact=True,
                           axis=0)[0]
        self.node("Reshape", [x, target], exact=True)


KINDS = [Model.unary] * 4 + [Model.binary] * 5 + [Model.move] * 7 + [Model.reduce] * 2 + [
    Model.product] * 2 + [Model.convolution] * 5 + [Model.normalise] * 2 + [
    Model.compare, Model.select, Model.recurrent, Model.quantise, Model.cast, Model.integers,
    Model.shapes]


def typed(name, array, shape=None):
    kind = helper.np_dtype_to_tensor_dtype(array.dtype)
    return helper.make_tensor_value_info(name, kind, array.shape if shape is None else shape)


def model_of(nodes, inputs, outputs, constants=(), shapes=None):
    """`inputs` and `outputs` are {name: array}; no array: the type is left open."""
    shapes = shapes or {}
    graph = helper.make_graph(
        nodes, "random", [typed(n, a, shapes.get(n)) for n, a in inputs.items()],
        [typed(n, a, [None] * a.ndim) if a is not None else helper.make_empty_tensor_value_info(n)
         for n, a in outputs.items()],
        [numpy_helper.from_array(a, n) for n, a in dict(constants).items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)


def run(nodes, inputs, outputs, constants=(), model=None):
    model = model or model_of(nodes, inputs, dict.fromkeys(outputs), constants)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                           providers=["CPUExecutionProvider"])
    return session.run(list(outputs), inputs)


def grow(seed):
    """A model, its inputs and onnxruntime's answers; nothing when none came out of the seed."""
    m = Model(seed)
    for _ in range(int(m.rng.integers(1, 3))):
        m.add_input(m.rng.uniform(-2, 2, m.shape(1, 4)).astype(np.float32))
    if m.rng.random() < 0.3:
        m.add_input(m.rng.integers(-5, 6, m.shape(1, 2)).astype(np.int64))
    wanted = int(m.rng.integers(3, 15))
    for _ in range(6 * wanted):
        if len(m.nodes) >= wanted:
            break
        try:
            m.one_of(KINDS)(m)
        except Skip:
            continue
    read = {name for node in m.nodes for name in node.input}
    outputs = [n for node in m.nodes for n in node.output if n not in read][:8]
    if not outputs:
        return None
    # A dimension is a symbol where the model runs with another size, too: 1, which is what a symbol
    # is compiled for unless a shape is given.
    shapes = {n: list(m.values[n].shape) for n in m.inputs}
    for name in m.inputs:
        axis = int(m.rng.integers(max(m.values[name].ndim, 1)))
        if m.values[name].ndim == 0 or m.rng.random() < 0.4:
            continue
        other = {n: m.values[n] for n in m.inputs}
        other[name] = other[name].take([0], axis)
        try:
            run(m.nodes, other, outputs, {n: a for n, a in m.constants.items() if n in read})
        except Exception:
            continue
        shapes[name][axis] = f"{name}_{axis}"
        break
    inputs = {n: m.values[n] for n in m.inputs}
    constants = {n: a for n, a in m.constants.items() if n in read}
    model = model_of(m.nodes, inputs, {n: m.values[n] for n in outputs}, constants, shapes)
    try:
        answers = run(m.nodes, inputs, outputs, model=model)
    except Exception:  # onnxruntime's own optimiser refuses some
        return None
    # Where its optimised graph and its single nodes differ, rounding is amplified: no fair test.
    for name, answer in zip(outputs, answers):
        alone = m.values[name]
        if answer.shape != alone.shape or not np.allclose(answer, alone, 1e-4, 1e-4):
            return None
    return model, inputs, dict(zip(outputs, answers))


def write(folder, seed, index):
    grown = grow([seed, index])
    if not grown:
        return
    model, inputs, answers = grown
    case = folder / "random" / f"{index:06d}"
    data = case / "test_data_set_0"
    data.mkdir(parents=True)
    onnx.save(model, case / "model.onnx")
    write_data(data, "input", inputs.values(), model.graph.input)
    write_data(data, "output", answers.values(), model.graph.output)
    write_tolerance(case, 1e-3, 1e-3)


def made(options, begin):
    """A process of its own for some models: one that onnxruntime crashes on takes only these."""
    end = min(begin + EACH, options.count)
    command = [sys.executable, __file__, options.folder, end, "--seed", options.seed]
    subprocess.run([*map(str, [*command, "--from", begin])], stderr=subprocess.DEVNULL, timeout=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--from", type=int, dest="begin", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.begin is not None:
        for index in range(options.begin, options.count):
            write(options.folder, options.seed, index)
        return 0
    stamp, size = options.folder / "stamp", Path(__file__).stat().st_size
    made_by = f"{options.count} {options.seed} {onnxruntime.__version__} {size}"
    if not stamp.exists() or stamp.read_text() != made_by:
        shutil.rmtree(options.folder, ignore_errors=True)
        with ThreadPool(options.jobs) as pool:
            pool.map(lambda begin: made(options, begin), range(0, options.count, EACH), 1)
        stamp.write_text(made_by)
    print(f"{len(list(options.folder.glob('random/*')))} models of {options.count} seeds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
