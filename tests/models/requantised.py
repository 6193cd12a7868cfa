"""Trained models whose products have small weights: dynamically quantised, or by weights alone."""
import logging

import numpy as np
import onnx
from onnx import helper, numpy_helper, version_converter


def quantise_dynamically(source, target, bits):
    """onnxruntime's own. Weights of 7 bits are i8, of 8 bits u8: it adds products of u8 and i8 in
    16 bits on processors without VNNI, where more than 7 bits saturate."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    logging.getLogger().setLevel(logging.ERROR)  # it recommends preparing
    quantize_dynamic(source, target, reduce_range=bits == 7,
                     weight_type=QuantType.QInt8 if bits == 7 else QuantType.QUInt8)


def quantise_weights(source, target, plain):
    """DequantizeLinear in front of every product and gathered row with constant weights: of i8 by
    column, and in turns of u4 in blocks of 32, as exporters write them. `plain` gets the same with
    what is dequantised in f32: onnxruntime multiplies rounded activations where it sees u4."""
    model = version_converter.convert_version(onnx.load(source), 21)  # which has blocks
    graph = model.graph
    held = {tensor.name: tensor for tensor in graph.initializer}
    nodes, made, floats = [], set(), []
    for node in graph.node:
        place = {"MatMul": 1, "Gather": 0}.get(node.op_type)
        name = node.input[place] if place is not None else ""
        weight = held.get(name)
        if weight is None or weight.data_type != onnx.TensorProto.FLOAT or len(weight.dims) != 2:
            nodes.append(node)
            continue
        if name not in made:
            made.add(name)
            array = numpy_helper.to_array(weight)
            if node.op_type == "MatMul" and len(made) % 2 == 0:
                array, dequantize = in_blocks(graph, name, array)
                nodes.append(dequantize)
            else:
                scale = np.abs(array).max(0) / 127
                steps = np.rint(array / scale)
                array = steps * scale
                graph.initializer.extend([
                    numpy_helper.from_array(steps.astype(np.int8), f"{name}.q"),
                    numpy_helper.from_array(scale, f"{name}.s")])
                nodes.append(helper.make_node("DequantizeLinear", [f"{name}.q", f"{name}.s"],
                                              [f"{name}.f"], axis=1))
            floats.append(numpy_helper.from_array(array.astype(np.float32), f"{name}.f"))
        node.input[place] = f"{name}.f"
        nodes.append(node)
    for name in made:
        graph.initializer.remove(held[name])
    del graph.node[:]
    graph.node.extend(nodes)
    model.ir_version = 10
    onnx.save(model, target)
    kept = [node for node in nodes if node.op_type != "DequantizeLinear"]
    del graph.node[:]
    graph.node.extend(kept)
    graph.initializer.extend(floats)
    onnx.save(model, plain)
    return len(made)


def in_blocks(graph, name, array, block=32):
    """u4 with a zero point for each block of rows: the numbers they stand for, and the node."""
    k, n = array.shape
    parts = array.reshape(k // block, block, n)
    low = np.minimum(parts.min(1), 0)
    scale = (np.maximum(parts.max(1), 0) - low) / 15
    zero = np.rint(-low / scale)
    steps = np.clip(np.rint(parts / scale[:, None]) + zero[:, None], 0, 15).reshape(k, n)
    def small(values, suffix):
        return helper.make_tensor(f"{name}.{suffix}", onnx.TensorProto.UINT4, values.shape,
                                  values.astype(np.uint8).ravel().tolist())
    graph.initializer.extend([small(steps, "q"), small(zero, "z"),
                              numpy_helper.from_array(scale.astype(np.float32), f"{name}.s")])
    numbers = (steps.reshape(parts.shape) - zero[:, None]) * scale[:, None]
    return numbers.reshape(k, n), helper.make_node(
        "DequantizeLinear", [f"{name}.q", f"{name}.s", f"{name}.z"], [f"{name}.f"],
        axis=0, block_size=block)
