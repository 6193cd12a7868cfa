#include "tests/support/op_case.h"

#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "tests/support/draw.h"
#include "tests/support/one_node.h"

namespace drawbar {
namespace {

uint64_t seed_of(const OpCase& op_case) { return hash_bytes(op_case.name).low % 1000; }

std::pair<double, double> tolerances(const OpCase& op_case, ElementType type) {
  switch (type) {
    case ElementType::f64:
      return {1e-9, 1e-11};
    case ElementType::f16:
      return {std::max(op_case.rtol, 2e-3), std::max(op_case.atol, 1e-3)};
    case ElementType::bf16:
      return {std::max(op_case.rtol, 1.6e-2), std::max(op_case.atol, 1e-2)};
    default:
      return {op_case.rtol, op_case.atol};
  }
}

/// Sizes of 2 and more become symbols, one for each number, in inputs that are not constant.
Type with_symbols(Type type, Bindings& bindings) {
  if (!type.is_tensor()) {
    type.element = std::make_shared<const Type>(with_symbols(*type.element, bindings));
    return type;
  }
  for (Dim& dim : type.tensor.dims) {
    if (!dim.is_constant() || dim.value() < 2) continue;
    const std::string symbol = fmt::format("d{}", dim.value());
    bindings[symbol] = dim.value();
    dim = Dim::symbol(symbol);
  }
  return type;
}

/// The type inference gives must fit what the reference computes.
void expect_fits(const Value& value, const Tensor& got, const Bindings& bindings,
                 const std::string& what) {
  const Type type = substitute(value.type, bindings);
  if (!got.has_value()) return;
  ASSERT_EQ(type.kind, got.kind()) << what;
  if (!type.is_tensor()) return;
  EXPECT_EQ(name(type.tensor.element), name(got.type())) << what;
  if (!type.tensor.ranked) return;
  ASSERT_EQ(type.tensor.rank(), got.rank()) << what << ": inferred " << to_string(type);
  for (size_t i = 0; i < type.tensor.dims.size(); ++i) {
    const Dim& dim = type.tensor.dims[i];
    if (dim.is_constant()) {
      EXPECT_EQ(dim.value(), got.shape()[i]) << what << ": inferred " << to_string(value.type)
                                             << ", computed " << to_string(got.shape());
    }
  }
  if (!value.content) return;
  ASSERT_EQ(static_cast<int64_t>(value.content->size()), got.size()) << what << ": content";
  for (size_t i = 0; i < value.content->size(); ++i) {
    const auto known = (*value.content)[i].evaluate(bindings);
    if (!known) continue;
    EXPECT_EQ(*known, read_integer(got, static_cast<int64_t>(i))) << what << ": content";
  }
}

/// Infers the case with symbols in the place of numbers: what it says of them must hold.
void expect_symbols_fit(const OpCase& op_case, const OneNode& one) {
  Bindings bindings;
  std::vector<Type> types;
  for (ValueId input : one.graph.inputs()) {
    types.push_back(with_symbols(one.graph.value(input).type, bindings));
  }
  Graph symbolic;
  try {
    symbolic = one.graph.specialize({}, types);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::unsupported) {
      ADD_FAILURE() << op_case.name << ": with symbolic sizes: " << error.what();
    }
    return;
  }
  for (size_t i = 0; i < one.outputs.size(); ++i) {
    expect_fits(symbolic.value(symbolic.outputs()[i]), one.outputs[i], bindings,
                fmt::format("{}: output {} with symbolic sizes", op_case.name, i));
  }
}

std::vector<TargetCheck>& target_checks() {
  static std::vector<TargetCheck> all;
  return all;
}

void expect_cpu_agrees(const OpCase& op_case, std::vector<CheckedCase>& checked) {
  const uint64_t seed = seed_of(op_case);
  SCOPED_TRACE(fmt::format("case '{}' ({}), seed {}", op_case.name, op_case.op.name(), seed));
  try {
    OneNode one = make_one_node(op_case, seed);
    for (size_t i = 0; i < one.outputs.size(); ++i) {
      expect_fits(one.graph.value(one.graph.outputs()[i]), one.outputs[i], {},
                  fmt::format("{}: output {}", op_case.name, i));
    }
    expect_symbols_fit(op_case, one);
    const ElementType type = one.outputs.empty() || one.outputs[0].kind() != Tensor::Kind::tensor
                                 ? ElementType::f32
                                 : one.outputs[0].type();
    const auto [rtol, atol] = tolerances(op_case, type);
    expect_tactics_agree(op_case, one, rtol, atol);
    expect_rows_apart(op_case, one, rtol, atol);
    checked.push_back({op_case, std::move(one), rtol, atol});
  } catch (const Error& error) {
    ADD_FAILURE() << op_case.name << ": " << name(error.code()) << ": " << error.what();
  }
}

std::string rejection_of(const Rejection& rejection) {
  try {
    Graph graph;
    std::vector<ValueId> inputs;
    for (const std::string& text : rejection.inputs) {
      if (text == "_") {
        inputs.push_back(no_id);
        continue;
      }
      const InputText input(text);
      if (input.constant) {
        inputs.push_back(
            graph.add_constant(input.values.has_value() ? input.values : draw(text, 1)));
      } else {
        inputs.push_back(graph.add_input(fmt::format("x{}", inputs.size()), input.type));
      }
    }
    graph.add_node(rejection.op, inputs, rejection.outputs, "rejected");
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == ErrorCode::invalid_model || error.code() == ErrorCode::unsupported)
        << rejection.name << ": " << name(error.code());
    return error.message();
  }
  return {};
}

}  // namespace

