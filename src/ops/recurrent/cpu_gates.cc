#include "ops/recurrent/kernels/gates.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/recurrent/cpu_gates.cc"
#include "targets/cpu/simd.h"
// After simd.h, which sets up the instruction set.
#include "ops/pointwise/cpu_vector_math.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Calls f(d, gates' offset, states' offset) for every vector of hidden units.
template <int kGates, class F>
HWY_INLINE void for_each_vector(const GateBlock& block, F&& f) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = 0; j < block.hidden; j += block.unit) {
    for (int64_t k = 0; k < block.unit; k += lanes) f(d, j * kGates + k, j + k);
  }
}

/// A gate before its activation.
template <class D>
HWY_INLINE hn::Vec<D> summed(D d, const GateBlock& block, int64_t at) {
  return hn::Add(hn::LoadU(d, block.from_input + at), hn::LoadU(d, block.from_state + at));
}

void lstm(const GateBlock& block) {
  const int64_t unit = block.unit;
  for_each_vector<4>(block, [&](auto d, int64_t gate, int64_t at) HWY_ATTR {
    const auto i = math::sigmoid(d, summed(d, block, gate));
    const auto o = math::sigmoid(d, summed(d, block, gate + unit));
    const auto f = math::sigmoid(d, summed(d, block, gate + 2 * unit));
    const auto g = math::tanh(d, summed(d, block, gate + 3 * unit));
    const auto c = hn::MulAdd(f, hn::LoadU(d, block.c + at), hn::Mul(i, g));
    hn::StoreU(c, d, block.c + at);
    hn::StoreU(hn::Mul(o, math::tanh(d, c)), d, block.next_h + at);
  });
}

void rnn_tanh(const GateBlock& block) {
  for_each_vector<1>(block, [&](auto d, int64_t gate, int64_t at) HWY_ATTR {
    hn::StoreU(math::tanh(d, summed(d, block, gate)), d, block.next_h + at);
  });
}

void rnn_relu(const GateBlock& block) {
  for_each_vector<1>(block, [&](auto d, int64_t gate, int64_t at) HWY_ATTR {
    hn::StoreU(hn::Max(hn::Zero(d), summed(d, block, gate)), d, block.next_h + at);
  });
}

void gru_linear(const GateBlock& block) {
  const int64_t unit = block.unit;
  for_each_vector<3>(block, [&](auto d, int64_t gate, int64_t at) HWY_ATTR {
    const auto z = math::sigmoid(d, summed(d, block, gate));
    const auto r = math::sigmoid(d, summed(d, block, gate + unit));
    const int64_t last = gate + 2 * unit;
    const auto fresh = math::tanh(d, hn::MulAdd(r, hn::LoadU(d, block.from_state + last),
                                                hn::LoadU(d, block.from_input + last)));
    const auto h = hn::LoadU(d, block.h + at);
    hn::StoreU(hn::MulAdd(z, hn::Sub(h, fresh), fresh), d, block.next_h + at);
  });
}

void gru_reset(const GateBlock& block) {
  const int64_t unit = block.unit;
  // Gates from the input are z, r, h; those from the state z, r.
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = 0; j < block.hidden; j += unit) {
    for (int64_t k = 0; k < unit; k += lanes) {
      const float* x = block.from_input + 3 * j + k;
      const float* s = block.from_state + 2 * j + k;
      const auto z = math::sigmoid(d, hn::Add(hn::LoadU(d, x), hn::LoadU(d, s)));
      const auto r = math::sigmoid(d, hn::Add(hn::LoadU(d, x + unit), hn::LoadU(d, s + unit)));
      hn::StoreU(z, d, block.c + j + k);
      hn::StoreU(hn::Mul(r, hn::LoadU(d, block.h + j + k)), d, block.next_h + j + k);
    }
  }
}

void gru_update(const GateBlock& block) {
  const int64_t unit = block.unit;
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t j = 0; j < block.hidden; j += unit) {
    for (int64_t k = 0; k < unit; k += lanes) {
      const int64_t at = j + k;
      const auto fresh =
          math::tanh(d, hn::Add(hn::LoadU(d, block.from_input + 3 * j + 2 * unit + k),
                                hn::LoadU(d, block.from_state + at)));
      const auto h = hn::LoadU(d, block.h + at);
      hn::StoreU(hn::MulAdd(hn::LoadU(d, block.c + at), hn::Sub(h, fresh), fresh), d,
                 block.next_h + at);
    }
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

GateFunction lstm_gates(Isa isa) { return DRAWBAR_SIMD_FOR(isa, lstm); }
GateFunction rnn_tanh_gates(Isa isa) { return DRAWBAR_SIMD_FOR(isa, rnn_tanh); }
GateFunction rnn_relu_gates(Isa isa) { return DRAWBAR_SIMD_FOR(isa, rnn_relu); }
GateFunction gru_linear_gates(Isa isa) { return DRAWBAR_SIMD_FOR(isa, gru_linear); }
GateFunction gru_reset_gates(Isa isa) { return DRAWBAR_SIMD_FOR(isa, gru_reset); }
GateFunction gru_update_gates(Isa isa) { return DRAWBAR_SIMD_FOR(isa, gru_update); }

}  // namespace drawbar::cpu
#endif
