#include "ir/dim.h"

#include <algorithm>
#include <cctype>

#include "base/checked.h"

namespace drawbar {

namespace {

enum class Kind : uint8_t { symbol, floor_div, mod, min, max };
constexpr std::string_view function_names[] = {"", "floordiv", "mod", "min", "max"};

int64_t floor_div_value(int64_t a, int64_t b) {
  if (b == 0) fail(ErrorCode::invalid_model, "a dimension is divided by zero");
  if (b == -1) return checked_mul(a, -1);
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

int64_t apply(Kind kind, int64_t a, int64_t b) {
  switch (kind) {
    case Kind::floor_div:
      return floor_div_value(a, b);
    case Kind::mod:
      return a - floor_div_value(a, b) * b;
    case Kind::min:
      return std::min(a, b);
    default:
      return std::max(a, b);
  }
}

int compare(int64_t a, int64_t b) { return a < b ? -1 : a > b; }

}  // namespace

/// A sum of terms, each a coefficient and a sorted product of atoms (empty: the constant term,
/// last).
struct Dim::Expression {
  struct Atom {
    Kind kind;
    std::string symbol;
    std::vector<Dim> arguments;
  };
  struct Term {
    int64_t coefficient;
    std::vector<std::shared_ptr<const Atom>> atoms;
  };
  std::vector<Term> terms;
};

struct DimBuilder {
  using Atom = Dim::Expression::Atom;
  using Term = Dim::Expression::Term;
  using Terms = std::vector<Term>;

  static int order(const Dim& a, const Dim& b) {
    if (a.is_constant() || b.is_constant()) {
      if (a.is_constant() && b.is_constant()) return compare(a.value_, b.value_);
      return a.is_constant() ? 1 : -1;
    }
    if (a.expression_ == b.expression_) return 0;
    const Terms &s = a.expression_->terms, &t = b.expression_->terms;
    for (size_t i = 0; i < std::min(s.size(), t.size()); ++i) {
      if (int c = order(s[i].atoms, t[i].atoms)) return c;
      if (int c = compare(s[i].coefficient, t[i].coefficient)) return c;
    }
    return compare(static_cast<int64_t>(s.size()), static_cast<int64_t>(t.size()));
  }

  static int order(const Atom& a, const Atom& b) {
    if (a.kind != b.kind) return a.kind < b.kind ? -1 : 1;
    if (int c = a.symbol.compare(b.symbol)) return c < 0 ? -1 : 1;
    for (size_t i = 0; i < a.arguments.size(); ++i) {
      if (int c = order(a.arguments[i], b.arguments[i])) return c;
    }
    return 0;
  }

  using Product = std::vector<std::shared_ptr<const Atom>>;
  /// Longer products first, so that the constant term comes last.
  static int order(const Product& a, const Product& b) {
    if (a.size() != b.size()) return a.size() > b.size() ? -1 : 1;
    for (size_t i = 0; i < a.size(); ++i) {
      if (a[i] == b[i]) continue;
      if (int c = order(*a[i], *b[i])) return c;
    }
    return 0;
  }

  static Terms terms_of(const Dim& d) {
    if (!d.is_constant()) return d.expression_->terms;
    return d.value_ == 0 ? Terms{} : Terms{{d.value_, {}}};
  }

  static Dim make(Terms terms) {
    std::sort(terms.begin(), terms.end(),
              [](const Term& a, const Term& b) { return order(a.atoms, b.atoms) < 0; });
    Terms merged;
    for (Term& term : terms) {
      if (!merged.empty() && order(merged.back().atoms, term.atoms) == 0) {
        merged.back().coefficient = checked_add(merged.back().coefficient, term.coefficient);
      } else {
        merged.push_back(std::move(term));
      }
    }
    std::erase_if(merged, [](const Term& term) { return term.coefficient == 0; });
    if (merged.empty()) return Dim(0);
    if (merged.size() == 1 && merged[0].atoms.empty()) return Dim(merged[0].coefficient);
    if (merged.size() > 256) fail(ErrorCode::resource_exhausted, "a dimension has over 256 terms");
    Dim result;
    result.expression_ =
        std::make_shared<const Dim::Expression>(Dim::Expression{std::move(merged)});
    return result;
  }

