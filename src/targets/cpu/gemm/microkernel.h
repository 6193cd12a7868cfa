#pragma once

#include <cstddef>
#include <cstdint>

#include "targets/cpu/isa.h"

namespace drawbar::cpu {

/// Activations the microkernel applies itself. Others run as a hook on the finished tile.
enum class Activation : int64_t {
  none = 0,
  clamp = 1,       // min(max(x, alpha), beta); ReLU is alpha 0, beta infinity
  leaky_relu = 2,  // x < 0 ? alpha · x : x
  hard_swish = 3,  // x · min(max(x / 6 + 0.5, 0), 1)
};

/// Where the rows of A are.
enum class RowSource {
  strided,   // row r at a + r · a_stride
  pointers,  // row r of tap t at a_list[t · list_stride / 8 + r]
};

/// How B is stored.
enum class ColumnSource {
  panels,     // panels of panel_width() columns, each [taps · k][panel_width()]
  row_major,  // as it came: one row of k every b_step bytes
};

/// What is multiplied and added.
enum class Multiply {
  f32,
  f16,    // f32 by f16, which is widened in registers; panels alone, of so many halves
  bf16,   // the same by bf16
  dots,   // four u8 by four i8, added to i32 (VNNI); "k" counts fours, A and B hold them as floats
  pairs,  // the same by AVX2 or AVX-512BW, where two products are added in 16 bits and saturate
  fours,  // the same, where those of two steps of k are added in 16 bits
  words,  // two i16 by two i16, added to i32; "k" counts twos
};

/// Steps of k that one turn of a kernel's loop takes; `fours` adds the first two and the last two
/// of a turn, and steps that make no turn by themselves.
constexpr int64_t kUnroll = 4;

/// Where four bytes of a row of A lie that are multiplied once more than B's panels say (pairs,
/// fours).
struct ByteExtra {
  int32_t tap = 0;
  int32_t offset = 0;  // bytes into the tap's run
};

/// What is done besides each 4 k, of panels a later call reads; nothing of a row-major B.
enum class Prefetch {
  next_panels,       // a line of each panel goes into the second-level cache
  next_panels_more,  // three lines of each
  along,             // instead all lines of the panels being read, somewhat ahead
  widen_f16,         // a vector of halves of each panel is written as f32 (see widens_ahead)
  widen_bf16,
};

/// What a kernel stores.
enum class Stored {
  numbers,   // f32 after the epilogue, or sums of integers as they are, in whole vectors
  u8,        // of sums of integers: saturate(round((sum + offset) · multiplier + addend) + zero),
  i8,        // where what is rounded has less than 31 bits; ties to even (see stores_bytes)
  u8_added,  // the same of what becomes of such a byte and one of the residual, of y's type
  i8_added,  // (AddedTerms)
};
constexpr bool is_added(Stored stored) { return stored >= Stored::u8_added; }
constexpr bool is_u8(Stored stored) { return stored == Stored::u8 || stored == Stored::u8_added; }

/// Of u8_added and i8_added: the byte q that a sum would have become and a byte of the residual
/// become y = saturate(round(q · factor + (residual · other_factor + addend)) + zero), or where
/// that is first residual · other_factor + (q · factor + addend). Of each number a vector of the
/// same.
struct alignas(64) AddedTerms {
  float low[16], high[16];  // of q less its zero point
  float between[16];        // q's zero point
  float factor[16], other_factor[16], addend[16];
};

/// What a kernel is made for.
struct KernelShape {
  Isa isa = Isa::baseline;
  Multiply multiply = Multiply::f32;  // of integers: panels, pointers, no f32 epilogue
  int rows = 0;                       // of a tile, at most max_rows(isa, vectors, column_source)
  int vectors = 0;                    // of a row of it, at most kMaxKernelVectors
  RowSource row_source = RowSource::strided;
  ColumnSource column_source = ColumnSource::panels;
  Prefetch prefetch = Prefetch::next_panels;
  Stored stored = Stored::numbers;
};

/// One call: `tiles` tiles of R rows below each other, each
///     C[R, columns] = activation(sum over taps t, k of A_t[r, k] · B[t · K + k, column]
///                                + bias + (accumulate ? C : 0) + residual).
/// R and the number of vectors are fixed by the kernel. Strides are in bytes. The kernel changes
/// the struct while it runs (fields marked *): set them before each call.
struct KernelArgs {
  const float* a = nullptr;              // * strided rows: the first one
  const float* const* a_list = nullptr;  // * pointer rows
  int64_t a_stride = 0;                  // strided rows
  int64_t list_stride = 0;               // bytes from one tap's pointers to the next one's
  int64_t taps = 1;                      // 1 with strided rows
  int64_t k_begin = 0;                   // bytes into each row
  int64_t k_end = 0;                     // bytes into each row
  const float* b = nullptr;              // at k_begin of the first tap
  int64_t b_step = 0;                    // panels: bytes from panel to panel; row_major: per k
  float* c = nullptr;                    // *
  int64_t c_stride = 0;
  const float* bias = nullptr;      // [columns] or null
  const float* residual = nullptr;  // * or null; of added bytes: those
  int64_t residual_stride = 0;
  const float* prefetch = nullptr;      // * panels a later call reads: lines from here …
  const float* prefetch_end = nullptr;  // … to here are touched, and of the panel after it
  int64_t prefetch_step = 0;            // bytes between those two panels
  float* widened = nullptr;             // * widen: where the first panel's next vector goes
  int64_t widened_step = 0;             // and bytes from there to the second one's
  int64_t accumulate = 0;
  int64_t activation = 0;  // an Activation
  float alpha = 0;
  float beta = 0;
  int64_t tiles = 1;                    // *
  int64_t last_columns = 0;             // columns in the last vector, 1 … lanes
  const ByteExtra* extra = nullptr;     // pairs, fours: of the panel's vectors, before the rest,
  const ByteExtra* extra_ends[2] = {};  // one vector's behind the other's
  const std::byte* extra_b = nullptr;   // [column][4] of each, a vector wide
  const int32_t* offset = nullptr;      // bytes: of the first column on, whole vectors
  const float* multiplier = nullptr;
  const float* addend = nullptr;
  int32_t zero = 0;                   // y's
  const AddedTerms* added = nullptr;  // added bytes: and the residual is of bytes
  int64_t other_first = 0;
  const float* const* list = nullptr;  // * the kernel's own
  int64_t taps_left = 0;               // * the kernel's own
  int64_t rows = 0;                    // only the portable kernel reads these
  int64_t vectors = 0;
  int64_t lanes = 0;
};

using MicroKernel = void (*)(KernelArgs*);

/// Whether B's panels hold 16-bit floats; they are half as long in bytes.
constexpr bool is_of_halves(Multiply multiply) {
  return multiply == Multiply::f16 || multiply == Multiply::bf16;
}

constexpr int kMaxKernelRows = 12;
constexpr int kMaxKernelVectors = 8;

/// Floats in a vector: 16 (avx512), 8 (avx2), 4 (baseline).
constexpr int64_t lanes(Isa isa) { return isa >= Isa::avx512 ? 16 : isa == Isa::avx2 ? 8 : 4; }

/// Columns in a panel of packed B: two vectors.
constexpr int64_t panel_width(Isa isa) { return 2 * lanes(isa); }

/// The most rows of a tile with that many vectors, as far as registers suffice.
constexpr int max_rows(Isa isa, int vectors, ColumnSource columns = ColumnSource::panels) {
  const int accumulators = isa >= Isa::avx512                                  ? 24
                           : columns == ColumnSource::row_major && vectors > 2 ? 8  // and a mask
                                                                               : 12;
  const int rows = accumulators / vectors;
  return rows < kMaxKernelRows ? rows : kMaxKernelRows;
}

/// Whether a kernel of f32 has the registers to widen the halves of up to two panels besides.
constexpr bool widens_ahead(const KernelShape& shape) {
  return shape.isa >= Isa::avx2 && shape.multiply == Multiply::f32 && shape.vectors <= 4 &&
         max_rows(shape.isa, shape.vectors) <= kMaxKernelRows - 4;
}

/// Whether A and B hold integers; sums are stored as they are, in whole vectors.
constexpr bool is_of_integers(Multiply multiply) { return multiply >= Multiply::dots; }

/// Whether sums of 16 bits come before those of 32.
constexpr bool adds_in_16_bits(Multiply multiply) {
  return multiply == Multiply::pairs || multiply == Multiply::fours;
}

/// The same of products of integers from panels; those added in 16 bits need registers more.
constexpr int max_byte_rows(Isa isa, int vectors, Multiply multiply) {
  if (!adds_in_16_bits(multiply)) return max_rows(isa, vectors);
  const int rows = (isa >= Isa::avx512 ? 20 : 8) / vectors;
  return rows < kMaxKernelRows ? rows : kMaxKernelRows;
}

/// Whether a kernel finishes rows of so many columns as bytes itself.
constexpr bool stores_bytes(Isa isa, int64_t columns) {
  return isa >= Isa::avx512 || (isa == Isa::avx2 && columns % lanes(isa) == 0);
}

/// The kernel of a shape, generated at first use and kept for the life of the process. Falls back
/// to portable C++ where code cannot be generated. Thread-safe; allocates at first use only.
MicroKernel kernel(const KernelShape& shape);

/// The generator for x86-64; null where memory cannot be made executable. Used by kernel() only.
MicroKernel generate_kernel(const KernelShape& shape);

}  // namespace drawbar::cpu
