#include "import/onnx/node.h"
#include "ops/recurrent/op.h"

namespace drawbar::onnx {
namespace {

using ops::Recurrent;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

ops::Direction direction(const OnnxNode& node) {
  const std::string text = lower(node.text("direction", "forward"));
  if (text == "forward") return ops::Direction::forward;
  if (text == "reverse") return ops::Direction::reverse;
  if (text == "bidirectional") return ops::Direction::bidirectional;
  fail(ErrorCode::invalid_model, "direction is '{}', expected forward, reverse or bidirectional",
       text);
}

/// The file lists parameters for those activations only that take some, in their order.
std::vector<float> spread(const std::vector<std::string>& activations, std::vector<float> given,
                          bool (*takes)(std::string_view), const Recurrent& op, bool is_alpha) {
  if (given.empty()) return {};
  std::vector<float> result;
  size_t next = 0;
  for (size_t i = 0; i < activations.size(); ++i) {
    const Recurrent plain{.cell = op.cell, .direction = op.direction, .activations = activations};
    const size_t each = activations.size() / static_cast<size_t>(op.directions());
    const auto usual = ops::activations(plain, static_cast<int64_t>(i / each))[i % each];
    const bool own = takes(activations[i]) && next < given.size();
    result.push_back(own ? given[next++] : is_alpha ? usual.alpha : usual.beta);
  }
  return result;
}

void import_recurrent(OnnxNode& node, ops::Cell cell) {
  Recurrent op{.cell = cell,
               .direction = direction(node),
               .hidden_size = node.integer("hidden_size", 0),
               .clip = static_cast<float>(node.number("clip", 0)),
               .input_forget = node.integer("input_forget", 0) != 0,
               .linear_before_reset = node.integer("linear_before_reset", 0) != 0,
               .batch_first = node.integer("layout", 0) != 0};
  for (const std::string& name : node.texts("activations")) op.activations.push_back(lower(name));
  for (int64_t d = 0; d < op.directions(); ++d) ops::activations(op, d);  // refuses unknown ones
  op.alpha = spread(op.activations, node.numbers("activation_alpha"), ops::takes_alpha, op, true);
  op.beta = spread(op.activations, node.numbers("activation_beta"), ops::takes_beta, op, false);
  node.replace_with(std::move(op), node.all_inputs());
}

}  // namespace

ONNX_OP(RNN) { import_recurrent(node, ops::Cell::rnn); }
ONNX_OP(GRU) { import_recurrent(node, ops::Cell::gru); }
ONNX_OP(LSTM) { import_recurrent(node, ops::Cell::lstm); }

}  // namespace drawbar::onnx
