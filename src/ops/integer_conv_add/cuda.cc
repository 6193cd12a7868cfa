#include "ops/conv/op.h"
#include "ops/integer_conv/cuda_product.h"
#include "ops/integer_conv_add/op.h"

// A convolution of bytes whose tiles are added to other bytes on their way into memory.

namespace drawbar::cuda {
namespace {

using ops::QLinearConvAdd;
using namespace ops::conv_add;

ByteProduct product_of(const Problem& problem) {
  const auto& op = *problem.op.as<QLinearConvAdd>();
  ByteProduct p = byte_convolution(problem, op.conv, linear_inputs);
  p.added = {other, other_scale, other_zero, q_scale, q_zero, y_scale, y_zero, op.other_first};
  return p;
}

bool takes_tiles(const Problem& problem) {
  const int64_t rank = problem.inputs[0].rank();
  return rank >= 3 && rank <= 5 && problem.inputs[linear_inputs.y_zero].present &&
         !is_depthwise(product_of(problem));
}

const bool registered = [] {
  ByteTileTactics<product_of, takes_tiles>::add(
      "QLinearConvAdd",
      {"conv_add_bytes_units_few", "conv_add_bytes_units_few_whole", "conv_add_bytes_units",
       "conv_add_bytes_units_large", "conv_add_bytes_tiles"});
  return true;
}();

DRAWBAR_CUDA_LAYOUT(QLinearConvAdd, channels_last);

}  // namespace
}  // namespace drawbar::cuda
