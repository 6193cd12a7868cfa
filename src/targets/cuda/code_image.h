#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drawbar::cuda {

/// Device code as nvcc makes it, for one architecture or several.
struct CodeImage {
  struct Part {
    int architecture = 0;       // 90 for sm_90 and compute_90
    bool is_ptx = false;        // else machine code
    bool is_exact = false;      // "sm_90a": of that architecture alone
    bool is_of_family = false;  // "sm_100f": PTX, too, stays within the generation
  };
  std::vector<Part> parts;
};

/// What a cubin (an ELF file), a fatbin or PTX (text that ends with a zero) holds; not whether the
/// code in it is right. Nothing behind its own end is read by the driver. Throws INVALID_ARGUMENT
/// for anything else. Source: the layouts of what nvcc 13.0 writes; cubins of ELF versions 7 and 8.
CodeImage parse_code_image(std::span<const std::byte> bytes);

/// Whether a GPU of that architecture ("sm_90") runs it, as the CUDA C++ Programming Guide has it
/// ("Binary Compatibility", "PTX Compatibility"). A cubin does not say that it is exact.
bool runs_on(const CodeImage& image, std::string_view architecture);

/// The architectures in it: "sm_80, sm_90a, compute_90".
std::string architectures_of(const CodeImage& image);

}  // namespace drawbar::cuda
