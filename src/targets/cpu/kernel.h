#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/threads.h"
#include "ir/graph.h"
#include "targets/cpu/isa.h"
#include "targets/target.h"

namespace drawbar::cpu {

/// One input or output of a node whose shapes are all known.
struct Operand {
  ElementType type = ElementType::f32;
  Shape shape;  // logical (N, C, d1…dn)
  Layout layout = Layout::row_major;
  ConstantPtr constant;  // of a constant input
  bool present = false;
  /// Not 0: a channels-last output that is a slice of the channels of a wider tensor, whose pixels
  /// are so many elements apart.
  int64_t pitch = 0;

  int64_t rank() const { return static_cast<int64_t>(shape.size()); }
  int64_t dim(int64_t axis) const { return shape[static_cast<size_t>(axis)]; }
  int64_t size() const;
  /// Elements from one pixel to the next one of a channels-last operand.
  int64_t pixel_stride() const { return pitch != 0 ? pitch : dim(1); }
  /// Elements of memory from the first element to behind the last one.
  int64_t extent() const;
  /// Elements between neighbours along each logical axis.
  Shape strides() const;
};

/// Constants in the form kernels read, shared by all plans of a program and saved in the engine.
/// Thread-safe; a buffer is packed once.
class PackedConstants {
 public:
  using Buffer = std::shared_ptr<const std::byte>;
  /// The buffer for `constant` in `form` (which names everything the bytes depend on: "gemm_b nr=32
  /// k=512 …"), made by `pack` into 64-byte aligned memory of `bytes` if there is none yet. Without
  /// `saved` engines leave it out, and it is made again when they are opened.
  Buffer get(const ConstantPtr& constant, const std::string& form, size_t bytes,
             FunctionRef<void(const Tensor& source, void* packed)> pack, bool saved = true);
  /// Says that a kernel will read the constant as it came.
  void will_read(const ConstantPtr& constant);
  /// Checks what get() has given out of an engine and loads what will be read, since the last time,
  /// on all threads of the pool: to be called before a kernel runs. Throws INVALID_MODEL, and again
  /// the next time.
  void check(ThreadPool& pool);
  /// What is there; the part of it that engines keep; and buffers from an engine.
  std::map<std::string, Section> all() const;
  std::map<std::string, Section> saved() const;
  void add(std::string key, Section section);
  size_t bytes() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Section> buffers_;  // by "<constant's hash> <form>"
  std::set<std::string> unchecked_;         // of those, the ones given out
  std::set<std::string> unsaved_;           // and those that engines leave out
  std::vector<ConstantPtr> unread_;         // to be loaded
  std::atomic<bool> all_checked_ = true;
};

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

/// How an operator gets on with memory orders. Rank-4 tensors of f32, i32 or bytes may be stored
/// channels-last.
enum class LayoutRule : uint8_t {
  row_major,      // knows only row-major
  channels_last,  // its first input and output are channels-last when `applies` says so, or the
                  // output alone (convolution, pooling)
  any,  // every full-rank operand in one order, whichever (pointwise, concat along channels…)
};

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
      (::drawbar::cpu::register_layout_rule(#OP, ::drawbar::cpu::LayoutRule::RULE), true)

}  // namespace drawbar::cpu
