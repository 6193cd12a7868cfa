#include <algorithm>
#include <gtest/gtest.h>
#include <random>

#include "ops/image_decoder/op.h"
#include "ops/image_decoder/samples.h"
#include "tests/support/op_case.h"

namespace drawbar {
namespace {

using ops::ImageDecoder;
using ops::PixelFormat;

/// The files show red, green, blue and grey: quarters of 8 x 6 pixels, 4 x 3 each.
constexpr int colours[4][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {100, 100, 100}};

Tensor stream_of(std::string_view bytes) {
  return Tensor::from<uint8_t>({static_cast<int64_t>(bytes.size())},
                               {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
}

Tensor decode(std::string_view bytes, PixelFormat format = PixelFormat::rgb) {
  return run_reference(ImageDecoder{format}, {stream_of(bytes)})[0];
}

/// Whether the bytes are an image or refused with a right error: nothing else may come of them.
bool is_answer(std::string_view bytes) {
  try {
    return decode(bytes).rank() == 3;
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == ErrorCode::invalid_argument ||
                error.code() == ErrorCode::unsupported)
        << error.what();
    EXPECT_NE(error.message().find("cannot read the image"), std::string::npos) << error.what();
    return false;
  }
}

std::string message_of(std::string_view bytes) {
  try {
    decode(bytes);
  } catch (const Error& error) {
    return error.message();
  }
  return "accepted";
}

TEST(ImageDecoder, ReadsEveryFormat) {
  for (const ImageSample& sample : image_samples()) {
    SCOPED_TRACE(sample.name);
    const Tensor image = decode(sample.bytes);
    ASSERT_EQ(image.shape(), (Shape{6, 8, 3}));
    for (int64_t i = 0; i < image.size(); ++i) {
      const int64_t x = i / 3 % 8, y = i / 24;
      const bool edge = x == 3 || x == 4 || y == 2 || y == 3;  // where lossy formats mix colours
      if (sample.tolerance > 0 && edge) continue;
      const int want = colours[y / 3 * 2 + x / 4][i % 3];
      ASSERT_NEAR(image.data<uint8_t>()[i], want, sample.tolerance) << "at " << x << ", " << y;
    }
  }
}

TEST(ImageDecoder, OrdersChannels) {
  const std::string_view ppm("P6 2 1 255\n\x01\x02\x03\xff\x80\x10", 17);
  const auto values = [&](PixelFormat format) {
    const Tensor image = decode(ppm, format);
    EXPECT_EQ(image.rank(), 3);
    return read_integers(image);
  };
  EXPECT_EQ(values(PixelFormat::rgb), (std::vector<int64_t>{1, 2, 3, 255, 128, 16}));
  EXPECT_EQ(values(PixelFormat::bgr), (std::vector<int64_t>{3, 2, 1, 16, 128, 255}));
  // 0.299 + 2 · 0.587 + 3 · 0.114 = 1.8, and 255 · 0.299 + 128 · 0.587 + 16 · 0.114 = 153.2
  EXPECT_EQ(values(PixelFormat::grayscale), (std::vector<int64_t>{2, 153}));
}

TEST(ImageDecoder, ReadsPlainAndDeepPnm) {
  const auto values = [](std::string_view bytes) { return read_integers(decode(bytes)); };
  using Values = std::vector<int64_t>;
  EXPECT_EQ(values("P1 # a comment\n2 1\n10"), (Values{0, 0, 0, 255, 255, 255}));
  EXPECT_EQ(values(std::string_view("P4 2 1\n\x80", 8)), (Values{0, 0, 0, 255, 255, 255}));
  EXPECT_EQ(values("P2 2 1 3 1 3"), (Values{85, 85, 85, 255, 255, 255}));
  EXPECT_EQ(values("P3 1 1 15 0 5 15"), (Values{0, 85, 255}));
  EXPECT_EQ(values(std::string_view("P5 1 1 65535\n\x80\x80", 15)), (Values{128, 128, 128}));
  EXPECT_EQ(values(std::string_view("P5 1 1 100\n\xff", 12)), (Values{255, 255, 255}));
}

TEST(ImageDecoder, RefusesTruncatedFiles) {
  for (const ImageSample& sample : image_samples()) {
    SCOPED_TRACE(sample.name);
    for (size_t size = 0; size < sample.bytes.size() - sample.idle_end; ++size)
      EXPECT_FALSE(is_answer(std::string_view(sample.bytes).substr(0, size))) << "cut to " << size;
  }
}

TEST(ImageDecoder, SurvivesDamage) {
  for (const ImageSample& sample : image_samples()) {
    SCOPED_TRACE(sample.name);
    for (size_t at = 0; at < sample.bytes.size(); ++at) {
      for (const int flip : {0x01, 0x80, 0xff}) {
        std::string bytes(sample.bytes);
        bytes[at] = static_cast<char>(bytes[at] ^ flip);
        is_answer(bytes);
      }
    }
    std::mt19937_64 random(1);
    for (int i = 0; i < 500; ++i) {
      std::string bytes(sample.bytes);
      for (int k = 0; k < 4; ++k) bytes[random() % bytes.size()] = static_cast<char>(random());
      is_answer(bytes);
    }
  }
}

TEST(ImageDecoder, SaysWhatIsWrong) {
  const std::pair<std::string_view, std::string_view> wrong[] = {
      {"", "neither JPEG, PNG"},
      {"GIF89a", "neither JPEG, PNG"},
      {"P6 65536 1 255 ", "it has 65536 x 1 pixels, expected at most 65535 each way"},
      {"P6 65535 65535 255 ", "it has 65535 x 65535 pixels"},
      {"P6 0 1 255 ", "it has 0 x 1 pixels"},
      {"P6 99999999999999999999 1 255 ", "expected at most 2147483647"},
      {"P6 20000 10000 255 \n", "truncated PNM"},
      {"P2 1 1 3 4", "PNM has the number 4, expected at most 3"},
      {"P2 1 1 0 0", "PNM has samples of at most 0"},
      {"P1 1 1 2", "neither 0 nor 1"},
      {"P3 1 1 #", "truncated PNM"},
      {"P3 x", "PNM lacks a number"},
      {"BM", "truncated BMP"},
  };
  for (const auto& [bytes, words] : wrong)
    EXPECT_NE(message_of(bytes).find(words), std::string::npos)
        << bytes << ": " << message_of(bytes);
}

/// Sizes in headers are believed only after they were checked.
TEST(ImageDecoder, ChecksSizesBeforeTakingMemory) {
  struct Lie {
    std::string_view name, before, sizes;  // what stands before the size, and instead of it
  };
  using namespace std::string_view_literals;
  const Lie lies[] = {
      {"JPEG", "\xff\xc0\0\x11\x08"sv, "\xff\0\xff\0"sv},
      {"TIFF", "\0\x01\x04\0\x01\0\0\0"sv, "\xff\xff\xff\x7f"},
      {"JPEG 2000", "\xff\x4f\xff\x51\0\x2f\0\0"sv, "\0\0\xff\xff\0\0\xff\xff"sv},
      {"BMP", "\x28\0\0\0"sv, "\xff\xff\0\0\xff\xff\0\0"sv},
  };
  for (const Lie& lie : lies) {
    const auto samples = image_samples();
    const auto sample = std::find_if(samples.begin(), samples.end(),
                                     [&](const ImageSample& s) { return s.name == lie.name; });
    ASSERT_NE(sample, samples.end()) << lie.name;
    std::string bytes = sample->bytes;
    const size_t at = bytes.find(lie.before);
    ASSERT_NE(at, std::string::npos) << lie.name;
    bytes.replace(at + lie.before.size(), lie.sizes.size(), lie.sizes);
    const std::string message = message_of(bytes);
    EXPECT_NE(message.find("pixels, expected at most 65535"), std::string::npos)
        << lie.name << ": " << message;
  }
}

const Rejection rejected[] = {
    {"floats", ImageDecoder{}, {"f32[3]"}, "encoded_stream is f32, expected u8"},
    {"rank", ImageDecoder{}, {"u8[3, 1]"}, "encoded_stream has rank 2, expected 1"},
};
TEST(ImageDecoder, RefusesBadNodes) { expect_rejected(rejected); }

}  // namespace
}  // namespace drawbar
