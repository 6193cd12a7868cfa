#include "targets/cpu/byte_product.h"

#include <algorithm>
#include <cstring>

#include "targets/cpu/gemm/blocking.h"

namespace drawbar::cpu {
namespace {

bool is_byte(ElementType type) { return type == ElementType::u8 || type == ElementType::i8; }

/// The weights [k][n], the zero point of each column taken off.
std::vector<int16_t> without_zero(const Tensor& w, const Tensor& zero, int64_t k, int64_t n,
                                  FunctionRef<int64_t(int64_t, int64_t)> index) {
  std::vector<int16_t> numbers(static_cast<size_t>(k * n));
  for (int64_t i = 0; i < k; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const int64_t element = index(i, j);
      if (element == ByteProduct::kZero) continue;
      const int32_t off = byte_at(zero.raw(), zero.type(), zero.size() > 1 ? j : 0);
      numbers[static_cast<size_t>(i * n + j)] =
          static_cast<int16_t>(byte_at(w.raw(), w.type(), element) - off);
    }
  }
  return numbers;
}

/// The parts that any weights of a type with these zero points may need.
int64_t parts_of_type(ElementType type, const Tensor& zero, ByteUnit unit) {
  int64_t most = 1;
  for (int64_t i = 0; i < zero.size(); ++i) {
    const int32_t least =
        (type == ElementType::i8 ? -128 : 0) - byte_at(zero.raw(), zero.type(), i);
    const int16_t ends[] = {static_cast<int16_t>(least), static_cast<int16_t>(least + 255)};
    most = std::max(most, plan_bytes(ends, {.k = 2, .n = 1, .unit = unit}, 1, false).parts);
  }
  return most;
}

}  // namespace

ConstantPtr weights_zero(const Operand& w_zero, ElementType type) {
  if (w_zero.present) return w_zero.constant;
  Tensor zero = Tensor::allocate(type, {});
  write_integer(zero, 0, 0);
  return std::make_shared<const Constant>(std::move(zero));
}

ByteOperands::ByteOperands(const Problem& problem, bool sums)
    : sums_only(sums),
      w_input(sums ? size_t{kSumsW} : kW),
      w_zero_input(sums ? size_t{kSumsWZero} : kWZero),
      x(problem.inputs[kX].type),
      y(problem.outputs[0].type),
      w_scales(sums ? 1 : problem.inputs[kWScale].size()),
      f32_bias(input(problem, kBias).type == ElementType::f32) {}

ByteScales ByteOperands::scales(const KernelRun& run) const {
  ByteScales scales;
  const void* zero = kXZero < run.inputs.size() ? run.inputs[kXZero] : nullptr;
  if (zero != nullptr) scales.x_zero = byte_at(zero, x, 0);
  if (sums_only) return scales;
  scales.x_scale = *run.in<float>(kXScale);
  scales.w_scale = run.in<float>(kWScale);
  scales.w_scales = w_scales;
  if (y != ElementType::f32) {
    scales.y_scale = *run.in<float>(kYScale);
    scales.y_zero = byte_at(run.inputs[kYZero], y, 0);
  }
  if (run.inputs.size() > kBias) scales.set_bias(run.inputs[kBias], f32_bias);
  return scales;
}

void byte_factors(const ByteScales& scales, const int32_t* weight_sums, int32_t shift, int64_t n,
                  int32_t* offset, float* multiplier) {
  const auto taken_off = static_cast<uint32_t>(scales.x_zero + shift);
  // One thing a loop, so that they become loops of vectors.
  if (scales.bias != nullptr) {
    std::copy_n(scales.bias, n, offset);
  } else {
    std::fill_n(offset, n, 0);
  }
  for (int64_t j = 0; j < n; ++j) {
    const uint32_t off = taken_off * static_cast<uint32_t>(weight_sums[j]);
    offset[j] = static_cast<int32_t>(static_cast<uint32_t>(offset[j]) - off);
  }
  const float x = scales.x_scale, y = scales.y_scale;
  if (scales.w_scales == 1) {
    std::fill_n(multiplier, n, x * scales.w_scale[0] / y);
  } else {
    for (int64_t j = 0; j < n; ++j) multiplier[j] = x * scales.w_scale[j] / y;
  }
}

ByteEpilogue byte_epilogue(const ByteScales& scales, const int32_t* weight_sums, int32_t shift,
                           int64_t n, int64_t columns, void* memory, ElementType y) {
  auto* offset = static_cast<int32_t*>(memory);
  auto* multiplier = reinterpret_cast<float*>(offset + columns);
  float* addend = multiplier + columns;
  std::fill_n(offset, 3 * columns, 0);  // beyond n, too: denormals there would be slow
  if (scales.addend != nullptr) std::copy_n(scales.addend, n, addend);
  byte_factors(scales, weight_sums, shift, n, offset, multiplier);
  ByteEpilogue epilogue;
  epilogue.offset = offset;
  epilogue.multiplier = multiplier;
  epilogue.addend = addend;
  epilogue.to = y;
  epilogue.zero = scales.y_zero;
  epilogue.bounded = is_bounded(epilogue, n);
  return epilogue;
}

