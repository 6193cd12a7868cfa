"""Damaged structure: nesting, names, files that are none. Rows 5 and 6 of the bad inputs."""

import numpy as np
from onnx import AttributeProto, TensorProto, helper

from build import F32, floats, graph, ints, model, node, raw, simple, tensor, value

INVALID, UNSUPPORTED, EXHAUSTED = "INVALID_MODEL", "UNSUPPORTED", "RESOURCE_EXHAUSTED"


def length_delimited(field, payload):
    size, coded = len(payload), b""
    while True:
        coded += bytes([size & 127 | (128 if size > 127 else 0)])
        size >>= 7
        if not size:
            return bytes([field << 3 | 2]) + coded + payload


def nested_bytes(depth):
    """Graphs in attributes in nodes, written by hand: deeper than the library would write."""
    inner = b""
    for _ in range(depth):
        attribute = length_delimited(1, b"g") + length_delimited(6, inner) + b"\xa0\x01\x05"
        inner = length_delimited(1, length_delimited(4, b"If") + length_delimited(5, attribute))
    return b"\x08\x0a" + length_delimited(7, inner) + length_delimited(8, b"\x10\x15")


def nested_loop(depth):
    """Each loop lets what it carries grow."""
    body = None
    for level in range(depth):
        names = [f"{n}{level}" for n in ("i", "c", "v")]
        inputs = [
            value(names[0], (), TensorProto.INT64),
            value(names[1], (), TensorProto.BOOL),
            value(names[2], None),
        ]
        inner = (
            [node("Concat", [names[2], names[2]], [f"o{level}"], axis=0)]
            if body is None
            else [node("Loop", ["m", "k", names[2]], [f"o{level}"], body=body)]
        )
        inner.append(node("Identity", [names[1]], [f"d{level}"]))
        outputs = [value(f"d{level}", (), TensorProto.BOOL), value(f"o{level}", None)]
        body = graph(inner, inputs, outputs, name=f"body{level}")
    top = graph(
        [node("Loop", ["m", "k", "x"], body=body)],
        [value("x", (1,)), value("m", (), TensorProto.INT64), value("k", (), TensorProto.BOOL)],
    )
    return model(top)


def functions(bodies, call="f0"):
    """Functions of domain "own": name → list of called functions."""
    made = []
    opset = [helper.make_opsetid("", 21), helper.make_opsetid("own", 1)]
    for name, called in bodies.items():
        nodes, last = [], "a"
        for i, other in enumerate(called):
            domain = "" if other == "Relu" else "own"
            nodes.append(helper.make_node(other, [last], [f"t{i}"], domain=domain))
            last = f"t{i}"
        nodes.append(helper.make_node("Identity", [last], ["b"]))
        made.append(helper.make_function("own", name, ["a"], ["b"], nodes, opset))
    top = graph([helper.make_node(call, ["x"], ["y"], domain="own")])
    return model(top, functions=made, imports=[("own", 1)])


def nesting():
    yield "nested_messages", nested_bytes(40), INVALID, "nested too deeply"
    yield "nested_messages_10000", nested_bytes(3000), INVALID, "nested too deeply"
    weights = [tensor("k", np.array(True))]
    yield "function_calls_itself", functions({"f0": ["f0"]}), INVALID, "calls itself"
    yield (
        "functions_in_a_ring",
        functions({"f0": ["f1"], "f1": ["f2"], "f2": ["f0"]}),
        INVALID,
        "calls itself",
    )
    chain = {f"f{i}": [f"f{i + 1}"] for i in range(100)} | {"f100": ["Relu"]}
    yield "functions_100_deep", functions(chain), EXHAUSTED, "deeper than 64"
    bomb = {f"f{i}": [f"f{i + 1}"] * 10 for i in range(12)} | {"f12": ["Relu"]}
    yield "functions_explode", functions(bomb), EXHAUSTED, "expand to more than"
    yield "function_missing_output", missing_function_output(), INVALID, "computed by no node"
    yield "function_too_many_inputs", function_inputs(), INVALID, "is called with 2 inputs"
    yield "function_twice", functions_twice(), INVALID, "is defined twice"
    yield "loops_12_deep", nested_loop(12), None, ""
    yield "if_24_deep", linear_if(23, weights), None, ""
    yield "if_30_deep", linear_if(30, weights), EXHAUSTED, "nest deeper than"


