// How files spell the operators of ai.onnx.ml. The numbers were computed by hand.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "import/importer.h"
#include "import/onnx/onnx.pb.h"
#include "ir/evaluate_graph.h"

namespace drawbar {
namespace {

using namespace drawbar_onnx;
using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;
using Texts = std::vector<std::string>;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

template <class T>
Tensor row(const std::vector<T>& values) {
  return Tensor::from<T>({1, static_cast<int64_t>(values.size())}, values);
}
template <class T>
Tensor list(const std::vector<T>& values) {
  return Tensor::from<T>({static_cast<int64_t>(values.size())}, values);
}

/// A model of one node.
class OneNodeModel {
 public:
  OneNodeModel(const std::string& type, int64_t opset, int outputs = 1) {
    proto_.set_ir_version(10);
    OperatorSetIdProto* imported = proto_.add_opset_import();
    imported->set_domain("ai.onnx.ml");
    imported->set_version(opset);
    node_ = proto_.mutable_graph()->add_node();
    node_->set_op_type(type);
    node_->set_domain("ai.onnx.ml");
    for (int i = 0; i < outputs; ++i) {
      node_->add_output(fmt::format("y{}", i));
      proto_.mutable_graph()->add_output()->set_name(fmt::format("y{}", i));
    }
  }

  OneNodeModel& set(const std::string& name, int64_t value) {
    attribute(name, 2)->set_i(value);
    return *this;
  }
  OneNodeModel& set(const std::string& name, float value) {
    attribute(name, 1)->set_f(value);
    return *this;
  }
  OneNodeModel& set(const std::string& name, const char* value) {
    attribute(name, 3)->set_s(value);
    return *this;
  }
  OneNodeModel& set(const std::string& name, const Ints& values) {
    AttributeProto* added = attribute(name, 7);
    for (int64_t value : values) added->add_ints(value);
    return *this;
  }
  OneNodeModel& set(const std::string& name, const Floats& values) {
    AttributeProto* added = attribute(name, 6);
    for (float value : values) added->add_floats(value);
    return *this;
  }
  OneNodeModel& set(const std::string& name, const Texts& values) {
    AttributeProto* added = attribute(name, 8);
    for (const std::string& value : values) added->add_strings(value);
    return *this;
  }
  OneNodeModel& set(const std::string& name, const std::vector<double>& values) {
    TensorProto* tensor = attribute(name, 4)->mutable_t();
    tensor->set_data_type(11);
    tensor->add_dims(static_cast<int64_t>(values.size()));
    for (double value : values) tensor->add_double_data(value);
    return *this;
  }
  OneNodeModel& set(const std::string& name, const std::vector<uint8_t>& values) {
    TensorProto* tensor = attribute(name, 4)->mutable_t();
    tensor->set_data_type(2);
    tensor->add_dims(static_cast<int64_t>(values.size()));
    for (uint8_t value : values) tensor->add_int32_data(value);
    return *this;
  }

  template <class T>
  OneNodeModel& replace(const std::string& name, const T& value) {
    auto* attributes = node_->mutable_attribute();
    for (int i = 0; i < attributes->size(); ++i) {
      if (attributes->Get(i).name() == name) attributes->DeleteSubrange(i, 1);
    }
    return set(name, value);
  }

  std::vector<Tensor> run(const std::vector<Tensor>& inputs) {
    ModelProto model = proto_;
    for (size_t i = 0; i < inputs.size(); ++i) {
      ValueInfoProto* info = model.mutable_graph()->add_input();
      info->set_name(fmt::format("x{}", i));
      *info->mutable_type() = type_of(inputs[i]);
      model.mutable_graph()->mutable_node(0)->add_input(info->name());
    }
    return evaluate_graph(import_bytes(model.SerializeAsString()), inputs);
  }
  std::string error(const std::vector<Tensor>& inputs) {
    try {
      run(inputs);
    } catch (const Error& error) {
      return error.message();
    }
    return "nothing";
  }

