#include "base/npz.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/inflate.h"
#include "tests/support/archives.h"

namespace drawbar {
namespace {

using archives::archive;
using archives::Member;
using archives::npy;

std::string refusal(const std::string& bytes) {
  try {
    const Npz npz = Npz::parse(bytes);
    for (const std::string& name : npz.names()) npz.read(name);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument) << error.message();
    return error.message();
  }
  return "taken";
}

const Tensor numbers = Tensor::from<float>({2, 2}, {1, 2, 3, 4});

TEST(Npz, ReadsStoredArrays) {
  const Tensor ids = Tensor::from<int64_t>({3}, {7, 8, 9});
  for (bool zip64 : {false, true}) {
    Member a{"a/b.npy", npy(numbers)}, b{"ids.npy", npy(ids)};
    a.zip64 = b.zip64 = zip64;
    const std::string bytes = archive({a, b});
    const Npz npz = Npz::parse(bytes);
    EXPECT_THAT(npz.names(), testing::ElementsAre("a/b", "ids"));
    EXPECT_TRUE(npz.read("a/b").identical(numbers));
    EXPECT_TRUE(npz.read("ids").identical(ids));
    EXPECT_THROW(npz.read("c"), Error);
  }
}

TEST(Npz, RefusesEveryTruncation) {
  const std::string whole = archive({{"a.npy", npy(numbers)}});
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_NE(refusal(whole.substr(0, size)), "taken") << size;
}

TEST(Npz, NamesTheArrayThatIsWrong) {
  Member wrong{"a.npy", npy(numbers)};
  wrong.checksum ^= 1;
  EXPECT_EQ(refusal(archive({wrong})), "array 'a': not a usable .npz file: its checksum is wrong");
  EXPECT_THAT(refusal(archive({{"a.npy", "junk"}})), testing::HasSubstr("array 'a'"));
  EXPECT_THAT(refusal(archive({{"a.txt", "junk"}})), testing::HasSubstr("'a.txt' is no .npy file"));
  const Member right{"a.npy", npy(numbers)};
  EXPECT_THAT(refusal(archive({right, right})), testing::HasSubstr("'a' is there twice"));
  Member encrypted = right, strange = right;
  encrypted.flags = 1;
  EXPECT_THAT(refusal(archive({encrypted})), testing::HasSubstr("'a' is encrypted"));
  strange.method = 12;
  EXPECT_THAT(refusal(archive({strange})), testing::HasSubstr("zip method 12"));
}

TEST(Npz, RefusesHostileSizes) {
  Member bomb{"a.npy", "junk"};
  bomb.zip64 = true;
  bomb.unpacked = uint64_t{1} << 40;
  EXPECT_THAT(refusal(archive({bomb})), testing::HasSubstr("once unpacked"));
  Member half{"a.npy", "junk"}, other{"b.npy", "junk"};
  half.unpacked = other.unpacked = 0xfffffff0;
  EXPECT_THAT(refusal(archive({half, other})), testing::HasSubstr("'b': more than"));
}

TEST(Inflate, UnpacksExactlyWhatIsSaid) {
  const std::string packed("\x4b\x4c\x4a\x4e\x49\x4d\x03\x00", 8);  // "abcdef", fixed codes
  EXPECT_EQ(inflate_bytes(packed, 6), "abcdef");
  for (size_t size : {size_t{0}, size_t{5}, size_t{7}, size_t{1} << 40})
    EXPECT_THROW(inflate_bytes(packed, size), Error) << size;
  for (size_t size = 0; size < packed.size(); ++size)
    EXPECT_THROW(inflate_bytes(packed.substr(0, size), 6), Error) << size;
}

}  // namespace
}  // namespace drawbar
