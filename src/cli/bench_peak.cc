#include <algorithm>

#include "base/error.h"
#include "base/version.h"
#include "cli/bench_result.h"

namespace drawbar::cli {
namespace {

using Columns = std::vector<DeviceRates>;  // one for each number of threads

std::string bytes_text(int64_t bytes) {
  return bytes < (1 << 20) ? fmt::format("{} KiB", bytes >> 10)
                           : fmt::format("{} MiB", bytes >> 20);
}

void print_table(const Target& target, const Columns& columns) {
  fmt::print("{} ({})\n\n{:<24}", processor_name(), target.device().description(),
             "f32 multiply-add, GFLOP/s");
  const auto threads = [](const DeviceRates& rates) {
    return fmt::format("{} thread{}", rates.threads, rates.threads == 1 ? "" : "s");
  };
  for (const DeviceRates& rates : columns) fmt::print("{:>20}", threads(rates));
  for (size_t row = 0; row < columns[0].compute.size(); ++row) {
    fmt::print("\n  {:<23}", columns[0].compute[row].instructions);
    for (const DeviceRates& rates : columns)
      fmt::print("{:>20.1f}", rates.compute[row].operations / 1e9);
  }
  fmt::print("\n\n{:<25}", "u8 and i8, Gop/s");
  for (const DeviceRates& rates : columns) fmt::print("{:>20.1f}", rates.byte_operations / 1e9);
  fmt::print("\n\n{:<25}", "bandwidth, GB/s");
  for (size_t i = 0; i < columns.size(); ++i) fmt::print("{:>10}{:>10}", "read", "copy");
  size_t rows = columns[0].memory.size();
  for (const DeviceRates& rates : columns) rows = std::min(rows, rates.memory.size());
  for (size_t row = 0; row < rows; ++row) {
    const MemoryRate& level = columns[0].memory[row];
    fmt::print("\n  {:<23}", level.capacity
                                 ? fmt::format("{} ({})", level.level, bytes_text(level.capacity))
                                 : level.level);
    for (const DeviceRates& rates : columns)
      fmt::print("{:>10.1f}{:>10.1f}", rates.memory[row].read / 1e9, rates.memory[row].copy / 1e9);
  }
  fmt::print("\n");
}

}  // namespace

nlohmann::json rates_json(const DeviceRates& rates) {
  auto compute = nlohmann::json::array(), memory = nlohmann::json::array();
  for (const ComputeRate& rate : rates.compute) {
    compute.push_back({{"instructions", rate.instructions}, {"operations_per_s", rate.operations}});
  }
  for (const MemoryRate& rate : rates.memory) {
    memory.push_back({{"level", rate.level},
                      {"capacity_bytes", rate.capacity},
                      {"read_bytes_per_s", rate.read},
                      {"copy_bytes_per_s", rate.copy}});
  }
  return {{"threads", rates.threads},
          {"compute", compute},
          {"byte_operations_per_s", rates.byte_operations},
          {"memory", memory}};
}

void print_device_rates(const Target& target, int threads, bool json) {
  Columns columns = {target.device().measure(1, Device::Measure::all)};
  if (threads > 1) columns.push_back(target.device().measure(threads, Device::Measure::all));
  if (!json) {
    print_table(target, columns);
    return;
  }
  auto rates = nlohmann::json::array();
  for (const DeviceRates& column : columns) rates.push_back(rates_json(column));
  const nlohmann::json result = {{"target", target.name()},
                                 {"processor", processor_name()},
                                 {"device", target.device().description()},
                                 {"rates", rates}};
  fmt::print("{}\n", result.dump(1));
}

}  // namespace drawbar::cli
