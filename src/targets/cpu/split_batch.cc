#include "targets/cpu/split_batch.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "ir/text.h"
#include "targets/cpu/map_rows.h"

namespace drawbar::cpu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double gain = 0.98;            // a split must take at most this share of the time
constexpr int64_t core_cache = 1 << 20;  // bytes of activations that stay in a core's cache
constexpr double timing_seconds = 1.0;   // for one way to split
constexpr int most_rounds = 7;

/// Rows at a time and how many nodes of the region; no rows: not at all.
struct Choice {
  int64_t rows = 0;
  size_t nodes = 0;

  std::string text() const { return fmt::format("rows={},nodes={}", rows, nodes); }
  static std::optional<Choice> parse(std::string_view text) {
    Choice choice;
    const size_t comma = text.find(",nodes=");
    if (!text.starts_with("rows=") || comma == std::string_view::npos) return std::nullopt;
    const auto number = [](std::string_view digits, auto& into) {
      const auto end = digits.data() + digits.size();
      const auto result = std::from_chars(digits.data(), end, into);
      return result.ec == std::errc() && result.ptr == end;
    };
    if (!number(text.substr(5, comma - 5), choice.rows) ||
        !number(text.substr(comma + 7), choice.nodes))
      return std::nullopt;
    return choice;
  }
};

struct Split {
  Graph part;
  RowsRegion region;
};

std::string key_of(const Graph& whole, const PlanContext& context) {
  std::string nodes;
  for (NodeId id : whole.order()) nodes += print_node(whole, id) + "\n";
  return fmt::format("MapRows {} t{} {}", hash_bytes(nodes).hex(), context.threads,
                     name(context.isa));
}

int64_t bytes_of(const Value& value) {
  return storage_bytes(value.type.tensor.element, value.type.tensor.size().value());
}

/// What the cost model says: the beginning that saves most bytes. Activations too large for the
/// cores' caches come from memory when the batch is whole, weights once for every part when not.
Choice estimate(const Graph& whole, const Split& split, int64_t batch, int threads) {
  const int64_t parts = batch / split.region.rows;
  if (parts % threads != 0) return {};
  Choice best;
  double saved = 0, most = 0;
  for (size_t i = 0; i < split.region.nodes.size(); ++i) {
    const Node& node = whole.node(split.region.nodes[i].first);
    int64_t activations = 0, weights = 0;
    for (ValueId id : node.inputs) {
      if (id != no_id)
        (whole.value(id).is_constant() ? weights : activations) += bytes_of(whole.value(id));
    }
    for (ValueId id : node.outputs) activations += bytes_of(whole.value(id));
    if (activations > threads * core_cache) saved += static_cast<double>(activations);
    saved -= static_cast<double>(weights) * static_cast<double>(parts / threads);
    if (saved <= most) continue;
    most = saved;
    best = {split.region.rows, i + 1};
  }
  return best;
}

/// A graph that is run to be timed.
class Trial {
 public:
  Trial(Graph graph, const PlanContext& context) : pool_(*context.timing_pool) {
    for (ValueId id : graph.inputs()) {
      inputs_.push_back(sample(graph.value(id).type.tensor));
    }
    outputs_.resize(graph.outputs().size());
    plan_ = std::make_unique<Plan>(std::move(graph), context);
    run();
  }

  double run() {
    const auto start = Clock::now();
    plan_->run(inputs_, outputs_, {}, pool_);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best_ = std::min(best_, seconds);
    return seconds;
  }
  double best() const { return best_; }

  /// The least time of every step, by its node's name.
  std::map<std::string, double> steps() {
    std::map<std::string, double> least;
    const int rounds = std::clamp(static_cast<int>(timing_seconds / best_), 1, most_rounds);
    for (int round = 0; round < rounds; ++round) {
      std::map<std::string, double> times;
      for (const StepReport& step : plan_->profile(inputs_, pool_).steps)
        times[step.node] += step.seconds;
      for (const auto& [node, seconds] : times) {
        const auto [at, fresh] = least.try_emplace(node, seconds);
        if (!fresh) at->second = std::min(at->second, seconds);
      }
    }
    return least;
  }

 private:
  ThreadPool& pool_;
  std::vector<Tensor> inputs_, outputs_;
  std::unique_ptr<Plan> plan_;
  double best_ = std::numeric_limits<double>::infinity();
};

