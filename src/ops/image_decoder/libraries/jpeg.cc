#include <csetjmp>
#include <cstdio>
#include <jerror.h>
#include <jpeglib.h>

#include "ops/image_decoder/format.h"

namespace drawbar::ops {
namespace {

constexpr int most_scans = 200;  // of a progressive file: each takes time for all pixels

/// libjpeg ends a decode by a jump out of its error handler.
struct Jpeg {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = "";

  static Jpeg& of(j_common_ptr common) { return *static_cast<Jpeg*>(common->client_data); }

  [[noreturn]] static void on_error(j_common_ptr common) {
    Jpeg& self = of(common);
    (*common->err->format_message)(common, self.message);
    std::longjmp(self.jump, 1);
  }
  /// Warnings that mean that pixels are missing.
  static void on_message(j_common_ptr common, int level) {
    const int code = common->err->msg_code;
    if (level < 0 && (code == JWRN_JPEG_EOF || code == JWRN_HIT_MARKER)) on_error(common);
  }
  static void on_progress(j_common_ptr common) {
    if (reinterpret_cast<j_decompress_ptr>(common)->input_scan_number <= most_scans) return;
    Jpeg& self = of(common);
    std::snprintf(self.message, sizeof self.message, "more than %d scans", most_scans);
    std::longjmp(self.jump, 1);
  }

  Jpeg() {
    info.err = jpeg_std_error(&errors);
    info.client_data = this;
    errors.error_exit = on_error;
    errors.emit_message = on_message;
    progress.progress_monitor = on_progress;
  }
  ~Jpeg() { jpeg_destroy_decompress(&info); }
  Jpeg(const Jpeg&) = delete;
  Jpeg& operator=(const Jpeg&) = delete;

  // Between setjmp and a possible longjmp nothing has a destructor.
  bool begin(std::string_view bytes) {
    if (setjmp(jump)) return false;
    jpeg_create_decompress(&info);
    info.progress = &progress;
    jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
    jpeg_read_header(&info, TRUE);
    info.out_color_space = JCS_RGB;
    return true;
  }
  bool read(uint8_t* pixels) {
    if (setjmp(jump)) return false;
    jpeg_start_decompress(&info);
    while (info.output_scanline < info.output_height) {
      JSAMPROW row = pixels + size_t{info.output_scanline} * info.output_width * 3;
      jpeg_read_scanlines(&info, &row, 1);
    }
    jpeg_finish_decompress(&info);
    return true;
  }
};

}  // namespace

void decode_jpeg(std::string_view bytes, ImagePlace place) {
  Jpeg jpeg;
  if (!jpeg.begin(bytes)) bad_image("JPEG: {}", jpeg.message);
  check_image_size(jpeg.info.image_height, jpeg.info.image_width);
  uint8_t* pixels = place(jpeg.info.image_height, jpeg.info.image_width);
  if (!jpeg.read(pixels)) bad_image("JPEG: {}", jpeg.message);
}

}  // namespace drawbar::ops
