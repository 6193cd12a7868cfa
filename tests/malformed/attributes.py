"""Attributes and shapes that contradict an operator. Row 7 of the table of bad input.

Each line: name, operator, input shape, weights by name (a shape, or numbers), attributes, words.
"""

import numpy as np
from onnx import TensorProto

from build import F32, graph, model, node, tensor, value

INVALID = "INVALID_MODEL"
W = {"w": (4, 2, 3, 3)}
HUGE = 1 << 62

CONV = [
    ("stride_0", {"strides": [0, 1]}, "stride"),
    ("stride_negative", {"strides": [1, -2]}, "stride"),
    ("stride_count", {"strides": [1]}, "stride"),
    ("dilation_0", {"dilations": [0, 1]}, "dilation"),
    ("dilation_huge", {"dilations": [HUGE, HUGE]}, ""),
    ("dilation_count", {"dilations": [1, 1, 1]}, "dilation"),
    ("group_0", {"group": 0}, "group"),
    ("group_negative", {"group": -1}, "group"),
    ("group_3", {"group": 3}, ""),
    ("group_huge", {"group": HUGE}, ""),
    ("pads_negative_huge", {"pads": [-HUGE, 0, 0, 0]}, ""),
    ("pads_huge", {"pads": [HUGE, 0, HUGE, 0]}, ""),
    ("pads_count", {"pads": [1, 1, 1]}, "pads"),
    ("kernel_shape", {"kernel_shape": [5, 5]}, "kernel"),
    ("auto_pad", {"auto_pad": "SOMEHOW"}, "SOMEHOW"),
]
POOL = [
    ("kernel_missing", {}, "kernel_shape"),
    ("kernel_0", {"kernel_shape": [0, 2]}, "kernel"),
    ("kernel_negative", {"kernel_shape": [2, -2]}, "kernel"),
    ("kernel_count", {"kernel_shape": [2]}, "rank"),
    ("kernel_too_large", {"kernel_shape": [99, 2]}, ""),
    ("kernel_huge", {"kernel_shape": [HUGE, 2]}, ""),
    ("stride_0", {"kernel_shape": [2, 2], "strides": [1, 0]}, "stride"),
    ("pads_over_kernel", {"kernel_shape": [2, 2], "pads": [HUGE, 0, 0, 0]}, ""),
    ("dilation_0", {"kernel_shape": [2, 2], "dilations": [0, 0]}, "dilation"),
]
OTHERS = [
    ("softmax_axis", "Softmax", (2, 3), {}, {"axis": 2}, "axis is 2"),
    ("softmax_axis_least", "Softmax", (2, 3), {}, {"axis": -1 << 63}, "axis is"),
    ("concat_axis", "Concat", (2, 3), {"w": (2, 3)}, {"axis": 5}, "axis"),
    ("concat_no_axis", "Concat", (2, 3), {"w": (2, 3)}, {}, "axis"),
    ("concat_sizes", "Concat", (2, 3), {"w": (3, 3)}, {"axis": 1}, ""),
    ("concat_ranks", "Concat", (2, 3), {"w": (3,)}, {"axis": 0}, ""),
    ("transpose_twice", "Transpose", (2, 3), {}, {"perm": [0, 0]}, "perm"),
    ("transpose_range", "Transpose", (2, 3), {}, {"perm": [0, 7]}, "perm"),
    ("transpose_count", "Transpose", (2, 3), {}, {"perm": [0]}, "perm"),
    ("flatten_axis", "Flatten", (2, 3), {}, {"axis": 9}, "axis"),
    ("squeeze_3", "Squeeze", (2, 3), {"w": [1]}, {}, ""),
    ("squeeze_axis", "Squeeze", (2, 3), {"w": [4]}, {}, ""),
    ("unsqueeze_twice", "Unsqueeze", (2, 3), {"w": [1, 1]}, {}, ""),
    ("unsqueeze_axis", "Unsqueeze", (2, 3), {"w": [-9]}, {}, ""),
    ("reshape_minus_2", "Reshape", (2, 3), {"w": [-2, 3]}, {}, "-2"),
    ("reshape_two_unknown", "Reshape", (2, 3), {"w": [-1, -1]}, {}, "-1"),
    ("reshape_size", "Reshape", (2, 3), {"w": [4, 2]}, {}, ""),
    ("reshape_overflow", "Reshape", (2, 3), {"w": [HUGE, HUGE]}, {}, ""),
    ("reshape_copy", "Reshape", (2, 3), {"w": [1, 1, 0]}, {}, ""),
    ("expand", "Expand", (2, 3), {"w": [4, 3]}, {}, ""),
    ("expand_negative", "Expand", (2, 3), {"w": [-4, 1]}, {}, ""),
    ("tile_negative", "Tile", (2, 3), {"w": [-1, 2]}, {}, ""),
    ("tile_count", "Tile", (2, 3), {"w": [1]}, {}, ""),
    ("tile_overflow", "Tile", (2, 3), {"w": [HUGE, HUGE]}, {}, ""),
    ("pad_count", "Pad", (2, 3), {"w": [1, 1]}, {}, ""),
    ("pad_negative", "Pad", (2, 3), {"w": [-2, -2, -2, -2]}, {}, ""),
    ("pad_overflow", "Pad", (2, 3), {"w": [HUGE, HUGE, HUGE, HUGE]}, {}, ""),
    ("pad_mode", "Pad", (2, 3), {"w": [1, 1, 1, 1]}, {"mode": "somehow"}, "somehow"),
    ("gather_axis", "Gather", (2, 3), {"w": [0]}, {"axis": 4}, "axis"),
    ("gather_elements_rank", "GatherElements", (2, 3), {"w": [0]}, {}, ""),
    ("split_axis", "Split", (2, 3), {}, {"axis": 3, "num_outputs": 1}, "axis"),
    ("split_sum", "Split", (2, 3), {"w": [1, 1]}, {"axis": 1}, ""),
    ("topk_axis", "TopK", (2, 3), {"w": [1]}, {"axis": 2}, ""),
    ("topk_count", "TopK", (2, 3), {"w": [4]}, {}, ""),
    ("topk_negative", "TopK", (2, 3), {"w": [-1]}, {}, ""),
    ("matmul", "MatMul", (2, 3), {"w": (4, 5)}, {}, ""),
    ("gemm", "Gemm", (2, 3), {"w": (3, 3), "b": (7,)}, {}, ""),
    ("gemm_rank", "Gemm", (2, 3), {"w": (1, 3, 3)}, {}, "rank"),
    ("add_shapes", "Add", (2, 3), {"w": (2, 4)}, {}, "broadcast"),
    ("add_types", "Add", (2, 3), {"w": [1, 2, 3]}, {}, ""),
    ("batch_norm", "BatchNormalization", (1, 3, 4), {n: (2,) for n in "sbmv"}, {}, ""),
    ("instance_norm", "InstanceNormalization", (1, 3, 4), {"s": (2,), "b": (2,)}, {}, ""),
    ("layer_norm_axis", "LayerNormalization", (2, 3), {"s": (3,)}, {"axis": 5}, ""),
    ("lrn_size_0", "LRN", (1, 3, 4, 4), {}, {"size": 0}, "size"),
    ("lrn_no_size", "LRN", (1, 3, 4, 4), {}, {}, "size"),
    ("reduce_axis", "ReduceSum", (2, 3), {"w": [5]}, {}, ""),
    ("argmax_axis", "ArgMax", (2, 3), {}, {"axis": 2}, "axis"),
    ("cast_to_nothing", "Cast", (2, 3), {}, {}, "to"),
    ("cast_to_99", "Cast", (2, 3), {}, {"to": 99}, "99"),
    ("cast_to_minus_1", "Cast", (2, 3), {}, {"to": -1}, "-1"),
    ("depth_block_0", "DepthToSpace", (1, 4, 2, 2), {}, {"blocksize": 0}, ""),
    ("depth_block_3", "DepthToSpace", (1, 4, 2, 2), {}, {"blocksize": 3}, ""),
    ("space_block_negative", "SpaceToDepth", (1, 4, 2, 2), {}, {"blocksize": -2}, ""),
    ("einsum_letters", "Einsum", (2, 3), {}, {"equation": "i->j"}, ""),
    ("einsum_nothing", "Einsum", (2, 3), {}, {}, "(Einsum)"),
    ("cumsum_axis", "CumSum", (2, 3), {"w": 7}, {}, ""),
    ("trilu_rank", "Trilu", (3,), {}, {}, ""),
    (
        "group_norm_groups",
        "GroupNormalization",
        (1, 4, 2),
        {"s": (4,), "b": (4,)},
        {"num_groups": 3},
        "",
    ),
    ("grid_sample_rank", "GridSample", (1, 1, 4, 4), {"w": (1, 2, 2, 3)}, {}, ""),
    ("det", "Det", (2, 3), {}, {}, ""),
    ("string_case", "StringNormalizer", (3,), {}, {"case_change_action": "Lower"}, "Lower"),
    ("string_stopwords", "StringNormalizer", (3,), {}, {"stopwords": [1]}, "stopwords"),
    ("string_types", "StringConcat", (3,), {"w": (3,)}, {}, "expected string"),
    ("regex_missing", "RegexFullMatch", (3,), {}, {}, "pattern"),
    ("tf_idf_nothing", "TfIdfVectorizer", (3,), {}, {}, "min_gram_length"),
    ("loop_carried", "SequenceAt", (2, 3), {"w": 1}, {}, "expected a sequence"),
    ("one_hot_axis", "OneHot", (2, 3), {"d": 4, "v": (2,)}, {"axis": 7}, ""),
    ("dequantize_axis", "DequantizeLinear", (2, 3), {"s": (3,)}, {"axis": 4}, ""),
    ("conv_transpose_output", "ConvTranspose", (1, 4, 5, 5), W, {"output_padding": [-9, 0]}, ""),
    ("lstm_hidden", "LSTM", (3, 1, 4), {"w": (1, 8, 4), "r": (1, 8, 2)}, {"hidden_size": 5}, ""),
    (
        "lstm_direction",
        "LSTM",
        (3, 1, 4),
        {"w": (1, 8, 4), "r": (1, 8, 2)},
        {"hidden_size": 2, "direction": "sideways"},
        "sideways",
    ),
]
FEW = [
    "Add",
    "Conv",
    "Gemm",
    "MatMul",
    "Concat",
    "Softmax",
    "Gather",
    "Reshape",
    "LSTM",
    "Where",
    "BatchNormalization",
    "Resize",
    "Slice",
    "Cast",
    "Loop",
    "Scan",
    "Einsum",
]