 private:
  AttributeProto* attribute(const std::string& name, int type) {
    AttributeProto* added = node_->add_attribute();
    added->set_name(name);
    added->set_type(type);
    return added;
  }
  static int32_t code(ElementType type) {
    switch (type) {
      case ElementType::f64:
        return 11;
      case ElementType::i32:
        return 6;
      case ElementType::i64:
        return 7;
      case ElementType::string:
        return 8;
      default:
        return 1;
    }
  }
  static TypeProto type_of(const Tensor& value) {
    TypeProto type;
    if (value.kind() == Tensor::Kind::map) {
      type.mutable_map_type()->set_key_type(code(value.elements()[0].type()));
      type.mutable_map_type()->mutable_value_type()->mutable_tensor_type()->set_elem_type(
          code(value.elements()[1].type()));
      return type;
    }
    type.mutable_tensor_type()->set_elem_type(code(value.type()));
    for (int64_t dim : value.shape())
      type.mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(dim);
    return type;
  }

  ModelProto proto_;
  NodeProto* node_;
};

Floats floats(const Tensor& tensor) {
  return {tensor.values<float>().begin(), tensor.values<float>().end()};
}
Ints ints(const Tensor& tensor) {
  return {tensor.values<int64_t>().begin(), tensor.values<int64_t>().end()};
}
Texts texts(const Tensor& tensor) {
  return {tensor.values<std::string>().begin(), tensor.values<std::string>().end()};
}

void expect_words(const std::string& message, std::string_view words) {
  EXPECT_NE(message.find(words), std::string::npos) << message << " lacks " << words;
}

TEST(ClassicalModels, LinearRegressor) {
  OneNodeModel model("LinearRegressor", 1);
  model.set("targets", int64_t{2})
      .set("coefficients", Floats{1, 2, 3, 4})
      .set("intercepts", Floats{5, 6});
  EXPECT_EQ(floats(model.run({row<float>({1, 10})})[0]), (Floats{26, 49}));
  EXPECT_EQ(floats(model.run({list<double>({1, 10})})[0]), (Floats{26, 49}));
  EXPECT_EQ(floats(model.run({row<int64_t>({1, 10})})[0]), (Floats{26, 49}));
  expect_words(OneNodeModel("LinearRegressor", 1)
                   .set("coefficients", Floats{1, 2, 3})
                   .set("targets", int64_t{2})
                   .error({row<float>({1, 2})}),
               "coefficients has 3 elements, expected a multiple of 2");
  expect_words(OneNodeModel("LinearRegressor", 1)
                   .set("coefficients", Floats{1})
                   .set("targets", INT64_MIN)
                   .error({row<float>({1})}),
               "coefficients has 1 elements");
  expect_words(OneNodeModel("LinearRegressor", 1)
                   .set("coefficients", Floats{1})
                   .set("post_transform", "TWICE")
                   .error({row<float>({1})}),
               "post_transform is 'TWICE'");
}

TEST(ClassicalModels, LinearClassifier) {
  OneNodeModel three("LinearClassifier", 1, 2);
  three.set("coefficients", Floats{1, 0, 0, 1, 1, 1})
      .set("intercepts", Floats{0, 0, -5})
      .set("classlabels_strings", Texts{"a", "b", "c"})
      .set("post_transform", "SOFTMAX");
  const auto outputs = three.run({row<float>({1, 2})});
  EXPECT_EQ(texts(outputs[0]), Texts{"b"});
  const double sum = std::exp(1.0) + std::exp(2.0) + std::exp(-2.0);
  EXPECT_NEAR(floats(outputs[1])[1], std::exp(2.0) / sum, 1e-6);
  OneNodeModel one("LinearClassifier", 1, 2);
  one.set("coefficients", Floats{1, -1}).set("intercepts", Floats{0.5f});
  one.set("classlabels_ints", Ints{7, 9});
  EXPECT_EQ(ints(one.run({row<int32_t>({1, 1})})[0]), Ints{9});
  EXPECT_EQ(ints(one.run({row<int32_t>({1, 2})})[0]), Ints{7});
  EXPECT_EQ(floats(one.run({row<int32_t>({1, 2})})[1]), (Floats{1.5f, -0.5f}));
  OneNodeModel wrong("LinearClassifier", 1, 2);
  wrong.set("coefficients", Floats{1, 2}).set("intercepts", Floats{1, 2});
  expect_words(wrong.set("classlabels_ints", Ints{1, 2, 3}).error({row<float>({1})}),
               "has 3 labels for 2 scores");
}

TEST(ClassicalModels, Scaler) {
  OneNodeModel model("Scaler", 1);
  model.set("offset", Floats{1, 2}).set("scale", Floats{10, 100});
  EXPECT_EQ(floats(model.run({row<float>({2, 5})})[0]), (Floats{10, 300}));
  EXPECT_EQ(floats(model.run({row<int64_t>({2, 5})})[0]), (Floats{10, 300}));
  expect_words(model.error({row<float>({1, 2, 3})}), "offset has 2 elements, expected 1 or 3");
}

TEST(ClassicalModels, Imputer) {
  OneNodeModel gaps("Imputer", 1);
  gaps.set("imputed_value_floats", Floats{5, 6}).set("replaced_value_float", nan);
  EXPECT_EQ(floats(gaps.run({row<float>({nan, nan})})[0]), (Floats{5, 6}));
  EXPECT_EQ(floats(gaps.run({row<float>({1, nan})})[0]), (Floats{1, 6}));
  OneNodeModel zeros("Imputer", 1);
  zeros.set("imputed_value_int64s", Ints{INT64_MAX});
  EXPECT_EQ(ints(zeros.run({row<int64_t>({0, 3})})[0]), (Ints{INT64_MAX, 3}));
  expect_words(zeros.error({row<int32_t>({0, 3})}), "is no number of type i32");
  expect_words(zeros.error({row<float>({0, 3})}), "the list of imputed values is empty");
}

TEST(ClassicalModels, Binarizer) {
  OneNodeModel model("Binarizer", 1);
  model.set("threshold", 1.5f);
  EXPECT_EQ(floats(model.run({row<float>({1.5f, 1.6f, -2})})[0]), (Floats{0, 1, 0}));
  EXPECT_EQ(ints(model.run({row<int64_t>({1, 2})})[0]), (Ints{0, 1}));
}

TEST(ClassicalModels, Normalizer) {
  OneNodeModel model("Normalizer", 1);
  model.set("norm", "L1");
  EXPECT_EQ(floats(model.run({row<float>({1, -3})})[0]), (Floats{0.25f, -0.75f}));
  expect_words(OneNodeModel("Normalizer", 1).set("norm", "L3").error({row<float>({1})}),
               "norm is 'L3'");
}

TEST(ClassicalModels, LabelEncoderOfEachOpset) {
  OneNodeModel first("LabelEncoder", 1);
  first.set("classes_strings", Texts{"a", "b"});
  EXPECT_EQ(ints(first.run({list<std::string>({"b", "c", "a"})})[0]), (Ints{1, -1, 0}));
  EXPECT_EQ(texts(first.run({list<int64_t>({1, 5})})[0]), (Texts{"b", "_Unused"}));
  OneNodeModel second("LabelEncoder", 2);
  second.set("keys_floats", Floats{2, nan}).set("values_strings", Texts{"two", "none"});
  second.set("default_string", "?");
  EXPECT_EQ(texts(second.run({list<float>({nan, 2, 3})})[0]), (Texts{"none", "two", "?"}));
  OneNodeModel fourth("LabelEncoder", 4);
  fourth.set("keys_tensor", std::vector<double>{1, 2, 2}).set("values_int64s", Ints{10, 20, 30});
  EXPECT_EQ(ints(fourth.run({list<double>({2, 1, 7})})[0]), (Ints{30, 10, -1}));
  expect_words(OneNodeModel("LabelEncoder", 2)
                   .set("keys_int64s", Ints{1, 2})
                   .set("values_int64s", Ints{1})
                   .error({list<int64_t>({1})}),
               "has 2 keys and 1 values");
  expect_words(
      OneNodeModel("LabelEncoder", 2).set("keys_int64s", Ints{1}).error({list<int64_t>({1})}),
      "has 0 lists of values, expected one");
}

TEST(ClassicalModels, CategoryMapper) {
  OneNodeModel model("CategoryMapper", 1);
  model.set("cats_int64s", Ints{7, 3})
      .set("cats_strings", Texts{"b", "a"})
      .set("default_int64", int64_t{0});
  EXPECT_EQ(ints(model.run({list<std::string>({"a", "b", "c"})})[0]), (Ints{3, 7, 0}));
  EXPECT_EQ(texts(model.run({list<int64_t>({3, 4})})[0]), (Texts{"a", "_Unused"}));
}

TEST(ClassicalModels, OneHotEncoder) {
  OneNodeModel model("OneHotEncoder", 1);
  model.set("cats_int64s", Ints{5, 2});
  const Tensor y = model.run({row<float>({2.9f, 4, 5})})[0];
  EXPECT_EQ(y.shape(), (Shape{1, 3, 2}));
  EXPECT_EQ(floats(y), (Floats{0, 1, 0, 0, 1, 0}));
  OneNodeModel strict("OneHotEncoder", 1);
  strict.set("cats_strings", Texts{"a"}).set("zeros", int64_t{0});
  EXPECT_EQ(floats(strict.run({list<std::string>({"a"})})[0]), Floats{1});
  expect_words(strict.error({list<std::string>({"b"})}),
               "element 0 of x is none of the 1 categories");
}

TEST(ClassicalModels, FeatureVectorizer) {
  OneNodeModel model("FeatureVectorizer", 1);
  model.set("inputdimensions", Ints{1, 3});
  EXPECT_EQ(floats(model.run({row<float>({1, 2}), list<int64_t>({3, 4})})[0]),
            (Floats{1, 3, 4, 0}));
  expect_words(model.error({row<float>({1})}), "inputdimensions has 2 elements for 1 inputs");
}

TEST(ClassicalModels, ArrayFeatureExtractor) {
  OneNodeModel model("ArrayFeatureExtractor", 1);
  EXPECT_EQ(texts(model.run({row<std::string>({"a", "b", "c"}), row<int64_t>({2, 0})})[0]),
            (Texts{"c", "a"}));
  const Tensor y = model.run({list<double>({1, 2}), list<int64_t>({1})})[0];
  EXPECT_EQ(y.shape(), (Shape{1, 1}));
  expect_words(model.error({row<float>({1}), list<int64_t>({1})}), "index 1 is outside");
}

Tensor map_of(Tensor keys, Tensor values) {
  return Tensor::compound(Tensor::Kind::map, {std::move(keys), std::move(values)});
}

TEST(ClassicalModels, Maps) {
  OneNodeModel zip("ZipMap", 1);
  zip.set("classlabels_strings", Texts{"a", "b"});
  const Tensor maps = zip.run({row<float>({1, 2})})[0];
  EXPECT_EQ(texts(maps.elements()[0].elements()[0]), (Texts{"a", "b"}));
  EXPECT_EQ(floats(maps.elements()[0].elements()[1]), (Floats{1, 2}));
  expect_words(
      OneNodeModel("ZipMap", 1).set("classlabels_int64s", Ints{1, 1}).error({row<float>({1, 2})}),
      "the label '1' is there twice");
  OneNodeModel vectorizer("DictVectorizer", 1);
  vectorizer.set("string_vocabulary", Texts{"a", "c", "b", "z"});
  const Tensor map = map_of(list<std::string>({"c", "a"}), list<int64_t>({8, 4}));
  EXPECT_EQ(ints(vectorizer.run({map})[0]), (Ints{4, 8, 0, 0}));
  OneNodeModel cast("CastMap", 1);
  cast.set("cast_to", "TO_INT64").set("map_form", "SPARSE").set("max_map", int64_t{3});
  const Tensor numbers = map_of(list<int64_t>({2, 0}), list<std::string>({"5", "-7"}));
  EXPECT_EQ(ints(cast.run({numbers})[0]), (Ints{-7, 0, 5}));
  expect_words(OneNodeModel("CastMap", 1).set("cast_to", "TO_MAP").error({numbers}),
               "cast_to is 'TO_MAP'");
}

TEST(ClassicalModels, SvmRegressor) {
  OneNodeModel model("SVMRegressor", 1);
  model.set("n_supports", int64_t{2}).set("support_vectors", Floats{1, 0, 0, 1});
  model.set("coefficients", Floats{2, 3}).set("rho", Floats{10}).set("kernel_type", "LINEAR");
  EXPECT_EQ(floats(model.run({row<float>({4, 5})})[0]), Floats{33});
  OneNodeModel inside("SVMRegressor", 1);
  inside.set("coefficients", Floats{1, 1}).set("rho", Floats{-3}).set("one_class", int64_t{1});
  EXPECT_EQ(floats(inside.run({row<float>({1, 1})})[0]), Floats{-1});
  EXPECT_EQ(floats(inside.run({row<float>({2, 2})})[0]), Floats{1});
  expect_words(OneNodeModel("SVMRegressor", 1)
                   .set("n_supports", int64_t{3})
                   .set("support_vectors", Floats{1, 2})
                   .error({row<float>({1})}),
               "support_vectors has 2 elements, expected a multiple of 3");
}

TEST(ClassicalModels, SvmClassifier) {
  OneNodeModel model("SVMClassifier", 1, 2);
  model.set("vectors_per_class", Ints{1, 1}).set("support_vectors", Floats{1, -1});
  model.set("coefficients", Floats{1, 2}).set("rho", Floats{0.5f});
  model.set("classlabels_strings", Texts{"no", "yes"});
  const auto outputs = model.run({row<float>({3})});  // 3 - 6 + 0.5
  EXPECT_EQ(texts(outputs[0]), Texts{"yes"});
  EXPECT_EQ(floats(outputs[1]), (Floats{2.5f, -2.5f}));
  expect_words(OneNodeModel("SVMClassifier", 1, 2)
                   .set("vectors_per_class", Ints{-1, 2})
                   .set("classlabels_ints", Ints{0, 1})
                   .error({row<float>({1})}),
               "vectors_per_class has the number -1");
}

/// A tree of one node, which says whether feature 1 is at most 0.5.
OneNodeModel& one_tree(OneNodeModel& model, const std::string& kind) {
  return model.set("nodes_treeids", Ints{4, 4, 4})
      .set("nodes_nodeids", Ints{0, 1, 2})
      .set("nodes_featureids", Ints{1, 0, 0})
      .set("nodes_modes", Texts{"BRANCH_LEQ", "LEAF", "LEAF"})
      .set("nodes_truenodeids", Ints{1, 0, 0})
      .set("nodes_falsenodeids", Ints{2, 0, 0})
      .set(kind + "_treeids", Ints{4, 4})
      .set(kind + "_nodeids", Ints{2, 1})
      .set(kind + "_ids", Ints{0, 0});
}

TEST(ClassicalModels, TreeEnsembleRegressor) {
  OneNodeModel model("TreeEnsembleRegressor", 1);
  one_tree(model, "target").set("nodes_values", Floats{0.5f, 0, 0}).set("n_targets", int64_t{1});
  model.set("target_weights", Floats{20, 10}).set("base_values", Floats{1});
  EXPECT_EQ(floats(model.run({row<float>({9, 0.5f})})[0]), Floats{11});
  EXPECT_EQ(floats(model.run({row<int64_t>({9, 1})})[0]), Floats{21});
  OneNodeModel wide("TreeEnsembleRegressor", 3);
  one_tree(wide, "target").set("nodes_values_as_tensor", std::vector<double>{0.1, 0, 0});
  wide.set("target_weights_as_tensor", std::vector<double>{20, 10}).set("n_targets", int64_t{1});
  EXPECT_EQ(floats(wide.run({row<double>({9, 0.1})})[0]), Floats{10});
  EXPECT_EQ(floats(wide.run({row<float>({9, 0.1f})})[0]), Floats{20});  // 0.1f is more than 0.1
  wide.replace("n_targets", std::numeric_limits<int64_t>::min());
  EXPECT_NE(wide.error({row<float>({9, 0.1f})}).find("targets is -9223372036854775808, expected 1"),
            std::string::npos);
}

TEST(ClassicalModels, TreeEnsembleClassifier) {
  OneNodeModel model("TreeEnsembleClassifier", 1, 2);
  one_tree(model, "class").set("nodes_values", Floats{0.5f, 0, 0});
  model.set("class_weights", Floats{0.75f, 0.25f}).set("classlabels_int64s", Ints{3, 8});
  const auto outputs = model.run({Tensor::from<float>({2, 2}, {0, 1, 0, 0})});
  EXPECT_EQ(ints(outputs[0]), (Ints{8, 3}));
  EXPECT_EQ(floats(outputs[1]), (Floats{0.25f, 0.75f, 0.75f, 0.25f}));
}

TEST(ClassicalModels, WrongTreesAreRefused) {
  const auto error = [](const std::string& name, const auto& value) {
    OneNodeModel plain("TreeEnsembleRegressor", 3);
    one_tree(plain, "target")
        .set("nodes_values", Floats{0.5f, 0, 0})
        .set("target_weights", Floats{1, 2});
    return plain.replace(name, value).error({row<float>({1, 2})});
  };
  expect_words(error("nodes_nodeids", Ints{0, 1, 1}), "node 1 of tree 4 is there twice");
  expect_words(error("nodes_nodeids", Ints{0, 1}), "nodes_nodeids has 2 elements");
  expect_words(error("nodes_truenodeids", Ints{7, 0, 0}), "nodes_truenodeids[0] names node 7");
  expect_words(error("nodes_truenodeids", Ints{2, 0, 0}), "node 1 of tree 4 is not reached");
  expect_words(error("nodes_featureids", Ints{-1, 0, 0}), "nodes_featureids[0] is -1");
  expect_words(error("nodes_featureids", Ints{2, 0, 0}),
               "x has 2 features, the trees test feature 2");
  expect_words(error("nodes_modes", Texts{"BRANCH", "LEAF", "LEAF"}), "nodes_modes[0] is 'BRANCH'");
  expect_words(error("nodes_values", Floats{nan, 0, 0}), "the threshold of node 0 is not a number");
  expect_words(error("nodes_values", Floats{0}), "nodes_values has 1 elements");
  expect_words(error("target_ids", Ints{0, 1}), "is for target 1, expected 0 to 0");
  expect_words(error("target_nodeids", Ints{2, 3}), "target_nodeids[1] names node 3");
}

TEST(ClassicalModels, TreeEnsemble) {
  OneNodeModel model("TreeEnsemble", 5);
  model.set("nodes_featureids", Ints{0, 0}).set("nodes_modes", std::vector<uint8_t>{0, 6});
  model.set("nodes_splits", std::vector<double>{2, 0})
      .set("membership_values", std::vector<double>{5, 7});
  model.set("nodes_truenodeids", Ints{0, 1}).set("nodes_trueleafs", Ints{1, 1});
  model.set("nodes_falsenodeids", Ints{1, 2}).set("nodes_falseleafs", Ints{0, 1});
  model.set("leaf_targetids", Ints{0, 1, 0}).set("leaf_weights", std::vector<double>{1, 2, 3});
  model.set("tree_roots", Ints{0}).set("n_targets", int64_t{2});
  const Tensor y = model.run({Tensor::from<double>({3, 1}, {2, 5, 6})})[0];
  EXPECT_TRUE(y.identical(Tensor::from<double>({3, 2}, {1, 0, 0, 2, 3, 0})));
  expect_words(model.set("aggregate_function", int64_t{4}).error({row<double>({1})}),
               "aggregate_function is 4, expected 0 to 3");
}

}  // namespace
}  // namespace drawbar
