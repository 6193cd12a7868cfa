#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "targets/cuda/gpu.h"
#include "targets/cuda/launch.h"
#include "targets/layout.h"
#include "targets/operand.h"
#include "targets/packed_constants.h"

namespace drawbar::cuda {

class CodeCache;

/// What a tactic is asked to run: one node with concrete operands.
struct Problem {
  const Op& op;
  std::span<const Operand> inputs, outputs;
  const GpuInfo& gpu;
  PackedConstants& packed;
  bool strict = false;  // only ways whose error is that of plain sums in some order
  bool tf32 = false;    // factors of f32 may be rounded to TF32; not together with strict
  const CodeCache* saved = nullptr;  // what an engine has kept of kernels, if there is one
};

/// Pointers for one run, all of the device, one per operand (null where absent); `functions` has
/// one for each of the kernel's launches, `packed` one for each of its packed buffers.
struct KernelRun {
  Stream& stream;
  std::span<void*const> inputs, outputs, packed;
  std::span<const void* const> functions;
  void* scratch = nullptr;  // 256-byte aligned
};

/// A constant in a form of the kernel's own, to be brought to the device.
struct PackedBuffer {
  PackedConstants::Buffer data;
  size_t bytes = 0;
};

/// A kernel ready for one problem. Immutable; `enqueue` only adds work to the stream, the same at
/// each call, so that it can be recorded.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual size_t scratch_bytes() const { return 0; }
  virtual std::span<const Launch> launches() const { return {}; }
  virtual std::span<const PackedBuffer> packed() const { return {}; }
  /// Bit i: input i is a constant whose data in the form it came in is not read.
  virtual uint32_t packed_inputs() const { return 0; }
  virtual std::optional<double> executed_operations() const { return std::nullopt; }
  /// Adds what an engine should keep besides the launches' code.
  virtual void keep(CodeCache&) const {}
  virtual void enqueue(const KernelRun& run) const = 0;
};

/// A kernel that is some launches, one after the other.
class LaunchedKernel final : public Kernel {
 public:
  explicit LaunchedKernel(std::vector<Launch> launches, size_t scratch_bytes = 0,
                          std::vector<PackedBuffer> packed = {}, uint32_t packed_inputs = 0)
      : launches_(std::move(launches)),
        packed_(std::move(packed)),
        scratch_bytes_(scratch_bytes),
        packed_inputs_(packed_inputs) {}
  size_t scratch_bytes() const override { return scratch_bytes_; }
  std::span<const Launch> launches() const override { return launches_; }
  std::span<const PackedBuffer> packed() const override { return packed_; }
  uint32_t packed_inputs() const override { return packed_inputs_; }
  void enqueue(const KernelRun& run) const override;

 private:
  std::vector<Launch> launches_;
  std::vector<PackedBuffer> packed_;
  size_t scratch_bytes_;
  uint32_t packed_inputs_;
};

std::unique_ptr<Kernel> make_kernel(Launch launch);

/// One way to run an operator. The registry is filled by cuda*.cc files through
/// DRAWBAR_CUDA_TACTIC.
struct Tactic {
  std::string_view op;
  std::string_view name;
  /// Whether it can run this problem, layouts included.
  bool (*applies)(const Problem&);
  /// Cost model: seconds on problem.gpu; the smallest wins where nothing was timed.
  double (*seconds)(const Problem&);
  std::unique_ptr<Kernel> (*make)(const Problem&);
  int in_place = -1;  // this input's memory may become output 0's (same bytes, read before written)
  bool needs_device = false;  // calls a library that the emulation lacks
  bool plans_long = false;    // `applies` and `make` may take seconds
  /// Why it does not take a problem, where that is not its types and attributes; may be null.
  std::optional<std::string> (*refusal)(const Problem&) = nullptr;
};

void register_tactic(const Tactic& tactic);
void register_layout_rule(std::string_view op, LayoutRule rule);
std::span<const Tactic> tactics_for(std::string_view op);
LayoutRule layout_rule(std::string_view op);
/// The tactics that take the problem on its GPU.
std::vector<const Tactic*> candidates(const Problem& problem);
/// Without those that plan long, where there are others: to choose by the cost model.
std::vector<const Tactic*> quick_candidates(const Problem& problem);
/// Whether there are some.
bool some_tactic_takes(const Op& op, std::span<const Operand> inputs,
                       std::span<const Operand> outputs, const GpuInfo& gpu);

/// Arguments of launches by operand, packed buffer, or byte offset in the scratch memory.
Argument input(const Problem& problem, size_t index);
Argument output(const Problem& problem, size_t index);
Argument packed(size_t index, ElementType type);
Argument scratch(size_t offset, ElementType type);

/// Blocks of `threads` for a thread an item.
Extent blocks_for(int64_t items, int64_t threads);

/// Whether every operand is there and has a type that device code knows.
bool have_code_names(const Problem& problem);
/// Matrix units with sums in f32: sm_80 and later, and the emulation.
bool has_matrix_units(const GpuInfo& gpu);
/// Whether products of f32 may be formed on the matrix units, their factors rounded to TF32.
bool takes_tf32(const Problem& problem);
/// f32, f64, f16 or bf16.
bool is_real(ElementType type);

/// Seconds for so many bytes of device memory and operations in f32: the cost model of kernels that
/// read and write everything once.
double streaming_seconds(const Problem& problem, double operations = 0);

#define DRAWBAR_CUDA_TACTIC(ID, ...)               \
  [[maybe_unused]] static const bool tactic_##ID = \
      (::drawbar::cuda::register_tactic(::drawbar::cuda::Tactic{__VA_ARGS__}), true)
#define DRAWBAR_CUDA_LAYOUT(OP, RULE)              \
  [[maybe_unused]] static const bool layout_##OP = \
      (::drawbar::cuda::register_layout_rule(#OP, ::drawbar::LayoutRule::RULE), true)

}  // namespace drawbar::cuda
