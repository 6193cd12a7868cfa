#include "ops/linear_attention/op.h"

#include <cmath>
#include <vector>

namespace drawbar::ops {

DRAWBAR_OP(LinearAttention);

namespace {

constexpr std::string_view names[] = {"q", "k", "v", "past", "decay", "beta"};

void expect_inputs(const LinearAttention& op, const Infer& context) {
  context.expect_inputs(3, 6);
  for (size_t i = 0; i < context.inputs(); ++i) {
    if (!context.has(i)) continue;
    const ElementType element = context.element(i);
    if (!is_floating(element) || bits(element) < 16) {
      fail(ErrorCode::invalid_model, "{} is {}, expected a float type", names[i], name(element));
    }
    context.expect_rank(i, i == LinearAttention::past ? 4 : 3, names[i]);
  }
  if (op.heads < 1 || op.groups < 1 || op.heads % op.groups != 0) {
    fail(ErrorCode::invalid_model, "{} heads of q and {} of k, expected a multiple", op.heads,
         op.groups);
  }
  if (op.gated() && !context.has(LinearAttention::decay)) {
    fail(ErrorCode::invalid_model, "decay is missing");
  }
  if (op.corrects() && !context.has(LinearAttention::beta)) {
    fail(ErrorCode::invalid_model, "beta is missing");
  }
}

/// The size of one of `heads` heads that lie side by side.
Dim head_size(const Dim& dim, int64_t heads, std::string_view what) {
  if (dim.is_constant() && dim.value() % heads != 0) {
    fail(ErrorCode::invalid_model, "{} has {} columns, which {} heads do not divide", what,
         dim.value(), heads);
  }
  return floor_div(dim, Dim(heads));
}

}  // namespace

void infer(const LinearAttention& op, Infer& context) {
  expect_inputs(op, context);
  for (size_t i : {LinearAttention::q, LinearAttention::k, LinearAttention::v}) {
    if (context.ranked(i)) continue;
    context.unranked(0, context.element(0));
    context.unranked(1, context.element(0));
    return;
  }
  const Dims &q = context.dims(0), &k = context.dims(1), &v = context.dims(2);
  const Dim size = Infer::same(head_size(q[2], op.heads, "q"), head_size(k[2], op.groups, "k"),
                               "head sizes of q and k");
  const Dim value_size = head_size(v[2], op.groups, "v");
  const auto expect = [&](size_t i, size_t axis, const Dim& wanted) {
    if (!context.has(i) || !context.ranked(i)) return;
    Infer::same(context.dims(i)[axis], wanted, fmt::format("dimension {} of {}", axis, names[i]));
  };
  for (size_t i : {1, 2, 4, 5}) {
    expect(i, 0, q[0]);
    expect(i, 1, q[1]);
  }
  const Dims state = {q[0], Dim(op.groups), size, value_size};
  for (size_t axis = 0; axis < 4; ++axis) expect(LinearAttention::past, axis, state[axis]);
  const auto expect_columns = [&](size_t i, const Dim& first, const Dim& second) {
    if (!context.has(i) || !context.ranked(i)) return;
    const Dim& own = context.dims(i)[2];
    const bool known = own.is_constant() && first.is_constant() && second.is_constant();
    if (known && own != first && own != second) {
      fail(ErrorCode::invalid_model, "{} has {} columns, expected {} or {}", names[i], own.value(),
           first.value(), second.value());
    }
  };
  expect_columns(LinearAttention::decay, Dim(op.groups), k[2]);
  expect_columns(LinearAttention::beta, Dim(op.groups), Dim(1));
  context.output(0, context.element(0), {q[0], q[1], Dim(op.heads) * value_size});
  context.output(1, context.element(context.has(LinearAttention::past) ? 3 : 0), state);
}

Dim operations(const LinearAttention& op, const Infer& context) {
  if (!context.ranked(0) || !context.ranked(2)) return Dim(0);
  const Dims &q = context.dims(0), &v = context.dims(2);
  return q[0] * q[1] * floor_div(q[2], Dim(op.heads)) * v[2] * Dim(op.corrects() ? 8 : 6);
}

void reference(const LinearAttention& op, Evaluation& e) {
  const Tensor &q = e.input(0), &k = e.input(1), &v = e.input(2);
  const int64_t batch = q.dim(0), steps = q.dim(1);
  const int64_t size = q.dim(2) / op.heads, value_size = v.dim(2) / op.groups;
  const int64_t shared = op.heads / op.groups;
  const double scale =
      op.scale != 0 ? static_cast<double>(op.scale) : 1 / std::sqrt(static_cast<double>(size));
  const auto optional = [&](size_t i) { return e.has(i) ? &e.input(i) : nullptr; };
  const Tensor* past = optional(LinearAttention::past);
  const Tensor* decay = op.gated() ? optional(LinearAttention::decay) : nullptr;
  const Tensor* beta = op.corrects() ? optional(LinearAttention::beta) : nullptr;
  Tensor& out = e.output(0, q.type(), {batch, steps, op.heads * value_size});
  Tensor* last = e.outputs() > 1 ? &e.output(1, past ? past->type() : q.type(),
                                             {batch, op.groups, size, value_size})
                                 : nullptr;
  std::vector<double> state(static_cast<size_t>(size * value_size));
  const auto at = [&](int64_t i, int64_t j) -> double& {
    return state[static_cast<size_t>(i * value_size + j)];
  };
  for (int64_t item = 0; item < batch * op.groups; ++item) {
    const int64_t b = item / op.groups, group = item % op.groups;
    const int64_t state_at = item * size * value_size;
    for (int64_t i = 0; i < size * value_size; ++i) {
      state[static_cast<size_t>(i)] = past ? read_number(*past, state_at + i) : 0;
    }
    for (int64_t t = 0; t < steps; ++t) {
      const int64_t row = b * steps + t;
      const auto key = [&](int64_t i) {
        return read_number(k, (row * op.groups + group) * size + i);
      };
      for (int64_t i = 0; decay && i < size; ++i) {
        const bool per_head = decay->dim(2) == op.groups && size != 1;
        const int64_t from = row * decay->dim(2) + (per_head ? group : group * size + i);
        const double factor = std::exp(read_number(*decay, from));
        for (int64_t j = 0; j < value_size; ++j) at(i, j) *= factor;
      }
      const double rate =
          beta ? read_number(*beta, row * beta->dim(2) + (beta->dim(2) == 1 ? 0 : group)) : 1;
      for (int64_t j = 0; j < value_size; ++j) {
        double value = read_number(v, (row * op.groups + group) * value_size + j);
        for (int64_t i = 0; beta && i < size; ++i) value -= at(i, j) * key(i);
        for (int64_t i = 0; i < size; ++i) at(i, j) += rate * key(i) * value;
      }
      for (int64_t head = group * shared; head < (group + 1) * shared; ++head) {
        for (int64_t j = 0; j < value_size; ++j) {
          double sum = 0;
          for (int64_t i = 0; i < size; ++i) {
            sum += read_number(q, (row * op.heads + head) * size + i) * at(i, j);
          }
          write_number(out, (row * op.heads + head) * value_size + j, scale * sum);
        }
      }
      e.checkpoint();
    }
    for (int64_t i = 0; last && i < size * value_size; ++i) {
      write_number(*last, state_at + i, state[static_cast<size_t>(i)]);
    }
  }
}

}  // namespace drawbar::ops
