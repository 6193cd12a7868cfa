// Generates the microkernel of matrix products with Xbyak. Register use:
//   vectors   rows × vectors accumulators, then what holds B and the broadcast elements of A
//   12 GPRs   the address of each row of A          rbx   B, further panels in unused row registers
//   rbp       offset into the rows (k)              rdi   what to prefetch
// The arguments' address and the ends of the k loop are in the stack frame.
#pragma once

#include "targets/cpu/gemm/microkernel.h"

#if defined(__x86_64__)

#include <array>
#include <cstddef>
#include <memory>
#include <vector>
#include <xbyak/xbyak.h>

namespace drawbar::cpu {

/// What kernels read besides their arguments.
struct alignas(64) KernelConstants {
  std::array<float, 16> sixth, half, one, zero;
  std::array<int32_t, 16> mask;  // lanes() ones, then as many zeros
  /// Of four vectors packed within their halves: which four bytes go where (AVX2).
  std::array<int32_t, 8> order;
};
const KernelConstants& kernel_constants();

/// Where generated code finds the activation of its sums, the vectors 0 … count - 1.
struct ActivationCode {
  bool wide;  // AVX-512
  int count;
  int temp;                  // the first of the vectors that it may overwrite: four, of AVX2 two
  const Xbyak::Reg64& args;  // and where in them, in bytes, what is
  size_t activation, alpha, beta;
  const Xbyak::Reg64& scratch;  // overwritten
};
void emit_activation(Xbyak::CodeGenerator& code, const ActivationCode& where);

/// The code that the generator's constructor makes for a shape, kept for the life of the process;
/// null where memory cannot be made executable. One call at a time.
template <class Generator, class Function, class Shape>
Function keep_generated(const Shape& shape) {
  static auto* kept = new std::vector<std::unique_ptr<Generator>>;
  try {
    kept->push_back(std::make_unique<Generator>(shape));
    return kept->back()->template getCode<Function>();
  } catch (const Xbyak::Error&) {
    return nullptr;
  }
}

/// The code of one kernel, made by its constructor.
class MicroKernelGenerator : public Xbyak::CodeGenerator {
 public:
  explicit MicroKernelGenerator(const KernelShape& shape)
      : CodeGenerator(kBytes, Xbyak::DontSetProtectRWE),
        wide_(shape.isa >= Isa::avx512),
        multiply_(shape.multiply),
        rows_(shape.rows),
        vectors_(shape.vectors),
        pointers_(shape.row_source == RowSource::pointers),
        row_major_(shape.column_source == ColumnSource::row_major),
        prefetch_(shape.prefetch),
        stored_(shape.stored),
        lane_bytes_(static_cast<int>(lanes(shape.isa)) * 4),
        b_bytes_(is_of_halves(shape.multiply) ? lane_bytes_ / 2 : lane_bytes_) {
    emit();
    if (multiply_ == Multiply::fours) {
      align(64);
      L(words_of_one_);
      for (int i = 0; i < lane_bytes_ / 4; ++i) dd(0x00010001);
    }
    ready();
    setProtectModeRE();
  }

 private:
  static constexpr size_t kBytes = 24 << 10;
  using Reg = Xbyak::Reg64;
  // The stack frame: arguments, ends of the k loop, and what does not fit in registers.
  static constexpr int kArgs = 0, kMainEnd = 8, kEnd = 16, kPrefetchEnd = 24, kStep = 32,
                       kSaved = 40;
  static constexpr int kFrame = 56;

  Xbyak::Xmm vector(int index) const {
    if (wide_) return Xbyak::Zmm(index);
    return Xbyak::Ymm(index);
  }
  Xbyak::Xmm accumulator(int row, int column) const { return vector(row * vectors_ + column); }
  int first_free() const { return rows_ * vectors_; }
  int registers() const { return wide_ ? 32 : 16; }
  int free_vectors() const {
    const int kept = adds_in_16_bits(multiply_) ? 2 : multiply_ == Multiply::words ? 1 : 0;
    return registers() - first_free() - kept;
  }
  Xbyak::Xmm ones() const { return vector(registers() - 1); }   // of pairs: 16-bit ones
  Xbyak::Xmm pairs() const { return vector(registers() - 2); }  // and two sums each
  Xbyak::Xmm words() const { return vector(registers() - 1); }  // of words: two products' sums

