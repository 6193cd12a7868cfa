#include "ops/integer_matmul/cuda_bytes.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/hash.h"
#include "ir/evaluate.h"

namespace drawbar::cuda {
namespace {

constexpr std::string_view parameters_file = "ops/integer_matmul/cuda_parameters.cuh";
constexpr int64_t prepare_threads = 128;

bool is_byte(ElementType type) { return type == ElementType::u8 || type == ElementType::i8; }

bool is_scalar_or_absent(const Operand& operand) { return !operand.present || operand.size() == 1; }

int64_t size_of(const Operand& operand) { return operand.present ? operand.size() : 0; }

/// Numbers of a constant.
std::vector<int32_t> integers(const Operand& operand) {
  const Tensor& tensor = operand.constant->tensor();
  std::vector<int32_t> result(static_cast<size_t>(tensor.size()));
  for (size_t i = 0; i < result.size(); ++i)
    result[i] = static_cast<int32_t>(read_integer(tensor, static_cast<int64_t>(i)));
  return result;
}
float number(const Operand& operand, int64_t i) {
  return static_cast<float>(read_number(operand.constant->tensor(), i));
}
int32_t integer(const Operand& operand, int64_t i) {
  return static_cast<int32_t>(read_integer(operand.constant->tensor(), i));
}

/// Inputs that parameters are made of, but for the weights.
std::vector<size_t> parameter_inputs(const ByteProduct& p) {
  const ByteInputs& at = p.at;
  std::vector<size_t> all = {at.x_scale, at.x_zero, at.w_scale, at.w_zero,
                             at.y_scale, at.y_zero, at.bias};
  if (p.added) {
    const AddedBytes& a = *p.added;
    all.insert(all.end(), {a.other_scale, a.other_zero, a.q_scale, a.q_zero, a.y_scale, a.y_zero});
  }
  std::erase_if(all, [&](size_t i) { return !p.given(i).present; });
  return all;
}

bool all_constant(const ByteProduct& p) {
  const std::vector<size_t> all = parameter_inputs(p);
  return std::all_of(all.begin(), all.end(), [&](size_t i) { return p.given(i).constant; });
}

std::string weights_form(const ByteProduct& p) {
  const PackedWeights form = packed_weights(p);
  return fmt::format("{}x{}x{}x{} less {}{}", p.groups, p.outputs, p.channels, p.window.taps(),
                     form.shift, p.matrix ? " matrix" : "");
}

/// Calls body(channel, its [channels][taps] numbers less the shift).
void for_channels(const ByteProduct& p, const Tensor& source,
                  const std::function<void(int64_t, std::span<const int32_t>)>& body) {
  const int32_t shift = packed_weights(p).shift;
  const bool is_signed = source.type() == ElementType::i8;
  const auto* bytes = static_cast<const uint8_t*>(source.raw());
  const int64_t depth = p.depth(), outputs = p.all_outputs();
  std::vector<int32_t> numbers(static_cast<size_t>(depth));
  for (int64_t m = 0; m < outputs; ++m) {
    for (int64_t k = 0; k < depth; ++k) {
      const uint8_t byte = bytes[p.matrix ? k * outputs + m : m * depth + k];
      numbers[static_cast<size_t>(k)] =
          (is_signed ? static_cast<int8_t>(byte) : static_cast<int32_t>(byte)) - shift;
    }
    body(m, numbers);
  }
}

/// The words of cuda_parameters.cuh's buffer.
struct Words {
  explicit Words(int64_t channels)
      : stride((channels + 3) / 4 * 4), x_zero(4 * stride), y_zero(x_zero + 1), added(y_zero + 1) {}
  int64_t stride, x_zero, y_zero, added;
  size_t bytes() const { return static_cast<size_t>(added + 4) * 4; }
};

uint32_t bits_of(float value) { return std::bit_cast<uint32_t>(value); }

/// As integer_matmul::fill does.
void fill_parameters(const ByteProduct& p, const Tensor& weights, uint32_t* to) {
  const Words at(p.all_outputs());
  std::memset(to, 0, at.bytes());
  const Operand x_scale = p.given(p.at.x_scale), x_zero = p.given(p.at.x_zero),
                w_scale = p.given(p.at.w_scale), w_zero = p.given(p.at.w_zero),
                y_scale = p.given(p.at.y_scale), y_zero = p.given(p.at.y_zero),
                bias = p.given(p.at.bias);
  const bool zeros = packed_weights(p).zeros;
  const int32_t zero_of_x = x_zero.present ? integer(x_zero, 0) : 0;
  to[at.x_zero] = static_cast<uint32_t>(zero_of_x);
  to[at.y_zero] = static_cast<uint32_t>(y_zero.present ? integer(y_zero, 0) : 0);
  for_channels(p, weights, [&](int64_t m, std::span<const int32_t> numbers) {
    const auto of_channel = [&](const Operand& operand) { return operand.size() > 1 ? m : 0; };
    uint32_t sum = 0, offset = 0;
    for (int32_t w : numbers) sum += static_cast<uint32_t>(w);
    const int32_t zero_of_w = zeros ? integer(w_zero, of_channel(w_zero)) : 0;
    sum -= static_cast<uint32_t>(p.depth()) * static_cast<uint32_t>(zero_of_w);
    float multiplier = 1, addend = 0;
    if (w_scale.present) multiplier = number(x_scale, 0) * number(w_scale, of_channel(w_scale));
    if (w_scale.present && y_scale.present) multiplier = multiplier / number(y_scale, 0);
    if (bias.present && bias.type == ElementType::f32) {
      addend = number(bias, m);
    } else if (bias.present) {
      offset = static_cast<uint32_t>(integer(bias, m));
    }
    to[m] = offset - static_cast<uint32_t>(zero_of_x) * sum;
    to[at.stride + m] = bits_of(multiplier);
    to[2 * at.stride + m] = bits_of(addend);
    to[3 * at.stride + m] = static_cast<uint32_t>(zero_of_w);
  });
  if (!p.added) return;
  const AddedBytes& a = *p.added;
  const float y = number(p.given(a.y_scale), 0);
  const float factor = number(p.given(a.q_scale), 0) / y;
  const float other_factor = number(p.given(a.other_scale), 0) / y;
  to[at.added] = bits_of(factor);
  to[at.added + 1] = bits_of(other_factor);
  to[at.added + 2] = bits_of(-static_cast<float>(integer(p.given(a.q_zero), 0)) * factor -
                             static_cast<float>(integer(p.given(a.other_zero), 0)) * other_factor);
  to[at.added + 3] = static_cast<uint32_t>(integer(p.given(a.y_zero), 0));
}

/// The sums of each channel's weights, as they are packed.
PackedBuffer pack_sums(const ByteProduct& p) {
  const auto bytes = static_cast<size_t>(p.all_outputs()) * 4;
  return pack_byte_weights(p, "sums", bytes,
                           [](int64_t m, std::span<const int32_t> numbers, std::byte* packed) {
                             int32_t sum = 0;
                             for (int32_t w : numbers) sum += w;
                             std::memcpy(packed + m * 4, &sum, 4);
                           });
}

}  // namespace

Shape byte_steps(const Operand& operand) {
  const Shape steps = operand.strides();
  Shape result = {steps[0], steps[1], 0, 0, 0};
  std::copy(steps.begin() + 2, steps.end(), result.end() - static_cast<int64_t>(steps.size() - 2));
  return result;
}

PackedWeights packed_weights(const ByteProduct& p) {
  const ElementType type = p.w().type;
  const Operand zero = p.given(p.at.w_zero);
  if (!zero.present) return {type};
  if (!zero.constant) return {type, 0, true};
  const std::vector<int32_t> zeros = integers(zero);
  const auto all = [&](int32_t value) {
    return std::all_of(zeros.begin(), zeros.end(), [=](int32_t z) { return z == value; });
  };
  if (all(0)) return {type};
  if (type == ElementType::u8 && all(128)) return {ElementType::i8, 128};
  return {type, 0, true};
}

bool byte_product_applies(const ByteProduct& p) {
  const Operand w_scale = p.given(p.at.w_scale), w_zero = p.given(p.at.w_zero);
  if (!p.w().constant || p.w().layout != Layout::row_major || p.x().pitch != 0) return false;
  if (!is_byte(p.x().type) || !is_byte(p.w().type)) return false;
  for (size_t i : {p.at.x_scale, p.at.x_zero, p.at.y_scale, p.at.y_zero}) {
    if (!is_scalar_or_absent(p.given(i))) return false;
  }
  for (size_t i : {p.at.x_scale, p.at.w_scale, p.at.y_scale}) {
    if (p.given(i).present && p.given(i).type != ElementType::f32) return false;
  }
  for (const Operand& operand : {w_scale, w_zero}) {
    if (size_of(operand) > 1 && operand.size() != p.all_outputs()) return false;
  }
  constexpr int64_t most = int64_t{1} << 30;
  for (size_t i = 0; i < 3; ++i) {
    const ops::Window3& w = p.window;
    const int64_t reach = (w.kernel[i] - 1) * w.dilation[i] + w.pad[i];
    if (reach >= most || std::max(w.output[i], w.input[i]) * w.stride[i] >= most) return false;
  }
  const double blocks = static_cast<double>(p.rows()) * static_cast<double>(p.all_outputs()) / 256;
  return p.rows() < most && p.depth() < most && p.all_outputs() < most / 16 &&
         blocks < static_cast<double>(most) / 64;
}

std::string byte_shape_members(const ByteProduct& p) {
  const ops::Window3& w = p.window;
  std::string text;
  for (size_t i = 0; i < 3; ++i) {
    text += fmt::format("  using {} = conv::Axis<{}, {}, {}, {}, {}, {}, {}, {}, false>;\n",
                        "DHW"[i], w.input[i], w.output[i], w.kernel[i], w.stride[i], w.pad[i],
                        w.dilation[i], p.x_steps[i + 2], p.y_steps[i + 2]);
  }
  return text +
         fmt::format(
             "  static constexpr int images = {}, groups = {}, channels = {}, outputs = {};\n"
             "  static constexpr int rows = {}, columns = {}, depth = {};\n"
             "  static constexpr i64 x_image = {}, x_channel = {}, y_image = {}, "
             "y_channel = {};\n",
             p.images, p.groups, p.channels, p.outputs, p.rows(), p.outputs, p.depth(),
             p.x_steps[0], p.x_steps[1], p.y_steps[0], p.y_steps[1]);
}

ByteShape byte_shape(const std::string& members) {
  const std::string name = "Bytes_" + hash_bytes(members).hex().substr(0, 16);
  return {name, fmt::format("struct {} {{\n{}}};", name, members)};
}

std::vector<Argument> given_arguments(const ByteProduct& p) {
  const auto given = [&](size_t i, size_t otherwise, ElementType type) {
    const bool present = p.given(i).present;
    Argument argument = input(p.problem, present ? i : otherwise);
    if (!present) argument.type = type;
    return argument;
  };
  const ByteInputs& at = p.at;
  const ElementType y = p.given(at.y_zero).present ? p.given(at.y_zero).type : ElementType::u8;
  return {given(at.x_scale, at.x, ElementType::f32), given(at.x_zero, at.x, p.x().type),
          given(at.w_scale, at.x, ElementType::f32), given(at.w_zero, at.x, p.w().type),
          given(at.y_scale, at.x, ElementType::f32), given(at.y_zero, at.x, y),
          given(at.bias, at.x, ElementType::i32)};
}

std::string which_code(const ByteProduct& p, bool w_zeros) {
  const auto count = [&](size_t i) { return std::min<int64_t>(size_of(p.given(i)), 2); };
  const Operand bias = p.given(p.at.bias);
  const std::string_view kind = !bias.present                   ? "none"
                                : bias.type == ElementType::f32 ? "addend"
                                                                : "steps";
  return fmt::format("integer_matmul::Which<{}, {}, {}, {}, integer_matmul::Bias::{}>",
                     p.given(p.at.x_zero).present, count(p.at.w_scale),
                     w_zeros ? count(p.at.w_zero) : 0, p.given(p.at.y_zero).present, kind);
}

PackedBuffer pack_byte_weights(const ByteProduct& p, const std::string& form, size_t bytes,
                               const WriteChannel& write) {
  const auto pack = [&](const Tensor& source, void* packed) {
    std::memset(packed, 0, bytes);
    for_channels(p, source, [&](int64_t m, std::span<const int32_t> numbers) {
      write(m, numbers, static_cast<std::byte*>(packed));
    });
  };
  const std::string name = fmt::format("cuda_bytes {} {}", form, weights_form(p));
  return {p.problem.packed.get(p.w().constant, name, bytes, pack), bytes};
}

ByteParameters byte_parameters(const ByteProduct& p, size_t at) {
  ByteParameters result;
  const Words words(p.all_outputs());
  const std::string known = fmt::format("integer_matmul::Parameters<{}>", p.all_outputs());
  if (all_constant(p)) {
    std::string name = "cuda_bytes parameters " + weights_form(p);
    for (size_t i : parameter_inputs(p)) {
      name += fmt::format(" {}:{}", i, p.given(i).constant->hash().hex());
      result.packed_inputs |= 1U << i;
    }
    const auto fill = [&](const Tensor& source, void* packed) {
      fill_parameters(p, source, static_cast<uint32_t*>(packed));
    };
    result.packed = {p.problem.packed.get(p.w().constant, name, words.bytes(), fill),
                     words.bytes()};
    result.arguments = {packed(at, ElementType::i32)};
    result.type = known;
    return result;
  }
  result.packed = pack_sums(p);
  const std::vector<Argument> given = given_arguments(p);
  const auto type = [&](size_t i) { return code_name(given[i].type); };
  result.type =
      fmt::format("integer_matmul::Given<{}, {}, {}, {}, {}, {}, {}>", p.all_outputs(), p.depth(),
                  which_code(p, packed_weights(p).zeros), type(1), type(3), type(5), type(6));
  result.arguments = {packed(at, ElementType::i32)};
  result.arguments.insert(result.arguments.end(), given.begin(), given.end());
  if (!p.added) return result;

  // With the sum behind the product they are too many to be read by each block.
  Launch prepare;
  prepare.file = parameters_file;
  prepare.call = fmt::format("integer_matmul::prepare<{}, {}>", result.type, p.all_outputs());
  prepare.grid = blocks_for(p.all_outputs(), prepare_threads);
  prepare.block.x = prepare_threads;
  prepare.arguments = {scratch(0, ElementType::i32)};
  prepare.arguments.insert(prepare.arguments.end(), result.arguments.begin(),
                           result.arguments.end());
  const AddedBytes& a = *p.added;
  Launch added;
  added.file = parameters_file;
  added.call = fmt::format("integer_matmul::prepare_added<{}>", p.all_outputs());
  for (size_t i : {a.q_scale, a.q_zero, a.other_scale, a.other_zero, a.y_scale, a.y_zero})
    added.arguments.push_back(input(p.problem, i));
  added.arguments.push_back(scratch(0, ElementType::i32));
  result.launches = {std::move(prepare), std::move(added)};
  result.type = known;
  result.arguments = {scratch(0, ElementType::i32)};
  result.scratch_bytes = (words.bytes() + 255) / 256 * 256;
  return result;
}

double direct_byte_seconds(const Problem& problem, double depth) {
  const double products = depth * static_cast<double>(problem.outputs[0].size());
  return streaming_seconds(problem, products * 20) + depth * 3e-8;
}

}  // namespace drawbar::cuda
