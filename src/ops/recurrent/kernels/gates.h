#pragma once

#include <cstdint>

#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// What follows the products of one step, for `hidden` units of one sequence. The gates of `unit`
/// hidden units stand together: [unit of gate 0][unit of gate 1]… , then those of the next units;
/// `hidden` is a multiple of `unit`, which is a multiple of the vector's lanes. States are plain
/// [hidden].
struct GateBlock {
  const float* from_input = nullptr;  // x·W + bias
  const float* from_state = nullptr;  // h·R (+ bias)
  const float* h = nullptr;           // GRU: the state before
  float* c = nullptr;                 // LSTM: changed
  float* next_h = nullptr;
  int64_t hidden = 0;
  int64_t unit = 0;
};

using GateFunction = void (*)(const GateBlock&);

/// LSTM with sigmoid, tanh, tanh; gates i, o, f, c.
GateFunction lstm_gates(Isa isa);
/// RNN with tanh or relu.
GateFunction rnn_tanh_gates(Isa isa);
GateFunction rnn_relu_gates(Isa isa);
/// GRU with sigmoid, tanh and linear_before_reset; gates z, r, h.
GateFunction gru_linear_gates(Isa isa);
/// GRU without: first from gates z, r the update z (to c) and r · h (to next_h); then from gate h
/// the new state (next_h) with z in c.
GateFunction gru_reset_gates(Isa isa);
GateFunction gru_update_gates(Isa isa);

}  // namespace drawbar::cpu