bool register_target_check(TargetCheck check) {
  target_checks().push_back(check);
  return true;
}

OneNode make_one_node(const OpCase& op_case, uint64_t seed) {
  OneNode one;
  std::vector<ValueId> ids;
  for (const std::string& text : op_case.inputs) {
    if (text == "_") {
      ids.push_back(no_id);
      one.operands.emplace_back();
      continue;
    }
    const InputText input(text);
    Tensor value = input.values.has_value()
                       ? input.values
                       : draw(input.type, seed + 1000 * ids.size(), op_case.low, op_case.high);
    one.operands.push_back(value);
    if (input.constant) {
      ids.push_back(one.graph.add_constant(value));
    } else {
      ids.push_back(one.graph.add_input(fmt::format("x{}", ids.size()), input.type));
      one.inputs.push_back(value);
    }
  }
  one.node = one.graph.add_node(op_case.op, ids, op_case.outputs, op_case.name);
  for (ValueId output : one.graph.node(one.node).outputs) {
    one.graph.add_output(output, one.graph.value(output).name);
  }
  if (op_case.op.schema().deterministic) {
    one.outputs = evaluate_graph(one.graph, one.inputs);
    EXPECT_EQ(parse(print(one.graph),
                    [&](std::string_view hash, ElementType, const Shape&) {
                      for (ValueId id = 0; id < one.graph.value_count(); ++id) {
                        const ConstantPtr& constant = one.graph.value(id).constant;
                        if (constant && constant->hash().hex() == hash) return constant;
                      }
                      return ConstantPtr();
                    })
                  .node_count(),
              1u);
  }
  return one;
}

void expect_targets_agree(std::span<const OpCase> cases) {
  std::vector<CheckedCase> checked;
  for (const OpCase& op_case : cases) expect_cpu_agrees(op_case, checked);
  for (const TargetCheck check : target_checks()) check(checked);
}

void expect_rejected(std::span<const Rejection> cases) {
  for (const Rejection& rejection : cases) {
    const std::string message = rejection_of(rejection);
    EXPECT_FALSE(message.empty()) << "case '" << rejection.name << "' was accepted";
    EXPECT_NE(message.find(rejection.words), std::string::npos)
        << "case '" << rejection.name << "': \"" << message << "\" lacks \"" << rejection.words
        << "\"";
  }
}

std::vector<Tensor> run_reference(const Op& op, const std::vector<Tensor>& inputs, size_t outputs) {
  return evaluate_op(op, inputs, outputs);
}

}  // namespace drawbar
