// Generates the microkernel of matrix products with Xbyak. Register use:
//   vectors   rows × vectors accumulators, then what holds B and the broadcast elements of A
//   12 GPRs   the address of each row of A          rbx   B, further panels in unused row registers
//   rbp       offset into the rows (k)              rdi   what to prefetch
// The arguments' address and the ends of the k loop are in the stack frame.
#include "targets/cpu/gemm/microkernel.h"

#if defined(__x86_64__)

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>
#include <xbyak/xbyak.h>

namespace drawbar::cpu {
namespace {

constexpr size_t kCodeBytes = 24 << 10;
struct alignas(64) Constants {
  std::array<float, 16> sixth, half, one, zero;
  std::array<int32_t, 16> mask;  // lanes() ones, then as many zeros
};

const Constants& constants() {
  static const Constants values = [] {
    Constants c{};
    c.sixth.fill(1.0f / 6.0f);
    c.half.fill(0.5f);
    c.one.fill(1.0f);
    for (size_t i = 0; i < 8; ++i) c.mask[i] = -1;
    return c;
  }();
  return values;
}

class Generator : public Xbyak::CodeGenerator {
 public:
  explicit Generator(const KernelShape& shape)
      : CodeGenerator(kCodeBytes, Xbyak::DontSetProtectRWE),
        wide_(shape.isa >= Isa::avx512),
        multiply_(shape.multiply),
        rows_(shape.rows),
        vectors_(shape.vectors),
        pointers_(shape.row_source == RowSource::pointers),
        row_major_(shape.column_source == ColumnSource::row_major),
        prefetch_(shape.prefetch),
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

  void emit() {
    for (const Reg* saved : {&rbx, &rbp, &r12, &r13, &r14, &r15}) push(*saved);
    sub(rsp, kFrame);
    mov(ptr[rsp + kArgs], rdi);
    set_mask();
    set_ends();
    Xbyak::Label next_tile, next_tap, k_loop, k_rest, k_end;
    L(next_tile);
    begin_tile();
    if (adds_in_16_bits(multiply_)) multiply_extras();
    if (pointers_) L(next_tap);
    load_rows();
    if (!row_major_) {
      cmp(rbp, ptr[rsp + kMainEnd]);
      jge(k_rest, T_NEAR);
      align(32);
      L(k_loop);
      for (int step = 0; step < kUnroll; ++step) {
        if (multiply_ != Multiply::fours) {
          multiply(step);
        } else if (step % 2 == 0) {
          multiply_fours(step);
        }
      }
      prefetch();
      add(rbp, 4 * kUnroll);
      for (int i = 0; i < panels(); ++i) add(panel(i), kUnroll * 2 * b_bytes_);
      cmp(rbp, ptr[rsp + kMainEnd]);
      jl(k_loop, T_NEAR);
    }
    L(k_rest);
    cmp(rbp, ptr[rsp + kEnd]);
    jge(k_end, T_NEAR);
    align(16);
    Xbyak::Label k_single;
    L(k_single);
    multiply(0);
    add(rbp, 4);
    if (row_major_) {
      add(rbx, ptr[rsp + kStep]);
    } else {
      for (int i = 0; i < panels(); ++i) add(panel(i), 2 * b_bytes_);
    }
    cmp(rbp, ptr[rsp + kEnd]);
    jl(k_single, T_NEAR);
    L(k_end);
    if (pointers_) {
      mov(rax, ptr[rsp + kArgs]);
      mov(rcx, ptr[rax + field(offsetof(KernelArgs, list_stride))]);
      add(ptr[rax + field(offsetof(KernelArgs, list))], rcx);
      dec(qword[rax + field(offsetof(KernelArgs, taps_left))]);
      jnz(next_tap, T_NEAR);
    }
    finish_tile();
    dec(qword[rdi + field(offsetof(KernelArgs, tiles))]);
    jnz(next_tile, T_NEAR);
    vzeroupper();
    add(rsp, kFrame);
    for (const Reg* saved : {&r15, &r14, &r13, &r12, &rbp, &rbx}) pop(*saved);
    ret();
  }

  void prefetch() {
    if (prefetch_ == Prefetch::along) return prefetch_along();
    if (widens()) return widen_panels();
    prefetch_panels();
    if (prefetch_ == Prefetch::next_panels) return;
    for (int i = 1; i < 3; ++i) prefetch_panels();
  }

