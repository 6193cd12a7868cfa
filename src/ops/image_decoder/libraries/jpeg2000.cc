#include <algorithm>
#include <cstring>
#include <memory>
#include <openjpeg.h>
#include <string>

#include "ops/image_decoder/format.h"

namespace drawbar::ops {
namespace {

constexpr int64_t most_pixels = int64_t{1} << 26;  // OpenJPEG takes 16 bytes and more for each

uint32_t big_endian(std::string_view bytes, size_t at, size_t width = 4) {
  uint32_t value = 0;
  for (size_t i = 0; i < width; ++i) value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

/// The codestream in a file of boxes [length (4), type (4), contents].
std::string_view codestream_of(std::string_view bytes) {
  if (bytes[0] != '\0') return bytes;  // has no file around it
  while (bytes.size() >= 8) {
    const uint32_t length = big_endian(bytes, 0);  // 0: to the end, 1: 8 bytes more give it
    if (bytes.substr(4, 4) == "jp2c")
      return bytes.substr(std::min<size_t>(length == 1 ? 16 : 8, bytes.size()));
    if (length < 8 || length > bytes.size()) break;
    bytes.remove_prefix(length);
  }
  bad_image("JPEG 2000: there is no codestream");
}

/// OpenJPEG takes memory for every tile and component before it finds that the file is too short
/// for them.
void check_header(std::string_view codestream) {
  if (codestream.size() < 42 || !codestream.starts_with("\xff\x4f\xff\x51"))
    bad_image("JPEG 2000: truncated codestream");
  const int64_t x1 = big_endian(codestream, 8), y1 = big_endian(codestream, 12);
  const int64_t x0 = big_endian(codestream, 16), y0 = big_endian(codestream, 20);
  const uint32_t components = big_endian(codestream, 40, 2);
  check_image_size(y1 - y0, x1 - x0);
  if ((x1 - x0) * (y1 - y0) > most_pixels)
    unknown_image("JPEG 2000: it has more than {} pixels", most_pixels);
  if (components < 1 || components > 4)
    unknown_image("JPEG 2000: it has {} components, expected 1 to 4", components);
  constexpr int64_t tile_bytes = 14;  // of a tile without contents
  const auto tiles = [&](int64_t end, size_t origin_at, size_t size_at) -> int64_t {
    const int64_t origin = big_endian(codestream, origin_at),
                  size = big_endian(codestream, size_at);
    if (size == 0 || origin >= end) bad_image("JPEG 2000: a size of its tiles is 0");
    return (end - origin + size - 1) / size;
  };
  const int64_t across = tiles(x1, 32, 24), down = tiles(y1, 36, 28);
  if (across > 65535 || down > 65535 ||
      across * down * tile_bytes > static_cast<int64_t>(codestream.size()))
    bad_image("JPEG 2000: it has {} x {} tiles, more than the file can hold", across, down);
}

/// A palette may ask for a plane of the image for each of its 255 channels.
void check_palettes(std::string_view boxes) {
  for (size_t at = boxes.find("pclr"); at != std::string_view::npos;
       at = boxes.find("pclr", at + 1)) {
    if (at + 7 > boxes.size() || static_cast<uint8_t>(boxes[at + 6]) > 4)
      unknown_image("JPEG 2000: its palette has more than 4 channels");
  }
}

/// A file in memory, as OpenJPEG reads it.
struct Source {
  std::string_view bytes;
  size_t at = 0;
  std::string error;

  static Source& of(void* user) { return *static_cast<Source*>(user); }

  static OPJ_SIZE_T read(void* to, OPJ_SIZE_T size, void* user) {
    Source& self = of(user);
    const size_t count = std::min<size_t>(size, self.bytes.size() - self.at);
    if (count == 0) return static_cast<OPJ_SIZE_T>(-1);
    std::memcpy(to, self.bytes.data() + self.at, count);
    self.at += count;
    return count;
  }
  static OPJ_OFF_T skip(OPJ_OFF_T size, void* user) {
    Source& self = of(user);
    if (size < 0) return -1;
    const size_t count = std::min<size_t>(static_cast<size_t>(size), self.bytes.size() - self.at);
    self.at += count;
    return static_cast<OPJ_OFF_T>(count);
  }
  static OPJ_BOOL seek(OPJ_OFF_T to, void* user) {
    Source& self = of(user);
    if (to < 0 || static_cast<size_t>(to) > self.bytes.size()) return OPJ_FALSE;
    self.at = static_cast<size_t>(to);
    return OPJ_TRUE;
  }
  static void on_error(const char* text, void* user) {
    std::string& error = of(user).error;
    if (!error.empty()) return;
    error = text;
    while (!error.empty() && error.back() == '\n') error.pop_back();
  }
};

/// Codec and stream are void* to OpenJPEG.
using Codec = std::unique_ptr<opj_codec_t, void (*)(opj_codec_t*)>;
using Stream = std::unique_ptr<opj_stream_t, void (*)(opj_stream_t*)>;
using DecodedImage = std::unique_ptr<opj_image_t, void (*)(opj_image_t*)>;

Stream stream_of(Source& source) {
  Stream stream(opj_stream_default_create(OPJ_TRUE), opj_stream_destroy);
  if (!stream) fail(ErrorCode::resource_exhausted, "no memory to read an image");
  opj_stream_set_user_data(stream.get(), &source, nullptr);
  opj_stream_set_user_data_length(stream.get(), source.bytes.size());
  opj_stream_set_read_function(stream.get(), Source::read);
  opj_stream_set_skip_function(stream.get(), Source::skip);
  opj_stream_set_seek_function(stream.get(), Source::seek);
  return stream;
}

/// A sample of any precision as 8 bits.
int to_byte(const opj_image_comp_t& component, int64_t sample) {
  if (component.sgnd) sample += int64_t{1} << (component.prec - 1);
  const int64_t most = (int64_t{1} << component.prec) - 1;
  return static_cast<int>((std::clamp<int64_t>(sample, 0, most) * 255 + most / 2) / most);
}

void check_components(const opj_image_t& image, int64_t height, int64_t width) {
  for (uint32_t c = 0; c < std::min(image.numcomps, 3u); ++c) {
    const opj_image_comp_t& component = image.comps[c];
    if (component.w != width || component.h != height)
      unknown_image("JPEG 2000: its components have different sizes");
    if (component.prec < 1 || component.prec > 31)
      bad_image("JPEG 2000: samples of {} bits", component.prec);
  }
}

}  // namespace

void decode_jpeg2000(std::string_view bytes, ImagePlace place) {
  const std::string_view codestream = codestream_of(bytes);
  check_header(codestream);
  check_palettes(bytes.substr(0, bytes.size() - codestream.size()));
  Source source{bytes};
  const bool bare = bytes[0] != '\0';
  const Codec codec(opj_create_decompress(bare ? OPJ_CODEC_J2K : OPJ_CODEC_JP2), opj_destroy_codec);
  if (!codec) fail(ErrorCode::resource_exhausted, "no memory to read an image");
  opj_set_error_handler(codec.get(), Source::on_error, &source);
  const auto failed = [&] {
    bad_image("JPEG 2000: {}", source.error.empty() ? "damaged or truncated" : source.error);
  };
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  if (!opj_setup_decoder(codec.get(), &parameters)) failed();
  opj_decoder_set_strict_mode(codec.get(), OPJ_TRUE);  // truncated files are refused
  const auto stream = stream_of(source);
  opj_image_t* header = nullptr;
  const bool has_header = opj_read_header(stream.get(), codec.get(), &header);
  const DecodedImage image(header, opj_image_destroy);
  if (!has_header) failed();
  const int64_t width = int64_t{image->x1} - image->x0, height = int64_t{image->y1} - image->y0;
  check_image_size(height, width);
  check_components(*image, height, width);
  uint8_t* pixels = place(height, width);
  if (!opj_decode(codec.get(), stream.get(), image.get()) ||
      !opj_end_decompress(codec.get(), stream.get()))
    failed();
  check_components(*image, height, width);  // a palette may have made others of them
  if (image->color_space == OPJ_CLRSPC_SYCC || image->color_space == OPJ_CLRSPC_EYCC ||
      image->color_space == OPJ_CLRSPC_CMYK)
    unknown_image("JPEG 2000: its colours are neither RGB nor grey");
  const bool grey = image->numcomps < 3;
  for (int64_t i = 0; i < height * width; ++i) {
    for (uint32_t c = 0; c < 3; ++c) {
      const opj_image_comp_t& component = image->comps[grey ? 0 : c];
      if (!component.data) failed();
      *pixels++ = static_cast<uint8_t>(to_byte(component, component.data[i]));
    }
  }
}

}  // namespace drawbar::ops
