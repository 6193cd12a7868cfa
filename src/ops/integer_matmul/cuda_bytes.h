#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ops/window/window.h"
#include "targets/cuda/tactic.h"

namespace drawbar::cuda {

/// Where the operands of a product of bytes stand among a node's inputs; `none` where the operator
/// has no such one.
struct ByteInputs {
  static constexpr size_t none = SIZE_MAX;
  size_t x = 0, x_scale = none, x_zero = none, w = none, w_scale = none, w_zero = none;
  size_t y_scale = none, y_zero = none, bias = none;
};
/// Of QLinearConv and QLinearMatMul, and of ConvInteger and MatMulInteger.
inline constexpr ByteInputs linear_inputs = {0, 1, 2, 3, 4, 5, 6, 7, 8};
inline constexpr ByteInputs sums_inputs = {.x = 0, .x_zero = 2, .w = 1, .w_zero = 3};

/// What a quantised product is added to, as QLinearConvAdd has it.
struct AddedBytes {
  size_t other, other_scale, other_zero, q_scale, q_zero, y_scale, y_zero;
  bool other_first;
};

/// A convolution of bytes, or a product of rows with a matrix: a convolution of one tap.
struct ByteProduct {
  const Problem& problem;
  ByteInputs at;
  ops::Window3 window;
  int64_t images = 1, groups = 1, channels = 1, outputs = 1;  // the last two of a group
  Shape x_steps, y_steps;  // elements between images, channels, and along the window's three axes
  bool matrix = false;  // weights lie [channels][outputs], not [groups · outputs][channels, taps]
  std::optional<AddedBytes> added;

  const Operand& x() const { return problem.inputs[at.x]; }
  const Operand& w() const { return problem.inputs[at.w]; }
  const Operand& y() const { return problem.outputs[0]; }
  /// Input i, absent where there is none.
  Operand given(size_t i) const {
    return i < problem.inputs.size() ? problem.inputs[i] : Operand();
  }
  int64_t rows() const { return images * window.outputs(); }
  int64_t depth() const { return channels * window.taps(); }
  int64_t all_outputs() const { return groups * outputs; }
  ElementType q_type() const { return added ? given(at.y_zero).type : y().type; }
};

/// Steps of an operand with images, channels and up to three spatial axes.
Shape byte_steps(const Operand& operand);

/// Constant weights of another type or order on the device.
struct PackedWeights {
  ElementType type;
  int32_t shift = 0;   // taken off each
  bool zeros = false;  // zero points are left to be taken off
};
PackedWeights packed_weights(const ByteProduct& p);

/// Whether scales and zero points are as kernels with one multiplier for each output channel take
/// them, weights constant, and sizes within what device code counts with.
bool byte_product_applies(const ByteProduct& p);

/// The members of a Shape of cuda_tile.cuh and cuda_direct.cuh that say where x and y lie.
std::string byte_shape_members(const ByteProduct& p);
/// The same as a struct: its name, and text that defines it.
struct ByteShape {
  std::string name, text;
};
ByteShape byte_shape(const std::string& members);

/// A launch's arguments x_scale … bias as they came (any others of their types in the place of
/// absent ones, which are not read), and a Which of cuda_parameters.cuh that says which there are;
/// without `w_zeros` weights have none.
std::vector<Argument> given_arguments(const ByteProduct& p);
std::string which_code(const ByteProduct& p, bool w_zeros);

/// What sums are finished with, as code: a type of cuda_parameters.cuh and its pointers.
struct ByteParameters {
  std::string type;
  std::vector<Argument> arguments;
  PackedBuffer packed;           // what they point to, the sums of weights at least
  std::vector<Launch> launches;  // what has to be run in front
  size_t scratch_bytes = 0;      // from 0 on
  uint32_t packed_inputs = 0;
};
/// `at`: the number that its packed buffer gets.
ByteParameters byte_parameters(const ByteProduct& p, size_t at);

/// Packs weights: write(channel, its [channels][taps] numbers less the shift, packed), of memory
/// that is 0. `form` names the order.
using WriteChannel = std::function<void(int64_t, std::span<const int32_t>, std::byte*)>;
PackedBuffer pack_byte_weights(const ByteProduct& p, const std::string& form, size_t bytes,
                               const WriteChannel& write);

/// Of kernels whose threads sum a result each, from operands as they come: one load waits for the
/// other.
double direct_byte_seconds(const Problem& problem, double depth);

/// A block's tile and a warp's part of it.
struct ByteTile {
  int rows, columns, warp_rows, warp_columns, stages;
  bool units;          // on the matrix units, else by products of four bytes
  bool splits = true;  // the depth, where blocks are few
  int threads() const { return rows / warp_rows * (columns / warp_columns) * 32; }
};
inline constexpr ByteTile few_rows_tile = {16, 64, 16, 16, 4, true};
inline constexpr ByteTile few_rows_whole_tile = {16, 64, 16, 16, 7, true, false};
inline constexpr ByteTile units_tile = {64, 64, 32, 32, 3, true};
inline constexpr ByteTile large_units_tile = {128, 128, 64, 32, 2, true};
inline constexpr ByteTile four_products_tile = {64, 64, 32, 32, 3, false};

/// What an operator calls the tactics of the tiles above.
struct ByteTileNames {
  std::string_view few_rows, few_rows_whole, units, large_units, four_products;
};

bool byte_tile_applies(const ByteProduct& p, const ByteTile& tile);
double byte_tile_seconds(const ByteProduct& p, const ByteTile& tile);
std::unique_ptr<Kernel> make_byte_tile(const ByteProduct& p, const ByteTile& tile);

/// The tactics of all tiles for an operator. PRODUCT makes a problem's product, TAKES
/// says whether tiles are for it at all.
template <ByteProduct (*PRODUCT)(const Problem&), bool (*TAKES)(const Problem&)>
class ByteTileTactics {
 public:
  static void add(std::string_view op, const ByteTileNames& names) {
    add_tile<few_rows_tile>(op, names.few_rows);
    add_tile<few_rows_whole_tile>(op, names.few_rows_whole);
    add_tile<units_tile>(op, names.units);
    add_tile<large_units_tile>(op, names.large_units);
    add_tile<four_products_tile>(op, names.four_products);
  }

 private:
  template <const ByteTile& tile>
  static void add_tile(std::string_view op, std::string_view name) {
    register_tactic(
        {op, name,
         [](const Problem& problem) {
           return TAKES(problem) && byte_tile_applies(PRODUCT(problem), tile);
         },
         [](const Problem& problem) { return byte_tile_seconds(PRODUCT(problem), tile); },
         [](const Problem& problem) { return make_byte_tile(PRODUCT(problem), tile); }});
  }
};

}  // namespace drawbar::cuda
