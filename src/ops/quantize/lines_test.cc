#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <random>
#include <vector>

#include "ops/quantize/cpu_lines.h"
#include "targets/cpu/isa.h"

namespace drawbar::cpu {
namespace {

/// Numbers next to those that divide into halves, where a quotient's last bit decides, and others.
std::vector<float> numbers_about(float scale, std::mt19937& engine) {
  std::vector<float> x;
  for (int k = -300; k <= 300; ++k) {
    float at = (static_cast<float>(k) + 0.5f) * scale;
    for (int step = 0; step < 3; ++step) at = std::nextafter(at, -1e38f);
    for (int step = 0; step < 7; ++step, at = std::nextafter(at, 1e38f)) x.push_back(at);
  }
  constexpr float inf = std::numeric_limits<float>::infinity();
  for (float special : {0.0f, -0.0f, inf, -inf, 1e-44f, -1e-44f, 3e38f, -3e38f, std::nanf("")})
    x.push_back(special);
  std::uniform_real_distribution<float> any(-200, 200);
  for (int i = 0; i < 500; ++i) x.push_back(any(engine) * scale);
  return x;
}

int expected(float x, float scale, int zero, int low, int high) {
  const float q = std::nearbyint(x / scale) + static_cast<float>(zero);
  if (std::isnan(q)) return low;
  return static_cast<int>(std::clamp(q, static_cast<float>(low), static_cast<float>(high)));
}

TEST(QuantizeLine, RoundsAsDivisionDoes) {
  std::mt19937 engine(5);
  std::vector<float> scales = {1.0f,           0.5f,           3.0f,   0.1f,
                               0x1.fffffep-6f, 0x1.000002p-6f, 1e-35f, 1e35f};
  std::uniform_real_distribution<float> exponent(-12, 6);
  for (int i = 0; i < 40; ++i) scales.push_back(std::exp2(exponent(engine)));
  for (Isa level : kIsas) {
    if (level > isa()) continue;
    const ScopedIsa scoped(level);
    for (float scale : scales) {
      const std::vector<float> x = numbers_about(scale, engine);
      const uint8_t zero = 100;
      std::vector<uint8_t> y(x.size());
      quantize_line(ElementType::u8)(x.data(), &scale, &zero, y.data(), std::ssize(x), false);
      const int8_t signed_zero = -3;
      std::vector<int8_t> z(x.size());
      quantize_line(ElementType::i8)(x.data(), &scale, &signed_zero, z.data(), std::ssize(x),
                                     false);
      for (size_t i = 0; i < x.size(); ++i) {
        ASSERT_EQ(y[i], expected(x[i], scale, 100, 0, 255))
            << name(level) << " " << x[i] << " / " << scale;
        ASSERT_EQ(z[i], expected(x[i], scale, -3, -128, 127))
            << name(level) << " " << x[i] << " / " << scale;
      }
    }
  }
}

}  // namespace
}  // namespace drawbar::cpu
