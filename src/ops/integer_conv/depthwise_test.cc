#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <random>
#include <string>

#include "ops/integer_conv/cpu_depthwise_lines.h"

namespace drawbar::cpu {
namespace {

using Way = DepthwiseBytes::Way;
using Taps = DepthwiseBytes::Taps;

struct Case {
  int64_t channels;
  Taps taps;
  bool is_signed;
};

constexpr int64_t kPixels = 11, kLine = 4;  // of which every fourth begins a line

/// Weights at the bound that pairs allow: neighbours of one sign add up to 128.
std::vector<int16_t> extreme_weights(const Case& c) {
  std::vector<int16_t> weights(static_cast<size_t>(c.channels * c.taps.count()));
  for (int64_t i = 0; i < std::ssize(weights); ++i) {
    const int64_t channel = i / c.taps.count(), kx = i % c.taps.kw;
    const int64_t most = channel % 2 == 0 ? 64 : kx % 2 == 0 ? 127 : 1;
    weights[static_cast<size_t>(i)] = static_cast<int16_t>(channel % 3 == 0 ? -most : most);
  }
  return weights;
}

/// Pointers of kPixels pixels into images [kPixels · kw][channels] that are 255, or -128, in half
/// of the pixels, and random in the others.
class Image {
 public:
  explicit Image(const Case& c) : c_(c) {
    std::mt19937 engine(3);
    const int64_t rows = c.taps.kh * kPixels * (c.taps.kw + 1);
    for (int64_t row = 0; row < rows; ++row) {
      const bool random = engine() % 2 == 0;
      for (int64_t i = 0; i < c.channels; ++i)
        bytes_.push_back(std::byte(random ? engine() % 256 : c.is_signed ? 0x80 : 0xff));
    }
    list_.resize(static_cast<size_t>((c.taps.count() + 1) * kPixels), bytes_.data());
    for (int64_t tap = 0; tap < c.taps.count(); ++tap) {
      for (int64_t i = 0; i < kPixels; ++i)
        list_[static_cast<size_t>(tap * kPixels + i)] = at(tap, i);
    }
    for (int64_t i = 0; i < kPixels; ++i) has_next_[i] = i + 1 < kPixels && (i + 1) % kLine != 0;
  }

  DepthwiseBytes::Pixels pixels() const { return {list_.data(), kPixels, has_next_, c_.is_signed}; }
  /// The first pixels again.
  DepthwiseBytes::Line line() const {
    return {at(0, 0),
            c_.taps.slides ? kLine : kPixels,
            at(c_.taps.kw, 0) - at(0, 0),
            c_.channels,
            at(0, 1) - at(0, 0),
            c_.is_signed};
  }

  /// The sum that a pixel's channel should have, by signed numbers.
  int64_t sum(const std::vector<int16_t>& weights, int64_t pixel, int64_t channel) const {
    int64_t sum = 0;
    for (int64_t tap = 0; tap < c_.taps.count(); ++tap) {
      const auto byte = static_cast<uint8_t>(at(tap, pixel)[channel]);
      sum += (c_.is_signed ? static_cast<int8_t>(byte) : byte) *
             weights[static_cast<size_t>(channel * c_.taps.count() + tap)];
    }
    return sum;
  }

 private:
  /// Where taps slide, a line of pixels reads a line of the image; else each has its own.
  const std::byte* at(int64_t tap, int64_t pixel) const {
    const int64_t ky = tap / c_.taps.kw, kx = tap % c_.taps.kw;
    const int64_t width = kPixels * (c_.taps.kw + 1);
    const int64_t x = c_.taps.slides ? pixel / kLine * (kLine + c_.taps.kw) + pixel % kLine + kx
                                     : pixel * c_.taps.kw + kx;
    return bytes_.data() + (ky * width + x) * c_.channels;
  }