def weight(name, content):
    if isinstance(content, tuple):
        return tensor(name, np.full(content, 0.5, np.float32))
    return tensor(name, np.array(content, np.int64))


def made(kind, shape, weights, attributes):
    stored = [weight(name, content) for name, content in weights.items()]
    outputs = ["y", "z"] if kind in ("Split", "TopK") and weights else ["y"]
    one = node(kind, ["x", *weights], outputs, **attributes)
    return model(graph([one], [value("x", shape)], weights=stored))


def resize_cases():
    def resize(scales, sizes=(), **attributes):
        stored = [tensor("s", np.array(scales, np.float32))]
        inputs = ["x", "", "s"]
        if sizes:
            stored, inputs = [tensor("n", np.array(sizes, np.int64))], ["x", "", "", "n"]
        one = node("Resize", inputs, **attributes)
        return model(graph([one], [value("x", (1, 1, 4, 4))], weights=stored))

    yield "resize_zero", resize([1, 1, 0, 2]), INVALID, ""
    yield "resize_negative", resize([1, 1, -1, 2]), INVALID, ""
    yield "resize_nan", resize([1, 1, float("nan"), 2]), INVALID, ""
    yield "resize_infinite", resize([1, 1, float("inf"), 2]), INVALID, ""
    yield "resize_count", resize([1, 1]), INVALID, ""
    yield "resize_size_negative", resize([], [1, 1, -4, 4]), INVALID, ""
    yield "resize_mode", resize([1, 1, 2, 2], mode="somehow"), INVALID, "somehow"


