#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/attention/op.h"

namespace drawbar::ops {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

/// The logits of one query. Keys that are not attended are never read: whatever they hold.
class Query {
 public:
  Query(const Attention& op, Evaluation& e, const AttentionSizes& sizes)
      : op_(op), e_(e), sizes_(sizes) {
    scale_ = op.scale != 0 ? static_cast<double>(op.scale)
                           : 1 / std::sqrt(static_cast<double>(sizes.size));
    const auto keys = static_cast<size_t>(sizes.keys);
    logits_.resize(keys);
    attended_.resize(keys);
  }

  /// Computes the probabilities of one query; `scores` (optional) gets what it asks for.
  void run(int64_t b, int64_t h, int64_t s, Tensor* scores) {
    const Tensor& q = e_.input(Attention::q);
    const Tensor& k = e_.input(Attention::k);
    const auto [first, last] = range(b, s);
    const int64_t q_at = b * sizes_.q.batch + h * sizes_.q.head + s * sizes_.q.row;
    const int64_t scores_at = ((b * sizes_.heads + h) * sizes_.queries + s) * sizes_.keys;
    double largest = minus_infinity, sum = 0;
    for (int64_t t = 0; t < sizes_.keys; ++t) {
      const int64_t k_at =
          b * sizes_.k.batch + sizes_.group_of(h) * sizes_.k.head + t * sizes_.k.row;
      const double bias = t < first || t >= last ? minus_infinity : mask(b, h, s, t);
      const auto at = static_cast<size_t>(t);
      attended_[at] = bias != minus_infinity;
      logits_[at] = minus_infinity;
      if (!attended_[at] && !scores) continue;
      double logit = 0;
      for (int64_t i = 0; i < sizes_.size; ++i) {
        logit += read_number(q, q_at + i) * read_number(k, k_at + i);
      }
      logit *= scale_;
      const auto cap = static_cast<double>(op_.softcap);
      const double capped = cap > 0 ? cap * std::tanh(logit / cap) : logit;
      if (attended_[at]) logits_[at] = capped + bias;
      largest = std::max(largest, logits_[at]);
      if (!scores || op_.scores == AttentionScores::probabilities) continue;
      write_number(*scores, scores_at + t,
                   op_.scores == AttentionScores::raw      ? logit
                   : op_.scores == AttentionScores::capped ? capped
                                                           : logits_[at]);
    }
    for (size_t t = 0; t < logits_.size(); ++t) {
      logits_[t] = attended_[t] ? std::exp(logits_[t] - largest) : 0;
      sum += logits_[t];
    }
    for (size_t t = 0; t < logits_.size(); ++t) {
      if (sum != 0) logits_[t] /= sum;
      if (scores && op_.scores == AttentionScores::probabilities) {
        write_number(*scores, scores_at + static_cast<int64_t>(t), logits_[t]);
      }
    }
  }

  /// The probability of a key, or nothing where it is not attended.
  double probability(int64_t t) const { return logits_[static_cast<size_t>(t)]; }
  bool attended(int64_t t) const { return attended_[static_cast<size_t>(t)]; }

 private:
  std::pair<int64_t, int64_t> range(int64_t b, int64_t s) const {
    int64_t position = s;
    if (e_.has(Attention::offset)) {
      const Tensor& offset = e_.input(Attention::offset);
      position += offset.data<int64_t>()[offset.size() == 1 ? 0 : b];
    }
    auto [first, last] = attended_keys(op_, position, sizes_.keys);
    if (e_.has(Attention::lengths)) {
      last = std::min(last, e_.input(Attention::lengths).data<int64_t>()[b]);
    }
    return {first, last};
  }

  double mask(int64_t b, int64_t h, int64_t s, int64_t t) const {
    if (!e_.has(Attention::mask)) return 0;
    if (t >= sizes_.mask_keys) return minus_infinity;
    const Tensor& mask = e_.input(Attention::mask);
    const int64_t at = b * sizes_.mask.batch + h * sizes_.mask.head + s * sizes_.mask.row + t;
    if (mask.type() == ElementType::boolean) return mask.data<bool>()[at] ? 0 : minus_infinity;
    return read_number(mask, at);
  }

  const Attention& op_;
  Evaluation& e_;
  const AttentionSizes& sizes_;
  double scale_;
  std::vector<double> logits_;
  std::vector<char> attended_;
};

}  // namespace

void reference(const Attention& op, Evaluation& e) {
  const Tensor& q = e.input(Attention::q);
  const Tensor& v = e.input(Attention::v);
  const AttentionSizes sizes =
      attention_sizes(op, q.shape(), e.input(Attention::k).shape(), v.shape(),
                      e.has(Attention::mask) ? &e.input(Attention::mask).shape() : nullptr);
  const Shape shape = op.y_heads_last
                          ? Shape{sizes.batch, sizes.queries, sizes.heads, sizes.value_size}
                          : Shape{sizes.batch, sizes.heads, sizes.queries, sizes.value_size};
  Tensor& y = e.output(0, q.type(), shape);
  Tensor* scores =
      e.outputs() > 1
          ? &e.output(1, q.type(), {sizes.batch, sizes.heads, sizes.queries, sizes.keys})
          : nullptr;
  Query query(op, e, sizes);
  std::vector<double> row(static_cast<size_t>(sizes.value_size));
  for (int64_t b = 0; b < sizes.batch; ++b) {
    for (int64_t h = 0; h < sizes.heads; ++h) {
      for (int64_t s = 0; s < sizes.queries; ++s) {
        query.run(b, h, s, scores);
        std::fill(row.begin(), row.end(), 0.0);
        for (int64_t t = 0; t < sizes.keys; ++t) {
          if (!query.attended(t)) continue;
          const int64_t from =
              b * sizes.v.batch + sizes.group_of(h) * sizes.v.head + t * sizes.v.row;
          for (int64_t i = 0; i < sizes.value_size; ++i) {
            row[static_cast<size_t>(i)] += query.probability(t) * read_number(v, from + i);
          }
        }
        const int64_t to = b * sizes.y.batch + h * sizes.y.head + s * sizes.y.row;
        for (int64_t i = 0; i < sizes.value_size; ++i) {
          write_number(y, to + i, row[static_cast<size_t>(i)]);
        }
        e.checkpoint();
      }
    }
  }
}

}  // namespace drawbar::ops