/// The beginning of the region for which the steps of the split graph save most.
size_t best_cut(const Graph& whole, const RowsRegion& region,
                const std::map<std::string, double>& together,
                const std::map<std::string, double>& apart) {
  const auto seconds = [](const std::map<std::string, double>& times, const std::string& node) {
    const auto found = times.find(node);
    return found == times.end() ? 0 : found->second;
  };
  double saved = 0, most = 0;
  size_t best = 0;
  for (size_t i = 0; i < region.nodes.size(); ++i) {
    const std::string& node = whole.node(region.nodes[i].first).name;
    saved += seconds(together, node) - seconds(apart, node);
    if (saved > most) {
      most = saved;
      best = i + 1;
    }
  }
  return best;
}

Choice time_choices(const Graph& whole, const std::vector<Split>& splits, PlanContext context) {
  context.packed = std::make_shared<PackedConstants>();  // what losers pack does not stay
  Trial together(whole, context);
  const std::map<std::string, double> steps = together.steps();
  std::vector<std::pair<Choice, std::unique_ptr<Trial>>> trials;
  for (const Split& split : splits) {
    const auto add = [&](size_t nodes) -> Trial& {
      Graph graph = map_rows(whole, split.part, split.region, nodes);
      trials.emplace_back(Choice{split.region.rows, nodes},
                          std::make_unique<Trial>(std::move(graph), context));
      return *trials.back().second;
    };
    Trial& all = add(split.region.nodes.size());
    const size_t cut = best_cut(whole, split.region, steps, all.steps());
    if (cut > 0 && cut < split.region.nodes.size()) add(cut);
  }
  const int rounds = std::clamp(static_cast<int>(timing_seconds / together.best()), 1, most_rounds);
  for (int round = 0; round < rounds; ++round) {
    together.run();
    for (auto& [choice, trial] : trials) trial->run();
  }
  Choice best;
  double least = together.best() * gain;
  for (const auto& [choice, trial] : trials) {
    if (trial->best() >= least) continue;
    least = trial->best();
    best = choice;
  }
  return best;
}

}  // namespace

std::optional<Batch> batch_of(const Graph& graph, const Bindings& bindings) {
  for (ValueId id : graph.inputs()) {
    const Type& type = graph.value(id).type;
    if (!type.is_tensor() || !type.tensor.ranked || type.tensor.dims.empty()) continue;
    const auto symbol = type.tensor.dims[0].symbol_name();
    if (!symbol) continue;
    const auto found = bindings.find(*symbol);
    if (found == bindings.end() || found->second < 2) return std::nullopt;
    return Batch{*symbol, found->second};
  }
  return std::nullopt;
}

Graph split_batch(Graph whole, int64_t batch, FunctionRef<Graph(int64_t rows)> part,
                  const PlanContext& context) {
  for (ValueId id : whole.inputs()) {
    if (!is_placed(whole.value(id).type)) return whole;
  }
  const std::string key = key_of(whole, context);
  // Nothing where fewer rows contradict another input, whose batch has a name of its own.
  const auto split_for = [&](int64_t rows) -> Split {
    try {
      Split split{part(rows), {}};
      split.region = find_rows_region(whole, split.part, batch, rows);
      return split;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::invalid_model) throw;
      return {};
    }
  };
  if (const auto known = context.chooser->recall(key)) {
    const auto choice = Choice::parse(*known);
    if (!choice || choice->rows < 1 || choice->rows >= batch || batch % choice->rows != 0)
      return whole;
    const Split split = split_for(choice->rows);
    if (split.region.nodes.empty()) return whole;
    return map_rows(whole, split.part, split.region, choice->nodes);
  }
  std::vector<Split> splits = {split_for(1)};
  if (splits[0].region.nodes.empty()) return whole;
  if (!context.timing_pool) {
    const Choice choice = estimate(whole, splits[0], batch, context.threads);
    return map_rows(whole, splits[0].part, splits[0].region, choice.nodes);
  }
  const int64_t share = batch / context.threads;
  if (share > 1 && share < batch && batch % share == 0) {
    splits.push_back(split_for(share));
    if (splits.back().region.nodes.empty()) splits.pop_back();
  }
  const Choice choice = time_choices(whole, splits, context);
  context.chooser->remember(key, choice.text());
  for (const Split& split : splits) {
    if (split.region.rows == choice.rows)
      return map_rows(whole, split.part, split.region, choice.nodes);
  }
  return whole;
}

}  // namespace drawbar::cpu
