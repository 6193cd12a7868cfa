#include "ops/tf_idf/op.h"

#include <algorithm>
#include <utility>

#include "ops/tf_idf/vocabulary.h"

namespace drawbar::ops {

DRAWBAR_OP(TfIdfVectorizer);

namespace {

const Vocabulary& vocabulary(const TfIdfVectorizer& op) {
  return op.vocabulary.get([&] { return Vocabulary(op); });
}

/// Calls count(n-gram) for every n-gram of the pool in a row of numbered items.
template <class F>
void for_each_gram(const TfIdfVectorizer& op, const Vocabulary& known,
                   const std::vector<int32_t>& row, Evaluation& e, F&& count) {
  const auto items = static_cast<int64_t>(row.size());
  int64_t shortest = op.min_gram_length;
  for (int64_t apart = 1; apart - 1 <= op.max_skip_count; ++apart) {
    const int64_t starts = items - apart * (shortest - 1);  // where the shortest n-gram fits
    if (starts <= 0) return;
    e.checkpoint();
    for (int64_t start = 0; start < starts; ++start) {
      int32_t node = 0;
      int64_t length = 1;
      for (int64_t at = start; at < items && length <= op.max_gram_length; at += apart, ++length) {
        const int32_t item = row[static_cast<size_t>(at)];
        if (item == Vocabulary::none) break;
        node = known.next(node, item);
        if (node == Vocabulary::none) break;
        if (length >= shortest && known.gram(node) != Vocabulary::none) count(known.gram(node));
      }
    }
    if (shortest == 1 && ++shortest > op.max_gram_length) return;  // single items count once
  }
}

/// What a thread needs for a row; `counts` are 0 between rows.
struct Scratch {
  std::vector<int32_t> row;     // its items' numbers
  std::vector<int64_t> counts;  // by n-gram
  std::vector<size_t> counted;  // the n-grams whose count is not 0
};

void vectorize_row(const TfIdfVectorizer& op, const Vocabulary& known, Scratch& scratch,
                   Evaluation& e, float* columns) {
  std::fill_n(columns, known.columns(), 0.f);
  for_each_gram(op, known, scratch.row, e, [&](int32_t found) {
    const auto gram = static_cast<size_t>(found);
    if (op.mode == TermWeighting::idf) {
      columns[op.ngram_indexes[gram]] = op.weights.empty() ? 1 : op.weights[gram];
    } else if (scratch.counts[gram]++ == 0) {
      scratch.counted.push_back(gram);
    }
  });
  const bool plain = op.mode == TermWeighting::tf || op.weights.empty();
  for (size_t gram : scratch.counted) {
    const auto count = static_cast<float>(std::exchange(scratch.counts[gram], 0));
    columns[op.ngram_indexes[gram]] += plain ? count : count * op.weights[gram];
  }
  scratch.counted.clear();
}

template <class Item>
void vectorize(const TfIdfVectorizer& op, const Tensor& x, Tensor& y, Evaluation& e) {
  const Vocabulary& known = vocabulary(op);
  const int64_t rows = x.rank() == 2 ? x.dim(0) : 1;
  const int64_t items = rows > 0 ? x.size() / rows : 0;
  const Item* from = x.data<Item>();
  float* to = y.data<float>();
  std::vector<Scratch> threads(static_cast<size_t>(e.pool().threads()));
  e.pool().parallel_for(rows, 1, [&](int64_t begin, int64_t end, int thread) {
    Scratch& scratch = threads[static_cast<size_t>(thread)];
    scratch.row.resize(static_cast<size_t>(items));
    scratch.counts.resize(op.ngram_indexes.size());
    for (int64_t r = begin; r < end; ++r) {
      std::transform(from + r * items, from + (r + 1) * items, scratch.row.begin(),
                     [&](const Item& item) { return known.number(item); });
      vectorize_row(op, known, scratch, e, to + r * known.columns());
    }
  });
}

}  // namespace

void infer(const TfIdfVectorizer& op, Infer& context) {
  context.expect_inputs(1, 1);
  const ElementType element = context.element(0);
  const bool strings = !op.pool_strings.empty();
  const int64_t columns = vocabulary(op).columns();
  if (strings ? element != ElementType::string
              : element != ElementType::i32 && element != ElementType::i64)
    fail(ErrorCode::invalid_model, "x is {}, expected {}", name(element),
         strings ? "string (the pool's type)" : "i32 or i64 (the pool's type)");
  if (!context.ranked(0)) return context.unranked(0, ElementType::f32);
  const Dims& x = context.dims(0);
  if (x.size() > 2) fail(ErrorCode::invalid_model, "x has rank {}, expected 1 or 2", x.size());
  context.output(0, ElementType::f32, x.size() == 2 ? Dims{x[0], columns} : Dims{columns});
}

void reference(const TfIdfVectorizer& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  if (x.rank() > 2) fail(ErrorCode::invalid_argument, "x has rank {}, expected 1 or 2", x.rank());
  const int64_t columns = vocabulary(op).columns();
  Tensor& y =
      e.output(0, ElementType::f32, x.rank() == 2 ? Shape{x.dim(0), columns} : Shape{columns});
  switch (x.type()) {
    case ElementType::string:
      return vectorize<std::string>(op, x, y, e);
    case ElementType::i32:
      return vectorize<int32_t>(op, x, y, e);
    default:
      return vectorize<int64_t>(op, x, y, e);
  }
}

/// Some 16 for every lookup.
Dim operations(const TfIdfVectorizer& op, const Infer& context) {
  if (!context.ranked(0) || context.rank(0) == 0) return 16;
  const Dim steps = min(Dim(op.max_skip_count), context.dims(0).back()) + 1;
  return 16 * context.tensor(0).size() * steps;
}

}  // namespace drawbar::ops
