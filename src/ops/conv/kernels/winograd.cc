#include "ops/conv/kernels/winograd.h"

#include "ops/conv/kernels/factories.h"
#include "targets/cpu/gemm/blocking.h"

// Convolution with stride 1 by Winograd's minimal filtering: of square kernels F(m × m, r × r), of
// 3 × 3 with m = 2, 4, 6, of 5 × 5 with 2, 4, of 7 × 7 with 2; of kernels of one row or column
// F(m, r), of 3 taps with m = 2, 4, 6, of 5 and 7 with 2, 4. Source: Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks" (2016). Input tiles are transformed into one matrix
// per position of the transformed tile, each is multiplied with the transformed weights of that
// position, and the products are transformed back. How weights are kept and multiplied is up to
// WinogradProducts.
namespace drawbar::cpu {

WinogradGeometry::WinogradGeometry(const ConvShape& conv, int outputs, Isa set)
    : shape(conv),
      isa(set),
      tile(outputs),
      height(conv.kh == 1 ? 1 : outputs),
      width(conv.kw == 1 ? 1 : outputs),
      rows(height + static_cast<int>(conv.kh) - 1),
      columns(width + static_cast<int>(conv.kw) - 1),
      planes(rows * columns),
      tiles_x(divide_up(conv.ow, width)),
      tiles(conv.n * divide_up(conv.oh, height) * tiles_x) {}

WinogradTiles WinogradGeometry::from(int64_t first) const {
  WinogradTiles t;
  t.shape = &shape;
  t.height = height;
  t.width = width;
  t.rows = rows;
  t.columns = columns;
  t.first = first;
  t.tiles_x = tiles_x;
  t.tiles_y = divide_up(shape.oh, height);
  t.isa = isa;
  return t;
}

int64_t WinogradProducts::input_floats(int64_t tiles) const {
  return tiles * align_up(geometry_.shape.c, 16);
}

void WinogradProducts::transform_input(const Block& block, const float* x, int64_t begin,
                                       int64_t end) const {
  winograd_input(geometry_.from(block.first), x, begin, end, block.input(0), input_floats(1),
                 block.planes->input_plane);
}

int64_t WinogradProducts::least_tiles(int64_t tile_bytes) const {
  return 48 * tile_bytes <= cache_sizes().l2 * 3 / 2 ? 48 : 96;
}

std::unique_ptr<float[]> WinogradProducts::transform_weights(const float* weights,
                                                             ThreadPool* pool) const {
  std::unique_ptr<float[]> transformed(new float[static_cast<size_t>(geometry_.weights())]);
  const ConvShape& s = geometry_.shape;
  const WinogradTiles tiles = geometry_.from(0);
  const auto body = [&](int64_t begin, int64_t end, int) {
    for (int64_t m = begin; m < end; ++m) {
      winograd_weights(tiles, weights + m * s.c * s.kh * s.kw, transformed.get() + m, s.m,
                       s.c * s.m);
    }
  };
  if (pool == nullptr) {
    body(0, s.m, 0);
  } else {
    pool->parallel_for(s.m, 1 + 1000 / s.c, body);
  }
  return transformed;
}

namespace {

class Winograd final : public ConvKernel {
 public:
  Winograd(const WinogradGeometry& geometry, std::unique_ptr<WinogradProducts> products)
      : geometry_(geometry), products_(std::move(products)) {
    // A block's planes stay in the second-level cache, but a block has tiles enough to use each
    // transformed weight often; where they cannot stay, more of them.
    const int64_t l2 = cache_sizes().l2, tiles = geometry_.tiles,
                  c = align_up(geometry_.shape.c, 16);
    const int64_t m = geometry_.shape.m;
    const int64_t tile_bytes =
        geometry_.planes * (products_->plane_by_plane() ? std::max(c, m) : c + m) * 4;
    const bool many_weights = geometry_.weights() * 4 > l2;
    const int64_t least = many_weights ? products_->least_tiles(tile_bytes) : 24;
    block_ = std::clamp<int64_t>(l2 * 3 / 8 / tile_bytes / 12 * 12, least, 192);
    // Another block reads all weights again: rather some more tiles in each than few in one more.
    const int64_t blocks = many_weights ? std::max<int64_t>((2 * tiles + block_) / (2 * block_), 1)
                                        : divide_up(tiles, block_);
    block_ = divide_up(tiles, for_threads(blocks, tiles, least));
  }

