#pragma once

#include "base/lazy.h"
#include "ir/op.h"

namespace drawbar::ops {

/// What a column is: its n-grams' counts, the weight of that found last, or counts times weights.
enum class TermWeighting : uint8_t { tf, idf, tfidf };

}  // namespace drawbar::ops

template <>
struct drawbar::EnumNames<drawbar::ops::TermWeighting> {
  static constexpr std::string_view names[] = {"TF", "IDF", "TFIDF"};
};

namespace drawbar::ops {

class Vocabulary;

/// x [C], [N, C] or a scalar, of i32 or i64 with `pool_int64s`, of strings with `pool_strings` →
/// f32 [columns] or [N, columns], how often each row of x holds the n-grams of the pool that have
/// min_gram_length to max_gram_length items. An n-gram's items may stand 1 to max_skip_count + 1
/// places apart, all the same; single items count once.
///
/// The pool is the 1-grams, then the 2-grams and so on; those of n items begin at
/// ngram_counts[n - 1]. The i-th n-gram has weights[i] (1 where there are none) and counts for
/// column ngram_indexes[i]; the largest of these says how many columns there are. Source: ONNX
/// TfIdfVectorizer-9; ONNX's reference takes weights by column, which its text and onnxruntime do
/// not.
struct TfIdfVectorizer {
  static constexpr std::string_view name = "TfIdfVectorizer";
  TermWeighting mode = TermWeighting::tf;
  int64_t min_gram_length = 1, max_gram_length = 1, max_skip_count = 0;
  std::vector<int64_t> ngram_counts, ngram_indexes;
  std::vector<float> weights;
  std::vector<int64_t> pool_int64s;
  std::vector<std::string> pool_strings;
  Lazy<Vocabulary> vocabulary;  // the pool, ready to look up
  void fields(auto&& field) {
    field("mode", mode);
    field("min_gram_length", min_gram_length);
    field("max_gram_length", max_gram_length);
    field("max_skip_count", max_skip_count);
    field("ngram_counts", ngram_counts);
    field("ngram_indexes", ngram_indexes);
    field("weights", weights);
    field("pool_int64s", pool_int64s);
    field("pool_strings", pool_strings);
  }
};

void infer(const TfIdfVectorizer&, Infer&);
void reference(const TfIdfVectorizer&, Evaluation&);
Dim operations(const TfIdfVectorizer&, const Infer&);

}  // namespace drawbar::ops
