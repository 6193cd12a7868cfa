"""What only shows while running: bad indices, bombs, endless loops, names that are paths.
Rows 8, 9, 10 and 18 of the table of bad input.

`indices` gives (name, model, inputs, code, words); `bombs` (name, model, code); `paths` (name,
model, output names).
"""

import numpy as np
from onnx import TensorProto

from build import graph, ints, model, node, scalar, tensor, value

ARGUMENT, EXHAUSTED, DEADLINE = "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"
I64 = TensorProto.INT64


def integers(*values):
    return np.array(values, np.int64)


def indices():
    x = np.zeros((2, 3), np.float32)

    def two(kind, second, shape, outputs=("y",), **attributes):
        inputs = [value("x", ("n", 3)), value("i", shape, I64)]
        return model(graph([node(kind, ["x", "i"], outputs, **attributes)], inputs))

    def three(kind, shape, **attributes):
        inputs = [value("x", ("n", 3)), value("i", shape, I64), value("u", None)]
        return model(graph([node(kind, ["x", "i", "u"], **attributes)], inputs))

    def run(name, made, code=ARGUMENT, words="", **given):
        return name, made, {"x": x, **given}, code, words

    yield run("gather_2", two("Gather", "i", ("m",)), i=integers(2), words="2")
    yield run("gather_minus_3", two("Gather", "i", ("m",)), i=integers(-3), words="-3")
    yield run("gather_least", two("Gather", "i", ("m",)), i=integers(-1 << 63))
    yield run(
        "gather_elements",
        two("GatherElements", "i", ("m", "k")),
        i=np.full((1, 3), 9, np.int64),
        words="9",
    )
    yield run(
        "gather_nd", two("GatherND", "i", ("m", 2)), i=np.array([[0, 5]], np.int64), words="5"
    )
    yield run(
        "scatter_nd",
        three("ScatterND", ("m", 2)),
        i=np.array([[7, 0]], np.int64),
        u=np.zeros(1, np.float32),
        words="7",
    )
    yield run(
        "scatter_elements",
        three("ScatterElements", ("m", "k")),
        i=np.array([[-9]], np.int64),
        u=np.zeros((1, 1), np.float32),
        words="-9",
    )
    yield run("reshape_size", two("Reshape", "i", (2,)), i=integers(5, 5))
    yield run("reshape_negative", two("Reshape", "i", (2,)), i=integers(-7, 1))
    yield run("expand_shape", two("Expand", "i", (2,)), i=integers(5, 7))
    yield run("tile_negative", two("Tile", "i", (2,)), i=integers(-5, 7))
    yield run("topk_many", two("TopK", "i", (1,), ("y", "z")), i=integers(99))
    yield run("split_sum", two("Split", "i", (2,), ("y", "z"), axis=1), i=integers(1, 1))
    yield run("squeeze", two("Squeeze", "i", (1,)), i=integers(1))
    yield run("wrong_shape", model(graph([node("Relu", ["x"])], [value("x", (2, 4))])), words="x")
    yield run("wrong_rank", model(graph([node("Relu", ["x"])], [value("x", (2, 3, 1))])), words="x")
    yield run(
        "wrong_type", model(graph([node("Abs", ["x"])], [value("x", (2, 3), I64)])), words="x"
    )
    symbols = [value("x", ("n", 3)), value("i", ("n",), I64)]
    yield run(
        "symbols_differ",
        model(graph([node("Identity", ["x"])], symbols)),
        i=integers(1, 2, 3),
        words="n",
    )
    made = [node("SequenceConstruct", ["x", "x"], ["s"]), node("SequenceAt", ["s", "i"])]
    yield run(
        "sequence_at",
        model(graph(made, [value("x", (2, 3)), value("i", (), I64)])),
        i=np.array(4, np.int64),
        words="4",
    )
    yield run("no_such_input", model(graph([node("Relu", ["x"])])), q=x, words="q")
    empty = graph([node("OptionalGetElement", ["o"])], [value("x")])
    optional = node("Optional", [], ["o"])
    kind = optional.attribute.add(name="type", type=13)
    kind.tp.CopyFrom(value("t").type)
    empty.node.insert(0, optional)
    yield run("optional_empty", model(empty), words="empty")


