#include <cctype>
#include <charconv>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/checked.h"
#include "ir/text.h"

namespace drawbar {
namespace {

constexpr int deepest_subgraph = 32;
constexpr int deepest_type = 16;
constexpr int64_t largest_inline = 64;

class Parser {
 public:
  Parser(std::string_view text, const ConstantSource& source) : text_(text), source_(source) {}

  Graph whole() {
    try {
      Graph graph = this->graph(0);
      skip();
      if (at_ != text_.size()) error("text after the graph");
      return graph;
    } catch (const Error& e) {
      const auto line =
          1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
      throw e.at(fmt::format("line {}", line));
    }
  }

 private:
  using Names = std::unordered_map<std::string, ValueId>;

  Graph graph(int depth) {
    if (depth > deepest_subgraph) error("subgraphs nest deeper than 32");
    Graph g;
    Names names;
    if (word() != "graph") error("expected 'graph'");
    g.name = peek() == '"' ? string() : word();
    expect('(');
    while (!accept(')')) {
      std::string name = value_name();
      expect(':');
      Type t = type(0);
      define(names, name, g.add_input(name, std::move(t)));
      if (peek() != ')') expect(',');
    }
    expect('{');
    std::vector<std::pair<std::string, Dim>> bounds;
    while (peek() == '%' || peek() == 'b') {
      if (peek() == 'b') {
        bounds.push_back(bound());
      } else {
        statement(g, names, depth);
      }
      accept(';');
    }
    if (word() != "return") error("expected a statement or 'return'");
    while (!peek_is('}') && peek() != ';') {
      const std::string name = value_name();
      const ValueId value = lookup(names, name);
      std::string output = name;
      if (peek() == 'a') {
        if (word() != "as") error("expected 'as'");
        output = string();
      }
      g.add_output(value, std::move(output));
      if (!accept(',')) break;
    }
    accept(';');
    expect('}');
    for (auto& [symbol, limit] : bounds) g.set_symbol_bound(std::move(symbol), std::move(limit));
    return g;
  }

  std::pair<std::string, Dim> bound() {
    if (word() != "bound") error("expected a statement");
    skip();
    const size_t end = text_.find("<=", at_);
    const size_t line_end = text_.find('\n', at_);
    if (end == std::string_view::npos || line_end == std::string_view::npos || end > line_end)
      error("expected '<='");
    std::string symbol(trimmed(text_.substr(at_, end - at_)));
    Dim limit = Dim::parse(trimmed(text_.substr(end + 2, line_end - end - 2)));
    at_ = line_end;
    return {std::move(symbol), std::move(limit)};
  }

  void statement(Graph& g, Names& names, int depth) {
    const size_t start = skip();
    std::vector<std::string> outputs;
    std::vector<std::optional<Type>> types;
    do {
      outputs.push_back(value_name());
      types.push_back(accept(':') ? std::optional(type(0)) : std::nullopt);
    } while (accept(','));
    expect('=');
    const std::string op_name = word();
    if (op_name == "const") {
      if (outputs.size() != 1) error("a constant has one name");
      define(names, outputs[0], g.add_constant(constant(), outputs[0]));
      return;
    }
    std::vector<ValueId> inputs;
    expect('(');
    while (!accept(')')) {
      if (peek() == '_') {
        ++at_;
        inputs.push_back(no_id);
      } else {
        inputs.push_back(lookup(names, value_name()));
      }
      if (peek() != ')') expect(',');
    }
    Attributes attributes;
    if (accept('{')) {
      while (!accept('}')) {
        std::string name = word();
        expect('=');
        const auto [entry, added] = attributes.emplace(std::move(name), attribute());
        if (!added) error(fmt::format("attribute '{}' is given twice", entry->first));
        if (peek() != '}') expect(',');
      }
    }
    std::string node_name = peek() == '"' ? string() : "";
    std::vector<GraphPtr> subgraphs;
    while (text_.substr(skip(), 6) == "graph ") {
      subgraphs.push_back(std::make_shared<const Graph>(this->graph(depth + 1)));
    }
    NodeId node = no_id;
    try {
      node = add(g, Op::named(op_name, attributes), std::move(inputs), outputs,
                 std::move(node_name), std::move(subgraphs));
    } catch (const Error&) {
      at_ = start;  // where the statement stands, for the message
      throw;
    }
    for (size_t i = 0; i < outputs.size(); ++i) {
      const ValueId id = g.node(node).outputs[i];
      define(names, outputs[i], id);
      if (types[i]) check_type(g, id, *types[i]);
    }
  }

