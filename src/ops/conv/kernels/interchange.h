#pragma once

#include "targets/cpu/copy/copy_kernel.h"

namespace drawbar::cpu {

/// Copies [N, C, L] in row-major order to channels-last [N, L, C] and back. Immutable, thread-safe.
class Interchange {
 public:
  explicit Interchange(const Shape& shape)
      : to_last_({{shape[0], shape[2], shape[1]},
                  {shape[1] * shape[2], 1, shape[2]},
                  {shape[1] * shape[2], shape[1], 1}},
                 4),
        to_first_({shape, {shape[1] * shape[2], 1, shape[1]}, ops::row_major_strides(shape)}, 4),
        same_(shape[1] == 1 || shape[2] == 1),
        floats_(same_ ? 0 : (shape[0] * shape[1] * shape[2] + 15) / 16 * 16) {}

  bool same() const { return same_; }         // both orders are one
  int64_t floats() const { return floats_; }  // memory it needs
  void channels_last(const float* from, float* to, ThreadPool& pool) const {
    run(to_last_, from, to, pool);
  }
  void channels_first(const float* from, float* to, ThreadPool& pool) const {
    run(to_first_, from, to, pool);
  }

 private:
  static void run(const PlannedCopy& copy, const float* from, float* to, ThreadPool& pool) {
    pool.parallel_for(copy.pieces(), 1,
                      [&](int64_t begin, int64_t end, int) { copy.run(from, to, begin, end); });
  }

  PlannedCopy to_last_, to_first_;
  bool same_;
  int64_t floats_;
};

}  // namespace drawbar::cpu
