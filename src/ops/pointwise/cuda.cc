#include <algorithm>
#include <numeric>

#include "ops/pointwise/broadcast.h"
#include "ops/pointwise/cuda_code.h"
#include "ops/pointwise/op.h"

// One kernel for everything pointwise: its code is generated from the broadcast's loops and the
// expression. A thread computes some neighbours along the innermost axis, as many as 16 bytes hold
// of the widest operand where lines divide so.

namespace drawbar::cuda {
namespace {

using ops::BroadcastPlan;
using ops::Elementwise;
using ops::Function;
using ops::FunctionTypes;
using ops::Pointwise;

constexpr int64_t block_threads = 256;

/// Elements that a thread takes: a power of two.
int64_t width_of(const Problem& problem, const BroadcastPlan& plan) {
  int64_t widest = 1;
  std::vector<const Operand*> operands;
  for (const Operand& input : problem.inputs) operands.push_back(&input);
  operands.push_back(&problem.outputs[0]);
  for (const Operand* operand : operands)
    widest = std::max<int64_t>(widest, bits(operand->type) / 8);
  int64_t width = 16 / std::min<int64_t>(widest, 16);
  const auto fits = [&] {
    if (plan.inner() % width != 0) return false;
    for (size_t i = 0; i < plan.strides.size(); ++i) {
      const int64_t inner = plan.strides[i].back();
      if (inner == 0) continue;
      if (inner != 1) return false;
      for (size_t axis = 0; axis + 1 < plan.strides[i].size(); ++axis) {
        if (plan.strides[i][axis] % width != 0) return false;
      }
    }
    return true;
  };
  while (width > 1 && !fits()) width /= 2;
  return width;
}

/// A kernel that gives `expression`, of the values x0, x1, … as they are stored.
std::unique_ptr<Kernel> make_pointwise(const Problem& problem, std::vector<std::string> preface,
                                       const std::string& expression) {
  std::vector<Shape> shapes, strides;
  for (const Operand& input : problem.inputs) {
    shapes.push_back(input.shape);
    strides.push_back(input.strides());
  }
  const Operand& y = problem.outputs[0];
  const BroadcastPlan plan = ops::plan_broadcast(shapes, strides, y.shape, y.strides());
  const int64_t width = width_of(problem, plan);
  const int64_t items = y.size() / width;
  const char* index = y.size() < (int64_t{1} << 30) ? "int" : "i64";

  std::string parameters, body, values;
  body += fmt::format("  const i64 item = global_thread();\n  if (item >= {}) return;\n", items);
  body += fmt::format("  {} rest = static_cast<{}>(item);\n", index, index);
  for (size_t axis = plan.sizes.size(); axis-- > 0;) {
    const bool innermost = axis + 1 == plan.sizes.size();
    const int64_t size = innermost ? plan.sizes[axis] / width : plan.sizes[axis];
    body += fmt::format("  [[maybe_unused]] const {} i{} = rest", index, axis) +
            (axis == 0 ? ";\n" : fmt::format(" % {};\n  rest /= {};\n", size, size));
  }
  const auto offset = [&](size_t operand) {
    std::string result;
    for (size_t axis = 0; axis < plan.sizes.size(); ++axis) {
      const int64_t stride =
          plan.strides[operand][axis] * (axis + 1 == plan.sizes.size() ? width : 1);
      if (stride == 0 || plan.sizes[axis] == 1) continue;
      result += fmt::format("{}i{} * {}{}", result.empty() ? "" : " + ", axis, stride,
                            index[0] == 'i' && index[1] == '6' ? "ll" : "");
    }
    return result.empty() ? std::string("0") : result;
  };
  std::vector<Argument> arguments;
  for (size_t i = 0; i < problem.inputs.size(); ++i) {
    const std::string_view type = code_name(problem.inputs[i].type);
    parameters += fmt::format("const {}* __restrict__ a{}, ", type, i);
    arguments.push_back(input(problem, i));
    const bool single = plan.strides[i].back() == 0 || width == 1;
    if (single) {
      body += fmt::format("  const {} v{} = a{}[{}];\n", type, i, i, offset(i));
      values += fmt::format("    const {} x{} = v{};\n", type, i, i);
    } else {
      body +=
          fmt::format("  const auto v{} = *reinterpret_cast<const Several<{}, {}>*>(a{} + ({}));\n",
                      i, type, width, i, offset(i));
      values += fmt::format("    const {} x{} = v{}.at[k];\n", type, i, i);
    }
  }
  const std::string_view type = code_name(y.type);
  parameters += fmt::format("{}* __restrict__ y", type);
  arguments.push_back(output(problem, 0));
  body += fmt::format("  Several<{}, {}> result;\n", type, width);
  body += fmt::format("  for (int k = 0; k < {}; ++k) {{\n{}    result.at[k] = {};\n  }}\n", width,
                      values, expression);
  body += fmt::format("  *reinterpret_cast<Several<{}, {}>*>(y + ({})) = result;\n", type, width,
                      offset(plan.strides.size() - 1));

  Launch launch;
  launch.file = pointwise_file;
  launch.call = "pointwise_" + hash_bytes(parameters + body).hex().substr(0, 16);
  launch.preface = std::move(preface);
  launch.preface.push_back(fmt::format("__device__ __forceinline__ void {}({}) {{\n{}}}",
                                       launch.call, parameters, body));
  launch.grid = blocks_for(items, block_threads);
  launch.block.x = block_threads;
  launch.arguments = std::move(arguments);
  return make_kernel(std::move(launch));
}

std::string_view compute_name(ElementType type) {
  return type == ElementType::f64 ? "double" : "float";
}

bool has_integer_form(Function function) {
  switch (function) {
    case Function::Shrink:
      return false;
    default:
      return info(function).types == FunctionTypes::numbers ||
             info(function).types == FunctionTypes::bits;
  }
}

/// An operator's value as an expression of stored values; empty where there is none.
std::string expression_of(const Elementwise& op, const Problem& problem) {
  const auto in = [&](size_t i) { return problem.inputs[i].type; };
  const ElementType first = in(0);
  const auto real = [&](std::string_view compute) {
    std::vector<std::string> operands;
    for (size_t i = 0; i < problem.inputs.size(); ++i)
      operands.push_back(fmt::format("{}(to_compute(x{}))", compute, i));
    return function_expression(op.function, op.p, op.q, compute, operands);
  };
  switch (info(op.function).types) {
    case FunctionTypes::floats:
      return fmt::format("from_compute<{}>({})", code_name(first), real(compute_name(first)));
    case FunctionTypes::numbers:
    case FunctionTypes::bits:
      if (is_real(first))
        return fmt::format("from_compute<{}>({})", code_name(first), real(compute_name(first)));
      if (!is_integer(first) || !has_integer_form(op.function)) return {};
      return fmt::format("pointwise::Integers<{}>::{}(x0{})", code_name(first),
                         info(op.function).name, problem.inputs.size() > 1 ? ", x1" : "");
    case FunctionTypes::powers:
      if (is_real(first) && has_code_name(in(1)) && in(1) != ElementType::boolean)
        return fmt::format("from_compute<{}>({})", code_name(first), real(compute_name(first)));
      if (!is_integer(first) || !is_integer(in(1))) return {};
      return fmt::format("pointwise::Integers<{}>::Pow(x0, static_cast<i64>(x1))",
                         code_name(first));
    case FunctionTypes::comparisons: {
      static const std::map<Function, const char*> signs = {{Function::Equal, "=="},
                                                            {Function::Greater, ">"},
                                                            {Function::GreaterOrEqual, ">="},
                                                            {Function::Less, "<"},
                                                            {Function::LessOrEqual, "<="}};
      const char* sign = signs.at(op.function);
      const char* value = first == ElementType::boolean ? "(x{}.value != 0)" : "to_compute(x{})";
      return fmt::format("boolean{{static_cast<unsigned char>({} {} {})}}",
                         fmt::format(fmt::runtime(value), 0), sign,
                         fmt::format(fmt::runtime(value), 1));
    }
    case FunctionTypes::tests:
      return fmt::format("boolean{{static_cast<unsigned char>(({}) != 0)}}",
                         real(compute_name(first)));
    case FunctionTypes::logic: {
      std::vector<std::string> operands;
      for (size_t i = 0; i < problem.inputs.size(); ++i)
        operands.push_back(fmt::format("as_float(x{})", i));
      return fmt::format("of_float<boolean>({})",
                         function_expression(op.function, op.p, op.q, "float", operands));
    }
    case FunctionTypes::selection:
      return "x0.value != 0 ? x1 : x2";
  }
  return {};
}

bool elementwise_applies(const Problem& problem) {
  return have_code_names(problem) && !expression_of(*problem.op.as<Elementwise>(), problem).empty();
}

std::unique_ptr<Kernel> make_elementwise(const Problem& problem) {
  return make_pointwise(problem, {}, expression_of(*problem.op.as<Elementwise>(), problem));
}

std::unique_ptr<Kernel> make_program(const Problem& problem) {
  const NamedCode code = program_code(problem.op.as<Pointwise>()->program);
  std::string operands;
  for (size_t i = 0; i < problem.inputs.size(); ++i)
    operands += fmt::format("{}as_float(x{})", i ? ", " : "", i);
  return make_pointwise(problem, code.text,
                        fmt::format("of_float<{}>({}::apply({}))",
                                    code_name(problem.outputs[0].type), code.name, operands));
}

double seconds(const Problem& problem) { return streaming_seconds(problem); }

const bool registered = [] {
  for (int i = 1; i < ops::function_count(); ++i) {
    const std::string_view name = info(static_cast<Function>(i)).name;
    register_tactic({name, "pointwise", elementwise_applies, seconds, make_elementwise});
    register_layout_rule(name, LayoutRule::any);
  }
  return true;
}();

DRAWBAR_CUDA_TACTIC(pointwise, "Pointwise", "pointwise", have_code_names, seconds, make_program);
DRAWBAR_CUDA_LAYOUT(Pointwise, any);

}  // namespace
}  // namespace drawbar::cuda
