#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "drawbar/element_type.h"
#include "targets/cpu/gemm/gemm.h"

/// Products of bytes with exact sums of 32 bits: A [m, k] of u8 or i8, and B [k, n], known ahead,
/// of integers of 9 bits (-255 to 255, as bytes are that have lost a zero point).
///
/// Sums wrap beyond 32 bits. Functions are thread-safe as long as what they write is not shared,
/// and allocate nothing but where a kernel is generated when its shape is first met; `pool` may be
/// null for the calling thread alone. The result does not depend on the number of threads, nor, but
/// for roundings in f32, on the instruction set.
namespace drawbar::cpu {

/// How bytes are multiplied on a processor.
enum class ByteUnit : uint8_t {
  plain,  // in portable C++
  words,  // AVX2: two products of 16 bits are added in 32 bits
  pairs,  // AVX2: two products are added in 16 bits, which saturate
  dots,   // AVX-VNNI, AVX512-VNNI: four products are added in 32 bits
  tiles,  // AMX-INT8
};
const char* name(ByteUnit unit);

/// The best one of an instruction set on this processor, and all that it can use.
ByteUnit byte_unit(Isa isa);
std::vector<ByteUnit> byte_units(Isa isa);

/// How a B is kept for a unit. Numbers that are no i8 are the sums of several parts, each
/// multiplied for itself. With pairs, what exceeds i8 or could saturate 16 bits is taken off
/// instead and lies behind the panels (byte_pairs.h).
struct BytePlan {
  int64_t parts = 1;
  int64_t run = 0;     // run_bytes()
  int64_t fours = 0;   // pairs: 1 where four products are added in 16 bits, not two
  int64_t extras = 0;  // pairs: steps of k of a vector of columns that are multiplied besides
};

/// B packed for a unit. Columns lie in panels of panel_width(isa), each [part][k / 4][column][4], k
/// padded with zeros (to multiples of 4, for tiles in every run). Of words, [k /
/// 2][column][2] of 16 bits, in one part. 64-byte aligned.
struct PackedBytes {
  const std::byte* data = nullptr;
  int64_t k = 0, n = 0;
  Isa isa = Isa::baseline;
  ByteUnit unit = ByteUnit::plain;
  BytePlan plan = {};
};

/// Bytes of a row of A that lie in one piece when it is multiplied. Rows are `taps` runs of k /
/// taps bytes, of i8 where they are signed.
int64_t run_bytes(const PackedBytes& matrix, int64_t taps, bool is_signed);

/// The plan for this B, of which the sizes and the unit are given; element (i, j) is at b[i · n +
/// j].
BytePlan plan_bytes(const int16_t* b, const PackedBytes& matrix, int64_t taps, bool is_signed);

/// Whether pairs need so many extras that words take less time.
bool words_pay(const PackedBytes& matrix);

/// Bytes of a packed B, and the packing.
int64_t packed_size(const PackedBytes& matrix);
void pack_bytes(const int16_t* b, const PackedBytes& matrix, std::byte* packed);

/// Of a B packed earlier: check_plan() whether there can be such a plan, before packed_size();
/// check_packed() whether all bytes it names are of rows of A. Throw INVALID_MODEL.
void check_plan(const PackedBytes& matrix, int64_t taps, bool is_signed);
void check_packed(const PackedBytes& matrix);

/// Rows of A in lines of images: tap t of row x of line y of image i lies at runs[t] + i ·
/// image_stride + y · line_stride + x · stride (bytes).
struct ByteLines {
  const std::byte* const* runs = nullptr;  // [taps]
  int64_t stride = 0;
  int64_t line = 1;  // rows
  int64_t line_stride = 0;
  int64_t lines = 1;  // of an image
  int64_t image_stride = 0;

