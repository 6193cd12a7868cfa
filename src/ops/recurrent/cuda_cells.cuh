#pragma once

#include "ops/pointwise/cuda_functions.cuh"

// The cells RNN, GRU and LSTM, one hidden unit of one sequence at a time. A Shape says what a
// problem is:
//
//   int cell                     gates: RNN one, GRU z, r, h, LSTM i, o, f, c
//   int steps, batch, inputs, hidden, directions, gates
//   bool batch_first, has_bias, has_lengths, has_h, has_c, has_peepholes, has_y, has_last_h,
//        has_last_c, linear_before_reset, input_forget
//   float clip                   0: nothing is clipped
//   bool backwards(d);  C first_activation(d, C), second_activation, third_activation
//
// States and what the inputs give are of the compute type C: states [D, B, H], projections
// [D, T · B, G · H] with rows as x has them. Operands that are absent have another one's pointer.

namespace recurrent {

constexpr int kRnn = 0, kGru = 1, kLstm = 2;

/// ONNX's activations.
template <class C>
struct Activation {
  using R = pointwise::Real<C>;
  static __device__ __forceinline__ C relu(C x, C, C) { return x < 0 ? C(0) : x; }
  static __device__ __forceinline__ C tanh(C x, C, C) { return R::tanh(x); }
  static __device__ __forceinline__ C sigmoid(C x, C, C) { return 1 / (1 + R::exp(-x)); }
  static __device__ __forceinline__ C softsign(C x, C, C) { return x / (1 + R::fabs(x)); }
  static __device__ __forceinline__ C softplus(C x, C, C) {
    return (x < 0 ? C(0) : x) + R::log1p(R::exp(-R::fabs(x)));
  }
  static __device__ __forceinline__ C affine(C x, C a, C b) { return a * x + b; }
  static __device__ __forceinline__ C leakyrelu(C x, C a, C) { return x < 0 ? a * x : x; }
  static __device__ __forceinline__ C thresholdedrelu(C x, C a, C) { return x > a ? x : C(0); }
  static __device__ __forceinline__ C scaledtanh(C x, C a, C b) { return a * R::tanh(b * x); }
  static __device__ __forceinline__ C hardsigmoid(C x, C a, C b) {
    const C y = a * x + b;
    return y < 0 ? C(0) : y > 1 ? C(1) : y;
  }
  static __device__ __forceinline__ C elu(C x, C a, C) { return x < 0 ? a * R::expm1(x) : x; }
};

/// A GRU whose reset gate comes in front of the product takes two phases: the gates z and r, then
/// the gate h. All else takes one.
template <class S, int PHASE>
struct Phase {
  static constexpr bool resets = S::cell == kGru && !S::linear_before_reset;
  static constexpr int first = PHASE == 1 ? 2 : 0;
  static constexpr int gates = !resets ? S::gates : PHASE == 1 ? 1 : 2;
  static constexpr bool last = !resets || PHASE == 1;
};

template <class S, class C>
__device__ __forceinline__ C clipped(C x) {
  if constexpr (S::clip > 0) {
    constexpr C limit = static_cast<C>(S::clip);
    return x < -limit ? -limit : x > limit ? limit : x;
  } else {
    return x;
  }
}

template <class S>
__device__ __forceinline__ i64 state_offset(int d, int b, int j) {
  return (static_cast<i64>(d) * S::batch + b) * S::hidden + j;
}
/// The same in the operator's inputs and outputs.
template <class S>
__device__ __forceinline__ i64 outer_state_offset(int d, int b, int j) {
  return (S::batch_first ? static_cast<i64>(b) * S::directions + d
                         : static_cast<i64>(d) * S::batch + b) *
             S::hidden +
         j;
}

/// Where a sequence stands in some step. A length outside 0 to T counts as the nearest.
struct Place {
  bool runs;      // the sequence is not over
  i64 row, y_at;  // of the projections; of y's first hidden unit
};
template <class S, class L>
__device__ __forceinline__ Place place_of(int step, int d, int b, const L* lengths) {
  int length = S::steps;
  if constexpr (S::has_lengths) {
    const i64 own = static_cast<i64>(lengths[b]);
    length = own < 0 ? 0 : own > S::steps ? S::steps : static_cast<int>(own);
  }
  const bool runs = step < length;
  const int t = runs && S::backwards(d) ? length - 1 - step : step;
  const i64 row =
      S::batch_first ? static_cast<i64>(b) * S::steps + t : static_cast<i64>(t) * S::batch + b;
  const i64 y_row = S::batch_first ? row * S::directions + d
                                   : (static_cast<i64>(t) * S::directions + d) * S::batch + b;
  return {runs, (static_cast<i64>(d) * S::steps * S::batch + row) * S::gates * S::hidden,
          y_row * S::hidden};
}

/// What is added to the products with w (or with r) for COUNT gates from FIRST on.
template <class S, int FIRST, int COUNT, bool OF_STATE, class C, class B>
__device__ __forceinline__ void add_bias(int d, int j, const B* bias, C (&to)[COUNT]) {
  if constexpr (S::has_bias) {
    const B* from = bias + ((static_cast<i64>(d) * 2 + OF_STATE) * S::gates * S::hidden + j);
#pragma unroll
    for (int g = 0; g < COUNT; ++g)
      to[g] += static_cast<C>(to_compute(from[(FIRST + g) * S::hidden]));
  }
}

/// What comes behind the products: `from_input` of all gates, `from_state` of this phase's, both
/// with their bias. h is the state before, `kept` an LSTM's cell state, a GRU's z. Gives the state
/// behind the step, or in a first phase r · h.
template <class S, int PHASE, class C, class P>
__device__ __forceinline__ C unit_phase(int d, int j, const C (&from_input)[S::gates],
                                        const C (&from_state)[Phase<S, PHASE>::gates],
                                        const P* peepholes, C h, C& kept) {
  using This = Phase<S, PHASE>;
  const auto both = [&](int gate) { return from_input[gate] + from_state[gate - This::first]; };
  if constexpr (S::cell == kLstm) {
    const auto peephole = [&](int which, C cell) {
      C result = 0;
      if constexpr (S::has_peepholes) {
        const i64 at = (static_cast<i64>(d) * 3 + which) * S::hidden + j;
        result = static_cast<C>(to_compute(peepholes[at])) * cell;
      }
      return result;
    };
    const C in = S::first_activation(d, clipped<S>(both(0) + peephole(0, kept)));
    C forget = 1 - in;
    if constexpr (!S::input_forget)
      forget = S::first_activation(d, clipped<S>(both(2) + peephole(2, kept)));
    kept = forget * kept + in * S::second_activation(d, clipped<S>(both(3)));
    const C out = S::first_activation(d, clipped<S>(both(1) + peephole(1, kept)));
    return out * S::third_activation(d, kept);
  } else if constexpr (S::cell == kRnn) {
    return S::first_activation(d, clipped<S>(both(0)));
  } else if constexpr (!This::last) {
    kept = S::first_activation(d, clipped<S>(both(0)));
    return S::first_activation(d, clipped<S>(both(1))) * h;
  } else {
    C z = kept, fresh = from_state[2 - This::first];
    if constexpr (!This::resets) {
      z = S::first_activation(d, clipped<S>(both(0)));
      fresh *= S::first_activation(d, clipped<S>(both(1)));
    }
    fresh = S::second_activation(d, clipped<S>(from_input[2] + fresh));
    return (1 - z) * fresh + z * h;
  }
}

/// The same for a step whose states lie in memory; next_h is the state behind it, `reset` a GRU's
/// r · h. Sequences that are over keep their state.
template <class S, int PHASE, class C, class B, class L, class P, class T>
__device__ __forceinline__ void finish_unit(
    int step, int d, int b, int j, C (&sums)[Phase<S, PHASE>::gates],
    const C* __restrict__ projection, const B* __restrict__ bias, const L* __restrict__ lengths,
    const P* __restrict__ peepholes, const C* __restrict__ h, C* __restrict__ next_h,
    C* __restrict__ kept, C* __restrict__ reset, T* __restrict__ y) {
  using This = Phase<S, PHASE>;
  const Place place = place_of<S>(step, d, b, lengths);
  const i64 state = state_offset<S>(d, b, j);
  if (!place.runs) {
    if constexpr (This::last) {
      next_h[state] = h[state];
      if constexpr (S::has_y) y[place.y_at + j] = from_compute<T>(C(0));
    }
    return;
  }
  C from_input[S::gates];
#pragma unroll
  for (int g = 0; g < S::gates; ++g) from_input[g] = projection[place.row + g * S::hidden + j];
  add_bias<S, 0, S::gates, false>(d, j, bias, from_input);
  add_bias<S, This::first, This::gates, true>(d, j, bias, sums);
  C cell = kept[state];
  const C next = unit_phase<S, PHASE>(d, j, from_input, sums, peepholes, h[state], cell);
  if constexpr (S::cell == kLstm || !This::last) kept[state] = cell;
  if constexpr (This::last) {
    next_h[state] = next;
    if constexpr (S::has_y) y[place.y_at + j] = from_compute<T>(next);
  } else {
    reset[state] = next;
  }
}

/// The states before the first step, for a thread an element.
template <class S, class A, class B, class C>
__device__ __forceinline__ void begin(const A* initial_h, const B* initial_c, C* h, C* kept) {
  const i64 at = global_thread();
  if (at >= static_cast<i64>(S::directions) * S::batch * S::hidden) return;
  const int j = static_cast<int>(at % S::hidden), b = static_cast<int>(at / S::hidden % S::batch);
  const i64 outer = outer_state_offset<S>(static_cast<int>(at / S::hidden / S::batch), b, j);
  C first_h = 0, first_c = 0;
  if constexpr (S::has_h) first_h = static_cast<C>(to_compute(initial_h[outer]));
  if constexpr (S::has_c) first_c = static_cast<C>(to_compute(initial_c[outer]));
  h[at] = first_h;
  kept[at] = first_c;
}

/// The states behind the last step.
template <class S, class C, class T>
__device__ __forceinline__ void end(const C* h, const C* kept, T* last_h, T* last_c) {
  const i64 at = global_thread();
  if (at >= static_cast<i64>(S::directions) * S::batch * S::hidden) return;
  const int j = static_cast<int>(at % S::hidden), b = static_cast<int>(at / S::hidden % S::batch);
  const i64 outer = outer_state_offset<S>(static_cast<int>(at / S::hidden / S::batch), b, j);
  if constexpr (S::has_last_h) last_h[outer] = from_compute<T>(h[at]);
  if constexpr (S::has_last_c) last_c[outer] = from_compute<T>(kept[at]);
}

}  // namespace recurrent
