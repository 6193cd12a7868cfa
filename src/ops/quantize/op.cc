#include "ops/quantize/op.h"

#include <algorithm>
#include <cmath>

namespace drawbar::ops {

DRAWBAR_OP(QuantizeLinear);
DRAWBAR_OP(DequantizeLinear);
DRAWBAR_OP(DynamicQuantizeLinear);

namespace {

bool is_scale(ElementType type) {
  return type == ElementType::f32 || type == ElementType::f16 || type == ElementType::bf16 ||
         type == ElementType::f8e8m0;
}

bool is_quantized(ElementType type) {
  if (is_integer(type)) return bits(type) <= 16;
  return is_floating(type) && bits(type) <= 8 && type != ElementType::f8e8m0;
}

/// Whether every row of x has the same scales: one, or one for each slice along another axis.
bool scales_keep_rows(int64_t axis, const Infer& context, const std::vector<bool>& batched) {
  if (!batched[0] || std::find(batched.begin() + 1, batched.end(), true) != batched.end())
    return false;
  if (context.tensor(1).size() == Dim(1)) return true;
  return context.rank(1) == 1 && Infer::axis(axis, context.rank(0)) != 0;
}

void expect_type(const Infer& context, size_t i, bool (*allowed)(ElementType),
                 std::string_view expected) {
  if (!allowed(context.element(i))) {
    fail(ErrorCode::invalid_model, "input {} is {}, expected {}", i, name(context.element(i)),
         expected);
  }
}

[[noreturn]] void wrong_scales(const Dims& scale, const Dims& x) {
  fail(ErrorCode::invalid_model, "scale [{}] fits neither x [{}] nor an axis or blocks of it",
       to_string(scale), to_string(x));
}

void expect_dim(const Dim& found, const Dim& wanted, const Dims& scale, const Dims& x) {
  if (found.is_constant() && wanted.is_constant() && !(found == wanted)) wrong_scales(scale, x);
}

void check_scales(int64_t axis, int64_t block_size, const Infer& context) {
  if (block_size < 0) {
    fail(ErrorCode::invalid_model, "block_size is {}, expected at least 0", block_size);
  }
  if (context.has(2) && context.ranked(1) && context.ranked(2)) {
    const Dims &scale = context.dims(1), &zero = context.dims(2);
    const auto one = [](const Dims& dims) {  // [1] and [] are the same
      return dims.empty() || (dims.size() == 1 && dims[0] == Dim(1));
    };
    bool same = scale.size() == zero.size() || (one(scale) && one(zero));
    for (size_t i = 0; same && i < std::min(scale.size(), zero.size()); ++i) {
      same = !scale[i].is_constant() || !zero[i].is_constant() || scale[i] == zero[i];
    }
    if (!same) {
      fail(ErrorCode::invalid_model, "zero_point is [{}], expected scale's shape [{}]",
           to_string(zero), to_string(scale));
    }
  }
  if (!context.ranked(0) || !context.ranked(1)) return;
  const Dims &x = context.dims(0), &scale = context.dims(1);
  if (scale.empty() || (scale.size() == 1 && scale[0] == Dim(1) && block_size == 0)) return;
  if (x.empty()) wrong_scales(scale, x);
  const auto at = static_cast<size_t>(Infer::axis(axis, context.rank(0)));
  if (block_size == 0 && scale.size() == 1) {
    expect_dim(scale[0], x[at], scale, x);
    return;
  }
  if (block_size == 0 || scale.size() != x.size()) wrong_scales(scale, x);
  for (size_t i = 0; i < x.size(); ++i) {
    expect_dim(scale[i], i == at ? ceil_div(x[i], Dim(block_size)) : x[i], scale, x);
  }
}

void same_shape(Infer& context, ElementType type) {
  if (context.ranked(0)) {
    context.output(0, type, context.dims(0));
  } else {
    context.unranked(0, type);
  }
}

void expect_zero_point(const Infer& context, ElementType type) {
  if (context.has(2) && context.element(2) != type) {
    fail(ErrorCode::invalid_model, "zero_point is {}, expected {}", name(context.element(2)),
         name(type));
  }
}

}  // namespace

void infer(const QuantizeLinear& op, Infer& context) {
  context.expect_inputs(2, 3);
  expect_type(
      context, 0,
      [](ElementType t) { return is_floating(t) ? bits(t) >= 16 : t == ElementType::i32; },
      "a float type or i32");
  expect_type(context, 1, is_scale, "a float type");
  if (!is_quantized(op.to)) {
    fail(ErrorCode::invalid_model,
         "to is {}, expected an integer of at most 16 bits or a float "
         "of at most 8",
         name(op.to));
  }
  expect_zero_point(context, op.to);
  check_scales(op.axis, op.block_size, context);
  same_shape(context, op.to);
}

void infer(const DequantizeLinear& op, Infer& context) {
  context.expect_inputs(2, 3);
  expect_type(
      context, 0, [](ElementType t) { return is_quantized(t) || t == ElementType::i32; },
      "a quantized type or i32");
  expect_type(context, 1, is_scale, "a float type");
  if (!is_scale(op.to) || op.to == ElementType::f8e8m0) {
    fail(ErrorCode::invalid_model, "to is {}, expected f32, f16 or bf16", name(op.to));
  }
  expect_zero_point(context, context.element(0));
  check_scales(op.axis, op.block_size, context);
  same_shape(context, op.to);
}

void infer(const DynamicQuantizeLinear&, Infer& context) {
  context.expect_inputs(1, 1);
  if (context.element(0) != ElementType::f32) {
    fail(ErrorCode::invalid_model, "x is {}, expected f32", name(context.element(0)));
  }
  same_shape(context, ElementType::u8);
  context.output(1, ElementType::f32, {});
  context.output(2, ElementType::u8, {});
}

Dim operations(const QuantizeLinear&, const Infer& context) {
  return context.ranked(0) ? Dim(4) * context.tensor(0).size() : Dim(0);
}
bool keeps_rows(const QuantizeLinear& op, const Infer& context, const std::vector<bool>& batched) {
  return scales_keep_rows(op.axis, context, batched);
}
Dim operations(const DequantizeLinear&, const Infer& context) {
  return context.ranked(0) ? Dim(3) * context.tensor(0).size() : Dim(0);
}
bool keeps_rows(const DequantizeLinear& op, const Infer& context,
                const std::vector<bool>& batched) {
  return scales_keep_rows(op.axis, context, batched);
}
Dim operations(const DynamicQuantizeLinear&, const Infer& context) {
  return context.ranked(0) ? Dim(6) * context.tensor(0).size() : Dim(0);
}

ScaleMap scale_map(const Shape& x, const Shape& scale, int64_t axis, int64_t block_size) {
  ScaleMap map;
  const auto rank = static_cast<int64_t>(x.size());
  if (scale.empty() || (scale.size() == 1 && scale[0] == 1 && block_size == 0)) {
    for (int64_t size : x) map.inner *= size;
    return map;
  }
  const auto wrong = [&]() {
    fail(ErrorCode::invalid_argument, "scale {} does not fit x {}", to_string(scale), to_string(x));
  };
  if (rank == 0 || axis < -rank || axis >= rank) wrong();
  const auto at = static_cast<size_t>(axis < 0 ? axis + rank : axis);
  for (size_t i = 0; i < at; ++i) map.outer *= x[i];
  map.axis = x[at];
  for (size_t i = at + 1; i < x.size(); ++i) map.inner *= x[i];
  map.scale_axis = 1;
  if (block_size == 0) {
    if (scale.size() != 1 || scale[0] != map.axis) wrong();
    return map;
  }
  if (scale.size() != x.size()) wrong();
  map.block = block_size;
  const int64_t blocks = map.axis / block_size + (map.axis % block_size != 0);
  for (size_t i = 0; i < x.size(); ++i) {
    if (scale[i] != (i == at ? blocks : x[i])) wrong();
  }
  map.scale_inner = 1;
  map.scale_axis = map.inner;
  map.scale_outer = blocks * map.inner;
  return map;
}

std::pair<int32_t, int32_t> integer_range(ElementType type) {
  const int width = bits(type);
  if (kind(type) == ElementKind::unsigned_integer) return {0, (1 << width) - 1};
  return {-(1 << (width - 1)), (1 << (width - 1)) - 1};
}

DynamicRange dynamic_range(float low, float high) {
  low = std::min(low, 0.0f);
  high = std::max(high, 0.0f);
  const float scale = high > low ? (high - low) / 255.0f : 1.0f;
  const float zero = std::nearbyint(std::clamp(0.0f - low / scale, 0.0f, 255.0f));
  return {scale, static_cast<uint8_t>(zero)};
}

}  // namespace drawbar::ops
