#include "ops/cosine_window/op.h"

#include <algorithm>
#include <array>
#include <limits>

#include "ops/dft/roots.h"
#include "ops/dft/signal_inputs.h"
#include "ops/movement/concrete.h"

namespace drawbar::ops {
namespace {

constexpr std::array<std::string_view, 3> names = {"HannWindow", "HammingWindow", "BlackmanWindow"};

[[maybe_unused]] const bool registered = [] {
  for (std::string_view name : names) register_op<CosineWindow>(name);
  return true;
}();

struct Coefficients {
  double a0, a1, a2;
};
constexpr Coefficients coefficients[] = {
    {0.5, 0.5, 0}, {25.0 / 46, 21.0 / 46, 0}, {0.42, 0.5, 0.08}};

}  // namespace

std::string_view CosineWindow::op_name() const { return names[static_cast<size_t>(shape)]; }

CosineWindow CosineWindow::named(std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) fail(ErrorCode::internal, "{} is no window", name);
  return {.shape = static_cast<WindowShape>(found - names.begin())};
}

void infer(const CosineWindow& op, Infer& context) {
  context.expect_inputs(1, 1);
  expect_one_integer(context, 0, "size");
  check_table_type(op.element);
  std::optional<Dim> size = one_integer(context, 0);
  if (!size) size = context.fresh("size", std::numeric_limits<int64_t>::max());
  if (size->is_constant() && size->value() < 0)
    fail(ErrorCode::invalid_model, "size is {}, expected at least 0", size->value());
  context.output(0, op.element, {*size});
}

void reference(const CosineWindow& op, Evaluation& e) {
  Tensor& w = e.output(0, op.element, concrete_shape(op, e));
  const int64_t size = w.size(), period = op.periodic ? size : size - 1;
  const Coefficients& a = coefficients[static_cast<size_t>(op.shape)];
  for (int64_t j = 0; j < size; ++j) {
    if ((j & 0xffff) == 0) e.checkpoint();
    if (period == 0) {
      write_number(w, j, 1);
      continue;
    }
    const double once = root_of_unity(j % period, period).real();
    const double twice = root_of_unity(2 * j % period, period).real();
    write_number(w, j, a.a0 - a.a1 * once + a.a2 * twice);
  }
}

}  // namespace drawbar::ops
