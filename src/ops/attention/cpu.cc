#include <algorithm>
#include <cmath>

#include "ops/attention/kernels/score_row.h"
#include "ops/attention/op.h"
#include "targets/cpu/gemm/gemm.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {
namespace {

using ops::Attention;
using ops::AttentionSizes;

constexpr int64_t score_floats = 64 << 10;  // of a tile of queries
constexpr int64_t key_block = 256;          // rows of v that are packed together
constexpr int64_t few_rows = 4;             // so few queries read k and v as they lie

const Attention& op_of(const Problem& problem) { return *problem.op.as<Attention>(); }

bool has_input(const Problem& problem, size_t i) {
  return i < problem.inputs.size() && problem.inputs[i].present;
}

AttentionSizes sizes_of(const Problem& problem) {
  return ops::attention_sizes(
      op_of(problem), problem.inputs[0].shape, problem.inputs[1].shape, problem.inputs[2].shape,
      has_input(problem, Attention::mask) ? &problem.inputs[Attention::mask].shape : nullptr);
}

/// The heads that share a head of k and v are one piece of work, or parts of their queries: k and v
/// are packed once for it, then tile by tile of queries the scores, the probabilities and the
/// product with v are computed in cache. With one query per head (decoding) those heads are the
/// rows of a tile.
class AttentionKernel final : public Kernel {
 public:
  explicit AttentionKernel(const Problem& problem)
      : op_(op_of(problem)),
        sizes_(sizes_of(problem)),
        isa_(problem.isa),
        score_(score_function(isa_)),
        scale_row_(scale_function(isa_)),
        bool_mask_(has_input(problem, Attention::mask) &&
                   problem.inputs[Attention::mask].type == ElementType::boolean) {
    scale_ = op_.scale != 0 ? op_.scale : 1 / std::sqrt(static_cast<float>(sizes_.size));
    shared_ = sizes_.heads / sizes_.groups;
    by_head_ = sizes_.queries == 1 && shared_ > 1;
    rows_ = by_head_ ? shared_ : sizes_.queries;
    few_ = rows_ <= few_rows;
    tile_ = std::clamp<int64_t>(score_floats / std::max<int64_t>(1, sizes_.keys), 16, 128);
    tile_ = std::min(tile_, rows_);
    const int64_t pieces = sizes_.batch * sizes_.groups;
    const int64_t wanted = (2 * problem.threads + pieces - 1) / std::max<int64_t>(1, pieces);
    const int64_t most = std::max<int64_t>(1, rows_ / 64);
    parts_ = problem.threads > 1 ? std::clamp<int64_t>(wanted, 1, most) : 1;
    plan_scratch();
    threads_ = problem.threads;
    if (has_input(problem, Attention::offset)) {
      offsets_ = problem.inputs[Attention::offset].size();
    }
  }

  size_t scratch_bytes() const override {
    return static_cast<size_t>(threads_ * per_worker_) * sizeof(float);
  }

  void run(const KernelRun& run) const override {
    run.pool.parallel_for(
        sizes_.batch * sizes_.groups * parts_, 1, [&](int64_t begin, int64_t end, int worker) {
          float* scratch = static_cast<float*>(run.scratch) + worker * per_worker_;
          for (int64_t i = begin; i < end; ++i) piece(run, scratch, i);
        });
  }

 private:
  static int64_t rounded(int64_t floats) { return (floats + 15) / 16 * 16; }

  void plan_scratch() {
    scores_at_ = 0;
    k_at_ = rounded(tile_ * sizes_.keys);
    if (few_) {
      products_ = {.count = 1,
                   .m = rows_,
                   .n = sizes_.keys,
                   .k = sizes_.size,
                   .lda = by_head_ ? sizes_.q.head : sizes_.q.row,
                   .ldb = sizes_.k.row,
                   .ldc = sizes_.keys,
                   .b_transposed = true};
      results_ = {.count = 1,
                  .m = rows_,
                  .n = sizes_.value_size,
                  .k = sizes_.keys,
                  .lda = sizes_.keys,
                  .ldb = sizes_.v.row,
                  .ldc = by_head_ ? sizes_.y.head : sizes_.y.row};
      const int64_t bytes = std::max(matmul_batch_scratch_bytes(products_, 1, isa_),
                                     matmul_batch_scratch_bytes(results_, 1, isa_));
      per_worker_ = k_at_ + rounded((bytes + 3) / 4);
      return;
    }
    v_at_ = k_at_ + rounded(packed_bytes(sizes_.size, sizes_.keys, isa_) / 4);
    v_block_ = rounded(packed_bytes(key_block, sizes_.value_size, isa_) / 4);
    per_worker_ = v_at_ + v_block_ * ((sizes_.keys + key_block - 1) / key_block);
  }

