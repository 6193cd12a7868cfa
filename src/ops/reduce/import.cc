#include "import/onnx/node.h"
#include "ops/reduce/op.h"

namespace drawbar::onnx {
namespace {

/// Axes are an attribute in old opsets and an input in new ones, which need not be a constant.
void import_reduce(OnnxNode& node, ops::Reduction kind) {
  ops::Reduce reduce{.kind = kind,
                     .axes = node.integers("axes"),
                     .keep_dims = node.integer("keepdims", 1) != 0,
                     .noop_with_empty_axes = node.integer("noop_with_empty_axes", 0) != 0};
  if (!node.has_input(1)) {
    node.replace_with(std::move(reduce), {node.input(0)});
  } else if (const Tensor* axes = node.constant(1)) {
    reduce.axes = read_integers(*axes);
    node.replace_with(std::move(reduce), {node.input(0)});
  } else {
    node.replace_with(std::move(reduce), {node.input(0), node.input(1)});
  }
}

}  // namespace

ONNX_OP(ReduceSum) { import_reduce(node, ops::Reduction::sum); }
ONNX_OP(ReduceMean) { import_reduce(node, ops::Reduction::mean); }
ONNX_OP(ReduceMax) { import_reduce(node, ops::Reduction::max); }
ONNX_OP(ReduceMin) { import_reduce(node, ops::Reduction::min); }
ONNX_OP(ReduceProd) { import_reduce(node, ops::Reduction::prod); }
ONNX_OP(ReduceL1) { import_reduce(node, ops::Reduction::l1); }
ONNX_OP(ReduceL2) { import_reduce(node, ops::Reduction::l2); }
ONNX_OP(ReduceLogSum) { import_reduce(node, ops::Reduction::log_sum); }
ONNX_OP(ReduceLogSumExp) { import_reduce(node, ops::Reduction::log_sum_exp); }
ONNX_OP(ReduceSumSquare) { import_reduce(node, ops::Reduction::sum_square); }

}  // namespace drawbar::onnx
