#include <cstring>
#include <vector>

#include "ops/conv/kernels/factories.h"
#include "ops/conv/kernels/winograd_transform.h"
#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/slices.h"

// Convolution with stride 1 by Winograd's minimal filtering: of square kernels F(m × m, r × r), of
// 3 × 3 with m = 2, 4, 6, of 5 × 5 with 2, 4, of 7 × 7 with 2; of kernels of one row or column
// F(m, r), of 3 taps with m = 2, 4, 6, of 5 and 7 with 2, 4. Source: Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks" (2016). Input tiles are transformed into one matrix
// per position of the transformed tile, each is multiplied with the transformed weights of that
// position, and the products are transformed back.
//
// Weights are transformed ahead, or, of 3 × 3 with m = 2 or 4, kept as they came ("lean"): 1.8 or 4
// times fewer bytes, which tells where few tiles use weights that come from memory. Each thread
// then transforms those of some output and input channels at a time into its second-level cache.
// Or they are sliced, as transformed tiles then are, for products on the tile unit (gemm/slices.h).
namespace drawbar::cpu {
namespace {

constexpr int64_t kLeanColumns = 64;  // output channels at a time

/// What is kept of the weights.
enum class Weights { packed, lean, sliced };

class Winograd final : public ConvKernel {
 public:
  Winograd(const ConvShape& shape, int tile, Weights weights, Isa isa)
      : shape_(shape),
        isa_(isa),
        tile_(tile),
        lean_(weights == Weights::lean),
        sliced_(weights == Weights::sliced),
        height_(shape.kh == 1 ? 1 : tile),
        width_(shape.kw == 1 ? 1 : tile),
        rows_(height_ + static_cast<int>(shape.kh) - 1),
        columns_(width_ + static_cast<int>(shape.kw) - 1),
        planes_(rows_ * columns_),
        tiles_x_(divide_up(shape.ow, width_)),
        tiles_(shape.n * divide_up(shape.oh, height_) * tiles_x_),
        plane_floats_(align_up(sliced_ ? sliced_columns_bytes(shape.c, shape.m)
                                       : cpu::packed_bytes(shape.c, shape.m, isa),
                               64) /
                      4) {
    // A block's planes stay in the second-level cache, but a block has tiles enough to use each
    // transformed weight often; where they cannot stay, more of them.
    input_row_ =
        sliced_ ? sliced_rows_bytes(kTileRows, shape.c) / 4 / kTileRows : align_up(shape.c, 16);
    const int64_t l2 = cache_sizes().l2;
    const int64_t tile_bytes =
        planes_ * (lean_ ? input_row_ + shape.m : std::max(input_row_, shape.m)) * 4;
    const bool many_weights = planes_ * shape.c * shape.m * 4 > l2;
    const bool few = 48 * tile_bytes <= (sliced_ ? l2 / 2 : l2 * 3 / 2);
    const int64_t least = !many_weights ? 24 : few ? 48 : 96;
    block_ = std::clamp<int64_t>(l2 * 3 / 8 / tile_bytes / 12 * 12, least, 192);
    // Another block reads all weights again: rather some more tiles in each than few in one more.
    const int64_t blocks = many_weights ? std::max<int64_t>((2 * tiles_ + block_) / (2 * block_), 1)
                                        : divide_up(tiles_, block_);
    block_ = divide_up(tiles_, blocks);
    if (sliced_) block_ = std::min(align_up(block_, kTileRows), tiles_);
    if (!lean_) return;
    // Output channels, input channels and planes of weights that stay in the cache beside the rest.
    const int64_t most = std::max<int64_t>(l2 / 2 / (planes_ * kLeanColumns * 4), 16);
    lean_channels_ = align_up(divide_up(shape.c, divide_up(shape.c, most)), 4);
    lean_plane_ = align_up(lean_channels_ * kLeanColumns, 1024) + 80;
  }

  std::string_view name() const override {
    if (lean_) return tile_ == 2 ? "winograd2_lean" : "winograd4_lean";
    if (sliced_) {
      return tile_ == 2 ? "winograd2_slices" : tile_ == 4 ? "winograd4_slices" : "winograd6_slices";
    }
    return tile_ == 2 ? "winograd2" : tile_ == 4 ? "winograd4" : "winograd6";
  }

  /// A packed or sliced matrix per plane, or the weights of each kLeanColumns output channels.
  int64_t packed_bytes() const override { return weight_floats() * 4; }

