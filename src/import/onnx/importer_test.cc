#include "import/importer.h"

#include <gtest/gtest.h>

#include "import/onnx/node.h"
#include "import/onnx/onnx.pb.h"
#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using namespace drawbar_onnx;

/// Builds small models; everything may be changed afterwards.
struct Model {
  ModelProto proto;
  GraphProto& graph = *proto.mutable_graph();

  Model() {
    proto.set_ir_version(10);
    proto.add_opset_import()->set_version(21);
    graph.set_name("g");
  }

  static TypeProto type(const std::vector<std::string>& dims, int32_t element = 1) {
    TypeProto result;
    auto* tensor = result.mutable_tensor_type();
    tensor->set_elem_type(element);
    for (const std::string& dim : dims) {
      auto* added = tensor->mutable_shape()->add_dim();
      if (dim.empty()) continue;
      if (std::isdigit(static_cast<unsigned char>(dim[0]))) {
        added->set_dim_value(std::stoll(dim));
      } else {
        added->set_dim_param(dim);
      }
    }
    return result;
  }
  static void input(GraphProto& to, const std::string& name, const TypeProto& type) {
    ValueInfoProto* info = to.add_input();
    info->set_name(name);
    *info->mutable_type() = type;
  }
  void input(const std::string& name, const std::vector<std::string>& dims) {
    input(graph, name, type(dims));
  }
  template <class Owner>
  static NodeProto& node(Owner& to, const std::string& kind, std::vector<std::string> inputs,
                         std::vector<std::string> outputs, const std::string& domain = {}) {
    NodeProto* added = to.add_node();
    added->set_op_type(kind);
    added->set_domain(domain);
    for (auto& name : inputs) added->add_input(std::move(name));
    for (auto& name : outputs) added->add_output(std::move(name));
    return *added;
  }
  static void output(GraphProto& to, const std::string& name) { to.add_output()->set_name(name); }
  static void attribute(NodeProto& node, const std::string& name, int64_t value) {
    AttributeProto* added = node.add_attribute();
    added->set_name(name);
    added->set_type(2);
    added->set_i(value);
  }
  static GraphProto& subgraph(NodeProto& node, const std::string& name) {
    AttributeProto* added = node.add_attribute();
    added->set_name(name);
    added->set_type(5);
    return *added->mutable_g();
  }

  Graph import(ModelProperties* properties = nullptr) const {
    Graph result = import_bytes(proto.SerializeAsString(), {}, properties);
    verify(result);
    EXPECT_EQ(print(parse(print(result))), print(result));
    return result;
  }
  std::string error() const {
    try {
      import();
    } catch (const Error& error) {
      return fmt::format("{}: {}", name(error.code()), error.message());
    }
    return "no error";
  }
};

std::string input_type(const Graph& graph, size_t i) {
  return to_string(graph.value(graph.inputs()[i]).type);
}

TEST(OnnxImporter, KeepsNamesAndTheFilesOrder) {
  Model model;
  model.input("in put", {"2", "3"});
  Model::node(model.graph, "Relu", {"in put"}, {"/a/Relu_output_0"}).set_name("first");
  Model::node(model.graph, "Neg", {"/a/Relu_output_0"}, {"out"});
  Model::output(model.graph, "out");
  Model::output(model.graph, "in put");
  const Graph graph = model.import();
  EXPECT_EQ(graph.output_names(), (std::vector<std::string>{"out", "in put"}));
  EXPECT_EQ(graph.node(0).name, "first");
  EXPECT_EQ(graph.node(1).name, "out");
  EXPECT_EQ(graph.value(graph.node(0).outputs[0]).name, "/a/Relu_output_0");
}

