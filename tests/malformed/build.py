"""Small ONNX models, right and wrong, for the tables of malformed files."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

F32 = TensorProto.FLOAT


def value(name, shape=(2, 3), kind=F32):
    return helper.make_tensor_value_info(name, kind, shape)


def tensor(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def floats(name, *shape):
    return tensor(name, np.full(shape, 0.5, np.float32))


def ints(name, *values):
    return tensor(name, np.array(values, np.int64))


def scalar(name, number):
    return tensor(name, np.array(number, np.int64))


def node(kind, inputs, outputs=("y",), **attributes):
    return helper.make_node(kind, list(inputs), list(outputs), **attributes)


def graph(nodes, inputs=None, outputs=None, weights=(), sparse=(), name="g"):
    inputs = [value("x")] if inputs is None else inputs
    outputs = [value("y", None)] if outputs is None else outputs
    return helper.make_graph(
        nodes, name, inputs, outputs, list(weights), sparse_initializer=list(sparse)
    )


def model(made, opset=21, ir=10, functions=(), imports=()):
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(*i) for i in imports)]
    result = helper.make_model(
        made,
        opset_imports=opsets,
        ir_version=ir,
        functions=list(functions),
        producer_name="malformed",
    )
    return result


def simple(kind, inputs=("x",), weights=(), shape=(2, 3), opset=21, element=F32, **attributes):
    """One node on the input x."""
    return model(
        graph([node(kind, inputs, **attributes)], [value("x", shape, element)], weights=weights),
        opset,
    )


def raw(name, kind, dims, data=b""):
    """A tensor message as it is told, right or wrong."""
    result = TensorProto(name=name, data_type=kind, dims=dims)
    result.raw_data = data
    return result


def external(name, dims, location, offset=None, length=None, kind=F32):
    result = TensorProto(name=name, data_type=kind, dims=dims)
    result.data_location = TensorProto.EXTERNAL
    entries = {"location": location, "offset": offset, "length": length}
    for key, entry in entries.items():
        if entry is not None:
            result.external_data.add(key=key, value=str(entry))
    return result


def adds(weight):
    """x + weight: a model that needs one initializer."""
    return model(graph([node("Add", ["x", weight.name])], weights=[weight]))
