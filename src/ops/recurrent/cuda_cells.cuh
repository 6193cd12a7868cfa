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

/// What comes behind a step's products with the state, `sums` [gates of this phase]. h is the state
/// before, next_h behind the step; `kept` is an LSTM's cell state, a GRU's z; `reset` a GRU's
/// r · h. Sequences that are over keep their state. A length outside 0 to T counts as the nearest.
template <class S, int PHASE, class C, class B, class L, class P, class T>
__device__ __forceinline__ void finish_unit(
    int step, int d, int b, int j, const C (&sums)[Phase<S, PHASE>::gates],
    const C* __restrict__ projection, const B* __restrict__ bias, const L* __restrict__ lengths,
    const P* __restrict__ peepholes, const C* __restrict__ h, C* __restrict__ next_h,
    C* __restrict__ kept, C* __restrict__ reset, T* __restrict__ y) {
  using This = Phase<S, PHASE>;
  int length = S::steps;
  if constexpr (S::has_lengths) {
    const i64 own = static_cast<i64>(lengths[b]);
    length = own < 0 ? 0 : own > S::steps ? S::steps : static_cast<int>(own);
  }
  const bool runs = step < length;
  const int t = runs && S::backwards(d) ? length - 1 - step : step;
  const i64 state = state_offset<S>(d, b, j);
  const i64 y_at = ((S::batch_first ? (static_cast<i64>(b) * S::steps + t) * S::directions + d
                                    : (static_cast<i64>(t) * S::directions + d) * S::batch + b) *
                        S::hidden +
                    j);
  if (!runs) {
    if constexpr (This::last) {
      next_h[state] = h[state];
      if constexpr (S::has_y) y[y_at] = from_compute<T>(C(0));
    }
    return;
  }
  const i64 row =
      S::batch_first ? static_cast<i64>(b) * S::steps + t : static_cast<i64>(t) * S::batch + b;
  const C* from =
      projection + ((static_cast<i64>(d) * S::steps * S::batch + row) * S::gates * S::hidden + j);
  const B* biases = bias + (static_cast<i64>(d) * 2 * S::gates * S::hidden + j);
  const auto from_input = [&](int gate) {
    C result = from[gate * S::hidden];
    if constexpr (S::has_bias) result += static_cast<C>(to_compute(biases[gate * S::hidden]));
    return result;
  };
  const auto from_state = [&](int gate) {
    C result = sums[gate - This::first];
    if constexpr (S::has_bias)
      result += static_cast<C>(to_compute(biases[(S::gates + gate) * S::hidden]));
    return result;
  };
  const auto both = [&](int gate) { return from_input(gate) + from_state(gate); };

  C next = 0;
  if constexpr (S::cell == kLstm) {
    const auto peephole = [&](int which, C cell) {
      if constexpr (S::has_peepholes) {
        return static_cast<C>(
                   to_compute(peepholes[(static_cast<i64>(d) * 3 + which) * S::hidden + j])) *
               cell;
      } else {
        return C(0);
      }
    };
    const C before = kept[state];
    const C in = S::first_activation(d, clipped<S>(both(0) + peephole(0, before)));
    C forget;
    if constexpr (S::input_forget) {
      forget = 1 - in;
    } else {
      forget = S::first_activation(d, clipped<S>(both(2) + peephole(2, before)));
    }
    const C cell = forget * before + in * S::second_activation(d, clipped<S>(both(3)));
    const C out = S::first_activation(d, clipped<S>(both(1) + peephole(1, cell)));
    kept[state] = cell;
    next = out * S::third_activation(d, cell);
  } else if constexpr (S::cell == kRnn) {
    next = S::first_activation(d, clipped<S>(both(0)));
  } else if constexpr (!This::last) {
    kept[state] = S::first_activation(d, clipped<S>(both(0)));
    reset[state] = S::first_activation(d, clipped<S>(both(1))) * h[state];
    return;
  } else {
    C z, fresh;
    if constexpr (This::resets) {
      z = kept[state];
      fresh = from_state(2);
    } else {
      z = S::first_activation(d, clipped<S>(both(0)));
      fresh = S::first_activation(d, clipped<S>(both(1))) * from_state(2);
    }
    fresh = S::second_activation(d, clipped<S>(from_input(2) + fresh));
    next = (1 - z) * fresh + z * h[state];
  }
  next_h[state] = next;
  if constexpr (S::has_y) y[y_at] = from_compute<T>(next);
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
