// Einsum becomes products of pairs, from left to right: a matrix product where a pair shares an
// index that nothing else needs, a broadcast product and a sum elsewhere.
#include <algorithm>
#include <array>
#include <map>
#include <span>

#include "base/checked.h"
#include "import/onnx/node.h"
#include "ops/concat/op.h"
#include "ops/diagonal/op.h"
#include "ops/identity/op.h"
#include "ops/matmul/op.h"
#include "ops/pointwise/op.h"
#include "ops/reduce/op.h"
#include "ops/reshape/op.h"
#include "ops/shape/op.h"
#include "ops/transpose/op.h"

namespace drawbar::onnx {
namespace {

/// An index of the equation: a letter, or 256 + the place (counted from the back) of a dimension
/// the ellipsis stands for.
using Label = int;
using Labels = std::vector<Label>;
constexpr Label ellipsis = -1, first_ellipsis_label = 256;

bool contains(const Labels& labels, Label label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

struct Equation {
  std::vector<Labels> inputs;
  std::optional<Labels> output;
};

Labels parse_term(std::string_view text) {
  Labels labels;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (text.substr(i, 3) == "..." && !contains(labels, ellipsis)) {
      labels.push_back(ellipsis);
      i += 2;
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      labels.push_back(c);
    } else {
      fail(ErrorCode::invalid_model, "equation has '{}' where an index is expected", c);
    }
  }
  return labels;
}

Equation parse_equation(std::string text) {
  std::erase(text, ' ');
  Equation equation;
  std::string_view left = text;
  if (const size_t arrow = text.find("->"); arrow != std::string::npos) {
    left = left.substr(0, arrow);
    equation.output = parse_term(std::string_view(text).substr(arrow + 2));
  }
  for (;;) {
    const size_t comma = left.find(',');
    equation.inputs.push_back(parse_term(left.substr(0, comma)));
    if (comma == std::string_view::npos) return equation;
    left = left.substr(comma + 1);
  }
}

/// The labels with the ellipsis spelt out for that many dimensions.
Labels spelt_out(const Labels& labels, int64_t count) {
  Labels result;
  for (Label label : labels) {
    if (label != ellipsis) {
      result.push_back(label);
      continue;
    }
    for (int64_t i = count; i-- > 0;)
      result.push_back(first_ellipsis_label + static_cast<Label>(i));
  }
  return result;
}

/// A value whose dimensions bear labels.
struct Operand {
  ValueId value;
  Labels labels;

  size_t axis(Label label) const {
    return static_cast<size_t>(std::find(labels.begin(), labels.end(), label) - labels.begin());
  }
};

class Contraction {
 public:
  explicit Contraction(OnnxNode& node) : node_(node) {}

  ValueId run(const Equation& equation) {
    std::vector<Operand> operands = bind(equation);
    const std::span<const Operand> all = operands;
    for (size_t i = 0; i < operands.size(); ++i) {
      take_diagonals(operands[i]);
      sum_out(operands[i], all.first(i), all.subspan(i + 1));
    }
    Operand result = operands[0];
    for (size_t i = 1; i < operands.size(); ++i) {
      const auto later = all.subspan(i + 1);
      result = multiply(result, operands[i], later);
      sum_out(result, {}, later);
    }
    return ordered(result, output_).value;
  }

 private:
  const Dims& dims(const Operand& operand) const {
    return node_.value(operand.value).type.tensor.dims;
  }
  const Dim& dim(const Operand& operand, Label label) const {
    return dims(operand)[operand.axis(label)];
  }

  std::vector<Operand> bind(const Equation& equation) {
    if (equation.inputs.size() != node_.inputs()) {
      fail(ErrorCode::invalid_model, "equation has {} terms, but there are {} inputs",
           equation.inputs.size(), node_.inputs());
    }
    std::vector<Operand> operands;
    int64_t most = 0;
    for (size_t i = 0; i < equation.inputs.size(); ++i) {
      const Type& type = node_.value(node_.input(i)).type;
      if (!type.is_tensor() || !type.tensor.ranked)
        fail(ErrorCode::unsupported, "input {} has no known rank", i);
      const Labels& term = equation.inputs[i];
      const auto letters = static_cast<int64_t>(term.size()) - contains(term, ellipsis);
      const int64_t rest = type.tensor.rank() - letters;
      if (rest < 0 || (rest > 0 && !contains(term, ellipsis))) {
        fail(ErrorCode::invalid_model, "input {} has rank {}, its term names {} dimensions", i,
             type.tensor.rank(), letters);
      }
      most = std::max(most, rest);
      operands.push_back({node_.input(i), spelt_out(term, rest)});
    }
    check_sizes(operands);
    output_ = spelt_out(equation.output ? *equation.output : implicit_output(equation), most);
    for (size_t i = 0; i < output_.size(); ++i) {
      const bool known = some_has(operands, output_[i]);
      if (!known || std::count(output_.begin(), output_.end(), output_[i]) > 1)
        fail(ErrorCode::invalid_model, "the result names an index twice, or one no input has");
    }
    return operands;
  }

