"""A quantised model (QDQ) as the model in f32 that it was made of, but for what rounding took."""
import numpy as np
import onnx
from onnx import numpy_helper


def dequantise(model):
    """Takes out the pairs of QuantizeLinear and DequantizeLinear around activations; constants that
    are dequantised become the numbers they stand for."""
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    sources = {}  # of what was taken out
    kept, plain = [], []
    for node in graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in constants:
            plain.append(numpy_helper.from_array(numbers(node, constants), node.output[0]))
        elif node.op_type in ("QuantizeLinear", "DequantizeLinear"):
            sources[node.output[0]] = sources.get(node.input[0], node.input[0])
        else:
            node.input[:] = [sources.get(name, name) for name in node.input]
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    used = {name for node in kept for name in node.input}
    initializers = [tensor for tensor in (*graph.initializer, *plain) if tensor.name in used]
    del graph.initializer[:], graph.value_info[:]
    graph.initializer.extend(initializers)
    onnx.checker.check_model(model, full_check=True)


def numbers(node, constants):
    """What a DequantizeLinear of constants gives, in f32."""
    steps, scale = (constants[name] for name in node.input[:2])
    zero = constants[node.input[2]] if len(node.input) > 2 else np.zeros_like(steps, shape=())
    axis = next((a.i for a in node.attribute if a.name == "axis"), 1)
    along = [1] * steps.ndim
    if scale.size > 1:
        along[axis] = scale.size
    scale, zero = (array.reshape(along if array.size > 1 else ()) for array in (scale, zero))
    return (steps.astype(np.float32) - zero.astype(np.float32)) * scale
