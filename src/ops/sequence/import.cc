#include "import/onnx/node.h"
#include "ops/sequence/op.h"

namespace drawbar::onnx {

ONNX_OP(SequenceConstruct) { node.replace_with(ops::SequenceConstruct{}, node.all_inputs()); }
ONNX_OP(SequenceAt) { node.replace_with(ops::SequenceAt{}, node.all_inputs()); }
ONNX_OP(SequenceInsert) { node.replace_with(ops::SequenceInsert{}, node.all_inputs()); }
ONNX_OP(SequenceErase) { node.replace_with(ops::SequenceErase{}, node.all_inputs()); }
ONNX_OP(SequenceLength) { node.replace_with(ops::SequenceLength{}, node.all_inputs()); }

ONNX_OP(SequenceEmpty) {
  node.replace_with(ops::SequenceEmpty{node.element_type("dtype", ElementType::f32)}, {});
}

ONNX_OP(SplitToSequence) {
  const bool keepdims = node.integer("keepdims", 1) != 0;
  node.replace_with(ops::SplitToSequence{node.integer("axis", 0), keepdims}, node.all_inputs());
}

ONNX_OP(ConcatFromSequence) {
  const bool new_axis = node.integer("new_axis", 0) != 0;
  node.replace_with(ops::ConcatFromSequence{node.required_integer("axis"), new_axis},
                    node.all_inputs());
}

ONNX_OP(SequenceMap) {
  std::vector<ValueId> inputs = node.all_inputs(), captures;
  std::vector<Type> types;
  for (size_t i = 0; i < inputs.size(); ++i) {
    Type type = node.value(inputs[i]).type;
    if (type.kind == Tensor::Kind::sequence) type = Type(*type.element);
    for (size_t axis = 0; axis < type.tensor.dims.size(); ++axis) {
      if (!type.tensor.dims[axis].is_constant())
        type.tensor.dims[axis] = Dim::symbol(fmt::format("?element{}.{}", i, axis));
    }
    types.push_back(std::move(type));
  }
  const GraphPtr body = node.subgraph("body", captures, types);
  const ops::SequenceMap map{static_cast<int64_t>(inputs.size())};
  inputs.insert(inputs.end(), captures.begin(), captures.end());
  node.replace_with(map, inputs, {body});
}

}  // namespace drawbar::onnx
