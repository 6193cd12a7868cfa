#include "ops/attention/op.h"

#include <algorithm>

namespace drawbar::ops {

DRAWBAR_OP(Attention);

namespace {

constexpr std::string_view names[] = {"q", "k", "v", "mask", "lengths", "offset"};

/// Dimensions in the order batch, heads, rows, size.
Dims heads_first(const Infer& context, size_t i, bool heads_last) {
  context.expect_rank(i, 4, names[i]);
  Dims dims = context.dims(i);
  if (heads_last) std::swap(dims[1], dims[2]);
  return dims;
}

void expect_elements(const Infer& context) {
  for (size_t i = 0; i < context.inputs(); ++i) {
    if (!context.has(i)) continue;
    const ElementType element = context.element(i);
    if (i >= Attention::lengths) {
      if (element != ElementType::i64) {
        fail(ErrorCode::invalid_model, "{} is {}, expected i64", names[i], name(element));
      }
      context.expect_rank(i, 1, names[i]);
      continue;
    }
    const bool wide = is_floating(element) && bits(element) >= 16;
    const bool same = element == context.element(0) ||
                      (i == Attention::mask && element == ElementType::boolean) ||
                      (i == Attention::v && wide);
    if (!(wide || i == Attention::mask) || !same) {
      fail(ErrorCode::invalid_model, "{} is {}, expected {}", names[i], name(element),
           i == 0                 ? "a float type"
           : i == Attention::mask ? "q's type or bool"
                                  : "q's type");
    }
  }
}

void expect_mask(const Infer& context, const Dims& whole) {
  if (!context.has(Attention::mask) || !context.ranked(Attention::mask)) return;
  const Dims& mask = context.dims(Attention::mask);
  bool fits = !mask.empty() && mask.size() <= 4;
  for (size_t i = 0; fits && i < mask.size(); ++i) {
    const Dim& own = mask[mask.size() - 1 - i];
    const Dim& wanted = whole[3 - i];
    if (!own.is_constant() || !wanted.is_constant()) continue;
    fits = i == 0 ? own.value() <= wanted.value() : own == wanted || own == Dim(1);
  }
  if (!fits) {
    fail(ErrorCode::invalid_model, "mask has shape [{}], expected [{}]", to_string(mask),
         to_string(whole));
  }
}

}  // namespace

void infer(const Attention& op, Infer& context) {
  context.expect_inputs(3, 6);
  expect_elements(context);
  if (!(op.softcap >= 0) || op.left_window < -1 || op.right_window < -1) {
    fail(ErrorCode::invalid_model,
         "softcap is {}, left_window {}, right_window {}, expected at least 0, -1, -1", op.softcap,
         op.left_window, op.right_window);
  }
  if (!context.ranked(0) || !context.ranked(1) || !context.ranked(2)) {
    context.unranked(0, context.element(0));
    context.unranked(1, context.element(0));
    return;
  }
  const Dims q = heads_first(context, Attention::q, op.q_heads_last);
  const Dims k = heads_first(context, Attention::k, op.k_heads_last);
  const Dims v = heads_first(context, Attention::v, op.v_heads_last);
  const Dim batch =
      Infer::same(Infer::same(q[0], k[0], "batches of q and k"), v[0], "batches of q and v");
  const Dim groups = Infer::same(k[1], v[1], "heads of k and v");
  const Dim keys = Infer::same(k[2], v[2], "rows of k and v");
  Infer::same(q[3], k[3], "head sizes of q and k");
  if (q[1].is_constant() && groups.is_constant() &&
      (groups.value() == 0 || q[1].value() % groups.value() != 0)) {
    fail(ErrorCode::invalid_model, "q has {} heads, which k's {} do not divide", q[1].value(),
         groups.value());
  }
  expect_mask(context, {batch, q[1], q[2], keys});
  for (size_t i : {Attention::lengths, Attention::offset}) {
    if (!context.has(i) || !context.ranked(i)) continue;
    if (i == Attention::offset && context.dims(i)[0] == Dim(1)) continue;
    Infer::same(context.dims(i)[0], batch, fmt::format("elements of {} and batches", names[i]));
  }
  context.output(0, context.element(0),
                 op.y_heads_last ? Dims{batch, q[2], q[1], v[3]} : Dims{batch, q[1], q[2], v[3]});
  context.output(1, context.element(0), {batch, q[1], q[2], keys});
}

bool keeps_rows(const Attention&, const Infer& context, const std::vector<bool>& batched) {
  for (size_t i : {Attention::q, Attention::k, Attention::v}) {
    if (!batched[i]) return false;
  }
  if (context.has(Attention::lengths) && !batched[Attention::lengths]) return false;
  const bool mask = context.has(Attention::mask);
  if (mask && !rows_broadcast(context, {batched.begin(), batched.begin() + Attention::mask + 1}, 4,
                              Attention::mask)) {
    return false;
  }
  return !context.has(Attention::offset) || batched[Attention::offset] ||
         context.dims(Attention::offset)[0] == Dim(1);
}

Dim operations(const Attention& op, const Infer& context) {
  if (!context.ranked(0) || !context.ranked(1) || !context.ranked(2)) return Dim(0);
  const Dims k = heads_first(context, Attention::k, op.k_heads_last);
  const Dims v = heads_first(context, Attention::v, op.v_heads_last);
  const Dims q = heads_first(context, Attention::q, op.q_heads_last);
  return q[0] * q[1] * q[2] * k[2] * (Dim(2) * (q[3] + v[3]) + Dim(10));
}

AttentionSizes attention_sizes(const Attention& op, const Shape& q, const Shape& k, const Shape& v,
                               const Shape* mask) {
  const auto heads = [](const Shape& shape, bool last) { return shape[last ? 2 : 1]; };
  const auto rows = [](const Shape& shape, bool last) { return shape[last ? 1 : 2]; };
  AttentionSizes sizes;
  sizes.batch = q[0];
  sizes.heads = heads(q, op.q_heads_last);
  sizes.groups = heads(k, op.k_heads_last);
  sizes.queries = rows(q, op.q_heads_last);
  sizes.keys = rows(k, op.k_heads_last);
  sizes.size = q[3];
  sizes.value_size = v[3];
  const auto strides = [](int64_t head_count, int64_t row_count, int64_t size, bool last) {
    const int64_t whole = head_count * row_count * size;
    return last ? AttentionSizes::Strides{whole, size, head_count * size}
                : AttentionSizes::Strides{whole, row_count * size, size};
  };
  sizes.q = strides(sizes.heads, sizes.queries, sizes.size, op.q_heads_last);
  sizes.k = strides(sizes.groups, sizes.keys, sizes.size, op.k_heads_last);
  sizes.v = strides(sizes.groups, sizes.keys, sizes.value_size, op.v_heads_last);
  sizes.y = strides(sizes.heads, sizes.queries, sizes.value_size, op.y_heads_last);
  if (mask) {
    int64_t step = 1;
    int64_t* const into[] = {&sizes.mask_keys, &sizes.mask.row, &sizes.mask.head,
                             &sizes.mask.batch};
    for (size_t i = 0; i < mask->size(); ++i) {
      const int64_t size = (*mask)[mask->size() - 1 - i];
      *into[i] = i == 0 ? size : size == 1 ? 0 : step;
      step *= size;
    }
  }
  return sizes;
}

std::pair<int64_t, int64_t> attended_keys(const Attention& op, int64_t position, int64_t keys) {
  int64_t first = 0, last = keys;
  if (op.left_window >= 0) first = std::max(position, int64_t{-1}) - op.left_window;
  if (op.right_window >= 0) last = position + std::min(op.right_window, keys) + 1;
  if (op.causal) last = std::min(last, position + 1);
  first = std::clamp<int64_t>(first, 0, keys);
  return {first, std::clamp<int64_t>(last, first, keys)};
}

}  // namespace drawbar::ops
