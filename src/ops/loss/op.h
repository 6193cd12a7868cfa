#pragma once

#include "ir/op.h"

namespace drawbar::ops {

/// What becomes of the losses of all samples: they stay, or are added up or (weighted) averaged.
enum class LossReduction : uint8_t { none, sum, mean };

/// The negative log-likelihood of classes: loss = -weight[t] · x[n, t, i…] for t = target[n, i…].
/// x [N, C, d1…dk] (log-probabilities), target [N, d1…dk] i32 or i64, weight [C] of x's type
/// (optional, ones) → loss [N, d1…dk], or a scalar when `reduction` says so; `mean` divides by the
/// sum of the samples' weights. With `ignores`, samples whose target is `ignored`, which may be no
/// class at all, have loss and weight 0. Float types, computed in f64. Throws INVALID_ARGUMENT for
/// any other target outside [0, C). Source: ONNX NegativeLogLikelihoodLoss-22.
struct NegativeLogLikelihood {
  static constexpr std::string_view name = "NegativeLogLikelihood";
  LossReduction reduction = LossReduction::mean;
  bool ignores = false;
  int64_t ignored = 0;

  enum Inputs : size_t { x, target, weight };

  void fields(auto&& field) {
    field("reduction", reduction);
    field("ignores", ignores);
    field("ignored", ignored);
  }
};

void infer(const NegativeLogLikelihood&, Infer&);
void reference(const NegativeLogLikelihood&, Evaluation&);
Dim operations(const NegativeLogLikelihood&, const Infer&);

}  // namespace drawbar::ops

namespace drawbar {

template <>
struct EnumNames<ops::LossReduction> {
  static constexpr std::string_view names[] = {"none", "sum", "mean"};
};

}  // namespace drawbar