  void piece(const KernelRun& run, float* scratch, int64_t index) const {
    const int64_t part = index % parts_, group = index / parts_ % sizes_.groups;
    const int64_t b = index / parts_ / sizes_.groups;
    const float* k = run.in<float>(Attention::k) + b * sizes_.k.batch + group * sizes_.k.head;
    const float* v = run.in<float>(Attention::v) + b * sizes_.v.batch + group * sizes_.v.head;
    if (!few_) {
      pack(k, sizes_.k.row, true, sizes_.size, sizes_.keys, isa_, scratch + k_at_);
      for (int64_t t = 0; t < sizes_.keys; t += key_block) {
        pack(v + t * sizes_.v.row, sizes_.v.row, false, std::min(key_block, sizes_.keys - t),
             sizes_.value_size, isa_, scratch + v_at_ + t / key_block * v_block_);
      }
    }
    const int64_t first = rows_ * part / parts_, last = rows_ * (part + 1) / parts_;
    const int64_t heads = by_head_ ? 1 : shared_;
    for (int64_t i = 0; i < heads; ++i) {
      const int64_t head = group * shared_ + i;
      for (int64_t row = first; row < last; row += tile_) {
        tile(run, scratch, b, head, row, std::min(tile_, last - row), k, v);
      }
    }
  }

  /// Rows [row, row + rows) of a head (by_head_: of the heads from `head` on).
  void tile(const KernelRun& run, float* scratch, int64_t b, int64_t head, int64_t row,
            int64_t rows, const float* k, const float* v) const {
    const int64_t q_row = by_head_ ? sizes_.q.head : sizes_.q.row;
    const int64_t y_row = by_head_ ? sizes_.y.head : sizes_.y.row;
    const float* q =
        run.in<float>(Attention::q) + b * sizes_.q.batch + head * sizes_.q.head + row * q_row;
    float* y = run.out<float>(0) + b * sizes_.y.batch + head * sizes_.y.head + row * y_row;
    float* scores = scratch + scores_at_;
    // The keys that any of the rows attends.
    int64_t begin = sizes_.keys, end = 0;
    for (int64_t r = 0; r < rows; ++r) {
      const auto [first, last] = attended(run, b, row + r);
      if (first < last) {
        begin = std::min(begin, first);
        end = std::max(end, last);
      }
    }
    if (begin >= end) {
      for (int64_t r = 0; r < rows; ++r) std::fill_n(y + r * y_row, sizes_.value_size, 0.0f);
      return;
    }
    const Epilogue plain;
    void* products_scratch = scratch + k_at_;
    if (few_) {
      const auto item = [&](int64_t) { return BatchItem{q, k, scores, nullptr}; };
      matmul_batch(products_, item, plain, products_scratch, isa_, nullptr);
      end = sizes_.keys;
    } else {
      const PackedMatrix keys{scratch + k_at_, sizes_.size, end, isa_};
      gemm(rows, q, q_row, keys, scores, sizes_.keys, plain, nullptr);
    }
    float sums[128];
    for (int64_t r = 0; r < rows; ++r) {
      const auto [first, last] = attended(run, b, row + r);
      ScoreRow scored{.scores = scores + r * sizes_.keys,
                      .keys = end,
                      .first = std::min(first, last),
                      .last = last,
                      .scale = scale_,
                      .softcap = op_.softcap};
      place_mask(run, b, by_head_ ? head + row + r : head, by_head_ ? 0 : row + r, scored);
      sums[r] = score_(scored);
    }
    if (few_) {
      const auto item = [&](int64_t) { return BatchItem{scores, v, y, nullptr}; };
      matmul_batch(results_, item, plain, products_scratch, isa_, nullptr);
    } else {
      Epilogue epilogue;
      for (int64_t t = begin / key_block * key_block; t < end; t += key_block) {
        const int64_t count = std::min(key_block, sizes_.keys - t);
        clear_behind(scores, rows, end, t + count);
        const PackedMatrix values{scratch + v_at_ + t / key_block * v_block_, count,
                                  sizes_.value_size, isa_};
        gemm(rows, scores + t, sizes_.keys, values, y, y_row, epilogue, nullptr);
        epilogue.accumulate = true;
      }
    }
    for (int64_t r = 0; r < rows; ++r) {
      scale_row_(y + r * y_row, sizes_.value_size, sums[r] == 0 ? 0 : 1 / sums[r]);
    }
  }

