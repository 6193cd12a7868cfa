#pragma once

#include "ir/op.h"

namespace drawbar::ops {

// Random numbers follow from the seed alone: every run draws the same ones. A node without a seed
// in its file has one that follows from its name. None of these operators is folded or merged.

enum class Distribution : uint8_t { normal, uniform };

/// A float tensor drawn from normal(first = mean, second = deviation) or uniform [first, second).
/// The shape is the attribute's, or that of the input if there is one. Sources: ONNX
/// RandomNormal-22, RandomNormalLike-22, RandomUniform-22, RandomUniformLike-22.
struct RandomTensor {
  static constexpr std::string_view name = "RandomTensor";
  static constexpr bool deterministic = false;
  Distribution distribution = Distribution::normal;
  double first = 0, second = 1;
  int64_t seed = 0;
  ElementType element = ElementType::f32;
  std::vector<int64_t> shape;
  void fields(auto&& field) {
    field("distribution", distribution);
    field("first", first);
    field("second", second);
    field("seed", seed);
    field("element", element);
    field("shape", shape);
  }
};

/// x [batch, classes], logarithms of weights → [batch, samples] i32 or i64, classes drawn with
/// replacement. Source: ONNX Multinomial-22.
struct Multinomial {
  static constexpr std::string_view name = "Multinomial";
  static constexpr bool deterministic = false;
  int64_t samples = 1, seed = 0;
  ElementType element = ElementType::i32;
  void fields(auto&& field) {
    field("samples", samples);
    field("seed", seed);
    field("element", element);
  }
};

/// x, probabilities → 1 with that probability, else 0, same shape, of type `element`. Source: ONNX
/// Bernoulli-22.
struct Bernoulli {
  static constexpr std::string_view name = "Bernoulli";
  static constexpr bool deterministic = false;
  int64_t seed = 0;
  ElementType element = ElementType::f32;
  void fields(auto&& field) {
    field("seed", seed);
    field("element", element);
  }
};

void infer(const RandomTensor&, Infer&);
void infer(const Multinomial&, Infer&);
void infer(const Bernoulli&, Infer&);
void reference(const RandomTensor&, Evaluation&);
void reference(const Multinomial&, Evaluation&);
void reference(const Bernoulli&, Evaluation&);

}  // namespace drawbar::ops

template <>
struct drawbar::EnumNames<drawbar::ops::Distribution> {
  static constexpr std::string_view names[] = {"normal", "uniform"};
};
