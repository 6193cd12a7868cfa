#pragma once

#include <list>
#include <mutex>

#include "targets/partition.h"

namespace drawbar {

/// A piece's executors, by the shapes of its inputs: those that depend on data vary from run to
/// run. Thread-safe.
class PieceRunner {
 public:
  PieceRunner(const Piece& piece, std::shared_ptr<Program> program);

  std::shared_ptr<Executor> executor(std::span<const Tensor> inputs, int threads);
  const std::string& target() const { return target_; }
  /// What its compilation planned, where it was compiled for its shapes.
  const PlanReport* compiled() const { return compiled_.empty() ? nullptr : &compiled_.front(); }

 private:
  static constexpr size_t most_kept = 16;
  std::string target_;
  std::shared_ptr<Program> program_;
  std::vector<PlanReport> compiled_;
  std::mutex mutex_;
  std::list<std::pair<std::vector<Shape>, std::shared_ptr<Executor>>> known_;
};

/// Runs pieces one after the other. What passes from one piece of a target with memory of its own
/// to another stays there; what else passes between pieces lies on the host.
class PartitionedExecutor final : public Executor {
 public:
  PartitionedExecutor(const Target& target, Graph graph, Partition partition,
                      std::vector<std::unique_ptr<PieceRunner>> runners, int threads);

  bool takes(const Place& place) const override;
  void prepare(ThreadPool& pool) override;
  void run(std::span<const Tensor> inputs, std::span<Tensor> outputs, const RunControl& control,
           ThreadPool& pool) override;
  PlanReport profile(std::span<const Tensor> inputs, ThreadPool& pool) override;
  std::optional<double> device_seconds(int runs) override;
  PlanReport report() const override;

 private:
  /// Memory of one run for what stays on the target, by value.
  struct Border {
    Place place;
    std::vector<Tensor> values;
  };
  using RunPiece =
      std::function<void(size_t piece, std::span<const Tensor> inputs, std::span<Tensor> outputs)>;

  /// Inputs of a piece's shapes, as far as these are known.
  std::vector<Tensor> made_up_inputs(size_t i) const;
  Tensor on_host(const Tensor& tensor) const;
  std::unique_ptr<Border> take_border(std::span<const Tensor> inputs,
                                      std::span<const Tensor> outputs);
  void run_pieces(std::span<const Tensor> inputs, std::span<Tensor> outputs, const RunPiece& run);
  /// What the caller gets as output i, of the value that was computed.
  void deliver(ValueId id, Tensor& value, Tensor& output) const;
  PlanReport opening() const;
  void add(PlanReport& total, PlanReport part, size_t i) const;

  const Target& target_;
  Graph graph_;
  Partition partition_;
  std::vector<std::unique_ptr<PieceRunner>> runners_;
  int threads_;
  std::vector<Place> places_;  // the target's memories
  std::vector<ValueId> stays_;
  std::mutex borders_mutex_;
  std::vector<std::unique_ptr<Border>> borders_;  // that no run uses
  size_t borders_made_ = 0;
};

}  // namespace drawbar
