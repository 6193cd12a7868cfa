#include <cmath>

#include "ops/mel_weights/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::MelWeightMatrix;

std::vector<std::string> inputs(const std::string& bins, const std::string& length,
                                const std::string& rate, const std::string& lower,
                                const std::string& upper) {
  return {"i64[] = [" + bins + "]", "i32[] = [" + length + "]", "i64[] = [" + rate + "]",
          "f32[] = [" + lower + "]", "f64[] = [" + upper + "]"};
}

const OpCase cases[] = {
    {"speech", MelWeightMatrix{}, inputs("80", "512", "16000", "20.0", "7600.0")},
    {"few", MelWeightMatrix{ElementType::f64}, inputs("8", "16", "8192", "0.0", "4096.0")},
    {"odd length", MelWeightMatrix{}, inputs("7", "129", "8000", "0.0", "4000.0")},
    {"one", MelWeightMatrix{ElementType::bf16}, inputs("1", "13", "8000", "0.0", "4000.0")},
    {"integers", MelWeightMatrix{ElementType::i16}, inputs("8", "16", "8192", "0.0", "4096.0")},
};

const Rejection rejected[] = {
    {"no bins", MelWeightMatrix{}, inputs("0", "16", "8192", "0.0", "1.0"), "num_mel_bins is 0"},
    {"length", MelWeightMatrix{}, inputs("8", "-1", "8192", "0.0", "1.0"), "dft_length is -1"},
    {"rate", MelWeightMatrix{}, inputs("8", "16", "0", "0.0", "1.0"), "sample_rate is 0"},
    {"float bins",
     MelWeightMatrix{},
     {"f32[]", "i64[]", "i64[]", "f32[]", "f32[]"},
     "num_mel_bins is f32, expected i32 or i64"},
    {"integer edge",
     MelWeightMatrix{},
     {"i64[]", "i64[]", "i64[]", "i64[]", "f32[]"},
     "lower_edge_hertz is i64, expected f16"},
    {"two edges",
     MelWeightMatrix{},
     {"i64[]", "i64[]", "i64[]", "f32[]", "f32[2]"},
     "upper_edge_hertz has shape [2]"},
    {"type", MelWeightMatrix{ElementType::boolean}, inputs("8", "16", "8192", "0.0", "1.0"),
     "output_datatype is bool"},
};

TEST(MelWeightMatrix, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(MelWeightMatrix, RefusesBadNodes) { expect_rejected(rejected); }

std::vector<Tensor> values(int64_t bins, int64_t length, int64_t rate, double lower, double upper) {
  return {Tensor::scalar(bins), Tensor::scalar(length), Tensor::scalar(rate), Tensor::scalar(lower),
          Tensor::scalar(upper)};
}

/// From 0 to 700 hertz there are 2595 log10(2) = 781.17 mel; their thirds lie at 0, 181.9 and 411.2
/// hertz, in bins 0, 2 and 4 of a spectrum of 10 points at 1000 hertz.
TEST(MelWeightMatrix, FollowsTheDefinition) {
  const Tensor w = run_reference(MelWeightMatrix{}, values(1, 10, 1000, 0, 700))[0];
  ASSERT_EQ(w.shape(), (Shape{6, 1}));
  const float want[] = {0, 0.5f, 1, 0.5f, 0, 0};
  for (int i = 0; i < 6; ++i) EXPECT_FLOAT_EQ(w.data<float>()[i], want[i]) << i;
}

TEST(MelWeightMatrix, ChecksEdgesWhileRunning) {
  const auto message = [](const std::vector<Tensor>& inputs) -> std::string {
    try {
      run_reference(MelWeightMatrix{}, inputs);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
      return error.message();
    }
    return "accepted";
  };
  EXPECT_NE(message(values(8, 16, 8192, 0, 1e9)).find("a filter reaches"), std::string::npos);
  for (const auto& [lower, upper] : std::initializer_list<std::pair<double, double>>{
           {-1, 4096}, {NAN, 4096}, {0, NAN}, {0, INFINITY}, {5, 4}}) {
    EXPECT_NE(message(values(8, 16, 8192, lower, upper)).find("the edges are"), std::string::npos)
        << lower << " " << upper;
  }
}

}  // namespace
}  // namespace drawbar
