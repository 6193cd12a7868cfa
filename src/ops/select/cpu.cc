#include <algorithm>
#include <bit>
#include <functional>

#include "ops/select/op.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

bool applies(const Problem& p) {
  return p.inputs[0].type == ElementType::f32 && p.inputs[0].layout == Layout::row_major &&
         p.inputs[0].rank() > 0 && p.outputs[0].layout == Layout::row_major &&
         p.outputs.size() == 2 && p.inputs[0].size() < (int64_t{1} << 31);
}

double seconds(const Problem& p) { return 2e-9 * static_cast<double>(p.inputs[0].size()); }

/// Orders elements by one comparison: the better value has the greater key, of equal ones the lower
/// index. Not-a-number counts as the largest, minus zero as zero.
uint64_t key_of(float value, int64_t index, bool largest) {
  const uint32_t bits = std::bit_cast<uint32_t>(value + 0.0f);
  uint32_t ordered = bits & 0x80000000 ? ~bits : bits | 0x80000000;
  if (value != value) ordered = 0xffffffff;
  if (!largest) ordered = ~ordered;
  return uint64_t{ordered} << 32 | (0xffffffff - static_cast<uint32_t>(index));
}

int64_t index_of(uint64_t key) { return 0xffffffff - static_cast<uint32_t>(key); }

/// Keeps candidates in a buffer of a few times k. Whenever it is full, all but the best k go, and
/// the worst of those is what further elements must beat.
class BufferedTopK final : public Kernel {
 public:
  BufferedTopK(int64_t outer, int64_t size, int64_t inner, int64_t k, bool largest, int threads)
      : outer_(outer),
        size_(size),
        inner_(inner),
        k_(k),
        capacity_(std::min(size, std::max<int64_t>(4 * k, 1024))),
        largest_(largest),
        threads_(threads) {}

  size_t scratch_bytes() const override {
    return static_cast<size_t>(threads_ * capacity_) * sizeof(uint64_t);
  }

  void run(const KernelRun& run) const override {
    if (k_ == 0) return;
    auto* scratch = static_cast<uint64_t*>(run.scratch);
    const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, size_));
    const auto work = [&](int64_t begin, int64_t end, int worker) {
      for (int64_t line = begin; line < end; ++line)
        select(run, line, scratch + worker * capacity_);
    };
    if (run.pool.threads() <= threads_) {
      run.pool.parallel_for(outer_ * inner_, grain, work);
    } else {
      work(0, outer_ * inner_, 0);
    }
  }

 private:
  void select(const KernelRun& run, int64_t line, uint64_t* buffer) const {
    const int64_t o = line / inner_, i = line % inner_;
    const float* x = run.in<float>(0) + o * size_ * inner_ + i;
    uint64_t bar = 0;
    int64_t held = 0;
    for (int64_t n = 0; n < size_; ++n) {
      const uint64_t key = key_of(x[n * inner_], n, largest_);
      if (key < bar) continue;
      if (held == capacity_) {
        std::nth_element(buffer, buffer + k_ - 1, buffer + held, std::greater<>());
        bar = buffer[k_ - 1];
        held = k_;
        if (key < bar) continue;
      }
      buffer[held++] = key;
    }
    if (held > k_) std::nth_element(buffer, buffer + k_ - 1, buffer + held, std::greater<>());
    std::sort(buffer, buffer + k_, std::greater<>());
    float* values = run.outputs[0] ? run.out<float>(0) + o * k_ * inner_ + i : nullptr;
    int64_t* indices = run.outputs[1] ? run.out<int64_t>(1) + o * k_ * inner_ + i : nullptr;
    for (int64_t n = 0; n < k_; ++n) {
      const int64_t index = index_of(buffer[n]);
      if (values) values[n * inner_] = x[index * inner_];
      if (indices) indices[n * inner_] = index;
    }
  }

  int64_t outer_, size_, inner_, k_, capacity_;
  bool largest_;
  int threads_;
};

std::unique_ptr<Kernel> make(const Problem& p) {
  const auto& op = *p.op.as<ops::TopK>();
  const Operand& x = p.inputs[0];
  const auto axis = static_cast<size_t>(Infer::axis(op.axis, x.rank()));
  int64_t outer = 1, inner = 1;
  for (size_t i = 0; i < axis; ++i) outer *= x.shape[i];
  for (size_t i = axis + 1; i < x.shape.size(); ++i) inner *= x.shape[i];
  return std::make_unique<BufferedTopK>(outer, x.shape[axis], inner, p.outputs[0].shape[axis],
                                        op.largest, std::max(p.threads, 1));
}

}  // namespace

DRAWBAR_CPU_TACTIC(top_k_buffered, .op = "TopK", .name = "buffered_f32", .applies = applies,
                   .seconds = seconds, .make = make);

}  // namespace drawbar::cpu
