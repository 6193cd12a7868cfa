#include "ops/sequence/op.h"

#include "ops/control_flow/merge.h"

namespace drawbar::ops {

DRAWBAR_OP(SequenceConstruct);
DRAWBAR_OP(SequenceEmpty);
DRAWBAR_OP(SequenceAt);
DRAWBAR_OP(SequenceInsert);
DRAWBAR_OP(SequenceErase);
DRAWBAR_OP(SequenceLength);

namespace {

Type sequence_of(Type element) { return Type::of(Tensor::Kind::sequence, std::move(element)); }

void expect_position(const Infer& context, size_t i) {
  if (!context.has(i)) return;
  const TensorType& type = context.tensor(i);
  if (type.element != ElementType::i64 && type.element != ElementType::i32) {
    fail(ErrorCode::invalid_model, "the position is {}, expected i64", name(type.element));
  }
  if (type.is_static() && !(type.size() == Dim(1))) {
    fail(ErrorCode::invalid_model, "the position has shape [{}], expected one element",
         to_string(type.dims));
  }
}

/// Position in [0, size), or up to `size` itself where something is inserted.
size_t position(const Evaluation& e, size_t i, size_t size, bool end_allowed) {
  const auto count = static_cast<int64_t>(size);
  const Tensor& tensor = e.input(i);
  if (tensor.size() != 1) fail(ErrorCode::invalid_argument, "the position has no single element");
  const int64_t given = read_integer(tensor, 0), least = -count,
                most = end_allowed ? count : count - 1;
  if (given < least || given > most) {
    fail(ErrorCode::invalid_argument, "position {} is out of range for a sequence of {}", given,
         count);
  }
  return static_cast<size_t>(given < 0 ? given + count : given);
}

const std::vector<Tensor>& elements(const Evaluation& e, size_t i) {
  const Tensor& sequence = e.input(i);
  if (sequence.kind() != Tensor::Kind::sequence)
    fail(ErrorCode::invalid_argument, "input {} is no sequence", i);
  return sequence.elements();
}

void set_sequence(Evaluation& e, std::vector<Tensor> values) {
  e.set_output(0, Tensor::compound(Tensor::Kind::sequence, std::move(values)));
}

}  // namespace

const Type& element_of_sequence(const Infer& context, size_t i) {
  const Type& type = context.type(i);
  if (type.kind != Tensor::Kind::sequence || !type.element) {
    fail(ErrorCode::invalid_model, "input {} is {}, expected a sequence", i, to_string(type));
  }
  return *type.element;
}

void infer(const SequenceConstruct&, Infer& context) {
  if (context.inputs() == 0) fail(ErrorCode::invalid_model, "has no inputs, expected at least 1");
  Type element = context.tensor(0);
  for (size_t i = 1; i < context.inputs(); ++i) {
    element = merge_elements(element, context.tensor(i), fmt::format("element {}", i));
  }
  element.tensor.layout = Layout::row_major;
  context.output(0, sequence_of(std::move(element)));
}

void reference(const SequenceConstruct&, Evaluation& e) {
  std::vector<Tensor> values;
  for (size_t i = 0; i < e.inputs(); ++i) values.push_back(e.input(i));
  set_sequence(e, std::move(values));
}

void infer(const SequenceEmpty& op, Infer& context) {
  context.expect_inputs(0, 0);
  TensorType element{op.element, {}};
  element.ranked = false;
  context.output(0, sequence_of(element));
}

void reference(const SequenceEmpty&, Evaluation& e) { set_sequence(e, {}); }

void infer(const SequenceAt&, Infer& context) {
  context.expect_inputs(2, 2);
  expect_position(context, 1);
  context.output(0, without_varying(element_of_sequence(context, 0), context));
}

void reference(const SequenceAt&, Evaluation& e) {
  const auto& values = elements(e, 0);
  e.set_output(0, values[position(e, 1, values.size(), false)]);
}

void infer(const SequenceInsert&, Infer& context) {
  context.expect_inputs(2, 3);
  expect_position(context, 2);
  context.output(0, sequence_of(merge_elements(element_of_sequence(context, 0), context.type(1),
                                               "the element inserted")));
}

void reference(const SequenceInsert&, Evaluation& e) {
  std::vector<Tensor> values = elements(e, 0);
  const size_t at = e.has(2) ? position(e, 2, values.size(), true) : values.size();
  values.insert(values.begin() + static_cast<ptrdiff_t>(at), e.input(1));
  set_sequence(e, std::move(values));
}

void infer(const SequenceErase&, Infer& context) {
  context.expect_inputs(1, 2);
  element_of_sequence(context, 0);
  expect_position(context, 1);
  context.output(0, context.type(0));
}

void reference(const SequenceErase&, Evaluation& e) {
  std::vector<Tensor> values = elements(e, 0);
  if (values.empty()) fail(ErrorCode::invalid_argument, "the sequence has no element to erase");
  const size_t at = e.has(1) ? position(e, 1, values.size(), false) : values.size() - 1;
  values.erase(values.begin() + static_cast<ptrdiff_t>(at));
  set_sequence(e, std::move(values));
}

void infer(const SequenceLength&, Infer& context) {
  context.expect_inputs(1, 1);
  element_of_sequence(context, 0);
  context.output(0, ElementType::i64, {});
}

void reference(const SequenceLength&, Evaluation& e) {
  const auto count = static_cast<int64_t>(elements(e, 0).size());
  e.output(0, ElementType::i64, {}).data<int64_t>()[0] = count;
}

}  // namespace drawbar::ops
