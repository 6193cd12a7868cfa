#include "targets/cuda/code_image.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <elf.h>
#include <optional>

#include "base/error.h"

namespace drawbar::cuda {
namespace {

constexpr uint32_t fatbin_magic = 0xba55ed50;
constexpr int ptx_kind = 1, machine_code_kind = 2;
constexpr uint64_t exact_flag = 1 << 20, family_flag = 1 << 21;

struct FatbinHeader {
  uint32_t magic;
  uint16_t version, header_bytes;
  uint64_t bytes;  // behind the header
};

struct FatbinEntry {
  uint16_t kind, version;
  uint32_t header_bytes;
  uint64_t bytes;  // behind the header
  uint32_t compressed_bytes, options, code_version, architecture;
  uint64_t name, flags;
};

[[noreturn]] void refuse(std::string_view what) { fail(ErrorCode::invalid_argument, "{}", what); }

/// The struct at an offset, or nothing where the bytes end before it does.
template <class T>
std::optional<T> read(std::span<const std::byte> bytes, size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return std::nullopt;
  T result;
  std::memcpy(&result, bytes.data() + offset, sizeof(T));
  return result;
}

CodeImage parse_cubin(std::span<const std::byte> bytes) {
  const auto header = read<Elf64_Ehdr>(bytes, 0);
  if (!header || header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_CUDA)
    refuse("an ELF file that is no cubin");
  const auto holds = [&](uint64_t offset, uint64_t size, uint64_t count) {
    return offset <= bytes.size() && size * count <= bytes.size() - offset;
  };
  if (!holds(header->e_shoff, header->e_shentsize, header->e_shnum) ||
      !holds(header->e_phoff, header->e_phentsize, header->e_phnum))
    refuse("a cubin that is cut off");
  const uint32_t flags = header->e_flags;
  const bool is_old = header->e_ident[EI_ABIVERSION] < 8;
  return {{{.architecture = static_cast<int>((is_old ? flags : flags >> 8) & 0xff)}}};
}

CodeImage parse_fatbin(std::span<const std::byte> bytes) {
  const auto header = read<FatbinHeader>(bytes, 0);
  if (!header || header->header_bytes < sizeof(FatbinHeader) ||
      header->header_bytes > bytes.size() || header->bytes > bytes.size() - header->header_bytes)
    refuse("a fatbin that is cut off");
  CodeImage image;
  std::span<const std::byte> rest = bytes.subspan(header->header_bytes, header->bytes);
  while (!rest.empty()) {
    const auto entry = read<FatbinEntry>(rest, 0);
    if (!entry || entry->header_bytes < sizeof(FatbinEntry) || entry->header_bytes > rest.size() ||
        entry->bytes > rest.size() - entry->header_bytes)
      refuse("a fatbin with an entry that is cut off");
    if (entry->kind == ptx_kind || entry->kind == machine_code_kind) {
      image.parts.push_back({static_cast<int>(entry->architecture), entry->kind == ptx_kind,
                             (entry->flags & exact_flag) != 0, (entry->flags & family_flag) != 0});
    }
    rest = rest.subspan(entry->header_bytes + entry->bytes);
  }
  if (image.parts.empty()) refuse("a fatbin without code");
  return image;
}

/// "90a" as an architecture.
std::optional<CodeImage::Part> parse_architecture(std::string_view text) {
  CodeImage::Part part;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), part.architecture);
  if (error != std::errc() || part.architecture <= 0) return std::nullopt;
  const std::string_view rest = text.substr(static_cast<size_t>(end - text.data()));
  part.is_exact = rest.starts_with('a');
  part.is_of_family = rest.starts_with('f');
  return part;
}

CodeImage parse_ptx(std::string_view text) {
  constexpr std::string_view directive = "\n.target sm_";
  const size_t at = text.find(directive);
  const auto part =
      at == text.npos ? std::nullopt : parse_architecture(text.substr(at + directive.size(), 16));
  if (!part) refuse("neither a cubin nor a fatbin nor PTX");
  if (text.find('\0') != text.size() - 1) refuse("PTX that does not end with a zero");
  CodeImage image{{*part}};
  image.parts[0].is_ptx = true;
  return image;
}

}  // namespace

CodeImage parse_code_image(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with(ELFMAG)) return parse_cubin(bytes);
  if (read<uint32_t>(bytes, 0) == fatbin_magic) return parse_fatbin(bytes);
  return parse_ptx(text);
}

bool runs_on(const CodeImage& image, std::string_view architecture) {
  constexpr std::string_view prefix = "sm_";
  if (!architecture.starts_with(prefix)) return false;
  const auto device = parse_architecture(architecture.substr(prefix.size()));
  if (!device) return false;
  return std::any_of(image.parts.begin(), image.parts.end(), [&](const CodeImage::Part& part) {
    if (part.is_exact) return part.architecture == device->architecture;
    const bool same_generation = part.architecture / 10 == device->architecture / 10;
    return part.architecture <= device->architecture &&
           (same_generation || (part.is_ptx && !part.is_of_family));
  });
}

std::string architectures_of(const CodeImage& image) {
  std::string result;
  for (const CodeImage::Part& part : image.parts) {
    result += fmt::format("{}{}{}{}", result.empty() ? "" : ", ", part.is_ptx ? "compute_" : "sm_",
                          part.architecture,
                          part.is_exact       ? "a"
                          : part.is_of_family ? "f"
                                              : "");
  }
  return result;
}

}  // namespace drawbar::cuda