  Case c_;
  std::vector<std::byte> bytes_;
  std::vector<const std::byte*> list_;
  bool has_next_[kPixels];
};

void expect_exact(const Case& c, Way way, Isa isa) {
  const std::vector<int16_t> weights = extreme_weights(c);
  ASSERT_TRUE(DepthwiseBytes::allows(weights.data(), c.channels, c.taps, way));
  const DepthwiseBytes lines(c.channels, c.taps, way, isa);
  std::vector<std::byte> packed(static_cast<size_t>(lines.packed_bytes()));
  lines.pack(weights.data(), packed.data());
  std::vector<int32_t> offsets(static_cast<size_t>(c.channels)),
      offset(static_cast<size_t>(lines.places()));
  for (int64_t i = 0; i < c.channels; ++i) {
    const auto* from = weights.data() + i * c.taps.count();
    const int64_t shift = c.is_signed ? 128 : 0;
    for (int64_t t = 0; t < c.taps.count(); ++t)
      offsets[static_cast<size_t>(i)] -= static_cast<int32_t>(shift * from[t]);
  }
  lines.arrange(offsets.data(), offset.data());
  const std::vector<float> multiplier(offset.size(), 1), addend(offset.size(), 0);
  const Image image(c);
  std::vector<float> y(static_cast<size_t>(kPixels * c.channels));
  const auto expect_sums_of = [&](const auto& pixels) {
    std::fill(y.begin(), y.end(), -1.0f);
    lines.run(pixels, packed.data(),
              {offset.data(), multiplier.data(), addend.data(), 0, false, false},
              reinterpret_cast<std::byte*>(y.data()), c.channels * 4);
    for (int64_t i = 0; i < pixels.count * c.channels; ++i) {
      const auto expected = static_cast<float>(image.sum(weights, i / c.channels, i % c.channels));
      ASSERT_EQ(y[static_cast<size_t>(i)], expected)
          << "pixel " << i / c.channels << " channel " << i % c.channels;
    }
  };
  expect_sums_of(image.pixels());
  if (lines.takes_lines()) expect_sums_of(image.line());
}

TEST(DepthwiseBytes, SumsAreExactEveryWay) {
  constexpr Taps kTaps[] = {{3, 3, true}, {3, 3, false}, {5, 5, true}, {1, 4, true}, {2, 7, false}};
  for (Isa isa : kIsas) {
    if (isa > cpu::isa()) continue;
    for (Way way : {Way::words, Way::pairs, Way::dots}) {
      for (const Taps& taps : kTaps) {
        for (int64_t channels : {7, 16, 115, 200}) {
          if (!DepthwiseBytes::is_possible(way, channels, taps, isa)) continue;
          for (bool is_signed : {false, true}) {
            SCOPED_TRACE(std::string(name(isa)) + " way " + std::to_string(static_cast<int>(way)) +
                         " channels " + std::to_string(channels) + " kw " +
                         std::to_string(taps.kw));
            expect_exact({channels, taps, is_signed}, way, isa);
          }
        }
      }
    }
  }
}

TEST(DepthwiseBytes, PairsThatCouldSaturateAreLeft) {
  const Taps taps{1, 3, true};
  const auto allows = [&](std::vector<int16_t> weights, Way way) {
    return DepthwiseBytes::allows(weights.data(), 1, taps, way);
  };
  EXPECT_TRUE(allows({64, 64, 64}, Way::pairs));
  EXPECT_TRUE(allows({-128, 127, -128}, Way::pairs));
  EXPECT_FALSE(allows({64, 65, 0}, Way::pairs));
  EXPECT_FALSE(allows({0, 65, 64}, Way::pairs));
  EXPECT_FALSE(allows({-64, -65, 0}, Way::pairs));
  EXPECT_TRUE(allows({127, 127, -128}, Way::dots));
  EXPECT_FALSE(allows({128, 0, 0}, Way::dots));
  EXPECT_TRUE(allows({-255, 255, 0}, Way::words));
}

}  // namespace
}  // namespace drawbar::cpu
