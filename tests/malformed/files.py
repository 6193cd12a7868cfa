"""Damaged data: sizes, contents and places of tensors. Rows 1 to 4 of the table of bad input."""

import numpy as np
from onnx import TensorProto, helper

from build import F32, adds, external, floats, graph, ints, model, node, raw, tensor, value

INVALID, UNSUPPORTED, EXHAUSTED = "INVALID_MODEL", "UNSUPPORTED", "RESOURCE_EXHAUSTED"
HUGE = 1 << 62

# Element type, bits of one element, the list that may hold it.
TYPES = [
    ("FLOAT", 32, "float_data"),
    ("UINT8", 8, "int32_data"),
    ("INT8", 8, "int32_data"),
    ("UINT16", 16, "int32_data"),
    ("INT16", 16, "int32_data"),
    ("INT32", 32, "int32_data"),
    ("INT64", 64, "int64_data"),
    ("BOOL", 8, "int32_data"),
    ("FLOAT16", 16, "int32_data"),
    ("DOUBLE", 64, "double_data"),
    ("UINT32", 32, "uint64_data"),
    ("UINT64", 64, "uint64_data"),
    ("COMPLEX64", 64, "float_data"),
    ("COMPLEX128", 128, "double_data"),
    ("BFLOAT16", 16, "int32_data"),
    ("FLOAT8E4M3FN", 8, "int32_data"),
    ("FLOAT8E5M2", 8, "int32_data"),
    ("UINT4", 4, "int32_data"),
    ("INT4", 4, "int32_data"),
    ("FLOAT4E2M1", 4, "int32_data"),
    ("UINT2", 2, "int32_data"),
    ("INT2", 2, "int32_data"),
]


def holds(weight):
    """A model that keeps the weight as its output."""
    return model(graph([node("Identity", ["w"])], [], weights=[weight]))


def dimensions():
    yield "dims_overflow", adds(raw("w", F32, [HUGE, 4])), INVALID, "overflows 64 bits"
    yield "dims_overflow_bytes", adds(raw("w", F32, [HUGE])), INVALID, "overflows 64 bits"
    yield "dims_many_factors", adds(raw("w", F32, [1 << 16] * 4)), INVALID, "overflows 64 bits"
    yield "dims_negative", adds(raw("w", F32, [-1, 3], bytes(12))), INVALID, "is negative"
    yield "dims_least", adds(raw("w", F32, [-1 << 63])), INVALID, "is negative"
    yield "dims_two_negative", adds(raw("w", F32, [-2, -3], bytes(24))), INVALID, "is negative"
    yield "dims_rank_65", adds(raw("w", F32, [1] * 65, bytes(4))), INVALID, "65 dimensions"
    yield "dims_zero_and_huge", adds(raw("w", F32, [0, HUGE, 8])), INVALID, "overflows 64 bits"
    yield (
        "input_negative",
        model(graph([node("Relu", ["x"])], [value("x", (-1, 3))])),
        INVALID,
        "dimension 0 is -1",
    )
    yield (
        "input_overflow",
        model(graph([node("Relu", ["x"])], [value("x", (HUGE, 16))])),
        INVALID,
        "overflows 64 bits",
    )
    yield (
        "input_rank_65",
        model(graph([node("Relu", ["x"])], [value("x", (1,) * 65)])),
        INVALID,
        "65 dimensions",
    )
    attribute = raw("w", F32, [HUGE, HUGE])
    yield (
        "attribute_overflow",
        model(graph([node("Constant", [], value=attribute)], [])),
        INVALID,
        "overflows 64 bits",
    )
    yield (
        "attribute_negative",
        model(graph([node("Constant", [], value=raw("w", F32, [-4]))], [])),
        INVALID,
        "is negative",
    )
    for name, shape in {"overflow": [HUGE, HUGE], "negative": [-3, 2]}.items():
        yield (
            f"random_{name}",
            model(graph([node("RandomNormal", [], shape=shape)], [])),
            INVALID,
            "overflows" if name == "overflow" else "negative",
        )
        filled = node("ConstantOfShape", ["s"])
        yield (
            f"fill_{name}",
            model(graph([filled], [], weights=[ints("s", *shape)])),
            INVALID,
            "overflows" if name == "overflow" else "-3",
        )


