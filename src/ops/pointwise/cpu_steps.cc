#include "ops/pointwise/cpu_steps.h"

#include <cmath>

#include "base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/pointwise/cpu_steps.cc"
#include "targets/cpu/simd.h"
//
#include "ops/pointwise/cpu_vector_math.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
namespace pointwise {

using Tag = hn::ScalableTag<float>;
using Vector = hn::Vec<Tag>;
using ops::Function;

constexpr float infinity = HUGE_VALF;

struct Truth {
  hn::Mask<Tag> mask;
};

/// A vector that the table's expressions can be written with.
struct Value {
  Vector v;
  HWY_INLINE Value(Vector vector) : v(vector) {}                                      // NOLINT
  HWY_INLINE Value(double number) : v(hn::Set(Tag(), static_cast<float>(number))) {}  // NOLINT

  friend HWY_INLINE Value operator+(Value x, Value y) { return hn::Add(x.v, y.v); }
  friend HWY_INLINE Value operator-(Value x, Value y) { return hn::Sub(x.v, y.v); }
  friend HWY_INLINE Value operator*(Value x, Value y) { return hn::Mul(x.v, y.v); }
  friend HWY_INLINE Value operator/(Value x, Value y) { return hn::Div(x.v, y.v); }
  friend HWY_INLINE Value operator-(Value x) { return hn::Neg(x.v); }
  friend HWY_INLINE Truth operator<(Value x, Value y) { return {hn::Lt(x.v, y.v)}; }
  friend HWY_INLINE Truth operator>(Value x, Value y) { return {hn::Gt(x.v, y.v)}; }
  friend HWY_INLINE Truth operator<=(Value x, Value y) { return {hn::Le(x.v, y.v)}; }
  friend HWY_INLINE Truth operator>=(Value x, Value y) { return {hn::Ge(x.v, y.v)}; }
  friend HWY_INLINE Truth operator==(Value x, Value y) { return {hn::Eq(x.v, y.v)}; }
  friend HWY_INLINE Truth operator!=(Value x, Value y) { return {hn::Not(hn::Eq(x.v, y.v))}; }
};

HWY_INLINE Value where(Truth condition, Value yes, Value no) {
  return hn::IfThenElse(condition.mask, yes.v, no.v);
}
HWY_INLINE Value zero(Value) { return hn::Zero(Tag()); }
HWY_INLINE Value one(Value) { return hn::Set(Tag(), 1.0f); }
HWY_INLINE Value truth(Truth condition, Value) {
  return hn::IfThenElseZero(condition.mask, hn::Set(Tag(), 1.0f));
}
HWY_INLINE Value abs(Value x) { return hn::Abs(x.v); }
HWY_INLINE Value ceil(Value x) { return hn::Ceil(x.v); }
HWY_INLINE Value floor(Value x) { return hn::Floor(x.v); }
HWY_INLINE Value round_even(Value x) { return hn::Round(x.v); }
HWY_INLINE Value sqrt(Value x) { return hn::Sqrt(x.v); }
HWY_INLINE Value relu(Value x) { return math::at_least(hn::Zero(Tag()), x.v); }
HWY_INLINE Value maximum(Value x, Value y) { return where(x != x, x, math::at_least(x.v, y.v)); }
HWY_INLINE Value minimum(Value x, Value y) { return where(x != x, x, math::at_most(x.v, y.v)); }
HWY_INLINE Value clip(Value x, Value low, Value high) {
  return math::at_most(high.v, math::at_least(low.v, x.v));
}
#define MEMBER(NAME) \
  HWY_INLINE Value NAME(Value x) { return math::NAME(Tag(), x.v); }
MEMBER(exp)
MEMBER(expm1)
MEMBER(log)
MEMBER(sin)
MEMBER(cos)
MEMBER(tan)
MEMBER(asin)
MEMBER(acos)
MEMBER(atan)
MEMBER(sinh)
MEMBER(cosh)
MEMBER(tanh)
MEMBER(asinh)
MEMBER(acosh)
MEMBER(atanh)
MEMBER(erf)
MEMBER(sigmoid)
MEMBER(softplus)
MEMBER(mish)
MEMBER(gelu)
MEMBER(gelu_tanh)
#undef MEMBER
HWY_INLINE Value pow(Value x, Value y) { return math::lanewise(Tag(), x.v, y.v, ::powf); }
HWY_INLINE Value fmod(Value x, Value y) { return math::lanewise(Tag(), x.v, y.v, ::fmodf); }
HWY_INLINE Value floor_mod(Value x, Value y) {
  const Value rest = fmod(x, y);
  const Value moved = where(rest * hn::CopySign(hn::Set(Tag(), 1.0f), y.v) < 0.0, rest + y, rest);
  return where(rest == 0.0, rest, moved);
}

#define FUNCTION(NAME, ARITY, ...)                                                    \
  struct NAME {                                                                       \
    static constexpr int arity = ARITY;                                               \
    static HWY_INLINE Value apply([[maybe_unused]] Value x, [[maybe_unused]] Value y, \
                                  [[maybe_unused]] Value z, [[maybe_unused]] Value p, \
                                  [[maybe_unused]] Value q) {                         \
      return __VA_ARGS__;                                                             \
    }                                                                                 \
  };
#define UNARY(NAME, TYPES, COST, PARAMETERS, ...) FUNCTION(NAME, 1, __VA_ARGS__)
#define BINARY(NAME, TYPES, COST, PARAMETERS, ...) FUNCTION(NAME, 2, __VA_ARGS__)
#define TERNARY(NAME, TYPES, COST, PARAMETERS, ...) FUNCTION(NAME, 3, __VA_ARGS__)
namespace members {
#include "ops/pointwise/functions.def"
FUNCTION(MulAdd, 3, hn::MulAdd(x.v, y.v, z.v))
FUNCTION(MulAddRelu, 3, relu(hn::MulAdd(x.v, y.v, z.v)))
FUNCTION(AddRelu, 2, relu(x + y))
}  // namespace members
#undef FUNCTION

template <class F, unsigned uniform>
HWY_INLINE void row(const float* a, const float* b, const float* c, float* out, int64_t n, Value p,
                    Value q) {
  const Tag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const Value none = hn::Zero(d);
  const Value ua = uniform & 1 ? Value(hn::Set(d, *a)) : none;
  const Value ub = uniform & 2 ? Value(hn::Set(d, *b)) : none;
  const Value uc = uniform & 4 ? Value(hn::Set(d, *c)) : none;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const Value x = uniform & 1 ? ua : Value(hn::LoadU(d, a + i));
    const Value y = F::arity < 2 ? none : uniform & 2 ? ub : Value(hn::LoadU(d, b + i));
    const Value z = F::arity < 3 ? none : uniform & 4 ? uc : Value(hn::LoadU(d, c + i));
    hn::StoreU(F::apply(x, y, z, p, q).v, d, out + i);
  }
  if (i == n) return;
  const auto rest = hn::FirstN(d, static_cast<size_t>(n - i));
  const auto load = [&](const float* from) { return Value(hn::MaskedLoad(rest, d, from + i)); };
  const Value x = uniform & 1 ? ua : load(a);
  const Value y = F::arity < 2 ? none : uniform & 2 ? ub : load(b);
  const Value z = F::arity < 3 ? none : uniform & 4 ? uc : load(c);
  hn::BlendedStore(F::apply(x, y, z, p, q).v, rest, d, out + i);
}