  /// How far row r is from the first.
  int64_t offset(int64_t r) const {
    const int64_t y = r / line;
    return y / lines * image_stride + y % lines * line_stride + r % line * stride;
  }
};

/// Rows of A between the rows that y has: of every `line` rows y has the first `kept`, of `lines`
/// such lines the first `kept_lines`.
struct ByteGaps {
  int64_t line = 1, kept = 1, lines = 1, kept_lines = 1;

  /// The row of y, or -1.
  int64_t row_of_y(int64_t r) const {
    const int64_t x = r % line, y = r / line % lines;
    return x < kept && y < kept_lines ? (r / line / lines * kept_lines + y) * kept + x : -1;
  }
};

/// The rows of A: row r is the concatenation over t < taps of the k bytes at pointers(t, r), so
/// that B has taps · k rows. `fill(row, rows, list)` writes the pointers of rows [row, row + rows)
/// to list[t · rows + r]; it may be called concurrently, and more than once. What lies from `begin`
/// to `end` may be read even where it belongs to no row.
struct ByteRows {
  int64_t taps = 1;
  int64_t k = 0;
  /// i8. Units but tiles and words see each number plus 128: then that times the sum of a column is
  /// to be taken off again, by the offset (adds_128()).
  bool is_signed = false;
  FunctionRef<void(int64_t row, int64_t rows, const std::byte** list)> fill;
  const std::byte *begin = nullptr, *end = nullptr;
  const ByteLines* lines = nullptr;  // where the pointers are such
  const ByteGaps* gaps = nullptr;    // of tiles alone
};

/// Whether sums come out with 128 · (the sum of B's column) more: of signed rows.
inline bool adds_128(const ByteRows& a, const PackedBytes& b) {
  return a.is_signed && b.unit != ByteUnit::tiles && b.unit != ByteUnit::words;
}

/// A quantised tensor that bytes q are added to: y = saturate(round(q · factor + (other ·
/// other_factor + addend)) + zero), or with the products the other way round, in f32, each sum with
/// its product rounded once; ties to even.
struct AddedBytes {
  float factor = 1, other_factor = 1, addend = 0;
  bool other_first = false;  // other · other_factor + (q · factor + addend)
  int32_t zero = 0;
  const void* other = nullptr;               // [m, n]; may be y's memory
  int64_t other_ld = 0;                      // elements
  ElementType other_type = ElementType::u8;  // u8 or i8
  ElementType to = ElementType::u8;          // y: u8 or i8
};

/// What becomes of the sum s of row r and column j: v = (s + offset[j]) · multiplier[j] +
/// addend[j]. f32 are v, bytes saturate(round(v) + zero), ties to even, to which others may be
/// added. In f32 but for the offset, which may be multiplied for itself. i32 are s + offset[j], and
/// nothing else is done to them. The first three are readable up to a multiple of panel_width.
struct ByteEpilogue {
  const int32_t* offset = nullptr;    // [n]
  const float* multiplier = nullptr;  // [n]
  const float* addend = nullptr;      // [n]
  int32_t zero = 0;                   // of bytes
  ElementType to = ElementType::u8;   // u8, i8, f32 or i32
  const AddedBytes* added = nullptr;  // of bytes, or null
  bool bounded = false;               // is_bounded()

  ElementType y_type() const { return added != nullptr ? added->to : to; }
};

/// Whether no number of n columns can exceed 32 bits before it is rounded: finishing takes less
/// time then.
bool is_bounded(const ByteEpilogue& epilogue, int64_t n);

/// Bytes of scratch for multiply_bytes(), 64-byte aligned by the caller.
int64_t multiply_bytes_scratch(int64_t m, int64_t taps, int64_t k, bool is_signed,
                               const PackedBytes& b, int threads);

/// y = epilogue(A · B) for the m rows of A; y_ld in elements.
void multiply_bytes(int64_t m, const ByteRows& a, const PackedBytes& b, void* y, int64_t y_ld,
                    const ByteEpilogue& epilogue, void* scratch, ThreadPool* pool);

}  // namespace drawbar::cpu
