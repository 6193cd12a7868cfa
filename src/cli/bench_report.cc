#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/mapped_file.h"
#include "cli/bench_result.h"

namespace drawbar::cli {

double quantile_of(const std::vector<double>& sorted, double q) {
  return sorted[static_cast<size_t>(q * static_cast<double>(sorted.size() - 1) + 0.5)];
}

double BenchResult::p50_spread_ms() const {
  const auto n = static_cast<double>(sorted_ms.size());
  const double half = 0.98 * std::sqrt(n);
  const double low = sorted_ms[static_cast<size_t>(std::max(0.0, n / 2 - half))];
  const double high = sorted_ms[static_cast<size_t>(std::min(n - 1, n / 2 + half))];
  return (high - low) / 2;
}

StepFigures StepFigures::of(const StepReport& step, const DeviceRates& rates) {
  const auto bytes = static_cast<double>(step.bytes);
  const auto operations = [&](double count) {
    return step.of_bytes ? Operations{0, count} : Operations{count, 0};
  };
  const Operations executed = operations(step.executed_operations);
  return {step.seconds, operations(static_cast<double>(step.operations)), executed, bytes,
          rates.least_seconds(executed, bytes)};
}

void StepFigures::add(const StepFigures& other) {
  seconds += other.seconds;
  operations.add(other.operations);
  executed.add(other.executed);
  bytes += other.bytes;
  least_seconds += other.least_seconds;
}

const std::string& step_name(const StepReport& step) {
  return step.node.empty() ? step.op : step.node;
}

std::vector<const StepReport*> longest_first(const std::vector<StepReport>& steps) {
  std::vector<const StepReport*> sorted;
  for (const StepReport& step : steps) sorted.push_back(&step);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto* a, const auto* b) { return a->seconds > b->seconds; });
  return sorted;
}

double total_seconds(const BenchResult& result) {
  double total = 0;
  for (const StepReport& step : result.steps) total += step.seconds;
  return total;
}

const char* rate_unit(const BenchResult& result) {
  return result.operations.bytes > 0 ? "Gop/s" : "GFLOP/s";
}

std::string rate_line(const BenchResult& result) {
  if (result.operations.sum() <= 0) return "";
  std::string line =
      fmt::format("{:.0f} {} effective", result.effective_rate() / 1e9, rate_unit(result));
  if (result.rates.peak() <= 0) return line;
  line += fmt::format(" ({:.0f} % of peak",
                      1e5 * result.rates.least_seconds(result.operations) / result.p50_ms());
  const double executed = result.executed_operations.sum() / result.operations.sum();
  if (executed < 0.995) {
    line += fmt::format(", {}: {:.0f} % executed", result.winograd ? "Winograd" : "fewer",
                        100 * executed);
  }
  return line + ")";
}

void write_whole(const std::string& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text.data(), text.size());
  file.commit();
}

namespace {

void print_line(const StepFigures& step, double total, const std::string& bound,
                const std::string& words) {
  fmt::print("{:9.3f}  {:5.1f}%  {:8.1f}  {:7.1f}  {:4.0f}% {:<7}  {}\n", 1e3 * step.seconds,
             100 * step.seconds / total, step.effective_gflops(), step.gigabytes_per_second(),
             100 * step.roofline_share(), bound, words);
}

void print_profile(const BenchResult& result) {
  StepFigures total, others;
  for (const StepReport& step : result.steps) total.add(StepFigures::of(step, result.rates));
  if (total.seconds <= 0) return;
  const std::vector<const StepReport*> steps = longest_first(result.steps);
  fmt::print("{:>9}  {:>6}  {:>8}  {:>7}  {:<13}  {:<18} {:<34} {}\n", "ms", "share",
             rate_unit(result), "GB/s", "of roofline", "operator", "tactic", "shapes");
  int count = 0;
  for (const StepReport* step : steps) {
    const StepFigures figures = StepFigures::of(*step, result.rates);
    if (figures.seconds < smallest_share * total.seconds) {
      others.add(figures);
      ++count;
      continue;
    }
    print_line(figures, total.seconds, result.rates.bound(figures.executed, figures.bytes),
               fmt::format("{:<18} {:<34} {}", step->op, step->tactic, step->shapes));
  }
  if (count) print_line(others, total.seconds, "", fmt::format("others ({} steps)", count));
  print_line(total, total.seconds, "", fmt::format("total ({} steps)", steps.size()));
}

nlohmann::json steps_json(const BenchResult& result) {
  const double total = total_seconds(result);
  auto steps = nlohmann::json::array();
  for (const StepReport& step : result.steps) {
    const StepFigures figures = StepFigures::of(step, result.rates);
    steps.push_back({{"node", step.node},
                     {"op", step.op},
                     {"tactic", step.tactic},
                     {"shapes", step.shapes},
                     {"ms", 1e3 * step.seconds},
                     {"share", total > 0 ? step.seconds / total : 0},
                     {"operations", step.operations},
                     {"executed_operations", step.executed_operations},
                     {"bytes", step.bytes},
                     {"gflops", figures.effective_gflops()},
                     {"gigabytes_per_s", figures.gigabytes_per_second()},
                     {"roofline_share", figures.roofline_share()},
                     {"bound", result.rates.bound(figures.executed, figures.bytes)}});
  }
  return steps;
}

}  // namespace

