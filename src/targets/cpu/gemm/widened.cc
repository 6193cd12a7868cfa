#include "targets/cpu/gemm/widened.h"

#include <cstdlib>
#include <memory>

#include "base/checked.h"
#include "base/memory.h"
#include "targets/cpu/half.h"

namespace drawbar::cpu {
namespace {

struct Free {
  void operator()(float* p) const { std::free(p); }
};

/// The calling thread's memory, of so many floats at least; null where there is none.
float* memory_of(int64_t floats) {
  thread_local std::unique_ptr<float, Free> data;
  thread_local int64_t size = 0;
  if (floats > size) {
    data.reset(static_cast<float*>(allocate_memory(static_cast<size_t>(floats) * 4)));
    size = data ? floats : 0;
  }
  return data.get();
}

}  // namespace

WidenedPanels::WidenedPanels(const Product& p, int64_t columns, int64_t length) : p_(p) {
  if (p.b->element == ElementType::f32 || columns == 0) return;
  const int64_t width = panel_width(p.b->isa);
  size_ = divide_up(columns, width) * width * length;
  memory_ = memory_of(2 * size_);
}

const float* WidenedPanels::take(int64_t column, int64_t columns, const Pass& pass) {
  const int64_t width = panel_width(p_.b->isa), length = pass.length() * width;
  const std::byte* const first = b_at(p_, column, pass);
  int64_t done = 0;
  if (first == ahead_) {
    now_ = 1 - now_;
    done = done_ / 2;
  }
  ahead_ = nullptr;
  float* const panels = memory_ + now_ * size_;
  for (int64_t i = 0; i < divide_up(columns, width) && done < length; ++i) {
    widen(p_.b->element, b_at(p_, column + i * width, pass) + done * 2, panels + i * length + done,
          length - done);
  }
  return panels;
}

void WidenedPanels::begin(int64_t column, int64_t columns, const Pass& pass, KernelArgs& args,
                          KernelShape& shape) {
  if (!widens_ahead(shape) || divide_up(columns, lanes(p_.b->isa)) != args.vectors) return;
  shape.prefetch = p_.b->element == ElementType::f16 ? Prefetch::widen_f16 : Prefetch::widen_bf16;
  const int64_t panel = pass.length() * panel_width(p_.b->isa);
  ahead_ = b_at(p_, column, pass);
  args.prefetch = reinterpret_cast<const float*>(ahead_);
  args.prefetch_end = reinterpret_cast<const float*>(ahead_ + panel * 2);
  args.widened = memory_ + (1 - now_) * size_;
  args.widened_step = panel * 4;
}

void WidenedPanels::end(const KernelArgs& args) {
  if (ahead_) done_ = reinterpret_cast<const std::byte*>(args.prefetch) - ahead_;
}

}  // namespace drawbar::cpu