  void pack(const float* weights, float* packed, ThreadPool* pool) const override {
    if (lean_) {
      pack_lean(weights, packed);
      return;
    }
    std::vector<float> transformed(static_cast<size_t>(planes_ * shape_.c * shape_.m));
    const WinogradTiles tiles = tiles_from(0);
    const auto body = [&](int64_t begin, int64_t end, int) {
      for (int64_t m = begin; m < end; ++m) {
        winograd_weights(tiles, weights + m * shape_.c * shape_.kh * shape_.kw,
                         transformed.data() + m, shape_.m, shape_.c * shape_.m);
      }
    };
    if (pool == nullptr) {
      body(0, shape_.m, 0);
    } else {
      pool->parallel_for(shape_.m, 1 + 1000 / shape_.c, body);
    }
    if (sliced_) {
      pack_slices(transformed.data(), packed, pool);
      return;
    }
    for (int64_t plane = 0; plane < planes_; ++plane) {
      cpu::pack(transformed.data() + plane * shape_.c * shape_.m, shape_.m, false, shape_.c,
                shape_.m, isa_, packed + plane * plane_floats_, pool);
    }
  }

  int64_t scratch_bytes(int threads) const override {
    const bool shared = shares_blocks(threads);
    return ((shared ? 1 : threads) * planes(shared).floats + threads * worker_floats()) * 4;
  }

  void run(const float* x, const float* packed, float* y, const Epilogue& epilogue, void* scratch,
           ThreadPool* pool) const override {
    const int threads = pool == nullptr ? 1 : pool->threads();
    auto* own = static_cast<float*>(scratch);
    const bool shared = shares_blocks(threads);
    const Planes planes = this->planes(shared);
    const Call call{x, packed, y, &epilogue, planes, own + (shared ? 1 : threads) * planes.floats};
    const int64_t blocks = divide_up(tiles_, block_);
    if (shared) {
      for (int64_t block = 0; block < blocks; ++block) {
        run_shared(call, block * block_, own, *pool);
      }
      return;
    }
    const auto body = [&](int64_t begin, int64_t end, int worker) {
      for (int64_t block = begin; block < end; ++block)
        run_block(call, block * block_, own + worker * planes.floats, worker);
    };
    if (pool == nullptr) {
      body(0, blocks, 0);
    } else {
      pool->parallel_for(blocks, 1, body);
    }
  }

  std::optional<double> executed_operations() const override {
    return 2.0 * static_cast<double>(planes_ * tiles_) * static_cast<double>(shape_.c * shape_.m);
  }

  double estimate_seconds(int threads) const override {
    const double planes = static_cast<double>(planes_);
    const double tiles = static_cast<double>(tiles_);
    double moved = tiles * planes * static_cast<double>(shape_.c + shape_.m) * 4;
    // Each block of tiles reads the transformed weights again, or transforms them.
    const int64_t blocks = divide_up(tiles_, block_);
    const int64_t block = divide_up(tiles_, blocks);
    double product = static_cast<double>(blocks) * planes;
    if (lean_) {
      product *= multiply_seconds(block, shape_.m, 1, shape_.c, isa_);
      const double weights = static_cast<double>(blocks * shape_.c * shape_.m) * 4;
      moved += weights * (9 + planes / 3);  // the second-level cache is so much faster
    } else if (sliced_) {
      product *= sliced_seconds(block);
      moved *= 1.5;  // and it is sliced
    } else {
      product *= product_seconds(block, shape_.m, 1, shape_.c, isa_);
    }
    return (product + moved / rates(isa_).bytes) / threads + 2e-6;
  }

 private:
  /// Where a block's planes lie, in floats: input plane i at input + i · input_plane, its product
  /// at i · output_plane. Rows of different planes start off multiples of 4 KiB of each other.
  struct Planes {
    int64_t input, input_plane, output_plane, scales, floats;
  };
  struct Call {
    const float* x;
    const float* packed;
    float* y;
    const Epilogue* epilogue;
    Planes planes;
    float* workers;  // what each thread has for itself: worker_floats()
  };