def linear_if(depth, weights):
    made = graph([node("Relu", ["x"], ["i0"])], [], [value("i0")], name="innermost")
    flat = graph([node("Relu", ["x"], ["e"])], [], [value("e")], name="flat")
    for level in range(1, depth):
        choice = node("If", ["k"], [f"i{level}"], then_branch=made, else_branch=flat)
        made = graph([choice], [], [value(f"i{level}")], name=f"level{level}")
    return model(graph([node("If", ["k"], then_branch=made, else_branch=flat)], weights=weights))


def missing_function_output():
    made = functions({"f0": ["Relu"]})
    made.functions[0].output[0] = "nowhere"
    return made


def function_inputs():
    made = functions({"f0": ["Relu"]})
    made.graph.node[0].input.append("x")
    return made


def functions_twice():
    made = functions({"f0": ["Relu"]})
    made.functions.append(made.functions[0])
    return made


def names():
    relu = node("Relu", ["x"])
    yield "cycle_of_one", model(graph([node("Relu", ["y"])])), INVALID, "reads 'y'"
    yield (
        "cycle_of_two",
        model(
            graph([node("Add", ["x", "b"], ["a"]), node("Relu", ["a"], ["b"]), node("Relu", ["b"])])
        ),
        INVALID,
        "later node",
    )
    yield (
        "out_of_order",
        model(graph([node("Relu", ["a"]), node("Relu", ["x"], ["a"])])),
        INVALID,
        "reads 'a'",
    )
    yield "missing_input", model(graph([node("Add", ["x", "z"])])), INVALID, "reads 'z'"
    yield "defined_twice", model(
        graph([relu, node("Tanh", ["x"])])
    ), INVALID, "'y' is defined twice"
    yield (
        "defined_twice_by_one",
        model(graph([node("Split", ["x"], ["y", "y"], axis=0, num_outputs=2)])),
        INVALID,
        "defined twice",
    )
    yield (
        "defines_an_input",
        model(graph([node("Relu", ["x"], ["x"])], outputs=[value("x")])),
        INVALID,
        "'x' is defined twice",
    )
    yield (
        "defines_a_weight",
        model(graph([node("Relu", ["x"], ["w"])], outputs=[value("w")], weights=[floats("w", 2)])),
        INVALID,
        "defined twice",
    )
    yield (
        "two_weights_of_a_name",
        model(graph([relu], weights=[floats("w", 1), floats("w", 2)])),
        INVALID,
        "defined twice",
    )
    yield (
        "two_inputs_of_a_name",
        model(graph([relu], [value("x"), value("x")])),
        INVALID,
        "listed twice",
    )
    yield (
        "two_outputs_of_a_name",
        model(graph([relu], outputs=[value("y"), value("y")])),
        INVALID,
        "listed twice",
    )
    yield ("output_from_nowhere", model(graph([relu], outputs=[value("q")])), INVALID, "output 'q'")
    yield "weight_without_name", model(graph([relu], weights=[floats("", 1)])), INVALID, "no name"
    yield "input_without_name", model(graph([relu], [value("x"), value("")])), INVALID, "no name"
    typeless = model(graph([relu]))
    typeless.graph.input[0].ClearField("type")
    yield "input_without_type", typeless, INVALID, "has no type"
    opaque = model(graph([relu]))
    opaque.graph.input[0].type.sequence_type.SetInParent()
    yield "sequence_without_type", opaque, INVALID, "no element type"
    kind = model(graph([relu]))
    kind.graph.input[0].type.tensor_type.elem_type = 77
    yield "input_of_type_77", kind, INVALID, "element type 77"
    yield "node_without_outputs", model(
        graph([relu, node("Relu", ["x"], [])])
    ), INVALID, "no outputs"
    branch = graph([node("Relu", ["x"], ["hidden"])], [], [value("hidden")], name="b")
    choice = node("If", ["k"], ["z"], then_branch=branch, else_branch=branch)
    leak = graph([choice, node("Relu", ["hidden"])], weights=[tensor("k", np.array(True))])
    yield "reads_into_a_branch", model(leak), INVALID, "reads 'hidden'"
    two = graph([node("Relu", ["x"], ["p"])], [], [value("p"), value("x")], name="two")
    uneven = node("If", ["k"], then_branch=branch, else_branch=two)
    yield (
        "branches_uneven",
        model(graph([uneven], weights=[tensor("k", np.array(True))])),
        INVALID,
        "outputs",
    )
    loop = node("Loop", ["", "k", "x"], body=branch)
    yield (
        "loop_body_inputs",
        model(graph([loop], weights=[tensor("k", np.array(True))])),
        INVALID,
        "has 0 inputs, expected 3",
    )
    yield (
        "unknown_operators",
        model(
            graph(
                [
                    helper.make_node("Swirl", ["x"], ["a"], domain="com.acme"),
                    helper.make_node("Swirl", ["a"], ["b"], domain="com.acme"),
                    node("Whirl", ["b"]),
                ]
            ),
            imports=[("com.acme", 1)],
        ),
        UNSUPPORTED,
        "ai.onnx.Whirl ×1, com.acme.Swirl ×2",
    )


