#include "ops/reduce/cuda_reduction.h"
#include "ops/reduce/op.h"

namespace drawbar::cuda {
namespace {

using ops::Reduce;
using ops::Reduction;

std::string_view fold_name(Reduction kind) {
  constexpr std::string_view names[] = {"sum", "mean", "max",     "min",         "prod",
                                        "l1",  "l2",   "log_sum", "log_sum_exp", "sum_square"};
  return names[static_cast<size_t>(kind)];
}

bool has_axes_input(const Problem& problem) {
  return problem.inputs.size() > 1 && problem.inputs[1].present;
}

bool applies(const Problem& problem) {
  const ElementType type = problem.inputs[0].type;
  if (has_axes_input(problem) && !problem.inputs[1].constant) return false;
  return is_real(type) ||
         (has_code_name(type) && (is_integer(type) || type == ElementType::boolean));
}

std::unique_ptr<Kernel> make(const Problem& problem) {
  const auto& op = *problem.op.as<Reduce>();
  const Operand& x = problem.inputs[0];
  const std::vector<int64_t> axes =
      has_axes_input(problem) ? read_integers(problem.inputs[1].constant->tensor()) : op.axes;
  return make_reduction(problem,
                        fmt::format("reduce::{}<{}>", fold_name(op.kind), code_name(x.type)),
                        ops::reduced_axes(op, axes, x.rank()));
}

double seconds(const Problem& problem) {
  return streaming_seconds(problem, 4.0 * static_cast<double>(problem.inputs[0].size()));
}

const bool registered = [] {
  for (int kind = 0; kind <= static_cast<int>(Reduction::sum_square); ++kind) {
    const std::string_view name = Reduce{.kind = static_cast<Reduction>(kind)}.op_name();
    register_tactic({name, "reduce", applies, seconds, make});
    register_layout_rule(name, LayoutRule::any);
  }
  return true;
}();

}  // namespace
}  // namespace drawbar::cuda
