#include "ops/map/op.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "ops/movement/elements.h"

namespace drawbar::ops {

DRAWBAR_OP(ZipMap);
DRAWBAR_OP(DictVectorizer);
DRAWBAR_OP(MapValues);

namespace {

bool is_key(ElementType type) { return type == ElementType::i64 || type == ElementType::string; }

/// The type of a map input's values, which are one element each.
ElementType value_type(const Infer& context) {
  const Type& type = context.type(0);
  if (type.kind != Tensor::Kind::map || !type.element || !type.element->is_tensor()) {
    fail(ErrorCode::invalid_model, "input 0 is {}, expected a map", to_string(type));
  }
  const ElementType value = type.element->tensor.element;
  if (!is_key(type.key))
    fail(ErrorCode::invalid_model, "the keys are {}, expected i64 or string", name(type.key));
  if (value != ElementType::string && bits(value) < 8)
    fail(ErrorCode::unsupported, "values of {} are not supported", name(value));
  return value;
}

/// A map at hand, which may have come from outside. Throws INVALID_ARGUMENT unless it has keys of
/// that type and a value of one element for each.
struct Entries {
  Tensor keys, values;

  Entries(const Tensor& map, std::optional<ElementType> key) {
    const auto refuse = [](std::string_view what) {
      fail(ErrorCode::invalid_argument, "the map {}", what);
    };
    if (map.kind() != Tensor::Kind::map || map.elements().size() != 2) refuse("is none");
    keys = map.elements()[0];
    values = map.elements()[1];
    if (keys.kind() != Tensor::Kind::tensor || values.kind() != Tensor::Kind::tensor)
      refuse("has keys or values that are no tensor");
    if (!is_key(keys.type()) || (key && keys.type() != *key))
      refuse(fmt::format("has keys of type {}", name(keys.type())));
    if (keys.rank() != 1 || keys.size() != values.size()) {
      refuse(fmt::format("has keys {} and values {}, expected as many", to_string(keys.shape()),
                         to_string(values.shape())));
    }
  }
};

}  // namespace

void infer(const ZipMap&, Infer& context) {
  context.expect_inputs(2, 2);
  const ElementType value = context.element(0), key = context.element(1);
  if (value != ElementType::f32)
    fail(ErrorCode::invalid_model, "x is {}, expected f32", name(value));
  if (!is_key(key))
    fail(ErrorCode::invalid_model, "the keys are {}, expected i64 or string", name(key));
  context.expect_rank(1, 1, "keys");
  if (context.ranked(0)) {
    if (context.rank(0) < 1 || context.rank(0) > 2)
      fail(ErrorCode::invalid_model, "x has rank {}, expected 1 or 2", context.rank(0));
    if (context.ranked(1)) Infer::same(context.dims(0).back(), context.dims(1)[0], "keys");
  }
  Type map = Type::of(Tensor::Kind::map, Type(value, {}));
  map.key = key;
  context.output(0, Type::of(Tensor::Kind::sequence, std::move(map)));
}

void reference(const ZipMap&, Evaluation& e) {
  const Tensor keys = e.input(1).clone();
  const auto values = std::make_shared<const Tensor>(e.input(0).clone());
  if (values->rank() < 1 || values->rank() > 2 || values->shape().back() != keys.size()) {
    fail(ErrorCode::invalid_argument, "x has shape {}, expected rows of {}",
         to_string(values->shape()), keys.size());
  }
  const int64_t width = keys.size(), rows = values->rank() == 2 ? values->dim(0) : 1;
  std::vector<Tensor> maps;
  maps.reserve(static_cast<size_t>(rows));
  for (int64_t row = 0; row < rows; ++row) {
    auto* first = const_cast<float*>(values->data<float>()) + row * width;  // a map only reads it
    maps.push_back(Tensor::compound(
        Tensor::Kind::map, {keys, Tensor::view(ElementType::f32, {width}, first, values)}));
  }
  e.set_output(0, Tensor::compound(Tensor::Kind::sequence, std::move(maps)));
}

void infer(const DictVectorizer&, Infer& context) {
  context.expect_inputs(2, 2);
  const ElementType value = value_type(context), key = context.type(0).key;
  if (context.element(1) != key) {
    fail(ErrorCode::invalid_model, "the map's keys are {}, the vocabulary's {}", name(key),
         name(context.element(1)));
  }
  context.expect_rank(1, 1, "keys");
  const Dim size = context.ranked(1) ? context.dims(1)[0]
                                     : context.fresh("keys", std::numeric_limits<int32_t>::max());
  context.output(0, value, {1, size});
}

void reference(const DictVectorizer&, Evaluation& e) {
  const Tensor& wanted = e.input(1);
  const Entries map(e.input(0), wanted.type());
  Tensor& y = e.output(0, map.values.type(), {1, wanted.size()});
  const auto fill = [&](const auto* keys, const auto* names) {
    std::unordered_map<std::decay_t<decltype(*keys)>, int64_t> places;
    for (int64_t i = 0; i < map.keys.size(); ++i) places.insert_or_assign(keys[i], i);
    with_storage_type(y.type(), [&](const auto& type) {
      using V = std::decay_t<decltype(type)>;
      for (int64_t i = 0; i < wanted.size(); ++i) {
        const auto found = places.find(names[i]);
        static_cast<V*>(y.raw())[i] =
            found == places.end() ? V{} : static_cast<const V*>(map.values.raw())[found->second];
      }
    });
  };
  if (wanted.type() == ElementType::string) {
    fill(map.keys.data<std::string>(), wanted.data<std::string>());
  } else {
    fill(map.keys.data<int64_t>(), wanted.data<int64_t>());
  }
}

void infer(const MapValues& op, Infer& context) {
  context.expect_inputs(1, 1);
  const ElementType value = value_type(context);
  if (context.type(0).key != ElementType::i64) {
    fail(ErrorCode::invalid_model, "the keys are {}, expected i64", name(context.type(0).key));
  }
  if (op.size < 0) fail(ErrorCode::invalid_model, "size is {}, expected at least 0", op.size);
  const Dim size =
      op.size > 0 ? Dim(op.size) : context.fresh("entries", std::numeric_limits<int32_t>::max());
  context.output(0, value, {1, size});
}

void reference(const MapValues& op, Evaluation& e) {
  const Entries map(e.input(0), ElementType::i64);
  const int64_t* keys = map.keys.data<int64_t>();
  std::vector<int64_t> order(static_cast<size_t>(map.keys.size()));
  std::iota(order.begin(), order.end(), int64_t{0});
  std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return keys[a] < keys[b]; });
  const int64_t size = op.size > 0 ? op.size : map.keys.size();
  Tensor& y = e.output(0, map.values.type(), {1, size});
  with_storage_type(y.type(), [&](const auto& type) {
    using V = std::decay_t<decltype(type)>;
    V* to = static_cast<V*>(y.raw());
    V nothing{};
    if constexpr (std::is_same_v<V, std::string>) nothing = "0";
    if (op.size > 0) std::fill_n(to, size, nothing);
    for (size_t i = 0; i < order.size(); ++i) {
      const int64_t key = keys[order[i]];
      if (op.size > 0 && (key < 0 || key >= size)) {
        fail(ErrorCode::invalid_argument, "the map has key {}, expected 0 to {}", key, size - 1);
      }
      to[op.size > 0 ? key : static_cast<int64_t>(i)] =
          static_cast<const V*>(map.values.raw())[order[i]];
    }
  });
}

}  // namespace drawbar::ops
