#include "base/npy.h"

#include <filesystem>
#include <gtest/gtest.h>

#include "base/mapped_file.h"

namespace drawbar {
namespace {

TEST(Npy, WritesWhatItReads) {
  const std::string path =
      (std::filesystem::temp_directory_path() / "drawbar_npy_test.npy").string();
  for (const Tensor& tensor :
       {Tensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6}), Tensor::from<int64_t>({}, {-7}),
        Tensor::from<bool>({3}, {true, false, true}), Tensor::allocate(ElementType::f16, {0, 4}),
        Tensor::from<std::string>({2, 2}, {"", "gr\xc3\xbc\xc3\x9f", "\xf0\x9f\x9a\x9c", "a\nb"}),
        Tensor::from<std::string>({}, {"\xff\xfe no UTF-8"}),
        Tensor::allocate(ElementType::string, {0})}) {
    write_npy(path, tensor);
    EXPECT_TRUE(read_npy(path).identical(tensor)) << to_string(tensor.shape());
  }
  std::filesystem::remove(path);
}

TEST(Npy, AnyByteButZeroIsTrue) {
  std::string bytes("\x93NUMPY\x01\x00", 8);
  const std::string header = "{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }\n";
  bytes += static_cast<char>(header.size());
  bytes += std::string(1, '\0') + header + std::string("\x00\x01\xbe", 3);
  EXPECT_TRUE(parse_npy(bytes).identical(Tensor::from<bool>({3}, {false, true, true})));
}

TEST(Npy, RefusesEveryTruncation) {
  const std::string path =
      (std::filesystem::temp_directory_path() / "drawbar_npy_cut.npy").string();
  write_npy(path, Tensor::from<float>({4}, {1, 2, 3, 4}));
  const std::string whole(MappedFile(path).bytes());
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_THROW(parse_npy(whole.substr(0, size)), Error) << size;
  std::filesystem::remove(path);
}

TEST(Npy, RefusesWrongStrings) {
  const auto file = [](const std::string& dtype, const std::string& data) {
    const std::string header =
        "{'descr': '" + dtype + "', 'fortran_order': False, 'shape': (1,), }\n";
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += static_cast<char>(header.size());
    return bytes + std::string(1, '\0') + header + data;
  };
  EXPECT_EQ(parse_npy(file("<U1", std::string("a\0\0\0", 4))).data<std::string>()[0], "a");
  for (const auto& [dtype, data] :
       std::vector<std::pair<std::string, std::string>>{{"<U0", ""},
                                                        {"<U", ""},
                                                        {"<U-1", "a"},
                                                        {"<U1x", "a"},
                                                        {"<U9223372036854775807", "a"},
                                                        {"<U1", "abcdefgh"},
                                                        {"<U1", std::string("\0\xd8\0\0", 4)},
                                                        {"<U1", "\xff\xff\xff\xff"},
                                                        {">U1", std::string("\0\0\0a", 4)},
                                                        {"|O", "a"}}) {
    EXPECT_THROW(parse_npy(file(dtype, data)), Error) << dtype;
  }
}

TEST(Npy, RefusesAShapeThatOverflows) {
  std::string header =
      "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4), }\n";
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size());
  bytes += '\0';
  EXPECT_THROW(parse_npy(bytes + header), Error);
}

}  // namespace
}  // namespace drawbar
