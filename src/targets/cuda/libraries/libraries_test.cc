#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <set>

#include "base/error.h"
#include "ops/attention/cuda_cudnn.h"
#include "ops/conv/cuda_cudnn.h"
#include "ops/conv/op.h"
#include "ops/matmul/cuda_cublaslt.h"
#include "targets/cuda/libraries/availability.h"
#include "targets/cuda/libraries/evaluate.h"
#include "targets/cuda/libraries/planned_elsewhere.h"
#include "tests/support/one_node.h"
#include "tests/support/operands.h"

// What the libraries are asked for is checked without a GPU: the cases of the operators' tables
// become graphs and products, which the host computes as they say. cuDNN itself is asked for
// engines for a GPU that is not here.

namespace drawbar {
namespace {

using namespace cuda;

bool has_device() { return this_gpu().gpu && this_gpu().gpu->info().architecture != "host"; }

template <class F>
void expect_unavailable(F&& make) {
  try {
    make();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::unavailable) << error.what();
    EXPECT_GT(error.message().size(), 20U);
  }
}

TEST(CudaLibraries, LookIntoFoldersFirst) {
  setenv("DRAWBAR_CUDA_LIBRARIES", "/one::/two/", 1);
  const std::vector<std::string> names = in_library_folders({"a.so", "b.so"});
  unsetenv("DRAWBAR_CUDA_LIBRARIES");
  const std::vector<std::string> wanted = {"/one/a.so", "/two//a.so", "a.so",
                                           "/one/b.so", "/two//b.so", "b.so"};
  EXPECT_EQ(names, wanted);
}

TEST(CudaLibraries, CuBlasLtLoads) {
  if (!cublaslt().cublasLtCreate_) GTEST_SKIP() << cublaslt().reason;
  EXPECT_EQ(cublaslt().reason, "");
  EXPECT_GE(cublaslt().cublasLtGetVersion_(), 120000U);
  if (!has_device()) expect_unavailable([] { cublaslt_handle(); });
}

TEST(CudaLibraries, CuDnnLoads) {
  if (!cudnn().cudnnCreate_) GTEST_SKIP() << cudnn().reason;
  EXPECT_EQ(cudnn().reason, "");
  if (!has_device())
    expect_unavailable([] { const CudnnHandle handle(CudnnHandle::Use::running); });
}

TEST(CudaLibraries, StayAwayWithoutTheirDevice) {
  GpuInfo elsewhere = emulated_gpu()->info();
  EXPECT_FALSE(has_cublaslt(elsewhere));
  EXPECT_FALSE(has_cudnn(elsewhere));
  elsewhere.architecture = "sm_75";  // cuDNN and cuBLASLt know it, this process lacks it
  if (has_device() && this_gpu().gpu->info().architecture == "sm_75")
    GTEST_SKIP() << "the device here is an sm_75";
  EXPECT_FALSE(has_cublaslt(elsewhere));
  EXPECT_FALSE(has_cudnn(elsewhere));
}

/// cuDNN 9.19 lists no engine for these: compiled ones want channels-last and factors of y's size,
/// of a channel or of all; the others know bias, residual and one activation.
bool lacks_engine(std::string_view name, std::string_view layout) {
  for (const std::string_view known : {"factor per image and channel", "map of pixels"}) {
    if (name.starts_with(known)) return true;
  }
  for (const std::string_view known :
       {"factor per channel", "one dimension, residual", "relu, then residual", "residual", "swish",
        "three dimensions, swish"}) {
    if (layout == "row-major" && name.starts_with(known)) return true;
  }
  return false;
}

/// cuDNN takes the graph and has an engine for it.
void expect_engine(const CudnnNode& node, const CheckedCase& checked, std::string_view layout) {
  if (!plans_elsewhere()) return;
  const std::string what = fmt::format("{}, {} (library)", checked.op_case.name, layout);
  try {
    const CudnnPlanner planner(node.graph, node.rules, h200);
    // Compiling an engine takes up to seconds: where machine code of all kernels is asked for.
    const bool compiled = std::getenv("DRAWBAR_TEST_ARCHITECTURE") && !has_device();
    const bool found = compiled ? planner.plan() != nullptr : planner.has_engine();
    EXPECT_TRUE(found || lacks_engine(checked.op_case.name, layout)) << what;
  } catch (const Error& error) {
    ADD_FAILURE() << what << ": " << error.what();
  }
}

/// cuDNN's engines for f32 that carry the note TENSOR_CORE compute in TF32.
TEST(CudaLibraries, CuDnnUsesTensorCoresForFloatsWhereAsked) {
  const Op op = ops::Conv{};
  const Layout last = Layout::channels_last;
  const ElementType type = ElementType::f32;
  const std::vector<Operand> inputs = {{type, {2, 64, 56, 56}, last, nullptr, true},
                                       {type, {128, 64, 1, 1}, Layout::row_major, nullptr, true}};
  const std::vector<Operand> outputs = {{type, {2, 128, 56, 56}, last, nullptr, true}};
  PackedConstants constants;
  const GpuInfo gpu = emulated_gpu()->info();
  for (const bool tf32 : {false, true}) {
    const auto node = cudnn_convolution({op, inputs, outputs, gpu, constants, false, tf32});
    ASSERT_TRUE(node);
    const auto refuses = [&](cudnnBackendNumericalNote_t note) {
      return std::count(node->rules.without.begin(), node->rules.without.end(), note) > 0;
    };
    EXPECT_EQ(refuses(CUDNN_NUMERICAL_NOTE_TENSOR_CORE), !tf32);
    EXPECT_TRUE(refuses(CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS));
    EXPECT_EQ(refuses(CUDNN_NUMERICAL_NOTE_WINOGRAD), tf32);
    EXPECT_TRUE(!plans_elsewhere() || CudnnPlanner(node->graph, node->rules, h200).plan()) << tf32;
  }
}

/// Memory of a case's operands, and of what is packed for it.
struct Memory {
  std::vector<std::vector<std::byte>> blocks;
  std::vector<void*> inputs, outputs, packed;

