#include <algorithm>

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

struct Candidate {
  float value;
  int32_t index;
};

template <bool kLargest>
bool better(const Candidate& a, const Candidate& b) {
  const bool a_nan = a.value != a.value, b_nan = b.value != b.value;
  if (a_nan != b_nan) return kLargest == a_nan;
  if (a.value != b.value && !a_nan) return kLargest ? a.value > b.value : a.value < b.value;
  return a.index < b.index;
}

/// The best k of every line in a heap whose top is the worst of them: most elements are compared
/// once.
class HeapTopK final : public Kernel {
 public:
  HeapTopK(int64_t outer, int64_t size, int64_t inner, int64_t k, bool largest, int threads)
      : outer_(outer), size_(size), inner_(inner), k_(k), largest_(largest), threads_(threads) {}

  size_t scratch_bytes() const override {
    return static_cast<size_t>(threads_ * k_) * sizeof(Candidate);
  }

  void run(const KernelRun& run) const override {
    if (k_ == 0) return;
    auto* scratch = static_cast<Candidate*>(run.scratch);
    const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, size_));
    const auto work = [&](int64_t begin, int64_t end, int worker) {
      Candidate* heap = scratch + worker * k_;
      for (int64_t line = begin; line < end; ++line) {
        if (largest_) {
          select<true>(run, line, heap);
        } else {
          select<false>(run, line, heap);
        }
      }
    };
    if (run.pool.threads() <= threads_) {
      run.pool.parallel_for(outer_ * inner_, grain, work);
    } else {
      work(0, outer_ * inner_, 0);
    }
  }

 private:
  template <bool kLargest>
  void select(const KernelRun& run, int64_t line, Candidate* heap) const {
    const int64_t o = line / inner_, i = line % inner_;
    const float* x = run.in<float>(0) + o * size_ * inner_ + i;
    for (int64_t n = 0; n < k_; ++n) heap[n] = {x[n * inner_], static_cast<int32_t>(n)};
    std::make_heap(heap, heap + k_, better<kLargest>);
    for (int64_t n = k_; n < size_; ++n) {
      const Candidate next{x[n * inner_], static_cast<int32_t>(n)};
      if (!better<kLargest>(next, heap[0])) continue;
      std::pop_heap(heap, heap + k_, better<kLargest>);
      heap[k_ - 1] = next;
      std::push_heap(heap, heap + k_, better<kLargest>);
    }
    std::sort_heap(heap, heap + k_, better<kLargest>);
    float* values = run.outputs[0] ? run.out<float>(0) + o * k_ * inner_ + i : nullptr;
    int64_t* indices = run.outputs[1] ? run.out<int64_t>(1) + o * k_ * inner_ + i : nullptr;
    for (int64_t n = 0; n < k_; ++n) {
      if (values) values[n * inner_] = heap[n].value;
      if (indices) indices[n * inner_] = heap[n].index;
    }
  }

  int64_t outer_, size_, inner_, k_;
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
  return std::make_unique<HeapTopK>(outer, x.shape[axis], inner, p.outputs[0].shape[axis],
                                    op.largest, std::max(p.threads, 1));
}

}  // namespace

DRAWBAR_CPU_TACTIC(top_k_heap, .op = "TopK", .name = "heap_f32", .applies = applies,
                   .seconds = seconds, .make = make);

}  // namespace drawbar::cpu
