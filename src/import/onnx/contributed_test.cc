// Operators of com.microsoft and of ONNX's experimental time that are translated into others.
#include <gtest/gtest.h>

#include "import/importer.h"
#include "import/onnx/onnx.pb.h"
#include "ir/evaluate_graph.h"
#include "ir/text.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using namespace drawbar_onnx;

int32_t data_type(ElementType type) {
  switch (type) {
    case ElementType::u8:
      return 2;
    case ElementType::i8:
      return 3;
    case ElementType::i32:
      return 6;
    case ElementType::i64:
      return 7;
    default:
      return 1;  // f32
  }
}

/// A model of one node whose inputs are the graph's, or constants.
class OneNodeModel {
 public:
  explicit OneNodeModel(const std::string& type, const std::string& domain = "com.microsoft") {
    proto_.set_ir_version(8);
    proto_.add_opset_import()->set_version(domain.empty() ? 8 : 17);
    if (!domain.empty()) {
      proto_.add_opset_import()->set_domain(domain);
      proto_.mutable_opset_import(1)->set_version(1);
    }
    NodeProto* node = graph().add_node();
    node->set_op_type(type);
    node->set_domain(domain);
  }

  OneNodeModel& input(const Tensor& value) {
    ValueInfoProto* info = graph().add_input();
    info->set_name(next_name());
    auto* type = info->mutable_type()->mutable_tensor_type();
    type->set_elem_type(data_type(value.type()));
    type->mutable_shape();
    for (int64_t dim : value.shape()) type->mutable_shape()->add_dim()->set_dim_value(dim);
    values_.push_back(value);
    return *this;
  }
  OneNodeModel& constant(const Tensor& value) {
    TensorProto* held = graph().add_initializer();
    held->set_name(next_name());
    held->set_data_type(data_type(value.type()));
    for (int64_t dim : value.shape()) held->add_dims(dim);
    held->set_raw_data(value.raw(), static_cast<size_t>(value.bytes()));
    return *this;
  }
  OneNodeModel& absent(int count = 1) {
    for (int i = 0; i < count; ++i) node().add_input("");
    return *this;
  }

  OneNodeModel& set(const std::string& name, int64_t value) {
    attribute(name, 2).set_i(value);
    return *this;
  }
  OneNodeModel& set(const std::string& name, float value) {
    attribute(name, 1).set_f(value);
    return *this;
  }
  OneNodeModel& set(const std::string& name, const char* value) {
    attribute(name, 3).set_s(value);
    return *this;
  }
  OneNodeModel& set(const std::string& name, const std::vector<int64_t>& values) {
    AttributeProto& added = attribute(name, 7);
    for (int64_t value : values) added.add_ints(value);
    return *this;
  }
  OneNodeModel& set(const std::string& name, const std::vector<float>& values) {
    AttributeProto& added = attribute(name, 6);
    for (float value : values) added.add_floats(value);
    return *this;
  }

  std::vector<Tensor> run(int outputs = 1) {
    for (int i = 0; i < outputs; ++i) {
      node().add_output(fmt::format("y{}", i));
      graph().add_output()->set_name(fmt::format("y{}", i));
    }
    const Graph graph = import_bytes(proto_.SerializeAsString());
    verify(graph);
    return evaluate_graph(graph, values_);
  }
  std::string error() {
    try {
      run();
    } catch (const Error& error) {
      return fmt::format("{}: {}", name(error.code()), error.message());
    }
    return "no error";
  }

 private:
  GraphProto& graph() { return *proto_.mutable_graph(); }
  NodeProto& node() { return *graph().mutable_node(0); }
  std::string next_name() {
    const std::string name = fmt::format("x{}", node().input_size());
    node().add_input(name);
    return name;
  }
  AttributeProto& attribute(const std::string& name, int type) {
    AttributeProto* added = node().add_attribute();
    added->set_name(name);
    added->set_type(type);
    return *added;
  }

  ModelProto proto_;
  std::vector<Tensor> values_;
};

