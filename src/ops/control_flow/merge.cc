#include "ops/control_flow/merge.h"

#include <limits>

namespace drawbar::ops {
namespace {

/// `differing(x, y)` is the dimension where the two differ.
template <class Differing>
Type merged(const Type& a, const Type& b, std::string_view what, const Differing& differing) {
  if (a.kind != b.kind || (a.is_tensor() && a.tensor.element != b.tensor.element)) {
    fail(ErrorCode::invalid_model, "{} is {} or {}", what, to_string(a), to_string(b));
  }
  if (!a.is_tensor()) {
    Type result = a;
    result.element = std::make_shared<const Type>(merge_elements(*a.element, *b.element, what));
    return result;
  }
  TensorType result{a.tensor.element, {}};
  if (!a.tensor.ranked || !b.tensor.ranked || a.tensor.rank() != b.tensor.rank()) {
    result.ranked = false;
    return result;
  }
  for (size_t i = 0; i < a.tensor.dims.size(); ++i) {
    const Dim &x = a.tensor.dims[i], &y = b.tensor.dims[i];
    result.dims.push_back(x == y ? x : differing(x, y));
  }
  return result;
}

}  // namespace

Dim varying_dim() { return Dim::symbol("??"); }

bool is_varying(const Dim& dim) { return dim.symbol_name() == "??"; }

Type without_varying(Type type, Infer& context) {
  if (!type.is_tensor()) return type;
  for (Dim& dim : type.tensor.dims) {
    if (is_varying(dim)) dim = context.fresh("element", Dim(no_bound));
  }
  return type;
}

Type merge(const Type& a, const Type& b, Infer& context, std::string_view what) {
  return merged(a, b, what, [&](const Dim& x, const Dim& y) {
    const bool constant = x.is_constant() && y.is_constant();
    return context.fresh("either", constant ? max(x, y) : Dim(no_bound));
  });
}

Type merge_elements(const Type& a, const Type& b, std::string_view what) {
  return merged(a, b, what, [](const Dim&, const Dim&) { return varying_dim(); });
}

std::set<std::string> symbols_of(const Infer& context, size_t from, size_t to) {
  std::set<std::string> symbols;
  for (size_t i = from; i < std::min(to, context.inputs()); ++i) {
    if (!context.has(i) || !context.type(i).is_tensor()) continue;
    for (const Dim& dim : context.type(i).tensor.dims) dim.collect_symbols(symbols);
  }
  return symbols;
}

Type without_inner_symbols(Type type, const std::set<std::string>& known, Infer& context) {
  if (!type.is_tensor()) {
    // Elements that depend on inner symbols differ from each other.
    TensorType* element = nullptr;
    Type inner = *type.element;
    if (inner.is_tensor()) element = &inner.tensor;
    for (size_t i = 0; element && i < element->dims.size(); ++i) {
      std::set<std::string> symbols;
      element->dims[i].collect_symbols(symbols);
      for (const std::string& symbol : symbols) {
        if (!known.contains(symbol)) element->dims[i] = varying_dim();
      }
    }
    type.element = std::make_shared<const Type>(std::move(inner));
    return type;
  }
  for (Dim& dim : type.tensor.dims) {
    std::set<std::string> symbols;
    dim.collect_symbols(symbols);
    for (const std::string& symbol : symbols) {
      if (known.contains(symbol)) continue;
      dim = context.fresh("inner", Dim(no_bound));
      break;
    }
  }
  return type;
}

}  // namespace drawbar::ops
