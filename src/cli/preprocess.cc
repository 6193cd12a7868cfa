#include "cli/preprocess.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace drawbar::cli {
namespace {

struct Named {
  std::string_view name, text;
};
constexpr Named named_preprocessing[] = {
    {"imagenet",
     "resize=256,crop=224,mean=123.675/116.28/103.53,std=58.395/57.12/57.375,order=rgb"},
    {"efficientnet_lite", "resize=256,crop=224,mean=127,std=128,order=rgb"},
    {"caffe", "resize=256,crop=224,mean=103.94/116.78/123.68,std=1,order=bgr"},
    {"yolox", "letterbox=416,pad=114,order=bgr"},
};

double number(std::string_view text, std::string_view key) {
  double value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || !std::isfinite(value)) {
    fail(ErrorCode::invalid_argument, "--preprocess: {}='{}' is not a number", key, text);
  }
  return value;
}

int size(std::string_view text, std::string_view key) {
  const double value = number(text, key);
  if (value < 1 || value > 16384 || value != std::floor(value)) {
    fail(ErrorCode::invalid_argument, "--preprocess: {} is {}, expected 1 to 16384", key, text);
  }
  return static_cast<int>(value);
}

std::array<double, 3> channels(std::string_view text, std::string_view key) {
  std::array<double, 3> result{};
  size_t count = 0;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('/', at), text.size());
    if (count == 3)
      fail(ErrorCode::invalid_argument, "--preprocess: {} has more than three numbers", key);
    result[count++] = number(text.substr(at, end - at), key);
    at = end + 1;
  }
  if (count == 1) result[1] = result[2] = result[0];
  if (count == 2)
    fail(ErrorCode::invalid_argument, "--preprocess: {} has two numbers, expected one or three",
         key);
  return result;
}

}  // namespace

Preprocess Preprocess::parse(const std::string& text) {
  for (const Named& named : named_preprocessing) {
    if (named.name == text) return parse(std::string(named.text));
  }
  Preprocess how;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string_view item = std::string_view(text).substr(at, end - at);
    const size_t equals = item.find('=');
    const std::string_view key = item.substr(0, equals);
    const std::string_view value = equals == std::string_view::npos ? "" : item.substr(equals + 1);
    if (key == "resize") {
      how.resize = size(value, key);
    } else if (key == "crop") {
      how.crop = size(value, key);
    } else if (key == "letterbox") {
      how.letterbox = size(value, key);
    } else if (key == "pad") {
      how.pad = number(value, key);
    } else if (key == "mean") {
      how.mean = channels(value, key);
    } else if (key == "std") {
      how.std = channels(value, key);
      for (double divisor : how.std) {
        if (divisor == 0) fail(ErrorCode::invalid_argument, "--preprocess: std is 0");
      }
    } else if (key == "order" && (value == "rgb" || value == "bgr")) {
      how.bgr = value == "bgr";
    } else if (key == "layout" && (value == "nchw" || value == "nhwc")) {
      how.nhwc = value == "nhwc";
    } else {
      fail(ErrorCode::invalid_argument,
           "--preprocess: '{}' is unknown; expected resize=, crop=, letterbox=, pad=, mean=, std=, "
           "order=rgb|bgr, "
           "layout=nchw|nhwc, or imagenet, efficientnet_lite, caffe, yolox",
           item);
    }
    at = end + 1;
  }
  return how;
}

Tensor preprocess(const Image& source, const Preprocess& how, ElementType element) {
  Image image = source;
  if (how.letterbox) {
    const double scale = static_cast<double>(how.letterbox) / std::max(image.width, image.height);
    const int width = std::max(1, static_cast<int>(image.width * scale)),
              height = std::max(1, static_cast<int>(image.height * scale));
    const Image scaled = resize(image, width, height);
    image = Image{how.letterbox, how.letterbox,
                  std::vector<uint8_t>(
                      static_cast<size_t>(how.letterbox) * static_cast<size_t>(how.letterbox) * 3,
                      static_cast<uint8_t>(how.pad))};
    for (int y = 0; y < height; ++y) std::copy_n(scaled.at(0, y), width * 3, image.at(0, y));
  } else if (how.resize) {
    const int shorter = std::min(image.width, image.height);
    // The long side is truncated, as torchvision's Resize does.
    const auto scaled = [&](int side) {
      return side == shorter ? how.resize
                             : static_cast<int>(static_cast<int64_t>(how.resize) * side / shorter);
    };
    image = resize(image, scaled(image.width), scaled(image.height));
  }
  if (how.crop) {
    if (image.width < how.crop || image.height < how.crop) {
      fail(ErrorCode::invalid_argument, "crop={} of an image of {}x{}", how.crop, image.width,
           image.height);
    }
    const int left = (image.width - how.crop) / 2, top = (image.height - how.crop) / 2;
    Image cropped{
        how.crop, how.crop,
        std::vector<uint8_t>(static_cast<size_t>(how.crop) * static_cast<size_t>(how.crop) * 3)};
    for (int y = 0; y < how.crop; ++y)
      std::copy_n(image.at(left, top + y), how.crop * 3, cropped.at(0, y));
    image = std::move(cropped);
  }
  const int64_t h = image.height, w = image.width;
  Tensor result =
      Tensor::allocate(ElementType::f32, how.nhwc ? Shape{1, h, w, 3} : Shape{1, 3, h, w});
  auto* out = result.data<float>();
  for (int64_t p = 0; p < h * w; ++p) {
    for (int64_t c = 0; c < 3; ++c) {
      const auto k = static_cast<size_t>(c);
      const double value = image.pixels[static_cast<size_t>(p * 3 + (how.bgr ? 2 - c : c))];
      out[how.nhwc ? p * 3 + c : c * h * w + p] =
          static_cast<float>((value - how.mean[k]) / how.std[k]);
    }
  }
  if (element == ElementType::f32) return result;
  Tensor converted = Tensor::allocate(element, result.shape());
  for (int64_t i = 0; i < result.size(); ++i) write_number(converted, i, out[i]);
  return converted;
}

}  // namespace drawbar::cli
