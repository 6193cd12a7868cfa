#include "ops/reduce/op.h"

#include <algorithm>
#include <array>
#include <utility>

namespace drawbar::ops {
namespace {

constexpr std::array<std::string_view, 10> names = {
    "ReduceSum", "ReduceMean", "ReduceMax",    "ReduceMin",       "ReduceProd",
    "ReduceL1",  "ReduceL2",   "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare"};

[[maybe_unused]] const bool registered = [] {
  for (std::string_view name : names) register_op<Reduce>(name);
  return true;
}();

void expect_element(const Reduce& op, ElementType element) {
  const bool boolean = element == ElementType::boolean;
  const bool extremum = op.kind == Reduction::max || op.kind == Reduction::min;
  if (!is_integer(element) && !is_floating(element) && !(boolean && extremum)) {
    fail(ErrorCode::invalid_model, "data is {}, expected {}", name(element),
         extremum ? "numbers or bool" : "numbers");
  }
}

/// The contents of the result when those of x are known: shape computations.
std::optional<Dim> fold(Reduction kind, const Dims& content) {
  if (content.empty()) return std::nullopt;
  Dim result = content[0];
  for (size_t i = 1; i < content.size(); ++i) {
    switch (kind) {
      case Reduction::sum:
        result = result + content[i];
        break;
      case Reduction::prod:
        result = result * content[i];
        break;
      case Reduction::max:
        result = max(result, content[i]);
        break;
      case Reduction::min:
        result = min(result, content[i]);
        break;
      default:
        return std::nullopt;
    }
  }
  const bool known = kind == Reduction::sum || kind == Reduction::prod || kind == Reduction::max ||
                     kind == Reduction::min;
  return known ? std::optional(result) : std::nullopt;
}

/// Only the number of axes is known, or not even that.
void infer_unknown_axes(const Reduce& op, Infer& context) {
  const Dims& dims = context.dims(0);
  if (op.keep_dims) {
    Dims result;
    for (const Dim& dim : dims) {
      result.push_back(dim == Dim(1) ? dim : context.fresh("reduced", max(dim, Dim(1))));
    }
    context.output(0, context.element(0), std::move(result));
    return;
  }
  const Dims& count = context.dims(1);
  if (count[0].is_constant() && count[0].value() > 0 && count[0].value() <= context.rank(0)) {
    Dims result;
    for (int64_t i = count[0].value(); i < context.rank(0); ++i) {
      result.push_back(context.fresh("kept", context.tensor(0).size()));
    }
    context.output(0, context.element(0), std::move(result));
    return;
  }
  context.unranked(0, context.element(0));
}

}  // namespace

std::string_view Reduce::op_name() const { return names[static_cast<size_t>(kind)]; }

Reduce Reduce::named(std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) fail(ErrorCode::internal, "{} is no reduction", name);
  return Reduce{.kind = static_cast<Reduction>(found - names.begin())};
}

std::vector<bool> reduced_axes(const Reduce& op, const std::vector<int64_t>& axes, int64_t rank) {
  const bool all = axes.empty() && !op.noop_with_empty_axes;
  std::vector<bool> reduced(static_cast<size_t>(rank), all);
  for (int64_t axis : axes) {
    const auto i = static_cast<size_t>(Infer::axis(axis, rank, "axes"));
    if (reduced[i]) fail(ErrorCode::invalid_model, "axis {} is given twice", axis);
    reduced[i] = true;
  }
  return reduced;
}

std::vector<ReductionLoop> reduction_loops(const std::vector<int64_t>& shape,
                                           const std::vector<bool>& reduced) {
  std::vector<ReductionLoop> loops;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 1) continue;
    if (!loops.empty() && loops.back().reduced == reduced[i]) {
      loops.back().size *= shape[i];
    } else {
      loops.push_back({shape[i], reduced[i]});
    }
  }
  return loops;
}

void infer(const Reduce& op, Infer& context) {
  context.expect_inputs(1, 2);
  expect_element(op, context.element(0));
  if (context.has(1)) {
    if (!is_integer(context.element(1))) {
      fail(ErrorCode::invalid_model, "axes are {}, expected integers", name(context.element(1)));
    }
    context.expect_rank(1, 1, "axes");
  }
  if (!context.ranked(0) || (context.has(1) && !context.ranked(1))) {
    context.unranked(0, context.element(0));
    return;
  }
  std::vector<int64_t> axes = op.axes;
  if (context.has(1)) {
    if (!context.constant(1)) {
      infer_unknown_axes(op, context);
      return;
    }
    axes = read_integers(*context.constant(1));
  }
  const std::vector<bool> reduced = reduced_axes(op, axes, context.rank(0));
  Dims result;
  for (size_t i = 0; i < reduced.size(); ++i) {
    if (!reduced[i]) {
      result.push_back(context.dims(0)[i]);
    } else if (op.keep_dims) {
      result.emplace_back(1);
    }
  }
  const std::optional<Dims> content = context.content(0);
  if (content && is_integer(context.element(0)) && reduced.size() == 1 && reduced[0]) {
    if (std::optional<Dim> folded = fold(op.kind, *content)) context.output_content(0, {*folded});
  }
  context.output(0, context.element(0), std::move(result));
}

bool keeps_rows(const Reduce& op, const Infer& context, const std::vector<bool>& batched) {
  if (context.has(1) && !context.constant(1)) return false;
  const std::vector<int64_t> axes = context.has(1) ? read_integers(*context.constant(1)) : op.axes;
  return batched[0] && !reduced_axes(op, axes, context.rank(0))[0];
}

Dim operations(const Reduce& op, const Infer& context) {
  const bool costly = op.kind == Reduction::log_sum_exp;
  return Dim(costly ? 10 : 1) * context.tensor(0).size();
}

}  // namespace drawbar::ops
