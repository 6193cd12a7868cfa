#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <variant>

#include "base/checked.h"
#include "ops/tree_ensemble/cpu_forest.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Forest;
using ops::TreeEnsemble;
using ops::TreeScores;
namespace tree_input = ops::tree_input;

/// What is made of the constants, shared by all kernels of the same trees: the compact form, or the
/// checked trees themselves.
struct Trees {
  TreeScores scores;
  std::variant<Forest, CompactForest<NarrowNode>, CompactForest<WideNode<float>>,
               CompactForest<WideNode<double>>>
      forest;
};

Trees make_trees(const TreeEnsemble& op, const Problem& problem) {
  std::vector<const Tensor*> inputs = {nullptr};
  for (size_t i = 1; i < problem.inputs.size(); ++i) {
    const Operand& input = problem.inputs[i];
    inputs.push_back(input.present ? &input.constant->tensor() : nullptr);
  }
  const Operand& x = problem.inputs[tree_input::x];
  Forest forest(op, inputs);
  if (x.dim(1) < forest.features()) {
    fail(ErrorCode::invalid_argument, "x has {} features, the trees test feature {}", x.dim(1),
         forest.features() - 1);
  }
  TreeScores scores(op, forest);
  if (x.type == ElementType::f64) {
    if (auto compact = compact_forest<WideNode<double>>(op, forest, x.dim(1)))
      return {std::move(scores), std::move(*compact)};
  } else {
    if (auto compact = compact_forest<NarrowNode>(op, forest, x.dim(1)))
      return {std::move(scores), std::move(*compact)};
    if (auto compact = compact_forest<WideNode<float>>(op, forest, x.dim(1)))
      return {std::move(scores), std::move(*compact)};
  }
  return {std::move(scores), std::move(forest)};
}

/// The trees of a problem, made once for as long as any kernel has them. They are not kept among
/// the packed constants: to check such bytes out of a file takes as long as to make them.
std::shared_ptr<const Trees> trees_of(const Problem& problem) {
  const auto& op = *problem.op.as<TreeEnsemble>();
  const Operand& x = problem.inputs[tree_input::x];
  std::string key = fmt::format("{} {}", name(x.type), x.dim(1));
  for (const auto& [attribute, value] : problem.op.attributes())
    key += " " + attribute + "=" + to_string(value);
  for (size_t i = 1; i < problem.inputs.size(); ++i) {
    const Operand& input = problem.inputs[i];
    key += input.present ? " " + input.constant->hash().hex() : " _";
  }
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<const Trees>> made;
  const std::lock_guard lock(mutex);
  if (auto found = made[key].lock()) return found;
  std::erase_if(made, [](const auto& entry) { return entry.second.expired(); });
  auto trees = std::make_shared<const Trees>(make_trees(op, problem));
  made[key] = trees;
  return trees;
}

/// Follows one row from each of `at` to its leaf, `depth` nodes further at most: rows side by side
/// in `block` when kRows, else always the same row, through different trees. Only now and then does
/// it look whether all have arrived; those that have stay where they are.
template <bool kRows, class Node>
inline void follow(const Node** at, const typename Node::Number* block, uint32_t depth) {
  constexpr uint32_t steps_between = 4;
  while (depth > 0) {
    const uint32_t steps = std::min(depth, steps_between);
    for (uint32_t i = 0; i < steps; ++i) {
#pragma GCC unroll 8
      for (int lane = 0; lane < tree_lanes; ++lane) {
        const Node* node = at[lane];
        const size_t right = block[node->slot + (kRows ? lane : 0)] > node->threshold;
        at[lane] = node + (node->step + right);
      }
    }
    depth -= steps;
    uint32_t open = 0;
    for (int lane = 0; lane < tree_lanes; ++lane) open |= at[lane]->step;
    if (open == 0) return;
  }
}