  /// The hardware's own prefetching reaches four fifths of the bandwidth that this does. A panel
  /// alone is read further ahead than panels side by side.
  void prefetch_along() {
    const int ahead = panels() > 1 ? 1024 : 2048;
    for (int i = 0; i < panels(); ++i) {
      for (int line = 0; line < kUnroll * 2 * b_bytes_; line += 64)
        prefetcht0(ptr[panel(i) + ahead + line]);
    }
  }

  bool widens() const {
    return prefetch_ == Prefetch::widen_f16 || prefetch_ == Prefetch::widen_bf16;
  }
  // Rows leave these.
  const Reg& widened() const { return row(kMaxKernelRows - 3); }
  const Reg& widened_stride() const { return row(kMaxKernelRows - 4); }

  /// Widens a vector of each panel of a later call, until all are. The multipliers wait for their
  /// sums; what this takes of them is less than a hundredth.
  void widen_panels() {
    Xbyak::Label done;
    const Xbyak::Xmm numbers = vector(registers() - 1);  // held an element of A
    cmp(rdi, ptr[rsp + kPrefetchEnd]);
    jae(done);
    for (int i = 0; i < std::min(panels(), 2); ++i) {
      const Xbyak::RegExp from = i == 0 ? Xbyak::RegExp(rdi) : rdi + prefetch_stride();
      prefetcht1(ptr[from + 1024]);
      if (prefetch_ == Prefetch::widen_f16) {
        vcvtph2ps(numbers, ptr[from]);
      } else {
        vpmovzxwd(numbers, ptr[from]);
        vpslld(numbers, numbers, 16);
      }
      vmovups(i == 0 ? ptr[widened()] : ptr[widened() + widened_stride()], numbers);
    }
    add(rdi, lane_bytes_ / 2);
    add(widened(), lane_bytes_);
    L(done);
  }

  /// Brings the panels of a later call into the second-level cache; stays at the end when there.
  void prefetch_panels() {
    prefetcht1(ptr[rdi]);
    if (panels() >= 2) prefetcht1(ptr[rdi + prefetch_stride()]);
    add(rdi, 64);
    cmp(rdi, ptr[rsp + kPrefetchEnd]);
    cmova(rdi, ptr[rsp + kPrefetchEnd]);
  }

  /// What the tile's end adds, which comes from far away where tensors are large: a short tile
  /// would wait for it. Overwrites rdi and rbp; rax holds the arguments.
  void prefetch_residual() {
    Xbyak::Label none;
    mov(rdi, ptr[rax + field(offsetof(KernelArgs, residual))]);
    test(rdi, rdi);
    jz(none, T_NEAR);
    mov(rbp, ptr[rax + field(offsetof(KernelArgs, residual_stride))]);
    for (int i = 0; i < rows_; ++i) {
      for (int line = 0; line < vectors_ * lane_bytes_; line += 64) prefetcht0(ptr[rdi + line]);
      if (i + 1 < rows_) add(rdi, rbp);
    }
    L(none);
  }

  /// k1 (AVX-512) selects the valid columns of the last vector.
  void set_mask() {
    if (!wide_) return;
    mov(rcx, ptr[rdi + field(offsetof(KernelArgs, last_columns))]);
    mov(eax, 1);
    shl(eax, cl);
    dec(eax);
    kmovw(k1, eax);
  }

  /// The ends of the k loop and of what is prefetched.
  void set_ends() {
    mov(rcx, ptr[rdi + field(offsetof(KernelArgs, k_begin))]);
    mov(rdx, ptr[rdi + field(offsetof(KernelArgs, k_end))]);
    mov(ptr[rsp + kEnd], rdx);
    sub(rdx, rcx);
    and_(rdx, -4 * kUnroll);
    add(rdx, rcx);
    mov(ptr[rsp + kMainEnd], rdx);
    mov(rcx, ptr[rdi + field(offsetof(KernelArgs, prefetch_end))]);
    mov(ptr[rsp + kPrefetchEnd], rcx);
  }