  std::string_view name() const override { return products_->name(); }
  int64_t packed_bytes() const override { return products_->packed_floats() * 4; }
  void pack(const float* weights, float* packed, ThreadPool* pool) const override {
    products_->pack(weights, packed, pool);
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
    const WinogradPlanes planes = this->planes(shared);
    const Call call{x, packed, y, &epilogue, &planes, own + (shared ? 1 : threads) * planes.floats};
    if (shared) {
      for (int64_t block = 0; block < blocks(); ++block) run_shared(call, block, own, *pool);
      return;
    }
    const auto body = [&](int64_t begin, int64_t end, int worker) {
      for (int64_t block = begin; block < end; ++block)
        run_block(call, block_of(call, block, own + worker * planes.floats, worker));
    };
    if (pool == nullptr) {
      body(0, blocks(), 0);
    } else {
      pool->parallel_for(blocks(), 1, body);
    }
  }

  std::optional<double> executed_operations() const override {
    return 2.0 * static_cast<double>(geometry_.weights()) * static_cast<double>(geometry_.tiles);
  }

  double estimate_seconds(int threads) const override {
    const ConvShape& s = geometry_.shape;
    const double moved = static_cast<double>(geometry_.tiles * geometry_.planes * (s.c + s.m)) * 4;
    // Each block of tiles reads the transformed weights again, or transforms them.
    const double product = static_cast<double>(blocks()) * products_->seconds(block_);
    return (product + moved / rates(geometry_.isa).bytes) / threads + 2e-6;
  }

 private:
  using Block = WinogradProducts::Block;
  struct Call {
    const float* x;
    const float* packed;
    float* y;
    const Epilogue* epilogue;
    const WinogradPlanes* planes;
    float* workers;  // what each thread has for itself
  };

  /// As many blocks, or some more, so that two or four threads share them evenly: each then keeps
  /// what it transforms in its own cache. Whatever the number of threads, for results not to depend
  /// on it.
  static int64_t for_threads(int64_t blocks, int64_t tiles, int64_t least) {
    for (const int64_t even : {blocks == 1 ? 2 : align_up(blocks, 4), align_up(blocks, 2)}) {
      if (divide_up(tiles, even) >= least) return even;
    }
    return blocks;
  }

  int64_t blocks() const { return divide_up(geometry_.tiles, block_); }
  int64_t worker_floats() const { return align_up(products_->worker_floats(), 16); }

  /// Too few blocks for the threads: they work on each block together.
  bool shares_blocks(int threads) const {
    return threads > 1 && blocks() < 4 * threads && blocks() % threads != 0;
  }
  /// Where one thread multiplies plane after plane, a product takes the memory of the input plane
  /// before: half as much to keep in the cache.
  WinogradPlanes planes(bool shared) const {
    const auto plane = [](int64_t floats) { return align_up(floats, 1024) + 80; };
    const int64_t input = products_->input_floats(block_), output = block_ * geometry_.shape.m;
    WinogradPlanes p;
    if (shared || !products_->plane_by_plane()) {
      p.input_plane = plane(input);
      p.output_plane = plane(output);
      p.input = geometry_.planes * p.output_plane;
      p.more = p.input + geometry_.planes * p.input_plane;
    } else {
      p.input = p.input_plane = p.output_plane = plane(std::max(input, output));
      p.more = (geometry_.planes + 1) * p.input_plane;
    }
    p.floats = p.more + align_up(products_->more_floats(block_), 16);
    return p;
  }

  Block block_of(const Call& call, int64_t index, float* own, int worker) const {
    const int64_t first = index * block_;
    return {call.packed, own,   call.workers + worker * worker_floats(),
            call.planes, first, std::min(block_, geometry_.tiles - first)};
  }

  void transform_output(const Call& call, const Block& block, int64_t begin, int64_t end) const {
    const WinogradTiles tiles = geometry_.from(block.first);
    winograd_output(tiles, block.own, call.planes->output_plane, begin, end, *call.epilogue,
                    call.y);
    if (call.epilogue->hook == nullptr) return;
    for (int64_t i = begin; i < end; ++i) call_hook(call, tiles.place(i));
  }

