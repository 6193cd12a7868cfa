#include "ops/integer_conv/cpu_winograd_lines.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/integer_conv/cpu_winograd_lines.cc"
#include "targets/cpu/simd.h"

HWY_BEFORE_NAMESPACE();
namespace drawbar::cpu::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Four positions of a row or column of a tile, transformed.
template <class V>
struct Line {
  V a, b, c, d;

  HWY_INLINE static Line of(V a, V b, V c, V d) {
    return {hn::Sub(a, c), hn::Add(b, c), hn::Sub(c, b), hn::Sub(b, d)};
  }
};

template <class Byte>
void transform_input(const std::byte* const* pixels, int64_t channels, int16_t* out,
                     int64_t plane) {
  const hn::CappedTag<int16_t, kWinogradChannels> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t c = 0; c < channels; c += lanes) {
    const auto at = [&](int i) HWY_ATTR {
      const auto* from = reinterpret_cast<const Byte*>(pixels[i] + c);
      return hn::PromoteTo(d, hn::LoadU(hn::Rebind<Byte, decltype(d)>(), from));
    };
    const auto column = [&](int i) HWY_ATTR {
      return Line<V>::of(at(i), at(i + 4), at(i + 8), at(i + 12));
    };
    const Line<V> c0 = column(0), c1 = column(1), c2 = column(2), c3 = column(3);
    const auto store = [&](int row, V p, V q, V r, V s) HWY_ATTR {
      const Line<V> line = Line<V>::of(p, q, r, s);
      int16_t* to = out + row * kWinogradSide * plane + c;
      hn::StoreU(line.a, d, to);
      hn::StoreU(line.b, d, to + plane);
      hn::StoreU(line.c, d, to + 2 * plane);
      hn::StoreU(line.d, d, to + 3 * plane);
    };
    store(0, c0.a, c1.a, c2.a, c3.a);
    store(1, c0.b, c1.b, c2.b, c3.b);
    store(2, c0.c, c1.c, c2.c, c3.c);
    store(3, c0.d, c1.d, c2.d, c3.d);
  }
}

void transform_output(const int32_t* sums, int64_t plane, int64_t tiles, int64_t columns,
                      int32_t* out, int64_t line) {
  const hn::ScalableTag<int32_t> d;
  using V = hn::Vec<decltype(d)>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t t = 0; t < tiles; ++t) {
    for (int64_t j = 0; j < columns; j += lanes) {
      const int32_t* from = sums + t * columns + j;
      const auto at = [&](int i) HWY_ATTR { return hn::LoadU(d, from + i * plane); };
      // Of each column of planes, the upper and the lower output.
      const auto upper = [&](int i)
                             HWY_ATTR { return hn::Add(hn::Add(at(i), at(i + 4)), at(i + 8)); };
      const auto lower = [&](int i) HWY_ATTR {
        return hn::Sub(hn::Sub(at(i + 4), at(i + 8)), at(i + 12));
      };
      const auto store = [&](V p, V q, V r, V s, int32_t* to) HWY_ATTR {
        hn::StoreU(hn::ShiftRight<2>(hn::Add(hn::Add(p, q), r)), d, to);
        hn::StoreU(hn::ShiftRight<2>(hn::Sub(hn::Sub(q, r), s)), d, to + columns);
      };
      int32_t* to = out + 2 * t * columns + j;
      store(upper(0), upper(1), upper(2), upper(3), to);
      store(lower(0), lower(1), lower(2), lower(3), to + line);
    }
  }
}

}  // namespace drawbar::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace drawbar::cpu {

void winograd_bytes_input(const std::byte* const* pixels, int64_t channels, bool is_signed,
                          int16_t* out, int64_t plane, Isa isa) {
  const auto transform = is_signed ? DRAWBAR_SIMD_FOR(isa, transform_input<int8_t>)
                                   : DRAWBAR_SIMD_FOR(isa, transform_input<uint8_t>);
  transform(pixels, channels, out, plane);
}

void winograd_bytes_weights(const int16_t* w, int16_t* out, int64_t plane) {
  const auto line = [](int a, int b, int c, int* to, int step) {
    to[0] = 2 * a;
    to[step] = a + b + c;
    to[2 * step] = a - b + c;
    to[3 * step] = 2 * c;
  };
  int columns[12], all[16];  // [4][3], [4][4]
  for (int i = 0; i < 3; ++i) line(w[i], w[3 + i], w[6 + i], columns + i, 3);
  for (int i = 0; i < 4; ++i)
    line(columns[3 * i], columns[3 * i + 1], columns[3 * i + 2], all + 4 * i, 1);
  for (int i = 0; i < 16; ++i) out[i * plane] = static_cast<int16_t>(all[i]);
}

void winograd_bytes_output(const int32_t* sums, int64_t plane, int64_t tiles, int64_t columns,
                           int32_t* out, int64_t line, Isa isa) {
  DRAWBAR_SIMD_FOR(isa, transform_output)(sums, plane, tiles, columns, out, line);
}

}  // namespace drawbar::cpu
#endif
