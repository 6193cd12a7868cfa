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

template <const ByteTile& tile>
bool applies(const Problem& problem) {
  const int64_t rank = problem.inputs[0].rank();
  return rank >= 3 && rank <= 5 && problem.inputs[linear_inputs.y_zero].present &&
         byte_tile_applies(product_of(problem), tile);
}
template <const ByteTile& tile>
double seconds(const Problem& problem) {
  return byte_tile_seconds(product_of(problem), tile);
}
template <const ByteTile& tile>
std::unique_ptr<Kernel> make(const Problem& problem) {
  return make_byte_tile(product_of(problem), tile);
}

DRAWBAR_CUDA_TACTIC(few, "QLinearConvAdd", "conv_add_bytes_units_few", applies<few_rows_tile>,
                    seconds<few_rows_tile>, make<few_rows_tile>);
DRAWBAR_CUDA_TACTIC(whole, "QLinearConvAdd", "conv_add_bytes_units_few_whole",
                    applies<few_rows_whole_tile>, seconds<few_rows_whole_tile>,
                    make<few_rows_whole_tile>);
DRAWBAR_CUDA_TACTIC(units, "QLinearConvAdd", "conv_add_bytes_units", applies<units_tile>,
                    seconds<units_tile>, make<units_tile>);
DRAWBAR_CUDA_TACTIC(large, "QLinearConvAdd", "conv_add_bytes_units_large",
                    applies<large_units_tile>, seconds<large_units_tile>, make<large_units_tile>);
DRAWBAR_CUDA_TACTIC(tiles, "QLinearConvAdd", "conv_add_bytes_tiles", applies<four_products_tile>,
                    seconds<four_products_tile>, make<four_products_tile>);
DRAWBAR_CUDA_LAYOUT(QLinearConvAdd, channels_last);

}  // namespace
}  // namespace drawbar::cuda
