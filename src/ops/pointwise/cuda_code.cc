#include "ops/pointwise/cuda_code.h"

#include <cmath>
#include <map>

#include "ops/pointwise/broadcast.h"

namespace drawbar::cuda {
namespace {

using ops::Function;

/// The table's expressions as they are written.
std::string_view table_expression(Function function) {
#define UNARY(NAME, TYPES, COST, PARAMETERS, ...) #__VA_ARGS__,
#define BINARY UNARY
#define TERNARY UNARY
  static constexpr std::string_view expressions[] = {
      "p",
#include "ops/pointwise/functions.def"
  };
  return expressions[static_cast<size_t>(function)];
}

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// A table expression with its words and numbers made those of the type, and its operands put in.
std::string translate(std::string_view text, std::string_view type,
                      const std::map<std::string, std::string, std::less<>>& names) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    while (end < text.size() && (is_word(text[end]) || (text[end] == '.' && end > at))) ++end;
    if (end == at) {
      result += text[at++];
      continue;
    }
    const std::string_view word = text.substr(at, end - at);
    at = end;
    if (const auto found = names.find(word); found != names.end()) {
      result += found->second;
    } else if (std::isdigit(static_cast<unsigned char>(word[0]))) {
      result += fmt::format("{}({})", type, word);
    } else {
      result += fmt::format("pointwise::Words<{}>::{}", type, word);
    }
  }
  return result;
}

}  // namespace

std::string literal(float value) {
  if (std::isnan(value)) return "bits_to_float(0x7fc00000u)";
  if (std::isinf(value)) return value > 0 ? "kInfinity" : "(-kInfinity)";
  return value < 0 || std::signbit(value) ? fmt::format("({:a}f)", value)
                                          : fmt::format("{:a}f", value);
}

std::string function_expression(Function function, float p, float q, std::string_view type,
                                std::span<const std::string> operands) {
  const auto operand = [&](size_t i) { return i < operands.size() ? operands[i] : "0"; };
  const auto parameter = [&](float value) { return fmt::format("{}({})", type, literal(value)); };
  return translate(table_expression(function), type,
                   {{"x", operand(0)},
                    {"y", operand(1)},
                    {"z", operand(2)},
                    {"p", parameter(p)},
                    {"q", parameter(q)},
                    {"infinity", fmt::format("{}(kInfinity)", type)}});
}

NamedCode program_code(const ops::Program& program) {
  std::string parameters, body;
  for (int i = 0; i < program.inputs; ++i)
    parameters += fmt::format("{}[[maybe_unused]] float x{}", i ? ", " : "", i);
  int next = program.inputs;
  for (const ops::Instruction& step : program.instructions) {
    std::vector<std::string> operands;
    for (int i = 0; i < info(step.function).arity; ++i)
      operands.push_back(fmt::format("x{}", step.operands[static_cast<size_t>(i)]));
    body += fmt::format("    const float x{} = {};\n", next++,
                        function_expression(step.function, step.p, step.q, "float", operands));
  }
  const std::string name = "Program_" + hash_bytes(parameters + body).hex().substr(0, 16);
  return {name,
          {fmt::format("struct {} {{\n  static __device__ __forceinline__ float apply({}) {{\n"
                       "{}    return x{};\n  }}\n}};",
                       name, parameters, body, program.result())}};
}

NamedCode epilogue_code(const ops::Program& program, const Operand& y,
                        std::span<const Operand> more) {
  const NamedCode inner = program_code(program);
  std::vector<Shape> shapes, strides;
  for (const Operand& operand : more) {
    shapes.push_back(operand.shape);
    strides.push_back(operand.strides());
  }
  const ops::BroadcastPlan plan = ops::plan_broadcast(shapes, strides, y.shape, y.strides());
  std::string types, parameters, body = "    i64 rest = at;\n", passed;
  for (size_t i = 0; i < more.size(); ++i) {
    types += fmt::format("{}class T{}", i ? ", " : "", i);
    parameters += fmt::format(", const T{}* a{}", i, i);
  }
  for (size_t axis = plan.sizes.size(); axis-- > 0;) {
    body +=
        fmt::format("    [[maybe_unused]] const i64 i{} = rest", axis) +
        (axis == 0 ? ";\n"
                   : fmt::format(" % {};\n    rest /= {};\n", plan.sizes[axis], plan.sizes[axis]));
  }
  for (size_t i = 0; i < more.size(); ++i) {
    std::string at;
    for (size_t axis = 0; axis < plan.sizes.size(); ++axis) {
      if (plan.strides[i][axis] != 0)
        at += fmt::format("{}i{} * {}", at.empty() ? "" : " + ", axis, plan.strides[i][axis]);
    }
    passed += fmt::format(", as_float(a{}[{}])", i, at.empty() ? "0" : at);
  }
  const std::string name =
      "Epilogue_" + hash_bytes(inner.name + parameters + body + passed).hex().substr(0, 16);
  const std::string opening = more.empty() ? "" : fmt::format("template <{}>\n  ", types);
  std::vector<std::string> text = inner.text;
  text.push_back(
      fmt::format("struct {} {{\n  {}static __device__ __forceinline__ float "
                  "apply(float x0, i64 at{}) {{\n{}    return {}::apply(x0{});\n  }}\n}};",
                  name, opening, parameters, body, inner.name, passed));
  return {name, std::move(text)};
}

}  // namespace drawbar::cuda
