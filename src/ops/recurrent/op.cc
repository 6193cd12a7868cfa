#include "ops/recurrent/op.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace drawbar::ops {
namespace {

constexpr std::array<std::string_view, 3> names = {"RNN", "GRU", "LSTM"};

[[maybe_unused]] const bool registered = [] {
  for (std::string_view name : names) register_op<Recurrent>(name);
  return true;
}();

struct Known {
  std::string_view name;
  float alpha = 0, beta = 0;  // defaults
  bool has_alpha = false, has_beta = false;
};

constexpr Known known[] = {
    {"relu"},
    {"tanh"},
    {"sigmoid"},
    {"softsign"},
    {"softplus"},
    {"affine", 1, 0, true, true},
    {"leakyrelu", 0.01f, 0, true},
    {"thresholdedrelu", 1, 0, true},
    {"scaledtanh", 1, 1, true, true},
    {"hardsigmoid", 0.2f, 0.5f, true, true},
    {"elu", 1, 0, true},
};

const Known* find(std::string_view name) {
  const auto* found = std::find_if(std::begin(known), std::end(known),
                                   [&](const Known& entry) { return entry.name == name; });
  return found == std::end(known) ? nullptr : found;
}

void expect_same(const Infer& context, size_t input, size_t axis, const Dim& wanted,
                 std::string_view what) {
  if (!context.has(input) || !context.ranked(input)) return;
  const Dim& own = context.dims(input)[axis];
  if (own.is_constant() && wanted.is_constant() && own != wanted) {
    fail(ErrorCode::invalid_model, "{} has shape [{}]: dimension {} is {}, expected {}", what,
         to_string(context.dims(input)), axis, own.value(), wanted.value());
  }
}

}  // namespace

std::string_view Recurrent::op_name() const { return names[static_cast<size_t>(cell)]; }

Recurrent Recurrent::named(std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  return Recurrent{.cell = static_cast<Cell>(found - names.begin())};
}

bool takes_alpha(std::string_view activation) {
  const Known* found = find(activation);
  return found && found->has_alpha;
}

bool takes_beta(std::string_view activation) {
  const Known* found = find(activation);
  return found && found->has_beta;
}

double RecurrentActivation::operator()(double value) const {
  const auto a = static_cast<double>(alpha), b = static_cast<double>(beta);
  if (name == "relu") return std::max(value, 0.0);
  if (name == "tanh") return std::tanh(value);
  if (name == "sigmoid") return 1 / (1 + std::exp(-value));
  if (name == "softsign") return value / (1 + std::abs(value));
  if (name == "softplus") return std::max(value, 0.0) + std::log1p(std::exp(-std::abs(value)));
  if (name == "affine") return a * value + b;
  if (name == "leakyrelu") return value < 0 ? a * value : value;
  if (name == "thresholdedrelu") return value > a ? value : 0;
  if (name == "scaledtanh") return a * std::tanh(b * value);
  if (name == "hardsigmoid") return std::clamp(a * value + b, 0.0, 1.0);
  return value < 0 ? a * std::expm1(value) : value;  // elu
}

std::vector<RecurrentActivation> activations(const Recurrent& op, int64_t d) {
  const size_t each = op.cell == Cell::lstm ? 3 : op.cell == Cell::gru ? 2 : 1;
  if (op.activations.empty()) {
    if (op.cell == Cell::rnn) return {{"tanh"}};
    std::vector<RecurrentActivation> usual = {{"sigmoid"}, {"tanh"}};
    if (op.cell == Cell::lstm) usual.push_back({"tanh"});
    return usual;
  }
  const size_t all = each * static_cast<size_t>(op.directions());
  if (op.activations.size() != all) {
    fail(ErrorCode::invalid_model, "{} activations are given, expected {}", op.activations.size(),
         all);
  }
  std::vector<RecurrentActivation> result;
  for (size_t i = each * static_cast<size_t>(d); result.size() < each; ++i) {
    const Known* found = find(op.activations[i]);
    if (!found) {
      fail(ErrorCode::invalid_model, "activation '{}' is unknown", op.activations[i]);
    }
    result.push_back({op.activations[i], i < op.alpha.size() ? op.alpha[i] : found->alpha,
                      i < op.beta.size() ? op.beta[i] : found->beta});
  }
  return result;
}