  /// Too few blocks for the threads: they work on each block together.
  bool shares_blocks(int threads) const {
    const int64_t blocks = divide_up(tiles_, block_);
    return threads > 1 && blocks < 4 * threads && blocks % threads != 0;
  }
  /// Where one thread multiplies plane after plane, a product takes the memory of the input plane
  /// before: half as much to keep in the cache.
  Planes planes(bool shared) const {
    const auto plane = [](int64_t floats) { return align_up(floats, 1024) + 80; };
    const int64_t input = (sliced_ ? align_up(block_, kTileRows) : block_) * input_row_;
    Planes p{};
    if (shared || lean_) {
      p.input_plane = plane(input);
      p.output_plane = plane(block_ * shape_.m);
      p.input = planes_ * p.output_plane;
      p.floats = p.input + planes_ * p.input_plane;
    } else {
      p.input = p.input_plane = p.output_plane = plane(std::max(input, block_ * shape_.m));
      p.floats = (planes_ + 1) * p.input_plane;
    }
    p.scales = p.floats;
    if (sliced_) p.floats += planes_ * scales_plane();
    return p;
  }
  int64_t scales_plane() const { return align_up(block_, kTileRows); }
  /// A plane of one tile that is about to be sliced, off multiples of 4 KiB of the next one.
  int64_t staged_plane() const { return align_up(shape_.c, kSliceDepth) + 16; }
  /// The transformed weights of a lean kernel, or the planes of a tile that is about to be sliced.
  int64_t worker_floats() const {
    return planes_ * (lean_ ? lean_plane_ : sliced_ ? staged_plane() : 0);
  }
  int64_t weight_floats() const {
    const int64_t lean = shape_.kh * shape_.kw * shape_.c * align_up(shape_.m, panel_width(isa_));
    return lean_ ? align_up(lean, 16) : planes_ * plane_floats_;
  }

  WinogradTiles tiles_from(int64_t first) const {
    WinogradTiles t;
    t.shape = &shape_;
    t.height = height_;
    t.width = width_;
    t.rows = rows_;
    t.columns = columns_;
    t.first = first;
    t.tiles_x = tiles_x_;
    t.tiles_y = divide_up(shape_.oh, height_);
    t.isa = isa_;
    return t;
  }

  void transform_input(const Call& call, int64_t first, int64_t begin, int64_t end, float* own,
                       int worker) const {
    float* out = own + call.planes.input;
    if (!sliced_) {
      winograd_input(tiles_from(first), call.x, begin, end, out, input_row_,
                     call.planes.input_plane);
      return;
    }
    const int64_t stride = staged_plane();
    float* staged = call.workers + worker * worker_floats();
    for (int64_t plane = 0; plane < planes_; ++plane)
      std::fill(staged + plane * stride + shape_.c, staged + (plane + 1) * stride, 0.0f);
    for (int64_t i = begin; i < end; ++i) {
      winograd_input(tiles_from(first + i), call.x, 0, 1, staged, stride, stride);
      for (int64_t plane = 0; plane < planes_; ++plane) {
        own[call.planes.scales + plane * scales_plane() + i] =
            slice_row(staged + plane * stride, shape_.c, i,
                      reinterpret_cast<std::byte*>(out + plane * call.planes.input_plane));
      }
    }
  }

  void transform_output(const Call& call, int64_t first, int64_t begin, int64_t end,
                        const float* own) const {
    const WinogradTiles tiles = tiles_from(first);
    winograd_output(tiles, own, call.planes.output_plane, begin, end, *call.epilogue, call.y);
    if (call.epilogue->hook == nullptr) return;
    for (int64_t i = begin; i < end; ++i) call_hook(call, tiles.place(i));
  }

  void call_hook(const Call& call, const WinogradTiles::Place& place) const {
    const auto [image, oy, ox] = place;
    for (int64_t row = oy; row < std::min(oy + height_, shape_.oh); ++row) {
      const int64_t pixel = (image * shape_.oh + row) * shape_.ow + ox;
      (*call.epilogue->hook)(call.y + pixel * shape_.y_pixel_stride, shape_.y_pixel_stride, pixel,
                             0, std::min<int64_t>(width_, shape_.ow - ox), shape_.m);
    }
  }

