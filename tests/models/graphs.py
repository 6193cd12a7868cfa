"""The graphs of ../shared/models, filled with seeded weights, answer as onnxruntime does."""
import subprocess
import sys

import numpy as np
import onnx

from contender import onnxruntime_session
from expected import digest_file, expect_boxes, expect_equal, note
from tally import Skip

SIZES = {"T": 128, "H": 320, "W": 400}  # of symbols; every other is the batch, 1
SELECTION = {"TopK", "NonMaxSuppression", "NonZero"}
COMPARISON = {"Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal", "And", "Or", "Not",
              "Cast"}
DETECTION = {"boxes", "labels", "scores"}


def feeds(model):
    """Seeded inputs by name."""
    rng, result = np.random.default_rng(0), {}
    weights = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        if value.name in weights:
            continue
        tensor = value.type.tensor_type
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        shape = [d.dim_value or SIZES.get(d.dim_param, 1) for d in tensor.shape.dim]
        if value.name == "attention_mask":
            result[value.name] = np.ones(shape, dtype)
        elif np.issubdtype(dtype, np.integer):
            result[value.name] = rng.integers(0, 1000, shape, dtype)
        else:
            result[value.name] = rng.random(shape, np.float32).astype(dtype)
    return result


def before_selection(model):
    """The part of a detector's graph whose results do not depend on how ties fall: its outputs are
    the numbers that the first nodes to sort or select decide by."""
    graph = model.graph
    selected, border = set(), []
    maker = {name: node for node in graph.node for name in node.output}

    def add(names):
        for name in names:
            if name in maker and maker[name].op_type in COMPARISON:
                add(maker[name].input)
            elif name in maker and name not in border:
                border.append(name)

    for node in graph.node:  # in topological order
        if selected & set(node.input):
            selected |= set(node.output)
        elif node.op_type in SELECTION:
            add(node.input)
            selected |= set(node.output)
    needed, nodes = set(border), []
    for node in reversed(graph.node):
        if needed & set(node.output):
            nodes.insert(0, node)
            needed |= set(node.input)
    del graph.node[:]
    graph.node.extend(nodes)
    weights = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(weights)
    del graph.output[:]
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in border)
    return model


def with_typed_outputs(path):
    """Writes the element types of the outputs into the file: onnxruntime infers them."""
    types = {"tensor(float)": onnx.TensorProto.FLOAT, "tensor(int64)": onnx.TensorProto.INT64}
    outputs = [onnx.helper.make_tensor_value_info(o.name, types[o.type], None)
               for o in onnxruntime_session(str(path)).get_outputs()]
    model = onnx.load(path)
    del model.graph.output[:]
    model.graph.output.extend(outputs)
    onnx.save(model, path)


class Graphs:
    def __init__(self, shared, contender, expected, filled):
        self.shared, self.filled = shared / "models", filled
        self.contender, self.expected = contender, expected

    def checks(self):
        paths = sorted(self.shared.glob("*.onnx"))
        if not paths:
            return {"graphs of shared/models": self.absent}
        checks = {}
        for path in paths:
            outputs = {o.name for o in onnx.load(path).graph.output}
            if DETECTION <= outputs:
                checks[f"{path.stem}: before selection"] = lambda p=path: self.check_before(p)
                checks[f"{path.stem}: boxes"] = lambda p=path: self.check_boxes(p)
            else:
                checks[path.stem] = lambda p=path: self.check(p)
        return checks

    def absent(self):
        raise Skip("no ../shared/models/*.onnx")

    def made(self, path, name, make, *scripts):
        """`name` in the folder of filled models, made by `make` unless it is there and made of this
        very graph by these scripts; and a key for its content."""
        target = self.filled / name
        stamp = target.with_suffix(".stamp")
        wanted = " ".join(digest_file(p) for p in (path, self.shared / "fill.py", *scripts))
        if not target.exists() or not stamp.exists() or stamp.read_text() != wanted:
            stamp.unlink(missing_ok=True)
            self.filled.mkdir(parents=True, exist_ok=True)
            make(target)
            stamp.write_text(wanted)
        return target, f"{name} {wanted}"

    def fill(self, path):
        def make(target):
            command = [sys.executable, self.shared / "fill.py", target.parent, path.stem]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return self.made(path, path.name, make)

    def answers(self, path, model, key):
        inputs = feeds(onnx.load(path))
        return self.contender.run(model, inputs), self.expected.answers(model, inputs, key)

    def check(self, path):
        return note(expect_equal(*self.answers(path, *self.fill(path))))

    def check_before(self, path):
        def make(target):
            onnx.save(before_selection(onnx.load(self.fill(path)[0])), target)
            with_typed_outputs(target)
        name = f"{path.stem}.before.onnx"
        got, want = self.answers(path, *self.made(path, name, make, __file__))
        return f"{len(want)} tensors, {note(expect_equal(got, want))}"

    def check_boxes(self, path):
        return expect_boxes(*self.answers(path, *self.fill(path)))
