#include "ops/matmul_nbits/op.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::MatMulNBits;

/// Bytes are drawn from 0 to 256.
OpCase whole_bytes(std::string name, MatMulNBits op, const std::string& a, bool zeros = false,
                   bool bias = false, const std::string& constant = "const ") {
  const auto element = a.substr(0, a.find('['));
  std::vector<std::string> inputs = {
      a, fmt::format("{}u8[{}, {}, {}]", constant, op.n, op.blocks(), op.block_bytes()),
      fmt::format("{}{}[{}, {}]", constant, element, op.n, op.blocks())};
  if (zeros || bias) {
    inputs.push_back(zeros ? fmt::format("{}u8[{}, {}]", constant, op.n, op.zero_bytes()) : "_");
  }
  if (bias) inputs.push_back(fmt::format("{}[{}]", element, op.n));
  // Products of up to 256 · 256 · 15: what f32 loses of their sum.
  return {std::move(name), op, std::move(inputs), 1, -1, 256, 1e-4, static_cast<double>(op.k)};
}

const OpCase cases[] = {
    {"four bits",
     MatMulNBits{.k = 64, .n = 33, .bits = 4, .block_size = 32},
     {"f32[1, 64]", "const u8[33, 2, 16]", "const f32[33, 2]"}},
    whole_bytes("one row", {.k = 129, .n = 127, .bits = 4, .block_size = 16}, "f32[129]"),
    whole_bytes("two rows", {.k = 127, .n = 13, .bits = 4, .block_size = 32}, "f32[2, 127]", true),
    whole_bytes("three rows", {.k = 256, .n = 7, .bits = 4, .block_size = 128}, "f32[3, 256]"),
    whole_bytes("four rows", {.k = 512, .n = 65, .bits = 4, .block_size = 64}, "f32[2, 2, 512]",
                true, true),
    whole_bytes("five rows", {.k = 600, .n = 33, .bits = 4, .block_size = 32}, "f32[5, 600]", true,
                true),
    whole_bytes("many rows", {.k = 129, .n = 65, .bits = 4, .block_size = 16}, "f32[127, 129]",
                false, true),
    whole_bytes("one block", {.k = 7, .n = 1, .bits = 4, .block_size = 256}, "f32[13, 7]", true),
    whole_bytes("many columns", {.k = 24, .n = 4250, .bits = 4, .block_size = 16}, "f32[2, 24]"),
    whole_bytes("one element", {.k = 1, .n = 1, .bits = 4, .block_size = 16}, "f32[1, 1]"),
    whole_bytes("no rows", {.k = 16, .n = 3, .bits = 4, .block_size = 16}, "f32[0, 16]"),
    whole_bytes("long blocks", {.k = 1300, .n = 9, .bits = 4, .block_size = 512}, "f32[6, 1300]"),
    whole_bytes("blocks too long for the kernel", {.k = 50, .n = 3, .bits = 4, .block_size = 4096},
                "f32[2, 50]"),
    whole_bytes("eight bits", {.k = 129, .n = 40, .bits = 8, .block_size = 32}, "f32[1, 129]"),
    whole_bytes("eight bits, zero points", {.k = 64, .n = 7, .bits = 8, .block_size = 16},
                "f32[3, 64]", true),
    whole_bytes("eight bits, many rows", {.k = 300, .n = 33, .bits = 8, .block_size = 256},
                "f32[13, 300]", true),
    whole_bytes("two bits", {.k = 129, .n = 40, .bits = 2, .block_size = 16}, "f32[1, 129]", true),
    whole_bytes("two bits, many rows", {.k = 129, .n = 13, .bits = 2, .block_size = 64},
                "f32[7, 129]", true),
    {"zero points that are floats",
     MatMulNBits{.k = 40, .n = 13, .bits = 4, .block_size = 32},
     {"f32[1, 40]", "const u8[13, 2, 16]", "const f32[13, 2]", "const f32[13, 2]"}},
    whole_bytes("weights at run time", {.k = 33, .n = 5, .bits = 4, .block_size = 16}, "f32[2, 33]",
                true, true, ""),
    {"half",
     MatMulNBits{.k = 40, .n = 13, .bits = 4, .block_size = 32},
     {"f16[3, 40]", "const u8[13, 2, 16]", "const f16[13, 2]", "const f16[13, 2]", "f16[13]"}},
    {"bfloat16",
     MatMulNBits{.k = 40, .n = 13, .bits = 4, .block_size = 32},
     {"bf16[3, 40]", "const u8[13, 2, 16]", "const bf16[13, 2]", "const u8[13, 1]"}},
};

