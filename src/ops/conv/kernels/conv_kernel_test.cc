#include "ops/conv/kernels/conv_kernel.h"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "ops/conv/kernels/depthwise_run.h"
#include "tests/support/aligned.h"

namespace drawbar::cpu {
namespace {

constexpr uint32_t kSeed = 77;

std::vector<float> random_vector(int64_t size, uint32_t seed) {
  std::mt19937 engine(kSeed + seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  std::vector<float> values(static_cast<size_t>(size));
  for (float& value : values) value = uniform(engine);
  return values;
}

struct ConvCase {
  const char* what;
  int64_t n, h, w, c, m, kh, kw, stride, dilation, pad_begin, pad_end, groups;
};

constexpr ConvCase kCases[] = {
    {"pointwise", 2, 7, 13, 33, 47, 1, 1, 1, 1, 0, 0, 1},
    {"pointwise stride 2", 2, 7, 13, 16, 129, 1, 1, 2, 1, 0, 0, 1},
    {"pointwise padded", 1, 5, 5, 7, 9, 1, 1, 1, 1, 1, 1, 1},
    {"one pixel", 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1},
    {"3x3 same", 2, 13, 7, 19, 35, 3, 3, 1, 1, 1, 1, 1},
    {"3x3 same, wide", 1, 29, 31, 64, 64, 3, 3, 1, 1, 1, 1, 1},
    {"3x3 same, deep", 1, 6, 7, 300, 130, 3, 3, 1, 1, 1, 1, 1},
    {"3x3 valid", 1, 9, 9, 16, 32, 3, 3, 1, 1, 0, 0, 1},
    {"5x5 same", 1, 13, 14, 19, 33, 5, 5, 1, 1, 2, 2, 1},
    {"5x5, uneven pads", 2, 9, 8, 16, 7, 5, 5, 1, 1, 1, 3, 1},
    {"7x7 same", 1, 15, 13, 33, 17, 7, 7, 1, 1, 3, 3, 1},
    {"7x7 valid, wide", 1, 23, 22, 20, 48, 7, 7, 1, 1, 0, 0, 1},
    {"3x3 on one pixel", 1, 1, 1, 13, 7, 3, 3, 1, 1, 1, 1, 1},
    {"3x3 stride 2", 2, 14, 15, 33, 20, 3, 3, 2, 1, 1, 1, 1},
    {"3x3 stride 2, pads at the end", 1, 14, 14, 8, 20, 3, 3, 2, 1, 0, 1, 1},
    {"3x3 dilation 2", 1, 11, 12, 20, 9, 3, 3, 1, 2, 2, 2, 1},
    {"3x3 dilation 3, uneven pads", 1, 11, 12, 5, 9, 3, 3, 1, 3, 1, 3, 1},
    {"stem", 2, 33, 35, 3, 64, 7, 7, 2, 1, 3, 3, 1},
    {"stem without pads", 1, 16, 16, 3, 32, 4, 4, 4, 1, 0, 0, 1},
    {"row kernel", 1, 6, 17, 10, 11, 1, 7, 1, 1, 0, 0, 1},
    {"column kernel", 1, 17, 6, 10, 11, 7, 1, 1, 1, 0, 0, 1},
    {"column of 3", 2, 7, 5, 33, 19, 3, 1, 1, 1, 0, 0, 1},
    {"column of 5", 1, 8, 9, 17, 8, 5, 1, 1, 1, 0, 0, 1},
    {"row of 3", 1, 6, 13, 16, 16, 1, 3, 1, 1, 0, 0, 1},
    {"row of 5", 1, 3, 11, 13, 5, 1, 5, 1, 1, 0, 0, 1},
    {"row of 7", 2, 3, 17, 40, 24, 1, 7, 1, 1, 0, 0, 1},
    {"row of 9, as wide as the image", 1, 4, 9, 7, 6, 1, 9, 1, 1, 0, 0, 1},
    {"kernel larger than the image", 1, 3, 3, 4, 5, 7, 7, 1, 1, 3, 3, 1},
    {"pads larger than the kernel", 1, 3, 4, 4, 5, 3, 3, 1, 1, 4, 4, 1},
    {"depthwise 3x3", 2, 13, 27, 129, 129, 3, 3, 1, 1, 1, 1, 129},
    {"depthwise 3x3 stride 2", 1, 13, 26, 32, 32, 3, 3, 2, 1, 1, 1, 32},
    {"depthwise 5x5", 1, 7, 7, 33, 33, 5, 5, 1, 1, 2, 2, 33},
    {"depthwise 3x3, pads at the end", 1, 9, 20, 35, 35, 3, 3, 2, 1, 0, 1, 35},
    {"depthwise 5x5, narrow", 1, 5, 2, 16, 16, 5, 5, 1, 1, 2, 2, 16},
    {"depthwise 5x5 stride 2", 1, 15, 14, 16, 16, 5, 5, 2, 1, 2, 2, 16},
    {"depthwise 7x7 dilation 2", 1, 15, 14, 20, 20, 7, 7, 1, 2, 6, 6, 20},
    {"depthwise on one pixel", 1, 1, 1, 17, 17, 3, 3, 1, 1, 1, 1, 17},
    {"depthwise, pads larger than the kernel", 1, 3, 4, 4, 4, 3, 3, 2, 1, 4, 4, 4},
    {"channel multiplier 2", 1, 7, 7, 6, 12, 3, 3, 1, 1, 1, 1, 6},
    {"groups of 4", 2, 9, 9, 32, 32, 3, 3, 1, 1, 1, 1, 8},
    {"groups of 4, few lines, uneven pads", 1, 3, 30, 76, 76, 3, 3, 1, 1, 0, 2, 19},
    {"groups of 2, a last vector of some", 1, 8, 16, 22, 22, 3, 3, 1, 1, 1, 1, 11},
    {"groups of 8, stride 2", 2, 9, 12, 40, 40, 3, 3, 2, 1, 1, 1, 5},
    {"groups of 8, 5x5, dilation 2", 1, 9, 11, 24, 24, 5, 5, 1, 2, 4, 4, 3},
    {"groups of 16", 1, 7, 7, 48, 48, 3, 3, 1, 1, 1, 1, 3},
    {"groups of 32", 1, 6, 9, 64, 64, 3, 3, 1, 1, 1, 1, 2},
    {"groups of 48, stride 2", 1, 7, 8, 96, 96, 3, 3, 2, 1, 1, 1, 2},
    {"groups of 4, pads larger than the kernel", 1, 3, 4, 12, 12, 3, 3, 1, 1, 4, 4, 3},
    {"groups of 4, pointwise", 1, 5, 9, 36, 36, 1, 1, 1, 1, 0, 0, 9},
    {"groups of 16, stride 2", 1, 9, 9, 48, 96, 3, 3, 2, 1, 1, 1, 3},
    {"groups, pointwise", 1, 5, 6, 24, 36, 1, 1, 1, 1, 0, 0, 2},
};

ConvShape shape_of(const ConvCase& c) {
  ConvShape s;
  s.n = c.n, s.h = c.h, s.w = c.w, s.c = c.c, s.m = c.m, s.kh = c.kh, s.kw = c.kw;
  s.stride_h = s.stride_w = c.stride;
  s.dilation_h = s.dilation_w = c.dilation;
  s.pad_top = s.pad_left = c.pad_begin;
  if (c.kh == 1 && c.kw > 1) s.pad_left = c.kw / 2;
  if (c.kw == 1 && c.kh > 1) s.pad_top = c.kh / 2;
  const int64_t pad_bottom = c.pad_end + s.pad_top - c.pad_begin;
  const int64_t pad_right = c.pad_end + s.pad_left - c.pad_begin;
  s.oh = (c.h + s.pad_top + pad_bottom - (c.kh - 1) * c.dilation - 1) / c.stride + 1;
  s.ow = (c.w + s.pad_left + pad_right - (c.kw - 1) * c.dilation - 1) / c.stride + 1;
  s.groups = c.groups;
  s.x_pixel_stride = c.c + 3;
  s.y_pixel_stride = c.m + 2;
  return s;
}

std::vector<float> expected(const ConvShape& s, const std::vector<float>& x,
                            const std::vector<float>& w, const float* bias,
                            const std::vector<float>& residual, std::vector<float> y) {
  const int64_t group_c = s.c / s.groups, group_m = s.m / s.groups;
  for (int64_t pixel = 0; pixel < s.pixels(); ++pixel) {
    const int64_t image = pixel / s.ow / s.oh, oy = pixel / s.ow % s.oh, ox = pixel % s.ow;
    for (int64_t m = 0; m < s.m; ++m) {
      double sum = bias[m];
      for (int64_t c = 0; c < group_c; ++c) {
        for (int64_t ky = 0; ky < s.kh; ++ky) {
          for (int64_t kx = 0; kx < s.kw; ++kx) {
            const int64_t iy = oy * s.stride_h - s.pad_top + ky * s.dilation_h;
            const int64_t ix = ox * s.stride_w - s.pad_left + kx * s.dilation_w;
            if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.w) continue;
            const int64_t at =
                ((image * s.h + iy) * s.w + ix) * s.x_pixel_stride + m / group_m * group_c + c;
            sum += static_cast<double>(x[static_cast<size_t>(at)]) *
                   w[static_cast<size_t>(((m * group_c + c) * s.kh + ky) * s.kw + kx)];
          }
        }
      }
      sum += residual[static_cast<size_t>(pixel * s.m + m)];
      y[static_cast<size_t>(pixel * s.y_pixel_stride + m)] = static_cast<float>(std::max(sum, 0.0));
    }
  }
  return y;
}

class ConvKernelTest : public testing::TestWithParam<Isa> {};

TEST_P(ConvKernelTest, MatchesPlainLoops) {
  if (isa() < GetParam()) GTEST_SKIP() << "this processor has only " << name(isa());
  const ScopedIsa scope(GetParam());
  for (const ConvCase& c : kCases) {
    const ConvShape s = shape_of(c);
    const auto x = random_vector(s.n * s.h * s.w * s.x_pixel_stride, 1);
    const auto w = random_vector(s.m * (s.c / s.groups) * s.kh * s.kw, 2);
    const auto bias = random_vector(s.m, 3);
    const auto residual = random_vector(s.pixels() * s.m, 4);
    const auto start = random_vector(s.pixels() * s.y_pixel_stride, 5);
    const auto want = expected(s, x, w, bias.data(), residual, start);
    float largest = 0;
    for (float value : want) largest = std::max(largest, std::fabs(value));
    const auto kernels = conv_kernels(s, GetParam(), 2);
    ASSERT_FALSE(kernels.empty()) << c.what;
    for (const auto& kernel : kernels) {
      const AlignedBuffer<float> packed = aligned<float>(kernel->packed_bytes());
      for (int threads : {1, 2, 5}) {
        ThreadPool pool(threads);
        kernel->pack(w.data(), packed.get(), &pool);
        const AlignedBuffer<float> scratch = aligned<float>(kernel->scratch_bytes(threads));
        auto got = start;
        Epilogue epilogue;
        epilogue.bias = bias.data();
        epilogue.residual = residual.data();
        epilogue.residual_ld = s.m;
        epilogue.relu();
        kernel->run(x.data(), packed.get(), got.data(), epilogue, scratch.get(),
                    threads == 1 ? nullptr : &pool);
        const bool winograd = kernel->name().substr(0, 8) == "winograd";
        const bool product = kernel->name() != "depthwise" && kernel->name() != "small_groups";
        const float of_largest = GetParam() == Isa::amx && product ? 1e-5f : 1e-6f;  // tile_unit.h
        for (size_t i = 0; i < want.size(); ++i) {
          const float plain = std::max(1e-5f, of_largest * largest) + 1e-4f * std::fabs(want[i]);
          const float allowed = winograd ? 2e-5f * largest : plain;
          ASSERT_NEAR(got[i], want[i], allowed)
              << c.what << ", " << kernel->name() << ", " << threads << " threads, at " << i;
        }
      }
    }
  }
}

TEST_P(ConvKernelTest, HooksSeeEveryElementOnce) {
  if (isa() < GetParam()) GTEST_SKIP() << "this processor has only " << name(isa());
  for (const ConvCase& c : kCases) {
    const ConvShape s = shape_of(c);
    const auto x = random_vector(s.n * s.h * s.w * s.x_pixel_stride, 1);
    const auto w = random_vector(s.m * (s.c / s.groups) * s.kh * s.kw, 2);
    ThreadPool pool(2);
    for (const auto& kernel : conv_kernels(s, GetParam(), 2)) {
      const AlignedBuffer<float> packed = aligned<float>(kernel->packed_bytes());
      kernel->pack(w.data(), packed.get(), nullptr);
      const AlignedBuffer<float> scratch = aligned<float>(kernel->scratch_bytes(2));
      std::vector<float> plain(static_cast<size_t>(s.pixels() * s.y_pixel_stride));
      auto hooked = plain;
      kernel->run(x.data(), packed.get(), plain.data(), {}, scratch.get(), &pool);
      auto number = [&](float* y, int64_t ld, int64_t row, int64_t col, int64_t rows,
                        int64_t cols) {
        ASSERT_EQ(y, hooked.data() + row * s.y_pixel_stride + col);
        for (int64_t i = 0; i < rows; ++i) {
          for (int64_t j = 0; j < cols; ++j) y[i * ld + j] += static_cast<float>(row + i + col + j);
        }
      };
      const TileHook hook(number);
      Epilogue epilogue;
      epilogue.hook = &hook;
      kernel->run(x.data(), packed.get(), hooked.data(), epilogue, scratch.get(), &pool);
      for (int64_t pixel = 0; pixel < s.pixels(); ++pixel) {
        for (int64_t m = 0; m < s.m; ++m) {
          const auto at = static_cast<size_t>(pixel * s.y_pixel_stride + m);
          ASSERT_EQ(hooked[at], plain[at] + static_cast<float>(pixel + m))
              << c.what << ", " << kernel->name();
        }
      }
    }
  }
}

/// The input in a ring of so many lines, of which these are there.
std::vector<float> ring_of(const ConvShape& s, const std::vector<float>& x, int64_t ring,
                           Lines lines) {
  const int64_t line = s.w * s.x_pixel_stride;
  std::vector<float> result(static_cast<size_t>(ring * line), NAN);
  for (int64_t i = lines.begin; i < lines.end; ++i)
    std::copy_n(x.begin() + i * line, line, result.begin() + i % ring * line);
  return result;
}

TEST_P(ConvKernelTest, LinesAreThoseOfTheWhole) {
  if (isa() < GetParam()) GTEST_SKIP() << "this processor has only " << name(isa());
  const ScopedIsa scope(GetParam());
  int tried = 0;
  for (const ConvCase& c : kCases) {
    const ConvShape s = shape_of(c);
    const auto x = random_vector(s.n * s.h * s.w * s.x_pixel_stride, 1);
    const auto w = random_vector(s.m * (s.c / s.groups) * s.kh * s.kw, 2);
    const auto residual = random_vector(s.pixels() * s.m, 4);
    for (const auto& kernel : conv_kernels(s, GetParam(), 1)) {
      if (!kernel->has_lines()) continue;
      ++tried;
      const AlignedBuffer<float> packed = aligned<float>(kernel->packed_bytes());
      kernel->pack(w.data(), packed.get(), nullptr);
      const AlignedBuffer<float> scratch = aligned<float>(kernel->scratch_bytes(1));
      auto number = [&](float* y, int64_t ld, int64_t row, int64_t col, int64_t rows,
                        int64_t cols) {
        for (int64_t i = 0; i < rows; ++i) {
          for (int64_t j = 0; j < cols; ++j) y[i * ld + j] += static_cast<float>(row + i + col + j);
        }
      };
      const TileHook hook(number);
      Epilogue epilogue;
      epilogue.residual = residual.data();
      epilogue.residual_ld = s.m;
      epilogue.hook = &hook;
      std::vector<float> whole(static_cast<size_t>(s.pixels() * s.y_pixel_stride)), parts = whole;
      kernel->run(x.data(), packed.get(), whole.data(), epilogue, scratch.get(), nullptr);
      for (int64_t most : {1, 3}) {
        const AlignedBuffer<float> part_scratch = aligned<float>(kernel->lines_scratch_bytes(most));
        const int64_t ring = (most - 1) * s.stride_h + (s.kh - 1) * s.dilation_h + 1;
        std::fill(parts.begin(), parts.end(), 0.0f);
        for (int64_t line = 0, end = 0; line < s.n * s.oh; line = end) {
          const int64_t image = line / s.oh;
          end = std::min(line + most, (image + 1) * s.oh);
          const int64_t top = (line - image * s.oh) * s.stride_h - s.pad_top;
          const Lines under{image * s.h + std::clamp<int64_t>(top, 0, s.h),
                            image * s.h + std::clamp<int64_t>(top + ring, 0, s.h)};
          kernel->run_lines(ring_of(s, x, ring, under).data(), ring, packed.get(),
                            parts.data() + line * s.ow * s.y_pixel_stride, epilogue,
                            part_scratch.get(), {line, end});
        }
        for (size_t i = 0; i < whole.size(); ++i) {
          ASSERT_EQ(parts[i], whole[i])
              << c.what << ", " << kernel->name() << ", " << most << " lines, at " << i;
        }
      }
    }
  }
  EXPECT_GT(tried, GetParam() == Isa::amx ? 4 : 20);  // of the tile unit, depthwise ones alone
}

INSTANTIATE_TEST_SUITE_P(InstructionSets, ConvKernelTest, testing::ValuesIn(kIsas),
                         [](const auto& info) { return name(info.param); });

TEST(ConvKernel, AppliesWhereItShould) {
  ConvShape s = shape_of({"3x3", 1, 14, 14, 64, 64, 3, 3, 1, 1, 1, 1, 1});
  EXPECT_NE(make_conv_kernel("winograd4", s, isa()), nullptr);
  const auto lean = make_conv_kernel("winograd4_lean", s, isa());
  ASSERT_NE(lean, nullptr);
  EXPECT_LT(3 * lean->packed_bytes(), make_conv_kernel("winograd4", s, isa())->packed_bytes());
  EXPECT_EQ(make_conv_kernel("pointwise", s, isa()), nullptr);
  EXPECT_EQ(make_conv_kernel("depthwise", s, isa()), nullptr);
  EXPECT_EQ(make_conv_kernel("no such kernel", s, isa()), nullptr);
  s.stride_h = 2;
  EXPECT_EQ(make_conv_kernel("winograd2", s, isa()), nullptr);
  for (std::string_view known : conv_kernel_names()) EXPECT_FALSE(known.empty());
}

#if defined(__x86_64__)
/// The smallest and the largest of each kind: what does not fit its memory is not generated.
TEST(DepthwiseRun, ShapesAreGenerated) {
  for (Isa isa : {Isa::avx2, Isa::avx512}) {
    for (int width : {3, 5}) {
      for (int stride : {1, 2}) {
        for (int pixels = 1; pixels <= kMostRunPixels; ++pixels) {
          for (bool part : {false, true}) {
            DepthwiseRunShape shape{isa, width, stride, kMostRunRows, pixels};
            shape.part_of_vector = shape.fetches = part;
            EXPECT_NE(depthwise_run(shape), nullptr)
                << name(isa) << ", " << pixels << " pixels of " << width;
            shape.rows = 1;
            shape.left = shape.right = pixels > 1 ? width / 2 : 0;
            EXPECT_NE(depthwise_run(shape), nullptr);
          }
        }
      }
    }
  }
  EXPECT_EQ(depthwise_run({.isa = Isa::baseline}), nullptr);
}
#endif

}  // namespace
}  // namespace drawbar::cpu
