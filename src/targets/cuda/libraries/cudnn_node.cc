#include "targets/cuda/libraries/cudnn_node.h"

#include "base/error.h"

namespace drawbar::cuda {
namespace {

class CudnnKernel final : public Kernel {
 public:
  CudnnKernel(const CudnnNode& node, std::shared_ptr<const CudnnPlan> plan,
              std::vector<PackedBuffer> packed, uint32_t packed_inputs)
      : plan_(std::move(plan)), packed_(std::move(packed)), packed_inputs_(packed_inputs) {
    for (const auto& [tensor, argument] : node.operands) {
      tensors_.push_back(tensor);
      arguments_.push_back(argument);
    }
    for (const auto& [tensor, number] : node.numbers) {
      tensors_.push_back(tensor);
      numbers_.push_back(number);
    }
  }

  size_t scratch_bytes() const override { return static_cast<size_t>(plan_->workspace_bytes()); }
  std::span<const PackedBuffer> packed() const override { return packed_; }
  uint32_t packed_inputs() const override { return packed_inputs_; }
  void keep(CodeCache& saved) const override { plan_->keep(saved); }

  void enqueue(const KernelRun& run) const override {
    std::vector<void*> pointers;
    for (const Argument& argument : arguments_) {
      const std::span<void* const> from = argument.source == Argument::Source::packed ? run.packed
                                          : argument.source == Argument::Source::output
                                              ? run.outputs
                                              : run.inputs;
      pointers.push_back(from[argument.index]);
    }
    for (const CudnnNode::Number& number : numbers_) {
      pointers.push_back(std::visit(
          [](const auto& value) -> void* {
            return const_cast<void*>(static_cast<const void*>(&value));
          },
          number));
    }
    plan_->enqueue(run.stream, tensors_, pointers, run.scratch);
  }

 private:
  std::shared_ptr<const CudnnPlan> plan_;
  std::vector<int64_t> tensors_;  // arguments, then numbers
  std::vector<Argument> arguments_;
  std::vector<CudnnNode::Number> numbers_;
  std::vector<PackedBuffer> packed_;
  uint32_t packed_inputs_;
};

}  // namespace

int64_t CudnnNode::add_operand(CudnnTensor tensor, Argument argument) {
  const int64_t number = graph.add(std::move(tensor));
  operands.emplace_back(number, argument);
  return number;
}

int64_t CudnnNode::add_number(Number number, size_t rank) {
  const Shape ones(rank, 1);
  const cudnnDataType_t type =
      std::holds_alternative<float>(number) ? CUDNN_DATA_FLOAT : CUDNN_DATA_INT32;
  numbers.emplace_back(graph.add({type, ones, ones, CudnnTensor::Place::host}), number);
  return numbers.back().first;
}

int64_t CudnnNode::add_between(cudnnDataType_t type, Shape sizes, Shape strides) {
  return graph.add({type, std::move(sizes), std::move(strides), CudnnTensor::Place::between});
}

int64_t CudnnNode::add(CudnnOperation operation) {
  graph.operations.push_back(std::move(operation));
  return graph.operations.back().y;
}

bool has_cudnn_plan(const CudnnNode& node, const Problem& problem) {
  try {
    return has_cudnn(problem.gpu) && CudnnPlanner(node.graph, node.rules).plan(problem.saved);
  } catch (const Error&) {
    return false;
  }
}

std::unique_ptr<Kernel> make_cudnn_kernel(const CudnnNode& node, const Problem& problem,
                                          std::vector<PackedBuffer> packed,
                                          uint32_t packed_inputs) {
  std::shared_ptr<const CudnnPlan> plan = CudnnPlanner(node.graph, node.rules).plan(problem.saved);
  if (!plan) fail(ErrorCode::unsupported, "cuDNN has no engine for this node");
  const CudnnHandle made(CudnnHandle::Use::running);  // not while a stream is recorded
  return std::make_unique<CudnnKernel>(node, std::move(plan), std::move(packed), packed_inputs);
}

}  // namespace drawbar::cuda
