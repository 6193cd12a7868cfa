#include "ops/conv_transpose/kernels/phases.h"

#include <algorithm>
#include <cstring>

namespace drawbar::cpu {
namespace {

constexpr int64_t largest_chunk = 192;

int64_t align16(int64_t floats) { return (floats + 15) / 16 * 16; }

/// The shift of tap k for a phase along one axis, if the tap belongs to it.
bool belongs(int64_t phase, int64_t pad, int64_t k, int64_t dilation, int64_t stride,
             int64_t& shift) {
  const int64_t distance = phase + pad - k * dilation;
  const int64_t remainder = ((distance % stride) + stride) % stride;
  shift = (distance - remainder) / stride;
  return remainder == 0;
}

}  // namespace

TransposedPhases::TransposedPhases(const TransposedShape& shape, Isa isa)
    : shape_(shape),
      isa_(isa),
      grid_h_((shape.oh + shape.stride_h - 1) / shape.stride_h),
      grid_w_((shape.ow + shape.stride_w - 1) / shape.stride_w),
      chunk_(std::clamp<int64_t>(shape.n * grid_h_ * grid_w_ / 8, 1, largest_chunk)),
      group_c_(shape.c / shape.groups),
      group_m_(shape.m / shape.groups) {
  // Strides beyond y leave phases without outputs.
  for (int64_t py = 0; py < std::min(shape.stride_h, shape.oh); ++py) {
    for (int64_t px = 0; px < std::min(shape.stride_w, shape.ow); ++px) {
      Phase phase{py, px, {}, packed_floats_};
      for (int64_t tap = 0; tap < shape.kh * shape.kw; ++tap) {
        Tap t{tap, 0, 0};
        if (belongs(py, shape.pad_top, tap / shape.kw, shape.dilation_h, shape.stride_h,
                    t.shift_y) &&
            belongs(px, shape.pad_left, tap % shape.kw, shape.dilation_w, shape.stride_w,
                    t.shift_x)) {
          phase.taps.push_back(t);
        }
      }
      const auto taps = std::max<int64_t>(static_cast<int64_t>(phase.taps.size()), 1);
      gemm_bytes_ = std::max(gemm_bytes_,
                             gemm_indirect_scratch_bytes(chunk_, taps, group_c_, group_m_, 1, isa));
      packed_floats_ += group_floats(phase) * shape.groups;
      phases_.push_back(std::move(phase));
    }
  }
  packed_floats_ += align16(group_c_);  // the zeros that padding points at
  tile_bytes_ = align16(chunk_ * group_m_) * 4;
  gemm_bytes_ = align16(gemm_bytes_);
}

int64_t TransposedPhases::group_floats(const Phase& phase) const {
  const auto taps = std::max<int64_t>(static_cast<int64_t>(phase.taps.size()), 1);
  return align16(cpu::packed_bytes(taps * group_c_, group_m_, isa_) / 4);
}

void TransposedPhases::pack(const float* weights, float* packed) const {
  std::fill_n(packed, packed_floats_, 0.0f);
  const int64_t taps = shape_.kh * shape_.kw;
  for (const Phase& phase : phases_) {
    const auto count = static_cast<int64_t>(phase.taps.size());
    for (int64_t g = 0; g < shape_.groups; ++g) {
      for (int64_t t = 0; t < count; ++t) {
        const int64_t tap = phase.taps[static_cast<size_t>(t)].index;
        pack_rows(weights + g * group_c_ * group_m_ * taps + tap, group_m_ * taps, taps, group_c_,
                  group_m_, t * group_c_, count * group_c_, isa_,
                  packed + phase.packed_offset + g * group_floats(phase));
      }
    }
  }
}

void TransposedPhases::fill(const Phase& phase, const float* x, const float* zeros,
                            int64_t position, int64_t rows, const float** list) const {
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t gx = (position + r) % grid_w_, line = (position + r) / grid_w_;
    const int64_t image = line / grid_h_, gy = line % grid_h_;
    const float** to = list + r;
    if (phase.taps.empty()) *to = zeros;
    for (const Tap& tap : phase.taps) {
      const int64_t iy = gy + tap.shift_y, ix = gx + tap.shift_x;
      const bool inside = iy >= 0 && iy < shape_.h && ix >= 0 && ix < shape_.w;
      *to = inside ? x + ((image * shape_.h + iy) * shape_.w + ix) * shape_.c : zeros;
      to += rows;
    }
  }
}

void TransposedPhases::store(const Phase& phase, const float* tile, int64_t position, int64_t rows,
                             int64_t column, float* y, Finish finish) const {
  for (int64_t r = 0; r < rows;) {
    const int64_t gx = (position + r) % grid_w_, line = (position + r) / grid_w_;
    const int64_t oy = line % grid_h_ * shape_.stride_h + phase.y;
    const int64_t ox = gx * shape_.stride_w + phase.x;
    const int64_t run = std::min(rows - r, grid_w_ - gx);
    const int64_t fitting = (shape_.ow - ox + shape_.stride_w - 1) / shape_.stride_w;
    const int64_t count = oy < shape_.oh ? std::clamp<int64_t>(fitting, 0, run) : 0;
    const int64_t pixel = (line / grid_h_ * shape_.oh + oy) * shape_.ow + ox;
    for (int64_t i = 0; i < count; ++i) {
      std::memcpy(y + (pixel + i * shape_.stride_w) * shape_.m + column, tile + (r + i) * group_m_,
                  static_cast<size_t>(group_m_) * sizeof(float));
    }
    if (count > 0) finish(pixel, count, shape_.stride_w, column);
    r += run;
  }
}

void TransposedPhases::run(const float* x, const float* packed, float* y, const Epilogue& epilogue,
                           Finish finish, void* scratch, int64_t first, int64_t last) const {
  auto* tile = static_cast<float*>(scratch);
  void* gemm_scratch = static_cast<std::byte*>(scratch) + tile_bytes_;
  const float* zeros = packed + packed_floats_ - align16(group_c_);
  for (int64_t chunk = first; chunk < last; ++chunk) {
    const int64_t position = chunk * chunk_;
    const int64_t rows = std::min(chunk_, positions() - position);
    for (const Phase& phase : phases_) {
      const auto taps = std::max<int64_t>(static_cast<int64_t>(phase.taps.size()), 1);
      for (int64_t g = 0; g < shape_.groups; ++g) {
        Epilogue part = epilogue;
        if (part.bias) part.bias += g * group_m_;
        const PackedMatrix b{packed + phase.packed_offset + g * group_floats(phase),
                             taps * group_c_, group_m_, isa_};
        const auto pointers = [&](int64_t row, int64_t count, const float** list) {
          fill(phase, x + g * group_c_, zeros, position + row, count, list);
        };
        gemm_indirect(rows, {taps, group_c_, pointers}, b, tile, group_m_, part, gemm_scratch,
                      nullptr);
        store(phase, tile, position, rows, g * group_m_, y, finish);
      }
    }
  }
}

}  // namespace drawbar::cpu