  static Dim atom(Kind kind, std::string symbol, std::vector<Dim> arguments) {
    auto a = std::make_shared<const Atom>(Atom{kind, std::move(symbol), std::move(arguments)});
    return make({{1, {std::move(a)}}});
  }

  static Dim function(Kind kind, const Dim& a, const Dim& b) {
    if (a.is_constant() && b.is_constant()) return Dim(apply(kind, a.value_, b.value_));
    return atom(kind, "", {a, b});
  }

  /// The function that a dimension consists of, or null.
  static const Atom* lone_function(const Dim& d, Kind kind) {
    if (d.is_constant() || d.expression_->terms.size() != 1) return nullptr;
    const Term& term = d.expression_->terms[0];
    if (term.coefficient != 1 || term.atoms.size() != 1) return nullptr;
    const Atom* atom = term.atoms[0].get();
    return atom->kind == kind ? atom : nullptr;
  }

  static bool has_argument(const Atom* atom, const Dim& d) {
    return atom && (order(atom->arguments[0], d) == 0 || order(atom->arguments[1], d) == 0);
  }

  /// Whether it is at least 0 whatever the symbols, which stand for sizes.
  static bool is_nonnegative(const Dim& d) {
    if (d.is_constant()) return d.value() >= 0;
    for (const Term& term : d.expression_->terms) {
      if (term.coefficient < 0) return false;
      for (const auto& atom : term.atoms) {
        if (!is_nonnegative(*atom)) return false;
      }
    }
    return true;
  }

  static bool is_nonnegative(const Atom& atom) {
    switch (atom.kind) {
      case Kind::symbol:
        return true;
      case Kind::max:
        return is_nonnegative(atom.arguments[0]) || is_nonnegative(atom.arguments[1]);
      case Kind::mod:
        return is_nonnegative(atom.arguments[1]);
      default:
        return is_nonnegative(atom.arguments[0]) && is_nonnegative(atom.arguments[1]);
    }
  }

  /// min and max: of a number apart, of a size and a number below 1, absorption (max(a, min(a, b))
  /// = a) and repetition.
  static Dim extremum(Kind kind, const Dim& a, const Dim& b) {
    const Dim difference = a - b;
    if (difference.is_constant()) return (difference.value() < 0) == (kind == Kind::min) ? a : b;
    for (const auto& [number, size] : {std::pair(&a, &b), std::pair(&b, &a)}) {
      if (number->is_constant() && number->value() <= 0 && is_nonnegative(*size))
        return kind == Kind::min ? *number : *size;
    }
    const Kind opposite = kind == Kind::min ? Kind::max : Kind::min;
    if (has_argument(lone_function(a, opposite), b)) return b;
    if (has_argument(lone_function(b, opposite), a)) return a;
    if (has_argument(lone_function(a, kind), b)) return a;
    if (has_argument(lone_function(b, kind), a)) return b;
    return order(a, b) < 0 ? function(kind, a, b) : function(kind, b, a);
  }

