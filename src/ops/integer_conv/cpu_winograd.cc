// Convolution of bytes of 3 × 3 with stride 1 by Winograd's F(2 × 2, 3 × 3) on integers of 16 bits,
// where processors have no products of bytes that add four (VNNI): 16 multiplications stand for 36,
// and a 16-bit product takes as long as one of bytes. Exact: the planes of bytes and of four times
// the weights fit 16 bits, and their sums 32. Channels-last. Source: Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks" (2016).
#include "ops/conv/kernels/factories.h"
#include "ops/integer_conv/cpu_operands.h"
#include "ops/integer_conv/cpu_winograd_lines.h"
#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/byte_finish.h"

namespace drawbar::cpu {
namespace {

constexpr int64_t kTileRows = 6;        // of a product: tiles at once
constexpr int64_t kMostTiles = 96;      // of a block
constexpr int64_t kMostChannels = 900;  // so that 9 · c · 255 · 255 fits 30 bits

bool applies(const Problem& p) {
  const ByteConvolution at(p);
  if (ByteConvolution::group(p) != 1 || !at.applies(p)) return false;
  const ConvShape s = at.shape(p);
  return byte_unit(p.isa) == ByteUnit::pairs && s.kh == 3 && s.kw == 3 && s.stride_h == 1 &&
         s.stride_w == 1 && s.dilation_h == 1 && s.dilation_w == 1 &&
         s.c % kWinogradChannels == 0 && s.c <= kMostChannels;
}

double seconds(const Problem& p) {
  const ConvShape s = ByteConvolution(p).shape(p);
  const double moved = static_cast<double>(s.pixels() * (4 * s.c + 10 * s.m));
  return (s.multiply_adds() / 190e9 + moved / 12e9) / p.threads + 3e-6;
}

class WinogradByteConv final : public Kernel {
 public:
  explicit WinogradByteConv(const Problem& p)
      : at_(p),
        shape_(at_.shape(p)),
        isa_(p.isa),
        threads_(p.threads),
        width_(panel_width(p.isa)),
        panels_(divide_up(shape_.m, width_)),
        tiles_x_(divide_up(shape_.ow, 2)),
        tiles_(shape_.n * divide_up(shape_.oh, 2) * tiles_x_) {
    const int64_t fitting = cache_sizes().l2 / 2 / (kWinogradPlanes * shape_.c * 2);
    const int64_t most = std::clamp<int64_t>(fitting, 2 * kTileRows, kMostTiles);
    blocks_ = std::max<int64_t>(1, divide_up(tiles_, most));
    if (blocks_ < 2 * threads_)
      blocks_ = std::min(divide_up(tiles_, 2 * kTileRows), threads_ * divide_up(blocks_, threads_));
    block_ = divide_up(tiles_, blocks_);
    blocks_ = divide_up(tiles_, block_);
    groups_ = blocks_ >= 2 * threads_ || threads_ == 1
                  ? 1
                  : std::min<int64_t>(divide_up(2 * threads_, blocks_), panels_);
    const ConstantPtr& w = p.inputs[at_.w_input].constant;
    const ConstantPtr zero = weights_zero(at_.w_zero(p), w->type());
    const std::string form = fmt::format("bytes winograd2 {} m={} c={} zero={}", cpu::name(p.isa),
                                         shape_.m, shape_.c, zero->hash().hex());
    packed_ = p.packed.get(w, form, static_cast<size_t>(sums_at() + shape_.m * 4),
                           [&](const Tensor& source, void* packed) {
                             pack(source, zero->tensor(), static_cast<std::byte*>(packed));
                           });
  }

  size_t scratch_bytes() const override {
    return static_cast<size_t>(workers_at() + threads_ * worker_bytes());
  }
  uint32_t packed_inputs() const override { return 1U << at_.w_input; }
  std::optional<double> executed_operations() const override {
    return 2.0 * static_cast<double>(kWinogradPlanes * tiles_ * shape_.c * shape_.m);
  }

