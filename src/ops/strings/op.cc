#include "ops/strings/op.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/utf8.h"
#include "ops/pointwise/broadcast.h"

namespace drawbar::ops {

DRAWBAR_OP(StringConcat);
DRAWBAR_OP(StringSplit);
DRAWBAR_OP(RegexFullMatch);

void expect_strings(const Infer& context, size_t i, std::string_view what) {
  if (context.element(i) == ElementType::string) return;
  fail(ErrorCode::invalid_model, "{} is {}, expected string", what, name(context.element(i)));
}

namespace {

constexpr size_t npos = std::string_view::npos;

/// text.find in time linear in the text, whatever is looked for.
size_t find(std::string_view text, std::string_view what, size_t from) {
  const void* found = memmem(text.data() + from, text.size() - from, what.data(), what.size());
  return found ? static_cast<size_t>(static_cast<const char*>(found) - text.data()) : npos;
}

/// Calls piece(view) for every piece of the text.
template <class F>
void for_each_piece(const StringSplit& op, std::string_view text, F&& piece) {
  int64_t left = op.most_splits < 0 ? std::numeric_limits<int64_t>::max() : op.most_splits;
  if (!op.delimiter.empty()) {
    for (size_t at = 0;;) {
      const size_t end = left-- > 0 ? find(text, op.delimiter, at) : npos;
      if (end == npos) return piece(text.substr(at));
      piece(text.substr(at, end - at));
      at = end + op.delimiter.size();
    }
  }
  // Bytes that are no UTF-8 belong to words like any letter.
  size_t begin = npos, end = 0;  // the piece so far, without the spaces behind it
  for (size_t at = 0; at < text.size();) {
    const Character next = read_character(text, at);
    const size_t bytes = std::max<size_t>(next.bytes, 1);
    if (next.bytes == 0 || !is_space(next.code)) {
      if (begin == npos) begin = at;
      end = at + bytes;
    } else if (begin != npos && left > 0) {
      piece(text.substr(begin, end - begin));
      begin = npos;
      --left;
    }
    at += bytes;
  }
  if (begin != npos) piece(text.substr(begin, end - begin));
}

}  // namespace

void infer(const StringConcat&, Infer& context) {
  context.expect_inputs(2, 2);
  expect_strings(context, 0, "x");
  expect_strings(context, 1, "y");
  if (!context.ranked(0) || !context.ranked(1)) return context.unranked(0, ElementType::string);
  context.output(0, ElementType::string, broadcast(context.dims(0), context.dims(1)));
}

void reference(const StringConcat&, Evaluation& e) {
  const Shape shapes[] = {e.input(0).shape(), e.input(1).shape()};
  const Shape shape = broadcast_shape(shapes);
  const BroadcastPlan plan = plan_broadcast(shapes, shape);
  const auto x = e.input(0).values<std::string>(), y = e.input(1).values<std::string>();
  const auto z = e.output(0, ElementType::string, shape).values<std::string>();
  int64_t bytes = 0;
  for_each_line(plan, [&](std::span<const int64_t> offsets, int64_t count) {
    const auto at = [&](size_t i, int64_t k) {
      return static_cast<size_t>(offsets[i] + k * plan.strides[i].back());
    };
    e.checkpoint();
    for (int64_t k = 0; k < count; ++k) {
      const std::string &before = x[at(0, k)], &after = y[at(1, k)];
      bytes += static_cast<int64_t>(before.size() + after.size());
      e.check_bytes(bytes);
      std::string& both = z[at(2, k)];
      both.reserve(before.size() + after.size());
      both.append(before).append(after);
    }
  });
}

void infer(const StringSplit& op, Infer& context) {
  context.expect_inputs(1, 1);
  expect_strings(context, 0, "x");
  if (!context.ranked(0)) {
    context.unranked(0, ElementType::string);
    return context.unranked(1, ElementType::i64);
  }
  constexpr int64_t most = std::numeric_limits<int64_t>::max();
  Dims pieces = context.dims(0);
  pieces.push_back(context.fresh(
      "pieces", op.most_splits < 0 || op.most_splits == most ? most : op.most_splits + 1));
  context.output(0, ElementType::string, std::move(pieces));
  context.output(1, ElementType::i64, context.dims(0));
}

void reference(const StringSplit& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const auto texts = x.values<std::string>();
  const auto counts = e.output(1, ElementType::i64, x.shape()).values<int64_t>();
  int64_t most = 0;
  for (size_t i = 0; i < texts.size(); ++i) {
    int64_t count = 0;
    for_each_piece(op, texts[i], [&](std::string_view) { ++count; });
    counts[i] = count;
    most = std::max(most, count);
    e.checkpoint();
  }
  Shape shape = x.shape();
  shape.push_back(most);
  const auto pieces = e.output(0, ElementType::string, std::move(shape)).values<std::string>();
  for (size_t i = 0; i < texts.size(); ++i) {
    std::string* to = pieces.data() + i * static_cast<size_t>(most);
    for_each_piece(op, texts[i], [&](std::string_view piece) { *to++ = piece; });
    e.checkpoint();
  }
}

namespace {

const Regex& compiled(const RegexFullMatch& op) {
  return op.compiled.get([&] { return Regex(op.pattern); });
}

}  // namespace

void infer(const RegexFullMatch& op, Infer& context) {
  context.expect_inputs(1, 1);
  expect_strings(context, 0, "x");
  compiled(op);  // throws for wrong patterns
  if (!context.ranked(0)) return context.unranked(0, ElementType::boolean);
  context.output(0, ElementType::boolean, context.dims(0));
}

void reference(const RegexFullMatch& op, Evaluation& e) {
  const Tensor& x = e.input(0);
  const Regex& regex = compiled(op);
  const auto texts = x.values<std::string>();
  const auto matches = e.output(0, ElementType::boolean, x.shape()).values<bool>();
  for (size_t i = 0; i < texts.size(); ++i) {
    matches[i] = regex.matches(texts[i]);
    e.checkpoint();
  }
}

/// At worst every instruction is looked at for every byte; of texts that are not known, one byte.
Dim operations(const RegexFullMatch& op, const Infer& context) {
  const int64_t instructions = compiled(op).instructions();
  const Tensor* x = context.constant(0);
  if (!x) return context.ranked(0) ? context.tensor(0).size() * instructions : Dim(instructions);
  int64_t bytes = 0;
  for (const std::string& text : x->values<std::string>())
    bytes += static_cast<int64_t>(text.size()) + 1;
  return Dim(bytes) * instructions;
}

}  // namespace drawbar::ops