TEST(OnnxImporter, DimensionNamesBecomeSymbols) {
  Model model;
  model.input("x", {"batch size", "batch_size", "", "7"});
  model.input("y", {"batch size", "min"});
  Model::node(model.graph, "Shape", {"x"}, {"s"});
  Model::output(model.graph, "s");
  const Graph graph = model.import();
  EXPECT_EQ(input_type(graph, 0), "f32[batch_size, batch_size_2, x.2, 7]");
  EXPECT_EQ(input_type(graph, 1), "f32[batch_size, _min]");
}

TEST(OnnxImporter, InitializersThatAreInputsAreConstants) {
  Model model;
  model.proto.set_ir_version(3);
  model.input("x", {"2"});
  model.input("w", {"2"});
  TensorProto* weight = model.graph.add_initializer();
  weight->set_name("w");
  weight->set_data_type(1);
  weight->add_dims(2);
  weight->add_float_data(1);
  weight->add_float_data(2);
  Model::node(model.graph, "Add", {"x", "w"}, {"y"});
  Model::output(model.graph, "y");
  EXPECT_EQ(model.import().inputs().size(), 1u);
}

TEST(OnnxImporter, SubgraphsNameWhatTheyReadAsInputs) {
  Model model;
  model.input("x", {"N"});
  Model::input(model.graph, "c", Model::type({}, 9));
  Model::node(model.graph, "Relu", {"x"}, {"hidden"});
  NodeProto& choice = Model::node(model.graph, "If", {"c"}, {"y"});
  GraphProto& then = Model::subgraph(choice, "then_branch");
  NodeProto& inner = Model::node(then, "If", {"c"}, {"t"});
  GraphProto& innermost = Model::subgraph(inner, "then_branch");
  Model::node(innermost, "Add", {"hidden", "x"}, {"i"});
  Model::output(innermost, "i");
  GraphProto& other = Model::subgraph(inner, "else_branch");
  Model::node(other, "Neg", {"hidden"}, {"i"});
  Model::output(other, "i");
  Model::output(then, "t");
  GraphProto& otherwise = Model::subgraph(choice, "else_branch");
  Model::node(otherwise, "Neg", {"x"}, {"t"});
  Model::output(otherwise, "t");
  Model::output(model.graph, "y");
  const Graph graph = model.import();
  const auto run = [&](bool condition) {
    return evaluate_graph(graph,
                          {Tensor::from<float>({2}, {-1.f, 2.f}), Tensor::scalar(condition)})[0];
  };
  expect_close(run(true), Tensor::from<float>({2}, {-1.f, 4.f}), 0, 0, "then");
  expect_close(run(false), Tensor::from<float>({2}, {1.f, -2.f}), 0, 0, "else");
}

/// y = own.Scaled(x): x times `factor`, twice.
Model with_function() {
  Model model;
  model.proto.add_opset_import()->set_domain("own");
  model.proto.mutable_opset_import(1)->set_version(1);
  for (const char* overload : {"", "double"}) {
    FunctionProto* function = model.proto.add_functions();
    function->set_domain("own");
    function->set_name("Scaled");
    function->set_overload(overload);
    function->add_input("a");
    function->add_input("unused");
    function->add_output("b");
    function->add_opset_import()->set_version(13);
    AttributeProto* fallback = function->add_attribute_proto();
    fallback->set_name("factor");
    fallback->set_type(2);
    fallback->set_i(3);
    NodeProto& constant = Model::node(*function, "Constant", {}, {"k"});
    AttributeProto* value = constant.add_attribute();
    value->set_name("value_int");
    value->set_type(2);
    value->set_ref_attr_name("factor");
    Model::node(*function, "Mul", {"a", "k"}, {*overload ? "m" : "b"});
    if (*overload) Model::node(*function, "Mul", {"m", "k"}, {"b"});
  }
  Model::input(model.graph, "x", Model::type({"2"}, 7));
  Model::output(model.graph, "y");
  return model;
}

Tensor result_of(const Model& model) {
  return evaluate_graph(model.import(), {Tensor::from<int64_t>({2}, {int64_t{1}, int64_t{2}})})[0];
}

