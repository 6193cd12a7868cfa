#include "ops/score_transform/import.h"

#include <set>

#include "ops/cast/op.h"
#include "ops/map/op.h"

namespace drawbar::onnx {
namespace {

/// Keys that a node lists as integers or as strings.
Tensor listed_keys(const OnnxNode& node, const std::string& integers, const std::string& strings) {
  const std::vector<int64_t> numbers = node.integers(integers);
  const std::vector<std::string> texts = node.texts(strings);
  if (numbers.empty() == texts.empty()) {
    fail(ErrorCode::invalid_model, "has {} of {} and {}, expected one",
         numbers.empty() ? "none" : "both", integers, strings);
  }
  if (numbers.empty())
    return Tensor::from<std::string>({static_cast<int64_t>(texts.size())}, texts);
  return Tensor::from<int64_t>({static_cast<int64_t>(numbers.size())}, numbers);
}

template <class T>
void expect_distinct(const Tensor& keys) {
  std::set<T> seen;
  for (const T& key : keys.values<T>()) {
    if (!seen.insert(key).second)
      fail(ErrorCode::invalid_model, "the label '{}' is there twice", key);
  }
}

ElementType target_type(const std::string& name) {
  if (name == "TO_FLOAT") return ElementType::f32;
  if (name == "TO_INT64") return ElementType::i64;
  if (name == "TO_STRING") return ElementType::string;
  fail(ErrorCode::invalid_model, "cast_to is '{}', expected TO_FLOAT, TO_STRING or TO_INT64", name);
}

}  // namespace

ONNX_ML_OP(ZipMap) {
  const Tensor keys = listed_keys(node, "classlabels_int64s", "classlabels_strings");
  if (keys.type() == ElementType::string) {
    expect_distinct<std::string>(keys);
  } else {
    expect_distinct<int64_t>(keys);
  }
  node.set_output(0,
                  node.add(ops::ZipMap{}, {node.inputs_padded(1)[0], node.constant_value(keys)}));
}

ONNX_ML_OP(DictVectorizer) {
  const Tensor keys = listed_keys(node, "int64_vocabulary", "string_vocabulary");
  node.set_output(
      0, node.add(ops::DictVectorizer{}, {node.inputs_padded(1)[0], node.constant_value(keys)}));
}

ONNX_ML_OP(CastMap) {
  const ElementType type = target_type(node.text("cast_to", "TO_FLOAT"));
  const std::string form = node.text("map_form", "DENSE");
  if (form != "DENSE" && form != "SPARSE")
    fail(ErrorCode::invalid_model, "map_form is '{}', expected DENSE or SPARSE", form);
  const int64_t size = form == "SPARSE" ? node.integer("max_map", 1) : 0;
  if (form == "SPARSE" && size < 1)
    fail(ErrorCode::invalid_model, "max_map is {}, expected at least 1", size);
  const ValueId values = node.add(ops::MapValues{size}, {node.inputs_padded(1)[0]});
  const bool same = element_of(node, values) == type;
  node.set_output(0, same ? values : node.add(ops::Cast{.to = type}, {values}));
}

}  // namespace drawbar::onnx