  /// Adds the node with its outputs named first, so that fresh symbols are spelt as when printed.
  static NodeId add(Graph& g, Op op, std::vector<ValueId> inputs,
                    const std::vector<std::string>& outputs, std::string name,
                    std::vector<GraphPtr> subgraphs) {
    return g.add_named_node(std::move(op), std::move(inputs), outputs, std::move(name),
                            std::move(subgraphs));
  }

  void check_type(Graph& g, ValueId id, const Type& written) {
    const Type& inferred = g.value(id).type;
    bool agrees = inferred.kind == written.kind;
    if (agrees && inferred.is_tensor()) {
      const TensorType &a = inferred.tensor, &b = written.tensor;
      agrees = a.element == b.element && (!a.ranked || !b.ranked || a.rank() == b.rank());
      for (size_t i = 0; agrees && a.ranked && b.ranked && i < a.dims.size(); ++i) {
        agrees = !a.dims[i].is_constant() || !b.dims[i].is_constant() || a.dims[i] == b.dims[i];
      }
    }
    if (!agrees) {
      error(fmt::format("value '{}' is written as {}, inferred as {}", g.value(id).name,
                        to_string(written), to_string(inferred)));
    }
    if (inferred.is_tensor() && written.tensor.layout != inferred.tensor.layout) {
      Type placed = inferred;
      placed.tensor.layout = written.tensor.layout;
      g.set_type(id, std::move(placed));
    }
  }

  ConstantPtr constant() {
    const Type t = type(0);
    if (!t.is_static()) error("a constant needs a static tensor type");
    const Shape shape = t.tensor.shape();
    const ElementType element = t.tensor.element;
    if (accept('@')) {
      const std::string hash = word();
      if (!source_) error(fmt::format("no source for constant @{}", hash));
      ConstantPtr found = source_(hash, element, shape);
      if (found->type() != element || found->shape() != shape)
        error("constant of another type than written");
      return found;
    }
    if (accept('[')) {
      if (element_count(shape) > largest_inline)
        error("a constant in the text has at most 64 elements");
      Tensor tensor = Tensor::allocate(element, shape);
      for (int64_t i = 0; i < tensor.size(); ++i) {
        if (i) expect(',');
        element_value(tensor, i);
      }
      expect(']');
      return std::make_shared<const Constant>(std::move(tensor));
    }
    Description d;
    d.distribution = word();
    expect('(');
    d.mean = number_value();
    expect(',');
    d.deviation = number_value();
    expect(',');
    d.seed = static_cast<uint64_t>(integer());
    expect(')');
    if (kind(element) == ElementKind::string || kind(element) == ElementKind::complex)
      error("cannot draw such elements");
    element_count(shape);
    return std::make_shared<const Constant>(element, shape, std::move(d));
  }

  void element_value(Tensor& tensor, int64_t i) {
    switch (kind(tensor.type())) {
      case ElementKind::string:
        tensor.data<std::string>()[i] = string();
        break;
      case ElementKind::floating:
        write_number(tensor, i, number_value());
        break;
      case ElementKind::complex:
        error("complex constants stand outside the text");
      default:
        const int64_t value = integer();
        write_integer(tensor, i, value);
        if (read_integer(tensor, i) != value)
          error(fmt::format("{} is no {}", value, name(tensor.type())));
    }
  }