  void run(const KernelRun& run) const override {
    auto* memory = static_cast<std::byte*>(run.scratch);
    const ByteScales scales = at_.scales(run);
    std::byte* padding = memory + padding_at();
    std::fill_n(padding, shape_.c, static_cast<std::byte>(scales.x_zero));
    const auto* weight_sums = reinterpret_cast<const int32_t*>(packed_.get() + sums_at());
    const ByteEpilogue epilogue =
        byte_epilogue(scales, weight_sums, 0, shape_.m, columns(), memory, at_.y);
    const Call call{run.in<std::byte>(ByteOperands::kX), padding, run.outputs[0], epilogue};
    run.pool.parallel_for(blocks_ * groups_, 1, [&](int64_t begin, int64_t end, int worker) {
      std::byte* own = memory + workers_at() + worker * worker_bytes();
      int64_t ready = -1;
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t block = unit / groups_, group = unit % groups_;
        if (block != ready) transform_input(call, block, reinterpret_cast<int16_t*>(own));
        ready = block;
        multiply(call, block, panels_ * group / groups_, panels_ * (group + 1) / groups_, own);
      }
    });
  }

 private:
  struct Call {
    const std::byte* x;
    const std::byte* padding;  // a pixel of it
    void* y;
    const ByteEpilogue& epilogue;
  };

  /// Where a tile lies: its first output.
  struct Place {
    int64_t image, y, x;
  };
  Place place(int64_t tile) const {
    const int64_t row = tile / tiles_x_, tiles_y = divide_up(shape_.oh, 2);
    return {row / tiles_y, row % tiles_y * 2, tile % tiles_x_ * 2};
  }

  int64_t columns() const { return panels_ * width_; }
  int64_t panel_bytes() const { return shape_.c * width_ * 2; }  // of one plane
  int64_t sums_at() const { return panels_ * kWinogradPlanes * panel_bytes(); }

  // The scratch: factors, a pixel of padding; each worker's planes, their sums, sums of outputs.
  int64_t padding_at() const { return align_up(3 * columns() * 4, 64); }
  int64_t workers_at() const { return padding_at() + align_up(shape_.c, 64); }
  /// Numbers of a plane; planes start off multiples of 4 KiB.
  int64_t plane() const { return align_up(block_ * shape_.c, 2048) + 96; }
  int64_t plane_sums() const { return align_up(block_ * width_, 1024) + 16; }
  int64_t planes_bytes() const { return kWinogradPlanes * plane() * 2; }
  int64_t plane_sums_bytes() const { return kWinogradPlanes * plane_sums() * 4; }
  int64_t worker_bytes() const {
    return planes_bytes() + plane_sums_bytes() + align_up(4 * block_ * width_ * 4, 64);
  }

  /// As [panel][plane][c / 2][column][2], and behind them the sum of each column's weights.
  void pack(const Tensor& w, const Tensor& zero, std::byte* packed) const {
    auto* numbers = reinterpret_cast<int16_t*>(packed);
    auto* sums = reinterpret_cast<int32_t*>(packed + sums_at());
    std::fill_n(numbers, sums_at() / 2, int16_t{0});
    for (int64_t m = 0; m < shape_.m; ++m) {
      const int32_t off = byte_at(zero.raw(), zero.type(), zero.size() > 1 ? m : 0);
      int16_t* panel = numbers + m / width_ * kWinogradPlanes * panel_bytes() / 2;
      sums[m] = 0;
      for (int64_t c = 0; c < shape_.c; ++c) {
        int16_t kernel[9];
        for (int64_t i = 0; i < 9; ++i) {
          const int32_t value = byte_at(w.raw(), w.type(), (m * shape_.c + c) * 9 + i) - off;
          kernel[i] = static_cast<int16_t>(value);
          sums[m] += value;
        }
        winograd_bytes_weights(kernel, panel + (c / 2 * width_ + m % width_) * 2 + c % 2,
                               panel_bytes() / 2);
      }
    }
  }

  void transform_input(const Call& call, int64_t block, int16_t* planes) const {
    const ConvShape& s = shape_;
    const int64_t first = block * block_, count = std::min(block_, tiles_ - first);
    for (int64_t t = 0; t < count; ++t) {
      const auto [image, y, x] = place(first + t);
      const std::byte* pixels[kWinogradPlanes];
      for (int64_t i = 0; i < kWinogradPlanes; ++i) {
        const int64_t iy = y - s.pad_top + i / kWinogradSide,
                      ix = x - s.pad_left + i % kWinogradSide;
        const bool inside = iy >= 0 && iy < s.h && ix >= 0 && ix < s.w;
        pixels[i] =
            inside ? call.x + ((image * s.h + iy) * s.w + ix) * s.x_pixel_stride : call.padding;
      }
      winograd_bytes_input(pixels, s.c, at_.x == ElementType::i8, planes + t * s.c, plane(), isa_);
    }
  }