  const Reg& row(int index) const {
    const std::array<const Reg*, kMaxKernelRows> registers = {&rax, &rcx, &rdx, &rsi, &r8,  &r9,
                                                              &r10, &r11, &r12, &r13, &r14, &r15};
    return *registers[static_cast<size_t>(index)];
  }
  /// The address of panel `index`; the first is rbx, the others use row registers from the end.
  const Reg& panel(int index) const { return index == 0 ? rbx : row(kMaxKernelRows - index); }
  /// Bytes between the panels that are prefetched; like the panels' addresses in a row register,
  /// which a tile so wide leaves.
  const Reg& prefetch_stride() const { return row(kMaxKernelRows - panels()); }
  int panels() const { return row_major_ ? 1 : (vectors_ + 1) / 2; }

  Xbyak::Address b_at(int column, int step) const {
    if (row_major_) return ptr[rbx + column * lane_bytes_];
    return ptr[panel(column / 2) + (step * 2 + column % 2) * b_bytes_];
  }
  static int field(size_t offset) { return static_cast<int>(offset); }

  void emit();
  void prefetch();
  /// The hardware's own prefetching reaches four fifths of the bandwidth that this does. A panel
  /// alone is read further ahead than panels side by side.
  void prefetch_along();

  bool widens() const {
    return prefetch_ == Prefetch::widen_f16 || prefetch_ == Prefetch::widen_bf16;
  }
  // Rows leave these.
  const Reg& widened() const { return row(kMaxKernelRows - 3); }
  const Reg& widened_stride() const { return row(kMaxKernelRows - 4); }

  /// Widens a vector of each panel of a later call, until all are. The multipliers wait for their
  /// sums; what this takes of them is less than a hundredth.
  void widen_panels();

  /// Brings the panels of a later call into the second-level cache; stays at the end when there.
  void prefetch_panels();

  /// What the tile's end adds, which comes from far away where tensors are large: a short tile
  /// would wait for it. Overwrites rdi and rbp; rax holds the arguments.
  void prefetch_residual();

  /// k1 (AVX-512) selects the valid columns of the last vector.
  void set_mask();

  /// The ends of the k loop and of what is prefetched.
  void set_ends();

  void begin_tile();
  void load_rows();

  Xbyak::Xmm low(int index) const {
    // EVEX is needed beyond register 15; a 128-bit operation clears the whole register.
    return Xbyak::Xmm(index);
  }

  void load_b(const Xbyak::Xmm& target, int column, int step);

  /// sum += a · b, of one k.
  void multiply_add(const Xbyak::Xmm& sum, const Xbyak::Xmm& a, const Xbyak::Operand& b);

  void set_ones();

  /// One k: keeps what is fewer, the rows or the vectors, in registers.
  void multiply(int step);

  /// Two steps of k, A and B of both in registers; 16-bit ones from memory leave room for them.
  void multiply_fours(int step);

  /// What the vectors of the panel hold beside its steps of k. The rows' registers are free yet.
  void multiply_extras();

  bool is_last(int column) const { return column + 1 == vectors_; }

  /// Loads a column's vector; the last one only as far as it is valid. `temp` is overwritten.
  void load_column(const Xbyak::Xmm& target, const Xbyak::Address& from, int column,
                   const Reg& temp, const Reg& args);

  /// AVX2: the mask of the last vector, a window into ones followed by zeros. Overwrites rbp.
  void load_mask(const Xbyak::Ymm& target, const Reg& temp, const Reg& args);

  /// The epilogue: rax C, rcx its stride, rdx residual, rsi its stride, rdi arguments.
  void finish_tile();
  void finish(bool partial);
  /// Sums of integers become bytes, all registers but rdi and rcx being free.
  void finish_as_bytes();
  void round_sums();
  void add_other(const Xbyak::Xmm& v, int column, const Reg& other, const Reg& terms,
                 bool other_first);
  void store_bytes_of_words();

  /// Whole vectors, or the last one only as far as it is valid.
  void store(bool partial);

  /// Adds a matrix to the accumulators; `from` ends at the row below the tile.
  void add_matrix(const Reg& from, const Reg& stride, bool partial);

  Xbyak::Label words_of_one_;  // fours: a vector of 16-bit ones behind the code
  const bool wide_;
  const Multiply multiply_;
  const int rows_;
  const int vectors_;
  const bool pointers_;
  const bool row_major_;
  const Prefetch prefetch_;
  const Stored stored_;
  const int lane_bytes_;
  const int b_bytes_;  // of a vector of B as it is stored
};

}  // namespace drawbar::cpu

#endif