  static std::string text(const Atom& a) {
    if (a.kind == Kind::symbol) return a.symbol;
    return std::string(function_names[static_cast<int>(a.kind)]) + "(" + a.arguments[0].str() +
           ", " + a.arguments[1].str() + ")";
  }
};

Dim Dim::symbol(std::string name) { return DimBuilder::atom(Kind::symbol, std::move(name), {}); }

std::optional<std::string> Dim::symbol_name() const {
  if (is_constant() || expression_->terms.size() != 1) return std::nullopt;
  const auto& term = expression_->terms[0];
  if (term.coefficient != 1 || term.atoms.size() != 1) return std::nullopt;
  if (term.atoms[0]->kind != Kind::symbol) return std::nullopt;
  return term.atoms[0]->symbol;
}

void Dim::collect_symbols(std::set<std::string>& names) const {
  if (is_constant()) return;
  for (const auto& term : expression_->terms) {
    for (const auto& atom : term.atoms) {
      if (atom->kind == Kind::symbol) names.insert(atom->symbol);
      for (const Dim& argument : atom->arguments) argument.collect_symbols(names);
    }
  }
}

bool Dim::is_non_negative() const {
  if (is_constant()) return value_ >= 0;
  return std::all_of(
      expression_->terms.begin(), expression_->terms.end(), [](const Expression::Term& term) {
        return term.coefficient >= 0 &&
               std::all_of(term.atoms.begin(), term.atoms.end(), [](const auto& atom) {
                 const auto& a = atom->arguments;
                 switch (atom->kind) {
                   case Kind::symbol:
                     return true;
                   case Kind::mod:  // has the sign of the divisor
                     return a[1].is_non_negative();
                   case Kind::max:
                     return a[0].is_non_negative() || a[1].is_non_negative();
                   default:
                     return a[0].is_non_negative() && a[1].is_non_negative();
                 }
               });
      });
}

Dim operator+(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return Dim(checked_add(a.value_, b.value_));
  auto terms = DimBuilder::terms_of(a);
  for (auto& term : DimBuilder::terms_of(b)) terms.push_back(std::move(term));
  return DimBuilder::make(std::move(terms));
}

Dim operator*(const Dim& a, const Dim& b) {
  if (a.is_constant() && b.is_constant()) return Dim(checked_mul(a.value_, b.value_));
  DimBuilder::Terms terms;
  for (const auto& s : DimBuilder::terms_of(a)) {
    for (const auto& t : DimBuilder::terms_of(b)) {
      DimBuilder::Term product{checked_mul(s.coefficient, t.coefficient), s.atoms};
      product.atoms.insert(product.atoms.end(), t.atoms.begin(), t.atoms.end());
      std::sort(product.atoms.begin(), product.atoms.end(),
                [](const auto& x, const auto& y) { return DimBuilder::order(*x, *y) < 0; });
      terms.push_back(std::move(product));
    }
  }
  return DimBuilder::make(std::move(terms));
}

Dim operator-(const Dim& a, const Dim& b) { return a + Dim(-1) * b; }

Dim floor_div(const Dim& a, const Dim& b) {
  if (b.is_constant() && b.value() == 1) return a;
  if (a == b && !a.is_constant()) return Dim(1);  // a dimension of zero would make both meaningless
  if (!a.is_constant()) {
    // What divides term by term leaves the rest under the division: (4*N + 3) / 4 = N + 3/4.
    DimBuilder::Terms whole, rest;
    const auto divisor = DimBuilder::terms_of(b);
    if (divisor.size() == 1) {
      for (const auto& term : a.expression_->terms) {
        auto atoms = term.atoms;
        bool divides = term.coefficient % divisor[0].coefficient == 0 && !term.atoms.empty();
        for (const auto& atom : divisor[0].atoms) {
          const auto found = std::find_if(atoms.begin(), atoms.end(), [&](const auto& x) {
            return DimBuilder::order(*x, *atom) == 0;
          });
          if (found == atoms.end()) {
            divides = false;
            break;
          }
          atoms.erase(found);
        }
        if (divides) {
          whole.push_back({term.coefficient / divisor[0].coefficient, std::move(atoms)});
        } else {
          rest.push_back(term);
        }
      }
    }
    if (!whole.empty()) {
      return DimBuilder::make(std::move(whole)) + floor_div(DimBuilder::make(std::move(rest)), b);
    }
  }
  if (a.is_constant() && a.value() == 0) return Dim(0);
  return DimBuilder::function(Kind::floor_div, a, b);
}

Dim mod(const Dim& a, const Dim& b) {
  if (b.is_constant() && b.value() == 1) return Dim(0);
  if (!a.is_constant() && b != Dim(0) && floor_div(a, b) * b == a) return Dim(0);
  return DimBuilder::function(Kind::mod, a, b);
}

Dim min(const Dim& a, const Dim& b) { return DimBuilder::extremum(Kind::min, a, b); }
Dim max(const Dim& a, const Dim& b) { return DimBuilder::extremum(Kind::max, a, b); }

bool operator==(const Dim& a, const Dim& b) { return DimBuilder::order(a, b) == 0; }
bool operator<(const Dim& a, const Dim& b) { return DimBuilder::order(a, b) < 0; }

Dim Dim::substitute(const Bindings& bindings) const {
  if (is_constant()) return *this;
  Dim sum;
  for (const auto& term : expression_->terms) {
    Dim product(term.coefficient);
    for (const auto& atom : term.atoms) {
      if (atom->kind == Kind::symbol) {
        const auto bound = bindings.find(atom->symbol);
        product = product * (bound == bindings.end() ? symbol(atom->symbol) : Dim(bound->second));
        continue;
      }
      const Dim a = atom->arguments[0].substitute(bindings);
      const Dim b = atom->arguments[1].substitute(bindings);
      switch (atom->kind) {
        case Kind::floor_div:
          product = product * floor_div(a, b);
          break;
        case Kind::mod:
          product = product * mod(a, b);
          break;
        case Kind::min:
          product = product * min(a, b);
          break;
        default:
          product = product * max(a, b);
          break;
      }
    }
    sum = sum + product;
  }
  return sum;
}

std::optional<int64_t> Dim::evaluate(const Bindings& bindings) const {
  const Dim result = substitute(bindings);
  if (!result.is_constant()) return std::nullopt;
  return result.value();
}

std::string Dim::str() const {
  if (is_constant()) return std::to_string(value_);
  std::string text;
  for (const auto& term : expression_->terms) {
    int64_t coefficient = term.coefficient;
    if (text.empty()) {
      if (coefficient < 0 && !term.atoms.empty() && coefficient == -1) text = "-";
    } else {
      text += coefficient < 0 ? " - " : " + ";
      coefficient = coefficient < 0 ? -coefficient : coefficient;
    }
    const bool unit = coefficient == 1 || coefficient == -1;
    std::string product = unit && !term.atoms.empty() ? "" : std::to_string(coefficient);
    for (const auto& atom : term.atoms)
      product += (product.empty() ? "" : "*") + DimBuilder::text(*atom);
    text += product;
  }
  return text;
}

namespace {

class DimParser {
 public:
  explicit DimParser(std::string_view text) : text_(text) {}

