#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ir/op.h"

namespace drawbar::ops {

enum class Cell : uint8_t { rnn, gru, lstm };
enum class Direction : uint8_t { forward, reverse, bidirectional };

/// The family RNN, GRU, LSTM over T time steps of B sequences, hidden size H, D directions, and G
/// gates: RNN one, GRU three (z, r, h), LSTM four (i, o, f, c).
/// x [T, B, I]; w [D, G·H, I]; r [D, G·H, H]; bias [D, 2·G·H] (optional: w's, then r's);
/// sequence_lens i32 [B] (optional); initial_h [D, B, H] (optional); LSTM: initial_c [D, B, H]
/// (optional), peepholes [D, 3·H] (optional: i, o, f)
/// → y [T, D, B, H], last h [D, B, H], LSTM: last c [D, B, H].
/// With `batch_first` x is [B, T, I], y [B, T, D, H] and all states [B, D, H].
/// A sequence's steps behind its end give zeros and leave its state alone; in reverse it starts at
/// its end. Float types, computed in f64; w and r may be f16 or bf16 where x is f32. Source: ONNX
/// LSTM-22, GRU-22, RNN-22.
struct Recurrent {
  Cell cell = Cell::lstm;
  Direction direction = Direction::forward;
  int64_t hidden_size = 0;  // 0: as r says
  /// Per direction RNN f, GRU f g, LSTM f g h, lower case; empty: the usual ones. Alpha and beta
  /// are one per activation, or empty.
  std::vector<std::string> activations;
  std::vector<float> alpha, beta;
  float clip = 0;             // bounds what goes into the gates' activations; 0: nothing is clipped
  bool input_forget = false;  // LSTM: f = 1 - i
  bool linear_before_reset = false;  // GRU: r is applied to h·R instead of to h
  bool batch_first = false;

  enum Inputs : size_t { x, w, r, bias, sequence_lens, initial_h, initial_c, peepholes };
  enum Outputs : size_t { y, last_h, last_c };

  std::string_view op_name() const;
  static Recurrent named(std::string_view name);
  void fields(auto&& field) {
    field("direction", direction);
    field("hidden_size", hidden_size);
    field("activations", activations);
    field("alpha", alpha);
    field("beta", beta);
    field("clip", clip);
    if (cell == Cell::lstm) field("input_forget", input_forget);
    if (cell == Cell::gru) field("linear_before_reset", linear_before_reset);
    field("batch_first", batch_first);
  }

  int64_t gates() const { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }
  int64_t directions() const { return direction == Direction::bidirectional ? 2 : 1; }
  /// Whether direction d of the result runs backwards.
  bool backwards(int64_t d) const {
    return direction == Direction::reverse || (direction == Direction::bidirectional && d == 1);
  }
};

/// One of ONNX's activations of recurrent operators.
struct RecurrentActivation {
  std::string name;  // lower case
  float alpha = 0, beta = 0;

  double operator()(double value) const;
  bool operator==(const RecurrentActivation&) const = default;
};

/// The activations of direction d with their parameters. Throws INVALID_MODEL for unknown names and
/// wrong counts.
std::vector<RecurrentActivation> activations(const Recurrent&, int64_t d);

/// Whether an activation of that name takes an alpha, and a beta.
bool takes_alpha(std::string_view activation);
bool takes_beta(std::string_view activation);

void infer(const Recurrent&, Infer&);
void reference(const Recurrent&, Evaluation&);
Dim operations(const Recurrent&, const Infer&);
uint32_t half_weights(const Recurrent&);

}  // namespace drawbar::ops

namespace drawbar {

template <>
struct EnumNames<ops::Direction> {
  static constexpr std::string_view names[] = {"forward", "reverse", "bidirectional"};
};

}  // namespace drawbar
