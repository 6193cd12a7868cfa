#include "targets/cpu/gemm/microkernel_x64.h"

#if defined(__x86_64__)

namespace drawbar::cpu {

const KernelConstants& kernel_constants() {
  static const KernelConstants values = [] {
    KernelConstants c{};
    c.sixth.fill(1.0f / 6.0f);
    c.half.fill(0.5f);
    c.one.fill(1.0f);
    for (size_t i = 0; i < 8; ++i) c.mask[i] = -1;
    c.order = {0, 4, 1, 5, 2, 6, 3, 7};
    return c;
  }();
  return values;
}

void MicroKernelGenerator::emit() {
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

void MicroKernelGenerator::prefetch() {
  if (prefetch_ == Prefetch::along) return prefetch_along();
  if (widens()) return widen_panels();
  prefetch_panels();
  if (prefetch_ == Prefetch::next_panels) return;
  for (int i = 1; i < 3; ++i) prefetch_panels();
}

void MicroKernelGenerator::prefetch_along() {
  const int ahead = panels() > 1 ? 1024 : 2048;
  for (int i = 0; i < panels(); ++i) {
    for (int line = 0; line < kUnroll * 2 * b_bytes_; line += 64)
      prefetcht0(ptr[panel(i) + ahead + line]);
  }
}

void MicroKernelGenerator::widen_panels() {
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

void MicroKernelGenerator::prefetch_panels() {
  prefetcht1(ptr[rdi]);
  if (panels() >= 2) prefetcht1(ptr[rdi + prefetch_stride()]);
  add(rdi, 64);
  cmp(rdi, ptr[rsp + kPrefetchEnd]);
  cmova(rdi, ptr[rsp + kPrefetchEnd]);
}

void MicroKernelGenerator::prefetch_residual() {
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

void MicroKernelGenerator::set_mask() {
  if (!wide_) return;
  mov(rcx, ptr[rdi + field(offsetof(KernelArgs, last_columns))]);
  mov(eax, 1);
  shl(eax, cl);
  dec(eax);
  kmovw(k1, eax);
}

void MicroKernelGenerator::set_ends() {
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

void MicroKernelGenerator::begin_tile() {
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

void MicroKernelGenerator::load_rows() {
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

void MicroKernelGenerator::load_b(const Xbyak::Xmm& target, int column, int step) {
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

void MicroKernelGenerator::multiply_add(const Xbyak::Xmm& sum, const Xbyak::Xmm& a,
                                        const Xbyak::Operand& b) {
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

void MicroKernelGenerator::set_ones() {
  if (wide_) {
    vpternlogd(ones(), ones(), ones(), 0xFF);
  } else {
    vpcmpeqw(Xbyak::Ymm(ones().getIdx()), Xbyak::Ymm(ones().getIdx()), ones());
  }
  vpsrlw(ones(), ones(), 15);
}

void MicroKernelGenerator::multiply(int step) {
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

void MicroKernelGenerator::multiply_fours(int step) {
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

void MicroKernelGenerator::multiply_extras() {
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

void MicroKernelGenerator::load_column(const Xbyak::Xmm& target, const Xbyak::Address& from,
                                       int column, const Reg& temp, const Reg& args) {
  if (!is_last(column)) {
    vmovups(target, from);
  } else if (wide_) {
    vmovups(target | k1 | T_z, from);
  } else {
    load_mask(Xbyak::Ymm(15), temp, args);
    vmaskmovps(target, Xbyak::Ymm(15), from);
  }
}

void MicroKernelGenerator::load_mask(const Xbyak::Ymm& target, const Reg& temp, const Reg& args) {
  mov(temp, ptr[args + field(offsetof(KernelArgs, last_columns))]);
  neg(temp);
  mov(rbp, reinterpret_cast<size_t>(kernel_constants().mask.data() + 8));
  vmovups(target, ptr[rbp + temp * 4]);
}

MicroKernel generate_kernel(const KernelShape& shape) {
  return keep_generated<MicroKernelGenerator, MicroKernel>(shape);
}

}  // namespace drawbar::cpu

#endif
