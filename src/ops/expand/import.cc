#include "import/onnx/node.h"
#include "ops/expand/op.h"

namespace drawbar::onnx {

ONNX_OP(Expand) { node.replace_with(ops::Expand{}, {node.input(0), node.input(1)}); }

ONNX_OP(Tile) {
  if (node.opset() >= 6) return node.replace_with(ops::Tile{}, {node.input(0), node.input(1)});
  // Opset 1: so many tiles along one axis.
  const Tensor *tiles = node.constant(1), *axis = node.constant(2);
  const Type& x = node.value(node.input(0)).type;
  if (!tiles || !axis || tiles->size() != 1 || axis->size() != 1 || !x.tensor.ranked)
    fail(ErrorCode::unsupported, "Tile-1 with tiles or axis that are no constants");
  std::vector<int64_t> repeats(x.tensor.dims.size(), 1);
  const int64_t at = Infer::axis(read_integer(*axis, 0), x.tensor.rank());
  repeats[static_cast<size_t>(at)] = read_integer(*tiles, 0);
  const ValueId list = node.constant_value(
      Tensor::from<int64_t>({x.tensor.rank()}, std::span<const int64_t>(repeats)));
  node.replace_with(ops::Tile{}, {node.input(0), list});
}

}  // namespace drawbar::onnx