/// The sizes of one run.
struct Sizes {
  int64_t rows = 0, features = 0, targets = 1;
  int threads = 1;
};

template <class Node>
class CompactKernel final : public Kernel {
 public:
  using T = typename Node::Number;

  CompactKernel(const TreeEnsemble& op, std::shared_ptr<const Trees> trees,
                const CompactForest<Node>& forest, Sizes sizes)
      : op_(op), trees_(std::move(trees)), forest_(forest), sizes_(sizes) {
    const auto tree_count = static_cast<int64_t>(forest.roots.size());
    constexpr auto per_part = static_cast<int64_t>(ops::trees_per_sum);
    parts_ = (tree_count + per_part - 1) / per_part;
    constexpr double worth_a_thread = 10000;  // tests
    const double tests = forest.tests * static_cast<double>(sizes.rows);
    const bool few_rows = sizes.rows < 2 * tree_lanes * sizes.threads;
    parallel_ = sizes.threads > 1 && tests > worth_a_thread * sizes.threads;
    by_trees_ = parallel_ && few_rows && parts_ > 1;
    block_rows_ = by_trees_ ? sizes.rows : rows_of_block();
    row_bytes_ = checked_mul(forest.slots.count(), tree_lanes * static_cast<int64_t>(sizeof(T)));
  }

  size_t scratch_bytes() const override {
    const int64_t sums = checked_mul(block_rows_, sizes_.targets * 8);
    const int64_t block = checked_add(block_bytes(), checked_mul(2, sums));
    return static_cast<size_t>(by_trees_ ? checked_add(block, checked_mul(parts_, sums))
                                         : checked_mul(block, parallel_ ? sizes_.threads : 1));
  }
  uint32_t packed_inputs() const override { return (1u << tree_input::count) - 2; }

  void run(const KernelRun& run) const override {
    if (by_trees_) return run_by_trees(run);
    auto* scratch = static_cast<std::byte*>(run.scratch);
    const int64_t bytes = static_cast<int64_t>(scratch_bytes()) / (parallel_ ? sizes_.threads : 1);
    const int64_t blocks = (sizes_.rows + block_rows_ - 1) / block_rows_;
    const auto body = [&](int64_t begin, int64_t end, int worker) {
      for (int64_t block = begin; block < end; ++block) {
        const int64_t first = block * block_rows_;
        run_block(run, first, std::min(block_rows_, sizes_.rows - first), scratch + worker * bytes);
      }
    };
    if (parallel_) {
      run.pool.parallel_for(blocks, 1, body);
    } else {
      body(0, blocks, 0);
    }
  }

 private:
  /// As many rows as stay in the first-level cache with their sums, and give every thread a share.
  int64_t rows_of_block() const {
    constexpr int64_t bytes = 24 << 10;
    const int64_t row = forest_.slots.count() * static_cast<int64_t>(sizeof(T)) +
                        sizes_.targets * 2 * static_cast<int64_t>(sizeof(double));
    const int64_t share = (sizes_.rows + sizes_.threads - 1) / sizes_.threads;
    const int64_t most = std::clamp<int64_t>(bytes / row, tree_lanes, 128);
    return std::max<int64_t>(1,
                             std::min((share + tree_lanes - 1) / tree_lanes, most / tree_lanes)) *
           tree_lanes;
  }
  int64_t groups() const { return (block_rows_ + tree_lanes - 1) / tree_lanes; }
  int64_t block_bytes() const { return (checked_mul(groups(), row_bytes_) + 63) / 64 * 64; }

