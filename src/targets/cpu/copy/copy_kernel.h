#pragma once

#include <array>
#include <vector>

#include "ops/movement/strided_copy.h"
#include "targets/cpu/copy/transpose_loops.h"
#include "targets/cpu/kernel.h"

namespace drawbar::cpu {

/// A StridedCopy made ready for this processor: dimensions in the destination's order, neighbours
/// merged, and the inner loops chosen. Elements are 1, 2, 4, 8 or 16 bytes. Immutable.
class PlannedCopy {
 public:
  PlannedCopy(const ops::StridedCopy& copy, int64_t element_bytes);

  /// The work is cut in pieces of some ten kilobytes, which any thread may run in any order.
  int64_t pieces() const { return groups_ * chunks_; }
  void run(const void* from, void* to, int64_t first_piece, int64_t last_piece) const;
  /// Of copies in whole runs of elements, short enough to lie in one piece: how many runs, else 0.
  int64_t short_runs() const { return method_ == Method::runs && chunks_ == 1 ? rows_ : 0; }
  void copy_runs(const void* from, void* to, int64_t first, int64_t count) const;
  /// "runs", "fill", "transpose", "interleave", "deinterleave" or "strided".
  std::string_view method() const;

 private:
  enum class Method : uint8_t { runs, fill, transpose, interleave, deinterleave, strided };
  struct Dimension {
    int64_t size, from_stride, to_stride;
  };

  void choose_method();
  void choose_pieces();
  void run_rows(const std::byte* from, std::byte* to, int64_t first, int64_t count,
                int64_t chunk) const;
  void run_line(const std::byte* from, std::byte* to, int64_t rows, int64_t chunk) const;

  std::vector<Dimension> outer_;  // outermost first; strides in bytes
  Dimension inner_{1, 1, 1};      // the destination's neighbours; strides in elements
  Dimension across_{1, 1, 1};     // of a transposition: the source's neighbours
  Method method_ = Method::runs;
  int64_t element_bytes_;
  int64_t from_offset_, to_offset_;  // bytes
  int64_t rows_ = 0;                 // the product of the outer sizes
  int64_t rows_per_group_ = 1, groups_ = 0, chunks_ = 0, chunk_size_ = 0, across_chunk_size_ = 0;
  TransposeLoop transpose_ = nullptr;
  InterleaveLoop interleave_ = nullptr;
  DeinterleaveLoop deinterleave_ = nullptr;
};

/// One or more copies between a node's operands as one kernel.
class CopyKernel final : public Kernel {
 public:
  /// Adds a copy from input `input` to output `output`.
  void add(const ops::StridedCopy& copy, ElementType type, size_t input, size_t output);
  /// Fills what `copy` writes with one element given by its bytes (from_strides must be 0).
  void add_fill(const ops::StridedCopy& copy, ElementType type, const void* element, size_t output);

  void run(const KernelRun& run) const override;

 private:
  struct Part {
    PlannedCopy copy;
    int input;  // -1: `element`
    size_t output;
    int64_t end;  // pieces of this and all parts before it
    std::array<std::byte, 16> element;
  };
  const void* source(const Part& part, const KernelRun& run) const;
  void run_side_by_side(const KernelRun& run) const;

  std::vector<Part> parts_;
  int64_t bytes_ = 0;
  /// All parts copy as many runs: the i-th runs of all are done together, as they lie side by side
  /// (channels-last tensors one after the other along the channels).
  bool side_by_side_ = true;
};

/// Whether the copying kernels move elements of this type: whole bytes, no strings.
bool is_copyable(ElementType type);

/// A cost model for moving that many bytes (read and written) in `copies` parts.
double copy_seconds(int64_t bytes, int64_t copies = 1);

/// For tactics of operators that only move elements: every present operand that is data has the
/// output's element type, which the kernels move.
bool all_copyable(std::span<const Operand> inputs, const Operand& output);

}  // namespace drawbar::cpu
