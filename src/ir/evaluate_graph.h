#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/run_control.h"
#include "base/tensor_pool.h"
#include "ir/graph.h"

namespace drawbar {

using SubgraphRunner = std::function<std::vector<Tensor>(size_t which, std::vector<Tensor> inputs)>;

/// One node's run by its reference implementation. Outputs that were given memory beforehand
/// (`bind`) are written there; others are allocated, of `values` where that is given.
class NodeEvaluation final : public Evaluation {
 public:
  NodeEvaluation(std::span<const Tensor* const> inputs, size_t outputs, const RunControl& control,
                 ThreadPool& pool, const SubgraphRunner* subgraphs = nullptr,
                 TensorPool* values = nullptr)
      : inputs_(inputs),
        outputs_(outputs),
        control_(control),
        pool_(pool),
        subgraphs_(subgraphs),
        values_(values) {}

  void bind(size_t i, Tensor memory) { outputs_[i] = std::move(memory); }
  std::vector<Tensor>& results() { return outputs_; }

  size_t inputs() const override { return inputs_.size(); }
  bool has(size_t i) const override {
    return i < inputs_.size() && inputs_[i] && inputs_[i]->has_value();
  }
  const Tensor& input(size_t i) const override;
  size_t outputs() const override { return outputs_.size(); }
  Tensor& output(size_t i, ElementType type, Shape shape) override;
  void set_output(size_t i, Tensor value) override;
  std::vector<Tensor> run_subgraph(size_t which, std::vector<Tensor> inputs) override;
  void checkpoint() override { control_.check(); }
  void check_bytes(int64_t bytes) override { control_.check_bytes(bytes); }
  ThreadPool& pool() override { return pool_; }

 private:
  std::span<const Tensor* const> inputs_;
  std::vector<Tensor> outputs_;
  std::vector<Tensor> spare_;  // for outputs the node does not have
  const RunControl& control_;
  ThreadPool& pool_;
  const SubgraphRunner* subgraphs_;
  TensorPool* values_;
};

/// Runs one operator by its reference. Throws UNSUPPORTED when it has none.
std::vector<Tensor> evaluate_op(const Op& op, const std::vector<Tensor>& inputs, size_t outputs,
                                const RunControl& control = {});

/// Runs a graph node by node with the reference implementations: slow, and the oracle of everything
/// else. `inputs` follow graph.inputs(). Errors name the node.
std::vector<Tensor> evaluate_graph(const Graph& graph, std::vector<Tensor> inputs,
                                   const RunControl& control = {});

/// Checks concrete inputs against the graph's input types and binds its symbols. Throws
/// INVALID_ARGUMENT naming the input and dimension.
Bindings bind_inputs(const Graph& graph, std::span<const Tensor> inputs);

}  // namespace drawbar