def whole_files():
    right = simple("Relu").SerializeToString()
    yield "empty_file", b"", INVALID, "not a model"
    yield "text_file", b"hello, world\n", INVALID, ""
    yield "zeros", bytes(1000), INVALID, "not a model"
    yield "one_byte", b"\x08", INVALID, ""
    for part in (10, 30, 50, 70, 90, 99):
        yield f"cut_at_{part}", right[: len(right) * part // 100], INVALID, ""
    yield "length_beyond_end", b"\x08\x0a\x3a\xff\xff\xff\xff\x07", INVALID, "damaged"
    yield "varint_without_end", b"\x08" + b"\xff" * 40, INVALID, "damaged"
    yield "no_graph", b"\x08\x0a", INVALID, "no graph"
    yield "wrong_wire_type", b"\x08\x0a\x38\x01", INVALID, ""
    newest, oldest = simple("Relu"), simple("Relu")
    newest.ir_version, oldest.ir_version = 99, 0
    yield "ir_version_99", newest, UNSUPPORTED, "IR version 99"
    yield "ir_version_0", oldest, INVALID, "IR version 0"
    yield "opset_99", simple("Relu", opset=99), UNSUPPORTED, "opset 99"
    yield "opset_0", simple("Relu", opset=0), INVALID, "opset 0"
    twice = simple("Relu")
    twice.opset_import.add(domain="", version=7)
    yield "opset_twice", twice, INVALID, "imports opsets"
    none = simple("Relu")
    del none.opset_import[:]
    yield "opset_missing", none, INVALID, "imports no opset"
    controls = model(graph([node("Relu", ["a\nb\x01"])]))
    yield "control_characters", controls, INVALID, "a\\x0ab\\x01"
    yield "long_name", model(graph([node("Relu", ["n" * 100_000])])), INVALID, "reads 'nnn"


def references():
    made = simple("Softmax")
    made.graph.node[0].attribute.add(name="axis", type=AttributeProto.INT, ref_attr_name="outer")
    yield "reference_outside", made, INVALID, "outside a function"
    twice = simple("Softmax", axis=1)
    twice.graph.node[0].attribute.append(twice.graph.node[0].attribute[0])
    yield "attribute_twice", twice, INVALID, "given twice"
    for name, attribute in {"float": 1.5, "text": "one", "list": [1, 2]}.items():
        yield f"attribute_{name}", simple("Softmax", axis=attribute), INVALID, "expected an integer"
    odd = simple("Softmax", axis=1)
    odd.graph.node[0].attribute[0].ClearField("type")
    yield "attribute_untyped", odd, None, ""
    stray = raw("w", F32, [2], bytes(8))
    yield "attribute_tensor", simple("Softmax", axis=stray), INVALID, "expected an integer"
    yield "constant_empty", model(graph([node("Constant", [])], [])), INVALID, "no value"
    yield (
        "graph_attribute_missing",
        model(graph([node("If", ["k"])], [value("k", (), TensorProto.BOOL)])),
        INVALID,
        "'then_branch' is missing",
    )
    weights = [ints("k", 1)]
    branch = graph([node("Relu", ["x"], ["b"])], [], [value("b")], name="b")
    choice = node("If", ["k"], then_branch=branch, else_branch=branch)
    yield "if_on_a_number", model(graph([choice], weights=weights)), INVALID, "expected bool"


def cases():
    for family in (nesting, names, whole_files, references):
        yield from family()