def lengths():
    for name, bits, field in TYPES:
        kind, dims = getattr(TensorProto, name), [2, 8]
        right = 16 * bits // 8
        yield f"short_{name}", holds(
            raw("w", kind, dims, bytes(right - 1))
        ), INVALID, f"{right - 1} bytes"
        yield f"long_{name}", holds(
            raw("w", kind, dims, bytes(right + 1))
        ), INVALID, f"{right + 1} bytes"
        typed = TensorProto(name="w", data_type=kind, dims=dims)
        getattr(typed, field).extend([1] * 3)
        yield f"typed_{name}", holds(typed), INVALID, "of data"
    text = TensorProto(name="w", data_type=TensorProto.STRING, dims=[3])
    text.string_data.extend([b"a", b"b"])
    yield "short_STRING", holds(text), INVALID, "2 elements"
    yield "raw_STRING", holds(raw("w", TensorProto.STRING, [1], b"abcd")), INVALID, "strings"
    yield "no_data", holds(TensorProto(name="w", data_type=F32, dims=[2])), INVALID, "0 elements"
    yield "no_type", holds(raw("w", 0, [1], bytes(4))), INVALID, "element type 0"
    yield "type_99", holds(raw("w", 99, [1], bytes(4))), INVALID, "element type 99"
    yield "type_negative", holds(raw("w", -1, [1], bytes(4))), INVALID, "element type -1"
    yield "type_6_bits", holds(raw("w", 27, [4], bytes(3))), UNSUPPORTED, "6-bit"
    other = TensorProto(name="w", data_type=F32, dims=[2])
    other.int64_data.extend([1, 2])
    yield "wrong_list", holds(other), INVALID, "0 elements"
    segment = raw("w", F32, [1], bytes(4))
    segment.segment.begin, segment.segment.end = 0, 1
    yield "segment", holds(segment), UNSUPPORTED, "segments"
    for name, text in {
        "words": "fill normal soon",
        "number": "fill normal 0",
        "kind": "fill x 1",
        "rest": "fill constant 1 2",
    }.items():
        weight = TensorProto(name="w", data_type=F32, dims=[4], doc_string=text)
        yield f"fill_{name}", holds(weight), INVALID, "does not describe"
    weight = TensorProto(name="w", data_type=F32, dims=[1 << 40], doc_string="fill constant 1")
    yield "fill_bomb", holds(weight), EXHAUSTED, "would be filled"
    weight = TensorProto(
        name="w", data_type=TensorProto.INT64, dims=[4], doc_string="fill constant 1"
    )
    yield "fill_integers", holds(weight), INVALID, "only floats"


def sparse():
    def made(values, indices, dims):
        tensors = helper.make_sparse_tensor(values, indices, dims)
        return model(graph([node("Add", ["x", "w"])], sparse=[tensors]))

    two = tensor("w", np.array([1, 2], np.float32))
    cases = {
        "index": (made(two, ints("i", 0, 6), [2, 3]), INVALID, "index 6"),
        "index_negative": (made(two, ints("i", 0, -1), [2, 3]), INVALID, "index -1"),
        "index_2d": (
            made(two, tensor("i", np.array([[0, 0], [1, 3]], np.int64)), [2, 3]),
            INVALID,
            "index 3",
        ),
        "count": (made(two, ints("i", 0, 1, 2), [2, 3]), INVALID, "do not belong together"),
        "rank": (
            made(two, tensor("i", np.zeros((2, 3), np.int64)), [2, 3]),
            INVALID,
            "do not belong together",
        ),
        "index_type": (
            made(two, tensor("i", np.zeros(2, np.int32)), [2, 3]),
            INVALID,
            "do not belong together",
        ),
        "overflow": (made(two, ints("i", 0, 1), [HUGE, HUGE]), INVALID, "overflows 64 bits"),
        "negative": (made(two, ints("i", 0, 1), [-2, 3]), INVALID, "is negative"),
        "bomb": (made(two, ints("i", 0, 1), [1 << 20, 1 << 20]), EXHAUSTED, "when dense"),
        "no_name": (
            made(tensor("", np.ones(2, np.float32)), ints("i", 0, 1), [2, 3]),
            INVALID,
            "no name",
        ),
        "outside": (
            made(external("w", [2], "../w.bin"), ints("i", 0, 1), [2, 3]),
            INVALID,
            "leaves the model's folder",
        ),
    }
    for name, (made_model, code, words) in cases.items():
        yield f"sparse_{name}", made_model, code, words
    attribute = helper.make_sparse_tensor(two, ints("i", 0, 9), [2, 3])
    yield (
        "sparse_attribute",
        model(graph([node("Constant", [], sparse_value=attribute)], [])),
        INVALID,
        "index 9",
    )


