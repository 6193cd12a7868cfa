#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/threads.h"
#include "targets/cpu/isa.h"
#include "targets/layout.h"
#include "targets/operand.h"
#include "targets/packed_constants.h"

namespace drawbar::cpu {

/// What a tactic is asked to run: one node with concrete operands.
struct Problem {
  const Op& op;
  std::span<const Operand> inputs, outputs;
  int threads = 1;
  Isa isa = Isa::baseline;
  PackedConstants& packed;
  bool strict = false;  // only ways whose error is that of plain sums in some order
};

/// Pointers for one run, one per operand (null where absent). Constant inputs have their unpacked
/// data. `scratch` is 64-byte aligned and holds what the kernel asked for.
struct KernelRun {
  std::span<const void* const> inputs;
  std::span<void* const> outputs;
  void* scratch = nullptr;
  ThreadPool& pool;

  template <class T>
  const T* in(size_t i) const {
    return static_cast<const T*>(inputs[i]);
  }
  template <class T>
  T* out(size_t i) const {
    return static_cast<T*>(outputs[i]);
  }
};

/// A kernel ready for one problem. Immutable: many threads may run it, each with its own scratch.
/// `run` allocates nothing.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual size_t scratch_bytes() const { return 0; }
  /// Bit i: input i is a constant in a form of the kernel's own, whose data run() does not read, so
  /// that it need not be brought into memory.
  virtual uint32_t packed_inputs() const { return 0; }
  /// The additions and multiplications of one run, a multiply-add being two, without what only
  /// rearranges numbers for them; nothing where they are as many as the operator's definition
  /// counts.
  virtual std::optional<double> executed_operations() const { return std::nullopt; }
  virtual void run(const KernelRun& run) const = 0;
};

/// A kernel from a callable void(const KernelRun&).
template <class F>
std::unique_ptr<Kernel> make_kernel(F run, size_t scratch_bytes = 0, uint32_t packed_inputs = 0,
                                    std::optional<double> executed_operations = {}) {
  struct Callable final : Kernel {
    F body;
    size_t scratch;
    uint32_t packed;
    std::optional<double> executed;
    Callable(F f, size_t s, uint32_t p, std::optional<double> e)
        : body(std::move(f)), scratch(s), packed(p), executed(e) {}
    size_t scratch_bytes() const override { return scratch; }
    uint32_t packed_inputs() const override { return packed; }
    std::optional<double> executed_operations() const override { return executed; }
    void run(const KernelRun& r) const override { body(r); }
  };
  return std::make_unique<Callable>(std::move(run), scratch_bytes, packed_inputs,
                                    executed_operations);
}

/// One way to run an operator. The registry is filled by cpu.cc files through DRAWBAR_CPU_TACTIC.
struct Tactic {
  std::string_view op;    // the operator's name
  std::string_view name;  // "conv3x3_winograd4_f32"
  /// Whether it can run this problem, layouts included.
  bool (*applies)(const Problem&);
  /// Cost model: seconds on this processor; the smallest wins where nothing was timed.
  double (*seconds)(const Problem&);
  std::unique_ptr<Kernel> (*make)(const Problem&);
  int in_place = -1;  // this input's memory may become output 0's (same bytes, read before written)
  bool writes_slices = false;  // output 0 may have a pitch

  /// Whether it applies, to an output that is a slice too.
  bool takes(const Problem& problem) const;
};

void register_tactic(const Tactic& tactic);
void register_layout_rule(std::string_view op, LayoutRule rule);
std::span<const Tactic> tactics_for(std::string_view op);
/// Whether some tactic takes the problem.
bool some_tactic_takes(const Problem& problem);
LayoutRule layout_rule(std::string_view op);

#define DRAWBAR_CPU_TACTIC(ID, ...)                \
  [[maybe_unused]] static const bool tactic_##ID = \
      (::drawbar::cpu::register_tactic(::drawbar::cpu::Tactic{__VA_ARGS__}), true)
#define DRAWBAR_CPU_LAYOUT(OP, RULE)               \
  [[maybe_unused]] static const bool layout_##OP = \
      (::drawbar::cpu::register_layout_rule(#OP, ::drawbar::LayoutRule::RULE), true)

}  // namespace drawbar::cpu
