#include "ops/score_transform/import.h"

#include <algorithm>
#include <numeric>

#include "import/onnx/node.h"
#include "ops/cast/op.h"
#include "ops/label_encoder/op.h"
#include "ops/label_encoder/order.h"
#include "ops/select/op.h"

namespace drawbar::onnx {
namespace {

template <class T>
Tensor list(const std::vector<T>& values) {
  return Tensor::from<T>({static_cast<int64_t>(values.size())}, values);
}

/// 0, 1, …
Tensor counted(int64_t count) {
  std::vector<int64_t> numbers(static_cast<size_t>(count));
  std::iota(numbers.begin(), numbers.end(), int64_t{0});
  return list(numbers);
}

/// The entries of a list at `places`.
Tensor picked(const Tensor& from, const std::vector<size_t>& places) {
  const Shape shape = {static_cast<int64_t>(places.size())};
  Tensor result = Tensor::allocate(from.type(), shape);
  for (size_t i = 0; i < places.size(); ++i) {
    const auto to = static_cast<int64_t>(i), at = static_cast<int64_t>(places[i]);
    if (from.type() == ElementType::string) {
      result.data<std::string>()[to] = from.data<std::string>()[at];
    } else if (is_integer(from.type())) {
      write_integer(result, to, read_integer(from, at));
    } else {
      write_number(result, to, read_number(from, at));
    }
  }
  return result;
}

/// The operator with its keys in order; `last` says which of equal keys counts. Without a fallback
/// an unknown key is an error.
ValueId encode(OnnxNode& node, ValueId x, const Tensor& keys, const Tensor& values,
               const Tensor& fallback, bool last) {
  if (keys.size() != values.size()) {
    fail(ErrorCode::invalid_model, "has {} keys and {} values", keys.size(), values.size());
  }
  std::vector<size_t> order(static_cast<size_t>(keys.size()));
  std::iota(order.begin(), order.end(), size_t{0});
  ops::with_key_type(keys.type(), [&](const auto& type) {
    using K = std::decay_t<decltype(type)>;
    const K* key = keys.data<K>();
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return ops::key_before(key[a], key[b]); });
    if (last) return;
    const auto equal = [&](size_t a, size_t b) { return !ops::key_before(key[a], key[b]); };
    order.erase(std::unique(order.begin(), order.end(), equal), order.end());
  });
  std::vector<ValueId> inputs = {x, node.constant_value(picked(keys, order)),
                                 node.constant_value(picked(values, order))};
  if (fallback.has_value()) inputs.push_back(node.constant_value(fallback));
  return node.add(ops::LabelEncoder{}, std::move(inputs));
}

/// One of the lists that a LabelEncoder may have: `stem` is "keys" or "values".
Tensor given_list(const OnnxNode& node, const std::string& stem) {
  std::vector<Tensor> lists;
  if (node.has(stem + "_int64s")) lists.push_back(list(node.integers(stem + "_int64s")));
  if (node.has(stem + "_floats")) lists.push_back(list(node.numbers(stem + "_floats")));
  if (node.has(stem + "_strings")) lists.push_back(list(node.texts(stem + "_strings")));
  if (node.has(stem + "_tensor")) {
    const Tensor tensor = node.tensor(stem + "_tensor");
    lists.push_back(tensor.reshaped({tensor.size()}));
  }
  if (lists.size() != 1) {
    fail(ErrorCode::invalid_model, "has {} lists of {}, expected one", lists.size(), stem);
  }
  return lists[0];
}

/// What stands for an unknown key, of the values' type.
Tensor given_fallback(const OnnxNode& node, ElementType type) {
  if (node.has("default_tensor")) {
    const Tensor tensor = node.tensor("default_tensor");
    if (tensor.size() != 1 || tensor.type() != type) {
      fail(ErrorCode::invalid_model, "default_tensor is {} {}, expected one element of {}",
           name(tensor.type()), to_string(tensor.shape()), name(type));
    }
    return tensor.reshaped({1});
  }
  if (type == ElementType::string)
    return list<std::string>({node.text("default_string", "_Unused")});
  Tensor result = Tensor::allocate(type, {1});
  if (is_floating(type)) {
    write_number(result, 0, node.number("default_float", -0.0));
  } else {
    write_integer(result, 0, node.integer("default_int64", -1));
  }
  return result;
}

/// Strings to numbers or numbers to strings, whichever x is.
void encode_either_way(OnnxNode& node, const Tensor& numbers, const Tensor& texts, bool last) {
  const ValueId x = node.inputs_padded(1)[0];
  const bool from_text = element_of(node, x) == ElementType::string;
  const Tensor fallback = from_text ? list<int64_t>({node.integer("default_int64", -1)})
                                    : list<std::string>({node.text("default_string", "_Unused")});
  node.set_output(
      0, encode(node, x, from_text ? texts : numbers, from_text ? numbers : texts, fallback, last));
}

}  // namespace

ONNX_ML_OP(LabelEncoder) {
  if (node.opset() < 2) {
    const Tensor classes = list(node.texts("classes_strings"));
    return encode_either_way(node, counted(classes.size()), classes, true);
  }
  const Tensor keys = given_list(node, "keys"), values = given_list(node, "values");
  // Before opset 4 nothing was said of equal keys; the first one counted.
  node.set_output(0, encode(node, node.inputs_padded(1)[0], keys, values,
                            given_fallback(node, values.type()), node.opset() >= 4));
}

ONNX_ML_OP(CategoryMapper) {
  encode_either_way(node, list(node.integers("cats_int64s")), list(node.texts("cats_strings")),
                    true);
}

ONNX_ML_OP(OneHotEncoder) {
  const std::vector<int64_t> numbers = node.integers("cats_int64s");
  const std::vector<std::string> texts = node.texts("cats_strings");
  if (numbers.empty() == texts.empty()) {
    fail(ErrorCode::invalid_model, "has {} of cats_int64s and cats_strings, expected one",
         numbers.empty() ? "none" : "both");
  }
  const Tensor keys = texts.empty() ? list(numbers) : list(texts);
  ValueId x = node.inputs_padded(1)[0];
  if (texts.empty() && element_of(node, x) != ElementType::i64)
    x = node.add(ops::Cast{.to = ElementType::i64}, {x});
  // What is no category gets a place behind the last one, which is none.
  const Tensor nowhere = node.integer("zeros", 1) ? list<int64_t>({keys.size()}) : Tensor();
  const ValueId places = encode(node, x, keys, counted(keys.size()), nowhere, true);
  const ValueId depth = node.constant_value(list<int64_t>({keys.size()}));
  node.set_output(
      0, node.add(ops::OneHot{-1}, {places, depth, node.constant_value(list<float>({0, 1}))}));
}

}  // namespace drawbar::onnx
