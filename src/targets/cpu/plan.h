#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "base/tensor_pool.h"
#include "targets/cpu/select.h"
#include "targets/cpu/slices.h"
#include "targets/memory_plan.h"
#include "targets/target.h"

namespace drawbar::cpu {

/// What every plan of a program shares.
struct PlanContext {
  std::shared_ptr<PackedConstants> packed;
  std::shared_ptr<TacticChooser> chooser;
  std::shared_ptr<TensorPool> values;  // memory of values whose size depends on data
  int threads = 1;
  Isa isa = Isa::baseline;
  bool strict = false;
  ThreadPool* timing_pool = nullptr;  // not null while compiling: tactics are timed on it
};

struct CachedKernel;

/// When a step of a profiled run ran.
struct StepTime {
  double start = 0;  // seconds since the run began
  double seconds = 0;
};

/// For loops within one part of a batch.
ThreadPool& one_thread();

/// Something to time on: small numbers, integers of 0.
Tensor sample(const TensorType& type);

/// Whether values of the type can have planned memory.
bool is_placed(const Type& type);

/// A graph with concrete shapes turned into steps. Values whose type is known live in one arena,
/// placed by lifetime; the rest (sizes that depend on data, sequences) are allocated while running.
/// Steps: a kernel, a reference implementation, a plan for a part of the batch that every thread
/// runs on parts of its own, or a node whose shapes are only known then.
class Plan final : public Executor {
 public:
  /// `graph` is specialised, folded and has layouts; subgraphs become plans of their own.
  Plan(Graph graph, const PlanContext& context);
  ~Plan() override;

  void prepare(ThreadPool& pool) override;
  void run(std::span<const Tensor> inputs, std::span<Tensor> outputs, const RunControl& control,
           ThreadPool& pool) override;
  PlanReport profile(std::span<const Tensor> inputs, ThreadPool& pool) override;
  PlanReport report() const override;
  /// While compiling: one run on made-up inputs, in which nodes whose shapes depend on data time
  /// their tactics for the shapes they meet. Nothing where there are none.
  void rehearse(ThreadPool& pool);

 private:
  struct Step;
  struct Frame;
  enum class Place : uint8_t { none, constant, input, arena, output, dynamic };

  void build_steps(const PlanContext& context);
  bool shares_memory(const Node& node) const;
  void share_slices();
  /// The operands of a node whose values have planned memory.
  std::vector<Operand> inputs_of(const Node& node) const;
  std::vector<Operand> outputs_of(const Node& node) const;
  void place_values();
  void unite_in_place(const std::vector<int>& last_use);
  ValueId root(ValueId id) const;
  void* place(ValueId id, void* root) const;  // where the value lies in the memory of its root
  int64_t parts_of(const Step& step) const;   // of a step of Kind::rows
  std::unique_ptr<Frame> take_frame();
  void give_back(std::unique_ptr<Frame> frame);
  /// Its addresses, but for those in the caller's memory; loads the constants that steps read.
  void fill(Frame& frame) const;
  /// Those in the caller's memory.
  void set_addresses(Frame& frame, std::span<const Tensor> inputs, std::span<Tensor> outputs);
  Tensor view(ValueId id, void* address) const;  // of a value with planned memory
  void finish(Frame& frame, std::span<Tensor> outputs);
  void execute(Frame& frame, const Step& step, const RunControl& control, ThreadPool& pool,
               std::vector<StepTime>* times);
  void execute_rows(Frame& frame, const Step& step, const RunControl& control, ThreadPool& pool,
                    std::vector<StepTime>* times);
  void execute_kernel(Frame& frame, const Kernel& kernel, const Step& step, ThreadPool& pool);
  void execute_dynamic(Frame& frame, const Step& step, const RunControl& control, ThreadPool& pool);
  void execute_reference(Frame& frame, const Step& step, const RunControl& control,
                         ThreadPool& pool);
  void expect_accepted(Frame& frame, const Step& step) const;
  CachedKernel make_dynamic_kernel(Frame& frame, const Step& step);
  const Tensor& tensor(Frame& frame, ValueId id) const;
  /// `times` (may be null) gets the time of every step, in the order of the report.
  void run_timed(std::span<const Tensor> inputs, std::span<Tensor> outputs,
                 const RunControl& control, ThreadPool& pool, std::vector<StepTime>* times);
  void run_steps(Frame& frame, const RunControl& control, ThreadPool& pool,
                 std::vector<StepTime>* times);

  Graph graph_;
  PlanContext context_;
  std::vector<std::unique_ptr<Step>> steps_;
  std::vector<Slice> slices_;
  std::vector<Place> place_;        // by value; of the root where values share memory
  std::vector<ValueId> parent_;     // the value whose memory this one shares, or itself
  std::vector<int64_t> offset_;     // of arena roots
  std::vector<uint32_t> slot_;      // input or output index of such roots
  std::vector<char> is_read_;       // constants whose data some step reads
  std::vector<char> needs_tensor_;  // values that some step reads or writes as a Tensor
  std::vector<ValueId> moving_;     // values in the caller's memory: another address each run
  int64_t arena_bytes_ = 0;
  std::mutex frames_mutex_;
  std::vector<std::unique_ptr<Frame>> frames_;
};

}  // namespace drawbar::cpu