  void begin_tile() {
    mov(rax, ptr[rsp + kArgs]);
    // Accumulators start at the bias, or at zero.
    Xbyak::Label zero, done;
    if (row_major_ && !wide_) load_mask(Xbyak::Ymm(15), rdx, rax);
    if (!is_of_integers(multiply_)) {
      mov(rcx, ptr[rax + field(offsetof(KernelArgs, bias))]);
      test(rcx, rcx);
      jz(zero, T_NEAR);
      for (int j = 0; j < vectors_; ++j) {
        load_column(accumulator(0, j), ptr[rcx + j * lane_bytes_], j, rdx, rax);
      }
      for (int i = 1; i < rows_; ++i) {
        for (int j = 0; j < vectors_; ++j) vmovaps(accumulator(i, j), accumulator(0, j));
      }
      jmp(done, T_NEAR);
    }
    L(zero);
    for (int i = 0; i < rows_ * vectors_; ++i) vxorps(low(i), low(i), low(i));
    L(done);
    if (multiply_ == Multiply::pairs) set_ones();
    // The addresses of the panels, the rows of the first tap.
    mov(rbx, ptr[rax + field(offsetof(KernelArgs, b))]);
    mov(rcx, ptr[rax + field(offsetof(KernelArgs, b_step))]);
    if (row_major_) {
      mov(ptr[rsp + kStep], rcx);
    } else {
      for (int i = 1; i < panels(); ++i) lea(panel(i), ptr[panel(i - 1) + rcx]);
    }
    if (panels() > 1) mov(prefetch_stride(), ptr[rax + field(offsetof(KernelArgs, prefetch_step))]);
    if (!is_of_integers(multiply_)) prefetch_residual();
    mov(rdi, ptr[rax + field(offsetof(KernelArgs, prefetch))]);
    if (widens()) {
      mov(widened(), ptr[rax + field(offsetof(KernelArgs, widened))]);
      mov(widened_stride(), ptr[rax + field(offsetof(KernelArgs, widened_step))]);
    }
    if (pointers_) {
      mov(rcx, ptr[rax + field(offsetof(KernelArgs, a_list))]);
      mov(ptr[rax + field(offsetof(KernelArgs, list))], rcx);
      mov(rcx, ptr[rax + field(offsetof(KernelArgs, taps))]);
      mov(ptr[rax + field(offsetof(KernelArgs, taps_left))], rcx);
    }
  }

  void load_rows() {
    mov(rbp, ptr[rsp + kArgs]);
    if (pointers_) {
      const Reg& last = row(rows_ - 1);  // holds the list until it is its turn
      mov(last, ptr[rbp + field(offsetof(KernelArgs, list))]);
      mov(rbp, ptr[rbp + field(offsetof(KernelArgs, k_begin))]);
      for (int i = 0; i < rows_; ++i) mov(row(i), ptr[last + i * 8]);
      return;
    }
    mov(row(0), ptr[rbp + field(offsetof(KernelArgs, a))]);
    if (rows_ > 1) {
      mov(ptr[rsp + kSaved], rdi);
      mov(rdi, ptr[rbp + field(offsetof(KernelArgs, a_stride))]);
      for (int i = 1; i < rows_; ++i)
        lea(row(i), i == 1 ? ptr[row(0) + rdi] : ptr[row(i - 2) + rdi * 2]);
      mov(rdi, ptr[rsp + kSaved]);
    }
    mov(rbp, ptr[rbp + field(offsetof(KernelArgs, k_begin))]);
  }

  Xbyak::Xmm low(int index) const {
    // EVEX is needed beyond register 15; a 128-bit operation clears the whole register.
    return Xbyak::Xmm(index);
  }

  void load_b(const Xbyak::Xmm& target, int column, int step) {
    if (multiply_ == Multiply::f16) {
      vcvtph2ps(target, b_at(column, step));
    } else if (multiply_ == Multiply::bf16) {
      vpmovzxwd(target, b_at(column, step));
      vpslld(target, target, 16);
    } else if (!row_major_ || column + 1 < vectors_) {
      vmovups(target, b_at(column, step));
    } else if (wide_) {
      vmovups(target | k1 | T_z, b_at(column, step));
    } else {
      vmaskmovps(target, Xbyak::Ymm(15), b_at(column, step));
    }
  }

