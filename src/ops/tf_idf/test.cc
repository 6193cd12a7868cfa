#include <numeric>

#include "ir/evaluate_graph.h"
#include "ops/tf_idf/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using namespace ops;

/// The pool of ONNX's examples: 2, 3, 5, 4 and the pairs 5 6, 7 8, 6 7.
TfIdfVectorizer integers(int64_t min, int64_t max, int64_t skips,
                         TermWeighting mode = TermWeighting::tf, std::vector<float> weights = {}) {
  return {.mode = mode,
          .min_gram_length = min,
          .max_gram_length = max,
          .max_skip_count = skips,
          .ngram_counts = {0, 4},
          .ngram_indexes = {0, 1, 2, 3, 4, 5, 6},
          .weights = std::move(weights),
          .pool_int64s = {2, 3, 5, 4, 5, 6, 7, 8, 6, 7}};
}

TfIdfVectorizer words() {
  return {.min_gram_length = 1,
          .max_gram_length = 3,
          .max_skip_count = 2,
          .ngram_counts = {0, 3, 5},
          .ngram_indexes = {2, 0, 1, 4, 6},
          .pool_strings = {"s0", "s1", "s2", "s3", "s4", "s1", "s2", "s3"}};
}

TfIdfVectorizer changed(const std::function<void(TfIdfVectorizer&)>& change) {
  TfIdfVectorizer op = integers(1, 2, 0);
  change(op);
  return op;
}

std::vector<float> vector_of(const TfIdfVectorizer& op, const Tensor& x) {
  const auto values = run_reference(op, {x})[0];
  return {values.data<float>(), values.data<float>() + values.size()};
}

const OpCase cases[] = {
    {"integers", integers(1, 2, 0), {"i64[127]"}, 1, 2, 9},
    {"rows", integers(1, 2, 5), {"i32[13, 129]"}, 1, 2, 9},
    {"pairs", integers(2, 2, 1000), {"i64[7, 13]"}, 1, 2, 9},
    {"IDF", integers(1, 2, 1, TermWeighting::idf, {1, 2, 3, 4, 5, 6, 7}), {"i64[7, 13]"}, 1, 2, 9},
    {"TFIDF", integers(1, 2, 1, TermWeighting::tfidf, {1, 2, 3, 4, 5, 6, 7}), {"i32[13]"}, 1, 2, 9},
    {"strings", words(), {"string[129]"}},
    {"rows of strings", words(), {"string[13, 127]"}},
    {"scalar", integers(1, 1, 0), {"i64[] = [5]"}},
    {"no items", integers(1, 2, 0), {"i64[0]"}},
    {"rows of no items", integers(1, 2, 0), {"i64[3, 0]"}},
    {"no rows", integers(1, 2, 0), {"i64[0, 3]"}},
};

const Rejection rejected[] = {
    {"floats", integers(1, 1, 0), {"f32[3]"}, "x is f32, expected i32 or i64 (the pool's type)"},
    {"strings", integers(1, 1, 0), {"string[3]"}, "x is string, expected i32 or i64"},
    {"integers", words(), {"i64[3]"}, "x is i64, expected string (the pool's type)"},
    {"rank", integers(1, 1, 0), {"i64[2, 3, 4]"}, "x has rank 3, expected 1 or 2"},
    {"least length", integers(0, 1, 0), {"i64[3]"}, "min_gram_length is 0, expected at least 1"},
    {"lengths", integers(2, 1, 0), {"i64[3]"}, "max_gram_length is 1, expected 2"},
    {"longest", integers(1, 3, 0), {"i64[3]"}, "max_gram_length is 3, expected 1"},
    {"skips", integers(1, 2, -1), {"i64[3]"}, "max_skip_count is -1, expected at least 0"},
    {"no columns",
     changed([](auto& op) { op.ngram_indexes.clear(); }),
     {"i64[3]"},
     "ngram_indexes is empty"},
    {"negative column",
     changed([](auto& op) { op.ngram_indexes[3] = -4; }),
     {"i64[3]"},
     "ngram_indexes holds -4"},
    {"huge column",
     changed([](auto& op) { op.ngram_indexes[3] = INT64_MAX; }),
     {"i64[3]"},
     "overflows 64 bits"},
    {"few columns",
     changed([](auto& op) { op.ngram_indexes.resize(6); }),
     {"i64[3]"},
     "the pool has more n-grams than the 6 of ngram_indexes"},
    {"weights",
     integers(1, 2, 0, TermWeighting::idf, {1}),
     {"i64[3]"},
     "has 1 weights, expected 7 (one for each of ngram_indexes)"},
    {"equal n-grams",
     changed([](auto& op) { op.pool_int64s[2] = 3; }),
     {"i64[3]"},
     "n-grams 1 and 2 of the pool are equal"},
    {"no pool",
     changed([](auto& op) { op.pool_int64s.clear(); }),
     {"i64[3]"},
     "has 0 pool_int64s and 0 pool_strings, expected either"},
    {"two pools",
     changed([](auto& op) { op.pool_strings = {"a"}; }),
     {"i64[3]"},
     "has 10 pool_int64s and 1 pool_strings, expected either"},
    {"counts descend",
     changed([](auto& op) {
       op.ngram_counts = {4, 0};
     }),
     {"i64[3]"},
     "the 1-grams are 4 to 0 of a pool of 10 items"},
    {"counts too far",
     changed([](auto& op) {
       op.ngram_counts = {0, 12};
     }),
     {"i64[3]"},
     "the 1-grams are 0 to 12 of a pool of 10 items"},
    {"negative count",
     changed([](auto& op) {
       op.ngram_counts = {-2, 4};
     }),
     {"i64[3]"},
     "the 1-grams are -2 to 4"},
    {"half a pair",
     changed([](auto& op) {
       op.ngram_counts = {0, 3};
     }),
     {"i64[3]"},
     "the 2-grams have 7 items, expected a multiple of 2"},
};