Tensor floats(Shape shape, std::initializer_list<float> values) {
  return Tensor::from<float>(std::move(shape), values);
}
Tensor ints(Shape shape, std::initializer_list<int32_t> values) {
  return Tensor::from<int32_t>(std::move(shape), values);
}
Tensor bytes(Shape shape, std::initializer_list<uint8_t> values) {
  return Tensor::from<uint8_t>(std::move(shape), values);
}
Tensor number(float value) { return Tensor::scalar(value); }

void expect_result(const Tensor& got, const Tensor& want) {
  expect_close(got, want, 1e-5, 1e-5, "the result");
}

void expect_words(const std::string& message, const std::string& words) {
  EXPECT_NE(message.find(words), std::string::npos) << message;
}

// Queries of zeros attend all keys alike: the answer is the mean of the values they see.

OneNodeModel means(const std::string& type) {
  OneNodeModel model(type);
  model.set("num_heads", int64_t{1});
  return model;
}

const Tensor two_queries = floats({1, 2, 1}, {0, 0});
const Tensor three_keys = floats({1, 3, 1}, {5, 6, 7});
const Tensor three_values = floats({1, 3, 1}, {1, 3, 11});

TEST(MultiHeadAttention, MasksKeys) {
  const auto answer = [](const Tensor& mask) {
    OneNodeModel model = means("MultiHeadAttention");
    model.input(two_queries).input(three_keys).input(three_values).absent().input(mask);
    return model.run()[0];
  };
  expect_result(answer(ints({1, 3}, {1, 1, 0})), floats({1, 2, 1}, {2, 2}));
  expect_result(answer(ints({1}, {1})), floats({1, 2, 1}, {1, 1}));
  expect_result(answer(ints({1, 2, 3}, {1, 0, 1, 0, 0, 1})), floats({1, 2, 1}, {6, 11}));
  // Nothing to attend: everything is.
  expect_result(answer(ints({1, 3}, {0, 0, 0})), floats({1, 2, 1}, {5, 5}));
}

TEST(MultiHeadAttention, SeesThePastAndKeepsIt) {
  OneNodeModel model = means("MultiHeadAttention");
  model.set("unidirectional", int64_t{1});
  model.input(two_queries).input(floats({1, 2, 1}, {5, 6})).input(floats({1, 2, 1}, {4, 9}));
  model.absent(3).input(floats({1, 1, 1, 1}, {7})).input(floats({1, 1, 1, 1}, {2}));
  const std::vector<Tensor> results = model.run(3);
  expect_result(results[0], floats({1, 2, 1}, {3, 5}));
  expect_result(results[1], floats({1, 1, 3, 1}, {7, 5, 6}));
  expect_result(results[2], floats({1, 1, 3, 1}, {2, 4, 9}));
}

TEST(MultiHeadAttention, TakesPackedKeysAndValues) {
  OneNodeModel kv = means("MultiHeadAttention");
  kv.input(two_queries).input(floats({1, 2, 1, 2, 1}, {5, 1, 6, 3}));
  expect_result(kv.run()[0], floats({1, 2, 1}, {2, 2}));
  OneNodeModel qkv = means("MultiHeadAttention");
  qkv.input(floats({1, 2, 1, 3, 1}, {0, 5, 1, 0, 6, 3})).absent(2);
  qkv.input(floats({3}, {0, 0, 10}));
  expect_result(qkv.run()[0], floats({1, 2, 1}, {12, 12}));
}

TEST(MultiHeadAttention, AddsBiasesToQueriesKeysAndValues) {
  // The logits are q · k = 1 · (-1, 0, 1), times 100: the last key wins.
  OneNodeModel model = means("MultiHeadAttention");
  model.set("scale", 100.0f);
  model.input(two_queries).input(three_keys).input(three_values).input(floats({3}, {1, -6, 0.5f}));
  expect_result(model.run()[0], floats({1, 2, 1}, {11.5f, 11.5f}));
}

TEST(MultiHeadAttention, RefusesWhatItLacks) {
  OneNodeModel shared = means("MultiHeadAttention");
  shared.input(two_queries).input(three_keys).input(three_values).absent(5);
  expect_words(shared.input(ints({1}, {1})).error(), "UNSUPPORTED");
  OneNodeModel bias = means("MultiHeadAttention");
  bias.input(two_queries).input(three_keys).input(three_values).input(floats({2}, {1, 2}));
  expect_words(bias.error(), "bias has 2 numbers, expected 1 or more than twice as many");
  OneNodeModel heads("MultiHeadAttention");
  heads.set("num_heads", int64_t{0}).input(two_queries).input(three_keys).input(three_values);
  expect_words(heads.error(), "num_heads is 0, expected at least 1");
}