  Attribute attribute() {
    const char c = peek();
    if (c == '"') return string();
    if (c == '[') return list();
    if (std::isdigit(static_cast<unsigned char>(c)) || c == '-') return number();
    const std::string text = word();
    if (text == "true") return true;
    if (text == "false") return false;
    if (text == "inf" || text == "nan") return text == "inf" ? HUGE_VAL : std::nan("");
    if (const auto type = element_type_named(text)) return *type;
    error(fmt::format("unknown attribute value '{}'", text));
  }

  Attribute list() {
    expect('[');
    std::vector<int64_t> integers;
    std::vector<double> numbers;
    std::vector<std::string> strings;
    bool floating = false;
    while (!accept(']')) {
      if (peek() == '"') {
        strings.push_back(string());
      } else {
        const Attribute value = scalar_number();
        if (const auto* n = std::get_if<double>(&value)) {
          floating = true;
          numbers.push_back(*n);
        } else {
          integers.push_back(std::get<int64_t>(value));
          numbers.push_back(static_cast<double>(integers.back()));
        }
      }
      if (peek() != ']') expect(',');
    }
    if (!strings.empty()) {
      if (!numbers.empty()) error("a list mixes strings and numbers");
      return strings;
    }
    if (floating) return numbers;
    return integers;
  }

  Attribute scalar_number() {
    if (peek() == 'i' || peek() == 'n') return number_value();
    return number();
  }

  Attribute number() {
    skip();
    size_t end = at_;
    bool floating = false;
    while (end < text_.size()) {
      const char c = text_[end];
      const bool sign_ok = end == at_ || text_[end - 1] == 'e';
      if (std::isdigit(static_cast<unsigned char>(c)) || ((c == '-' || c == '+') && sign_ok)) {
        ++end;
      } else if (c == '.' || c == 'e') {
        floating = true;
        ++end;
      } else {
        break;
      }
    }
    if (!floating && text_.substr(at_, 4) == "-inf") return number_value();
    const std::string_view digits = text_.substr(at_, end - at_);
    if (!floating) return integer();
    double value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (result.ec == std::errc::result_out_of_range) {
      value = 0;
    } else if (result.ec != std::errc() || result.ptr != digits.data() + digits.size()) {
      error("expected a number");
    }
    at_ = end;
    return value;
  }

  int64_t integer() {
    skip();
    const char* first = text_.data() + at_;
    const char* last = text_.data() + text_.size();
    int64_t value = 0;
    auto result = std::from_chars(first, last, value);
    if (result.ec == std::errc::result_out_of_range && *first != '-') {
      uint64_t large = 0;
      result = std::from_chars(first, last, large);
      value = static_cast<int64_t>(large);
    }
    if (result.ec != std::errc()) error("expected an integer");
    at_ = static_cast<size_t>(result.ptr - text_.data());
    return value;
  }

  double number_value() {
    skip();
    const bool negative = text_.substr(at_, 4) == "-inf";
    if (negative || text_.substr(at_, 3) == "inf") {
      at_ += negative ? 4 : 3;
      return negative ? -HUGE_VAL : HUGE_VAL;
    }
    if (text_.substr(at_, 3) == "nan") {
      at_ += 3;
      return std::nan("");
    }
    const Attribute value = number();
    if (const auto* n = std::get_if<double>(&value)) return *n;
    return static_cast<double>(std::get<int64_t>(value));
  }