TEST(TfIdfVectorizer, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(TfIdfVectorizer, RefusesBadNodes) { expect_rejected(rejected); }

// ONNX's examples.
TEST(TfIdfVectorizer, CountsNGrams) {
  const auto x = Tensor::from<int64_t>({12}, {1, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8});
  using Floats = std::vector<float>;
  EXPECT_EQ(vector_of(integers(2, 2, 0), x), (Floats{0, 0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(vector_of(integers(2, 2, 5), x), (Floats{0, 0, 0, 0, 1, 3, 1}));
  EXPECT_EQ(vector_of(integers(1, 2, 5), x), (Floats{0, 3, 1, 0, 1, 3, 1}));
  EXPECT_EQ(vector_of(integers(1, 2, INT64_MAX), x), (Floats{0, 3, 1, 0, 1, 3, 1}));
  const Floats weights = {10, 20, 30, 40, 50, 60, 70};
  EXPECT_EQ(vector_of(integers(1, 2, 5, TermWeighting::idf, weights), x),
            (Floats{0, 20, 30, 0, 50, 60, 70}));
  EXPECT_EQ(vector_of(integers(1, 2, 5, TermWeighting::tfidf, weights), x),
            (Floats{0, 60, 30, 0, 50, 180, 70}));
  EXPECT_EQ(vector_of(integers(1, 2, 5, TermWeighting::idf), x), (Floats{0, 1, 1, 0, 1, 1, 1}));
}

TEST(TfIdfVectorizer, FollowsNGramsThatBeginAlike) {
  const TfIdfVectorizer op = words();
  const auto x = Tensor::from<std::string>({4}, {"s1", "s2", "s3", "s4"});
  // s1 s2 s3 in column 6, s3 s4 in 4; s1 in 0, s2 in 1
  EXPECT_EQ(vector_of(op, x), (std::vector<float>{1, 1, 0, 0, 1, 0, 1}));
}

// As onnxruntime counts and weighs.
TEST(TfIdfVectorizer, NGramsMayShareAColumn) {
  using Floats = std::vector<float>;
  TfIdfVectorizer op{.ngram_counts = {0},
                     .ngram_indexes = {1, 1, 0},
                     .weights = {10, 20, 30},
                     .pool_int64s = {5, 6, 7}};
  const auto x = Tensor::from<int32_t>({6}, {6, 5, 6, 6, 7, 9});
  EXPECT_EQ(vector_of(op, x), (Floats{1, 4}));
  op.mode = TermWeighting::idf;
  EXPECT_EQ(vector_of(op, x), (Floats{30, 20}));
  op.mode = TermWeighting::tfidf;
  EXPECT_EQ(vector_of(op, x), (Floats{30, 70}));
}

// With lookups that look through the pool this would take minutes.
TEST(TfIdfVectorizer, LooksUpInConstantTime) {
  constexpr int64_t size = 200000;
  TfIdfVectorizer op{.ngram_counts = {0}};
  op.pool_int64s.resize(size);
  std::iota(op.pool_int64s.begin(), op.pool_int64s.end(), 0);
  op.ngram_indexes = op.pool_int64s;
  const Tensor x = Tensor::from<int64_t>({size}, op.pool_int64s);
  EXPECT_EQ(vector_of(op, x), std::vector<float>(size, 1));
}

TEST(TfIdfVectorizer, StopsAtTheDeadline) {
  RunControl control;
  control.deadline = RunControl::Clock::now();
  Tensor x = Tensor::allocate(ElementType::i64, {100000});
  std::fill_n(x.data<int64_t>(), x.size(), 5);
  try {
    evaluate_op(integers(2, 2, INT64_MAX), {x}, 1, control);
    FAIL() << "ran on";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::deadline_exceeded);
  }
}

}  // namespace
}  // namespace drawbar
