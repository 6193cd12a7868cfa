#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace drawbar::onnx {

/// One ONNX node while it is translated: its attributes and inputs as the file spells them, and the
/// graph to build. A handler reads, adds operators of ours, and names the values that stand for the
/// node's outputs. Wrong attributes throw INVALID_MODEL; forms we lack throw UNSUPPORTED. The
/// caller adds "node '…' (Type)" to messages.
class OnnxNode {
 public:
  virtual ~OnnxNode() = default;

  virtual const std::string& type() const = 0;    // "Conv"
  virtual const std::string& domain() const = 0;  // "" for ai.onnx
  virtual const std::string& name() const = 0;
  virtual int64_t opset() const = 0;  // of the node's domain
  virtual int64_t ir_version() const = 0;

  // Attributes. A wrong type throws; `required_*` throw when absent.
  virtual bool has(std::string_view attribute) const = 0;
  virtual int64_t integer(std::string_view attribute, int64_t fallback) const = 0;
  virtual double number(std::string_view attribute, double fallback) const = 0;
  virtual std::string text(std::string_view attribute, std::string fallback) const = 0;
  virtual std::vector<int64_t> integers(std::string_view attribute,
                                        std::vector<int64_t> fallback = {}) const = 0;
  virtual std::vector<float> numbers(std::string_view attribute,
                                     std::vector<float> fallback = {}) const = 0;
  virtual std::vector<std::string> texts(std::string_view attribute) const = 0;
  virtual Tensor tensor(std::string_view attribute) const = 0;  // must be there
  virtual ElementType element_type(std::string_view attribute,
                                   ElementType fallback) const = 0;  // a TensorProto.DataType
  /// All attributes, which must be numbers, texts, or lists of these; else UNSUPPORTED naming it.
  virtual Attributes plain_attributes() const = 0;
  int64_t required_integer(std::string_view attribute) const;

  // Inputs: no_id where one is absent, beyond the last too.
  virtual size_t inputs() const = 0;
  virtual ValueId input(size_t i) const = 0;
  bool has_input(size_t i) const { return i < inputs() && input(i) != no_id; }
  std::vector<ValueId> all_inputs() const;
  std::vector<ValueId> inputs_padded(size_t count) const;  // absent ones appended as no_id
  const Value& value(ValueId id) const;  // throws INVALID_MODEL for no_id: a required input
  /// The contents of input i when it is a constant, else null.
  const Tensor* constant(size_t i) const;
  /// Integers that are an attribute in old opsets and a constant input in new ones. Nothing when
  /// neither is there; an input that is no constant throws UNSUPPORTED naming it.
  std::optional<std::vector<int64_t>> attribute_or_input(std::string_view attribute,
                                                         size_t input) const;

  // Building.
  virtual Graph& graph() = 0;
  virtual const Graph& graph() const = 0;
  ValueId add(Op op, std::vector<ValueId> inputs);
  std::vector<ValueId> add_all(Op op, std::vector<ValueId> inputs, size_t outputs,
                               std::vector<GraphPtr> subgraphs = {});
  ValueId constant_value(Tensor tensor);
  ValueId constant_list(const std::vector<int64_t>& values);  // i64 [n]
  /// A subgraph attribute as a graph whose inputs are its own followed by the values of enclosing
  /// graphs it reads; those are appended to `captures` (ids of this graph). Constants are not
  /// captured but shared. `input_types` are those of its own inputs; where there are none, the ones
  /// the file declares.
  virtual GraphPtr subgraph(std::string_view attribute, std::vector<ValueId>& captures,
                            const std::vector<Type>& input_types = {}) = 0;
  virtual std::vector<std::string> subgraph_inputs(std::string_view attribute) const = 0;
  virtual Type type_attribute(std::string_view attribute) const = 0;  // a TypeProto; must be there

  // Answering.
  virtual size_t outputs() const = 0;            // as many as the file names, absent ones included
  virtual bool output_used(size_t i) const = 0;  // named in the file
  virtual void set_output(size_t i, ValueId value) = 0;
  /// What output i is to be called in the graph: unique there.
  virtual const std::string& output_name(size_t i) const = 0;
  /// A name for a value in between.
  virtual std::string new_name() = 0;
  /// One operator for the whole node: its outputs in the file's order.
  void replace_with(Op op, std::vector<ValueId> inputs, std::vector<GraphPtr> subgraphs = {});
};

using Handler = void (*)(OnnxNode&);
void register_handler(std::string_view domain, std::string_view type, Handler handler);
/// Null: unknown. Operators of plug-ins have one handler together, `any_plugin` in both places.
Handler find_handler(std::string_view domain, std::string_view type);
inline constexpr std::string_view any_plugin = "*";
std::vector<std::string> handled_types();  // "Conv", "com.microsoft.FusedConv"

/// ONNX_OP(Conv) { …uses `node`… } translates ai.onnx's Conv, all opsets.
#define ONNX_OP(TYPE) DRAWBAR_ONNX_OP(TYPE, "", #TYPE)
#define ONNX_ML_OP(TYPE) DRAWBAR_ONNX_OP(ml_##TYPE, "ai.onnx.ml", #TYPE)
#define ONNX_PREVIEW_OP(TYPE) DRAWBAR_ONNX_OP(preview_##TYPE, "ai.onnx.preview", #TYPE)
#define ONNX_MICROSOFT_OP(TYPE) DRAWBAR_ONNX_OP(microsoft_##TYPE, "com.microsoft", #TYPE)
#define DRAWBAR_ONNX_OP(ID, DOMAIN, TYPE)                                    \
  static void import_##ID([[maybe_unused]] ::drawbar::onnx::OnnxNode& node); \
  [[maybe_unused]] static const bool imported_##ID =                         \
      (::drawbar::onnx::register_handler(DOMAIN, TYPE, import_##ID), true);  \
  static void import_##ID([[maybe_unused]] ::drawbar::onnx::OnnxNode& node)

}  // namespace drawbar::onnx
