#include "cli/image.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/mapped_file.h"
#include "ops/image_decoder/image.h"

namespace drawbar::cli {
namespace {

Image blank(int width, int height) {
  return {width, height,
          std::vector<uint8_t>(static_cast<size_t>(width) * static_cast<size_t>(height) * 3)};
}

struct Weights {
  int first = 0;
  std::vector<double> values;
};

/// The triangle filter's weights for each output position.
std::vector<Weights> triangle(int from, int to) {
  std::vector<Weights> result(static_cast<size_t>(to));
  const double scale = static_cast<double>(from) / to, support = std::max(scale, 1.0);
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - support + 0.5));
    const int last = std::min(from, static_cast<int>(centre + support + 0.5));
    Weights& w = result[static_cast<size_t>(i)];
    w.first = first;
    double sum = 0;
    for (int k = first; k < last; ++k) {
      const double distance = std::fabs((k - centre + 0.5) / support);
      w.values.push_back(distance < 1 ? 1 - distance : 0);
      sum += w.values.back();
    }
    for (double& value : w.values) value /= sum;
  }
  return result;
}

uint8_t rounded(double value) { return static_cast<uint8_t>(std::clamp(value + 0.5, 0.0, 255.0)); }

}  // namespace

Image read_image(const std::string& path) {
  const MappedFile file(path);
  return decode_image(file.bytes(), path);
}

Image decode_image(std::string_view bytes, const std::string& place) {
  Image image;
  try {
    ops::decode_image(bytes, [&](int64_t height, int64_t width) {
      image = blank(static_cast<int>(width), static_cast<int>(height));
      return image.pixels.data();
    });
  } catch (const Error& error) {
    throw error.at(place);
  }
  return image;
}

Image resize(const Image& image, int width, int height) {
  if (width == image.width && height == image.height) return image;
  const std::vector<Weights> across = triangle(image.width, width),
                             down = triangle(image.height, height);
  Image wide = blank(width, image.height);
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < width; ++x) {
      const Weights& w = across[static_cast<size_t>(x)];
      for (int c = 0; c < 3; ++c) {
        double sum = 0;
        for (size_t k = 0; k < w.values.size(); ++k)
          sum += w.values[k] * image.at(w.first + static_cast<int>(k), y)[c];
        wide.at(x, y)[c] = rounded(sum);
      }
    }
  }
  Image result = blank(width, height);
  for (int y = 0; y < height; ++y) {
    const Weights& w = down[static_cast<size_t>(y)];
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        double sum = 0;
        for (size_t k = 0; k < w.values.size(); ++k)
          sum += w.values[k] * wide.at(x, w.first + static_cast<int>(k))[c];
        result.at(x, y)[c] = rounded(sum);
      }
    }
  }
  return result;
}

}  // namespace drawbar::cli
