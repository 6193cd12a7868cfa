#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "drawbar/element_type.h"
#include "targets/cuda/gpu.h"

namespace drawbar::cuda {

/// Where a launch gets a pointer from.
struct Argument {
  enum class Source : uint8_t { input, output, scratch, packed };
  Source source = Source::input;
  size_t index = 0;  // operand, byte offset in the scratch memory, or packed buffer
  ElementType type = ElementType::f32;  // of what it points to
};

/// One kernel launch as data: code that is compiled later, together with all other code of a plan.
/// Everything a problem fixes (sizes, strides, types) stands in `call` as template arguments, so
/// that the compiler knows it; arguments are pointers only.
struct Launch {
  std::string file;                  // what is included, below src/: "ops/softmax/cuda_rows.cuh"
  std::vector<std::string> preface;  // code behind it: structs, functions, each once in a source
  std::string call;  // a __device__ function of pointers: "softmax_rows<float, 127, false>"
  Extent grid, block;
  bool synchronises = false;  // threads of a block wait for each other
  std::vector<Argument> arguments;
  /// Code made beforehand (code_image.h), which lies there as long as the process lives. Then
  /// `call` is a kernel in it, and `parameters` a struct that it gets by value behind the pointers.
  std::span<const std::byte> image;
  std::vector<std::byte> parameters;

  /// The code of its kernel but for what it includes; a name that is the same only for the same
  /// code.
  std::string name() const;
  std::string code() const;
};

/// A launch of so many blocks of so many threads along x.
Launch launch_along_x(std::string file, std::string call, int64_t blocks, int64_t threads,
                      std::vector<Argument> arguments = {});

/// How device code calls an element type: "float", "f16", "bf16", "int", "unsigned char", …. Throws
/// INTERNAL for types without one.
std::string_view code_name(ElementType type);
bool has_code_name(ElementType type);

/// The whole source of some launches: each file and each kernel once.
std::string source_of(const std::vector<const Launch*>& launches);

}  // namespace drawbar::cuda