# What run.py puts beside the models: w.bin (24 bytes), link.bin and folder_link (symbolic links),
# hard.bin (a second name of a file), folder/, pipe.bin (a named pipe).
def external_places():
    yield "external_right", adds(external("w", [2, 3], "w.bin")), None, ""
    yield "external_right_folder", adds(external("w", [2, 3], "folder/w.bin")), None, ""
    places = {
        "parent": ("../w.bin", "leaves the model's folder"),
        "parent_inside": ("folder/../../w.bin", "leaves the model's folder"),
        "parent_back": ("folder/../w.bin", "leaves the model's folder"),
        "absolute": ("/etc/passwd", "absolute path"),
        "link": ("link.bin", "symbolic link"),
        "link_folder": ("folder_link/w.bin", "symbolic link"),
        "hard_link": ("hard.bin", "hard links"),
        "directory": ("folder", "not a regular file"),
        "pipe": ("pipe.bin", "not a regular file"),
        "missing": ("missing.bin", "no such file"),
        "empty": ("", "not the name of a file"),
        "nul": ("w.bin\0x", "not the name of a file"),
        "long": ("a" * 5000, "not the name of a file"),
        "proc": ("/proc/self/mem", "absolute path"),
    }
    for name, (location, words) in places.items():
        yield f"external_{name}", adds(external("w", [2, 3], location)), INVALID, words
    bad = external("w", [2, 3], "../w.bin")
    branch = graph([node("Identity", ["w"], ["b"])], [], [value("b")], [bad], name="branch")
    other = graph([node("Identity", ["x"], ["c"])], [], [value("c")], name="other")
    choice = node("If", ["k"], then_branch=branch, else_branch=other)
    yield (
        "external_subgraph",
        model(graph([choice], weights=[tensor("k", np.array(True)), floats("x", 2, 3)], inputs=[])),
        INVALID,
        "leaves the model's folder",
    )
    yield (
        "external_attribute",
        model(graph([node("Constant", [], value=bad)], [])),
        INVALID,
        "leaves the model's folder",
    )
    text = external("w", [1], "w.bin", kind=TensorProto.STRING)
    yield "external_strings", holds(text), INVALID, "strings"


def external_sizes():
    sizes = {
        "offset_wraps": ((1 << 63) - 1, 24, "lies behind"),
        "length_wraps": (8, (1 << 63) - 1, "do not fit"),
        "both_wrap": ((1 << 62) + 5, (1 << 62) + 5, "lies behind"),
        "offset_negative": (-1, 24, "offset is '-1'"),
        "length_negative": (0, -24, "length is '-24'"),
        "offset_words": ("ten", 24, "offset is 'ten'"),
        "length_words": (0, "24 bytes", "length is '24 bytes'"),
        "offset_over_64_bits": (1 << 64, 24, "expected a number of bytes"),
        "offset_behind": (25, 0, "lies behind"),
        "length_behind": (4, 24, "do not fit"),
        "length_short": (0, 20, "20 bytes"),
        "rest_short": (4, None, "20 bytes"),
    }
    for name, (offset, length, words) in sizes.items():
        weight = external("w", [2, 3], "w.bin", offset, length)
        yield f"external_{name}", adds(weight), INVALID, words
    yield ("external_huge", adds(external("w", [1 << 40], "w.bin")), INVALID, "24 bytes")


def cases():
    for family in (dimensions, lengths, sparse, external_places, external_sizes):
        yield from family()
