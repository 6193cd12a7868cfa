#include "ops/tree_ensemble/op.h"

#include <algorithm>
#include <limits>

#include "ops/tree_ensemble/forest.h"

namespace drawbar::ops {

DRAWBAR_OP(TreeEnsemble);

namespace {

constexpr std::string_view names[] = {"x",         "nodes",        "thresholds",   "roots",
                                      "leaf_ends", "vote_targets", "vote_weights", "base",
                                      "members"};

bool is_real(ElementType type) { return type == ElementType::f32 || type == ElementType::f64; }

void expect_integers(const Infer& context, size_t i) {
  if (context.element(i) != ElementType::i32) {
    fail(ErrorCode::invalid_model, "{} is {}, expected i32", names[i], name(context.element(i)));
  }
}

void expect_reals(const Infer& context, size_t i) {
  if (!is_real(context.element(i))) {
    fail(ErrorCode::invalid_model, "{} is {}, expected f32 or f64", names[i],
         name(context.element(i)));
  }
}

void expect_attributes(const TreeEnsemble& op) {
  expect_targets(op);
  if (!is_floating(op.element) || bits(op.element) < 16) {
    fail(ErrorCode::invalid_model, "element is {}, expected f32, f64, f16 or bf16",
         name(op.element));
  }
  if (op.classify && op.aggregate != TreeAggregate::sum) {
    fail(ErrorCode::invalid_model, "a classifier's votes are summed, other aggregates have no use");
  }
}

void expect_base(const TreeEnsemble& op, const Infer& context) {
  if (!context.has(tree_input::base)) return;
  expect_reals(context, tree_input::base);
  const Dim size = context.tensor(tree_input::base).size();
  if (size.is_constant()) expect_base_size(op, size.value());
}

/// The inputs that are known; x is none of them.
std::vector<const Tensor*> constants(const Infer& context) {
  std::vector<const Tensor*> result = {nullptr};
  for (size_t i = 1; i < context.inputs(); ++i) result.push_back(context.constant(i));
  return result;
}

void check_constants(const TreeEnsemble& op, const Infer& context) {
  const std::vector<const Tensor*> known = constants(context);
  for (size_t i = 1; i < known.size(); ++i) {
    if (context.has(i) && !known[i]) return;  // large, or not known before it runs
  }
  const Forest forest(op, known);
  const Dim features = context.ranked(0) ? context.dims(0)[1] : Dim(forest.features());
  if (features.is_constant() && features.value() < forest.features()) {
    fail(ErrorCode::invalid_model, "x has {} features, the trees test feature {}", features.value(),
         forest.features() - 1);
  }
}

}  // namespace

void infer(const TreeEnsemble& op, Infer& context) {
  context.expect_inputs(tree_input::vote_weights + 1, tree_input::count);
  expect_attributes(op);
  expect_reals(context, tree_input::x);
  context.expect_rank(tree_input::x, 2, "x");
  for (size_t i :
       {tree_input::nodes, tree_input::roots, tree_input::leaf_ends, tree_input::vote_targets}) {
    expect_integers(context, i);
    context.expect_rank(i, i == tree_input::nodes ? 2 : 1, names[i]);
  }
  for (size_t i : {tree_input::thresholds, tree_input::vote_weights}) expect_reals(context, i);
  if (context.has(tree_input::members)) expect_reals(context, tree_input::members);
  expect_base(op, context);
  check_constants(op, context);
  const Dim rows = context.ranked(0) ? context.dims(0)[0]
                                     : context.fresh("rows", std::numeric_limits<int32_t>::max());
  context.output(0, op.element, {rows, op.targets});
  if (op.classify) context.output(1, ElementType::i64, {rows});
}

Dim operations(const TreeEnsemble&, const Infer& context) {
  if (!context.ranked(0) || !context.ranked(tree_input::roots)) return 0;
  constexpr int64_t comparisons = 8;  // on a usual path
  return context.dims(0)[0] * context.tensor(tree_input::roots).size() * comparisons;
}

bool keeps_rows(const TreeEnsemble&, const Infer&, const std::vector<bool>& batched) {
  for (size_t i = 1; i < batched.size(); ++i) {
    if (batched[i]) return false;
  }
  return batched[0];
}

void reference(const TreeEnsemble& op, Evaluation& e) {
  std::vector<const Tensor*> inputs = {nullptr};
  for (size_t i = 1; i < e.inputs(); ++i) inputs.push_back(e.has(i) ? &e.input(i) : nullptr);
  const Forest forest(op, inputs);
  const TreeScores scores(op, forest);
  const Tensor& x = e.input(tree_input::x);
  if (x.dim(1) < forest.features()) {
    fail(ErrorCode::invalid_argument, "x has {} features, the trees test feature {}", x.dim(1),
         forest.features() - 1);
  }
  const int64_t rows = x.dim(0);
  void* y = e.output(0, op.element, {rows, op.targets}).raw();
  int64_t* classes = op.classify ? e.output(1, ElementType::i64, {rows}).data<int64_t>() : nullptr;
  constexpr int64_t rows_at_once = 16;
  e.pool().parallel_for(rows, rows_at_once, [&](int64_t begin, int64_t end, int) {
    Tensor scratch = Tensor::allocate(ElementType::u8, {evaluation_bytes(op.targets)});
    for (int64_t row = begin; row < end; row += rows_at_once) {
      const int64_t last = std::min(row + rows_at_once, end);
      e.checkpoint();
      if (x.type() == ElementType::f32) {
        evaluate_rows(op, forest, scores, x.data<float>(), x.dim(1), row, last, y, classes,
                      scratch.raw());
      } else {
        evaluate_rows(op, forest, scores, x.data<double>(), x.dim(1), row, last, y, classes,
                      scratch.raw());
      }
    }
  });
}

}  // namespace drawbar::ops