  void call_hook(const Call& call, const WinogradTiles::Place& place) const {
    const ConvShape& s = geometry_.shape;
    const auto [image, oy, ox] = place;
    for (int64_t row = oy; row < std::min(oy + geometry_.height, s.oh); ++row) {
      const int64_t pixel = (image * s.oh + row) * s.ow + ox;
      (*call.epilogue->hook)(call.y + pixel * s.y_pixel_stride, s.y_pixel_stride, pixel, 0,
                             std::min<int64_t>(geometry_.width, s.ow - ox), s.m);
    }
  }

  void run_block(const Call& call, const Block& block) const {
    products_->transform_input(block, call.x, 0, block.tiles);
    for (int64_t unit = 0; unit < products_->units(); ++unit) products_->multiply(block, unit);
    transform_output(call, block, 0, block.tiles);
  }

  void run_shared(const Call& call, int64_t index, float* own, ThreadPool& pool) const {
    const int64_t tiles = block_of(call, index, own, 0).tiles;
    pool.parallel_for(tiles, 1, [&](int64_t begin, int64_t end, int worker) {
      products_->transform_input(block_of(call, index, own, worker), call.x, begin, end);
    });
    pool.parallel_for(products_->units(), 1, [&](int64_t begin, int64_t end, int worker) {
      const Block block = block_of(call, index, own, worker);
      for (int64_t unit = begin; unit < end; ++unit) products_->multiply(block, unit);
    });
    pool.parallel_for(tiles, 1, [&](int64_t begin, int64_t end, int worker) {
      transform_output(call, block_of(call, index, own, worker), begin, end);
    });
  }

  WinogradGeometry geometry_;
  std::unique_ptr<WinogradProducts> products_;
  int64_t block_ = 0;  // tiles transformed at once
};

using MakeProducts = std::unique_ptr<WinogradProducts> (*)(const WinogradGeometry&);

std::unique_ptr<ConvKernel> make(const ConvShape& shape, int tile, MakeProducts make_products,
                                 Isa isa) {
  const bool line = shape.kh == 1 || shape.kw == 1;
  const int64_t taps = std::max(shape.kh, shape.kw);
  // Errors grow with the points, of a square twice, and with the outputs.
  const bool known =
      taps >= 3 && taps <= 7 && taps % 2 == 1 && tile + taps <= (line && tile <= 4 ? 11 : 9);
  const bool plain = (line || shape.kh == shape.kw) && shape.stride_h == 1 && shape.stride_w == 1 &&
                     shape.dilation_h == 1 && shape.dilation_w == 1;
  if (!known || !plain || shape.strict || shape.groups != 1 || shape.pixels() == 0) return nullptr;
  if (line && shape.pool != 1) return nullptr;
  const WinogradGeometry geometry(shape, tile, isa);
  auto products = make_products(geometry);
  if (products == nullptr) return nullptr;
  return std::make_unique<Winograd>(geometry, std::move(products));
}

}  // namespace

std::unique_ptr<ConvKernel> make_winograd2(const ConvShape& shape, Isa isa) {
  return make(shape, 2, make_winograd_packed, isa);
}
std::unique_ptr<ConvKernel> make_winograd4(const ConvShape& shape, Isa isa) {
  return make(shape, 4, make_winograd_packed, isa);
}
std::unique_ptr<ConvKernel> make_winograd6(const ConvShape& shape, Isa isa) {
  return make(shape, 6, make_winograd_packed, isa);
}
std::unique_ptr<ConvKernel> make_winograd2_lean(const ConvShape& shape, Isa isa) {
  return make(shape, 2, make_winograd_lean, isa);
}
std::unique_ptr<ConvKernel> make_winograd4_lean(const ConvShape& shape, Isa isa) {
  return make(shape, 4, make_winograd_lean, isa);
}
std::unique_ptr<ConvKernel> make_winograd2_slices(const ConvShape& shape, Isa isa) {
  return make(shape, 2, make_winograd_sliced, isa);
}
std::unique_ptr<ConvKernel> make_winograd4_slices(const ConvShape& shape, Isa isa) {
  return make(shape, 4, make_winograd_sliced, isa);
}
std::unique_ptr<ConvKernel> make_winograd6_slices(const ConvShape& shape, Isa isa) {
  return make(shape, 6, make_winograd_sliced, isa);
}

}  // namespace drawbar::cpu
