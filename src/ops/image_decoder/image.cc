#include "ops/image_decoder/image.h"

#include "ops/image_decoder/format.h"

namespace drawbar::ops {
namespace {

struct Format {
  std::string_view name;
  std::string_view magic;       // its files begin with it
  std::string_view magic_at_8;  // and have this 8 bytes further on, if it is not empty
  void (*decode)(std::string_view, ImagePlace);
};

using namespace std::string_view_literals;

#ifdef DRAWBAR_IMAGES
#define DRAWBAR_LIBRARY_DECODER(FUNCTION) FUNCTION
#else
#define DRAWBAR_LIBRARY_DECODER(FUNCTION) nullptr
#endif

constexpr Format formats[] = {
    {"BMP", "BM", "", decode_bmp},
    {"PBM", "P1", "", decode_pnm},
    {"PGM", "P2", "", decode_pnm},
    {"PPM", "P3", "", decode_pnm},
    {"PBM", "P4", "", decode_pnm},
    {"PGM", "P5", "", decode_pnm},
    {"PPM", "P6", "", decode_pnm},
    {"JPEG", "\xff\xd8\xff", "", DRAWBAR_LIBRARY_DECODER(decode_jpeg)},
    {"PNG", "\x89PNG\r\n\x1a\n", "", DRAWBAR_LIBRARY_DECODER(decode_png)},
    {"WebP", "RIFF", "WEBP", DRAWBAR_LIBRARY_DECODER(decode_webp)},
    {"TIFF", "II*\0"sv, "", DRAWBAR_LIBRARY_DECODER(decode_tiff)},
    {"TIFF", "MM\0*"sv, "", DRAWBAR_LIBRARY_DECODER(decode_tiff)},
    {"BigTIFF", "II+\0"sv, "", DRAWBAR_LIBRARY_DECODER(decode_tiff)},
    {"BigTIFF", "MM\0+"sv, "", DRAWBAR_LIBRARY_DECODER(decode_tiff)},
    {"JPEG 2000", "\0\0\0\x0cjP  \r\n\x87\n"sv, "", DRAWBAR_LIBRARY_DECODER(decode_jpeg2000)},
    {"JPEG 2000", "\xff\x4f\xff\x51", "", DRAWBAR_LIBRARY_DECODER(decode_jpeg2000)},
};
#undef DRAWBAR_LIBRARY_DECODER

bool is(const Format& format, std::string_view bytes) {
  return bytes.starts_with(format.magic) &&
         (format.magic_at_8.empty() ||
          (bytes.size() >= 8 && bytes.substr(8).starts_with(format.magic_at_8)));
}

}  // namespace

void check_image_size(int64_t height, int64_t width) {
  if (width >= 1 && height >= 1 && width <= 65535 && height <= 65535 &&
      width * height <= largest_image)
    return;
  bad_image("it has {} x {} pixels, expected at most 65535 each way and {} in all", width, height,
            largest_image);
}

void decode_image(std::string_view bytes, ImagePlace place) {
  for (const Format& format : formats) {
    if (!is(format, bytes)) continue;
    if (!format.decode) unknown_image("it is {}, this build has no image decoders", format.name);
    return format.decode(bytes, place);
  }
  bad_image("neither JPEG, PNG, BMP, PNM, WebP, TIFF nor JPEG 2000");
}

}  // namespace drawbar::ops
