#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "targets/target.h"

namespace drawbar::cli {

/// The q-quantile of numbers in ascending order, at least one: one of them.
double quantile_of(const std::vector<double>& sorted, double q);

/// Several callers of one session at once.
struct ConcurrentRuns {
  int callers = 0;
  double p50_ms = 0;
  double runs_per_second = 0;  // of all together
};

/// What `bench` found out about one model.
struct BenchResult {
  std::string model, target, requirement, precision;
  std::string shapes;             // of the inputs
  std::string rows_are = "rows";  // what the rows of the first input are, or "images"
  int64_t rows = 1;               // of each run
  int threads = 1;
  double load_ms = 0, first_ms = 0;
  std::vector<double> sorted_ms;    // of every run, ascending; never empty
  std::optional<double> device_ms;  // of a run that stays on an accelerator
  std::optional<ConcurrentRuns> concurrent;
  int64_t peak_resident_bytes = 0;
  Operations operations, executed_operations;  // of one run
  bool winograd = false;          // nothing but Winograd's way executes fewer than `operations`
  DeviceRates rates;              // of as many threads
  std::vector<StepReport> steps;  // of the profiled runs, the best time of each; else empty

  double quantile_ms(double q) const { return quantile_of(sorted_ms, q); }
  double p50_ms() const { return quantile_ms(0.5); }
  /// 95 % of the median's distribution lie within this of it (order statistics, normal
  /// approximation).
  double p50_spread_ms() const;
  double effective_rate() const { return 1e3 * operations.sum() / p50_ms(); }
  /// Less time than the device needs for the operations: the time or the count is wrong.
  bool is_suspect() const { return rates.is_impossible(executed_operations, 1e-3 * p50_ms()); }
};

/// What one step did with its time. Of a sum of steps: rates of the sums, the roofline's times
/// added.
struct StepFigures {
  double seconds = 0;
  Operations operations, executed;
  double bytes = 0;
  double least_seconds = 0;  // what the roofline allows at best (DeviceRates::least_seconds)

  static StepFigures of(const StepReport& step, const DeviceRates& rates);
  void add(const StepFigures& other);
  double effective_gflops() const { return seconds > 0 ? operations.sum() / seconds / 1e9 : 0; }
  double executed_gflops() const { return seconds > 0 ? executed.sum() / seconds / 1e9 : 0; }
  double gigabytes_per_second() const { return seconds > 0 ? bytes / seconds / 1e9 : 0; }
  double roofline_share() const { return seconds > 0 ? least_seconds / seconds : 0; }
};

/// Steps below this share of the time are summed up in one line.
constexpr double smallest_share = 0.001;

/// What to call a step: its node's name, or its operator where that has none.
const std::string& step_name(const StepReport& step);

/// The steps by their time.
std::vector<const StepReport*> longest_first(const std::vector<StepReport>& steps);

/// Of all steps.
double total_seconds(const BenchResult& result);

/// "GFLOP/s", or "Gop/s" where some are on bytes.
const char* rate_unit(const BenchResult& result);
/// "110 GFLOP/s effective (111 % of peak, Winograd: 63 % executed)"; empty without operations.
std::string rate_line(const BenchResult& result);
/// Standard output's lines: latency, throughput, memory, and the profile where there is one.
void print_result(const BenchResult& result);
nlohmann::json result_json(const BenchResult& result);

/// One profiled run in the Trace Event Format of Chrome and Perfetto: a complete event for each
/// step, times in microseconds. Steps run one after the other, hence one track. Throws
/// INVALID_ARGUMENT where the file cannot be written.
void write_trace(const std::string& path, const PlanReport& run, const std::string& model);

/// A self-contained page without scripts: the roofline, the steps by their time, all figures.
/// Throws INVALID_ARGUMENT where the file cannot be written.
void write_page(const std::string& path, const BenchResult& result);

/// The file is there whole or not at all; throws INVALID_ARGUMENT where it cannot be written.
void write_whole(const std::string& path, std::string_view text);

/// Measures the target's device with one thread and with `threads`, and prints the rates.
void print_device_rates(const Target& target, int threads, bool json);
nlohmann::json rates_json(const DeviceRates& rates);

}  // namespace drawbar::cli
