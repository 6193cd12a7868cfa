#include <algorithm>

#include "ops/recurrent/op.h"
#include "tests/support/half_cases.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::Cell;
using ops::Direction;
using ops::Recurrent;

/// Cases of one cell: `gates` × hidden rows, over every direction and form of input.
std::vector<OpCase> cases_of(Cell cell) {
  const Recurrent plain{.cell = cell};
  const int64_t g = plain.gates();
  const size_t outputs = cell == Cell::lstm ? 3 : 2;
  std::vector<OpCase> cases;
  const auto add = [&](const std::string& what, Recurrent op, int64_t t, int64_t b, int64_t i,
                       int64_t h, std::vector<std::string> more) {
    const int64_t d = op.directions();
    const std::string x = op.batch_first ? fmt::format("f32[{}, {}, {}]", b, t, i)
                                         : fmt::format("f32[{}, {}, {}]", t, b, i);
    std::vector<std::string> inputs = {x, fmt::format("const f32[{}, {}, {}]", d, g * h, i),
                                       fmt::format("const f32[{}, {}, {}]", d, g * h, h)};
    inputs.insert(inputs.end(), more.begin(), more.end());
    cases.push_back({.name = std::string(op.op_name()) + ", " + what,
                     .op = std::move(op),
                     .inputs = std::move(inputs),
                     .outputs = outputs,
                     .low = -0.3,
                     .high = 0.3});
  };
  const auto bias = [&](int64_t d, int64_t h) {
    return fmt::format("const f32[{}, {}]", d, 2 * g * h);
  };
  const auto state = [&](int64_t d, int64_t b, int64_t h) {
    return fmt::format("f32[{}, {}, {}]", d, b, h);
  };
  Recurrent reverse = plain, both = plain, batch_first = plain;
  reverse.direction = Direction::reverse;
  both.direction = Direction::bidirectional;
  batch_first.batch_first = true;
  batch_first.direction = Direction::bidirectional;
  add("one sequence", plain, 7, 1, 13, 32, {bias(1, 32)});
  add("no bias", plain, 3, 2, 5, 7, {});
  add("odd hidden size", plain, 5, 3, 7, 33, {bias(1, 33)});
  add("large", plain, 3, 1, 64, 127, {bias(1, 127)});
  add("many sequences", plain, 3, 17, 9, 48, {bias(1, 48)});
  add("one step", plain, 1, 2, 9, 16, {bias(1, 16), "_", state(1, 2, 16)});
  add("reverse", reverse, 5, 2, 7, 19, {bias(1, 19)});
  add("bidirectional", both, 5, 2, 7, 19, {bias(2, 19), "_", state(2, 2, 19)});
  add("batch first", batch_first, 5, 3, 7, 19, {bias(2, 19), "_", state(3, 2, 19)});
  add("lengths", both, 5, 3, 7, 19, {bias(2, 19), "i32[3] = [5, 0, 3]", state(2, 3, 19)});
  add("no steps", plain, 0, 2, 5, 7, {bias(1, 7), "_", state(1, 2, 7)});
  if (cell == Cell::lstm) {
    Recurrent forget = plain, clipped = both;
    forget.input_forget = true;
    clipped.clip = 0.2f;
    clipped.batch_first = true;
    add("initial cell", both, 5, 3, 7, 19, {bias(2, 19), "_", state(2, 3, 19), state(2, 3, 19)});
    add("peepholes", both, 5, 3, 7, 19,
        {bias(2, 19), "_", "_", state(2, 3, 19), "const f32[2, 57]"});
    add("input forget", forget, 4, 2, 7, 19, {bias(1, 19)});
    add("clipped", clipped, 4, 2, 7, 19, {bias(2, 19)});
  }
  if (cell == Cell::gru) {
    Recurrent linear = both;
    linear.linear_before_reset = true;
    add("linear before reset", linear, 5, 3, 7, 19, {bias(2, 19), "_", state(2, 3, 19)});
    linear.direction = Direction::forward;
    add("linear before reset, large", linear, 3, 1, 33, 130, {bias(1, 130)});
  }
  if (cell == Cell::rnn) {
    Recurrent relu = plain, scaled = plain;
    relu.activations = {"relu"};
    scaled.activations = {"scaledtanh"};
    scaled.alpha = {1.5f};
    scaled.beta = {0.5f};
    add("relu", relu, 5, 2, 7, 19, {bias(1, 19)});
    add("states beyond shared memory", plain, 2, 8, 3, 1030, {bias(1, 1030)});
    add("scaled tanh", scaled, 5, 2, 7, 19, {bias(1, 19)});
  }
  const std::string lengths = std::string(plain.op_name()) + ", lengths";
  const OpCase some =
      *std::find_if(cases.begin(), cases.end(), [&](auto& each) { return each.name == lengths; });
  for (const std::string type : {"f64", "f16", "bf16"}) {
    OpCase other = some;
    other.name += " in " + type;
    for (std::string& input : other.inputs) {
      const size_t at = input.find("f32");
      if (at != std::string::npos) input.replace(at, 3, type);
    }
    cases.push_back(std::move(other));
  }
  return cases;
}

const Rejection rejected[] = {
    {"gates",
     Recurrent{},
     {"f32[5, 2, 7]", "f32[1, 12, 7]", "f32[1, 16, 4]"},
     "w has shape [1, 12, 7]: dimension 1 is 12, expected 16"},
    {"directions",
     Recurrent{.cell = Cell::gru, .direction = Direction::bidirectional},
     {"f32[5, 2, 7]", "f32[1, 12, 7]", "f32[1, 12, 4]"},
     "w has shape [1, 12, 7]: dimension 0 is 1, expected 2"},
    {"hidden size",
     Recurrent{.cell = Cell::rnn, .hidden_size = 5},
     {"f32[5, 2, 7]", "f32[1, 4, 7]", "f32[1, 4, 4]"},
     "r has shape [1, 4, 4]: dimension 2 is 4, expected 5"},
    {"activation",
     Recurrent{.cell = Cell::rnn, .activations = {"swirl"}},
     {"f32[5, 2, 7]", "f32[1, 4, 7]", "f32[1, 4, 4]"},
     "activation 'swirl' is unknown"},
    {"number of activations",
     Recurrent{.cell = Cell::lstm, .activations = {"tanh"}},
     {"f32[5, 2, 7]", "f32[1, 16, 7]", "f32[1, 16, 4]"},
     "1 activations are given, expected 3"},
    {"lengths",
     Recurrent{.cell = Cell::rnn},
     {"f32[5, 2, 7]", "f32[1, 4, 7]", "f32[1, 4, 4]", "_", "i32[3]"},
     "sequence_lens has shape [3]: dimension 0 is 3, expected 2"},
};

TEST(Recurrent, RnnAgreesOnEveryTarget) { expect_targets_agree(cases_of(Cell::rnn)); }
TEST(Recurrent, GruAgreesOnEveryTarget) { expect_targets_agree(cases_of(Cell::gru)); }
TEST(Recurrent, LstmAgreesOnEveryTarget) { expect_targets_agree(cases_of(Cell::lstm)); }
TEST(Recurrent, ReadsWeightsInHalf) {
  for (Cell cell : {Cell::rnn, Cell::gru, Cell::lstm})
    expect_targets_agree(with_half_weights(cases_of(cell), 1e-4));
}
TEST(Recurrent, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