  /// sum += a · b, of one k.
  void multiply_add(const Xbyak::Xmm& sum, const Xbyak::Xmm& a, const Xbyak::Operand& b) {
    switch (multiply_) {
      case Multiply::f32:
      case Multiply::f16:
      case Multiply::bf16:
        vfmadd231ps(sum, a, b);
        return;
      case Multiply::dots:
        vpdpbusd(sum, a, b, wide_ ? Xbyak::EvexEncoding : Xbyak::VexEncoding);
        return;
      case Multiply::pairs:
      case Multiply::fours:
        vpmaddubsw(pairs(), a, b);
        if (multiply_ == Multiply::fours) {
          vpmaddwd(pairs(), pairs(), ptr[rip + words_of_one_]);
        } else {
          vpmaddwd(pairs(), pairs(), ones());
        }
        vpaddd(sum, sum, pairs());
        return;
      case Multiply::words:
        vpmaddwd(words(), a, b);
        vpaddd(sum, sum, words());
        return;
    }
  }

  void set_ones() {
    if (wide_) {
      vpternlogd(ones(), ones(), ones(), 0xFF);
    } else {
      vpcmpeqw(Xbyak::Ymm(ones().getIdx()), Xbyak::Ymm(ones().getIdx()), ones());
    }
    vpsrlw(ones(), ones(), 15);
  }

  /// One k: keeps what is fewer, the rows or the vectors, in registers.
  void multiply(int step) {
    const int first = first_free();
    const int spare = free_vectors() - (row_major_ && !wide_ ? 1 : 0);
    const auto a_at = [&](int i) { return ptr[row(i) + rbp + step * 4]; };
    if (rows_ <= vectors_) {
      const int rotating = std::min(spare - rows_, vectors_);
      for (int i = 0; i < rows_; ++i) vbroadcastss(vector(first + i), a_at(i));
      for (int j = 0; j < vectors_; ++j) {
        if (rows_ == 1 && !row_major_ && !is_of_halves(multiply_)) {
          multiply_add(accumulator(0, j), vector(first), b_at(j, step));
          continue;
        }
        const Xbyak::Xmm b = vector(first + rows_ + j % rotating);
        load_b(b, j, step);
        for (int i = 0; i < rows_; ++i) multiply_add(accumulator(i, j), vector(first + i), b);
      }
      return;
    }
    const int rotating = std::min(spare - vectors_, rows_);
    for (int j = 0; j < vectors_; ++j) load_b(vector(first + j), j, step);
    for (int i = 0; i < rows_; ++i) {
      const Xbyak::Xmm a = vector(first + vectors_ + i % rotating);
      vbroadcastss(a, a_at(i));
      for (int j = 0; j < vectors_; ++j) multiply_add(accumulator(i, j), a, vector(first + j));
    }
  }

  /// Two steps of k, A and B of both in registers; 16-bit ones from memory leave room for them.
  void multiply_fours(int step) {
    const int first = first_free();
    const auto b = [&](int j, int which) { return vector(first + which * vectors_ + j); };
    const int next = first + 2 * vectors_;
    const Xbyak::Xmm a0 = vector(next), a1 = vector(next + 1);
    const Xbyak::Xmm s0 = vector(next + 2), s1 = vector(next + 3);
    for (int which = 0; which < 2; ++which) {
      for (int j = 0; j < vectors_; ++j) load_b(b(j, which), j, step + which);
    }
    for (int i = 0; i < rows_; ++i) {
      vbroadcastss(a0, ptr[row(i) + rbp + step * 4]);
      vbroadcastss(a1, ptr[row(i) + rbp + step * 4 + 4]);
      for (int j = 0; j < vectors_; ++j) {
        vpmaddubsw(s0, a0, b(j, 0));
        vpmaddubsw(s1, a1, b(j, 1));
        vpaddw(s0, s0, s1);
        vpmaddwd(s0, s0, ptr[rip + words_of_one_]);
        vpaddd(accumulator(i, j), accumulator(i, j), s0);
      }
    }
  }

  /// What the vectors of the panel hold beside its steps of k. The rows' registers are free yet.
  void multiply_extras() {
    const Xbyak::Xmm b = vector(first_free()), a = vector(first_free() + 1);
    mov(rax, ptr[rsp + kArgs]);
    mov(rcx, ptr[rax + field(offsetof(KernelArgs, extra))]);
    mov(rsi, ptr[rax + field(offsetof(KernelArgs, extra_b))]);
    mov(r8, ptr[rax + field(offsetof(KernelArgs, list))]);
    for (int j = 0; j < vectors_; ++j) {
      Xbyak::Label next, done;
      mov(rdx, ptr[rax + field(offsetof(KernelArgs, extra_ends)) + j * 8]);
      cmp(rcx, rdx);
      jae(done, T_NEAR);
      L(next);
      movsxd(r9, dword[rcx + field(offsetof(ByteExtra, tap))]);
      imul(r9, ptr[rax + field(offsetof(KernelArgs, list_stride))]);
      movsxd(r10, dword[rcx + field(offsetof(ByteExtra, offset))]);
      vmovups(b, ptr[rsi]);
      add(r9, r8);
      for (int i = 0; i < rows_; ++i) {
        mov(r11, ptr[r9 + i * 8]);
        vbroadcastss(a, ptr[r11 + r10]);
        multiply_add(accumulator(i, j), a, b);
      }
      add(rsi, lane_bytes_);
      add(rcx, static_cast<int>(sizeof(ByteExtra)));
      cmp(rcx, rdx);
      jb(next, T_NEAR);
      L(done);
    }
  }

