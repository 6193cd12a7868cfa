#include <algorithm>
#include <unordered_set>

#include "ops/strings/op.h"

namespace drawbar::ops {

DRAWBAR_OP(StringNormalizer);

/// What is looked up: stop words, in lower case where case does not count, and letters.
class StringNormalizer::Rules {
 public:
  explicit Rules(const StringNormalizer& op) {
    folds_ = !op.is_case_sensitive && !op.stopwords.empty();
    if (folds_ || op.case_change != CaseChange::none) letters_ = LetterCase(op.locale);
    for (size_t i = 0; i < op.stopwords.size(); ++i) {
      std::string word = op.stopwords[i];
      if (folds_ && !letters_.change(CaseChange::lower, op.stopwords[i], word))
        fail(ErrorCode::invalid_model, "stop word {} is not UTF-8", i);
      words_.insert(std::move(word));
    }
  }

  /// Whether text i is a stop word; `buffer` holds it in lower case.
  bool drops(const std::string& text, int64_t i, std::string& buffer) const {
    if (words_.empty()) return false;
    if (!folds_) return words_.contains(text);
    change(CaseChange::lower, text, i, buffer);
    return words_.contains(buffer);
  }

  /// Throws INVALID_ARGUMENT when text i is not UTF-8.
  void change(CaseChange how, const std::string& text, int64_t i, std::string& to) const {
    if (letters_.change(how, text, to)) return;
    fail(ErrorCode::invalid_argument, "x[{}] is not UTF-8", i);
  }

 private:
  std::unordered_set<std::string> words_;
  LetterCase letters_;
  bool folds_ = false;
};

namespace {

const StringNormalizer::Rules& rules_of(const StringNormalizer& op) {
  return op.rules.get([&] { return StringNormalizer::Rules(op); });
}

}  // namespace

void infer(const StringNormalizer& op, Infer& context) {
  context.expect_inputs(1, 1);
  expect_strings(context, 0, "x");
  rules_of(op);  // throws for wrong attributes
  if (!context.ranked(0)) return context.unranked(0, ElementType::string);
  const Dims& x = context.dims(0);
  if ((x.size() != 1 && x.size() != 2) ||
      (x.size() == 2 && x[0].is_constant() && x[0].value() != 1))
    fail(ErrorCode::invalid_model, "x is [{}], expected [C] or [1, C]", to_string(x));
  Dims y = x;
  if (y.size() == 2) y[0] = 1;
  y.back() = max(x.back(), 1);
  if (!op.stopwords.empty()) y.back() = context.fresh("kept", y.back());
  context.output(0, ElementType::string, std::move(y));
}

void reference(const StringNormalizer& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  Shape shape = x.shape();
  if ((x.rank() != 1 && x.rank() != 2) || (x.rank() == 2 && x.dim(0) != 1))
    fail(ErrorCode::invalid_argument, "x is {}, expected [C] or [1, C]", to_string(shape));
  const StringNormalizer::Rules& rules = rules_of(op);
  const auto texts = x.values<std::string>();
  std::vector<int64_t> kept;
  std::string buffer;
  for (int64_t i = 0; i < x.size(); ++i) {
    if (!rules.drops(texts[static_cast<size_t>(i)], i, buffer)) kept.push_back(i);
    e.checkpoint();
  }
  shape.back() = std::max<int64_t>(1, static_cast<int64_t>(kept.size()));
  std::string* y = e.output(0, ElementType::string, std::move(shape)).data<std::string>();
  for (int64_t i : kept) {
    const std::string& text = texts[static_cast<size_t>(i)];
    if (op.case_change == CaseChange::none) {
      *y++ = text;
    } else {
      rules.change(op.case_change, text, i, *y++);
    }
    e.checkpoint();
  }
}

}  // namespace drawbar::ops
