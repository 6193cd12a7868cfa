#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "drawbar/tensor.h"

namespace drawbar {

/// Operations, a multiply-add being two, by what they are on: u8 and i8 with sums of 32 bits, or
/// anything else.
struct Operations {
  double others = 0, bytes = 0;
  double sum() const { return others + bytes; }
  void add(const Operations& more) {
    others += more.others;
    bytes += more.bytes;
  }
};

/// Single-precision operations per second (a multiply-add is two) with one set of instructions.
struct ComputeRate {
  std::string instructions;  // "avx512"
  double operations = 0;
};

/// Bytes per second of one level of the memory hierarchy.
struct MemoryRate {
  std::string level;     // "L1", "L2", "L3", "memory"
  int64_t capacity = 0;  // bytes that the threads' caches of this level hold together; 0: no bound
  double read = 0;       // bytes read
  double copy = 0;       // bytes read and bytes written, added
};

/// What some threads of a device reach together when they do nothing else: the roofs of a roofline
/// (Williams, Waterman and Patterson, "Roofline", 2009). The best of several short measurements.
struct DeviceRates {
  int threads = 1;
  std::vector<ComputeRate> compute;  // the narrowest instructions first, the device's best last
  double byte_operations = 0;        // products of u8 and i8 per second; 0 where not measured
  std::vector<MemoryRate> memory;    // the nearest level first; empty where it was not measured

  /// Operations per second with the best instructions; 0 where nothing was measured.
  double peak() const { return compute.empty() ? 0 : compute.back().operations; }

  /// The first level that holds so many bytes, else the last; null where memory was not measured.
  const MemoryRate* level_of(double bytes) const;

  /// The least seconds for these operations: those on bytes at their rate, others at peak().
  double least_seconds(const Operations& operations) const;

  /// The least seconds that the roofline allows a step that executes `operations` and reads and
  /// writes `bytes`, each once: whichever is longer, the operations, or the bytes at the read
  /// bandwidth of the level that holds all of them, from where the step before left them. Read
  /// bandwidth because it is the larger: a roof. Its share of the measured time is the step's share
  /// of the roofline, also where there is nothing to compute.
  double least_seconds(const Operations& operations, double bytes) const;

  /// What bounds such a step: "compute" or the level's name; empty where nothing does.
  std::string bound(const Operations& operations, double bytes) const;

  /// Takes over what `again`, measured with as many threads, has that is better for compute: on a
  /// busy machine a single measurement may be low.
  void keep_best(const DeviceRates& again);

  /// Whether a measured time is more than 5 % below the least: it or the count must be wrong.
  bool is_impossible(const Operations& operations, double seconds) const;
};

/// The device behind a target. Thread-safe, but a measurement wants the machine to itself.
class Device {
 public:
  enum class Measure : uint8_t {
    compute,  // about 0.02 s for each set of instructions
    all,      // and memory: about a second, and twice the last cache in memory, up to 1 GiB
  };

  virtual ~Device() = default;
  /// What `drawbar targets` prints: "AVX-512, 2 cores"; or why there is no device.
  virtual std::string description() const = 0;
  /// What a program compiled now needs of the device ("avx2"), and whether this one has it.
  virtual std::string requirement() const = 0;
  virtual bool satisfies(std::string_view requirement) const = 0;
  /// Measured anew at each call.
  virtual DeviceRates measure(int threads, Measure what) const = 0;
  /// What this process may take of the device's own memory, from now on: plans that need more are
  /// refused when they are made (RESOURCE_EXHAUSTED). Throws INVALID_ARGUMENT where the device has
  /// none of its own.
  virtual void limit_memory(int64_t bytes) const;

  /// Memories of its own that tensors can lie in. None where its memory is the host's.
  virtual std::vector<Place> memories() const { return {}; }
  /// Uninitialised numbers in one of them. Throws INVALID_ARGUMENT for a place it has not, or
  /// strings, RESOURCE_EXHAUSTED.
  virtual Tensor allocate(const Place& place, ElementType type, Shape shape) const;
  /// Copies the elements, and returns when they are there; `from`, `to` or both lie in a memory of
  /// its own, the other on the host. They have the same type and size.
  virtual void copy(const Tensor& from, Tensor& to) const;
};

}  // namespace drawbar