  Type type(int depth) {
    if (depth > deepest_type) error("types nest deeper than 16");
    const std::string text = word();
    if (text == "seq" || text == "opt") {
      expect('(');
      Type inner = type(depth + 1);
      expect(')');
      return Type::of(text == "seq" ? Tensor::Kind::sequence : Tensor::Kind::optional,
                      std::move(inner));
    }
    if (text == "map") {
      expect('(');
      const auto key = element_type_named(word());
      if (!key) error("unknown key type");
      expect(',');
      Type result = Type::of(Tensor::Kind::map, type(depth + 1));
      result.key = *key;
      expect(')');
      return result;
    }
    const auto element = element_type_named(text);
    if (!element) error(fmt::format("unknown element type '{}'", text));
    TensorType result{*element, {}};
    expect('[');
    if (accept('*')) {
      result.ranked = false;
      expect(']');
    } else {
      while (!accept(']')) {
        result.dims.push_back(Dim::parse(dimension()));
        if (result.dims.back().is_constant() && result.dims.back().value() < 0)
          error("negative dimension");
        if (result.dims.size() > 64) error("more than 64 dimensions");
        if (peek() != ']') expect(',');
      }
      if (result.is_static()) storage_bytes(result.element, element_count(result.shape()));
    }
    if (at_ < text_.size() && text_[at_] == ':' && text_.substr(at_, 14) == ":channels_last") {
      at_ += 14;
      result.layout = Layout::channels_last;
    }
    return Type(result);
  }

  /// The text up to the ',' or ']' that ends this dimension.
  std::string_view dimension() {
    skip();
    const size_t start = at_;
    int open = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (open == 0 && (c == ',' || c == ']')) break;
      open += c == '(' ? 1 : c == ')' ? -1 : 0;
      ++at_;
    }
    return trimmed(text_.substr(start, at_ - start));
  }

  static std::string_view trimmed(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    return text;
  }

  std::string value_name() {
    expect('%');
    if (at_ < text_.size() && text_[at_] == '"') return string();
    const size_t start = at_;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      const bool colon_in_name = c == ':' && at_ + 1 < text_.size() &&
                                 !std::isspace(static_cast<unsigned char>(text_[at_ + 1]));
      if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '.' && c != '/' &&
          c != '#' && !colon_in_name)
        break;
      ++at_;
    }
    if (at_ == start) error("expected a value name");
    return std::string(text_.substr(start, at_ - start));
  }

  std::string string() {
    expect('"');
    std::string result;
    while (at_ < text_.size() && text_[at_] != '"') {
      char c = text_[at_++];
      if (c == '\\') {
        if (at_ >= text_.size()) break;
        c = text_[at_++];
        if (c == 'x') {
          unsigned code = 0;
          const std::string_view digits = text_.substr(at_, 2);
          const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
          if (digits.size() != 2 || read.ptr != digits.data() + 2) error("bad escape");
          at_ += 2;
          c = static_cast<char>(code);
        }
      }
      result += c;
    }
    if (at_ >= text_.size()) error("unterminated string");
    ++at_;
    return result;
  }

  std::string word() {
    skip();
    const size_t start = at_;
    while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
                                  text_[at_] == '_' || text_[at_] == '.'))
      ++at_;
    if (at_ == start) error("expected a word");
    return std::string(text_.substr(start, at_ - start));
  }

  size_t skip() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '/' && text_.substr(at_, 2) == "//") {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else if (std::isspace(static_cast<unsigned char>(c))) {
        ++at_;
      } else {
        break;
      }
    }
    return at_;
  }
  char peek() { return skip() < text_.size() ? text_[at_] : '\0'; }
  bool peek_is(char c) { return peek() == c; }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) error(fmt::format("expected '{}'", c));
  }
  [[noreturn]] static void error(std::string message) {
    throw Error(ErrorCode::invalid_model, std::move(message));
  }

  static void define(Names& names, const std::string& name, ValueId id) {
    if (!names.emplace(name, id).second) error(fmt::format("value '{}' is defined twice", name));
  }
  static ValueId lookup(const Names& names, const std::string& name) {
    const auto found = names.find(name);
    if (found == names.end()) error(fmt::format("value '{}' is not defined before its use", name));
    return found->second;
  }

  std::string_view text_;
  const ConstantSource& source_;
  size_t at_ = 0;
};

}  // namespace

Graph parse(std::string_view text, const ConstantSource& source) {
  return Parser(text, source).whole();
}

}  // namespace drawbar
