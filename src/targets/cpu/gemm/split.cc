#include "targets/cpu/gemm/split.h"

#include <array>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/memory.h"
#include "targets/cpu/gemm/tile_sums.h"
#include "targets/cpu/gemm/tile_unit.h"

namespace drawbar::cpu {

#if defined(__x86_64__)
namespace {

constexpr int64_t kLeastRows = 16;
constexpr int64_t kPassLength = 384;  // k
constexpr int64_t kLongPass = 768;    // of few rows, which stay split together
constexpr int64_t kMostPanels = 128;  // of a B that stays split

constexpr int64_t align_depth(int64_t k) { return divide_up(k, kTileDepth) * kTileDepth; }

/// Bytes of A and B that a thread keeps split, both in its second-level cache.
int64_t a_budget() { return std::max(cache_sizes().l2 * 5 / 16, split_bytes(kLongPass, 3)); }
int64_t b_budget() { return std::max(cache_sizes().l2 / 4, 2 * split_bytes(kLongPass, 3)); }

/// What a thread has split of the product it works on.
struct SplitMemory {
  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };
  std::unique_ptr<std::byte, Free> bytes{
      static_cast<std::byte*>(allocate_memory(static_cast<size_t>(a_budget() + b_budget())))};
  uint64_t product = 0;
  int64_t row = -1, pass = -1;                 // of A
  std::array<uint64_t, kMostPanels> panels{};  // of B: the product each belongs to

  std::byte* a() const { return bytes.get(); }
  std::byte* b() const { return bytes.get() + a_budget(); }
};

SplitMemory& memory() {
  thread_local SplitMemory own;
  return own;
}

bool stays_split(const Product& p) {
  const int64_t panels = divide_up(p.b->n, kTilePanel);
  return p.blocking.k_blocks == 1 && panels <= kMostPanels &&
         panels * split_bytes(p.b->k, p.b->tile_parts()) <= b_budget();
}

/// Rows [row, row + rows) of the panels [panel, panel_end). While the tile unit multiplies two
/// tiles of rows and a panel, the vector units finish the sums before them and split what comes
/// next of A and B.
class SplitBlock {
 public:
  SplitBlock(const Product& p, int64_t row, int64_t rows, int64_t panel, int64_t panel_end,
             const float* const* list)
      : p_(p),
        own_(memory()),
        parts_(p.b->tile_parts()),
        stays_(stays_split(p)),
        row_(row),
        rows_(rows),
        panel_(panel),
        panel_end_(panel_end),
        list_(list) {
    const int64_t tiles = divide_up(rows, kTileRows);
    height_ = divide_up(rows, tiles);
    pairs_ = divide_up(tiles, 2);
  }

  void run() {
    const TileUnit unit(height_);
    next_ = panel_of(0, panel_);
    split_next(next_.total);
    for (int64_t pass = 0; pass < p_.blocking.k_blocks; ++pass) {
      pass_ = pass_of(p_, pass);
      splits_a_ = own_.product != p_.id || own_.row != row_ || own_.pass != pass;
      for (int64_t step = 0; splits_a_ && step < steps(); ++step) split_a(0, step);
      for (int64_t i = panel_; i < panel_end_; ++i) {
        const std::byte* b = next_.tiles;
        next_ = i + 1 < panel_end_                ? panel_of(pass, i + 1)
                : pass + 1 < p_.blocking.k_blocks ? panel_of(pass + 1, panel_)
                                                  : Panel{};
        for (int64_t pair = 0; pair < pairs_; ++pair) multiply(pass, i, pair, b);
        splits_a_ = false;
      }
      own_.product = p_.id;
      own_.row = row_;
      own_.pass = pass;
    }
    finish(0, finishing_.rows);
  }

 private:
  /// A panel of B as tiles, which it is made two k at a time if it does not come so.
  struct Panel {
    const std::byte* tiles = nullptr;
    const std::byte* from = nullptr;
    std::byte* out = nullptr;
    int64_t k = 0, done = 0, total = 0;
    int64_t lines = 0, fetched = 0;
  };
  /// Sums that are being finished.
  struct Finishing {
    Finish finish;
    int64_t rows = 0, row = 0, column = 0;
    Pass pass{};
    float* c = nullptr;
    float* sums = nullptr;
  };

  int64_t rows_of(int64_t pair) const { return std::min(2 * height_, rows_ - pair * 2 * height_); }
  int64_t steps() const { return align_depth(pass_.length()) / kTileDepth; }
  std::byte* a_of(int64_t pair) const {
    return own_.a() + pair * split_bytes(pass_.length(), parts_);
  }

