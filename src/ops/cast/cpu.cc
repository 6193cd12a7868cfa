#include <algorithm>
#include <cstdint>

#include "ops/cast/convert.h"
#include "ops/cast/op.h"
#include "targets/cpu/half.h"
#include "targets/cpu/kernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/cast/cpu.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace casting {

/// Loops the compiler vectorises for each instruction set.
template <class From, class To>
void plain(const void* from, void* to, int64_t n) {
  const From* x = static_cast<const From*>(from);
  To* y = static_cast<To*>(to);
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (std::is_floating_point_v<From> && std::is_same_v<To, int32_t>) {
      const From v = x[i];  // as ops::truncated, in a form that vectorises
      const bool inside = v >= From(-0x1p31) && v < From(0x1p31);
      y[i] = inside ? static_cast<int32_t>(inside ? v : From(0)) : INT32_MIN;
    } else if constexpr (std::is_floating_point_v<From> && std::is_same_v<To, int64_t>) {
      const From v = x[i];
      const bool inside = v >= From(-0x1p63) && v < From(0x1p63);
      y[i] = inside ? static_cast<int64_t>(inside ? v : From(0)) : INT64_MIN;
    } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
      const From v = x[i];
      const bool inside = v >= From(-0x1p31) && v < From(0x1p31);
      const int32_t whole = inside ? static_cast<int32_t>(inside ? v : From(0)) : INT32_MIN;
      y[i] = static_cast<To>(whole);
    } else {
      y[i] = static_cast<To>(x[i]);
    }
  }
}

/// Anything but 0 is true.
template <class From>
void to_bool(const void* from, void* to, int64_t n) {
  const From* x = static_cast<const From*>(from);
  auto* y = static_cast<uint8_t*>(to);
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] != From{};
}

/// A byte that is not 0 counts as 1.
template <class To>
void from_bool(const void* from, void* to, int64_t n) {
  const auto* x = static_cast<const uint8_t*>(from);
  To* y = static_cast<To*>(to);
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<To>(x[i] != 0);
}

using Loop = void (*)(const void*, void*, int64_t);

/// Null where the reference does.
Loop find(ElementType from, ElementType to) {
  using enum ElementType;
  struct Row {
    ElementType from, to;
    Loop loop;
  };
  static constexpr Row rows[] = {
      {f32, f16, f32_to_f16},
      {f16, f32, f16_to_f32},
      {f32, bf16, f32_to_bf16},
      {bf16, f32, bf16_to_f32},
      {f32, f64, plain<float, double>},
      {f64, f32, plain<double, float>},
      {f32, i32, plain<float, int32_t>},
      {f32, i64, plain<float, int64_t>},
      {f32, u8, plain<float, uint8_t>},
      {f32, i8, plain<float, int8_t>},
      {f32, boolean, to_bool<float>},
      {i32, f32, plain<int32_t, float>},
      {i64, f32, plain<int64_t, float>},
      {u8, f32, plain<uint8_t, float>},
      {i8, f32, plain<int8_t, float>},
      {boolean, f32, from_bool<float>},
      {i32, i64, plain<int32_t, int64_t>},
      {i64, i32, plain<int64_t, int32_t>},
      {u8, i32, plain<uint8_t, int32_t>},
      {i8, i32, plain<int8_t, int32_t>},
      {u8, i64, plain<uint8_t, int64_t>},
      {i32, boolean, to_bool<int32_t>},
      {i64, boolean, to_bool<int64_t>},
      {boolean, i32, from_bool<int32_t>},
      {boolean, i64, from_bool<int64_t>},
  };
  for (const Row& row : rows) {
    if (row.from == from && row.to == to) return row.loop;
  }
  return nullptr;
}

}  // namespace casting
}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {
namespace {

using Loop = void (*)(const void*, void*, int64_t);

Loop loop_for(const Problem& problem) {
  return DRAWBAR_SIMD(casting::find)(problem.inputs[0].type, problem.outputs[0].type);
}

bool applies(const Problem& problem) {
  return problem.inputs[0].present && loop_for(problem) != nullptr &&
         problem.inputs[0].layout == problem.outputs[0].layout;
}

double seconds(const Problem& problem) {
  const Operand &x = problem.inputs[0], &y = problem.outputs[0];
  const int64_t bytes = storage_bytes(x.type, x.size()) + storage_bytes(y.type, y.size());
  return 1e-6 + static_cast<double>(bytes) / (8e9 + 2e9 * problem.threads);
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const Loop loop = loop_for(problem);
  const int64_t size = problem.outputs[0].size();
  const auto from_bytes = bits(problem.inputs[0].type) / 8;
  const auto to_bytes = bits(problem.outputs[0].type) / 8;
  return make_kernel([=](const KernelRun& run) {
    run.pool.parallel_for(size, 32768, [&](int64_t begin, int64_t end, int) {
      loop(run.in<char>(0) + begin * from_bytes, run.out<char>(0) + begin * to_bytes, end - begin);
    });
  });
}

DRAWBAR_CPU_TACTIC(cast, .op = "Cast", .name = "cast_vector", .applies = applies,
                   .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cpu
#endif
