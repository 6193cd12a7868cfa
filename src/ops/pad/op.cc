#include "ops/pad/op.h"

#include "base/checked.h"
#include "ops/movement/concrete.h"
#include "ops/movement/elements.h"
#include "ops/movement/index.h"

namespace drawbar::ops {

DRAWBAR_OP(Pad);

namespace {

/// The padded axes, in the order of the pads.
std::vector<size_t> padded_axes(const std::vector<int64_t>& axes, size_t pads, int64_t rank) {
  std::vector<size_t> result;
  if (axes.empty()) {
    for (int64_t axis = 0; axis < rank; ++axis) result.push_back(static_cast<size_t>(axis));
  }
  std::vector<char> seen(static_cast<size_t>(rank), 0);
  for (int64_t axis : axes) {
    result.push_back(static_cast<size_t>(Infer::axis(axis, rank, "axes")));
    if (seen[result.back()]++)
      fail(ErrorCode::invalid_model, "axes name dimension {} twice", result.back());
  }
  if (pads != 2 * result.size()) {
    fail(ErrorCode::invalid_model, "pads has {} entries, expected {} (two for each dimension)",
         pads, 2 * result.size());
  }
  return result;
}

PadAxis pad_axis(PadMode mode, int64_t size, int64_t before, int64_t after) {
  // What negative pads leave of x is what is padded then.
  PadAxis axis{mode};
  axis.cut = before < 0 ? checked_mul(before, -1) : 0;
  axis.kept = checked_add(checked_add(size, -axis.cut), std::min<int64_t>(after, 0));
  axis.lead = std::max<int64_t>(before, 0);
  axis.total = checked_add(checked_add(size, before), after);
  if (axis.total < 0 || axis.kept < 0)
    fail(ErrorCode::invalid_model, "pads {} and {} leave nothing of {}", before, after, size);
  if (mode != PadMode::constant && axis.kept == 0 && axis.total > 0)
    fail(ErrorCode::invalid_model, "there is nothing to repeat in an empty dimension");
  return axis;
}

}  // namespace

int64_t PadAxis::source(int64_t i) const {
  const int64_t at = i - lead;
  if (at >= 0 && at < kept) return cut + at;
  const auto wrapped = [at](int64_t period) { return (at % period + period) % period; };
  switch (mode) {
    case PadMode::constant:
      return -1;
    case PadMode::edge:
      return cut + (at < 0 ? 0 : kept - 1);
    case PadMode::wrap:
      return cut + wrapped(kept);
    default:
      if (kept == 1) return cut;
      const int64_t turn = wrapped(2 * (kept - 1));
      return cut + std::min(turn, 2 * (kept - 1) - turn);
  }
}

std::vector<PadAxis> pad_axes(PadMode mode, const Shape& x, const std::vector<int64_t>& pads,
                              const std::vector<int64_t>& axes) {
  const auto padded = padded_axes(axes, pads.size(), static_cast<int64_t>(x.size()));
  std::vector<int64_t> before(x.size(), 0), after(x.size(), 0);
  for (size_t i = 0; i < padded.size(); ++i) {
    before[padded[i]] = pads[i];
    after[padded[i]] = pads[padded.size() + i];
  }
  std::vector<PadAxis> result;
  for (size_t i = 0; i < x.size(); ++i) result.push_back(pad_axis(mode, x[i], before[i], after[i]));
  return result;
}

void infer(const Pad&, Infer& context) {
  context.expect_inputs(2, 4);
  const ElementType type = context.element(0);
  expect_indices(context, 1, "pads");
  context.expect_rank(1, 1, "pads");
  if (context.has(2) && context.element(2) != type) {
    fail(ErrorCode::invalid_model, "value is {}, but x is {}", name(context.element(2)),
         name(type));
  }
  if (context.has(3)) {
    expect_indices(context, 3, "axes");
    context.expect_rank(3, 1, "axes");
  }
  if (!context.ranked(0)) return context.unranked(0, type);
  Dims dims = context.dims(0);
  const auto pads = context.content(1);
  const auto axes = context.has(3) ? context.content(3) : Dims{};
  if (!pads || !axes) {
    for (Dim& dim : dims) dim = context.fresh("size", std::numeric_limits<int32_t>::max());
    return context.output(0, type, std::move(dims));
  }
  std::vector<int64_t> named;
  for (const Dim& axis : *axes) {
    if (!axis.is_constant()) fail(ErrorCode::unsupported, "axes depend on a size");
    named.push_back(axis.value());
  }
  const auto padded = padded_axes(named, pads->size(), context.rank(0));
  for (size_t i = 0; i < padded.size(); ++i) {
    Dim& dim = dims[padded[i]];
    dim = dim + (*pads)[i] + (*pads)[padded.size() + i];
    if (dim.is_constant() && dim.value() < 0) {
      fail(ErrorCode::invalid_model, "pads leave {} elements along dimension {}", dim.value(),
           padded[i]);
    }
  }
  context.output(0, type, std::move(dims));
}

void reference(const Pad& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  const auto list = [&](size_t i) {
    return e.has(i) ? read_integers(e.input(i)) : std::vector<int64_t>{};
  };
  const Tensor x = unpacked(e.input(0));
  std::vector<PadAxis> axes;
  try {
    axes = pad_axes(op.mode, x.shape(), list(1), list(3));
  } catch (const Error& error) {
    rethrow_as_argument(error);
  }
  const Tensor value = e.has(2) ? unpacked(e.input(2)) : Tensor();
  if (e.has(2) && value.size() != 1)
    fail(ErrorCode::invalid_argument, "value has {} elements, expected 1", value.size());
  const Shape strides = row_major_strides(x.shape());
  move_into(e, 0, e.input(0).type(), shape, [&](Tensor& y) {
    with_storage_type(y.type(), [&](auto zero) {
      using T = decltype(zero);
      const T outside = e.has(2) ? *static_cast<const T*>(value.raw()) : T{};
      const T* from = static_cast<const T*>(x.raw());
      Shape position(shape.size(), 0);
      for (int64_t i = 0; i < y.size(); ++i) {
        int64_t at = 0;
        for (size_t k = 0; k < shape.size() && at >= 0; ++k) {
          const int64_t index = axes[k].source(position[k]);
          at = index < 0 ? -1 : at + index * strides[k];
        }
        static_cast<T*>(y.raw())[i] = at < 0 ? outside : from[at];
        for (size_t k = shape.size(); k-- > 0 && ++position[k] == shape[k];) position[k] = 0;
        if (i % 65536 == 0) e.checkpoint();
      }
    });
  });
}

bool keeps_rows(const Pad&, const Infer& context, const std::vector<bool>& batched) {
  if (!batched[0] || !context.constant(1) || context.has(3)) return false;
  const std::vector<int64_t> pads = read_integers(*context.constant(1));
  return pads.front() == 0 && pads[pads.size() / 2] == 0;
}

Dim operations(const Pad&, const Infer&) { return 0; }

}  // namespace drawbar::ops