  Panel panel_of(int64_t index, int64_t i) {
    const Pass pass = pass_of(p_, index);
    const int64_t bytes = split_bytes(pass.length(), parts_);
    Panel panel;
    panel.from = panel.tiles = b_at(p_, i * kTilePanel, pass);
    if (p_.b->tiles) {
      panel.lines = bytes / 64;
      return panel;
    }
    panel.tiles = panel.out = own_.b() + (stays_                  ? i * bytes
                                          : next_.out == own_.b() ? b_budget() / 2
                                                                  : 0);
    panel.k = pass.length();
    panel.total = align_depth(panel.k) / 2;
    if (stays_) {
      uint64_t& owner = own_.panels[static_cast<size_t>(i)];
      if (owner == p_.id) panel.done = panel.total;
      owner = p_.id;
    }
    return panel;
  }

  void split_next(int64_t to) {
    if (to <= next_.done) return;
    split_panel(p_.b->element, next_.from, next_.k, next_.done, to, parts_, next_.out);
    next_.done = to;
  }

  void fetch_next(int64_t to) {
    for (; next_.fetched < to; ++next_.fetched)
      __builtin_prefetch(next_.tiles + next_.fetched * 64, 0, 2);
  }

  /// One step of two tiles of A.
  void split_a(int64_t pair, int64_t step) {
    const int64_t length = pass_.k_end - pass_.k_begin, count = rows_of(pair);
    const int64_t begin = step * kTileDepth, end = std::min(begin + kTileDepth, pass_.length());
    const float* rows[2 * kTileRows];
    alignas(64) float staged[2 * kTileRows][kTileDepth];  // where a step reaches into several taps
    const int64_t tap = begin / length, offset = begin % length;
    for (int64_t r = 0; r < count; ++r) {
      const int64_t row = row_ + pair * 2 * height_ + r;
      rows[r] = a_at(p_, row_, rows_, list_, row, pass_.tap + tap) + pass_.k_begin + offset;
      if (offset + end - begin <= length) continue;
      for (int64_t k = begin, next = 0; k < end; k = next) {
        next = std::min((k / length + 1) * length, end);
        std::memcpy(staged[r] + k - begin,
                    a_at(p_, row_, rows_, list_, row, pass_.tap + k / length) + k % length,
                    static_cast<size_t>(next - k) * 4);
      }
      rows[r] = staged[r];
    }
    split_rows(rows, count, height_, end - begin, parts_, a_of(pair) + step * step_bytes(parts_));
  }

  void multiply(int64_t pass, int64_t i, int64_t pair, const std::byte* b) {
    const int64_t rows = rows_of(pair), steps = this->steps();
    const int64_t row = row_ + pair * 2 * height_, column = i * kTilePanel;
    float* c = p_.c + row * p_.ldc + column;
    const bool splits_a = splits_a_ && pair + 1 < pairs_;
    const auto meanwhile = [&](int64_t step) {
      for (int64_t r = rows * step / steps; r < rows * (step + 1) / steps; ++r) {
        __builtin_prefetch(c + r * p_.ldc, 1);
        __builtin_prefetch(c + r * p_.ldc + 16, 1);
      }
      finish(finishing_.rows * step / steps, finishing_.rows * (step + 1) / steps);
      split_next(next_.total * (pair * steps + step + 1) / (pairs_ * steps));
      fetch_next(next_.lines * (pair * steps + step + 1) / (pairs_ * steps));
      if (splits_a) split_a(pair + 1, step);
    };
    float* sums = sums_[turn_];
    turn_ = !turn_;
    multiply_tiles(parts_, rows > height_ ? 2 : 1, height_, pass_.length(), a_of(pair), b,
                   meanwhile, sums);
    finishing_ = {finish_of(p_, pass, column), rows, row, column, pass_, c, sums};
    const float*& residual = finishing_.finish.epilogue.residual;
    if (residual != nullptr) residual += row * p_.epilogue->residual_ld;
  }

  /// Rows [begin, end) of what is being finished.
  void finish(int64_t begin, int64_t end) {
    if (begin == end) return;
    const Finishing& f = finishing_;
    if (begin == 0 && has_nan(f.sums, f.rows)) {
      form_again(p_, f.pass, row_, rows_, list_, f.row, f.rows, b_at(p_, f.column, f.pass), f.sums);
    }
    finish_sums(f.finish, begin, end, f.sums, f.c);
    if (end == f.rows && f.finish.epilogue.hook != nullptr) {
      (*f.finish.epilogue.hook)(f.c, p_.ldc, f.row, f.column, f.rows, f.finish.columns);
    }
  }