/// One head of size 1; the projections give queries of 0, keys of x and values of 2 · x + 1.
OneNodeModel projected(const Tensor& x) {
  OneNodeModel model = means("Attention");
  model.input(x).constant(floats({1, 3}, {0, 1, 2})).constant(floats({3}, {0, 0, 1}));
  return model;
}

TEST(ProjectedAttention, ProjectsAndMasks) {
  const Tensor x = floats({1, 3, 1}, {1, 2, 6});
  expect_result(projected(x).run()[0], floats({1, 3, 1}, {7, 7, 7}));
  expect_result(projected(x).set("unidirectional", int64_t{1}).run()[0],
                floats({1, 3, 1}, {3, 4, 7}));
  // Keys from 1 to 2.
  expect_result(projected(x).input(ints({2}, {2, 1})).run()[0], floats({1, 3, 1}, {5, 5, 5}));
  expect_result(projected(x).input(ints({1, 1}, {0})).run()[0], floats({1, 3, 1}, {7, 7, 7}));
}

TEST(ProjectedAttention, KeepsKeysAndValuesTogether) {
  OneNodeModel model = projected(floats({1, 1, 1}, {6}));
  model.absent().input(floats({2, 1, 1, 1, 1}, {4, 3}));
  const std::vector<Tensor> results = model.run(2);
  expect_result(results[0], floats({1, 1, 1}, {8}));
  expect_result(results[1], floats({2, 1, 1, 2, 1}, {4, 6, 3, 13}));
}

TEST(ProjectedAttention, RefusesBadSizes) {
  OneNodeModel sizes = projected(floats({1, 1, 1}, {6}));
  sizes.set("qkv_hidden_sizes", std::vector<int64_t>{1, 3, -1});
  expect_words(sizes.error(), "qkv_hidden_sizes is [1, 3, -1]");
  expect_words(projected(floats({1, 1, 1}, {6})).set("do_rotary", int64_t{1}).error(),
               "UNSUPPORTED");
}

/// Two heads share a head of keys and values, of size 2.
OneNodeModel grouped() {
  OneNodeModel model("GroupQueryAttention");
  model.set("num_heads", int64_t{2}).set("kv_num_heads", int64_t{1});
  return model;
}

const Tensor zero_query = floats({2, 1, 4}, {0, 0, 0, 0, 0, 0, 0, 0});
const Tensor new_key = floats({2, 1, 2}, {1, 2, 3, 4});
const Tensor new_value = floats({2, 1, 2}, {6, 6, 9, 9});
/// Of the second sequence one token is there, the rest is not to be seen.
const Tensor cache_of_two = floats({2, 1, 2, 2}, {2, 2, 4, 4, 1, 1, 99, 99});

TEST(GroupQueryAttention, WritesWhereEachSequenceEnds) {
  OneNodeModel model = grouped();
  model.input(zero_query).input(new_key).input(new_value);
  model.input(cache_of_two).input(cache_of_two).input(ints({2}, {2, 1})).input(ints({1}, {3}));
  const std::vector<Tensor> results = model.run(3);
  expect_result(results[0], floats({2, 1, 4}, {4, 4, 4, 4, 5, 5, 5, 5}));
  expect_result(results[1], floats({2, 1, 3, 2}, {2, 2, 4, 4, 1, 2, 1, 1, 3, 4, 0, 0}));
}

TEST(GroupQueryAttention, SeesAWindowThatEndsAtTheQuery) {
  OneNodeModel model = grouped();
  model.set("local_window_size", int64_t{2});
  model.input(zero_query).input(new_key).input(new_value);
  model.input(cache_of_two).input(cache_of_two).input(ints({2}, {2, 1})).input(ints({1}, {3}));
  expect_result(model.run()[0], floats({2, 1, 4}, {5, 5, 5, 5, 5, 5, 5, 5}));
}

