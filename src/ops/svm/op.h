#pragma once

#include "ir/op.h"
#include "ops/score_transform/op.h"

namespace drawbar::ops {

/// exp(-gamma |a - b|²) of every row a of x [N, F] f32 with every row b of vectors [V, F] f32
/// → y [N, V] f32. Source: ONNX-ML SVMClassifier-1, kernel_type RBF.
struct RbfKernels {
  static constexpr std::string_view name = "RbfKernels";
  float gamma = 0;
  void fields(auto&& field) { field("gamma", gamma); }
};

/// The votes between every two of C classes. kernels [N, V] f32, coefficients [C - 1, V] f32, rho
/// [C (C - 1) / 2] f32, prob_a and prob_b (optional) of the same length; V support vectors stand
/// class by class, `vectors_per_class` [C] of each → scores f32, class i64 [N].
///
/// Scores are [N, C] probabilities (by libsvm's pairwise coupling) with prob_a and prob_b; else
/// [N, C (C - 1) / 2] decisions between the pairs, and [N, 2] for two classes. The class is the one
/// that wins most pairs. Source: ONNX-ML SVMClassifier-1; T.-F. Wu, C.-J. Lin and R. C. Weng,
/// "Probability Estimates for Multi-class Classification by Pairwise Coupling" (2004).
struct SvmVotes {
  static constexpr std::string_view name = "SvmVotes";
  std::vector<int64_t> vectors_per_class;
  ScoreTransform transform = ScoreTransform::none;
  void fields(auto&& field) {
    field("vectors_per_class", vectors_per_class);
    field("transform", transform);
  }
};

void infer(const RbfKernels&, Infer&);
void infer(const SvmVotes&, Infer&);
void reference(const RbfKernels&, Evaluation&);
void reference(const SvmVotes&, Evaluation&);
Dim operations(const RbfKernels&, const Infer&);
bool keeps_rows(const RbfKernels&, const Infer&, const std::vector<bool>& batched);
bool keeps_rows(const SvmVotes&, const Infer&, const std::vector<bool>& batched);

}  // namespace drawbar::ops