  /// A block of v is taken whole: what no row attends counts nothing.
  void clear_behind(float* scores, int64_t rows, int64_t end, int64_t block_end) const {
    for (int64_t r = 0; r < rows && end < block_end; ++r) {
      std::fill(scores + r * sizes_.keys + end, scores + r * sizes_.keys + block_end, 0.0f);
    }
  }

  std::pair<int64_t, int64_t> attended(const KernelRun& run, int64_t b, int64_t row) const {
    const auto optional = [&](size_t i) {
      return i < run.inputs.size() ? run.in<int64_t>(i) : nullptr;
    };
    int64_t position = by_head_ ? 0 : row;
    if (const int64_t* offset = optional(Attention::offset)) {
      position += offset[offsets_ == 1 ? 0 : b];
    }
    auto [first, last] = ops::attended_keys(op_, position, sizes_.keys);
    if (const int64_t* lengths = optional(Attention::lengths)) {
      last = std::min(last, std::max<int64_t>(0, lengths[b]));
    }
    if (mask_present(run)) last = std::min(last, sizes_.mask_keys);
    return {std::min(first, last), last};
  }

  static bool mask_present(const KernelRun& run) {
    return run.inputs.size() > Attention::mask && run.inputs[Attention::mask] != nullptr;
  }

  void place_mask(const KernelRun& run, int64_t b, int64_t head, int64_t query,
                  ScoreRow& row) const {
    if (!mask_present(run)) return;
    const int64_t at = b * sizes_.mask.batch + head * sizes_.mask.head + query * sizes_.mask.row;
    if (bool_mask_) {
      row.bool_mask = run.in<uint8_t>(Attention::mask) + at;
    } else {
      row.mask = run.in<float>(Attention::mask) + at;
    }
  }

  Attention op_;
  AttentionSizes sizes_;
  Isa isa_;
  ScoreFunction score_;
  ScaleFunction scale_row_;
  bool bool_mask_ = false;
  bool by_head_ = false, few_ = false;
  float scale_ = 1;
  int64_t shared_ = 1, rows_ = 1, tile_ = 1, parts_ = 1, threads_ = 1, offsets_ = 1;
  int64_t scores_at_ = 0, k_at_ = 0, v_at_ = 0, v_block_ = 0, per_worker_ = 0;
  BatchShape products_, results_;
};

bool applies(const Problem& problem) {
  if (problem.outputs.size() > 1) return false;
  for (size_t i = 0; i < problem.inputs.size(); ++i) {
    const Operand& operand = problem.inputs[i];
    if (!operand.present) continue;
    if (operand.layout != Layout::row_major) return false;
    const bool boolean = i == Attention::mask && operand.type == ElementType::boolean;
    if (i < Attention::lengths && operand.type != ElementType::f32 && !boolean) return false;
    if (operand.size() == 0) return false;
  }
  return problem.outputs[0].layout == Layout::row_major;
}

double seconds(const Problem& problem) {
  const AttentionSizes sizes = sizes_of(problem);
  const double pairs = static_cast<double>(sizes.batch * sizes.heads) *
                       static_cast<double>(sizes.queries) * static_cast<double>(sizes.keys);
  const double peak = problem.isa >= Isa::avx512 ? 120e9 : problem.isa == Isa::avx2 ? 70e9 : 6e9;
  return 2e-6 + pairs * (2 * static_cast<double>(sizes.size + sizes.value_size) / peak + 0.6e-9) /
                    problem.threads;
}

DRAWBAR_CPU_TACTIC(attention, "Attention", "attention_f32", applies, seconds,
                   [](const Problem& problem) -> std::unique_ptr<Kernel> {
                     return std::make_unique<AttentionKernel>(problem);
                   });

}  // namespace
}  // namespace drawbar::cpu