  /// Lays the weights out as [column block][c][9][columns of the block].
  void pack_lean(const float* weights, float* packed) const {
    for (int64_t m = 0; m < align_up(shape_.m, panel_width(isa_)); ++m) {
      float* to = packed + lean_block(m) + m % kLeanColumns;
      for (int64_t i = 0; i < shape_.c * 9; ++i) {
        to[i * lean_columns(m)] = m < shape_.m ? weights[m * shape_.c * 9 + i] : 0;
      }
    }
  }
  void pack_slices(const float* transformed, float* packed, ThreadPool* pool) const {
    const auto body = [&](int64_t begin, int64_t end, int) {
      for (int64_t plane = begin; plane < end; ++plane) {
        slice_columns(transformed + plane * shape_.c * shape_.m, shape_.m, shape_.c, shape_.m,
                      reinterpret_cast<std::byte*>(packed + plane * plane_floats_));
      }
    };
    if (pool == nullptr) return body(0, planes_, 0);
    pool->parallel_for(planes_, 1, body);
  }
  int64_t lean_block(int64_t m) const { return m / kLeanColumns * kLeanColumns * shape_.c * 9; }
  int64_t lean_columns(int64_t m) const {
    return std::min(kLeanColumns,
                    align_up(shape_.m, panel_width(isa_)) - m / kLeanColumns * kLeanColumns);
  }

  /// One plane's product of so many tiles, whose weights come from beyond the core's caches.
  double sliced_seconds(int64_t tiles) const {
    constexpr double kProduct = 6e-9, kFinish = 2e-9;  // of two tiles; of a row of 16
    const auto panels = static_cast<double>(divide_up(shape_.m, kTilePanel));
    const auto rows = static_cast<double>(divide_up(tiles, kTileRows));
    const auto steps = static_cast<double>(slice_steps(shape_.c));
    const double multiply = panels * rows * (steps * 12 * kProduct + 32 * kFinish);
    return overlapped(multiply, static_cast<double>(plane_floats_ * 4) / rates(isa_).bytes);
  }

  /// What threads divide: planes, or blocks of output channels.
  int64_t units() const { return lean_ ? divide_up(shape_.m, kLeanColumns) : planes_; }

  void multiply(const Call& call, int64_t unit, int64_t tiles, float* own, int worker) const {
    if (lean_) {
      multiply_columns(call, unit * kLeanColumns, tiles, own,
                       call.workers + worker * worker_floats());
    } else if (sliced_) {
      multiply_sliced_plane(call, unit, tiles, own);
    } else {
      multiply_plane(call, unit, tiles, own);
    }
  }

  void multiply_plane(const Call& call, int64_t plane, int64_t tiles, float* own) const {
    const float* weights = call.packed + plane * plane_floats_;
    const PackedMatrix b{weights, shape_.c, shape_.m, isa_,
                         plane + 1 < planes_ ? weights + plane_floats_ : nullptr};
    gemm(tiles, own + call.planes.input + plane * call.planes.input_plane, input_row_, b,
         own + plane * call.planes.output_plane, shape_.m, {}, nullptr);
  }

  void multiply_sliced_plane(const Call& call, int64_t plane, int64_t tiles, float* own) const {
    const auto bytes = [](const float* p) { return reinterpret_cast<const std::byte*>(p); };
    const float* weights = call.packed + plane * plane_floats_;
    SlicedProduct p;
    p.m = tiles;
    p.k = shape_.c;
    p.n = shape_.m;
    p.a = bytes(own + call.planes.input + plane * call.planes.input_plane);
    p.a_scales = own + call.planes.scales + plane * scales_plane();
    p.b = bytes(weights);
    p.next_b = plane + 1 < planes_ ? bytes(weights + plane_floats_) : nullptr;
    p.c = own + plane * call.planes.output_plane;
    p.ldc = shape_.m;
    multiply_slices(p);
  }

  /// All planes of the output channels from `m`.
  void multiply_columns(const Call& call, int64_t m, int64_t tiles, float* own,
                        float* weights) const {
    const int64_t columns = lean_columns(m);
    const WinogradTiles transform = tiles_from(0);
    for (int64_t c = 0; c < shape_.c; c += lean_channels_) {
      const int64_t channels = std::min(lean_channels_, shape_.c - c);
      winograd_weight_panels(transform, call.packed + lean_block(m) + c * 9 * columns, channels,
                             columns, weights, lean_plane_);
      Epilogue epilogue;
      epilogue.accumulate = c > 0;
      for (int64_t plane = 0; plane < planes_; ++plane) {
        const PackedMatrix b{weights + plane * lean_plane_, channels,
                             std::min(columns, shape_.m - m), isa_, nullptr};
        gemm(tiles, own + call.planes.input + plane * call.planes.input_plane + c, input_row_, b,
             own + plane * call.planes.output_plane + m, shape_.m, epilogue, nullptr);
      }
    }
  }

