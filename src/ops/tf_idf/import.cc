#include "import/onnx/node.h"
#include "ops/tf_idf/op.h"

namespace drawbar::onnx {

ONNX_OP(TfIdfVectorizer) {
  ops::TfIdfVectorizer vectorizer{.min_gram_length = node.required_integer("min_gram_length"),
                                  .max_gram_length = node.required_integer("max_gram_length"),
                                  .max_skip_count = node.required_integer("max_skip_count"),
                                  .ngram_counts = node.integers("ngram_counts"),
                                  .ngram_indexes = node.integers("ngram_indexes"),
                                  .weights = node.numbers("weights"),
                                  .pool_int64s = node.integers("pool_int64s"),
                                  .pool_strings = node.texts("pool_strings")};
  if (!node.has("mode")) fail(ErrorCode::invalid_model, "attribute 'mode' is missing");
  const std::string mode = node.text("mode", "");
  if (mode == "IDF") {
    vectorizer.mode = ops::TermWeighting::idf;
  } else if (mode == "TFIDF") {
    vectorizer.mode = ops::TermWeighting::tfidf;
  } else if (mode != "TF") {
    fail(ErrorCode::invalid_model, "mode is {}, expected TF, IDF or TFIDF",
         quoted(mode.substr(0, 64)));
  }
  node.replace_with(std::move(vectorizer), {node.input(0)});
}

}  // namespace drawbar::onnx