  /// Puts rows side by side, eight to a group.
  void fill(const T* x, int64_t rows, T* block) const {
    const RowSlots& slots = forest_.slots;
    constexpr T infinity = std::numeric_limits<T>::infinity();
    const int64_t group = slots.count() * tree_lanes;
    for (int64_t row = 0; row < rows; ++row) {
      T* to = block + row / tree_lanes * group + row % tree_lanes;
      const T* from = x + row * sizes_.features;
      const T missing = slots.missing_right && !slots.both_ways ? infinity : -infinity;
      for (int64_t i = 0; i < sizes_.features; ++i)
        to[i * tree_lanes] = std::isnan(from[i]) ? missing : from[i];
      for (int64_t i = 0; slots.both_ways && i < sizes_.features; ++i)
        to[(slots.features + i) * tree_lanes] = std::isnan(from[i]) ? infinity : from[i];
      to[slots.of_leaves() * tree_lanes] = -infinity;
    }
  }

  void add(const Node& leaf, size_t tree, double* sums) const {
    if (forest_.leaf_rows.empty()) {
      sums[forest_.tree_targets[tree]] += static_cast<double>(leaf.threshold);
      return;
    }
    const auto row = static_cast<int64_t>(std::bit_cast<typename Node::Bits>(leaf.threshold));
    const T* weights = forest_.leaf_rows.data() + row * sizes_.targets;
    for (int64_t k = 0; k < sizes_.targets; ++k) sums[k] += static_cast<double>(weights[k]);
  }

  /// Adds the votes of one part's trees to `sums` [rows, targets].
  void add_part(int64_t part, const T* block, int64_t rows, double* sums) const {
    const size_t first = static_cast<size_t>(part) * ops::trees_per_sum;
    const size_t last = std::min(first + ops::trees_per_sum, forest_.roots.size());
    const int64_t group = forest_.slots.count() * tree_lanes, full = rows / tree_lanes;
    const Node* at[tree_lanes];
    for (size_t tree = first; tree < last; ++tree) {
      const Node* root = forest_.nodes.data() + forest_.roots[tree];
      for (int64_t g = 0; g < full; ++g) {
        std::fill_n(at, tree_lanes, root);
        follow<true>(at, block + g * group, forest_.depths[tree]);
        for (int lane = 0; lane < tree_lanes; ++lane)
          add(*at[lane], tree, sums + (g * tree_lanes + lane) * sizes_.targets);
      }
    }
    for (int64_t row = full * tree_lanes; row < rows; ++row) {
      for (size_t tree = first; tree < last; tree += tree_lanes) {
        const size_t trees = std::min<size_t>(tree_lanes, last - tree);
        uint32_t depth = 0;
        for (size_t lane = 0; lane < tree_lanes; ++lane) {
          const size_t followed = tree + std::min(lane, trees - 1);
          at[lane] = forest_.nodes.data() + forest_.roots[followed];
          depth = std::max(depth, forest_.depths[followed]);
        }
        follow<false>(at, block + full * group + row % tree_lanes, depth);
        for (size_t lane = 0; lane < trees; ++lane)
          add(*at[lane], tree + lane, sums + row * sizes_.targets);
      }
    }
  }

  void finish(const KernelRun& run, int64_t first, int64_t rows, double* sums) const {
    for (int64_t row = 0; row < rows; ++row) {
      const std::span<double> scores(sums + row * sizes_.targets,
                                     static_cast<size_t>(sizes_.targets));
      const int64_t label = trees_->scores.finish(scores, forest_.voted);
      if (op_.classify) run.out<int64_t>(1)[first + row] = label;
      ops::write_scores(op_, scores, first + row, run.outputs[0]);
    }
  }

  void run_block(const KernelRun& run, int64_t first, int64_t rows, std::byte* scratch) const {
    T* block = reinterpret_cast<T*>(scratch);
    auto* sums = reinterpret_cast<double*>(scratch + block_bytes());
    const int64_t count = rows * sizes_.targets;
    double* part_sums = sums + block_rows_ * sizes_.targets;
    fill(run.in<T>(tree_input::x) + first * sizes_.features, rows, block);
    std::fill_n(sums, count, 0.0);
    for (int64_t part = 0; part < parts_; ++part) {
      std::fill_n(part_sums, count, 0.0);
      add_part(part, block, rows, part_sums);
      for (int64_t i = 0; i < count; ++i) sums[i] += part_sums[i];
    }
    finish(run, first, rows, sums);
  }