void print_result(const BenchResult& result) {
  fmt::print("{}  {}, {} ({}), {} thread{}, input {}\n", result.model, result.precision,
             result.target, result.requirement, result.threads, result.threads == 1 ? "" : "s",
             result.shapes);
  fmt::print("p50 {:.2f} ms ±{:.2f}   p90 {:.2f} ms   p99 {:.2f} ms   {:.1f} {}/s", result.p50_ms(),
             result.p50_spread_ms(), result.quantile_ms(0.9), result.quantile_ms(0.99),
             1e3 * static_cast<double>(result.rows) / result.p50_ms(), result.rows_are);
  if (const std::string rate = rate_line(result); !rate.empty()) fmt::print("   {}", rate);
  if (result.device_ms) {
    fmt::print("\non the device alone, without copies {:.3f} ms, {:.1f} {}/s", *result.device_ms,
               1e3 * static_cast<double>(result.rows) / *result.device_ms, result.rows_are);
  }
  if (const auto& concurrent = result.concurrent) {
    fmt::print("\n{} callers at once: p50 {:.2f} ms, {:.1f} {}/s", concurrent->callers,
               concurrent->p50_ms, static_cast<double>(result.rows) * concurrent->runs_per_second,
               result.rows_are);
  }
  fmt::print("\nopened in {:.1f} ms   first run {:.1f} ms   peak memory {:.0f} MiB   {} runs\n",
             result.load_ms, result.first_ms,
             static_cast<double>(result.peak_resident_bytes) / (1 << 20), result.sorted_ms.size());
  if (result.is_suspect()) {
    fmt::print(
        "suspect: {:.0f} {} executed, which take {} thread{} of this machine {:.2f} ms at least: "
        "the "
        "time or the count of operations is wrong\n",
        result.executed_operations.sum() / result.p50_ms() / 1e6, rate_unit(result), result.threads,
        result.threads == 1 ? "" : "s",
        1e3 * result.rates.least_seconds(result.executed_operations));
  }
  if (!result.steps.empty()) print_profile(result);
}

nlohmann::json result_json(const BenchResult& result) {
  nlohmann::json json = {
      {"latency_ms",
       {{"min", result.sorted_ms.front()},
        {"p50", result.p50_ms()},
        {"p90", result.quantile_ms(0.9)},
        {"p99", result.quantile_ms(0.99)},
        {"p50_spread", result.p50_spread_ms()}}},
      {"throughput_per_s", 1e3 / result.p50_ms()},
      {"runs", result.sorted_ms.size()},
      {"load_ms", result.load_ms},
      {"first_run_ms", result.first_ms},
      {"peak_rss_bytes", result.peak_resident_bytes},
      {"threads", result.threads},
      {"target", result.target},
      {"precision", result.precision},
      {"operations", static_cast<int64_t>(result.operations.sum())},
      {"executed_operations", static_cast<int64_t>(result.executed_operations.sum())},
      {"executed_byte_operations", static_cast<int64_t>(result.executed_operations.bytes)},
      {"peak_operations_per_s", result.rates.peak()},
      {"peak_byte_operations_per_s", result.rates.byte_operations},
      {"suspect", result.is_suspect()},
  };
  if (result.device_ms) json["device_ms"] = *result.device_ms;
  if (const auto& concurrent = result.concurrent) {
    json["concurrent"] = {{"callers", concurrent->callers},
                          {"p50_ms", concurrent->p50_ms},
                          {"throughput_per_s", concurrent->runs_per_second}};
  }
  if (!result.steps.empty()) {
    json["steps"] = steps_json(result);
    json["device"] = rates_json(result.rates);
  }
  return json;
}

void write_trace(const std::string& path, const PlanReport& run, const std::string& model) {
  auto events = nlohmann::json::array();
  events.push_back(
      {{"name", "process_name"}, {"ph", "M"}, {"pid", 1}, {"args", {{"name", model}}}});
  for (const StepReport& step : run.steps) {
    events.push_back({{"name", step_name(step)},
                      {"cat", step.op},
                      {"ph", "X"},
                      {"pid", 1},
                      {"tid", 1},
                      {"ts", 1e6 * step.start},
                      {"dur", 1e6 * step.seconds},
                      {"args",
                       {{"op", step.op},
                        {"tactic", step.tactic},
                        {"shapes", step.shapes},
                        {"operations", step.operations},
                        {"executed_operations", step.executed_operations},
                        {"bytes", step.bytes}}}});
  }
  const nlohmann::json trace = {{"traceEvents", events}, {"displayTimeUnit", "ms"}};
  write_whole(path, trace.dump(1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace drawbar::cli
