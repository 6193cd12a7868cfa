#include "ops/matmul_nbits/kernels/panel.h"
#include "targets/cpu/gemm/microkernel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/matmul_nbits/cpu_panel.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Floats = hn::ScalableTag<float>;
using Vector = hn::Vec<Floats>;
using Integers = hn::RebindToSigned<Floats>;
using Bytes = hn::Rebind<uint8_t, Floats>;

constexpr int kLanes = static_cast<int>(hn::MaxLanes(Floats()));
// panel_width of the Isa that is compiled here: the portable one has 8 columns.
constexpr int kWidth = kLanes < 8 ? 8 : 2 * kLanes;
constexpr int kVectors = kWidth / kLanes;

HWY_INLINE Vector load_bytes(const uint8_t* from) {
  return hn::ConvertTo(Floats(), hn::PromoteTo(Integers(), hn::LoadU(Bytes(), from)));
}

HWY_INLINE Vector zero_points(const NBitsPanel& panel, int64_t at) {
  if (panel.zero_bytes != nullptr) return load_bytes(panel.zero_bytes + at);
  if (panel.zeros != nullptr) return hn::LoadU(Floats(), panel.zeros + at);
  return hn::Set(Floats(), static_cast<float>(1 << (panel.bits - 1)));
}

/// The 8 / kBits rows of k that a vector of bytes holds, as floats.
template <int kBits>
HWY_INLINE void unpack_bytes(const uint8_t* from, Vector (&rows)[8 / kBits]) {
  constexpr int kRows = 8 / kBits;
  const auto mask = hn::Set(Integers(), (1 << kBits) - 1);
  auto rest = hn::PromoteTo(Integers(), hn::LoadU(Bytes(), from));
  for (int row = 0; row + 1 < kRows; ++row) {
    rows[row] = hn::ConvertTo(Floats(), hn::And(rest, mask));
    rest = hn::ShiftRight<kBits % 8>(rest);
  }
  rows[kRows - 1] = hn::ConvertTo(Floats(), rest);
}

/// Sums of a · q for a block, from which the zero point's share is taken once, then scaled.
template <int kBits, int kRows>
void multiply(const NBitsPanel& panel, const float* a, const float* sums, float* y) {
  const Floats d;
  constexpr int kPerByte = 8 / kBits;
  constexpr int kLines = kBits == 8 ? 2 : 1;   // of bytes at a time
  constexpr int kChains = kRows <= 2 ? 2 : 1;  // sums that do not wait for each other
  const int64_t lda = panel.blocks * panel.block_size;
  Vector totals[kRows][kVectors];
  for (auto& row : totals) {
    for (Vector& total : row) total = hn::Zero(d);
  }
  const uint8_t* q = panel.q;
  for (int64_t block = 0; block < panel.blocks; ++block) {
    Vector partial[kRows][kVectors][kChains];
    for (auto& row : partial) {
      for (auto& chains : row) {
        for (Vector& sum : chains) sum = hn::Zero(d);
      }
    }
    const float* from = a + block * panel.block_size;
    const float* const end = from + panel.block_size;
    for (; from < end; from += kPerByte * kLines, q += kLines * kWidth) {
      for (int line = 0; line < kLines; ++line) {
        for (int v = 0; v < kVectors; ++v) {
          Vector weights[kPerByte];
          unpack_bytes<kBits>(q + line * kWidth + v * kLanes, weights);
          for (int part = 0; part < kPerByte; ++part) {
            const int k = line * kPerByte + part;
            for (int r = 0; r < kRows; ++r) {
              Vector& sum = partial[r][v][k % kChains];
              sum = hn::MulAdd(weights[part], hn::Set(d, from[r * lda + k]), sum);
            }
          }
        }
      }
    }
    for (int v = 0; v < kVectors; ++v) {
      const int64_t at = block * kWidth + v * kLanes;
      const Vector zeros = zero_points(panel, at), scales = hn::LoadU(d, panel.scales + at);
      for (int r = 0; r < kRows; ++r) {
        Vector sum = partial[r][v][0];
        if (kChains > 1) sum = hn::Add(sum, partial[r][v][kChains - 1]);
        sum = hn::NegMulAdd(zeros, hn::Set(d, sums[r * panel.blocks + block]), sum);
        totals[r][v] = hn::MulAdd(sum, scales, totals[r][v]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) hn::StoreU(totals[r][v], d, y + r * kWidth + v * kLanes);
  }
}

template <int kBits>
void multiply_rows(const NBitsPanel& panel, int64_t rows, const float* a, const float* sums,
                   float* y) {
  switch (rows) {
    case 1:
      return multiply<kBits, 1>(panel, a, sums, y);
    case 2:
      return multiply<kBits, 2>(panel, a, sums, y);
    case 3:
      return multiply<kBits, 3>(panel, a, sums, y);
    default:
      return multiply<kBits, 4>(panel, a, sums, y);
  }
}

void multiply_panel(const NBitsPanel& panel, int64_t rows, const float* a, const float* sums,
                    float* y) {
  switch (panel.bits) {
    case 2:
      return multiply_rows<2>(panel, rows, a, sums, y);
    case 4:
      return multiply_rows<4>(panel, rows, a, sums, y);
    default:
      return multiply_rows<8>(panel, rows, a, sums, y);
  }
}

template <int kBits>
void unpack(const NBitsPanel& panel, int64_t begin, int64_t end, float* to) {
  const Floats d;
  constexpr int kPerByte = 8 / kBits;
  const int64_t lines = panel.block_size / kPerByte;
  for (int64_t block = begin; block < end; ++block) {
    for (int v = 0; v < kVectors; ++v) {
      const int64_t at = block * kWidth + v * kLanes;
      const Vector zeros = zero_points(panel, at), scales = hn::LoadU(d, panel.scales + at);
      const uint8_t* q = panel.q + block * lines * kWidth + v * kLanes;
      float* out = to + (block - begin) * panel.block_size * kWidth + v * kLanes;
      for (int64_t line = 0; line < lines; ++line, q += kWidth, out += kPerByte * kWidth) {
        Vector weights[kPerByte];
        unpack_bytes<kBits>(q, weights);
        for (int part = 0; part < kPerByte; ++part) {
          hn::StoreU(hn::Mul(hn::Sub(weights[part], zeros), scales), d, out + part * kWidth);
        }
      }
    }
  }
}

void unpack_panel(const NBitsPanel& panel, int64_t begin, int64_t end, float* to) {
  switch (panel.bits) {
    case 2:
      return unpack<2>(panel, begin, end, to);
    case 4:
      return unpack<4>(panel, begin, end, to);
    default:
      return unpack<8>(panel, begin, end, to);
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

static_assert(panel_width(Isa::baseline) == 8 && panel_width(Isa::avx2) == 16 &&
              panel_width(Isa::avx512) == 32);

NBitsMultiply nbits_multiply(Isa isa) { return DRAWBAR_SIMD_FOR(isa, multiply_panel); }
NBitsUnpack nbits_unpack(Isa isa) { return DRAWBAR_SIMD_FOR(isa, unpack_panel); }

}  // namespace drawbar::cpu
#endif