  bool is_last(int column) const { return column + 1 == vectors_; }

  /// Loads a column's vector; the last one only as far as it is valid. `temp` is overwritten.
  void load_column(const Xbyak::Xmm& target, const Xbyak::Address& from, int column,
                   const Reg& temp, const Reg& args) {
    if (!is_last(column)) {
      vmovups(target, from);
    } else if (wide_) {
      vmovups(target | k1 | T_z, from);
    } else {
      load_mask(Xbyak::Ymm(15), temp, args);
      vmaskmovps(target, Xbyak::Ymm(15), from);
    }
  }

  /// AVX2: the mask of the last vector, a window into ones followed by zeros. Overwrites rbp.
  void load_mask(const Xbyak::Ymm& target, const Reg& temp, const Reg& args) {
    mov(temp, ptr[args + field(offsetof(KernelArgs, last_columns))]);
    neg(temp);
    mov(rbp, reinterpret_cast<size_t>(constants().mask.data() + 8));
    vmovups(target, ptr[rbp + temp * 4]);
  }

  // The epilogue: rax C, rcx its stride, rdx residual, rsi its stride, rdi arguments.
  void finish_tile() {
    mov(rdx, ptr[rsp + kArgs]);
    if (!row_major_) mov(ptr[rdx + field(offsetof(KernelArgs, prefetch))], rdi);
    if (widens()) mov(ptr[rdx + field(offsetof(KernelArgs, widened))], widened());
    mov(rdi, rdx);
    mov(rcx, ptr[rdi + field(offsetof(KernelArgs, c_stride))]);
    if (is_of_integers(multiply_)) {
      store(false);
    } else if (wide_) {
      finish(true);
    } else {
      Xbyak::Label partial, done;
      cmp(qword[rdi + field(offsetof(KernelArgs, last_columns))], lane_bytes_ / 4);
      jne(partial, T_NEAR);
      finish(false);
      jmp(done, T_NEAR);
      L(partial);
      load_mask(Xbyak::Ymm(15), rdx, rdi);
      finish(true);
      L(done);
    }
    if (pointers_) {
      add(qword[rdi + field(offsetof(KernelArgs, a_list))], rows_ * 8);
    } else {
      mov(rdx, ptr[rdi + field(offsetof(KernelArgs, a_stride))]);
      imul(rdx, rdx, rows_);
      add(ptr[rdi + field(offsetof(KernelArgs, a))], rdx);
    }
  }