  /// The ellipsis, then in alphabetical order the indices that occur once.
  static Labels implicit_output(const Equation& equation) {
    std::array<int, 256> counts{};
    bool dots = false;
    for (const Labels& term : equation.inputs) {
      for (Label label : term) {
        if (label == ellipsis) {
          dots = true;
        } else {
          ++counts[static_cast<size_t>(label)];
        }
      }
    }
    Labels result;
    if (dots) result.push_back(ellipsis);
    for (Label label = 0; label < 256; ++label) {
      if (counts[static_cast<size_t>(label)] == 1) result.push_back(label);
    }
    return result;
  }

  void check_sizes(const std::vector<Operand>& operands) const {
    std::map<Label, int64_t> sizes;
    for (const Operand& operand : operands) {
      for (size_t i = 0; i < operand.labels.size(); ++i) {
        const Dim& size = dims(operand)[i];
        if (!size.is_constant() || size.value() == 1) continue;
        const auto [known, added] = sizes.emplace(operand.labels[i], size.value());
        if (!added && known->second != size.value()) {
          fail(ErrorCode::invalid_model, "an index stands for {} and for {} elements",
               known->second, size.value());
        }
      }
    }
  }

  void take_diagonals(Operand& operand) {
    for (size_t i = 0; i < operand.labels.size(); ++i) {
      for (size_t j = operand.labels.size(); j-- > i + 1;) {
        if (operand.labels[j] != operand.labels[i]) continue;
        operand.value = node_.add(ops::Diagonal{static_cast<int64_t>(i), static_cast<int64_t>(j)},
                                  {operand.value});
        operand.labels.erase(operand.labels.begin() + static_cast<int64_t>(j));
      }
    }
  }

  static bool some_has(std::span<const Operand> operands, Label label) {
    return std::any_of(operands.begin(), operands.end(),
                       [&](const Operand& o) { return contains(o.labels, label); });
  }

  /// Sums over the indices that neither the result nor other operands need.
  void sum_out(Operand& operand, std::span<const Operand> earlier, std::span<const Operand> later) {
    ops::Reduce sum{ops::Reduction::sum, {}, false};
    Labels kept;
    for (size_t i = 0; i < operand.labels.size(); ++i) {
      const Label label = operand.labels[i];
      if (contains(output_, label) || some_has(earlier, label) || some_has(later, label)) {
        kept.push_back(label);
      } else {
        sum.axes.push_back(static_cast<int64_t>(i));
      }
    }
    if (sum.axes.empty()) return;
    operand = {node_.add(sum, {operand.value}), kept};
  }

  /// The operand with its dimensions in that order.
  Operand ordered(const Operand& operand, const Labels& labels) {
    if (operand.labels == labels) return operand;
    ops::Transpose transpose;
    for (Label label : labels)
      transpose.permutation.push_back(static_cast<int64_t>(operand.axis(label)));
    return {node_.add(transpose, {operand.value}), labels};
  }

  Operand multiply(const Operand& a, const Operand& b, std::span<const Operand> later) {
    Labels batch, contracted, only_a, only_b;
    bool plain = true;  // no index of 1 is repeated along the sum
    for (Label label : a.labels) {
      if (!contains(b.labels, label)) {
        only_a.push_back(label);
      } else if (contains(output_, label) || some_has(later, label)) {
        batch.push_back(label);
      } else {
        contracted.push_back(label);
        plain &= label < first_ellipsis_label && dim(a, label) == dim(b, label);
      }
    }
    for (Label label : b.labels) {
      if (!contains(a.labels, label)) only_b.push_back(label);
    }
    const ElementType type = node_.value(a.value).type.tensor.element;
    const bool floats = is_floating(type) && bits(type) >= 16;
    if (contracted.empty() || !plain || !floats) return broadcast_product(a, b);
    return matrix_product(a, b, batch, contracted, only_a, only_b);
  }

  /// Every index of either, those of a in front.
  Operand broadcast_product(const Operand& a, const Operand& b) {
    Labels labels = a.labels;
    for (Label label : b.labels) {
      if (!contains(labels, label)) labels.push_back(label);
    }
    const ValueId x = spread(a, labels), y = spread(b, labels);
    return {node_.add(ops::Elementwise(ops::Function::Mul), {x, y}), labels};
  }

