#pragma once

#include "targets/cpu/gemm/microkernel.h"
#include "targets/cpu/gemm/product.h"

namespace drawbar::cpu {

/// Panels of halves as f32, for a thread that multiplies many rows by them. While it multiplies by
/// those of one tile, the kernel widens those of the next one. The memory is the thread's, which
/// keeps it: one object at a time.
class WidenedPanels {
 public:
  /// For passes of at most `length` k over tiles of at most so many columns. Of a product of f32,
  /// of no columns, or where there is no memory, it has none.
  WidenedPanels(const Product& p, int64_t columns, int64_t length);

  explicit operator bool() const { return memory_ != nullptr; }
  /// The panels of a pass from `column` on, of so many columns.
  const float* take(int64_t column, int64_t columns, const Pass& pass);
  /// Has a kernel of `args` widen the same panels of another place, as far as its time allows, and
  /// says so in its shape; nothing where it has no registers for it.
  void begin(int64_t column, int64_t columns, const Pass& pass, KernelArgs& args,
             KernelShape& shape);
  /// Behind a kernel's last call.
  void end(const KernelArgs& args);

 private:
  const Product& p_;
  float* memory_ = nullptr;
  int64_t size_ = 0;                  // floats of a tile's panels
  int now_ = 0;                       // which of the two halves of the memory
  const std::byte* ahead_ = nullptr;  // the first panel in the other one,
  int64_t done_ = 0;                  // of each of whose panels so many bytes are widened
};

}  // namespace drawbar::cpu
