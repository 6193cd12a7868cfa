#include "import/onnx/node.h"
#include "ops/strings/op.h"

namespace drawbar::onnx {

ONNX_OP(StringConcat) { node.replace_with(ops::StringConcat{}, {node.input(0), node.input(1)}); }

ONNX_OP(StringSplit) {
  node.replace_with(ops::StringSplit{node.text("delimiter", ""), node.integer("maxsplit", -1)},
                    {node.input(0)});
}

ONNX_OP(RegexFullMatch) {
  if (!node.has("pattern")) fail(ErrorCode::invalid_model, "attribute 'pattern' is missing");
  node.replace_with(ops::RegexFullMatch{node.text("pattern", "")}, {node.input(0)});
}

ONNX_OP(StringNormalizer) {
  ops::StringNormalizer normalizer{.is_case_sensitive = node.integer("is_case_sensitive", 0) != 0,
                                   .locale = node.text("locale", ""),
                                   .stopwords = node.texts("stopwords")};
  const std::string change = node.text("case_change_action", "NONE");
  if (change == "LOWER") {
    normalizer.case_change = ops::CaseChange::lower;
  } else if (change == "UPPER") {
    normalizer.case_change = ops::CaseChange::upper;
  } else if (change != "NONE") {
    fail(ErrorCode::invalid_model, "case_change_action is {}, expected NONE, LOWER or UPPER",
         quoted(change.substr(0, 64)));
  }
  node.replace_with(std::move(normalizer), {node.input(0)});
}

}  // namespace drawbar::onnx
