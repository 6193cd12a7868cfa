#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace drawbar {

/// Symbols by name and the numbers they stand for.
using Bindings = std::map<std::string, int64_t, std::less<>>;

/// A dimension: an integer or an expression over named symbols (+, -, *, floordiv, mod, min, max).
/// Kept as a sum of products in a canonical order, so `==` finds equal polynomials. Immutable;
/// copies are cheap. Constant arithmetic throws INVALID_MODEL when it overflows.
class Dim {
 public:
  struct Expression;

  Dim(int64_t value = 0) : value_(value) {}  // NOLINT: a number is a dimension
  static Dim symbol(std::string name);

  bool is_constant() const { return !expression_; }
  int64_t value() const { return value_; }  // only of a constant
  /// A lone symbol's name, else nothing.
  std::optional<std::string> symbol_name() const;
  void collect_symbols(std::set<std::string>& names) const;
  /// Whether it is provably at least 0, given that every symbol is (symbols are sizes).
  bool is_non_negative() const;

  friend Dim operator+(const Dim& a, const Dim& b);
  friend Dim operator-(const Dim& a, const Dim& b);
  friend Dim operator*(const Dim& a, const Dim& b);
  friend Dim floor_div(const Dim& a, const Dim& b);  // rounds towards minus infinity
  friend Dim mod(const Dim& a, const Dim& b);        // has the sign of b
  friend Dim min(const Dim& a, const Dim& b);
  friend Dim max(const Dim& a, const Dim& b);
  friend Dim ceil_div(const Dim& a, const Dim& b) { return floor_div(a + b - 1, b); }
  friend bool operator==(const Dim& a, const Dim& b);
  friend bool operator<(const Dim& a, const Dim& b);  // a total order for canonical sorting

  /// Replaces the bound symbols; the rest stays symbolic.
  Dim substitute(const Bindings& bindings) const;
  std::optional<int64_t> evaluate(const Bindings& bindings) const;

  std::string str() const;  // "N", "2*N + 1", "floordiv(H + 1, 2)"
  /// The inverse of str; throws INVALID_MODEL. Nesting is limited to 64.
  static Dim parse(std::string_view text);

 private:
  friend struct DimBuilder;
  int64_t value_ = 0;
  std::shared_ptr<const Expression> expression_;  // null: the constant value_
};

}  // namespace drawbar