ByteProduct::ByteProduct(const Problem& problem, const Operand& w, const Operand& w_zero, int64_t k,
                         int64_t n, int64_t taps, const std::string& form,
                         FunctionRef<int64_t(int64_t i, int64_t j)> index, ElementType x,
                         ElementType y)
    : x_(x), y_(y) {
  const ConstantPtr& weights = w.constant;
  const ConstantPtr zero = weights_zero(w_zero, w.type);
  const auto numbers = [&](const Tensor& source) {
    return without_zero(source, zero->tensor(), k, n, index);
  };
  const bool is_signed = x == ElementType::i8;
  const std::string name =
      fmt::format("bytes {} {} k={} n={} {} runs={}{} zero={}", cpu::name(problem.isa),
                  cpu::name(byte_unit(problem.isa)), k, n, form, taps, is_signed ? " signed" : "",
                  zero->hash().hex());
  b_ = {.k = k, .n = n, .isa = problem.isa, .unit = byte_unit(problem.isa)};
  if (b_.unit == ByteUnit::pairs) {
    const PackedConstants::Buffer plan = problem.packed.get(
        weights, name + " plan", sizeof b_.plan, [&](const Tensor& source, void* packed) {
          const BytePlan made = plan_bytes(numbers(source).data(), b_, taps, is_signed);
          std::memcpy(packed, &made, sizeof made);
        });
    std::memcpy(&b_.plan, plan.get(), sizeof b_.plan);
    check_plan(b_, taps, is_signed);
    if (words_pay(b_)) {
      b_.unit = ByteUnit::words;
      b_.plan = {};
    }
  } else {
    b_.plan.parts = parts_of_type(weights->type(), zero->tensor(), b_.unit);
    b_.plan.run = run_bytes(b_, taps, is_signed);
  }
  const int64_t bytes = packed_size(b_);
  memory_ = problem.packed.get(
      weights,
      fmt::format("{} parts={} run={} extras={}{}", name, b_.plan.parts, b_.plan.run,
                  b_.plan.extras, b_.unit == ByteUnit::words ? " words" : ""),
      static_cast<size_t>(bytes + n * 4), [&](const Tensor& source, void* packed) {
        const std::vector<int16_t> b = numbers(source);
        pack_bytes(b.data(), b_, static_cast<std::byte*>(packed));
        auto* sums = reinterpret_cast<int32_t*>(static_cast<std::byte*>(packed) + bytes);
        std::fill_n(sums, n, 0);
        for (int64_t i = 0; i < k; ++i) {
          for (int64_t j = 0; j < n; ++j) sums[j] += b[static_cast<size_t>(i * n + j)];
        }
      });
  b_.data = memory_.get();
  check_packed(b_);
}

int64_t ByteProduct::columns() const {
  return divide_up(b_.n, panel_width(b_.isa)) * panel_width(b_.isa);
}

const int32_t* ByteProduct::column_sums() const {
  return reinterpret_cast<const int32_t*>(memory_.get() + packed_size(b_));
}

int64_t ByteProduct::scratch_bytes(int64_t m, int64_t taps, int64_t tap, int threads) const {
  const int64_t parameters = divide_up(3 * columns() * 4, 64) * 64;
  return parameters + multiply_bytes_scratch(m, taps, tap, x_ == ElementType::i8, b_, threads);
}

void ByteProduct::run(int64_t m, const ByteRows& rows, const ByteScales& scales, void* y,
                      int64_t y_ld, void* scratch, ThreadPool& pool,
                      const AddedBytes* added) const {
  ByteEpilogue epilogue = byte_epilogue(scales, column_sums(), adds_128(rows, b_) ? 128 : 0, b_.n,
                                        columns(), scratch, y_);
  if (added != nullptr) {
    epilogue.added = added;
    epilogue.bounded = is_bounded(epilogue, b_.n);
  }
  auto* rest = static_cast<std::byte*>(scratch) + divide_up(3 * columns() * 4, 64) * 64;
  multiply_bytes(m, rows, b_, y, y_ld, epilogue, rest, &pool);
}

bool is_byte_product(const Operand& x, const Operand& w, const Operand& w_zero, const Operand& y,
                     int64_t n) {
  if (!is_byte(x.type) || !is_byte(w.type)) return false;
  if (!is_byte(y.type) && y.type != ElementType::f32 && y.type != ElementType::i32) return false;
  if (!w.constant || w.layout != Layout::row_major || w.size() == 0 || y.size() == 0) return false;
  if (!w_zero.present) return true;
  return w_zero.constant && (w_zero.size() == 1 || w_zero.size() == n);
}

double byte_product_seconds(double multiply_adds, Isa isa, int threads) {
  const ByteUnit unit = byte_unit(isa);
  const double rate = unit == ByteUnit::tiles   ? 800e9
                      : unit == ByteUnit::dots  ? 200e9
                      : unit == ByteUnit::pairs ? 90e9
                                                : 2e9;
  return multiply_adds / rate / threads + 2e-6;
}

}  // namespace drawbar::cpu