def bombs():
    def one(kind, weights, inputs=None, shape=(1,), **attributes):
        names = ["x", *(w.name for w in weights)] if inputs is None else inputs
        return model(graph([node(kind, names, **attributes)], [value("x", shape)], weights=weights))

    yield "expand", one("Expand", [ints("s", 1 << 40)])
    yield "expand_4d", one("Expand", [ints("s", 1 << 12, 1 << 12, 1 << 12)])
    yield "tile", one("Tile", [ints("s", 1 << 41)])
    yield "constant_of_shape", one("ConstantOfShape", [ints("s", 1 << 40)], ["s"])
    yield "range", one("Range", [scalar("a", 0), scalar("b", 1 << 45), scalar("c", 1)], list("abc"))
    yield "pad", one("Pad", [ints("s", 0, 1 << 42)])
    scales = tensor("s", np.array([1, 1, 1e6, 1e6], np.float32))
    yield "resize", one("Resize", [scales], ["x", "", "s"], (1, 1, 4, 4))
    depth, on_off = scalar("d", 1 << 42), tensor("v", np.array([0, 1], np.float32))
    yield "one_hot", one("OneHot", [depth, on_off], shape=(2,))
    yield "random", model(graph([node("RandomNormal", [], shape=[1 << 40])], []))
    yield "eye_like", one("EyeLike", [], shape=(1 << 20, 1 << 21))
    doubled = [node("Concat", [f"v{i}", f"v{i}"], [f"v{i + 1}"], axis=0) for i in range(44)]
    doubled.insert(0, node("Identity", ["x"], ["v0"]))
    yield "doubled", model(graph(doubled, [value("x", (1,))], [value("v44", None)]))
    outer = [node("Unsqueeze", ["x", "a"], ["c"]), node("Add", ["c", "x"])]
    yield "outer_sum", model(graph(outer, [value("x", (1 << 21,))], weights=[ints("a", 1)]))
    yield "compressed_weight", one("Expand", [ints("s", 1 << 20, 1 << 20, 4)])
    conv = node("Conv", ["x", "w"], pads=[1 << 20, 1 << 20, 1 << 20, 1 << 20])
    yield "conv_pads", model(
        graph(
            [conv],
            [value("x", (1, 1, 4, 4))],
            weights=[tensor("w", np.ones((1, 1, 3, 3), np.float32))],
        )
    )
    upsample = graph([node("Upsample", ["x", "s"])], [value("x", (1, 1, 4, 4))], weights=[scales])
    yield "upsample", model(upsample, 9)


def loop(body_nodes, outputs, trip=None):
    inputs = [value("i", (), I64), value("c", (), TensorProto.BOOL), value("v", (1,))]
    body = graph(
        [node("Identity", ["c"], ["d"]), *body_nodes],
        inputs,
        [value("d", (), TensorProto.BOOL), *(value(o, None) for o in outputs)],
        name="body",
    )
    weights = [tensor("k", np.array(True))] + ([scalar("m", trip)] if trip else [])
    names = ["y"] + [f"s{i}" for i in range(len(outputs) - 1)]
    one = node("Loop", ["m" if trip else "", "k", "x"], names, body=body)
    return model(graph([one], [value("x", (1,))], weights=weights))


def endless():
    yield "loop", loop([node("Neg", ["v"], ["o"])], ["o"])
    yield "loop_counted", loop([node("Neg", ["v"], ["o"])], ["o"], (1 << 63) - 1)
    yield "loop_stacking", loop([node("Neg", ["v"], ["o"]), node("Neg", ["v"], ["p"])], ["o", "p"])


def paths():
    for name in (
        "../outside",
        "/tmp/outside",
        "a/../../outside",
        "folder/name",
        "..",
        ".",
        "n" * 3000,
        "nul\0byte",
        "new\nline",
        "\u202ereversed",
    ):
        yield name, model(graph([node("Relu", ["x"], [name])], outputs=[value(name, None)]))
