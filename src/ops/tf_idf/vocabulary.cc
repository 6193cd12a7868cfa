#include "ops/tf_idf/vocabulary.h"

#include <algorithm>
#include <limits>

#include "base/checked.h"

namespace drawbar::ops {

size_t Vocabulary::Mixed::operator()(uint64_t x) const {  // splitmix64's
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return static_cast<size_t>(x ^ x >> 31);
}

namespace {

void check(const TfIdfVectorizer& op) {
  const auto lengths = static_cast<int64_t>(op.ngram_counts.size());
  if (op.min_gram_length < 1)
    fail(ErrorCode::invalid_model, "min_gram_length is {}, expected at least 1",
         op.min_gram_length);
  if (op.max_gram_length < op.min_gram_length || op.max_gram_length > lengths)
    fail(ErrorCode::invalid_model,
         "max_gram_length is {}, expected {} (min_gram_length) to {} (the length of ngram_counts)",
         op.max_gram_length, op.min_gram_length, lengths);
  if (op.max_skip_count < 0)
    fail(ErrorCode::invalid_model, "max_skip_count is {}, expected at least 0", op.max_skip_count);
  if (op.ngram_indexes.empty()) fail(ErrorCode::invalid_model, "ngram_indexes is empty");
  if (op.pool_int64s.empty() == op.pool_strings.empty())
    fail(ErrorCode::invalid_model, "has {} pool_int64s and {} pool_strings, expected either",
         op.pool_int64s.size(), op.pool_strings.size());
  if (std::max(op.pool_int64s.size(), op.pool_strings.size()) >=
      std::numeric_limits<int32_t>::max())
    fail(ErrorCode::unsupported, "a pool of 2^31 items or more");
  if (!op.weights.empty() && op.weights.size() != op.ngram_indexes.size())
    fail(ErrorCode::invalid_model, "has {} weights, expected {} (one for each of ngram_indexes)",
         op.weights.size(), op.ngram_indexes.size());
}

}  // namespace

Vocabulary::Vocabulary(const TfIdfVectorizer& op) {
  check(op);
  const auto [least, largest] =
      std::minmax_element(op.ngram_indexes.begin(), op.ngram_indexes.end());
  if (*least < 0) fail(ErrorCode::invalid_model, "ngram_indexes holds {}", *least);
  columns_ = checked_add(*largest, 1);
  if (op.pool_strings.empty()) {
    add_pool(op, op.pool_int64s, integers_);
  } else {
    add_pool(op, op.pool_strings, strings_);
  }
}

template <class Item, class Numbers>
void Vocabulary::add_pool(const TfIdfVectorizer& op, const std::vector<Item>& pool,
                          Numbers& numbers) {
  const auto numbered = [&](const Item& item) {
    return numbers.emplace(item, static_cast<int32_t>(numbers.size())).first->second;
  };
  size_t gram = 0;  // among all n-grams of the pool
  for (size_t i = 0; i < op.ngram_counts.size(); ++i) {
    const auto length = static_cast<int64_t>(i + 1);
    const auto total = static_cast<int64_t>(pool.size());
    const int64_t begin = op.ngram_counts[i];
    const int64_t end = i + 1 < op.ngram_counts.size() ? op.ngram_counts[i + 1] : total;
    if (begin < 0 || begin > end || end > total)
      fail(ErrorCode::invalid_model, "the {}-grams are {} to {} of a pool of {} items", length,
           begin, end, total);
    if ((end - begin) % length != 0)
      fail(ErrorCode::invalid_model, "the {}-grams have {} items, expected a multiple of {}",
           length, end - begin, length);
    const auto grams = static_cast<size_t>((end - begin) / length);
    if (grams > op.ngram_indexes.size() - gram)
      fail(ErrorCode::invalid_model, "the pool has more n-grams than the {} of ngram_indexes",
           op.ngram_indexes.size());
    if (length < op.min_gram_length || length > op.max_gram_length) {
      gram += grams;
      continue;
    }
    for (int64_t item = begin; item < end;) {
      int32_t node = 0;
      for (int64_t k = 0; k < length; ++k, ++item) {
        const uint64_t key = edge(node, numbered(pool[static_cast<size_t>(item)]));
        const auto fresh = static_cast<int32_t>(gram_of_node_.size());
        const auto [found, added] = edges_.emplace(key, fresh);
        if (added) gram_of_node_.push_back(none);
        node = found->second;
      }
      int32_t& there = gram_of_node_[static_cast<size_t>(node)];
      if (there != none)
        fail(ErrorCode::invalid_model, "n-grams {} and {} of the pool are equal", there, gram);
      there = static_cast<int32_t>(gram++);
    }
  }
}

}  // namespace drawbar::ops
