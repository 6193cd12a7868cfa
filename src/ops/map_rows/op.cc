#include "ops/map_rows/op.h"

#include <cstring>

#include "base/checked.h"
#include "ir/graph.h"

namespace drawbar::ops {

DRAWBAR_OP(MapRows);

namespace {

void expect_whole_bytes(const TensorType& type, std::string_view what) {
  if (type.element == ElementType::string || bits(type.element) % 8 != 0) {
    fail(ErrorCode::invalid_model, "{} is {}, expected elements of whole bytes", what,
         name(type.element));
  }
}

/// How many parts input i has; its parts must be what the subgraph reads.
int64_t parts_of(const MapRows& op, const TensorType& given, const Type& read, size_t i) {
  const std::string what = fmt::format("input {}", i);
  expect_whole_bytes(given, what);
  if (!given.ranked || given.dims.empty() || !given.dims[0].is_constant()) {
    fail(ErrorCode::invalid_model, "{} is {}, expected a known first dimension", what,
         to_string(given));
  }
  const int64_t size = given.dims[0].value();
  if (size == 0 || size % op.rows != 0) {
    fail(ErrorCode::invalid_model, "{} has {} rows, expected a multiple of {}", what, size,
         op.rows);
  }
  Type part(given.element, given.dims);
  part.tensor.dims[0] = Dim(op.rows);
  if (!read.is_tensor() || read.tensor.element != part.tensor.element ||
      read.tensor.dims != part.tensor.dims) {
    fail(ErrorCode::invalid_model, "{} in parts is {}, the subgraph reads {}", what,
         to_string(part), to_string(read));
  }
  return size / op.rows;
}

}  // namespace

void infer(const MapRows& op, Infer& context) {
  if (context.subgraphs() != 1) {
    fail(ErrorCode::invalid_model, "has {} subgraphs, expected 1", context.subgraphs());
  }
  const Graph& body = context.subgraph(0);
  if (context.inputs() != body.inputs().size() || context.outputs() != body.outputs().size()) {
    fail(ErrorCode::invalid_model, "has {} inputs and {} outputs, its subgraph {} and {}",
         context.inputs(), context.outputs(), body.inputs().size(), body.outputs().size());
  }
  if (op.rows < 1 || op.batched < 1 || op.batched > static_cast<int64_t>(context.inputs())) {
    fail(ErrorCode::invalid_model, "rows is {}, batched {} of {} inputs", op.rows, op.batched,
         context.inputs());
  }
  int64_t parts = 0;
  for (size_t i = 0; i < context.inputs(); ++i) {
    const Type& read = body.value(body.inputs()[i]).type;
    if (i >= static_cast<size_t>(op.batched)) {
      const Type& given = context.type(i);
      if (!given.is_tensor() || !read.is_tensor() || read.tensor.element != given.tensor.element ||
          read.tensor.dims != given.tensor.dims) {
        fail(ErrorCode::invalid_model, "input {} is {}, the subgraph reads {}", i, to_string(given),
             to_string(read));
      }
      continue;
    }
    const int64_t here = parts_of(op, context.tensor(i), read, i);
    if (i > 0 && here != parts) {
      fail(ErrorCode::invalid_model, "input {} has {} parts, input 0 has {}", i, here, parts);
    }
    parts = here;
  }
  for (size_t i = 0; i < context.outputs(); ++i) {
    Type type = body.value(body.outputs()[i]).type;
    if (!type.is_static() || type.tensor.dims.empty() || type.tensor.dims[0] != Dim(op.rows)) {
      fail(ErrorCode::invalid_model, "output {} of the subgraph is {}, expected {} rows", i,
           to_string(type), op.rows);
    }
    expect_whole_bytes(type.tensor, fmt::format("output {}", i));
    type.tensor.dims[0] = Dim(checked_mul(op.rows, parts));
    context.output(i, std::move(type));
  }
}

void reference(const MapRows& op, Evaluation& e) {
  const int64_t parts = e.input(0).dim(0) / op.rows;
  for (int64_t part = 0; part < parts; ++part) {
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < e.inputs(); ++i) {
      const Tensor& given = e.input(i);
      if (i >= static_cast<size_t>(op.batched)) {
        inputs.push_back(given);
        continue;
      }
      Shape shape = given.shape();
      shape[0] = op.rows;
      const int64_t bytes = given.bytes() / parts;
      Tensor rows = Tensor::allocate(given.type(), std::move(shape));
      std::memcpy(rows.raw(), static_cast<const std::byte*>(given.raw()) + part * bytes,
                  static_cast<size_t>(bytes));
      inputs.push_back(std::move(rows));
    }
    const std::vector<Tensor> results = e.run_subgraph(0, std::move(inputs));
    for (size_t i = 0; i < results.size(); ++i) {
      Shape shape = results[i].shape();
      shape[0] *= parts;
      Tensor& y = e.output(i, results[i].type(), std::move(shape));
      std::memcpy(static_cast<std::byte*>(y.raw()) + part * results[i].bytes(), results[i].raw(),
                  static_cast<size_t>(results[i].bytes()));
    }
    e.checkpoint();
  }
}

}  // namespace drawbar::ops