uint32_t half_weights(const Recurrent&) { return 1U << Recurrent::w | 1U << Recurrent::r; }

void infer(const Recurrent& op, Infer& context) {
  constexpr std::string_view what[] = {"x",         "w",         "r", "bias", "sequence_lens",
                                       "initial_h", "initial_c", "P"};
  constexpr int64_t ranks[] = {3, 3, 3, 2, 1, 3, 3, 2};
  context.expect_inputs(3, op.cell == Cell::lstm ? 8 : 6);
  for (size_t i = 0; i < context.inputs(); ++i) {
    if (!context.has(i)) continue;
    const ElementType element = context.element(i);
    const bool lengths = i == Recurrent::sequence_lens;
    const bool stored_half = (half_weights(op) >> i & 1) != 0 && is_half(element) &&
                             context.element(0) == ElementType::f32;
    if (lengths ? !is_integer(element)
                : !is_floating(element) || (element != context.element(0) && !stored_half)) {
      fail(ErrorCode::invalid_model, "{} is {}, expected {}", what[i], name(element),
           lengths  ? "integers"
           : i == 0 ? "a float type"
                    : "x's type");
    }
    context.expect_rank(i, ranks[i], what[i]);
  }
  for (int64_t d = 0; d < op.directions(); ++d) activations(op, d);
  if (!(op.clip >= 0)) fail(ErrorCode::invalid_model, "clip is {}, expected at least 0", op.clip);
  if (op.hidden_size < 0) {
    fail(ErrorCode::invalid_model, "hidden_size is {}, expected at least 0", op.hidden_size);
  }
  for (size_t i : {Recurrent::x, Recurrent::w, Recurrent::r}) {
    if (context.ranked(i)) continue;
    for (size_t output = 0; output < context.outputs(); ++output) {
      context.unranked(output, context.element(0));
    }
    return;
  }
  const Dims& x = context.dims(Recurrent::x);
  const Dim steps = x[op.batch_first ? 1 : 0], batch = x[op.batch_first ? 0 : 1];
  Dim hidden = context.dims(Recurrent::r)[2];
  if (op.hidden_size > 0) {
    expect_same(context, Recurrent::r, 2, Dim(op.hidden_size), "r");
    hidden = Dim(op.hidden_size);
  }
  const Dim directions(op.directions()), gates(op.gates());
  for (size_t i : {Recurrent::w, Recurrent::r, Recurrent::bias, Recurrent::peepholes}) {
    expect_same(context, i, 0, directions, what[i]);
  }
  expect_same(context, Recurrent::w, 1, gates * hidden, "w");
  expect_same(context, Recurrent::w, 2, x[2], "w");
  expect_same(context, Recurrent::r, 1, gates * hidden, "r");
  expect_same(context, Recurrent::bias, 1, Dim(2) * gates * hidden, "bias");
  expect_same(context, Recurrent::sequence_lens, 0, batch, "sequence_lens");
  expect_same(context, Recurrent::peepholes, 1, Dim(3) * hidden, "P");
  for (size_t i : {Recurrent::initial_h, Recurrent::initial_c}) {
    expect_same(context, i, op.batch_first ? 1 : 0, directions, what[i]);
    expect_same(context, i, op.batch_first ? 0 : 1, batch, what[i]);
    expect_same(context, i, 2, hidden, what[i]);
  }
  const Dims state =
      op.batch_first ? Dims{batch, directions, hidden} : Dims{directions, batch, hidden};
  context.output(Recurrent::y, context.element(0),
                 op.batch_first ? Dims{batch, steps, directions, hidden}
                                : Dims{steps, directions, batch, hidden});
  context.output(Recurrent::last_h, context.element(0), state);
  if (op.cell == Cell::lstm) context.output(Recurrent::last_c, context.element(0), state);
}

Dim operations(const Recurrent& op, const Infer& context) {
  if (!context.ranked(0) || !context.ranked(1) || !context.ranked(2)) return Dim(0);
  const Dims& x = context.dims(Recurrent::x);
  const Dim& hidden = context.dims(Recurrent::r)[2];
  return x[0] * x[1] * Dim(2 * op.directions() * op.gates()) * hidden * (x[2] + hidden);
}

}  // namespace drawbar::ops