template <class F, unsigned uniform>
void step(const StepOperand* operands, float* out, int64_t out_stride, int64_t rows,
          int64_t columns, float p, float q) {
  const Tag d;
  const Value vp = hn::Set(d, p), vq = hn::Set(d, q);
  const float* a = operands[0].data;
  const float* b = F::arity < 2 ? nullptr : operands[1].data;
  const float* c = F::arity < 3 ? nullptr : operands[2].data;
  for (int64_t r = 0; r < rows; ++r) {
    row<F, uniform>(a, b, c, out, columns, vp, vq);
    a += operands[0].row_stride;
    if (F::arity > 1) b += operands[1].row_stride;
    if (F::arity > 2) c += operands[2].row_stride;
    out += out_stride;
  }
}

template <class F>
StepKernel choose(unsigned uniform) {
  if constexpr (F::arity == 1) {
    return step<F, 0>;
  } else if constexpr (F::arity == 2) {
    constexpr StepKernel kernels[] = {step<F, 0>, step<F, 1>, step<F, 2>};
    return kernels[uniform];
  } else {
    constexpr StepKernel kernels[] = {step<F, 0>, step<F, 1>, step<F, 2>, step<F, 3>,
                                      step<F, 4>, step<F, 5>, step<F, 6>};
    return kernels[uniform];
  }
}

StepKernel find(Function function, Fused fused, unsigned uniform) {
  switch (fused) {
    case Fused::mul_add:
      return choose<members::MulAdd>(uniform);
    case Fused::mul_add_relu:
      return choose<members::MulAddRelu>(uniform);
    case Fused::add_relu:
      return choose<members::AddRelu>(uniform);
    case Fused::none:
      break;
  }
  switch (function) {
#define UNARY(NAME, ...) \
  case Function::NAME:   \
    return choose<members::NAME>(uniform);
#define BINARY UNARY
#define TERNARY UNARY
#include "ops/pointwise/functions.def"
    default:
      return nullptr;
  }
}

void bool_to_f32(const uint8_t* from, float* to, int64_t n) {
  const Tag d;
  const hn::Rebind<uint8_t, Tag> d8;
  const hn::Rebind<int32_t, Tag> d32;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto wide = hn::PromoteTo(d32, hn::LoadU(d8, from + i));
    const auto set = hn::RebindMask(d, hn::Ne(wide, hn::Zero(d32)));
    hn::StoreU(hn::IfThenElseZero(set, hn::Set(d, 1.0f)), d, to + i);
  }
  for (; i < n; ++i) to[i] = from[i] ? 1.0f : 0.0f;
}

void f32_to_bool(const float* from, uint8_t* to, int64_t n) {
  const Tag d;
  const hn::Rebind<uint8_t, Tag> d8;
  const hn::Rebind<int32_t, Tag> d32;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto set = hn::RebindMask(d32, hn::Ne(hn::LoadU(d, from + i), hn::Zero(d)));
    hn::StoreU(hn::DemoteTo(d8, hn::IfThenElseZero(set, hn::Set(d32, 1))), d8, to + i);
  }
  for (; i < n; ++i) to[i] = from[i] != 0;
}

}  // namespace pointwise
}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

StepKernel step_kernel(ops::Function function, Fused fused, unsigned uniform) {
  return DRAWBAR_SIMD(pointwise::find)(function, fused, uniform);
}
void convert_bool_to_f32(const uint8_t* from, float* to, int64_t n) {
  DRAWBAR_SIMD(pointwise::bool_to_f32)(from, to, n);
}
void convert_f32_to_bool(const float* from, uint8_t* to, int64_t n) {
  DRAWBAR_SIMD(pointwise::f32_to_bool)(from, to, n);
}

}  // namespace drawbar::cpu
#endif
