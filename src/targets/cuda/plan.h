#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "targets/cuda/code_cache.h"
#include "targets/cuda/device_constants.h"
#include "targets/cuda/lanes.h"
#include "targets/cuda/loaded_code.h"
#include "targets/cuda/select.h"
#include "targets/target.h"

namespace drawbar::cuda {

/// What every plan of a program shares.
struct PlanContext {
  std::shared_ptr<PackedConstants> packed;
  std::shared_ptr<TacticChooser> chooser;
  std::shared_ptr<CodeCache> code;
  GpuInfo info;                                // what it is planned for
  std::shared_ptr<Gpu> gpu;                    // null: it is compiled and does not run
  std::shared_ptr<DeviceConstants> constants;  // null where there is no GPU
  bool strict = false, tf32 = false;           // Problem's
  bool time_tactics = false;                   // on `gpu`, where it is there
};

/// A graph of concrete shapes as work of a stream: a kernel for each node, every value in one arena
/// on the device, placed by lifetime; branches of the graph may run side by side. The first run
/// goes step by step; the second is recorded, copies of inputs and outputs included, and later ones
/// replay that with one call. Inputs and outputs that lie on the device are read and written where
/// they are; their addresses are part of the recording, of which a few are kept.
class Plan final : public Executor {
 public:
  /// `graph` is specialised, folded and has layouts; its types are known, no tensor is empty.
  /// Throws UNSUPPORTED naming a node that no kernel takes.
  Plan(Graph graph, const PlanContext& context);
  ~Plan() override;

  bool takes(const Place& place) const override;
  void run(std::span<const Tensor> inputs, std::span<Tensor> outputs, const RunControl& control,
           ThreadPool& pool) override;
  PlanReport profile(std::span<const Tensor> inputs, ThreadPool& pool) override;
  PlanReport report() const override;
  std::optional<double> device_seconds(int runs) override;
  /// How many branches of the graph may run side by side; 1: every step waits for the one before.
  int lanes() const { return lanes_.count(); }

 private:
  struct Step;
  struct Frame;
  /// Inputs, then outputs, of a caller's that lie on the device; null for those that pass through
  /// staging memory. Empty where all do.
  using Given = std::vector<void*>;

  void build_steps();
  void choose_tactics();
  void compile();
  /// Whether branches of the graph run side by side: as was measured, or is now.
  void choose_lanes();
  void spread_over(Lanes lanes);
  /// By step, the steps whose results it reads.
  std::vector<std::vector<int>> reads() const;
  void place_values();
  Problem problem_of(const Step& step) const;
  ValueId root(ValueId id) const;
  bool shares_memory(const Node& node) const;
  /// An output's or input's place among the bytes that are copied, 256-byte aligned each.
  std::vector<int64_t> staging_offsets(const std::vector<ValueId>& values, int64_t& bytes) const;
  std::unique_ptr<Frame> make_frame() const;
  /// One with the addresses of this run, which it knows if there is such a one.
  std::unique_ptr<Frame> take_frame(const Given& given);
  void give_back(std::unique_ptr<Frame> frame);
  Given given_of(std::span<const Tensor> inputs, std::span<const Tensor> outputs) const;
  /// Whether the caller's memory can be the value's own.
  bool is_used_as_it_lies(const void* memory, ValueId id) const;
  void set_addresses(Frame& frame, const Given& given) const;
  void enqueue(Frame& frame, const Step& step, Stream& stream) const;
  void enqueue_steps(Frame& frame, std::vector<std::unique_ptr<Mark>>* marks) const;
  void copy_in(Frame& frame) const;
  void copy_out(Frame& frame) const;
  void run_frame(Frame& frame) const;
  /// Everything in order; `marks` gets one before each copy or step and one behind the last.
  void run_steps(Frame& frame, std::vector<std::unique_ptr<Mark>>* marks) const;
  StepReport describe(const Step& step) const;
  StepReport describe_copy(const char* name, const std::vector<ValueId>& values) const;

  Graph graph_;
  PlanContext context_;
  std::vector<std::unique_ptr<Step>> steps_;
  Lanes lanes_ = Lanes::in_order(0);
  std::vector<ValueId> parent_;  // the value whose memory this one shares, or itself
  std::vector<int64_t> offset_;  // of roots that are not constant
  std::vector<char> is_read_;    // constants that are read as they came
  std::vector<std::shared_ptr<void>> constants_;  // by value: where they lie on the device
  std::optional<LoadedCode> code_;
  std::vector<int64_t> in_offsets_, out_offsets_;  // in the staging memory
  std::vector<char> can_be_given_;  // by root: inputs, and outputs that share it with no other
  int64_t arena_bytes_ = 0, in_bytes_ = 0, out_bytes_ = 0;
  std::mutex frames_mutex_;
  std::vector<std::unique_ptr<Frame>> frames_;
};

}  // namespace drawbar::cuda
