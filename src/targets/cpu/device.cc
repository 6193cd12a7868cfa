#include "targets/cpu/device.h"

#include <algorithm>

#include "base/error.h"
#include "base/threads.h"
#include "targets/cpu/gemm/byte_peak.h"
#include "targets/cpu/gemm/peak.h"
#include "targets/cpu/isa.h"
#include "targets/cpu/memory_rate.h"

namespace drawbar::cpu {
std::string CpuDevice::description() const {
  return fmt::format("{}, {} processors", cpu::name(isa()), available_processors());
}

std::string CpuDevice::requirement() const { return cpu::name(isa()); }

bool CpuDevice::satisfies(std::string_view requirement) const {
  for (Isa known : kIsas) {
    if (requirement == cpu::name(known)) return known <= isa();
  }
  return false;
}

DeviceRates CpuDevice::measure(int threads, Measure what) const {
  DeviceRates rates;
  rates.threads = std::max(threads, 1);
  for (Isa set : kIsas) {
    if (set <= isa())
      rates.compute.push_back({cpu::name(set), concurrent_fma_peak(set, rates.threads)});
  }
  rates.byte_operations = concurrent_byte_peak(isa(), rates.threads);
  if (what == Measure::all) rates.memory = measure_memory_rates(rates.threads);
  return rates;
}

}  // namespace drawbar::cpu
