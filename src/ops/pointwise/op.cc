#include "ops/pointwise/op.h"

#include <algorithm>

#include "ops/pointwise/content.h"

namespace drawbar::ops {
namespace {

bool register_members() {
  for (int i = 1; i < function_count(); ++i)
    register_op<Elementwise>(info(static_cast<Function>(i)).name);
  return true;
}
[[maybe_unused]] const bool registered_members = register_members();

bool is_float(ElementType type) {
  return type == ElementType::f32 || type == ElementType::f64 || type == ElementType::f16 ||
         type == ElementType::bf16;
}

bool is_number(ElementType type) { return is_float(type) || is_integer(type); }

[[noreturn]] void wrong_type(size_t i, ElementType found, std::string_view expected) {
  fail(ErrorCode::invalid_model, "input {} is {}, expected {}", i, name(found), expected);
}

void expect_same(const Infer& context, size_t a, size_t b) {
  if (context.element(a) != context.element(b)) {
    fail(ErrorCode::invalid_model, "inputs {} and {} are {} and {}, expected the same type", a, b,
         name(context.element(a)), name(context.element(b)));
  }
}

/// Checks the operands' element types and gives the result's.
ElementType result_type(const Elementwise& op, const Infer& context) {
  const FunctionInfo& form = info(op.function);
  const auto all = [&](auto&& allowed, std::string_view expected) {
    for (size_t i = 0; i < context.inputs(); ++i) {
      if (!allowed(context.element(i))) wrong_type(i, context.element(i), expected);
    }
  };
  switch (form.types) {
    case FunctionTypes::floats:
    case FunctionTypes::tests:
      all(is_float, "a float type");
      break;
    case FunctionTypes::numbers:
    case FunctionTypes::powers:
      all(is_number, "a number type");
      break;
    case FunctionTypes::logic:
      all([](ElementType type) { return type == ElementType::boolean; }, "bool");
      break;
    case FunctionTypes::bits:
      all(is_integer, "an integer type");
      break;
    case FunctionTypes::comparisons:
      if (op.function != Function::Equal) all(is_number, "a number type");
      break;
    case FunctionTypes::selection:
      if (context.element(0) != ElementType::boolean) wrong_type(0, context.element(0), "bool");
      expect_same(context, 1, 2);
      return context.element(1);
  }
  if (form.arity == 2 && form.types != FunctionTypes::powers) expect_same(context, 0, 1);
  const bool truth = form.types == FunctionTypes::comparisons || form.types == FunctionTypes::tests;
  return truth ? ElementType::boolean : context.element(0);
}

bool any_unranked(const Infer& context) {
  for (size_t i = 0; i < context.inputs(); ++i) {
    if (!context.ranked(i)) return true;
  }
  return false;
}

Dims broadcast_all(const Infer& context) {
  Dims dims = context.dims(0);
  for (size_t i = 1; i < context.inputs(); ++i) dims = broadcast(dims, context.dims(i));
  return dims;
}

/// PRelu's slope spreads over x and never the other way round.
void expect_spreads(const Infer& context, const Dims& whole) {
  const Dims& x = context.dims(0);
  bool same = whole.size() == x.size();
  for (size_t i = 0; same && i < x.size(); ++i) {
    same = !x[i].is_constant() || !whole[i].is_constant() || x[i] == whole[i];
  }
  if (!same) {
    fail(ErrorCode::invalid_model, "slope [{}] does not spread over x [{}]",
         to_string(context.dims(1)), to_string(x));
  }
}

}  // namespace

DRAWBAR_OP(Pointwise);

void infer(const Elementwise& op, Infer& context) {
  const auto arity = static_cast<size_t>(info(op.function).arity);
  context.expect_inputs(arity, arity);
  const ElementType type = result_type(op, context);
  if (any_unranked(context)) {
    context.unranked(0, type);
    return;
  }
  Dims dims = broadcast_all(context);
  if (op.function == Function::PRelu) {
    expect_spreads(context, dims);
    dims = context.dims(0);
  }
  if (auto content = elementwise_content(op.function, context, dims)) {
    context.output_content(0, std::move(*content));
  }
  context.output(0, type, std::move(dims));
}

namespace {

int64_t broadcast_rank(const Infer& context) {
  int64_t rank = 0;
  for (size_t i = 0; i < context.inputs(); ++i) {
    if (context.has(i)) rank = std::max(rank, context.rank(i));
  }
  return rank;
}

}  // namespace

bool keeps_rows(const Elementwise&, const Infer& context, const std::vector<bool>& batched) {
  return rows_broadcast(context, batched, broadcast_rank(context));
}

Dim operations(const Elementwise& op, const Infer& context) {
  if (any_unranked(context)) return 0;
  Dim size = 1;
  for (const Dim& dim : broadcast_all(context)) size = size * dim;
  return Dim(info(op.function).cost) * size;
}

bool fits_program(const Elementwise& op, std::span<const ElementType> inputs) {
  const FunctionTypes types = info(op.function).types;
  if (types == FunctionTypes::bits) return false;
  const auto is = [&](size_t i, ElementType type) { return inputs[i] == type; };
  if (types == FunctionTypes::selection) {
    return is(0, ElementType::boolean) && is(1, ElementType::f32) && is(2, ElementType::f32);
  }
  const ElementType wanted =
      types == FunctionTypes::logic ? ElementType::boolean : ElementType::f32;
  return std::all_of(inputs.begin(), inputs.end(), [&](ElementType t) { return t == wanted; });
}

void infer(const Pointwise& op, Infer& context) {
  check(op.program);
  const auto inputs = static_cast<size_t>(op.program.inputs);
  context.expect_inputs(inputs, inputs);
  std::optional<ElementType> type;
  for (size_t i = 0; i < inputs; ++i) {
    const ElementType element = context.element(i);
    if (element == ElementType::boolean) continue;
    if (element != ElementType::f32 && !is_half(element))
      wrong_type(i, element, "f32, f16, bf16 or bool");
    if (type && *type != element) wrong_type(i, element, name(*type));
    type = element;
  }
  const ElementType result = type.value_or(ElementType::f32);
  if (any_unranked(context)) {
    context.unranked(0, result);
  } else {
    context.output(0, result, broadcast_all(context));
  }
}

bool keeps_rows(const Pointwise&, const Infer& context, const std::vector<bool>& batched) {
  return rows_broadcast(context, batched, broadcast_rank(context));
}

Dim operations(const Pointwise& op, const Infer& context) {
  if (any_unranked(context)) return 0;
  Dim size = 1;
  for (const Dim& dim : broadcast_all(context)) size = size * dim;
  return Dim(op.program.operations()) * size;
}

}  // namespace drawbar::ops
