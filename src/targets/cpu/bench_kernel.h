#pragma once

#include <benchmark/benchmark.h>
#include <string>
#include <vector>

#include "targets/cpu/gemm/peak.h"
#include "targets/cpu/kernel.h"

/// Benches of operators' kernels: a line of a table is a node with concrete shapes.
namespace drawbar::cpu {

struct BenchInput {
  Shape shape;
  bool constant = false;
  ElementType type = ElementType::f32;
  Layout layout = Layout::row_major;
  Tensor values = {};  // has none: drawn
};

struct BenchCase {
  std::string name;
  Op op;
  std::vector<BenchInput> inputs;  // shape {-1}: an absent one
  size_t outputs = 1;
};

inline Tensor bench_tensor(ElementType type, const Shape& shape) {
  Tensor tensor = Tensor::allocate(type, shape);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    if (type == ElementType::f32) {
      tensor.data<float>()[i] = static_cast<float>(i * 37 % 101) * 0.01f - 0.5f;
    } else {
      write_integer(tensor, i, i % 3);
    }
  }
  return tensor;
}

/// Runs the tactic that the cost model prefers, and reports operations, bytes of all operands, and
/// the share of the measured peak.
inline void bench_kernel(benchmark::State& state, const BenchCase& bench, int threads) {
  std::vector<Operand> inputs, outputs;
  std::vector<Tensor> memory;
  std::vector<Type> types;
  types.reserve(bench.inputs.size());
  memory.reserve(bench.inputs.size());
  std::vector<Infer::Input> inferred;
  double bytes = 0;
  for (const BenchInput& input : bench.inputs) {
    Operand operand;
    memory.emplace_back();
    types.emplace_back();
    inferred.emplace_back();
    if (input.shape != Shape{-1}) {
      memory.back() =
          input.values.has_value() ? input.values : bench_tensor(input.type, input.shape);
      types.back() = Type(input.type, to_dims(input.shape));
      inferred.back().type = &types.back();
      operand = {input.type, input.shape, input.layout, nullptr, true};
      if (input.constant) {
        operand.constant = std::make_shared<const Constant>(memory.back());
        inferred.back().constant = &memory.back();
      }
      bytes += static_cast<double>(memory.back().bytes());
    }
    inputs.push_back(std::move(operand));
  }
  Infer context("bench", inferred, bench.outputs);
  bench.op.infer(context);
  std::vector<const void*> in;
  std::vector<void*> out;
  for (Tensor& tensor : memory) in.push_back(tensor.has_value() ? tensor.raw() : nullptr);
  std::vector<Tensor> results;
  for (const auto& result : context.results()) {
    const TensorType& type = result.type.tensor;
    results.push_back(Tensor::allocate(type.element, type.shape()));
    const bool like = !inputs.empty() && inputs[0].rank() == type.rank();
    outputs.push_back(
        {type.element, type.shape(), like ? inputs[0].layout : Layout::row_major, nullptr, true});
    out.push_back(results.back().raw());
    bytes += static_cast<double>(results.back().bytes());
  }
  PackedConstants packed;
  const Problem problem{bench.op, inputs, outputs, threads, isa(), packed};
  const Tactic* best = nullptr;
  for (const Tactic& tactic : tactics_for(bench.op.name())) {
    if (tactic.applies(problem) && (!best || tactic.seconds(problem) < best->seconds(problem))) {
      best = &tactic;
    }
  }
  if (!best) {
    state.SkipWithError("no tactic applies");
    return;
  }
  const auto kernel = best->make(problem);
  const Tensor scratch =
      Tensor::allocate(ElementType::u8, {static_cast<int64_t>(kernel->scratch_bytes()) + 64});
  ThreadPool pool(threads);
  const KernelRun run{in, out, const_cast<void*>(scratch.raw()), pool};
  kernel->run(run);
  const double peak = measure_fma_peak(problem.isa);
  for (auto _ : state) kernel->run(run);
  const OpSchema& schema = bench.op.schema();
  const double operations =
      schema.operations
          ? static_cast<double>(schema.operations(bench.op.attributes_struct(), context).value())
          : static_cast<double>(outputs[0].size());
  const auto runs = static_cast<double>(state.iterations());
  const auto rate = [&](double amount) {
    return benchmark::Counter(amount * runs, benchmark::Counter::kIsRate);
  };
  state.counters["GFLOP/s"] = rate(operations / 1e9);
  state.counters["of_peak"] = rate(operations / peak / threads);
  state.counters["GB/s"] = rate(bytes / 1e9);
  state.SetLabel(std::string(best->name));
}

/// Registers a table, each line with one and two threads.
template <size_t count>
bool register_benches(const char* family, const BenchCase (&cases)[count]) {
  for (const BenchCase& bench : cases) {
    for (int threads : {1, 2}) {
      const std::string name =
          std::string(family) + "/" + bench.name + "/" + std::to_string(threads);
      benchmark::RegisterBenchmark(name.c_str(), [&bench, threads](benchmark::State& state) {
        bench_kernel(state, bench, threads);
      })->UseRealTime();
    }
  }
  return true;
}

}  // namespace drawbar::cpu
