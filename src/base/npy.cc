#include "base/npy.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <span>
#include <vector>

#include "base/checked.h"
#include "base/mapped_file.h"
#include "base/utf8.h"

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

int64_t parse_width(std::string_view text) {
  int64_t width = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), width);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || width < 1 ||
      width > INT32_MAX) {
    bad("dtype of strings");
  }
  return width;
}

/// NumPy's text: `width` bytes an element, four a character, zeros to the end.
Tensor read_characters(const Shape& shape, std::string_view data, size_t width) {
  Tensor result = Tensor::allocate(ElementType::string, shape);
  for (std::string& text : result.values<std::string>()) {
    size_t end = 0;
    for (size_t i = 0; i < width; i += 4) {
      if (data.substr(i, 4) != std::string_view("\0\0\0\0", 4)) end = i + 4;
    }
    for (size_t i = 0; i < end; i += 4) {
      uint32_t code = 0;
      std::memcpy(&code, data.data() + i, 4);
      if (code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) bad("a text has no such character");
      append_character(text, code);
    }
    data.remove_prefix(width);
  }
  return result;
}

Tensor read_bytes(const Shape& shape, std::string_view data, size_t width) {
  Tensor result = Tensor::allocate(ElementType::string, shape);
  for (std::string& text : result.values<std::string>()) {
    text = data.substr(0, width);
    text.resize(text.find_last_not_of('\0') + 1);
    data.remove_prefix(width);
  }
  return result;
}

/// The dtype that takes all strings, and their elements in it.
struct NpyStrings {
  std::string code, data;
};

NpyStrings as_bytes(std::span<const std::string> texts) {
  size_t width = 1;
  for (const std::string& text : texts) width = std::max(width, text.size());
  NpyStrings result{"|S" + std::to_string(width), {}};
  for (const std::string& text : texts) {
    result.data += text;
    result.data.append(width - text.size(), '\0');
  }
  return result;
}

NpyStrings as_characters(std::span<const std::string> texts) {
  std::vector<std::u32string> decoded;
  size_t width = 1;
  for (const std::string& text : texts) {
    std::u32string& characters = decoded.emplace_back();
    for (size_t at = 0; at < text.size();) {
      const Character next = read_character(text, at);
      characters += next.code;
      at += next.bytes;
    }
    width = std::max(width, characters.size());
  }
  NpyStrings result{"<U" + std::to_string(width), {}};
  for (std::u32string& characters : decoded) {
    characters.resize(width);
    result.data.append(reinterpret_cast<const char*>(characters.data()), width * 4);
  }
  return result;
}

void write_file(const std::string& path, std::string_view code, const Shape& shape,
                std::string_view data) {
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
  file.write(data.data(), data.size());
  file.commit();
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
  const Shape shape = parse_shape(entry(header, "shape"));
  const std::string_view data = bytes.substr(start + header_bytes);
  const auto expect = [&](ElementType type, int64_t needed) {
    if (needed == static_cast<int64_t>(data.size())) return;
    fail(ErrorCode::invalid_argument,
         "not a usable .npy file: {} bytes of data, expected {} for {} {}", data.size(), needed,
         name(type), to_string(shape));
  };
  if (descr.substr(0, 2) == "<U" || descr.substr(0, 2) == "|S") {
    const int64_t width = parse_width(descr.substr(2)) * (descr[1] == 'U' ? 4 : 1);
    expect(ElementType::string, checked_mul(element_count(shape), width));
    const auto read = descr[1] == 'U' ? read_characters : read_bytes;
    return read(shape, data, static_cast<size_t>(width));
  }
  for (const Dtype& dtype : dtypes) {
    const bool byte_order_free =
        dtype.code[0] == '|' && descr.size() == 3 && descr.substr(1) == dtype.code.substr(1);
    if (dtype.code != descr && !byte_order_free) continue;
    expect(dtype.type, storage_bytes(dtype.type, element_count(shape)));
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
  if (tensor.kind() != Tensor::Kind::tensor) {
    fail(ErrorCode::unsupported, "{}: only tensors are written as .npy", path);
  }
  if (tensor.type() == ElementType::string) {
    const auto texts = tensor.values<std::string>();
    const NpyStrings strings =
        std::all_of(texts.begin(), texts.end(), is_utf8) ? as_characters(texts) : as_bytes(texts);
    return write_file(path, strings.code, tensor.shape(), strings.data);
  }
  std::string_view code = bits(tensor.type()) == 16 ? "<u2" : "|u1";
  for (const Dtype& dtype : dtypes) {
    if (dtype.type == tensor.type()) code = dtype.code;
  }
  const Shape shape = bits(tensor.type()) < 8 ? Shape{tensor.bytes()} : tensor.shape();
  write_file(path, code, shape,
             {static_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.bytes())});
}

}  // namespace drawbar