  /// The operand with those dimensions, 1 where it has none.
  ValueId spread(const Operand& operand, const Labels& labels) {
    Labels own;
    ops::Unsqueeze unsqueeze;
    for (size_t i = 0; i < labels.size(); ++i) {
      if (contains(operand.labels, labels[i])) {
        own.push_back(labels[i]);
      } else {
        unsqueeze.axes.push_back(static_cast<int64_t>(i));
      }
    }
    const ValueId value = ordered(operand, own).value;
    return unsqueeze.axes.empty() ? value : node_.add(unsqueeze, {value});
  }

  Operand matrix_product(const Operand& a, const Operand& b, const Labels& batch,
                         const Labels& contracted, const Labels& only_a, const Labels& only_b) {
    ops::MatMul matmul;
    matmul.transpose_a = !a.labels.empty() && !contains(contracted, a.labels.back()) &&
                         !contains(batch, a.labels.back());
    matmul.transpose_b = contains(contracted, b.labels.back());
    const ValueId x = matrices(a, batch, matmul.transpose_a ? contracted : only_a,
                               matmul.transpose_a ? only_a : contracted);
    const ValueId y = matrices(b, batch, matmul.transpose_b ? only_b : contracted,
                               matmul.transpose_b ? contracted : only_b);
    ValueId product = node_.add(matmul, {x, y});
    Labels labels = batch;
    labels.insert(labels.end(), only_a.begin(), only_a.end());
    labels.insert(labels.end(), only_b.begin(), only_b.end());
    if (only_a.size() != 1 || only_b.size() != 1) {
      std::vector<ValueId> sizes;
      for (Label label : batch) sizes.push_back(batch_size(a, b, label));
      for (Label label : only_a) sizes.push_back(size_of(a, label));
      for (Label label : only_b) sizes.push_back(size_of(b, label));
      product = reshape(product, sizes);
    }
    return {product, labels};
  }

  /// The operand as a stack of matrices: [batch…, rows, columns].
  ValueId matrices(const Operand& operand, const Labels& batch, const Labels& rows,
                   const Labels& columns) {
    Labels labels = batch;
    labels.insert(labels.end(), rows.begin(), rows.end());
    labels.insert(labels.end(), columns.begin(), columns.end());
    const Operand turned = ordered(operand, labels);
    if (rows.size() == 1 && columns.size() == 1) return turned.value;
    std::vector<ValueId> sizes;
    for (Label label : batch) sizes.push_back(size_of(operand, label));
    for (const Labels* group : {&rows, &columns}) {
      ValueId product = node_.constant_list({1});
      for (Label label : *group) product = times(product, size_of(operand, label));
      sizes.push_back(product);
    }
    return reshape(turned.value, sizes);
  }

  /// A dimension's size as a tensor [1].
  ValueId size_of(const Operand& operand, Label label) {
    const Dim& size = dim(operand, label);
    if (size.is_constant()) return node_.constant_list({size.value()});
    const auto axis = static_cast<int64_t>(operand.axis(label));
    return node_.add(ops::ShapeOf{axis, axis + 1}, {operand.value});
  }

  /// What two dimensions broadcast to.
  ValueId batch_size(const Operand& a, const Operand& b, Label label) {
    if (dim(a, label) == dim(b, label) || dim(b, label) == Dim(1)) return size_of(a, label);
    if (dim(a, label) == Dim(1)) return size_of(b, label);
    if (dim(a, label).is_constant()) return size_of(a, label);
    if (dim(b, label).is_constant()) return size_of(b, label);
    return node_.add(ops::Elementwise(ops::Function::Max), {size_of(a, label), size_of(b, label)});
  }

  ValueId times(ValueId a, ValueId b) {
    const ConstantPtr &x = node_.value(a).constant, &y = node_.value(b).constant;
    if (x && y)
      return node_.constant_list(
          {checked_mul(read_integer(x->tensor(), 0), read_integer(y->tensor(), 0))});
    if (x && read_integer(x->tensor(), 0) == 1) return b;
    return node_.add(ops::Elementwise(ops::Function::Mul), {a, b});
  }

  ValueId reshape(ValueId value, const std::vector<ValueId>& sizes) {
    std::vector<int64_t> known;
    for (ValueId size : sizes) {
      if (const ConstantPtr& constant = node_.value(size).constant)
        known.push_back(read_integer(constant->tensor(), 0));
    }
    const ValueId shape = known.size() == sizes.size() ? node_.constant_list(known)
                                                       : node_.add(ops::Concat{0}, sizes);
    return node_.add(ops::Reshape{.allow_zero = true}, {value, shape});
  }

  OnnxNode& node_;
  Labels output_;
};

}  // namespace

ONNX_OP(Einsum) {
  const ValueId result = Contraction(node).run(parse_equation(node.text("equation", "")));
  const bool untouched = result == node.input(0);
  node.set_output(0, untouched ? node.add(ops::Identity{}, {result}) : result);
}

}  // namespace drawbar::onnx