const Rejection rejected[] = {
    {"three bits",
     MatMulNBits{.k = 16, .n = 1, .bits = 3, .block_size = 16},
     {"f32[1, 16]", "u8[1, 1, 6]", "f32[1, 1]"},
     "bits is 3, expected 2, 4 or 8"},
    {"block of 24",
     MatMulNBits{.k = 16, .n = 1, .bits = 4, .block_size = 24},
     {"f32[1, 16]", "u8[1, 1, 12]", "f32[1, 1]"},
     "block_size is 24, expected a power of two"},
    {"negative block",
     MatMulNBits{.k = 16, .n = 1, .bits = 4, .block_size = INT64_MIN},
     {"f32[1, 16]", "u8[1, 1, 8]", "f32[1, 1]"},
     "expected a power of two"},
    {"no columns",
     MatMulNBits{.k = 16, .n = 0, .bits = 4, .block_size = 16},
     {"f32[1, 16]", "u8[0, 1, 8]", "f32[0, 1]"},
     "K is 16 and N 0, expected at least 1"},
    {"huge",
     MatMulNBits{.k = INT64_MAX, .n = INT64_MAX, .bits = 4, .block_size = 16},
     {"f32[1, 16]", "u8[1, 1, 8]", "f32[1, 1]"},
     "overflows"},
    {"weights",
     MatMulNBits{.k = 17, .n = 2, .bits = 4, .block_size = 16},
     {"f32[1, 17]", "u8[2, 1, 8]", "f32[2, 2]"},
     "b has shape [2, 1, 8], expected [2, 2, 8]"},
    {"zero points",
     MatMulNBits{.k = 16, .n = 2, .bits = 4, .block_size = 16},
     {"f32[1, 16]", "u8[2, 1, 8]", "f32[2, 1]", "u8[2, 2]"},
     "zero_points has shape [2, 2], expected [2, 1]"},
    {"scales",
     MatMulNBits{.k = 16, .n = 2, .bits = 4, .block_size = 16},
     {"f32[1, 16]", "u8[2, 1, 8]", "f16[2, 1]"},
     "scales is f16, expected f32"},
    {"columns",
     MatMulNBits{.k = 16, .n = 2, .bits = 4, .block_size = 16},
     {"f32[1, 17]", "u8[2, 1, 8]", "f32[2, 1]"},
     "a has 17 columns, expected 16"},
    {"double",
     MatMulNBits{.k = 16, .n = 2, .bits = 4, .block_size = 16},
     {"f64[1, 16]", "u8[2, 1, 8]", "f64[2, 1]"},
     "a is f64, expected f32, f16 or bf16"},
};

TEST(MatMulNBits, AgreesOnEveryTarget) { expect_targets_agree(cases); }
TEST(MatMulNBits, RefusesBadNodes) { expect_rejected(rejected); }

/// The first of two elements lies in a byte's low bits, and the zero point of the second block in
/// the high ones: (3 - 1) · 2 · 10 + (15 - 1) · 2 · 1 of the first block, (0 - 9) · 0.5 · 4 of the
/// second.
TEST(MatMulNBits, ReadsBitsFromBelow) {
  const MatMulNBits op{.k = 17, .n = 1, .bits = 4, .block_size = 16};
  std::vector<float> a(17, 0.0f);
  a[0] = 10;
  a[1] = 1;
  a[16] = 4;
  std::vector<uint8_t> q(16, 0x77);
  q[0] = 0xf3;
  q[8] = 0x50;
  const std::vector<Tensor> y =
      run_reference(op, {Tensor::from<float>({1, 17}, std::span<const float>(a)),
                         Tensor::from<uint8_t>({1, 2, 8}, std::span<const uint8_t>(q)),
                         Tensor::from<float>({1, 2}, {2.0f, 0.5f}),
                         Tensor::from<uint8_t>({1, 1}, {uint8_t{0x91}})});
  EXPECT_EQ(y[0].data<float>()[0], 40 + 28 - 18);
}

}  // namespace
}  // namespace drawbar