  void finish(bool partial) {
    Xbyak::Label no_accumulate, no_residual, no_clamp, no_leaky, no_hard_swish, stored;
    cmp(qword[rdi + field(offsetof(KernelArgs, accumulate))], 0);
    je(no_accumulate, T_NEAR);
    mov(rax, ptr[rdi + field(offsetof(KernelArgs, c))]);
    add_matrix(rax, rcx, partial);
    L(no_accumulate);

    mov(rdx, ptr[rdi + field(offsetof(KernelArgs, residual))]);
    test(rdx, rdx);
    jz(no_residual, T_NEAR);
    mov(rsi, ptr[rdi + field(offsetof(KernelArgs, residual_stride))]);
    add_matrix(rdx, rsi, partial);
    mov(ptr[rdi + field(offsetof(KernelArgs, residual))], rdx);
    L(no_residual);

    mov(rdx, ptr[rdi + field(offsetof(KernelArgs, activation))]);
    const int temp = first_free();
    const int count = rows_ * vectors_;
    test(rdx, rdx);
    jz(stored, T_NEAR);
    cmp(rdx, static_cast<int>(Activation::clamp));
    jne(no_clamp, T_NEAR);
    vbroadcastss(vector(temp), ptr[rdi + field(offsetof(KernelArgs, alpha))]);
    vbroadcastss(vector(temp + 1), ptr[rdi + field(offsetof(KernelArgs, beta))]);
    for (int i = 0; i < count; ++i) {  // the second operand of max and min keeps a NaN
      vmaxps(vector(i), vector(temp), vector(i));
      vminps(vector(i), vector(temp + 1), vector(i));
    }
    jmp(stored, T_NEAR);
    L(no_clamp);
    cmp(rdx, static_cast<int>(Activation::leaky_relu));
    jne(no_leaky, T_NEAR);
    vbroadcastss(vector(temp), ptr[rdi + field(offsetof(KernelArgs, alpha))]);
    for (int i = 0; i < count; ++i) {
      if (wide_) {
        vpmovd2m(k2, Xbyak::Zmm(i));
        vmulps(vector(i) | k2, vector(i), vector(temp));
      } else {
        vmulps(vector(temp + 1), vector(i), vector(temp));
        vblendvps(Xbyak::Ymm(i), Xbyak::Ymm(i), Xbyak::Ymm(temp + 1), Xbyak::Ymm(i));
      }
    }
    jmp(stored, T_NEAR);
    L(no_leaky);
    mov(rdx, reinterpret_cast<size_t>(&constants()));
    for (int i = 0; i < count; ++i) {
      const Xbyak::Xmm t = vector(temp + (wide_ ? i % 4 : i % 2));
      vmulps(t, vector(i), ptr[rdx + field(offsetof(Constants, sixth))]);
      vaddps(t, t, ptr[rdx + field(offsetof(Constants, half))]);
      vmaxps(t, t, ptr[rdx + field(offsetof(Constants, zero))]);
      vminps(t, t, ptr[rdx + field(offsetof(Constants, one))]);
      vmulps(vector(i), vector(i), t);
    }
    L(stored);
    store(partial);
  }

  /// Whole vectors, or the last one only as far as it is valid.
  void store(bool partial) {
    mov(rax, ptr[rdi + field(offsetof(KernelArgs, c))]);
    for (int i = 0; i < rows_; ++i) {
      for (int j = 0; j < vectors_; ++j) {
        const Xbyak::Address to = ptr[rax + j * lane_bytes_];
        if (!partial || !is_last(j)) {
          vmovups(to, accumulator(i, j));
        } else if (wide_) {
          vmovups(to | k1, accumulator(i, j));
        } else {
          vmaskmovps(to, Xbyak::Ymm(15), Xbyak::Ymm(accumulator(i, j).getIdx()));
        }
      }
      add(rax, rcx);
    }
    mov(ptr[rdi + field(offsetof(KernelArgs, c))], rax);
  }

  /// Adds a matrix to the accumulators; `from` ends at the row below the tile.
  void add_matrix(const Reg& from, const Reg& stride, bool partial) {
    const int temp = first_free();
    for (int i = 0; i < rows_; ++i) {
      for (int j = 0; j < vectors_; ++j) {
        const Xbyak::Address at = ptr[from + j * lane_bytes_];
        if (!partial || !is_last(j)) {
          vaddps(accumulator(i, j), accumulator(i, j), at);
        } else if (wide_) {
          vaddps(accumulator(i, j) | k1, accumulator(i, j), at);
        } else {
          vmaskmovps(Xbyak::Ymm(temp), Xbyak::Ymm(15), at);
          vaddps(accumulator(i, j), accumulator(i, j), vector(temp));
        }
      }
      add(from, stride);
    }
  }

  Xbyak::Label words_of_one_;  // fours: a vector of 16-bit ones behind the code
  const bool wide_;
  const Multiply multiply_;
  const int rows_;
  const int vectors_;
  const bool pointers_;
  const bool row_major_;
  const Prefetch prefetch_;
  const int lane_bytes_;
  const int b_bytes_;  // of a vector of B as it is stored
};

}  // namespace

MicroKernel generate_kernel(const KernelShape& shape) {
  static std::vector<std::unique_ptr<Generator>>* kept =
      new std::vector<std::unique_ptr<Generator>>;  // lives as long as the process
  try {
    kept->push_back(std::make_unique<Generator>(shape));
    return kept->back()->getCode<MicroKernel>();
  } catch (const Xbyak::Error&) {
    return nullptr;
  }
}

}  // namespace drawbar::cpu

#endif
