// Small models around trees, strings and maps, of which the ONNX cases have few or none.
#include <array>

#include "import/onnx/onnx.pb.h"
#include "tests/fuzz/mutate.h"

namespace drawbar::fuzz {
namespace {

using namespace drawbar_onnx;
using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Texts = std::vector<std::string>;

constexpr int32_t f32 = 1, i64 = 7, string = 8;  // as TensorProto numbers them

class Model {
 public:
  Model() {
    proto_.set_ir_version(10);
    for (const auto& [domain, version] : {std::pair("", 21), std::pair("ai.onnx.ml", 3)}) {
      OperatorSetIdProto* opset = proto_.add_opset_import();
      opset->set_domain(domain);
      opset->set_version(version);
    }
  }

  /// A graph input of rank 2, [N, columns], or of rank 1, [N], without columns.
  Model& input(const std::string& name, int32_t element, int64_t columns = 0) {
    tensor(*add_input(name)->mutable_tensor_type(), element)->add_dim()->set_dim_param("N");
    if (columns == 0) return *this;
    auto& type = *last_input().mutable_type()->mutable_tensor_type();
    type.mutable_shape()->add_dim()->set_dim_value(columns);
    return *this;
  }
  Model& map_input(const std::string& name, int32_t key, int32_t element) {
    auto& map = *add_input(name)->mutable_map_type();
    map.set_key_type(key);
    tensor(*map.mutable_value_type()->mutable_tensor_type(), element);
    return *this;
  }
  Model& node(const std::string& type, const Texts& inputs, const Texts& outputs,
              const std::string& domain = "ai.onnx.ml") {
    NodeProto& added = *proto_.mutable_graph()->add_node();
    added.set_op_type(type);
    added.set_domain(domain);
    for (const std::string& input : inputs) added.add_input(input);
    for (const std::string& output : outputs) added.add_output(output);
    return *this;
  }
  Model& output(const std::string& name) {
    proto_.mutable_graph()->add_output()->set_name(name);
    return *this;
  }

  // Attributes of the last node.
  Model& set(const std::string& name, int64_t value) {
    attribute(name, 2).set_i(value);
    return *this;
  }
  Model& set(const std::string& name, const std::string& value) {
    attribute(name, 3).set_s(value);
    return *this;
  }
  Model& set(const std::string& name, const Floats& values) {
    attribute(name, 6).mutable_floats()->Assign(values.begin(), values.end());
    return *this;
  }
  Model& set(const std::string& name, const Ints& values) {
    attribute(name, 7).mutable_ints()->Assign(values.begin(), values.end());
    return *this;
  }
  Model& set(const std::string& name, const Texts& values) {
    attribute(name, 8).mutable_strings()->Assign(values.begin(), values.end());
    return *this;
  }

  std::string bytes() const { return proto_.SerializeAsString(); }

 private:
  TypeProto* add_input(const std::string& name) {
    proto_.mutable_graph()->add_input()->set_name(name);
    return last_input().mutable_type();
  }
  ValueInfoProto& last_input() {
    return *proto_.mutable_graph()->mutable_input(proto_.graph().input_size() - 1);
  }
  static TensorShapeProto* tensor(TypeProto::Tensor& type, int32_t element) {
    type.set_elem_type(element);
    return type.mutable_shape();
  }
  AttributeProto& attribute(const std::string& name, int32_t type) {
    NodeProto& node = *proto_.mutable_graph()->mutable_node(proto_.graph().node_size() - 1);
    AttributeProto& added = *node.add_attribute();
    added.set_name(name);
    added.set_type(type);
    return added;
  }

