#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "ops/tree_ensemble/forest.h"
#include "ops/window/rounded.h"

namespace drawbar::ops {

TreeScores::TreeScores(const TreeEnsemble& op, const Forest& forest)
    : op_(op),
      base_(forest.base()),
      trees_(static_cast<double>(std::max<size_t>(forest.roots().size(), 1))) {
  if (!op.classify || op.targets != 2) return;
  bool voted[2] = {false, false};
  for (int64_t leaf = 0; leaf < forest.leaves(); ++leaf) {
    const Forest::Votes votes = forest.votes(static_cast<int32_t>(leaf));
    for (int32_t target : votes.targets) voted[target] = true;
    for (double weight : votes.weights) weights_positive_ &= !(weight < 0);
  }
  one_class_votes_ = voted[0] != voted[1];
}

int64_t TreeScores::finish(std::span<double> sums, std::span<const uint8_t> voted) const {
  if (op_.classify && op_.targets == 2) return finish_two_classes(sums, voted);
  if (op_.aggregate == TreeAggregate::average) {
    for (double& sum : sums) sum /= trees_;
  }
  for (size_t i = 0; i < base_.size(); ++i) sums[i] += base_[i];
  if (!op_.classify) {
    transform_scores(op_.transform, sums);
    return 0;
  }
  // The class is that of the scores as they are given, so that equal ones are equal.
  for (double& sum : sums) sum = static_cast<double>(static_cast<float>(sum));
  if (sums.size() == 1) {
    const bool positive = sums[0] > 0;
    if (op_.transform == ScoreTransform::probit) transform_scores(op_.transform, sums);
    return positive;
  }
  size_t best = sums.size();
  for (size_t i = 0; i < sums.size(); ++i) {
    const bool counts = !base_.empty() || voted[i];
    if (counts && (best == sums.size() || sums[i] > sums[best])) best = i;
  }
  transform_scores(op_.transform, sums);
  return best == sums.size() ? 0 : static_cast<int64_t>(best);
}

/// onnxruntime's rules for two classes, of which the row's leaves, or those of all rows, may have
/// votes for one only.
int64_t TreeScores::finish_two_classes(std::span<double> sums,
                                       std::span<const uint8_t> voted) const {
  const bool second = voted[1] != 0;
  if (base_.size() == 2 && second) {
    sums[1] = base_[1] + sums[0];
    sums[0] = voted[0] ? -sums[1] : 0;
  } else if (!base_.empty()) {
    sums[0] += base_[0];
  }
  for (double& sum : sums) sum = static_cast<double>(static_cast<float>(sum));
  const double score = second ? sums[1] : sums[0];
  const bool shares = one_class_votes_ && weights_positive_;
  const int64_t label = score > (shares ? 0.5 : 0.0);
  if (second || base_.size() == 2) {
    transform_scores(op_.transform, sums);
  } else if (op_.transform == ScoreTransform::probit) {
    transform_scores(op_.transform, sums.first(1));
  } else if (base_.empty() || one_class_votes_) {
    const bool logistic = op_.transform == ScoreTransform::logistic;
    sums[0] = shares && !logistic ? 1 - score : -score;
    sums[1] = score;
    if (logistic) transform_scores(op_.transform, sums);
  }
  return label;
}

namespace {

/// The votes of one row, as they are aggregated.
class Tally {
 public:
  Tally(TreeAggregate aggregate, size_t targets, void* memory)
      : summed_(aggregate == TreeAggregate::sum || aggregate == TreeAggregate::average),
        smallest_(aggregate == TreeAggregate::min),
        sums_(static_cast<double*>(memory), targets),
        part_(sums_.data() + targets, targets),
        voted_(reinterpret_cast<uint8_t*>(part_.data() + targets), targets) {}

  void start() {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    std::fill(part_.begin(), part_.end(), 0.0);
    std::fill(voted_.begin(), voted_.end(), uint8_t{0});
  }
  void add(const Forest::Votes& votes) {
    for (size_t i = 0; i < votes.targets.size(); ++i) {
      const auto target = static_cast<size_t>(votes.targets[i]);
      const double weight = votes.weights[i];
      double& sum = part_[target];
      if (summed_) {
        sum += weight;
      } else if (!voted_[target] || (smallest_ ? weight < sum : weight > sum)) {
        sum = weight;
      }
      voted_[target] = 1;
    }
  }
  /// Ends a run of trees that are summed up on their own.
  void end_part() {
    if (!summed_) return;
    for (size_t i = 0; i < sums_.size(); ++i) {
      sums_[i] += part_[i];
      part_[i] = 0;
    }
  }
  std::span<double> sums() { return summed_ ? sums_ : part_; }
  std::span<const uint8_t> voted() const { return voted_; }

 private:
  bool summed_, smallest_;
  std::span<double> sums_, part_;
  std::span<uint8_t> voted_;
};

}  // namespace

int64_t evaluation_bytes(int64_t targets) {
  return checked_mul(targets, 2 * static_cast<int64_t>(sizeof(double)) + 1);
}

template <class T>
void evaluate_rows(const TreeEnsemble& op, const Forest& forest, const TreeScores& scores,
                   const T* x, int64_t features, int64_t begin, int64_t end, void* y,
                   int64_t* classes, void* scratch) {
  Tally tally(op.aggregate, static_cast<size_t>(op.targets), scratch);
  const std::vector<int32_t>& roots = forest.roots();
  for (int64_t row = begin; row < end; ++row) {
    tally.start();
    for (size_t tree = 0; tree < roots.size(); ++tree) {
      tally.add(forest.votes(forest.leaf(roots[tree], x + row * features)));
      if ((tree + 1) % trees_per_sum == 0) tally.end_part();
    }
    tally.end_part();
    const std::span<double> sums = tally.sums();
    const int64_t label = scores.finish(sums, tally.voted());
    if (classes) classes[row] = label;
    write_scores(op, sums, row, y);
  }
}

template void evaluate_rows(const TreeEnsemble&, const Forest&, const TreeScores&, const float*,
                            int64_t, int64_t, int64_t, void*, int64_t*, void*);
template void evaluate_rows(const TreeEnsemble&, const Forest&, const TreeScores&, const double*,
                            int64_t, int64_t, int64_t, void*, int64_t*, void*);

void write_scores(const TreeEnsemble& op, std::span<const double> scores, int64_t row, void* y) {
  with_element_type(op.element, [&](auto type) {
    using Y = decltype(type);
    std::transform(scores.begin(), scores.end(), static_cast<Y*>(y) + row * op.targets, rounded<Y>);
  });
}

}  // namespace drawbar::ops
