#include "ops/label_encoder/op.h"

#include <algorithm>

#include "ops/label_encoder/order.h"
#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"

namespace drawbar::ops {

DRAWBAR_OP(LabelEncoder);

void infer(const LabelEncoder&, Infer& context) {
  context.expect_inputs(3, 4);
  const ElementType key = context.element(1), value = context.element(2);
  with_key_type(key, [](const auto&) {});
  if (context.element(0) != key) {
    fail(ErrorCode::invalid_model, "x is {}, the keys are {}", name(context.element(0)), name(key));
  }
  if (context.has(3) && context.element(3) != value) {
    fail(ErrorCode::invalid_model, "the fallback is {}, the values are {}",
         name(context.element(3)), name(value));
  }
  if (value != ElementType::string && bits(value) < 8)
    fail(ErrorCode::unsupported, "values of {} are not supported", name(value));
  context.expect_rank(1, 1, "keys");
  context.expect_rank(2, 1, "values");
  if (context.ranked(1) && context.ranked(2))
    Infer::same(context.dims(1)[0], context.dims(2)[0], "keys and values");
  if (context.has(3) && context.ranked(3))
    Infer::same(context.tensor(3).size(), 1, "the fallback's size");
  Type type = context.type(0);
  type.tensor.element = value;
  context.output(0, std::move(type));
}

bool keeps_rows(const LabelEncoder&, const Infer&, const std::vector<bool>& batched) {
  return batched[0] && std::count(batched.begin(), batched.end(), true) == 1;
}

namespace {

/// Which key each element of x is, -1 for none.
template <class K>
std::vector<int64_t> places_of(const Tensor& x, std::span<const K> keys) {
  std::vector<int64_t> places;
  places.reserve(static_cast<size_t>(x.size()));
  for (const K& wanted : x.values<K>()) {
    const auto behind = std::upper_bound(keys.begin(), keys.end(), wanted, key_before<K>);
    const bool found = behind != keys.begin() && !key_before(*(behind - 1), wanted);
    places.push_back(found ? behind - keys.begin() - 1 : -1);
  }
  return places;
}

}  // namespace

void reference(const LabelEncoder& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const Tensor &keys = e.input(1), &values = e.input(2);
  const std::vector<int64_t> places = with_key_type(keys.type(), [&](const auto& type) {
    using K = std::decay_t<decltype(type)>;
    return places_of(e.input(0), keys.values<K>());
  });
  Tensor& y = e.output(0, values.type(), shape);
  with_storage_type(values.type(), [&](const auto& type) {
    using V = std::decay_t<decltype(type)>;
    const V* from = static_cast<const V*>(values.raw());
    const V* fallback = e.has(3) ? static_cast<const V*>(e.input(3).raw()) : nullptr;
    for (size_t i = 0; i < places.size(); ++i) {
      if (places[i] < 0 && !fallback) {
        fail(ErrorCode::invalid_argument, "element {} of x is none of the {} categories", i,
             keys.size());
      }
      static_cast<V*>(y.raw())[i] = places[i] < 0 ? *fallback : from[places[i]];
    }
  });
}

}  // namespace drawbar::ops
