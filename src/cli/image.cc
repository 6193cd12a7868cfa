#include "cli/image.h"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "base/mapped_file.h"

#ifdef DRAWBAR_IMAGES
#include <jpeglib.h>
#include <png.h>
#endif

namespace drawbar::cli {
namespace {

constexpr int64_t largest_image = 256 << 20;  // pixels

[[noreturn]] void bad(const std::string& what) {
  fail(ErrorCode::invalid_argument, "cannot read the image: {}", what);
}

Image blank(int64_t width, int64_t height) {
  if (width < 1 || height < 1 || width > 65535 || height > 65535 ||
      width * height > largest_image) {
    bad(fmt::format("{}x{} pixels", width, height));
  }
  return {static_cast<int>(width), static_cast<int>(height),
          std::vector<uint8_t>(static_cast<size_t>(width * height * 3))};
}

Image read_bmp(std::string_view bytes) {
  const auto number = [&](size_t at, int width) {
    uint32_t value = 0;
    if (at + 4 > bytes.size()) bad("truncated BMP");
    std::memcpy(&value, bytes.data() + at, static_cast<size_t>(width));
    return value;
  };
  const uint32_t start = number(10, 4);
  const auto width = static_cast<int32_t>(number(18, 4)),
             height = static_cast<int32_t>(number(22, 4));
  const uint32_t depth = number(28, 2), compression = number(30, 4);
  if (number(14, 4) < 40 || (depth != 24 && depth != 32 && depth != 8) ||
      (compression != 0 && !(compression == 3 && depth == 32))) {
    bad("only uncompressed BMP of 8, 24 or 32 bits is known");
  }
  if (height == INT32_MIN) bad("BMP height");
  Image image = blank(width, std::abs(height));
  const size_t step = depth / 8, row = (static_cast<size_t>(width) * step + 3) / 4 * 4;
  if (start > bytes.size() || row * static_cast<size_t>(image.height) > bytes.size() - start)
    bad("truncated BMP");
  const size_t palette = 14 + number(14, 4);
  for (int y = 0; y < image.height; ++y) {
    const auto* from = reinterpret_cast<const uint8_t*>(bytes.data()) + start +
                       row * static_cast<size_t>(height > 0 ? image.height - 1 - y : y);
    for (int x = 0; x < image.width; ++x) {
      const uint8_t* bgr = from + static_cast<size_t>(x) * step;
      if (depth == 8) {
        const size_t entry = palette + 4 * static_cast<size_t>(*bgr);
        if (entry + 4 > bytes.size()) bad("BMP palette");
        bgr = reinterpret_cast<const uint8_t*>(bytes.data()) + entry;
      }
      uint8_t* to = image.at(x, y);
      to[0] = bgr[2];
      to[1] = bgr[1];
      to[2] = bgr[0];
    }
  }
  return image;
}

#ifdef DRAWBAR_IMAGES
struct JpegError {
  jpeg_error_mgr manager;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

/// The part between setjmp and a possible longjmp: nothing here has a destructor.
bool decode_jpeg(std::string_view bytes, JpegError& error, jpeg_decompress_struct& info,
                 Image* image) {
  if (setjmp(error.jump)) return false;
  if (!image) {
    jpeg_create_decompress(&info);
    jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&info, TRUE);
    info.out_color_space = JCS_RGB;
    return true;
  }
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = image->at(0, static_cast<int>(info.output_scanline));
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  return true;
}

Image read_jpeg(std::string_view bytes) {
  JpegError error;
  jpeg_decompress_struct info;
  std::memset(&info, 0, sizeof info);
  info.err = jpeg_std_error(&error.manager);
  error.manager.error_exit = [](j_common_ptr common) {
    auto* self = reinterpret_cast<JpegError*>(common->err);
    (*common->err->format_message)(common, self->message);
    std::longjmp(self->jump, 1);
  };
  error.manager.output_message = [](j_common_ptr) {};
  struct Release {
    jpeg_decompress_struct& info;
    ~Release() { jpeg_destroy_decompress(&info); }
  } release{info};
  if (!decode_jpeg(bytes, error, info, nullptr)) bad(error.message);
  Image image = blank(info.image_width, info.image_height);
  if (!decode_jpeg(bytes, error, info, &image)) bad(error.message);
  return image;
}

Image read_png(std::string_view bytes) {
  png_image png;
  std::memset(&png, 0, sizeof png);
  png.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_memory(&png, bytes.data(), bytes.size())) bad(png.message);
  struct Release {
    png_image& png;
    ~Release() { png_image_free(&png); }
  } release{png};
  png.format = PNG_FORMAT_RGBA;  // asked for so that alpha can be dropped instead of blended
  const Image size = blank(png.width, png.height);
  std::vector<uint8_t> rgba(PNG_IMAGE_SIZE(png));
  if (!png_image_finish_read(&png, nullptr, rgba.data(), 0, nullptr)) bad(png.message);
  Image image = size;
  for (size_t p = 0; p < rgba.size() / 4; ++p)
    std::copy_n(rgba.data() + 4 * p, 3, image.pixels.data() + 3 * p);
  return image;
}
#endif

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
  const std::string_view bytes = file.bytes();
  try {
    if (bytes.substr(0, 2) == "BM") return read_bmp(bytes);
#ifdef DRAWBAR_IMAGES
    if (bytes.substr(0, 3) == "\xff\xd8\xff") return read_jpeg(bytes);
    if (bytes.substr(0, 8) == "\x89PNG\r\n\x1a\n") return read_png(bytes);
    bad("neither JPEG, PNG nor BMP");
#else
    fail(ErrorCode::unsupported, "this build reads BMP only");
#endif
  } catch (const Error& error) {
    throw error.at(path);
  }
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
