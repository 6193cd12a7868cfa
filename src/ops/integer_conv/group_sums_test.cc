#include <gtest/gtest.h>
#include <random>

#include "ops/integer_conv/cpu_group_sums.h"
#include "tests/support/guarded.h"

namespace drawbar::cpu {
namespace {

struct Case {
  int64_t h, w, c, groups, kh, kw, stride, dilation, pad;
};
constexpr Case kCases[] = {{5, 9, 16, 4, 3, 3, 1, 1, 1},  {4, 17, 40, 5, 3, 3, 1, 1, 1},
                           {7, 8, 48, 3, 3, 3, 2, 1, 1},  {6, 11, 64, 2, 3, 3, 1, 1, 0},
                           {9, 12, 24, 6, 2, 5, 1, 2, 3}, {3, 4, 32, 4, 3, 3, 1, 1, 4}};

/// The largest numbers alone, or any.
void draw(std::mt19937& engine, bool extremes, int low, int high, auto& numbers) {
  for (auto& x : numbers) {
    const int end = engine() % 2 == 0 ? low : high;
    const int any = std::uniform_int_distribution<int>(low, high)(engine);
    x = static_cast<std::remove_reference_t<decltype(x)>>(extremes ? end : any);
  }
}

void expect_exact(const Case& c, Isa isa, bool dots, bool is_signed, bool extremes) {
  ConvShape s;
  s.n = 2, s.h = c.h, s.w = c.w, s.c = s.m = c.c, s.groups = c.groups, s.kh = c.kh, s.kw = c.kw;
  s.stride_h = s.stride_w = c.stride;
  s.dilation_h = s.dilation_w = c.dilation;
  s.pad_top = s.pad_left = c.pad;
  s.oh = (c.h + 2 * c.pad - (c.kh - 1) * c.dilation - 1) / c.stride + 1;
  s.ow = (c.w + 2 * c.pad - (c.kw - 1) * c.dilation - 1) / c.stride + 1;
  s.x_pixel_stride = s.c;
  std::mt19937 engine(5);
  const int64_t group = s.c / s.groups, taps = s.kh * s.kw;
  std::vector<int8_t> weights(static_cast<size_t>(s.m * group * taps));
  draw(engine, extremes, -128, 127, weights);
  std::vector<uint8_t> bytes(static_cast<size_t>(s.n * s.h * s.w * s.c));
  draw(engine, extremes, 0, 255, bytes);
  const GuardedBytes x(std::ssize(bytes));
  std::copy(bytes.begin(), bytes.end(), reinterpret_cast<uint8_t*>(x.data()));
  const GuardedBytes padding(s.c);
  std::fill_n(padding.data(), s.c, std::byte{0x93});
  const auto number = [&](uint8_t byte) { return is_signed ? byte ^ 0x80 : byte; };

  const ByteGroups groups(s, isa, dots);
  const int64_t parts = groups.parts_for(weights.data());
  EXPECT_EQ(parts, dots ? 1 : 2);
  std::vector<std::byte> packed(static_cast<size_t>(groups.packed_bytes(parts)));
  groups.pack(weights.data(), parts, packed.data());
  std::vector<const std::byte*> list(static_cast<size_t>(groups.list_bytes() / 8));
  const int64_t ld = groups.vectors() * groups.lanes();
  std::vector<int32_t> sums(static_cast<size_t>(ByteGroups::kMostPixels * ld));
  for (int64_t line = 0; line < s.n * s.oh; ++line) {
    ByteGroups::Run run{x.data(), padding.data(), is_signed, line, 0, 0};
    for (; run.ox < s.ow; run.ox += run.pixels) {
      run.pixels = groups.pixels_of(s.ow - run.ox);
      groups.sum(run, packed.data(), parts, 0, groups.vectors(), list.data(), sums.data(), ld);
      for (int64_t i = 0; i < run.pixels * s.m; ++i) {
        const int64_t pixel = i / s.m, m = i % s.m;
        int32_t want = 0;
        for (int64_t k = 0; k < group * taps; ++k) {
          const int64_t iy = line % s.oh * s.stride_h - s.pad_top + k % taps / s.kw * c.dilation,
                        ix = (run.ox + pixel) * s.stride_w - s.pad_left + k % s.kw * c.dilation;
          const bool inside = iy >= 0 && iy < s.h && ix >= 0 && ix < s.w;
          const int64_t at =
              ((line / s.oh * s.h + iy) * s.w + ix) * s.c + m / group * group + k / taps;
          want += number(inside ? bytes[static_cast<size_t>(at)] : 0x93) *
                  weights[static_cast<size_t>(m * group * taps + k)];
        }
        ASSERT_EQ(sums[static_cast<size_t>(pixel * ld + m)], want)
            << "line " << line << " pixel " << run.ox + pixel << " channel " << m;
      }
    }
  }
}

TEST(ByteGroups, SumsAreExactEveryWay) {
  for (Isa isa : kIsas) {
    if (isa > cpu::isa()) continue;
    for (const Case& c : kCases) {
      if (!ByteGroups::is_possible(c.c, c.groups, isa)) continue;
      for (bool dots : {false, true}) {
        if (dots && !has_byte_dots(isa)) continue;
        for (bool is_signed : {false, true}) {
          for (bool extremes : {false, true}) {
            SCOPED_TRACE(std::string(name(isa)) + (dots ? " dots" : "") + ", channels " +
                         std::to_string(c.c) + " groups " + std::to_string(c.groups));
            expect_exact(c, isa, dots, is_signed, extremes);
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace drawbar::cpu
