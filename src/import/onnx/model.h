#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "import/importer.h"
#include "import/onnx/attributes.h"
#include "import/onnx/external_data.h"
#include "import/onnx/node.h"
#include "import/onnx/onnx.pb.h"
#include "import/onnx/scope.h"
#include "import/onnx/type.h"

namespace drawbar::onnx {

/// Versions of the operator sets a part of the file uses, by domain ("": ai.onnx).
using Opsets = std::map<std::string, int64_t, std::less<>>;

/// The domain as it is spelt here: ai.onnx is "".
inline std::string plain_domain(const std::string& domain) {
  return domain == "ai.onnx" ? std::string() : domain;
}

/// A file's own operators, by (domain, name, overload). Standard operators are never overridden;
/// those of other domains are, where the file brings a body.
class Functions {
 public:
  explicit Functions(const drawbar_onnx::ModelProto& model);
  /// Null: the node is not a call of one.
  const drawbar_onnx::FunctionProto* find(const drawbar_onnx::NodeProto& node) const;

 private:
  std::map<std::string, const drawbar_onnx::FunctionProto*> functions_;
};

/// Reads opset imports. Throws INVALID_MODEL for contradictions, UNSUPPORTED for versions to come.
Opsets read_opsets(const google::protobuf::RepeatedPtrField<drawbar_onnx::OperatorSetIdProto>& list,
                   int64_t ir_version);

/// Counts every operator the model's graph needs, subgraphs and called functions included.
std::vector<OperatorCount> count_operators(const drawbar_onnx::ModelProto& model);

/// Where a node stands.
struct Place {
  Scope& scope;
  const Opsets& opsets;
  const AttributeMap* attributes = nullptr;  // of the function around it
  int function_depth = 0, subgraph_depth = 0;
};

/// Translates one model. Functions are inlined; recursion and nesting have limits, and so has the
/// number of nodes they expand to.
class ModelTranslation {
 public:
  ModelTranslation(drawbar_onnx::ModelProto& model, std::string folder);

  Graph translate();

  // For nodes.
  int64_t ir_version() const { return model_.ir_version(); }
  ExternalData& external() { return external_; }
  Symbols& symbols() { return symbols_; }
  GraphPtr subgraph(const drawbar_onnx::GraphProto& proto, const std::string& name,
                    const Place& outer, const std::vector<Type>& input_types,
                    std::vector<ValueId>& captures);

 private:
  using Nodes = google::protobuf::RepeatedPtrField<drawbar_onnx::NodeProto>;

  void add_inputs(const drawbar_onnx::GraphProto& proto, Scope& scope);
  void add_subgraph_inputs(const drawbar_onnx::GraphProto& proto, Scope& scope,
                           const std::vector<Type>& types);
  void add_sparse_initializers(const drawbar_onnx::GraphProto& proto, Scope& scope);
  void add_outputs(const drawbar_onnx::GraphProto& proto, Scope& scope);
  void nodes(const Nodes& list, const Place& place);
  void node(const drawbar_onnx::NodeProto& proto, const Place& place);
  void call(const drawbar_onnx::FunctionProto& function, const drawbar_onnx::NodeProto& proto,
            const std::vector<ValueId>& inputs, const Place& place);
  const Opsets& opsets_of(const drawbar_onnx::FunctionProto& function);

  drawbar_onnx::ModelProto& model_;
  ExternalData external_;
  Symbols symbols_;
  Functions functions_;
  std::unordered_map<const drawbar_onnx::FunctionProto*, Opsets> function_opsets_;
  std::vector<const drawbar_onnx::FunctionProto*> active_;  // calls not yet finished
  int64_t expanded_ = 0;  // nodes translated in functions and subgraphs
};

}  // namespace drawbar::onnx