TEST(OnnxImporter, FunctionsAreInlinedWithTheirAttributes) {
  Model model = with_function();
  NodeProto& call = Model::node(model.graph, "Scaled", {"x"}, {"y"}, "own");
  EXPECT_EQ(read_integers(result_of(model)), (std::vector<int64_t>{3, 6}));
  Model::attribute(call, "factor", 5);
  EXPECT_EQ(read_integers(result_of(model)), (std::vector<int64_t>{5, 10}));
  call.set_overload("double");
  EXPECT_EQ(read_integers(result_of(model)), (std::vector<int64_t>{25, 50}));
  call.set_overload("triple");
  EXPECT_NE(model.error().find("unknown operators: own.Scaled ×1"), std::string::npos);
}

TEST(OnnxImporter, FunctionsMayBeCalledOftenAndInsideEachOther) {
  Model model = with_function();
  FunctionProto* outer = model.proto.add_functions();
  outer->set_domain("own");
  outer->set_name("Outer");
  outer->add_input("a");
  outer->add_output("c");
  outer->add_opset_import()->set_domain("own");
  outer->mutable_opset_import(0)->set_version(1);
  Model::node(*outer, "Scaled", {"a"}, {"b"}, "own");
  Model::node(*outer, "Scaled", {"b"}, {"c"}, "own");
  Model::node(model.graph, "Outer", {"x"}, {"h"}, "own");
  Model::node(model.graph, "Outer", {"h"}, {"y"}, "own");
  EXPECT_EQ(read_integers(result_of(model)), (std::vector<int64_t>{81, 162}));
}

TEST(OnnxImporter, ErrorsNameTheNodeOnce) {
  Model model;
  model.input("x", {"2", "3"});
  NodeProto& node = Model::node(model.graph, "LogSoftmax", {"x"}, {"y"});
  node.set_name("layer.1");
  Model::attribute(node, "axis", 5);
  Model::output(model.graph, "y");
  EXPECT_EQ(model.error(),
            "INVALID_MODEL: import: node 'layer.1' (LogSoftmax): axis is 5, expected -2 to 1");
}

TEST(OnnxImporter, CountsEveryUnknownOperator) {
  Model model;
  model.input("x", {"2"});
  Model::node(model.graph, "Swirl", {"x"}, {"a"}, "com.acme");
  Model::node(model.graph, "Swirl", {"a"}, {"b"}, "com.acme");
  Model::node(model.graph, "Whirl", {"b"}, {"y"});
  EXPECT_EQ(model.error(),
            "UNSUPPORTED: import: unknown operators: ai.onnx.Whirl ×1, com.acme.Swirl ×2 (see "
            "`drawbar inspect --operators`)");
}

TEST(OnnxImporter, TellsWhatTheFileSaysOfItself) {
  Model model;
  model.input("x", {"2"});
  model.proto.set_producer_name("pytorch");
  model.proto.set_producer_version("2.9");
  Model::output(model.graph, "x");
  ModelProperties properties;
  model.import(&properties);
  const ModelProperties expected = {
      {"format", "ONNX, IR version 10"}, {"producer", "pytorch 2.9"}, {"opset ai.onnx", "21"}};
  EXPECT_EQ(properties, expected);
}

TEST(Importers, KnowFormatsByTheirContent) {
  EXPECT_EQ(import_bytes("graph g(%x: f32[2]) { return %x }").inputs().size(), 1u);
  for (const char* bytes : {"", "hello", "PK\3\4"}) {
    try {
      import_bytes(bytes);
      ADD_FAILURE() << bytes;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_model);
      EXPECT_NE(error.message().find("not a model of a known format (text, ONNX)"),
                std::string::npos)
          << error.message();
    }
  }
  EXPECT_THROW(import_model("no/such/file.onnx"), Error);
}

}  // namespace
}  // namespace drawbar
