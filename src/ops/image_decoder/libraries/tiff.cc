#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <tiffio.h>
#include <vector>

#include "ops/image_decoder/format.h"

namespace drawbar::ops {
namespace {

constexpr tmsize_t largest_allocation = tmsize_t{1} << 30;  // of libtiff at once

/// A file in memory, as libtiff reads it.
struct Source {
  std::string_view bytes;
  uint64_t at = 0;
  std::string error;

  static Source& of(void* handle) { return *static_cast<Source*>(handle); }

  static tmsize_t read(thandle_t handle, void* to, tmsize_t size) {
    Source& self = of(handle);
    if (size <= 0 || self.at >= self.bytes.size()) return 0;
    const size_t count = std::min<size_t>(static_cast<size_t>(size), self.bytes.size() - self.at);
    std::memcpy(to, self.bytes.data() + self.at, count);
    self.at += count;
    return static_cast<tmsize_t>(count);
  }
  static toff_t seek(thandle_t handle, toff_t offset, int from) {
    Source& self = of(handle);
    self.at = offset + (from == SEEK_CUR ? self.at : from == SEEK_END ? self.bytes.size() : 0);
    return self.at;
  }
  static toff_t size(thandle_t handle) { return of(handle).bytes.size(); }

  static int on_error(TIFF*, void* user, const char*, const char* format, va_list arguments) {
    char text[256];
    std::vsnprintf(text, sizeof text, format, arguments);
    if (of(user).error.empty()) of(user).error = text;
    return 1;
  }
};

struct CloseTiff {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};

std::unique_ptr<TIFF, CloseTiff> open(Source& source) {
  const std::unique_ptr<TIFFOpenOptions, void (*)(TIFFOpenOptions*)> options(TIFFOpenOptionsAlloc(),
                                                                             TIFFOpenOptionsFree);
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), largest_allocation);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), Source::on_error, &source);
  TIFFOpenOptionsSetWarningHandlerExtR(
      options.get(), [](TIFF*, void*, const char*, const char*, va_list) { return 1; }, nullptr);
  const auto write = [](thandle_t, void*, tmsize_t) -> tmsize_t { return 0; };
  const auto close = [](thandle_t) { return 0; };
  return std::unique_ptr<TIFF, CloseTiff>(
      TIFFClientOpenExt("image", "rm", &source, Source::read, write, Source::seek, close,
                        Source::size, nullptr, nullptr, options.get()));
}

}  // namespace

void decode_tiff(std::string_view bytes, ImagePlace place) {
  Source source{bytes};
  const auto tiff = open(source);
  if (!tiff) bad_image("TIFF: {}", source.error);
  uint32_t width = 0, height = 0;
  TIFFGetField(tiff.get(), TIFFTAG_IMAGEWIDTH, &width);
  TIFFGetField(tiff.get(), TIFFTAG_IMAGELENGTH, &height);
  check_image_size(height, width);
  // Extra samples count as alpha that is multiplied in already: libtiff then leaves colours alone.
  uint16_t extra = 0;
  uint16_t* kinds = nullptr;
  if (TIFFGetField(tiff.get(), TIFFTAG_EXTRASAMPLES, &extra, &kinds) && extra > 0) {
    std::vector<uint16_t> multiplied(extra, EXTRASAMPLE_ASSOCALPHA);
    TIFFSetField(tiff.get(), TIFFTAG_EXTRASAMPLES, extra, multiplied.data());
  }
  char reason[1024] = "";
  if (!TIFFRGBAImageOK(tiff.get(), reason)) unknown_image("TIFF: {}", reason);
  uint8_t* pixels = place(height, width);
  std::vector<uint32_t> rgba(static_cast<size_t>(width) * height);
  if (!TIFFReadRGBAImageOriented(tiff.get(), width, height, rgba.data(), ORIENTATION_TOPLEFT, 1) ||
      !source.error.empty())
    bad_image("TIFF: {}", source.error.empty() ? "damaged" : source.error);
  for (const uint32_t pixel : rgba) {
    *pixels++ = static_cast<uint8_t>(TIFFGetR(pixel));
    *pixels++ = static_cast<uint8_t>(TIFFGetG(pixel));
    *pixels++ = static_cast<uint8_t>(TIFFGetB(pixel));
  }
}

}  // namespace drawbar::ops
