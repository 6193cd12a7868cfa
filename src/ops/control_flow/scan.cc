#include "ir/graph.h"
#include "ops/control_flow/merge.h"
#include "ops/control_flow/op.h"
#include "ops/control_flow/stack.h"

namespace drawbar::ops {

DRAWBAR_OP(Scan);

namespace {

size_t first_state(const Scan& op) { return op.batched ? 1 : 0; }

int64_t listed(const std::vector<int64_t>& list, size_t i) { return i < list.size() ? list[i] : 0; }

void check(const Scan& op, const Infer& context) {
  if (context.subgraphs() != 1) {
    fail(ErrorCode::invalid_model, "has {} subgraphs, expected 1", context.subgraphs());
  }
  if (op.states < 0 || op.scanned < 1) {
    fail(ErrorCode::invalid_model, "has {} states and {} scanned inputs, expected at least 0 and 1",
         op.states, op.scanned);
  }
  const auto states = static_cast<size_t>(op.states), scanned = static_cast<size_t>(op.scanned);
  const Graph& body = context.subgraph(0);
  if (context.inputs() != first_state(op) + body.inputs().size() ||
      body.inputs().size() < states + scanned || body.outputs().size() != context.outputs() ||
      context.outputs() < states || op.empty_stacks.size() != context.outputs() - states) {
    fail(ErrorCode::invalid_model,
         "has {} inputs, {} states, {} scanned, and {} outputs; its body has {} inputs and {} "
         "outputs",
         context.inputs(), states, scanned, context.outputs(), body.inputs().size(),
         body.outputs().size());
  }
  const auto expect_size = [&](const std::vector<int64_t>& list, size_t size, const char* what) {
    if (!list.empty() && list.size() != size)
      fail(ErrorCode::invalid_model, "{} has {} entries, expected {}", what, list.size(), size);
  };
  expect_size(op.input_axes, scanned, "scan_input_axes");
  expect_size(op.output_axes, context.outputs() - states, "scan_output_axes");
  expect_size(op.input_directions, scanned, "scan_input_directions");
  expect_size(op.output_directions, context.outputs() - states, "scan_output_directions");
  for (const auto* list : {&op.input_directions, &op.output_directions}) {
    for (int64_t direction : *list) {
      if (direction != 0 && direction != 1)
        fail(ErrorCode::invalid_model, "a direction is {}, expected 0 or 1", direction);
    }
  }
}

/// Removes the batch axis from a type.
Type without_batch(const Scan& op, const Type& type) {
  if (!op.batched || !type.is_tensor() || !type.tensor.ranked) return type;
  TensorType result = type.tensor;
  if (result.dims.empty()) fail(ErrorCode::invalid_model, "a batched input has no dimensions");
  result.dims.erase(result.dims.begin());
  return result;
}

/// Runs the scan for values without batch; `length` iterations.
std::vector<Tensor> scan(const Scan& op, Evaluation& e, std::vector<Tensor> state,
                         const std::vector<Tensor>& scanned, int64_t length,
                         std::vector<Stack>& stacks) {
  const size_t captured = first_state(op) + static_cast<size_t>(op.states + op.scanned);
  for (int64_t step = 0; step < length; ++step) {
    e.checkpoint();
    std::vector<Tensor> inputs = std::move(state);
    for (size_t i = 0; i < scanned.size(); ++i) {
      const int64_t axis = Infer::axis(listed(op.input_axes, i), scanned[i].rank());
      const bool backwards = listed(op.input_directions, i) == 1;
      inputs.push_back(slice(scanned[i], axis, backwards ? length - 1 - step : step));
    }
    for (size_t i = captured; i < e.inputs(); ++i) {
      inputs.push_back(e.has(i) ? e.input(i) : Tensor());
    }
    std::vector<Tensor> outputs = e.run_subgraph(0, std::move(inputs));
    const auto middle = outputs.begin() + op.states;
    state.assign(std::make_move_iterator(outputs.begin()), std::make_move_iterator(middle));
    for (size_t i = 0; i < stacks.size(); ++i) {
      stacks[i].push(std::move(outputs[static_cast<size_t>(op.states) + i]));
    }
  }
  return state;
}

int64_t scan_length(const Scan& op, const std::vector<Tensor>& scanned) {
  int64_t length = -1;
  for (size_t i = 0; i < scanned.size(); ++i) {
    const int64_t axis = Infer::axis(listed(op.input_axes, i), scanned[i].rank());
    const int64_t found = scanned[i].dim(axis);
    if (length >= 0 && found != length) {
      fail(ErrorCode::invalid_argument, "scanned input {} has {} slices, others {}", i, found,
           length);
    }
    length = found;
  }
  return length;
}

std::vector<Tensor> inputs_from(const Evaluation& e, size_t first, int64_t count) {
  std::vector<Tensor> values;
  for (size_t i = first; i < first + static_cast<size_t>(count); ++i) values.push_back(e.input(i));
  return values;
}

std::vector<Tensor> batch_item(const std::vector<Tensor>& values, int64_t item) {
  std::vector<Tensor> result;
  for (const Tensor& value : values) {
    if (value.rank() == 0 || value.dim(0) <= item)
      fail(ErrorCode::invalid_argument, "a batched input of shape {} has no item {}",
           to_string(value.shape()), item);
    result.push_back(slice(value, 0, item));
  }
  return result;
}

/// ONNX Scan-8: every item of the batch on its own; shorter sequences leave zeros behind.
void reference_batched(const Scan& op, Evaluation& e) {
  const std::vector<Tensor> states = inputs_from(e, 1, op.states);
  const std::vector<Tensor> scanned =
      inputs_from(e, 1 + static_cast<size_t>(op.states), op.scanned);
  const int64_t batch = scanned[0].rank() ? scanned[0].dim(0) : 0;
  const size_t outputs = op.empty_stacks.size();
  std::vector<Stack> last(static_cast<size_t>(op.states), Stack("f32[0]"));
  std::vector<Stack> batched(op.empty_stacks.begin(), op.empty_stacks.end());
  for (int64_t item = 0; item < batch; ++item) {
    const std::vector<Tensor> slices = batch_item(scanned, item);
    const int64_t longest = scan_length(op, slices);
    const int64_t length = e.has(0) ? read_integer(e.input(0), item) : longest;
    if (length < 0 || length > longest) {
      fail(ErrorCode::invalid_argument, "sequence length {} is out of range, expected 0 to {}",
           length, longest);
    }
    std::vector<Stack> stacks(op.empty_stacks.begin(), op.empty_stacks.end());
    std::vector<Tensor> state = scan(op, e, batch_item(states, item), slices, length, stacks);
    for (size_t i = 0; i < state.size(); ++i) last[i].push(std::move(state[i]));
    for (size_t i = 0; i < outputs; ++i) {
      Tensor stack = stacks[i].stacked(0, listed(op.output_directions, i) == 1);
      Shape shape = stack.shape();
      shape[0] = longest;
      Tensor padded = Tensor::allocate(stack.type(), shape);
      for (int64_t k = 0; k < padded.size(); ++k)
        write_number(padded, k, k < stack.size() ? read_number(stack, k) : 0);
      batched[i].push(std::move(padded));
    }
  }
  for (size_t i = 0; i < last.size(); ++i) last[i].finish(e, i, 0);
  for (size_t i = 0; i < outputs; ++i) batched[i].finish(e, last.size() + i, 0);
}

}  // namespace

void infer(const Scan& op, Infer& context) {
  check(op, context);
  const auto states = static_cast<size_t>(op.states), scanned = static_cast<size_t>(op.scanned);
  const size_t first = first_state(op);
  std::optional<Dim> length, batch;
  std::vector<Type> types;
  for (size_t i = first; i < context.inputs(); ++i) {
    const size_t k = i - first;
    if (k >= states + scanned) {
      types.push_back(context.type(i));
      continue;
    }
    const TensorType& given = context.tensor(i);
    if (op.batched && given.ranked && !given.dims.empty()) batch = given.dims[0];
    Type type = without_batch(op, given);
    if (k >= states && type.tensor.ranked) {
      const auto axis = static_cast<size_t>(
          Infer::axis(listed(op.input_axes, k - states), type.tensor.rank(), "scan_input_axes"));
      const Dim& found = type.tensor.dims[axis];
      length = length ? Infer::same(*length, found, "lengths of scanned inputs") : found;
      type.tensor.dims.erase(type.tensor.dims.begin() + static_cast<ptrdiff_t>(axis));
    }
    types.push_back(std::move(type));
  }
  std::vector<Infer::Input> inputs;
  for (const Type& type : types) inputs.push_back({&type});
  const std::vector<Type> results = context.infer_subgraph(0, inputs);
  const std::set<std::string> known = symbols_of(context, 0, context.inputs());
  for (size_t i = 0; i < context.outputs(); ++i) {
    Type type = without_inner_symbols(results[i], known, context);
    if (i < states) type = merge(types[i], type, context, fmt::format("state {}", i));
    if (!type.is_tensor()) {
      fail(ErrorCode::invalid_model, "output {} is {}, expected a tensor", i, to_string(type));
    }
    Dims& dims = type.tensor.dims;
    if (type.tensor.ranked && i >= states) {
      const auto rank = static_cast<int64_t>(dims.size()) + 1;
      const int64_t axis =
          Infer::axis(listed(op.output_axes, i - states), rank, "scan_output_axes");
      dims.insert(dims.begin() + axis, length ? *length : context.fresh("steps", Dim(no_bound)));
    }
    if (type.tensor.ranked && op.batched) {
      dims.insert(dims.begin(), batch ? *batch : context.fresh("batch", Dim(no_bound)));
    }
    context.output(i, std::move(type));
  }
}

void reference(const Scan& op, Evaluation& e) {
  if (op.batched) return reference_batched(op, e);
  const std::vector<Tensor> scanned = inputs_from(e, static_cast<size_t>(op.states), op.scanned);
  std::vector<Stack> stacks(op.empty_stacks.begin(), op.empty_stacks.end());
  std::vector<Tensor> state =
      scan(op, e, inputs_from(e, 0, op.states), scanned, scan_length(op, scanned), stacks);
  for (size_t i = 0; i < state.size(); ++i) e.set_output(i, std::move(state[i]));
  for (size_t i = 0; i < stacks.size(); ++i) {
    stacks[i].finish(e, static_cast<size_t>(op.states) + i, listed(op.output_axes, i),
                     listed(op.output_directions, i) == 1);
  }
}

}  // namespace drawbar::ops
