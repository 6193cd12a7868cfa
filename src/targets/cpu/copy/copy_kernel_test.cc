#include "targets/cpu/copy/copy_kernel.h"

#include <algorithm>
#include <cstring>
#include <gtest/gtest.h>
#include <numeric>

#include "ops/movement/elements.h"

namespace drawbar::cpu {
namespace {

using ops::row_major_strides;
using ops::StridedCopy;

/// The copy that transposes a row-major tensor.
StridedCopy transposition(const Shape& shape, const std::vector<size_t>& permutation) {
  const Shape strides = row_major_strides(shape);
  StridedCopy copy;
  for (size_t axis : permutation) {
    copy.shape.push_back(shape[axis]);
    copy.from_strides.push_back(strides[axis]);
  }
  copy.to_strides = row_major_strides(copy.shape);
  return copy;
}

/// Runs the copy on every element size and instruction set against the plain loops.
void expect_copies(const StridedCopy& copy, int64_t from_size, int64_t to_size,
                   std::string_view method = {}) {
  ThreadPool pool(2);
  for (const ElementType type :
       {ElementType::u8, ElementType::u16, ElementType::u32, ElementType::u64, ElementType::c128}) {
    Tensor from = Tensor::allocate(type, {from_size});
    auto* bytes = static_cast<uint8_t*>(from.raw());
    for (int64_t i = 0; i < from.bytes(); ++i) bytes[i] = static_cast<uint8_t>(i * 167 + i / 256);
    Tensor want = Tensor::allocate(type, {to_size});
    std::memset(want.raw(), 0x5a, static_cast<size_t>(want.bytes()));
    copy_strided(copy, from, want, [] {});
    for (const Isa level : kIsas) {
      const ScopedIsa scope(level);
      if (isa() != level) continue;  // the processor has less
      CopyKernel kernel;
      kernel.add(copy, type, 0, 0);
      if (type == ElementType::u32 && !method.empty()) {
        EXPECT_EQ(PlannedCopy(copy, 4).method(), method);
      }
      Tensor got = Tensor::allocate(type, {to_size});
      std::memset(got.raw(), 0x5a, static_cast<size_t>(got.bytes()));
      const void* in = from.raw();
      void* out = got.raw();
      kernel.run({{&in, 1}, {&out, 1}, nullptr, pool});
      EXPECT_TRUE(got.identical(want))
          << to_string(copy.shape) << " " << name(type) << " " << name(level);
    }
  }
}

void expect_transposes(const Shape& shape, const std::vector<size_t>& permutation,
                       std::string_view method = {}) {
  const int64_t size = std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
  expect_copies(transposition(shape, permutation), size, size, method);
}

TEST(CopyKernel, TransposesMatrices) {
  for (int64_t rows : {1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 33, 127, 129}) {
    for (int64_t columns : {1, 2, 3, 4, 6, 7, 15, 16, 31, 129}) {
      expect_transposes({rows, columns}, {1, 0});
    }
  }
  expect_transposes({129, 127}, {1, 0}, "transpose");
  expect_transposes({3, 1000}, {1, 0}, "interleave");
  expect_transposes({1000, 3}, {1, 0}, "deinterleave");
}

TEST(CopyKernel, TransposesAnyOrder) {
  const Shape shape{3, 5, 2, 7};
  std::vector<size_t> permutation{0, 1, 2, 3};
  do {
    expect_transposes(shape, permutation);
  } while (std::next_permutation(permutation.begin(), permutation.end()));
  expect_transposes({2, 13, 127, 3}, {0, 3, 1, 2});
  expect_transposes({2, 3, 127, 13}, {0, 2, 3, 1});
  expect_transposes({2, 129, 33, 7}, {0, 2, 3, 1});
  expect_transposes({2, 7, 12, 64}, {0, 2, 1, 3}, "runs");
  expect_transposes({1, 1, 1}, {2, 1, 0});
}

TEST(CopyKernel, RepeatsReversesAndSteps) {
  expect_copies({{7, 33}, {1, 0}, {33, 1}}, 7, 7 * 33, "fill");
  expect_copies({{7, 33}, {0, 1}, {33, 1}}, 33, 7 * 33, "runs");
  expect_copies({{7, 33}, {33, -1}, {33, 1}, 32}, 7 * 33, 7 * 33, "strided");
  expect_copies({{7, 33}, {66, 2}, {33, 1}}, 7 * 66, 7 * 33, "strided");
  expect_copies({{5, 4, 6}, {70, 10, 1}, {24, 6, 1}, 13}, 350, 120, "runs");
  expect_copies({{5, 4, 6}, {24, 6, 1}, {70, 10, 1}, 0, 13}, 120, 350, "runs");
  expect_copies({{0, 4}, {4, 1}, {4, 1}}, 0, 0);
  expect_copies({{}, {}, {}, 3, 2}, 4, 4);
}

TEST(CopyKernel, CutsLargeCopiesInPieces) {
  expect_copies({{300000}, {1}, {1}}, 300000, 300000, "runs");
  expect_copies({{300000}, {0}, {1}}, 1, 300000, "fill");
  expect_transposes({513, 517}, {1, 0}, "transpose");
  expect_transposes({3, 65537}, {1, 0}, "interleave");
  expect_transposes({65537, 2}, {1, 0}, "deinterleave");
  expect_transposes({5, 1031, 3, 11}, {2, 1, 0, 3});
}

TEST(CopyKernel, CopiesSideBySide) {
  ThreadPool pool(2);
  constexpr int64_t rows = 5000, sizes[] = {32, 5, 64}, all = 101;
  CopyKernel kernel;
  std::vector<std::vector<float>> parts;
  std::vector<float> want(rows * all), got(rows * all, -1.0f);
  std::iota(want.begin(), want.end(), 0.0f);
  int64_t offset = 0;
  for (size_t i = 0; i < 3; ++i) {
    kernel.add({{rows, sizes[i]}, {sizes[i], 1}, {all, 1}, 0, offset}, ElementType::f32, i, 0);
    parts.emplace_back();
    for (int64_t row = 0; row < rows; ++row) {
      const auto first = want.begin() + row * all + offset;
      parts.back().insert(parts.back().end(), first, first + sizes[i]);
    }
    offset += sizes[i];
  }
  const void* inputs[] = {parts[0].data(), parts[1].data(), parts[2].data()};
  void* out = got.data();
  kernel.run({inputs, {&out, 1}, nullptr, pool});
  EXPECT_EQ(got, want);
}

TEST(CopyKernel, FillsWithAnElement) {
  ThreadPool pool(1);
  CopyKernel kernel;
  const float value = 2.5f;
  kernel.add_fill({{3, 2}, {0, 0}, {4, 1}, 0, 1}, ElementType::f32, &value, 0);
  std::vector<float> y(12, 0.0f);
  void* out = y.data();
  kernel.run({{}, {&out, 1}, nullptr, pool});
  EXPECT_EQ(y, (std::vector<float>{0, 2.5f, 2.5f, 0, 0, 2.5f, 2.5f, 0, 0, 2.5f, 2.5f, 0}));
}

}  // namespace
}  // namespace drawbar::cpu