  Dim whole() {
    const Dim result = sum(0);
    skip();
    if (at_ != text_.size()) error();
    return result;
  }

 private:
  Dim sum(int depth) {
    if (depth > 64) fail(ErrorCode::invalid_model, "a dimension nests deeper than 64");
    Dim result = product(depth);
    for (;;) {
      if (accept('+')) {
        result = result + product(depth);
      } else if (accept('-')) {
        result = result - product(depth);
      } else {
        return result;
      }
    }
  }

  Dim product(int depth) {
    Dim result = factor(depth);
    while (accept('*')) result = result * factor(depth);
    return result;
  }

  Dim factor(int depth) {
    if (accept('-')) return Dim(-1) * factor_checked(depth);
    return factor_checked(depth);
  }

  Dim factor_checked(int depth) {
    skip();
    if (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) return number();
    if (accept('(')) {
      Dim inner = sum(depth + 1);
      if (!accept(')')) error();
      return inner;
    }
    const size_t start = at_;
    while (at_ < text_.size() && is_symbol(text_[at_])) ++at_;
    if (at_ == start) error();
    const std::string_view word = text_.substr(start, at_ - start);
    for (int kind = 1; kind < 5; ++kind) {
      if (word == function_names[kind] && accept('(')) return call(static_cast<Kind>(kind), depth);
    }
    return Dim::symbol(std::string(word));
  }

  Dim call(Kind kind, int depth) {
    const Dim a = sum(depth + 1);
    if (!accept(',')) error();
    const Dim b = sum(depth + 1);
    if (!accept(')')) error();
    switch (kind) {
      case Kind::floor_div:
        return floor_div(a, b);
      case Kind::mod:
        return mod(a, b);
      case Kind::min:
        return min(a, b);
      default:
        return max(a, b);
    }
  }

  Dim number() {
    int64_t value = 0;
    while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_]))) {
      value = checked_add(checked_mul(value, 10), text_[at_++] - '0');
    }
    return Dim(value);
  }

  static bool is_symbol(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.' || c == '?' ||
           c == '/' || c == ':' || c == '#' || c == '@' || c == '$' || (c & 0x80);
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool accept(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  [[noreturn]] void error() const {
    fail(ErrorCode::invalid_model, "dimension '{}': unexpected text at {}", text_, at_);
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

Dim Dim::parse(std::string_view text) { return DimParser(text).whole(); }

}  // namespace drawbar