TEST(GroupQueryAttention, TurnsKeysByTheirPositions) {
  // A quarter turn at position 1, none at 0 and 2.
  const Tensor cos = floats({3, 1}, {1, 0, 1}), sin = floats({3, 1}, {0, 1, 0});
  for (int64_t interleaved : {0, 1}) {
    OneNodeModel model = grouped();
    model.set("do_rotary", int64_t{1}).set("rotary_interleaved", interleaved);
    model.input(zero_query).input(new_key).input(new_value);
    model.input(cache_of_two).input(cache_of_two).input(ints({2}, {2, 1})).input(ints({1}, {3}));
    model.constant(cos).constant(sin);
    expect_result(model.run(3)[1], floats({2, 1, 3, 2}, {2, 2, 4, 4, 1, 2, 1, 1, -4, 3, 0, 0}));
  }
}

TEST(GroupQueryAttention, RefusesWhatItLacks) {
  OneNodeModel smooth = grouped();
  smooth.set("smooth_softmax", int64_t{1}).input(zero_query).input(new_key).input(new_value);
  expect_words(smooth.error(), "UNSUPPORTED");
  OneNodeModel wide = grouped();
  wide.set("do_rotary", int64_t{1}).input(zero_query).input(new_key).input(new_value);
  wide.absent(2).input(ints({2}, {0, 0})).input(ints({1}, {1}));
  wide.input(floats({1, 2}, {1, 1})).input(floats({1, 2}, {0, 0}));
  expect_words(wide.error(), "cos_cache has 2 columns, but heads have 2 elements");
  OneNodeModel packed = grouped();
  packed.input(floats({1, 1, 6}, {1, 2, 3, 4, 5, 6}));
  expect_words(packed.error(), "the packed query has 6 columns for 2 + 2 · 1 heads");
}

TEST(MatMulNBits, ReadsFlatScalesAndGroupsInOrder) {
  const auto model = [](std::initializer_list<int32_t> groups) {
    OneNodeModel result("MatMulNBits");
    result.set("K", int64_t{16}).set("N", int64_t{1}).set("block_size", int64_t{16});
    Tensor a = Tensor::allocate(ElementType::f32, {1, 16});
    std::fill_n(a.data<float>(), 16, 1.0f);
    result.input(a).constant(bytes({1, 1, 8}, {0x98, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88, 0x88}));
    result.constant(floats({1}, {0.5f})).absent();
    result.constant(Tensor::from<int32_t>({16}, groups));
    return result;
  };
  expect_result(model({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}).run()[0],
                floats({1, 1}, {0.5f}));
  expect_words(model({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}).error(), "UNSUPPORTED");
}

TEST(Quantized, ComputesBetweenBytes) {
  const auto binary = [](const char* type) {
    OneNodeModel model(type);
    model.input(bytes({2}, {14, 255})).input(number(0.5f)).input(bytes({}, {10}));
    model.input(bytes({2}, {7, 200})).input(number(2)).input(bytes({}, {4}));
    model.input(number(4)).input(bytes({}, {1}));
    return model.run()[0];
  };
  expect_result(binary("QLinearAdd"), bytes({2}, {3, 130}));  // 8 and 514.5, in steps of 4
  expect_result(binary("QLinearMul"), bytes({2}, {4, 255}));  // 12 and 48020
  OneNodeModel concat("QLinearConcat");
  concat.set("axis", int64_t{0}).input(number(1)).input(bytes({}, {0}));
  concat.input(bytes({1}, {9})).input(number(2)).input(bytes({}, {4}));
  concat.input(bytes({1}, {9})).input(number(0.5f)).input(bytes({}, {1}));
  expect_result(concat.run()[0], bytes({2}, {10, 4}));
}

