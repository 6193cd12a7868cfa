#include "ops/optional/op.h"

#include "ir/text.h"
#include "ops/control_flow/merge.h"

namespace drawbar::ops {

DRAWBAR_OP(Optional);
DRAWBAR_OP(OptionalGetElement);
DRAWBAR_OP(OptionalHasElement);

namespace {

/// A type from its text form, which a graph's input has.
Type parse_type(const std::string& text) {
  if (text.empty() || text.find_first_of("{}%\n") != std::string::npos) {
    fail(ErrorCode::invalid_model, "'{}' is no type", text);
  }
  const Graph graph = parse("graph type(%x: " + text + ") {\n  return %x\n}\n");
  return graph.value(graph.inputs()[0]).type;
}

}  // namespace

void infer(const Optional& op, Infer& context) {
  context.expect_inputs(0, 1);
  Type element = context.has(0) ? context.type(0) : parse_type(op.type);
  context.output(0, Type::of(Tensor::Kind::optional, std::move(element)));
}

void reference(const Optional&, Evaluation& e) {
  std::vector<Tensor> element;
  if (e.has(0)) element.push_back(e.input(0));
  e.set_output(0, Tensor::compound(Tensor::Kind::optional, std::move(element)));
}

void infer(const OptionalGetElement&, Infer& context) {
  context.expect_inputs(1, 1);
  const Type& type = context.type(0);
  const bool optional = type.kind == Tensor::Kind::optional && type.element;
  context.output(0, optional ? without_varying(*type.element, context) : type);
}

void reference(const OptionalGetElement&, Evaluation& e) {
  if (!e.has(0)) fail(ErrorCode::invalid_argument, "the optional is empty");
  const Tensor& x = e.input(0);
  if (x.kind() != Tensor::Kind::optional) return e.set_output(0, x);
  if (x.elements().empty()) fail(ErrorCode::invalid_argument, "the optional is empty");
  e.set_output(0, x.elements()[0]);
}

void infer(const OptionalHasElement&, Infer& context) {
  context.expect_inputs(0, 1);
  context.output(0, ElementType::boolean, {});
}

void reference(const OptionalHasElement&, Evaluation& e) {
  const bool has =
      e.has(0) && (e.input(0).kind() != Tensor::Kind::optional || !e.input(0).elements().empty());
  e.output(0, ElementType::boolean, {}).data<bool>()[0] = has;
}

}  // namespace drawbar::ops
