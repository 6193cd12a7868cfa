#include <set>

#include "import/onnx/model.h"

namespace drawbar::onnx {

using drawbar_onnx::FunctionProto;
using drawbar_onnx::GraphProto;
using drawbar_onnx::ModelProto;
using drawbar_onnx::NodeProto;

namespace {

constexpr int64_t newest_opset = 28;

std::string key(const std::string& domain, const std::string& name, const std::string& overload) {
  return plain_domain(domain) + '\0' + name + '\0' + overload;
}

class Counter {
 public:
  explicit Counter(const ModelProto& model) : functions_(model) { graph(model.graph()); }

  std::vector<OperatorCount> counts() const {
    std::vector<OperatorCount> result;
    for (const auto& [name, count] : counts_) result.push_back(count);
    return result;
  }

 private:
  void graph(const GraphProto& proto) {
    for (const NodeProto& each : proto.node()) node(each);
  }

  void node(const NodeProto& proto) {
    for (const auto& attribute : proto.attribute()) {
      if (attribute.has_g()) graph(attribute.g());
      for (const GraphProto& each : attribute.graphs()) graph(each);
    }
    const FunctionProto* function = functions_.find(proto);
    if (function) {
      if (seen_.insert(function).second) pending(function);
      return;
    }
    const std::string domain = plain_domain(proto.domain());
    const std::string name = (domain.empty() ? "ai.onnx" : domain) + "." + proto.op_type();
    OperatorCount& entry = counts_[name];
    entry.name = name;
    entry.known = find_handler(domain, proto.op_type());
    ++entry.count;
  }

  /// Function bodies wait in a list, so that chains of calls do not deepen the stack.
  void pending(const FunctionProto* function) {
    waiting_.push_back(function);
    if (waiting_.size() > 1 || working_) return;
    working_ = true;
    while (!waiting_.empty()) {
      const FunctionProto* next = waiting_.back();
      waiting_.pop_back();
      for (const NodeProto& each : next->node()) node(each);
    }
    working_ = false;
  }

  Functions functions_;
  std::map<std::string, OperatorCount> counts_;
  std::set<const FunctionProto*> seen_;
  std::vector<const FunctionProto*> waiting_;
  bool working_ = false;
};

}  // namespace

Functions::Functions(const ModelProto& model) {
  for (const FunctionProto& function : model.functions()) {
    const std::string id = key(function.domain(), function.name(), function.overload());
    if (!functions_.emplace(id, &function).second) {
      fail(ErrorCode::invalid_model, "function '{}.{}' is defined twice", function.domain(),
           function.name());
    }
  }
}

const FunctionProto* Functions::find(const NodeProto& node) const {
  if (functions_.empty()) return nullptr;
  const std::string domain = plain_domain(node.domain());
  if (domain.empty() && find_handler(domain, node.op_type())) return nullptr;
  const auto found = functions_.find(key(domain, node.op_type(), node.overload()));
  return found == functions_.end() ? nullptr : found->second;
}

Opsets read_opsets(const google::protobuf::RepeatedPtrField<drawbar_onnx::OperatorSetIdProto>& list,
                   int64_t ir_version) {
  Opsets opsets;
  for (const auto& entry : list) {
    const std::string domain = plain_domain(entry.domain());
    if (entry.version() < 1) {
      fail(ErrorCode::invalid_model, "opset {} of '{}', expected at least 1", entry.version(),
           entry.domain());
    }
    if (domain.empty() && entry.version() > newest_opset) {
      fail(ErrorCode::unsupported,
           "opset {} of ai.onnx is newer than {}, the newest this build knows", entry.version(),
           newest_opset);
    }
    const auto [held, added] = opsets.emplace(domain, entry.version());
    if (!added && held->second != entry.version()) {
      fail(ErrorCode::invalid_model, "imports opsets {} and {} of '{}'", held->second,
           entry.version(), entry.domain());
    }
  }
  if (ir_version < 3 && opsets.empty()) opsets.emplace("", 1);
  return opsets;
}

std::vector<OperatorCount> count_operators(const ModelProto& model) {
  return Counter(model).counts();
}

}  // namespace drawbar::onnx
