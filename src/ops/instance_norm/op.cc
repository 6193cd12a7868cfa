#include "ops/instance_norm/op.h"

#include <algorithm>
#include <cmath>

namespace drawbar::ops {

DRAWBAR_OP(GroupNorm);

void infer(const GroupNorm& op, Infer& context) {
  constexpr std::string_view names[] = {"x", "scale", "bias"};
  context.expect_inputs(3, 3);
  for (size_t i = 0; i < 3; ++i) {
    if (!is_floating(context.element(i)) || bits(context.element(i)) < 16) {
      fail(ErrorCode::invalid_model, "{} is {}, expected a float type", names[i],
           name(context.element(i)));
    }
  }
  if (op.groups < 0) fail(ErrorCode::invalid_model, "groups is {}, expected at least 0", op.groups);
  context.output(0, context.type(0));
  if (!context.ranked(0)) return;
  if (context.rank(0) < 2) {
    fail(ErrorCode::invalid_model, "x has rank {}, expected at least 2", context.rank(0));
  }
  const Dim& channels = context.dims(0)[1];
  if (op.groups > 0 && channels.is_constant() && channels.value() % op.groups != 0) {
    fail(ErrorCode::invalid_model, "x has {} channels, which {} groups do not divide",
         channels.value(), op.groups);
  }
  for (size_t i = 1; i < 3; ++i) {
    context.expect_rank(i, 1, names[i]);
    if (!context.ranked(i) || !channels.is_constant()) continue;
    const Dim& size = context.dims(i)[0];
    if (size.is_constant() && size != channels && size != Dim(op.groups)) {
      fail(ErrorCode::invalid_model, "{} has {} elements, expected one per channel ({})", names[i],
           size.value(), channels.value());
    }
  }
}

bool keeps_rows(const GroupNorm&, const Infer&, const std::vector<bool>& batched) {
  return batched[0] && std::find(batched.begin() + 1, batched.end(), true) == batched.end();
}

Dim operations(const GroupNorm&, const Infer& context) { return Dim(8) * context.tensor(0).size(); }

void reference(const GroupNorm& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const Tensor& scale = e.input(1);
  const Tensor& bias = e.input(2);
  Tensor& y = e.output(0, x.type(), x.shape());
  if (x.size() == 0) return;
  const int64_t channels = x.dim(1);
  const int64_t groups = op.groups == 0 ? channels : op.groups;
  const int64_t spatial = x.size() / x.dim(0) / channels;
  const int64_t length = channels / groups * spatial;
  for (int64_t group = 0; group < x.dim(0) * groups; ++group) {
    const int64_t start = group * length;
    double mean = 0, squares = 0;
    for (int64_t i = 0; i < length; ++i) mean += read_number(x, start + i);
    mean /= static_cast<double>(length);
    for (int64_t i = 0; i < length; ++i) {
      const double difference = read_number(x, start + i) - mean;
      squares += difference * difference;
    }
    const double inverse =
        1 / std::sqrt(squares / static_cast<double>(length) + static_cast<double>(op.epsilon));
    for (int64_t i = 0; i < length; ++i) {
      const int64_t channel = (start + i) / spatial % channels;
      const auto parameter = [&](const Tensor& t) {
        return read_number(t, t.size() == channels ? channel : channel / (channels / groups));
      };
      write_number(
          y, start + i,
          (read_number(x, start + i) - mean) * inverse * parameter(scale) + parameter(bias));
    }
    e.checkpoint();
  }
}

}  // namespace drawbar::ops
