#include <cmath>
#include <gtest/gtest.h>

#include "ops/random/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using namespace ops;

struct Moments {
  double mean = 0, deviation = 0, least = INFINITY, most = -INFINITY;
};

Moments moments(const Tensor& tensor) {
  Moments m;
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const double value = read_number(tensor, i);
    m.mean += value / static_cast<double>(tensor.size());
    m.least = std::min(m.least, value);
    m.most = std::max(m.most, value);
  }
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const double distance = read_number(tensor, i) - m.mean;
    m.deviation += distance * distance / static_cast<double>(tensor.size());
  }
  m.deviation = std::sqrt(m.deviation);
  return m;
}

TEST(Random, FollowsTheDistribution) {
  RandomTensor normal{Distribution::normal, 3, 2, 7, ElementType::f32, {100, 200}};
  Moments m = moments(run_reference(normal, {})[0]);
  EXPECT_NEAR(m.mean, 3, 0.05);
  EXPECT_NEAR(m.deviation, 2, 0.05);
  RandomTensor uniform{Distribution::uniform, -1, 5, 7, ElementType::f64, {20000}};
  m = moments(run_reference(uniform, {})[0]);
  EXPECT_NEAR(m.mean, 2, 0.05);
  EXPECT_NEAR(m.deviation, 6 / std::sqrt(12), 0.05);
  EXPECT_GE(m.least, -1);
  EXPECT_LT(m.most, 5);
}

TEST(Random, TheSeedDecides) {
  RandomTensor op{Distribution::normal, 0, 1, 7, ElementType::f32, {13}};
  const Tensor first = run_reference(op, {})[0];
  EXPECT_TRUE(first.identical(run_reference(op, {})[0]));
  op.seed = 8;
  EXPECT_FALSE(first.identical(run_reference(op, {})[0]));
}

TEST(Random, TakesTheShapeOfAnInput) {
  const RandomTensor op{Distribution::uniform, 0, 1, 1, ElementType::f16, {}};
  const Tensor like = Tensor::allocate(ElementType::i64, {3, 7});
  EXPECT_EQ(run_reference(op, {like})[0].shape(), (Shape{3, 7}));
}

TEST(Random, MultinomialDrawsByWeight) {
  const float odds[] = {std::log(1.f), std::log(3.f), -INFINITY};
  const Tensor x = Tensor::from<float>({1, 3}, std::span<const float>(odds));
  const Tensor y = run_reference(Multinomial{20000, 5, ElementType::i64}, {x})[0];
  const Moments m = moments(y);
  EXPECT_NEAR(m.mean, 0.75, 0.02);
  EXPECT_LE(m.most, 1);
}

TEST(Random, BernoulliDrawsByProbability) {
  Tensor x = Tensor::allocate(ElementType::f32, {20000});
  for (float& p : x.values<float>()) p = 0.25f;
  EXPECT_NEAR(moments(run_reference(Bernoulli{5, ElementType::boolean}, {x})[0]).mean, 0.25, 0.02);
}

const Rejection rejected[] = {
    {"integers", RandomTensor{.element = ElementType::i64, .shape = {3}}, {}, "is i64"},
    {"negative", RandomTensor{.shape = {-3}}, {}, "is negative"},
    {"overflow", RandomTensor{.shape = {1LL << 62, 4}}, {}, "overflows"},
    {"no samples", Multinomial{.samples = 0}, {"f32[2, 3]"}, "sample_size is 0"},
    {"rank", Multinomial{}, {"f32[2, 3, 1]"}, "rank 3"},
    {"classes of floats", Multinomial{.element = ElementType::f32}, {"f32[2, 3]"}, "is f32"},
    {"integer probabilities", Bernoulli{}, {"i64[3]"}, "x is i64"},
    {"strings", Bernoulli{.element = ElementType::string}, {"f32[3]"}, "expected numbers"},
};

TEST(Random, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
