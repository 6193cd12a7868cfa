#include "targets/cpu/gemm/tile_sums.h"

#include "targets/cpu/gemm/intrinsics.h"
#include "targets/cpu/gemm/tile_unit.h"

#if defined(__x86_64__)

#define DRAWBAR_VECTOR_TARGET __attribute__((target("avx512f,avx512bw,avx512vl,fma")))

namespace drawbar::cpu {
namespace {

DRAWBAR_VECTOR_TARGET inline __m512 activate(__m512 x, const Epilogue& e) {
  switch (e.activation) {
    case Activation::none:
      return x;
    case Activation::clamp:  // the second operand where one is NaN
      return _mm512_min_ps(_mm512_set1_ps(e.beta), _mm512_max_ps(_mm512_set1_ps(e.alpha), x));
    case Activation::leaky_relu:
      return _mm512_mask_mul_ps(x, _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ), x,
                                _mm512_set1_ps(e.alpha));
    case Activation::hard_swish: {
      __m512 t = _mm512_add_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.0f / 6.0f)), _mm512_set1_ps(0.5f));
      t = _mm512_min_ps(_mm512_max_ps(t, _mm512_setzero_ps()), _mm512_set1_ps(1.0f));
      return _mm512_mul_ps(x, t);
    }
  }
  return x;
}

/// Parts of sixteen numbers of row k, of which pairs of rows are side by side.
DRAWBAR_VECTOR_TARGET inline __m512 load_part(const std::byte* pairs, int64_t k) {
  const __m512i both = _mm512_loadu_si512(pairs);
  return _mm512_castsi512_ps(k % 2 == 0 ? _mm512_maskz_slli_epi32(0xFFFF, both, 16)
                                        : _mm512_and_epi32(both, _mm512_set1_epi32(-0x10000)));
}

/// Sixteen numbers of row k of a panel, as f32.
DRAWBAR_VECTOR_TARGET inline __m512 load(const PackedMatrix& b, const std::byte* panel, int64_t k,
                                         int64_t column) {
  if (b.tiles) {
    const std::byte* pairs =
        panel + k / kTileDepth * step_bytes(2) + column / 16 * kTileBytes + k % kTileDepth / 2 * 64;
    return _mm512_add_ps(load_part(pairs, k), load_part(pairs + 2 * kTileBytes, k));
  }
  panel += b.bytes(k * kTilePanel + column);
  if (b.element == ElementType::f32) return _mm512_loadu_ps(reinterpret_cast<const float*>(panel));
  const __m256i numbers = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(panel));
  if (b.element == ElementType::f16) return _mm512_maskz_cvtph_ps(0xFFFF, numbers);
  return _mm512_castsi512_ps(
      _mm512_maskz_slli_epi32(0xFFFF, _mm512_maskz_cvtepu16_epi32(0xFFFF, numbers), 16));
}

}  // namespace

Finish finish_of(const Product& p, int64_t pass, int64_t column) {
  Finish finish;
  const bool first = pass == 0, last = pass + 1 == p.blocking.k_blocks;
  Epilogue& e = finish.epilogue;
  e = *p.epilogue;
  e.bias = first && e.bias != nullptr ? e.bias + column : nullptr;
  e.residual = last && e.residual != nullptr ? e.residual + column : nullptr;
  e.accumulate |= !first;
  if (!last) e.activation = Activation::none;
  if (!last) e.hook = nullptr;
  finish.columns = std::min(kTilePanel, p.b->n - column);
  finish.c_stride = p.ldc;
  return finish;
}

DRAWBAR_VECTOR_TARGET void finish_sums(const Finish& finish, int64_t begin, int64_t end,
                                       const float* sums, float* c) {
  const Epilogue& e = finish.epilogue;
  for (int64_t at = 0; at < finish.columns; at += 16) {
    const int64_t left = finish.columns - at;
    const auto mask = left >= 16 ? __mmask16{0xFFFF} : static_cast<__mmask16>((1U << left) - 1);
    const __m512 bias =
        e.bias != nullptr ? _mm512_maskz_loadu_ps(mask, e.bias + at) : _mm512_setzero_ps();
    for (int64_t r = begin; r < end; ++r) {
      float* to = c + r * finish.c_stride + at;
      __m512 x = _mm512_add_ps(_mm512_loadu_ps(sums + r * kTilePanel + at), bias);
      if (e.accumulate) x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(mask, to));
      if (e.residual != nullptr) {
        const float* residual = e.residual + r * e.residual_ld + at;
        x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(mask, residual));
      }
      _mm512_mask_storeu_ps(to, mask, activate(x, e));
    }
  }
}

DRAWBAR_VECTOR_TARGET bool has_nan(const float* sums, int64_t rows) {
  unsigned found = 0;
  for (int64_t i = 0; i < rows * kTilePanel; i += 32) {
    const __m512 left = _mm512_loadu_ps(sums + i), right = _mm512_loadu_ps(sums + i + 16);
    found |= _mm512_cmp_ps_mask(left, right, _CMP_UNORD_Q);
  }
  return found != 0;
}

DRAWBAR_VECTOR_TARGET void form_again(const Product& p, const Pass& pass, int64_t block_row,
                                      int64_t block_rows, const float* const* list, int64_t row,
                                      int64_t rows, const std::byte* b, float* sums) {
  for (int64_t r = 0; r < rows; ++r, sums += kTilePanel) {
    __m512 left = _mm512_setzero_ps(), right = _mm512_setzero_ps();
    int64_t from = 0;  // row of b
    for (int64_t t = 0; t < pass.taps; ++t) {
      const float* a = a_at(p, block_row, block_rows, list, row + r, pass.tap + t);
      for (int64_t k = pass.k_begin; k < pass.k_end; ++k, ++from) {
        const __m512 factor = _mm512_set1_ps(a[k]);
        left = _mm512_fmadd_ps(factor, load(*p.b, b, from, 0), left);
        right = _mm512_fmadd_ps(factor, load(*p.b, b, from, 16), right);
      }
    }
    _mm512_storeu_ps(sums, left);
    _mm512_storeu_ps(sums + 16, right);
  }
}

void form_block_again(const Product& p, int64_t row, int64_t rows, int64_t panel, int64_t panel_end,
                      const float* const* list) {
  alignas(64) float sums[kTileRows * kTilePanel];
  for (int64_t index = 0; index < p.blocking.k_blocks; ++index) {
    const Pass pass = pass_of(p, index);
    for (int64_t column = panel * kTilePanel; column < panel_end * kTilePanel;
         column += kTilePanel) {
      for (int64_t r = row, count = 0; r < row + rows; r += count) {
        count = std::min(kTileRows, row + rows - r);
        form_again(p, pass, row, rows, list, r, count, b_at(p, column, pass), sums);
        Finish finish = finish_of(p, index, column);
        Epilogue& e = finish.epilogue;
        if (e.residual != nullptr) e.residual += r * e.residual_ld;
        float* c = p.c + r * p.ldc + column;
        finish_sums(finish, 0, count, sums, c);
        if (e.hook != nullptr) (*e.hook)(c, p.ldc, r, column, count, finish.columns);
      }
    }
  }
}

}  // namespace drawbar::cpu
#endif