def cases():
    for name, attributes, words in CONV:
        yield f"conv_{name}", made("Conv", (1, 2, 5, 5), W, attributes), INVALID, words
    for kind, shape in {"w_channels": (4, 3, 3, 3), "w_rank": (4, 2, 3)}.items():
        yield f"conv_{kind}", made("Conv", (1, 2, 5, 5), {"w": shape}, {}), INVALID, ""
    yield ("conv_bias", made("Conv", (1, 2, 5, 5), {**W, "b": (3,)}, {}), INVALID, "")
    yield ("conv_too_small", made("Conv", (1, 2, 2, 2), W, {}), INVALID, "")
    for kind in ("MaxPool", "AveragePool"):
        for name, attributes, words in POOL:
            yield (f"{kind}_{name}", made(kind, (1, 2, 5, 5), {}, attributes), INVALID, words)
    for name, kind, shape, weights, attributes, words in OTHERS:
        yield name, made(kind, shape, weights, attributes), INVALID, words
    yield from resize_cases()
    for kind in FEW:
        yield (
            f"no_inputs_{kind}",
            model(graph([node(kind, [])], [value("x", (1,), F32)])),
            INVALID,
            f"({kind})",
        )
    for kind in (k for k in FEW if k not in ("Softmax", "MatMul")):  # those read their own only
        many = model(graph([node(kind, ["x"] * 40)], [value("x", (1, 1, 1), TensorProto.FLOAT)]))
        yield f"40_inputs_{kind}", many, INVALID, f"({kind})"
