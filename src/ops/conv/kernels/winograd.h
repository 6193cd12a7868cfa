#pragma once

#include <memory>

#include "ops/conv/kernels/winograd_transform.h"

/// What Winograd's convolution (winograd.cc) and its ways to multiply share.
namespace drawbar::cpu {

/// Tiles of one convolution.
struct WinogradGeometry {
  WinogradGeometry(const ConvShape& conv, int outputs, Isa set);

  /// The tiles from `first` on, for the transforms.
  WinogradTiles from(int64_t first) const;
  /// Values of all planes of the transformed weights.
  int64_t weights() const { return planes * shape.c * shape.m; }

  ConvShape shape;
  Isa isa;
  int tile;             // outputs of a side that is transformed
  int height, width;    // outputs of a tile
  int rows, columns;    // positions of a transformed tile
  int64_t planes;       // all of them
  int64_t tiles_x = 0;  // tiles of an output row
  int64_t tiles = 0;    // in all images
};

/// Memory of a block of tiles that are transformed together, in floats: input plane i lies at input
/// + i · input_plane, its product [tiles, m] at i · output_plane, what else a way needs at `more`.
/// Rows of different planes start off multiples of 4 KiB of each other.
struct WinogradPlanes {
  int64_t input = 0, input_plane = 0, output_plane = 0, more = 0, floats = 0;
};

/// One way to keep the weights and to multiply with them; of one convolution, immutable.
class WinogradProducts {
 public:
  /// A block being computed.
  struct Block {
    const float* packed;
    float* own;     // the block's planes
    float* worker;  // worker_floats() of the calling thread's own
    const WinogradPlanes* planes;
    int64_t first, tiles;

    float* input(int64_t plane) const { return own + planes->input + plane * planes->input_plane; }
    float* output(int64_t plane) const { return own + plane * planes->output_plane; }
  };

  explicit WinogradProducts(const WinogradGeometry& geometry) : geometry_(geometry) {}
  virtual ~WinogradProducts() = default;

  virtual std::string_view name() const = 0;
  virtual int64_t packed_floats() const = 0;
  virtual void pack(const float* weights, float* packed, ThreadPool* pool) const = 0;

  /// Floats of an input plane of so many tiles, what a block needs more, and what each thread does.
  virtual int64_t input_floats(int64_t tiles) const;
  virtual int64_t more_floats(int64_t) const { return 0; }
  virtual int64_t worker_floats() const { return 0; }
  /// Whether a unit is one plane, so that its product may lie where the input plane before did.
  virtual bool plane_by_plane() const { return true; }

  /// Tiles [begin, end) of the block.
  virtual void transform_input(const Block& block, const float* x, int64_t begin,
                               int64_t end) const;

  /// What threads divide among them.
  virtual int64_t units() const { return geometry_.planes; }
  virtual void multiply(const Block& block, int64_t unit) const = 0;

  /// The fewest tiles worth a block where all weights do not stay in the second-level cache.
  virtual int64_t least_tiles(int64_t tile_bytes) const;
  /// Seconds of all products of a block of so many tiles, and of the bytes of weights it moves.
  virtual double seconds(int64_t tiles) const = 0;

 protected:
  /// All weights [m, c, kh, kw] as matrices [planes][c][m].
  std::unique_ptr<float[]> transform_weights(const float* weights, ThreadPool* pool) const;

  WinogradGeometry geometry_;
};

/// As matrices for gemm(); transformed while running (of 3 × 3 with 2 or 4 outputs); in slices.
std::unique_ptr<WinogradProducts> make_winograd_packed(const WinogradGeometry& geometry);
std::unique_ptr<WinogradProducts> make_winograd_lean(const WinogradGeometry& geometry);
std::unique_ptr<WinogradProducts> make_winograd_sliced(const WinogradGeometry& geometry);

}  // namespace drawbar::cpu
