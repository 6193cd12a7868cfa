#include "ops/random/op.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/checked.h"

namespace drawbar::ops {

DRAWBAR_OP(RandomTensor);
DRAWBAR_OP(Multinomial);
DRAWBAR_OP(Bernoulli);

namespace {

/// SplitMix64. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
class Generator {
 public:
  explicit Generator(int64_t seed) : state_(static_cast<uint64_t>(seed)) {}

  double uniform() {  // in (0, 1)
    return (static_cast<double>(next() >> 11) + 0.5) * 0x1p-53;
  }
  double normal() {  // Box-Muller
    const double radius = std::sqrt(-2 * std::log(uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

 private:
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint64_t state_;
};

constexpr int64_t checkpoint_mask = (1 << 20) - 1;

}  // namespace

void infer(const RandomTensor& op, Infer& context) {
  context.expect_inputs(0, 1);
  if (!is_floating(op.element)) {
    fail(ErrorCode::invalid_model, "the element type is {}, expected a float type",
         name(op.element));
  }
  if (context.inputs() == 0) {
    storage_bytes(op.element, element_count(op.shape));
    return context.output(0, op.element, to_dims(op.shape));
  }
  if (!context.ranked(0)) return context.unranked(0, op.element);
  context.output(0, op.element, context.dims(0));
}

void reference(const RandomTensor& op, Evaluation& e) {
  Tensor& y = e.output(0, op.element, e.inputs() ? e.input(0).shape() : op.shape);
  Generator generator(op.seed);
  for (int64_t i = 0; i < y.size(); ++i) {
    if ((i & checkpoint_mask) == 0) e.checkpoint();
    write_number(y, i,
                 op.distribution == Distribution::normal
                     ? op.first + op.second * generator.normal()
                     : op.first + (op.second - op.first) * generator.uniform());
  }
}

void infer(const Multinomial& op, Infer& context) {
  context.expect_inputs(1, 1);
  context.expect_rank(0, 2, "x");
  if (!is_floating(context.element(0))) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type", name(context.element(0)));
  }
  if (op.samples < 1) {
    fail(ErrorCode::invalid_model, "sample_size is {}, expected at least 1", op.samples);
  }
  if (op.element != ElementType::i32 && op.element != ElementType::i64) {
    fail(ErrorCode::invalid_model, "the element type is {}, expected i32 or i64", name(op.element));
  }
  if (!context.ranked(0)) return context.unranked(0, op.element);
  context.output(0, op.element, {context.dims(0)[0], Dim(op.samples)});
}

void reference(const Multinomial& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const int64_t batch = x.dim(0), classes = x.dim(1);
  if (batch > 0 && classes == 0) fail(ErrorCode::invalid_argument, "there are no classes");
  Tensor& y = e.output(0, op.element, {batch, op.samples});
  Generator generator(op.seed);
  std::vector<double> sums(static_cast<size_t>(classes));
  for (int64_t line = 0; line < batch; ++line) {
    double largest = -std::numeric_limits<double>::infinity(), total = 0;
    for (int64_t c = 0; c < classes; ++c)
      largest = std::max(largest, read_number(x, line * classes + c));
    for (int64_t c = 0; c < classes; ++c)
      sums[static_cast<size_t>(c)] = total +=
          std::exp(read_number(x, line * classes + c) - largest);
    for (int64_t i = 0; i < op.samples; ++i) {
      if ((i & checkpoint_mask) == 0) e.checkpoint();
      const auto found = std::upper_bound(sums.begin(), sums.end(), generator.uniform() * total);
      write_integer(y, line * op.samples + i, std::min<int64_t>(found - sums.begin(), classes - 1));
    }
  }
}

void infer(const Bernoulli& op, Infer& context) {
  context.expect_inputs(1, 1);
  if (!is_floating(context.element(0))) {
    fail(ErrorCode::invalid_model, "x is {}, expected a float type", name(context.element(0)));
  }
  Type type = context.type(0);
  type.tensor.element = op.element;
  if (kind(op.element) == ElementKind::string || kind(op.element) == ElementKind::complex) {
    fail(ErrorCode::invalid_model, "the element type is {}, expected numbers", name(op.element));
  }
  context.output(0, std::move(type));
}

void reference(const Bernoulli& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  Tensor& y = e.output(0, op.element, x.shape());
  Generator generator(op.seed);
  for (int64_t i = 0; i < x.size(); ++i) {
    if ((i & checkpoint_mask) == 0) e.checkpoint();
    write_number(y, i, generator.uniform() < read_number(x, i) ? 1 : 0);
  }
}

}  // namespace drawbar::ops