TEST(Quantized, MultipliesMatrices) {
  OneNodeModel gemm("QGemm");
  gemm.set("transB", int64_t{1}).set("alpha", 0.5f);
  gemm.input(bytes({1, 2}, {3, 5})).input(number(0.5f)).input(bytes({}, {1}));
  gemm.input(bytes({1, 2}, {4, 7})).input(number(2)).input(bytes({}, {2}));
  gemm.input(ints({1}, {6}));  // (2 · 2 + 4 · 5 + 6) · 0.5
  expect_result(gemm.run()[0], floats({1, 1}, {15}));
  OneNodeModel dynamic("DynamicQuantizeMatMul");
  dynamic.input(floats({1, 2}, {255, 0})).input(bytes({2, 1}, {3, 9})).input(number(2));
  dynamic.input(bytes({}, {1})).input(floats({1}, {0.5f}));
  expect_result(dynamic.run()[0], floats({1, 1}, {1020.5f}));
}

TEST(Fused, AppliesTheNamedActivation) {
  const auto gemm = [](const char* activation) {
    OneNodeModel model("FusedGemm");
    model.set("activation", activation).set("activation_alpha", 0.25f);
    return model.input(floats({1, 1}, {-2})).input(floats({1, 1}, {2}));
  };
  expect_result(gemm("LeakyRelu").run()[0], floats({1, 1}, {-1}));
  expect_words(gemm("Add").error(), "UNSUPPORTED");
  OneNodeModel conv("FusedConv");
  conv.set("activation", "Clip").set("activation_params", std::vector<float>{0, 6});
  conv.input(floats({1, 1, 1, 2}, {1, 4})).input(floats({1, 1, 1, 1}, {2})).absent();
  conv.input(floats({1, 1, 1, 2}, {-3, 0.5f}));
  expect_result(conv.run()[0], floats({1, 1, 1, 2}, {0, 6}));
}

TEST(EmbedLayerNormalization, SumsEmbeddingsAndCountsTokens) {
  OneNodeModel model("EmbedLayerNormalization");
  model.input(ints({1, 2}, {1, 0})).input(ints({1, 2}, {0, 1}));
  model.constant(floats({2, 2}, {1, 2, 3, 4})).constant(floats({3, 2}, {10, 20, 30, 40, 50, 60}));
  model.constant(floats({2, 2}, {0.5f, 0, 0, 0.5f})).constant(floats({2}, {1, 1}));
  model.constant(floats({2}, {0, 0})).input(ints({1, 2}, {1, 0}));
  const std::vector<Tensor> results = model.run(3);
  expect_result(results[0], floats({1, 2, 2}, {-1, 1, -1, 1}));
  expect_result(results[1], ints({1}, {1}));
  expect_result(results[2], floats({1, 2, 2}, {13.5f, 24, 31, 42.5f}));
}

TEST(Experimental, StillHasItsOperators) {
  const Tensor image = floats({1, 1, 2, 3}, {1, 2, 3, 4, 5, 6});
  OneNodeModel scaler("ImageScaler", "");
  scaler.set("scale", 2.0f).set("bias", std::vector<float>{0.5f}).input(image);
  expect_result(scaler.run()[0], floats({1, 1, 2, 3}, {2.5f, 4.5f, 6.5f, 8.5f, 10.5f, 12.5f}));
  OneNodeModel crop("Crop", "");
  crop.set("border", std::vector<int64_t>{1, 0, 1, 1}).input(image);
  expect_result(crop.run()[0], floats({1, 1, 1, 1}, {2}));
  OneNodeModel sized("Crop", "");
  sized.set("border", std::vector<int64_t>{1, 1, 0, 0}).set("scale", std::vector<int64_t>{1, 2});
  expect_result(sized.input(image).run()[0], floats({1, 1, 1, 2}, {5, 6}));
  OneNodeModel negative("Crop", "");
  negative.set("border", std::vector<int64_t>{1, INT64_MIN, 0, 0}).input(image);
  expect_words(negative.error(), "expected 0 to 2^31 - 1");
  OneNodeModel affine("Affine", "");
  affine.set("alpha", 3.0f).set("beta", -1.0f).input(floats({2}, {1, 2}));
  expect_result(affine.run()[0], floats({2}, {2, 5}));
  OneNodeModel filled("GivenTensorFill", "");
  filled.set("values", std::vector<float>{1, 2}).set("shape", std::vector<int64_t>{2, 1});
  expect_result(filled.run()[0], floats({2, 1}, {1, 2}));
}

}  // namespace
}  // namespace drawbar