  void run_block(const Call& call, int64_t first, float* own, int worker) const {
    const int64_t tiles = std::min(block_, tiles_ - first);
    transform_input(call, first, 0, tiles, own, worker);
    for (int64_t unit = 0; unit < units(); ++unit) multiply(call, unit, tiles, own, worker);
    transform_output(call, first, 0, tiles, own);
  }

  void run_shared(const Call& call, int64_t first, float* own, ThreadPool& pool) const {
    const int64_t tiles = std::min(block_, tiles_ - first);
    pool.parallel_for(tiles, 1, [&](int64_t begin, int64_t end, int worker) {
      transform_input(call, first, begin, end, own, worker);
    });
    pool.parallel_for(units(), 1, [&](int64_t begin, int64_t end, int worker) {
      for (int64_t unit = begin; unit < end; ++unit) multiply(call, unit, tiles, own, worker);
    });
    pool.parallel_for(tiles, 1, [&](int64_t begin, int64_t end, int) {
      transform_output(call, first, begin, end, own);
    });
  }

  ConvShape shape_;
  Isa isa_;
  int tile_;
  bool lean_;           // weights are transformed while running
  bool sliced_;         // products are formed on the tile unit
  int height_, width_;  // outputs of a tile
  int rows_, columns_;  // positions of a transformed tile
  int64_t planes_;      // all of them
  int64_t tiles_x_;     // tiles of an output row
  int64_t tiles_;       // in all images
  int64_t plane_floats_;
  int64_t block_ = 0;          // tiles transformed at once
  int64_t input_row_ = 0;      // floats from tile to tile of a transformed plane
  int64_t lean_channels_ = 0;  // input channels whose weights are transformed at once
  int64_t lean_plane_ = 0;     // floats from plane to plane of them
};

std::unique_ptr<ConvKernel> make(const ConvShape& shape, int tile, Weights weights, Isa isa) {
  const bool line = shape.kh == 1 || shape.kw == 1;
  const int64_t taps = std::max(shape.kh, shape.kw);
  // Errors grow with the points, of a square twice, and with the outputs.
  const bool known =
      taps >= 3 && taps <= 7 && taps % 2 == 1 && tile + taps <= (line && tile <= 4 ? 11 : 9);
  const bool plain = (line || shape.kh == shape.kw) && shape.stride_h == 1 && shape.stride_w == 1 &&
                     shape.dilation_h == 1 && shape.dilation_w == 1;
  if (!known || !plain || shape.strict || shape.groups != 1 || shape.pixels() == 0) return nullptr;
  if (weights == Weights::lean && (line || taps != 3)) return nullptr;
  if (weights == Weights::sliced && (isa != Isa::amx || shape.c > kMostSlicedDepth)) return nullptr;
  if (line && shape.pool != 1) return nullptr;
  return std::make_unique<Winograd>(shape, tile, weights, isa);
}

}  // namespace

std::unique_ptr<ConvKernel> make_winograd2(const ConvShape& shape, Isa isa) {
  return make(shape, 2, Weights::packed, isa);
}

std::unique_ptr<ConvKernel> make_winograd2_lean(const ConvShape& shape, Isa isa) {
  return make(shape, 2, Weights::lean, isa);
}

std::unique_ptr<ConvKernel> make_winograd2_slices(const ConvShape& shape, Isa isa) {
  return make(shape, 2, Weights::sliced, isa);
}

std::unique_ptr<ConvKernel> make_winograd4(const ConvShape& shape, Isa isa) {
  return make(shape, 4, Weights::packed, isa);
}

std::unique_ptr<ConvKernel> make_winograd4_lean(const ConvShape& shape, Isa isa) {
  return make(shape, 4, Weights::lean, isa);
}

std::unique_ptr<ConvKernel> make_winograd4_slices(const ConvShape& shape, Isa isa) {
  return make(shape, 4, Weights::sliced, isa);
}

std::unique_ptr<ConvKernel> make_winograd6(const ConvShape& shape, Isa isa) {
  return make(shape, 6, Weights::packed, isa);
}

std::unique_ptr<ConvKernel> make_winograd6_slices(const ConvShape& shape, Isa isa) {
  return make(shape, 6, Weights::sliced, isa);
}

}  // namespace drawbar::cpu