  Memory(const CheckedCase& checked, const Operands& operands,
         const std::vector<PackedBuffer>& buffers) {
    blocks.reserve(operands.inputs.size() + operands.outputs.size());
    const auto place = [&](const Operand& operand) -> void* {
      blocks.emplace_back(static_cast<size_t>(storage_bytes(operand.type, operand.size())));
      return blocks.back().data();
    };
    for (size_t i = 0; i < operands.inputs.size(); ++i) {
      inputs.push_back(operands.inputs[i].present ? place(operands.inputs[i]) : nullptr);
      if (inputs[i]) copy_in(operands.inputs[i], checked.one.operands[i], inputs[i]);
    }
    for (const Operand& output : operands.outputs) outputs.push_back(place(output));
    for (const PackedBuffer& buffer : buffers)
      packed.push_back(const_cast<std::byte*>(buffer.data.get()));
  }
};

void expect_node(const CudnnNode& node, const Memory& memory) {
  std::vector<void*> pointers;
  for (const auto& [number, argument] : node.operands) {
    pointers.push_back(argument.source == Argument::Source::packed ? memory.packed[argument.index]
                       : argument.source == Argument::Source::output
                           ? memory.outputs[argument.index]
                           : memory.inputs[argument.index]);
  }
  evaluate(node, pointers);
}

bool is_empty(const Operands& operands) {
  for (const auto* side : {&operands.inputs, &operands.outputs}) {
    for (const Operand& operand : *side) {
      if (operand.present && operand.size() == 0) return true;
    }
  }
  return false;
}

void try_case(const CheckedCase& checked, const Operands& operands, std::string_view layout) {
  if (is_empty(operands)) return;
  const GpuInfo gpu = emulated_gpu()->info();
  PackedConstants constants;
  const Problem problem{checked.op_case.op, operands.inputs, operands.outputs, gpu, constants};
  for (const Tactic& tactic : tactics_for(checked.op_case.op.name()))
    EXPECT_FALSE(tactic.needs_device && tactic.applies(problem)) << tactic.name;
  const std::string what = fmt::format("{}, {} (library)", checked.op_case.name, layout);
  const std::string_view op = checked.op_case.op.name();
  if (op == "MatMul") {
    const auto matmul = cublaslt_matmul(problem);
    if (!matmul) return;
    const Memory memory(checked, operands, cublaslt_weights(problem));
    const auto at = [&](size_t i) { return i != 0 ? memory.inputs[i] : nullptr; };
    evaluate(matmul->product, matmul->packs_b ? memory.packed[0] : memory.inputs[1],
             memory.inputs[0], at(matmul->c_input), memory.outputs[0], at(matmul->bias_input));
    expect_close(copy_out(operands.outputs[0], memory.outputs[0]), checked.one.outputs[0],
                 checked.rtol, checked.atol, what);
    return;
  }
  const auto node = op == "Conv" ? cudnn_convolution(problem) : cudnn_attention(problem);
  if (!node) return;
  const Memory memory(
      checked, operands,
      op == "Conv" ? cudnn_convolution_weights(problem) : std::vector<PackedBuffer>{});
  expect_node(*node, memory);
  expect_close(copy_out(operands.outputs[0], memory.outputs[0]), checked.one.outputs[0],
               checked.rtol, checked.atol, what);
  expect_engine(*node, checked, layout);
}

void expect_libraries_agree(std::span<const CheckedCase> cases) {
  static const std::set<std::string_view> ours = {"MatMul", "Conv", "Attention"};
  for (const CheckedCase& checked : cases) {
    if (!ours.contains(checked.op_case.op.name()) || checked.one.outputs.empty()) continue;
    const auto operands = row_major_operands(checked.one);
    if (!operands) continue;
    try_case(checked, *operands, "row-major");
    const LayoutRule rule = layout_rule(checked.op_case.op.name());
    if (const auto last = channels_last_operands(*operands, rule))
      try_case(checked, *last, "channels-last");
  }
}

[[maybe_unused]] const bool registered = register_target_check(expect_libraries_agree);

}  // namespace
}  // namespace drawbar
