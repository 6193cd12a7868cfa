#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ir/type.h"

namespace drawbar {

class Graph;

/// What shape inference of one node sees and says. Operators throw Error(INVALID_MODEL) that names
/// the input and the dimension; the caller adds the node.
class Infer {
 public:
  struct Input {
    const Type* type = nullptr;        // null: absent
    const Tensor* constant = nullptr;  // the contents, when they are known
    const Dims* content = nullptr;     // symbolic contents of a small integer tensor
  };
  struct Output {
    Type type;
    bool known = false;  // whether inference spoke of it
    std::optional<Dims> content;
  };

  /// `scope` makes the names of fresh symbols unique and reproducible.
  Infer(std::string scope, std::vector<Input> inputs, size_t outputs,
        std::vector<std::shared_ptr<const Graph>>* subgraphs = nullptr);

  size_t inputs() const { return inputs_.size(); }
  bool has(size_t i) const { return i < inputs_.size() && inputs_[i].type; }
  const Type& type(size_t i) const;          // of a present input
  const TensorType& tensor(size_t i) const;  // of a present tensor input
  const Dims& dims(size_t i) const { return tensor(i).dims; }
  int64_t rank(size_t i) const { return tensor(i).rank(); }
  ElementType element(size_t i) const { return tensor(i).element; }
  /// False when even the rank of input i is unknown; most operators then answer `unranked`.
  bool ranked(size_t i) const { return tensor(i).ranked; }
  /// The contents of input i, or null when they are only known while running.
  const Tensor* constant(size_t i) const { return has(i) ? inputs_[i].constant : nullptr; }
  /// The contents of an integer or boolean tensor of at most 1 dimension as expressions (constants
  /// included), or nothing.
  std::optional<Dims> content(size_t i) const;

  size_t outputs() const { return outputs_.size(); }
  void output(size_t i, Type type);
  void output(size_t i, ElementType element, Dims dims) {
    output(i, Type(element, std::move(dims)));
  }
  void unranked(size_t i, ElementType element);
  /// The contents of output i, known beforehand (a small integer tensor).
  void output_content(size_t i, Dims content);
  /// A size that depends on data, at most `bound`.
  Dim fresh(std::string_view hint, Dim bound);

  /// Checks the input's presence, element type and rank; throws INVALID_MODEL.
  void expect_inputs(size_t least, size_t most) const;
  void expect_rank(size_t i, int64_t rank, std::string_view what) const;
  /// Axis in [-rank, rank) made non-negative.
  static int64_t axis(int64_t axis, int64_t rank, std::string_view what = "axis");
  /// Two dimensions that must agree: throws when both are numbers and differ; the better known one.
  static Dim same(const Dim& a, const Dim& b, std::string_view what);

  /// The node's subgraphs; `infer_subgraph` infers one for these inputs, keeps the refined graph in
  /// the node, and gives its output types.
  size_t subgraphs() const { return subgraphs_ ? subgraphs_->size() : 0; }
  const Graph& subgraph(size_t i) const;
  std::vector<Type> infer_subgraph(size_t i, const std::vector<Input>& inputs);
  const Input& input(size_t i) const { return inputs_[i]; }

  std::vector<Output>& results() { return outputs_; }
  const std::vector<std::pair<std::string, Dim>>& fresh_symbols() const { return fresh_; }

 private:
  std::string scope_;
  std::vector<Input> inputs_;
  std::vector<Output> outputs_;
  std::vector<std::shared_ptr<const Graph>>* subgraphs_;
  std::vector<std::pair<std::string, Dim>> fresh_;
};

/// Numpy's multidirectional broadcast of two shapes; throws INVALID_MODEL naming the dimensions.
Dims broadcast(const Dims& a, const Dims& b);

/// Of operands, from input `first` to the last that `batched` speaks of, that broadcast to `rank`
/// dimensions: whether entry i of the result's first axis reads entry i of the batched ones, and of
/// the others what every entry reads.
bool rows_broadcast(const Infer&, const std::vector<bool>& batched, int64_t rank, size_t first = 0);

}  // namespace drawbar
