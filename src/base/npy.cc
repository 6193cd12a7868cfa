#include "base/npy.h"

#include <charconv>

#include "base/checked.h"
#include "base/mapped_file.h"

namespace drawbar {
namespace {

struct Dtype {
  std::string_view code;
  ElementType type;
};
constexpr Dtype dtypes[] = {
    {"<f4", ElementType::f32}, {"<f8", ElementType::f64},   {"<f2", ElementType::f16},
    {"|i1", ElementType::i8},  {"<i2", ElementType::i16},   {"<i4", ElementType::i32},
    {"<i8", ElementType::i64}, {"|u1", ElementType::u8},    {"<u2", ElementType::u16},
    {"<u4", ElementType::u32}, {"<u8", ElementType::u64},   {"|b1", ElementType::boolean},
    {"<c8", ElementType::c64}, {"<c16", ElementType::c128},
};

[[noreturn]] void bad(std::string_view what) {
  fail(ErrorCode::invalid_argument, "not a usable .npy file: {}", what);
}

/// The text after "'key':" in the header's dictionary.
std::string_view entry(std::string_view header, std::string_view key) {
  const size_t at = header.find("'" + std::string(key) + "'");
  if (at == std::string_view::npos) bad("the header lacks " + std::string(key));
  const size_t colon = header.find(':', at);
  if (colon == std::string_view::npos) bad("header");
  size_t start = colon + 1;
  while (start < header.size() && header[start] == ' ') ++start;
  return header.substr(start);
}

Shape parse_shape(std::string_view text) {
  Shape shape;
  if (text.empty() || text[0] != '(') bad("shape");
  size_t at = 1;
  while (at < text.size() && text[at] != ')') {
    if (text[at] == ' ' || text[at] == ',') {
      ++at;
      continue;
    }
    int64_t dim = 0;
    const auto read = std::from_chars(text.data() + at, text.data() + text.size(), dim);
    if (read.ec != std::errc() || dim < 0 || shape.size() >= 64) bad("shape");
    at = static_cast<size_t>(read.ptr - text.data());
    shape.push_back(dim);
  }
  return shape;
}

}  // namespace

Tensor parse_npy(std::string_view bytes) {
  if (bytes.size() < 12 || bytes.substr(0, 6) != "\x93NUMPY") bad("magic");
  const int major = bytes[6];
  size_t header_bytes = 0, start = 10;
  const auto byte = [&](size_t i) {
    return static_cast<size_t>(static_cast<unsigned char>(bytes[i]));
  };
  if (major == 1) {
    header_bytes = byte(8) | byte(9) << 8;
  } else if (major == 2 || major == 3) {
    header_bytes = byte(8) | byte(9) << 8 | byte(10) << 16 | byte(11) << 24;
    start = 12;
  } else {
    bad("version");
  }
  if (header_bytes > bytes.size() - start) bad("truncated header");
  const std::string_view header = bytes.substr(start, header_bytes);
  if (entry(header, "fortran_order").substr(0, 5) != "False") bad("Fortran order");
  std::string_view descr = entry(header, "descr");
  if (descr.empty() || descr[0] != '\'') bad("a structured dtype");
  descr = descr.substr(1, descr.find('\'', 1) - 1);
  for (const Dtype& dtype : dtypes) {
    const bool byte_order_free =
        dtype.code[0] == '|' && descr.size() == 3 && descr.substr(1) == dtype.code.substr(1);
    if (dtype.code != descr && !byte_order_free) continue;
    const Shape shape = parse_shape(entry(header, "shape"));
    const int64_t needed = storage_bytes(dtype.type, element_count(shape));
    const std::string_view data = bytes.substr(start + header_bytes);
    if (needed != static_cast<int64_t>(data.size())) {
      fail(ErrorCode::invalid_argument,
           "not a usable .npy file: {} bytes of data, expected {} for {} {}", data.size(), needed,
           name(dtype.type), to_string(shape));
    }
    return copy_bytes(dtype.type, shape, data.data());
  }
  bad("dtype " + std::string(descr));
}

Tensor read_npy(const std::string& path) {
  const MappedFile file(path);
  try {
    return parse_npy(file.bytes());
  } catch (const Error& error) {
    throw Error(ErrorCode::invalid_argument, error.message()).at(path);
  }
}

void write_npy(const std::string& path, const Tensor& tensor) {
  if (tensor.kind() != Tensor::Kind::tensor || tensor.type() == ElementType::string) {
    fail(ErrorCode::unsupported, "{}: only tensors of numbers are written as .npy", path);
  }
  std::string_view code = bits(tensor.type()) == 16 ? "<u2" : "|u1";
  for (const Dtype& dtype : dtypes) {
    if (dtype.type == tensor.type()) code = dtype.code;
  }
  Shape shape = tensor.shape();
  if (bits(tensor.type()) < 8) shape = {tensor.bytes()};
  std::string dims;
  for (int64_t dim : shape) dims += std::to_string(dim) + ",";
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", code, dims);
  header.append((64 - (10 + header.size() + 1) % 64) % 64, ' ');
  header += '\n';
  std::string head("\x93NUMPY\x01\x00", 8);
  head += static_cast<char>(header.size() & 0xff);
  head += static_cast<char>(header.size() >> 8);
  AtomicFile file(path);
  file.write((head + header).data(), head.size() + header.size());
  file.write(tensor.raw(), static_cast<size_t>(tensor.bytes()));
  file.commit();
}

}  // namespace drawbar
