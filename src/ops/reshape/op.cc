#include "ops/reshape/op.h"

#include <algorithm>
#include <limits>

#include "ops/identity/op.h"
#include "ops/movement/concrete.h"

namespace drawbar::ops {

DRAWBAR_OP(Reshape);
DRAWBAR_OP(Squeeze);
DRAWBAR_OP(Unsqueeze);
DRAWBAR_OP(Flatten);
DRAWBAR_OP(ReshapeLike);

namespace {

constexpr int64_t most_dimensions = 64;

Dim product(const Dims& dims) {
  Dim result = 1;
  for (const Dim& dim : dims) result = result * dim;
  return result;
}

/// The quotient of two products, with common factors taken out first.
Dim quotient(Dims numerator, const Dims& denominator) {
  Dims left;
  for (const Dim& dim : denominator) {
    const auto found = std::find(numerator.begin(), numerator.end(), dim);
    if (found == numerator.end()) {
      left.push_back(dim);
    } else {
      numerator.erase(found);
    }
  }
  const Dim top = product(numerator), bottom = product(left);
  if (bottom == Dim(0)) {
    fail(ErrorCode::invalid_model, "shape has -1 beside a size of 0, which leaves it undefined");
  }
  if (top.is_constant() && bottom.is_constant() && top.value() % bottom.value() != 0) {
    fail(ErrorCode::invalid_model, "shape has -1 for {} elements in lines of {}", top.value(),
         bottom.value());
  }
  return floor_div(top, bottom);
}

void check_size(const Dims& data, const Dims& result) {
  const Dim before = product(data), after = product(result);
  if (before.is_constant() && after.is_constant() && !(before == after)) {
    fail(ErrorCode::invalid_model, "data [{}] has {} elements, shape [{}] has {}", to_string(data),
         before.value(), to_string(result), after.value());
  }
}

/// Output 0 under `dims`; contents of small integer tensors go along.
void answer(Infer& context, Dims dims) {
  const bool small = dims.size() <= 1;
  context.output(0, context.element(0), std::move(dims));
  if (auto content = context.content(0); content && small) context.output_content(0, *content);
}

Dims resolve(const Reshape& op, const Dims& data, const Dims& wanted, bool data_ranked) {
  Dims result;
  std::optional<size_t> unknown;
  for (size_t i = 0; i < wanted.size(); ++i) {
    Dim dim = wanted[i];
    if (dim == Dim(0) && !op.allow_zero) {
      if (data_ranked && i >= data.size()) {
        fail(ErrorCode::invalid_model, "shape[{}] is 0, but data has rank {}", i, data.size());
      }
      if (data_ranked) dim = data[i];
    } else if (dim == Dim(-1)) {
      if (unknown) fail(ErrorCode::invalid_model, "shape has -1 at {} and at {}", *unknown, i);
      unknown = i;
    } else if (dim.is_constant() && dim.value() < 0) {
      fail(ErrorCode::invalid_model, "shape[{}] is {}, expected at least -1", i, dim.value());
    }
    result.push_back(dim);
  }
  if (!unknown || !data_ranked) return result;
  Dims others = result;
  others.erase(others.begin() + static_cast<int64_t>(*unknown));
  if (op.allow_zero && std::find(others.begin(), others.end(), Dim(0)) != others.end()) {
    fail(ErrorCode::invalid_model, "shape has both 0 and -1 with allow_zero");
  }
  result[*unknown] = quotient(data, others);
  return result;
}

std::vector<int64_t> normalized_axes(const std::vector<int64_t>& axes, int64_t rank) {
  std::vector<int64_t> result;
  for (int64_t axis : axes) result.push_back(Infer::axis(axis, rank, "axes"));
  std::sort(result.begin(), result.end());
  if (std::adjacent_find(result.begin(), result.end()) != result.end()) {
    fail(ErrorCode::invalid_model, "axes name a dimension twice");
  }
  return result;
}

/// The axes by attribute or input; nothing when they are only known while running.
std::optional<std::vector<int64_t>> known_axes(const std::vector<int64_t>& attribute,
                                               const Infer& context) {
  if (!context.has(1)) return attribute;
  if (context.ranked(1) && context.rank(1) > 1) {
    fail(ErrorCode::invalid_model, "axes have rank {}, expected 1", context.rank(1));
  }
  if (!is_integer(context.element(1))) {
    fail(ErrorCode::invalid_model, "axes are {}, expected i64", name(context.element(1)));
  }
  const auto content = context.content(1);
  if (!content) return std::nullopt;
  std::vector<int64_t> axes;
  for (const Dim& axis : *content) {
    if (!axis.is_constant()) return std::nullopt;
    axes.push_back(axis.value());
  }
  return axes;
}

}  // namespace

void infer(const Reshape& op, Infer& context) {
  context.expect_inputs(2, 2);
  if (!is_integer(context.element(1))) {
    fail(ErrorCode::invalid_model, "shape is {}, expected i64", name(context.element(1)));
  }
  context.expect_rank(1, 1, "shape");
  if (const auto wanted = context.content(1)) {
    Dims dims = resolve(op, context.dims(0), *wanted, context.ranked(0));
    if (!context.ranked(0)) {
      for (Dim& dim : dims) {
        const bool open = dim == Dim(-1) || (dim == Dim(0) && !op.allow_zero);
        if (open) dim = context.fresh("dim", Dim(std::numeric_limits<int64_t>::max()));
      }
      return context.output(0, context.element(0), std::move(dims));
    }
    check_size(context.dims(0), dims);
    return answer(context, std::move(dims));
  }
  const Dims& length = context.dims(1);
  const bool known = context.ranked(1) && length[0].is_constant();
  if (!known || length[0].value() > most_dimensions) {
    return context.unranked(0, context.element(0));
  }
  const Dim bound =
      context.ranked(0) ? context.tensor(0).size() : Dim(std::numeric_limits<int64_t>::max());
  Dims dims;
  for (int64_t i = 0; i < length[0].value(); ++i) dims.push_back(context.fresh("dim", bound));
  answer(context, std::move(dims));
}

bool keeps_rows(const Reshape&, const Infer&, const std::vector<bool>& batched) {
  return batched[0];
}

void infer(const Squeeze& op, Infer& context) {
  context.expect_inputs(1, 2);
  const auto axes = known_axes(op.axes, context);
  if (!axes || !context.ranked(0)) return context.unranked(0, context.element(0));
  const Dims& data = context.dims(0);
  Dims result;
  if (axes->empty()) {
    for (const Dim& dim : data) {
      if (!dim.is_constant()) return context.unranked(0, context.element(0));
      if (dim.value() != 1) result.push_back(dim);
    }
    return answer(context, std::move(result));
  }
  const auto removed = normalized_axes(*axes, context.rank(0));
  for (size_t i = 0; i < data.size(); ++i) {
    if (!std::binary_search(removed.begin(), removed.end(), static_cast<int64_t>(i))) {
      result.push_back(data[i]);
    } else if (data[i].is_constant() && data[i].value() != 1) {
      fail(ErrorCode::invalid_model, "dimension {} is {}, expected 1 to squeeze it", i,
           data[i].value());
    }
  }
  answer(context, std::move(result));
}

bool keeps_rows(const Squeeze&, const Infer&, const std::vector<bool>& batched) {
  return batched[0];
}

void infer(const Unsqueeze& op, Infer& context) {
  context.expect_inputs(1, 2);
  const auto axes = known_axes(op.axes, context);
  if (!axes || !context.ranked(0)) return context.unranked(0, context.element(0));
  const auto added = normalized_axes(*axes, context.rank(0) + static_cast<int64_t>(axes->size()));
  Dims result = context.dims(0);
  for (int64_t axis : added) result.insert(result.begin() + axis, Dim(1));
  answer(context, std::move(result));
}

bool keeps_rows(const Unsqueeze&, const Infer&, const std::vector<bool>& batched) {
  return batched[0];
}

void infer(const Flatten& op, Infer& context) {
  context.expect_inputs(1, 1);
  if (!context.ranked(0)) {
    const Dim bound = std::numeric_limits<int64_t>::max();
    return context.output(0, context.element(0),
                          {context.fresh("rows", bound), context.fresh("columns", bound)});
  }
  const int64_t rank = context.rank(0);
  if (op.axis < -rank || op.axis > rank) {
    fail(ErrorCode::invalid_model, "axis is {}, expected {} to {}", op.axis, -rank, rank);
  }
  const Dims& data = context.dims(0);
  const auto middle = data.begin() + (op.axis < 0 ? op.axis + rank : op.axis);
  answer(context, {product({data.begin(), middle}), product({middle, data.end()})});
}

bool keeps_rows(const Flatten&, const Infer&, const std::vector<bool>& batched) {
  return batched[0];
}

void infer(const ReshapeLike&, Infer& context) {
  context.expect_inputs(2, 2);
  if (!context.ranked(1)) return context.unranked(0, context.element(0));
  if (context.ranked(0)) check_size(context.dims(0), context.dims(1));
  answer(context, context.dims(1));
}

bool keeps_rows(const ReshapeLike&, const Infer&, const std::vector<bool>& batched) {
  return batched[0];
}

namespace {

template <class T>
void view(const T& op, Evaluation& e) {
  e.set_output(0, e.input(0).reshaped(concrete_shape(op, e)));
}

}  // namespace

void reference(const Reshape& op, Evaluation& e) { view(op, e); }
void reference(const Squeeze& op, Evaluation& e) { view(op, e); }
void reference(const Unsqueeze& op, Evaluation& e) { view(op, e); }
void reference(const Flatten& op, Evaluation& e) { view(op, e); }
void reference(const ReshapeLike& op, Evaluation& e) { view(op, e); }

Dim operations(const Reshape&, const Infer&) { return 0; }
Dim operations(const Squeeze&, const Infer&) { return 0; }
Dim operations(const Unsqueeze&, const Infer&) { return 0; }
Dim operations(const Flatten&, const Infer&) { return 0; }
Dim operations(const ReshapeLike&, const Infer&) { return 0; }

bool is_view(const Op& op) {
  return op.as<Reshape>() || op.as<Squeeze>() || op.as<Unsqueeze>() || op.as<Flatten>() ||
         op.as<ReshapeLike>() || op.as<Identity>();
}

}  // namespace drawbar::ops