  ModelProto proto_;
};

/// Whole trees of that depth over three features; every leaf votes for one of `targets`.
void set_trees(Model& model, int trees, int depth, const std::string& test,
               const std::string& votes, int64_t targets) {
  Ints tree, number, feature, when_true, when_false, missing, vote_tree, vote_node, vote_target;
  Floats value, weight;
  Texts modes;
  const int64_t inner = (int64_t{1} << depth) - 1;
  for (int64_t t = 0; t < trees; ++t) {
    for (int64_t i = 0; i < 2 * inner + 1; ++i) {
      const bool leaf = i >= inner;
      tree.push_back(t);
      number.push_back(i);
      feature.push_back((i + t) % 3);
      when_true.push_back(leaf ? 0 : 2 * i + 1);
      when_false.push_back(leaf ? 0 : 2 * i + 2);
      missing.push_back(i % 2);
      value.push_back(static_cast<float>(i % 5) * 0.25f);
      modes.push_back(leaf ? "LEAF" : test);
      if (!leaf) continue;
      vote_tree.push_back(t);
      vote_node.push_back(i);
      vote_target.push_back(i % targets);
      weight.push_back(static_cast<float>(i - t));
    }
  }
  model.set("nodes_treeids", tree).set("nodes_nodeids", number).set("nodes_featureids", feature);
  model.set("nodes_truenodeids", when_true).set("nodes_falsenodeids", when_false);
  model.set("nodes_missing_value_tracks_true", missing).set("nodes_values", value);
  model.set("nodes_modes", modes).set(votes + "_treeids", vote_tree);
  model.set(votes + "_nodeids", vote_node).set(votes + "_ids", vote_target);
  model.set(votes + "_weights", weight);
}

Seeds trees() {
  Seeds seeds;
  constexpr std::array tests = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
  for (size_t i = 0; i < tests.size(); ++i) {
    const int depth = static_cast<int>(i % 4);
    Model regressor;
    regressor.input("x", f32, 3).node("TreeEnsembleRegressor", {"x"}, {"y"}).output("y");
    set_trees(regressor, 1 + static_cast<int>(i), depth, tests[i], "target", 2);
    regressor.set("n_targets", 2).set("base_values", Floats{0.5f, -1});
    regressor.set("aggregate_function", std::string(i % 2 ? "AVERAGE" : "MAX"));
    seeds.push_back(regressor.bytes());

    Model classifier;
    classifier.input("x", f32, 3).node("TreeEnsembleClassifier", {"x"}, {"label", "p"});
    classifier.output("label").output("p");
    set_trees(classifier, 2, depth, tests[i], "class", i % 2 ? 3 : 1);
    if (i % 2) {
      classifier.set("classlabels_strings", Texts{"a", "b", "c"});
    } else {
      classifier.set("classlabels_int64s", Ints{7});
    }
    classifier.set("post_transform", std::string(i % 3 ? "SOFTMAX" : "LOGISTIC"));
    seeds.push_back(classifier.bytes());
  }
  return seeds;
}

Seeds strings() {
  const Texts words = {"ant", "bee", "", "\xc3\xbc"};
  Seeds seeds;
  seeds.push_back(Model()
                      .input("x", string)
                      .node("LabelEncoder", {"x"}, {"y"})
                      .set("keys_strings", words)
                      .set("values_floats", Floats{1, 2, 3, 4})
                      .output("y")
                      .bytes());
  seeds.push_back(Model()
                      .input("x", string)
                      .node("CategoryMapper", {"x"}, {"i"})
                      .set("cats_strings", words)
                      .set("cats_int64s", Ints{0, 1, 2, 3})
                      .node("OneHotEncoder", {"i"}, {"y"})
                      .set("cats_int64s", Ints{0, 1, 2, 3})
                      .output("y")
                      .bytes());
  seeds.push_back(Model()
                      .input("x", string)
                      .node("StringNormalizer", {"x"}, {"n"}, "")
                      .set("case_change_action", std::string("UPPER"))
                      .set("stopwords", words)
                      .node("TfIdfVectorizer", {"n"}, {"y"}, "")
                      .set("mode", std::string("TFIDF"))
                      .set("min_gram_length", 1)
                      .set("max_gram_length", 2)
                      .set("max_skip_count", 1)
                      .set("ngram_counts", Ints{0, 2})
                      .set("ngram_indexes", Ints{0, 1, 2})
                      .set("pool_strings", Texts{"ANT", "BEE", "ANT", "BEE"})
                      .output("y")
                      .bytes());
  seeds.push_back(Model()
                      .input("x", string)
                      .node("RegexFullMatch", {"x"}, {"y"}, "")
                      .set("pattern", std::string("(a|b)*[^c-e]{1,3}\\w+$"))
                      .node("StringSplit", {"x"}, {"parts", "count"}, "")
                      .set("delimiter", std::string(","))
                      .set("maxsplit", 2)
                      .node("StringConcat", {"x", "x"}, {"twice"}, "")
                      .output("y")
                      .output("parts")
                      .output("count")
                      .output("twice")
                      .bytes());
  seeds.push_back(Model()
                      .input("x", string)
                      .node("Cast", {"x"}, {"f"}, "")
                      .set("to", int64_t{f32})
                      .node("Cast", {"f"}, {"y"}, "")
                      .set("to", int64_t{string})
                      .output("y")
                      .bytes());
  return seeds;
}

Seeds maps() {
  Seeds seeds;
  seeds.push_back(Model()
                      .input("x", f32, 3)
                      .node("ZipMap", {"x"}, {"y"})
                      .set("classlabels_strings", Texts{"a", "b", "c"})
                      .output("y")
                      .bytes());
  seeds.push_back(Model()
                      .map_input("x", string, i64)
                      .node("DictVectorizer", {"x"}, {"y"})
                      .set("string_vocabulary", Texts{"k0", "k2", "z"})
                      .output("y")
                      .bytes());
  for (const char* form : {"DENSE", "SPARSE"}) {
    seeds.push_back(Model()
                        .map_input("x", i64, f32)
                        .node("CastMap", {"x"}, {"y"})
                        .set("cast_to", std::string("TO_STRING"))
                        .set("map_form", std::string(form))
                        .set("max_map", 5)
                        .output("y")
                        .bytes());
  }
  return seeds;
}

}  // namespace

Seeds classical_seeds(std::string_view kind) {
  return kind == "trees" ? trees() : kind == "strings" ? strings() : maps();
}

}  // namespace drawbar::fuzz
