#include <cstdlib>
#include <cstring>

#include "targets/cpu/kernel.h"
#include "tests/support/one_node.h"
#include "tests/support/operands.h"

namespace drawbar {
namespace {

using namespace cpu;

constexpr size_t guard_bytes = 64;

/// 64-byte aligned memory full of not-a-number, with a guard behind it.
class Memory {
 public:
  explicit Memory(size_t bytes) : bytes_(bytes) {
    data_ = std::aligned_alloc(64, (bytes + guard_bytes + 63) / 64 * 64);
    std::memset(data_, 0xff, bytes);
    std::memset(static_cast<char*>(data_) + bytes, 0x5a, guard_bytes);
  }
  ~Memory() { std::free(data_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* data() const { return data_; }
  bool intact() const {
    const auto* guard = static_cast<const char*>(data_) + bytes_;
    for (size_t i = 0; i < guard_bytes; ++i) {
      if (guard[i] != 0x5a) return false;
    }
    return true;
  }

 private:
  size_t bytes_;
  void* data_;
};

ThreadPool& pool_of(int threads) {
  static ThreadPool one(1), two(2);
  return threads == 1 ? one : two;
}

/// Whether nothing was written beside the channels of a slice.
bool keeps_neighbours(const Operand& operand, const void* data) {
  if (operand.pitch == 0) return true;
  const auto width = bits(operand.type) / 8;
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (int64_t i = 0; i < operand.extent() * width; ++i) {
    if (i / width % operand.pitch >= operand.dim(1) && bytes[i] != 0xff) return false;
  }
  return true;
}

std::vector<Tensor> run_kernel(const Kernel& kernel, const Problem& problem, const OneNode& one,
                               int in_place) {
  std::vector<std::unique_ptr<Memory>> memory;
  const auto allocate = [&](const Operand& operand) {
    const auto bytes = static_cast<size_t>(storage_bytes(operand.type, operand.extent()));
    memory.push_back(std::make_unique<Memory>(bytes));
    return memory.back()->data();
  };
  std::vector<const void*> inputs;
  std::vector<void*> outputs;
  for (size_t i = 0; i < problem.inputs.size(); ++i) {
    const Operand& operand = problem.inputs[i];
    if (!operand.present) {
      inputs.push_back(nullptr);
    } else if (operand.constant && operand.layout == Layout::row_major) {
      inputs.push_back(operand.constant->tensor().raw());
    } else {
      void* data = allocate(operand);
      copy_in(operand, one.operands[i], data);
      inputs.push_back(data);
    }
  }
  for (const Operand& operand : problem.outputs) outputs.push_back(allocate(operand));
  if (in_place >= 0) outputs[0] = const_cast<void*>(inputs[static_cast<size_t>(in_place)]);
  const Memory scratch(kernel.scratch_bytes());
  kernel.run({inputs, outputs, scratch.data(), pool_of(problem.threads)});
  for (const auto& block : memory) EXPECT_TRUE(block->intact()) << "wrote behind a buffer";
  EXPECT_TRUE(scratch.intact()) << "wrote behind its scratch memory";
  for (size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_TRUE(keeps_neighbours(problem.outputs[i], outputs[i])) << "wrote beside its channels";
  }
  std::vector<Tensor> results;
  for (size_t i = 0; i < outputs.size(); ++i)
    results.push_back(copy_out(problem.outputs[i], outputs[i]));
  return results;
}

bool may_work_in_place(const Tactic& tactic, const Problem& problem) {
  if (tactic.in_place < 0 || static_cast<size_t>(tactic.in_place) >= problem.inputs.size())
    return false;
  const Operand& input = problem.inputs[static_cast<size_t>(tactic.in_place)];
  const Operand& output = problem.outputs[0];
  return input.present && !input.constant && input.layout == output.layout && output.pitch == 0 &&
         storage_bytes(input.type, input.size()) == storage_bytes(output.type, output.size());
}

void expect_tactic_agrees(const Tactic& tactic, const Problem& problem, const OneNode& one,
                          double rtol, double atol, const std::string& what) {
  EXPECT_GE(tactic.seconds(problem), 0) << what;
  const std::unique_ptr<Kernel> kernel = tactic.make(problem);
  const auto first = run_kernel(*kernel, problem, one, -1);
  for (size_t i = 0; i < first.size(); ++i) {
    expect_close(first[i], one.outputs[i], rtol, atol, fmt::format("{}: output {}", what, i));
  }
  const bool in_place = may_work_in_place(tactic, problem);
  const auto second = run_kernel(*kernel, problem, one, in_place ? tactic.in_place : -1);
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_TRUE(first[i].identical(second[i]))
        << what << ": output " << i << " has other bits the second time"
        << (in_place ? " (in place)" : "");
  }
}

void expect_tactics_agree(const OpCase& op_case, const Operands& operands, std::string_view layout,
                          const OneNode& one, double rtol, double atol) {
  const Isa best = isa();
  for (const Isa level : kIsas) {
    if (level > best) break;
    const ScopedIsa lowered(level);
    for (const int threads : {1, 2}) {
      PackedConstants packed;
      const Problem problem{op_case.op, operands.inputs, operands.outputs, threads, level, packed};
      for (const Tactic& tactic : tactics_for(op_case.op.name())) {
        if (!tactic.takes(problem)) continue;
        expect_tactic_agrees(tactic, problem, one, rtol, atol,
                             fmt::format("{}: {}, {}, {}, {} thread{}", op_case.name, tactic.name,
                                         name(level), layout, threads, threads > 1 ? "s" : ""));
      }
    }
  }
}

/// Makes a channels-last operand a slice of a wider tensor.
void slice(Operand& operand) {
  constexpr int64_t other_channels = 5;
  if (operand.layout == Layout::channels_last) operand.pitch = operand.dim(1) + other_channels;
}

}  // namespace

void expect_tactics_agree(const OpCase& op_case, const OneNode& one, double rtol, double atol) {
  if (tactics_for(op_case.op.name()).empty() || one.outputs.empty()) return;
  const auto operands = row_major_operands(one);
  if (!operands) return;
  expect_tactics_agree(op_case, *operands, "row-major", one, rtol, atol);
  const LayoutRule rule = layout_rule(op_case.op.name());
  auto last = channels_last_operands(*operands, rule);
  if (last) {
    expect_tactics_agree(op_case, *last, "channels-last", one, rtol, atol);
    Operands sliced = *last;
    slice(sliced.outputs[0]);
    expect_tactics_agree(op_case, sliced, "into a slice", one, rtol, atol);
  }
  if (last && rule == LayoutRule::channels_last) {
    last->inputs[0].layout = Layout::row_major;
    expect_tactics_agree(op_case, *last, "first input row-major", one, rtol, atol);
  }
}

}  // namespace drawbar
