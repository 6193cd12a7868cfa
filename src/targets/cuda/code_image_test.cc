#include "targets/cuda/code_image.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/mapped_file.h"
#include "targets/cuda/gpu.h"

namespace drawbar::cuda {
namespace {

const char* const source = R"(extern "C" __global__ void twice(float* y) { *y *= 2; })";

std::string refusal_of(std::string_view image) {
  try {
    parse_code_image(std::as_bytes(std::span(image)));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.message();
  }
  return "none";
}

template <class T>
void append(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

/// An entry of a fatbin with 8 bytes of code, as `nvcc -fatbin` lays it out.
void append_entry(std::string& bytes, uint16_t kind, uint32_t architecture, uint64_t flags) {
  append<uint16_t>(bytes, kind);
  append<uint16_t>(bytes, 0x101);
  append<uint32_t>(bytes, 64);
  append<uint64_t>(bytes, 8);
  for (uint32_t word : {0u, 0u, 0x10008u, architecture, 0u, 0u}) append(bytes, word);
  append<uint64_t>(bytes, flags);
  bytes.append(16 + 8, '\0');
}

std::string fatbin(std::string_view entries) {
  std::string bytes;
  append<uint32_t>(bytes, 0xba55ed50);
  append<uint16_t>(bytes, 1);
  append<uint16_t>(bytes, 16);
  append<uint64_t>(bytes, entries.size());
  return bytes.append(entries);
}

TEST(CodeImage, KnowsWhatACubinIsFor) {
  const CodeImage image = parse_code_image(compile_code(source, "sm_80"));
  EXPECT_EQ(architectures_of(image), "sm_80");
  EXPECT_TRUE(runs_on(image, "sm_80"));
  EXPECT_TRUE(runs_on(image, "sm_86"));
  for (const char* other : {"sm_75", "sm_90", "sm_100", "host"})
    EXPECT_FALSE(runs_on(image, other)) << other;
}

TEST(CodeImage, KnowsWhatPtxIsFor) {
  const CodeImage image = parse_code_image(compile_code(source, "compute_80"));
  EXPECT_EQ(architectures_of(image), "compute_80");
  for (const char* newer : {"sm_80", "sm_86", "sm_90", "sm_120"})
    EXPECT_TRUE(runs_on(image, newer)) << newer;
  EXPECT_FALSE(runs_on(image, "sm_75"));
  const CodeImage exact = parse_code_image(compile_code(source, "compute_90a"));
  EXPECT_EQ(architectures_of(exact), "compute_90a");
  EXPECT_TRUE(runs_on(exact, "sm_90"));
  EXPECT_FALSE(runs_on(exact, "sm_100"));
}

TEST(CodeImage, KnowsWhatAFatbinIsFor) {
  std::string entries;
  append_entry(entries, 2, 80, 0x11);
  append_entry(entries, 2, 90, 0x100011);
  append_entry(entries, 1, 100, 0x208011);
  append_entry(entries, 8, 75, 0x11);  // for the linker alone
  const std::string bytes = fatbin(entries);
  const CodeImage image = parse_code_image(std::as_bytes(std::span(bytes)));
  EXPECT_EQ(architectures_of(image), "sm_80, sm_90a, compute_100f");
  for (const char* taken : {"sm_80", "sm_89", "sm_90", "sm_100", "sm_103"})
    EXPECT_TRUE(runs_on(image, taken)) << taken;
  for (const char* other : {"sm_75", "sm_120"}) EXPECT_FALSE(runs_on(image, other)) << other;
}

TEST(CodeImage, NonsenseIsRefused) {
  for (const char* text : {"", "no code", "\n.target sm_x\n"})
    EXPECT_EQ(refusal_of(text), "neither a cubin nor a fatbin nor PTX") << text;
  using namespace std::string_view_literals;
  for (std::string_view text : {"\n.target sm_90\n"sv, "\n.target sm_90\0 \0"sv})
    EXPECT_EQ(refusal_of(text), "PTX that does not end with a zero");
  const MappedFile program("/proc/self/exe");
  EXPECT_EQ(refusal_of(program.bytes()), "an ELF file that is no cubin");

  const std::vector<std::byte> made = compile_code(source, "sm_80");
  const std::string_view cubin(reinterpret_cast<const char*>(made.data()), made.size());
  EXPECT_EQ(refusal_of(cubin), "none");
  for (size_t size : {5, 63})
    EXPECT_EQ(refusal_of(cubin.substr(0, size)), "an ELF file that is no cubin") << size;
  EXPECT_EQ(refusal_of(cubin.substr(0, cubin.size() / 2)), "a cubin that is cut off");

  std::string entries;
  append_entry(entries, 8, 80, 0);
  EXPECT_EQ(refusal_of(fatbin("")), "a fatbin without code");
  EXPECT_EQ(refusal_of(fatbin(entries)), "a fatbin without code");
  append_entry(entries, 2, 80, 0);
  const std::string whole = fatbin(entries);
  EXPECT_EQ(refusal_of(whole), "none");
  for (size_t size = 4; size < whole.size(); ++size)
    EXPECT_EQ(refusal_of(whole.substr(0, size)), "a fatbin that is cut off") << size;
  for (size_t size = 1; size < 72; ++size) {
    EXPECT_EQ(refusal_of(fatbin(entries.substr(0, size))), "a fatbin with an entry that is cut off")
        << size;
  }
}

}  // namespace
}  // namespace drawbar::cuda
