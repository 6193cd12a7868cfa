// GNMT's layers (1024 units), a speech-sized bidirectional one, and a small one.
#include "ops/recurrent/op.h"
#include "targets/cpu/bench_kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Cell;
using ops::Direction;
using ops::Recurrent;

BenchCase layer(const char* name, Recurrent op, int64_t t, int64_t b, int64_t i, int64_t h) {
  const int64_t d = op.directions(), g = op.gates();
  const size_t outputs = op.cell == Cell::lstm ? 3 : 2;
  return {name,
          std::move(op),
          {{{t, b, i}}, {{d, g * h, i}, true}, {{d, g * h, h}, true}, {{d, 2 * g * h}, true}},
          outputs};
}

const BenchCase cases[] = {
    layer("LSTM 1024, 25 steps", {}, 25, 1, 1024, 1024),
    layer("LSTM 1024, 25 steps, 8 sequences", {}, 25, 8, 1024, 1024),
    layer("LSTM 1024 bidirectional, 25 steps", {.direction = Direction::bidirectional}, 25, 1, 1024,
          1024),
    layer("LSTM 128, 100 steps", {}, 100, 1, 64, 128),
    layer("GRU 512, 100 steps", {.cell = Cell::gru}, 100, 1, 512, 512),
    layer("GRU 512 linear before reset, 100 steps",
          {.cell = Cell::gru, .linear_before_reset = true}, 100, 1, 512, 512),
    layer("RNN 256, 100 steps", {.cell = Cell::rnn}, 100, 1, 256, 256),
};

[[maybe_unused]] const bool registered = register_benches("Recurrent", cases);

}  // namespace
}  // namespace drawbar::cpu