  void multiply(const Call& call, int64_t block, int64_t panel, int64_t panel_end,
                std::byte* own) const {
    const int64_t first = block * block_, count = std::min(block_, tiles_ - first);
    auto* sums = reinterpret_cast<int32_t*>(own + planes_bytes());
    auto* outputs = reinterpret_cast<int32_t*>(own + planes_bytes() + plane_sums_bytes());
    for (; panel < panel_end; ++panel) {
      multiply_panel(reinterpret_cast<const int16_t*>(own), count, panel, sums);
      // Tiles side by side give lines of outputs.
      for (int64_t t = 0; t < count;) {
        const int64_t run = std::min(count - t, tiles_x_ - (first + t) % tiles_x_);
        const int64_t line = 2 * run * width_;
        winograd_bytes_output(sums + t * width_, plane_sums(), run, width_, outputs, line, isa_);
        finish(call, place(first + t), run, panel, outputs, line);
        t += run;
      }
    }
  }

  void multiply_panel(const int16_t* planes, int64_t tiles, int64_t panel, int32_t* sums) const {
    const int64_t columns = std::min(width_, shape_.m - panel * width_);
    KernelShape shape;
    shape.isa = isa_;
    shape.multiply = Multiply::words;
    KernelArgs args;
    args.lanes = lanes(isa_);
    args.vectors = divide_up(columns, args.lanes);
    args.last_columns = args.lanes;
    args.a_stride = args.k_end = shape_.c * 2;
    args.b_step = args.prefetch_step = panel_bytes();
    args.c_stride = width_ * 4;
    shape.vectors = static_cast<int>(args.vectors);
    const std::byte* b = packed_.get() + panel * kWinogradPlanes * panel_bytes();
    for (int64_t i = 0; i < kWinogradPlanes; ++i, b += panel_bytes()) {
      args.a = reinterpret_cast<const float*>(planes + i * plane());
      args.b = reinterpret_cast<const float*>(b);
      args.c = reinterpret_cast<float*>(sums + i * plane_sums());
      args.prefetch = reinterpret_cast<const float*>(b + panel_bytes());
      args.prefetch_end = args.prefetch + panel_bytes() / 4;
      for_tile_heights(tiles, max_byte_rows(isa_, shape.vectors, Multiply::words),
                       [&](int64_t height, int64_t count) {
                         args.rows = height;
                         args.tiles = count;
                         shape.rows = static_cast<int>(height);
                         kernel(shape)(&args);
                       });
    }
  }

  void finish(const Call& call, const Place& at, int64_t tiles, int64_t panel,
              const int32_t* outputs, int64_t line) const {
    const int64_t column = panel * width_, columns = std::min(width_, shape_.m - column);
    for (int64_t y = at.y; y < std::min(at.y + 2, shape_.oh); ++y) {
      const int64_t pixel = (at.image * shape_.oh + y) * shape_.ow + at.x;
      finish_bytes(call.epilogue, outputs + (y - at.y) * line, width_, pixel, column,
                   std::min(2 * tiles, shape_.ow - at.x), columns, call.y, shape_.y_pixel_stride,
                   isa_);
    }
  }

  ByteConvolution at_;
  ConvShape shape_;
  Isa isa_;
  int threads_;
  int64_t width_, panels_;  // of the weights' columns
  int64_t tiles_x_, tiles_;
  int64_t block_ = 0, blocks_ = 0;  // tiles whose planes are there at once
  int64_t groups_ = 1;              // that panels are divided in, for threads
  PackedConstants::Buffer packed_;
};

std::unique_ptr<Kernel> make(const Problem& p) { return std::make_unique<WinogradByteConv>(p); }

}  // namespace

DRAWBAR_CPU_TACTIC(winograd_bytes, .op = "QLinearConv", .name = "conv_winograd2_bytes",
                   .applies = applies, .seconds = seconds, .make = make, .writes_slices = true);
DRAWBAR_CPU_TACTIC(winograd_sums, .op = "ConvInteger", .name = "conv_winograd2_bytes",
                   .applies = applies, .seconds = seconds, .make = make, .writes_slices = true);

}  // namespace drawbar::cpu
