#include <limits>

#include "ops/matmul/cuda_product.h"
#include "ops/matmul_nbits/op.h"

namespace drawbar::cuda {
namespace {

using ops::MatMulNBits;

constexpr int64_t few_threads = 256, most_rows = 8;
constexpr ProductTile tile = {64, 64, 8, 4};
constexpr int64_t most = std::numeric_limits<int32_t>::max() / 2;

int64_t rows_of(const Problem& problem) {
  return problem.inputs[MatMulNBits::a].size() / problem.op.as<MatMulNBits>()->k;
}

bool has(const Problem& problem, size_t i) {
  return i < problem.inputs.size() && problem.inputs[i].present;
}

bool applies(const Problem& problem) {
  const MatMulNBits& op = *problem.op.as<MatMulNBits>();
  return op.k < most && op.n < most && op.block_size < most && rows_of(problem) < most &&
         (rows_of(problem) + 64) * (op.n + 64) / 64 < most;
}
bool few_applies(const Problem& problem) {
  return applies(problem) && rows_of(problem) <= most_rows;
}
bool tiled_applies(const Problem& problem) {
  return applies(problem) && rows_of(problem) > most_rows;
}

double few_seconds(const Problem& problem) {
  const MatMulNBits& op = *problem.op.as<MatMulNBits>();
  const double products = static_cast<double>(rows_of(problem)) * static_cast<double>(op.k * op.n);
  return streaming_seconds(problem, products * 2 + static_cast<double>(op.k * op.n) * 8);
}
double tiled_seconds_of(const Problem& problem) {
  const MatMulNBits& op = *problem.op.as<MatMulNBits>();
  const double rows = static_cast<double>((rows_of(problem) + 63) / 64 * 64);
  return streaming_seconds(problem, rows * static_cast<double>(op.k * op.n) * 4);
}

/// `middle`: what the function takes between Format and A_WIDTH.
std::unique_ptr<Kernel> make(const Problem& problem, const std::string& function,
                             const std::string& middle, int64_t blocks, int64_t threads) {
  const MatMulNBits& op = *problem.op.as<MatMulNBits>();
  const bool zeros = has(problem, MatMulNBits::zero_points), bias = has(problem, MatMulNBits::bias);
  const char* kind = !zeros                                                             ? "none"
                     : problem.inputs[MatMulNBits::zero_points].type == ElementType::u8 ? "packed"
                                                                                        : "numbers";
  Launch launch;
  launch.file = "ops/matmul_nbits/cuda_small_integers.cuh";
  launch.call = fmt::format(
      "matmul_nbits::{}<matmul_nbits::Format<{}, {}, {}, {}, matmul_nbits::ZeroPoints::{}>, {}, "
      "{}, {}>",
      function, op.k, op.n, op.bits, op.block_size, kind, middle,
      load_width(problem.inputs[MatMulNBits::a].type, op.k), bias);
  launch.grid.x = blocks;
  launch.block.x = threads;
  launch.synchronises = true;
  const Argument scales = input(problem, MatMulNBits::scales);
  launch.arguments = {input(problem, MatMulNBits::a),
                      input(problem, MatMulNBits::b),
                      scales,
                      zeros ? input(problem, MatMulNBits::zero_points) : scales,
                      bias ? input(problem, MatMulNBits::bias) : scales,
                      output(problem, 0)};
  return make_kernel(std::move(launch));
}

/// More columns a warp read a less often, fewer fill more multiprocessors.
std::unique_ptr<Kernel> make_few_rows(const Problem& problem) {
  const int64_t n = problem.op.as<MatMulNBits>()->n, warps = few_threads / 32;
  const int64_t columns = n / (warps * 4) >= problem.gpu.multiprocessors ? 4 : 2;
  return make(problem, "multiply_few", fmt::format("{}, {}", columns, rows_of(problem)),
              (n + warps * columns - 1) / (warps * columns), few_threads);
}

std::unique_ptr<Kernel> make_tiles(const Problem& problem) {
  const int64_t rows = rows_of(problem);
  const int64_t blocks = (rows + tile.rows - 1) / tile.rows *
                         ((problem.op.as<MatMulNBits>()->n + tile.columns - 1) / tile.columns);
  return make(problem, "multiply",
              fmt::format("matmul::Tile<{}, {}, 16, {}, {}>, {}", tile.rows, tile.columns,
                          tile.row_sums, tile.column_sums, rows),
              blocks, tile.threads());
}

DRAWBAR_CUDA_TACTIC(matmul_nbits_few, "MatMulNBits", "matmul_nbits_few_rows", few_applies,
                    few_seconds, make_few_rows);
DRAWBAR_CUDA_TACTIC(matmul_nbits_tiles, "MatMulNBits", "matmul_nbits_tiles", tiled_applies,
                    tiled_seconds_of, make_tiles);

}  // namespace
}  // namespace drawbar::cuda
