#include "import/onnx/node.h"
#include "ops/arg_reduce/op.h"

namespace drawbar::onnx {
namespace {

void import_arg_reduce(OnnxNode& node, bool minimum) {
  node.replace_with(ops::ArgReduce{.minimum = minimum,
                                   .axis = node.integer("axis", 0),
                                   .keep_dims = node.integer("keepdims", 1) != 0,
                                   .select_last = node.integer("select_last_index", 0) != 0},
                    {node.input(0)});
}

}  // namespace

ONNX_OP(ArgMax) { import_arg_reduce(node, false); }
ONNX_OP(ArgMin) { import_arg_reduce(node, true); }

}  // namespace drawbar::onnx
