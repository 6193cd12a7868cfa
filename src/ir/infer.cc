#include "ir/infer.h"

#include "base/checked.h"
#include "ir/graph.h"

namespace drawbar {

Infer::Infer(std::string scope, std::vector<Input> inputs, size_t outputs,
             std::vector<GraphPtr>* subgraphs)
    : scope_(std::move(scope)),
      inputs_(std::move(inputs)),
      outputs_(outputs),
      subgraphs_(subgraphs) {}

const Type& Infer::type(size_t i) const {
  if (!has(i)) fail(ErrorCode::invalid_model, "input {} is missing", i);
  return *inputs_[i].type;
}

const TensorType& Infer::tensor(size_t i) const {
  const Type& t = type(i);
  if (!t.is_tensor())
    fail(ErrorCode::invalid_model, "input {} is {}, expected a tensor", i, to_string(t));
  return t.tensor;
}

std::optional<Dims> Infer::content(size_t i) const {
  if (!has(i)) return std::nullopt;
  if (inputs_[i].content) return *inputs_[i].content;
  const Tensor* known = inputs_[i].constant;
  if (!known || known->kind() != Tensor::Kind::tensor || known->rank() > 1 || known->size() > 1024)
    return std::nullopt;
  if (!is_integer(known->type()) && known->type() != ElementType::boolean) return std::nullopt;
  Dims dims;
  for (int64_t value : read_integers(*known)) dims.emplace_back(value);
  return dims;
}

void Infer::output(size_t i, Type type) {
  if (type.is_static()) {  // sizes that overflow end here, before anybody allocates
    storage_bytes(type.tensor.element, element_count(type.tensor.shape()));
  }
  if (i >= outputs_.size()) return;
  outputs_[i].type = std::move(type);
  outputs_[i].known = true;
}

void Infer::unranked(size_t i, ElementType element) {
  TensorType type{element, {}};
  type.ranked = false;
  output(i, Type(type));
}

void Infer::output_content(size_t i, Dims content) {
  if (i < outputs_.size() && content.size() <= 1024) outputs_[i].content = std::move(content);
}

Dim Infer::fresh(std::string_view hint, Dim bound) {
  std::string symbol = "?";
  for (char c : scope_) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '/' || c == ':';
    symbol += plain ? c : '_';
  }
  symbol += fmt::format(".{}{}", hint, fresh_.size());
  fresh_.emplace_back(symbol, std::move(bound));
  return Dim::symbol(symbol);
}

void Infer::expect_inputs(size_t least, size_t most) const {
  if (inputs_.size() < least || inputs_.size() > most) {
    fail(ErrorCode::invalid_model, "has {} inputs, expected {} to {}", inputs_.size(), least, most);
  }
  for (size_t i = 0; i < least; ++i) type(i);
}

void Infer::expect_rank(size_t i, int64_t wanted, std::string_view what) const {
  if (ranked(i) && rank(i) != wanted) {
    fail(ErrorCode::invalid_model, "{} has rank {}, expected {}", what, rank(i), wanted);
  }
}

int64_t Infer::axis(int64_t axis, int64_t rank, std::string_view what) {
  if (axis < -rank || axis >= rank) {
    fail(ErrorCode::invalid_model, "{} is {}, expected {} to {}", what, axis, -rank, rank - 1);
  }
  return axis < 0 ? axis + rank : axis;
}

Dim Infer::same(const Dim& a, const Dim& b, std::string_view what) {
  if (a.is_constant() && b.is_constant() && a.value() != b.value()) {
    fail(ErrorCode::invalid_model, "{}: {} and {} differ", what, a.value(), b.value());
  }
  return a.is_constant() ? a : b;
}

const Graph& Infer::subgraph(size_t i) const {
  if (i >= subgraphs()) fail(ErrorCode::invalid_model, "subgraph {} is missing", i);
  return *(*subgraphs_)[i];
}

std::vector<Type> Infer::infer_subgraph(size_t i, const std::vector<Input>& inputs) {
  const Graph& graph = subgraph(i);
  if (graph.inputs().size() != inputs.size()) {
    fail(ErrorCode::invalid_model, "subgraph '{}' has {} inputs, expected {}", graph.name,
         graph.inputs().size(), inputs.size());
  }
  std::vector<Type> types;
  bool changed = false;
  for (size_t k = 0; k < inputs.size(); ++k) {
    types.push_back(*inputs[k].type);
    changed |= !(graph.value(graph.inputs()[k]).type == types.back());
  }
  if (changed) (*subgraphs_)[i] = std::make_shared<const Graph>(graph.specialize({}, types));
  std::vector<Type> outputs;
  const Graph& refined = *(*subgraphs_)[i];
  for (ValueId output : refined.outputs()) outputs.push_back(refined.value(output).type);
  for (const auto& [symbol, bound] : refined.symbol_bounds()) fresh_.emplace_back(symbol, bound);
  return outputs;
}

Dims broadcast(const Dims& a, const Dims& b) {
  Dims result(std::max(a.size(), b.size()), Dim(1));
  for (size_t i = 0; i < result.size(); ++i) {
    const Dim x = i < a.size() ? a[a.size() - 1 - i] : Dim(1);
    const Dim y = i < b.size() ? b[b.size() - 1 - i] : Dim(1);
    Dim& out = result[result.size() - 1 - i];
    if (x == Dim(1)) {
      out = y;
    } else if (y == Dim(1) || x == y) {
      out = x;
    } else if (x.is_constant() && y.is_constant()) {
      fail(ErrorCode::invalid_model, "shapes [{}] and [{}] do not broadcast: {} against {}",
           to_string(a), to_string(b), x.value(), y.value());
    } else {
      // One may be 1 while running; a number above 1 decides, otherwise the larger does.
      out = x.is_constant() ? x : y.is_constant() ? y : max(x, y);
    }
  }
  return result;
}

bool rows_broadcast(const Infer& context, const std::vector<bool>& batched, int64_t rank,
                    size_t first) {
  for (size_t i = first; i < batched.size(); ++i) {
    if (!context.has(i)) continue;
    if (!context.ranked(i)) return false;
    const bool spans = context.rank(i) == rank && rank > 0;
    if (batched[i] ? !spans : spans && context.dims(i)[0] != Dim(1)) return false;
  }
  return true;
}

}  // namespace drawbar