  const Product& p_;
  SplitMemory& own_;
  int64_t parts_;  // of a number of B
  bool stays_;     // B stays split
  int64_t row_, rows_, panel_, panel_end_;
  const float* const* list_;
  int64_t height_ = 0, pairs_ = 0;  // rows of a tile; pairs of tiles
  Pass pass_{};
  bool splits_a_ = false;
  Panel next_;
  Finishing finishing_;
  int turn_ = 0;
  alignas(64) float sums_[2][2 * kTileRows * kTilePanel];
};

}  // namespace

bool split_pays(int64_t m, int64_t n, int64_t k, Isa isa, int64_t parts, bool tiles) {
  if (isa != Isa::amx || m < kLeastRows) return false;
  // Cycles per row, within 8 % of those of 16 layers of ResNet50, DenseNet121, MobileNet v2 and
  // ShuffleNet v2: splitting A, multiplying (whole tiles), splitting B, finishing; and vectors.
  const auto depth = static_cast<double>(divide_up(k, kTileDepth));
  const auto panels = static_cast<double>(divide_up(n, kTilePanel));
  const auto passes = static_cast<double>(divide_up(k, kPassLength));
  const double waste =
      static_cast<double>(divide_up(m, kTileRows) * kTileRows) / static_cast<double>(m);
  // A panel that comes as tiles is waited for: it may lie in memory.
  const double b = (parts == 3 ? 600.0 : tiles ? 450.0 : 300.0) / static_cast<double>(m);
  const double products = parts == 3 ? 18 : 9;
  const double split = depth * (28 + panels * (products * waste + b)) + 30 * panels * passes;
  const double vectors = static_cast<double>(divide_up(n, 16) * k) / 2 / 0.92;
  // What is split fills half of the second-level cache, which the next step pays for; and where
  // others share the core, products of two parts take up to three times as long, vectors' less.
  return (parts == 3 ? 1.08 : 1.5) * split < vectors;
}

Blocking choose_split_blocking(int64_t m, int64_t n, int64_t taps, int64_t k, int threads,
                               int64_t parts) {
  Blocking result;
  const bool few = divide_up(m, 2 * kTileRows) * split_bytes(kLongPass, parts) <= a_budget();
  const int64_t longest = few ? kLongPass : kPassLength;
  result.block_taps = taps;
  result.part_k = k;
  if (k > longest) {
    result.part_k = align_depth(divide_up(k, divide_up(k, longest)));
    result.parts = divide_up(k, result.part_k);
    result.k_blocks = result.parts * taps;
    result.block_taps = 1;
  } else if (k * taps > longest) {
    result.block_taps = divide_up(taps, divide_up(taps, longest / k));
    result.k_blocks = divide_up(taps, result.block_taps);
  }
  const int64_t pass = result.parts > 1 ? result.part_k : result.block_taps * k;
  const int64_t most = a_budget() / split_bytes(pass, parts) * 2 * kTileRows;
  int64_t blocks = divide_up(m, most);
  if (threads > 1 && m >= 4 * threads * 64) blocks = std::max<int64_t>(blocks, 4 * threads);
  result.block_rows = divide_up(divide_up(m, blocks), 2 * kTileRows) * 2 * kTileRows;
  result.block_rows = std::min(result.block_rows, most);
  blocks = divide_up(m, result.block_rows);
  const int64_t panels = divide_up(n, kTilePanel);
  const int64_t pieces = divide_up(threads, blocks);
  result.unit_panels = divide_up(panels, std::min(pieces, panels));
  result.vectors = 4;
  result.chunk = panels * kTilePanel;
  return result;
}

bool compute_split_block(const Product& p, int64_t row, int64_t rows, int64_t panel,
                         int64_t panel_end, const float** list) {
  const bool has_memory = memory().bytes != nullptr;
  if (!has_memory && !p.b->tiles) return false;
  if (p.indirect != nullptr) p.indirect->fill(row, rows, list);
  if (has_memory) {
    SplitBlock(p, row, rows, panel, panel_end, list).run();
  } else {
    form_block_again(p, row, rows, panel, panel_end, list);
  }
  return true;
}

#else

bool split_pays(int64_t, int64_t, int64_t, Isa, int64_t, bool) { return false; }
Blocking choose_split_blocking(int64_t, int64_t, int64_t, int64_t, int, int64_t) { return {}; }
bool compute_split_block(const Product&, int64_t, int64_t, int64_t, int64_t, const float**) {
  return false;
}

#endif

}  // namespace drawbar::cpu
