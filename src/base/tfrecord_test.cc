#include "base/tfrecord.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/inflate.h"
#include "tests/support/archives.h"

namespace drawbar {
namespace {

using archives::feature;
using archives::field;
using archives::framed;
using archives::number;

template <class F>
std::string refusal(const F& f) {
  try {
    f();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_argument);
    return error.message();
  }
  return "taken";
}

TEST(Checksums, AreThoseOfTheStandards) {
  EXPECT_EQ(crc32("123456789"), 0xcbf43926U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);  // RFC 3720, B.4
}

TEST(TfRecords, AreFoundAndChecked) {
  const std::string bytes = framed("first") + framed("") + framed("third");
  const TfRecords records = TfRecords::parse(bytes);
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records.record(0), "first");
  EXPECT_EQ(records.record(1), "");
  EXPECT_EQ(records.record(2), "third");
  EXPECT_EQ(records.offset(2), 16U + 5 + 16);
}

TEST(TfRecords, RefuseEveryTruncationAndFlippedBit) {
  const std::string bytes = framed("first") + framed("second");
  for (size_t size = 1; size < bytes.size(); ++size) {
    if (size == 21) continue;  // the first alone
    EXPECT_THAT(refusal([&] { TfRecords::parse(std::string_view(bytes).substr(0, size)); }),
                testing::HasSubstr(size < 21 ? "record at byte 0: truncated"
                                             : "record at byte 21: truncated"))
        << size;
  }
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string wrong = bytes;
    wrong[bit / 8] = static_cast<char>(wrong[bit / 8] ^ 1 << bit % 8);
    EXPECT_THAT(refusal([&] {
                  const TfRecords records = TfRecords::parse(wrong);
                  for (size_t i = 0; i < records.size(); ++i) records.record(i);
                }),
                testing::HasSubstr(bit < 21 * 8 ? "at byte 0" : "at byte 21"))
        << bit;
  }
}

TEST(TfRecords, RefuseALengthBeyondTheFile) {
  std::string bytes = framed("x");
  for (uint64_t length : {uint64_t{2}, uint64_t{1} << 40, ~uint64_t{0}, ~uint64_t{0} - 11}) {
    std::string head = number(length, 8);
    const uint32_t sum = crc32c(head);
    head += number((sum >> 15 | sum << 17) + 0xa282ead8U, 4);
    const std::string wrong = head + bytes.substr(12);
    EXPECT_THAT(refusal([&] { TfRecords::parse(wrong); }),
                testing::HasSubstr("record at byte 0: truncated"));
  }
}

TEST(ImageExample, HoldsImageAndLabel) {
  const std::string image = feature("image/encoded", 1, field(1, "JPEG"));
  const std::string other = feature("image/width", 3, "\x08\x07");
  for (const std::string& list : {std::string("\x08\xac\x02"), field(1, "\xac\x02")}) {
    const std::string record = field(1, other + image + feature("image/class/label", 3, list));
    const ImageExample example = parse_image_example(record, true);
    EXPECT_EQ(example.encoded, "JPEG");
    EXPECT_EQ(example.label, 300);
  }
  EXPECT_EQ(parse_image_example(field(1, image), false).label, 0);
}

TEST(ImageExample, NamesTheFeatureThatIsWrong) {
  const std::string image = feature("image/encoded", 1, field(1, "JPEG"));
  const auto told = [](const std::string& features) {
    const std::string record = field(1, features);
    return refusal([&] { parse_image_example(record, true); });
  };
  EXPECT_EQ(told(""), "feature image/encoded is missing");
  EXPECT_EQ(told(image), "feature image/class/label is missing");
  EXPECT_EQ(told(feature("image/encoded", 3, "\x08\x07")), "feature image/encoded holds no bytes");
  EXPECT_EQ(told(image + feature("image/class/label", 1, field(1, "7"))),
            "feature image/class/label holds no integer");
  EXPECT_THAT(refusal([] { parse_image_example("\x0a\x7f", true); }),
              testing::HasSubstr("a field of 127 bytes, 0 are left"));
  EXPECT_THAT(refusal([] { parse_image_example(std::string(11, '\xff'), true); }),
              testing::HasSubstr("more than 64 bits"));
}

}  // namespace
}  // namespace drawbar