  void run_by_trees(const KernelRun& run) const {
    T* block = static_cast<T*>(run.scratch);
    auto* sums = reinterpret_cast<double*>(static_cast<std::byte*>(run.scratch) + block_bytes());
    const int64_t count = sizes_.rows * sizes_.targets;
    double* parts = sums + count;
    fill(run.in<T>(tree_input::x), sizes_.rows, block);
    run.pool.parallel_for(parts_, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t part = begin; part < end; ++part) {
        std::fill_n(parts + part * count, count, 0.0);
        add_part(part, block, sizes_.rows, parts + part * count);
      }
    });
    std::fill_n(sums, count, 0.0);
    for (int64_t part = 0; part < parts_; ++part) {
      for (int64_t i = 0; i < count; ++i) sums[i] += parts[part * count + i];
    }
    finish(run, 0, sizes_.rows, sums);
  }

  TreeEnsemble op_;
  std::shared_ptr<const Trees> trees_;  // holds the forest
  const CompactForest<Node>& forest_;
  Sizes sizes_;
  int64_t parts_ = 0, block_rows_ = 0, row_bytes_ = 0;
  bool parallel_ = false, by_trees_ = false;
};

/// Trees that have no compact form, row by row.
template <class T>
std::unique_ptr<Kernel> plain_kernel(const TreeEnsemble& op, std::shared_ptr<const Trees> trees,
                                     Sizes sizes) {
  const int64_t bytes = (ops::evaluation_bytes(sizes.targets) + 63) / 64 * 64;
  return make_kernel(
      [=](const KernelRun& run) {
        run.pool.parallel_for(sizes.rows, 4, [&](int64_t begin, int64_t end, int worker) {
          ops::evaluate_rows(op, std::get<Forest>(trees->forest), trees->scores,
                             run.in<T>(tree_input::x), sizes.features, begin, end, run.outputs[0],
                             op.classify ? run.out<int64_t>(1) : nullptr,
                             static_cast<std::byte*>(run.scratch) + worker * bytes);
        });
      },
      static_cast<size_t>(checked_mul(bytes, sizes.threads)), (1u << tree_input::count) - 2);
}

bool applies(const Problem& problem) {
  const auto inputs = problem.inputs;
  for (size_t i = 1; i < inputs.size(); ++i) {
    if (inputs[i].present && !inputs[i].constant) return false;
  }
  return inputs[tree_input::x].present && inputs[tree_input::x].rank() == 2;
}

double seconds(const Problem& problem) {
  const auto rows = static_cast<double>(problem.inputs[tree_input::x].dim(0));
  const auto trees = static_cast<double>(problem.inputs[tree_input::roots].size());
  return 1e-6 + rows * trees * 20e-9 / problem.threads;
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const auto& op = *problem.op.as<TreeEnsemble>();
  const Operand& x = problem.inputs[tree_input::x];
  const Sizes sizes{x.dim(0), x.dim(1), op.targets, problem.threads};
  auto trees = trees_of(problem);
  return std::visit(
      [&](const auto& forest) -> std::unique_ptr<Kernel> {
        using F = std::decay_t<decltype(forest)>;
        if constexpr (std::is_same_v<F, Forest>) {
          return x.type == ElementType::f64 ? plain_kernel<double>(op, trees, sizes)
                                            : plain_kernel<float>(op, trees, sizes);
        } else {
          using Node = typename decltype(forest.nodes)::value_type;
          return std::make_unique<CompactKernel<Node>>(op, trees, forest, sizes);
        }
      },
      trees->forest);
}

DRAWBAR_CPU_TACTIC(trees, "TreeEnsemble", "trees", applies, seconds, make);

}  // namespace
}  // namespace drawbar::cpu
