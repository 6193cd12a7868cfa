#include "targets/cpu/gemm/microkernel_x64.h"

#if defined(__x86_64__)

namespace drawbar::cpu {

void emit_activation(Xbyak::CodeGenerator& code, const ActivationCode& where) {
  using Xbyak::CodeGenerator;
  Xbyak::Label no_clamp, no_leaky, done;
  const auto vector = [&](int index) -> Xbyak::Xmm {
    if (where.wide) return Xbyak::Zmm(index);
    return Xbyak::Ymm(index);
  };
  const auto field = [&](size_t offset) {
    return Xbyak::util::ptr[where.args + static_cast<int>(offset)];
  };
  const auto constant = [&](size_t offset) {
    return Xbyak::util::ptr[where.scratch + static_cast<int>(offset)];
  };
  const int temp = where.temp;
  code.mov(where.scratch, field(where.activation));
  code.test(where.scratch, where.scratch);
  code.jz(done, CodeGenerator::T_NEAR);
  code.cmp(where.scratch, static_cast<int>(Activation::clamp));
  code.jne(no_clamp, CodeGenerator::T_NEAR);
  code.vbroadcastss(vector(temp), field(where.alpha));
  code.vbroadcastss(vector(temp + 1), field(where.beta));
  for (int i = 0; i < where.count; ++i) {  // the second operand of max and min keeps a NaN
    code.vmaxps(vector(i), vector(temp), vector(i));
    code.vminps(vector(i), vector(temp + 1), vector(i));
  }
  code.jmp(done, CodeGenerator::T_NEAR);
  code.L(no_clamp);
  code.cmp(where.scratch, static_cast<int>(Activation::leaky_relu));
  code.jne(no_leaky, CodeGenerator::T_NEAR);
  code.vbroadcastss(vector(temp), field(where.alpha));
  for (int i = 0; i < where.count; ++i) {
    if (where.wide) {
      code.vpmovd2m(code.k2, Xbyak::Zmm(i));
      code.vmulps(vector(i) | code.k2, vector(i), vector(temp));
    } else {
      code.vmulps(vector(temp + 1), vector(i), vector(temp));
      code.vblendvps(Xbyak::Ymm(i), Xbyak::Ymm(i), Xbyak::Ymm(temp + 1), Xbyak::Ymm(i));
    }
  }
  code.jmp(done, CodeGenerator::T_NEAR);
  code.L(no_leaky);
  code.mov(where.scratch, reinterpret_cast<size_t>(&kernel_constants()));
  for (int i = 0; i < where.count; ++i) {
    const Xbyak::Xmm t = vector(temp + i % (where.wide ? 4 : 2));
    code.vmulps(t, vector(i), constant(offsetof(KernelConstants, sixth)));
    code.vaddps(t, t, constant(offsetof(KernelConstants, half)));
    code.vmaxps(t, t, constant(offsetof(KernelConstants, zero)));
    code.vminps(t, t, constant(offsetof(KernelConstants, one)));
    code.vmulps(vector(i), vector(i), t);
  }
  code.L(done);
}

void MicroKernelGenerator::finish_tile() {
  mov(rdx, ptr[rsp + kArgs]);
  if (!row_major_) mov(ptr[rdx + field(offsetof(KernelArgs, prefetch))], rdi);
  if (widens()) mov(ptr[rdx + field(offsetof(KernelArgs, widened))], widened());
  mov(rdi, rdx);
  mov(rcx, ptr[rdi + field(offsetof(KernelArgs, c_stride))]);
  if (is_of_integers(multiply_)) {
    stored_ == Stored::numbers ? store(false) : finish_as_bytes();
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

void MicroKernelGenerator::finish(bool partial) {
  Xbyak::Label no_accumulate, no_residual;
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

  emit_activation(*this, {.wide = wide_,
                          .count = rows_ * vectors_,
                          .temp = first_free(),
                          .args = rdi,
                          .activation = offsetof(KernelArgs, activation),
                          .alpha = offsetof(KernelArgs, alpha),
                          .beta = offsetof(KernelArgs, beta),
                          .scratch = rdx});
  store(partial);
}

void MicroKernelGenerator::store(bool partial) {
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

void MicroKernelGenerator::add_matrix(const Reg& from, const Reg& stride, bool partial) {
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

/// The sums as i32 of what they round to, bytes without their zero point.
void MicroKernelGenerator::round_sums() {
  const Reg &offset = rsi, &multiplier = rdx, &addend = r8, &other = r10, &other_stride = r11;
  const Reg& terms = r9;
  mov(offset, ptr[rdi + field(offsetof(KernelArgs, offset))]);
  mov(multiplier, ptr[rdi + field(offsetof(KernelArgs, multiplier))]);
  mov(addend, ptr[rdi + field(offsetof(KernelArgs, addend))]);
  const Xbyak::Xmm factor = vector(first_free());
  const bool adds = is_added(stored_);
  if (adds) {
    mov(terms, ptr[rdi + field(offsetof(KernelArgs, added))]);
    mov(other_stride, ptr[rdi + field(offsetof(KernelArgs, residual_stride))]);
    vmovups(vector(first_free() + 2), ptr[terms + field(offsetof(AddedTerms, factor))]);
    vmovups(vector(first_free() + 3), ptr[terms + field(offsetof(AddedTerms, other_factor))]);
  }
  const auto all = [&](bool other_first) {
    for (int j = 0; j < vectors_; ++j) {
      vmovups(factor, ptr[multiplier + j * lane_bytes_]);
      if (adds) mov(other, ptr[rdi + field(offsetof(KernelArgs, residual))]);
      for (int i = 0; i < rows_; ++i) {
        const Xbyak::Xmm sum = accumulator(i, j);
        vpaddd(sum, sum, ptr[offset + j * lane_bytes_]);
        vcvtdq2ps(sum, sum);
        vfmadd213ps(sum, factor, ptr[addend + j * lane_bytes_]);
        if (adds) {
          add_other(sum, j, other, terms, other_first);
          add(other, other_stride);
        }
        vcvtps2dq(sum, sum);
      }
    }
  };
  if (!adds) return all(false);
  Xbyak::Label other_first, done;
  cmp(qword[rdi + field(offsetof(KernelArgs, other_first))], 0);
  jne(other_first, T_NEAR);
  all(false);
  jmp(done, T_NEAR);
  L(other_first);
  all(true);
  L(done);
  mov(ptr[rdi + field(offsetof(KernelArgs, residual))], other);
}

/// What becomes of v and the bytes of a column at `other`, before it is rounded (AddedTerms). Every
/// tile leaves four vectors, whose first and last two round_sums() has filled.
void MicroKernelGenerator::add_other(const Xbyak::Xmm& v, int column, const Reg& other,
                                     const Reg& terms, bool other_first) {
  const auto term = [&](size_t offset) { return ptr[terms + field(offset)]; };
  const Xbyak::Xmm number = vector(first_free() + 1), factor = vector(first_free() + 2),
                   other_factor = vector(first_free() + 3);
  vmaxps(v, v, term(offsetof(AddedTerms, low)));  // not-a-number: the lowest
  vminps(v, v, term(offsetof(AddedTerms, high)));
  const Xbyak::Address bytes = ptr[other + column * lane_bytes_ / 4];
  if (wide_) {
    vrndscaleps(v, v, 0);
    const Xbyak::Zmm all(number.getIdx());
    const Xbyak::Zmm valid = is_last(column) ? all | k1 | T_z : all;
    is_u8(stored_) ? vpmovzxbd(valid, bytes) : vpmovsxbd(valid, bytes);
  } else {
    vroundps(Xbyak::Ymm(v.getIdx()), Xbyak::Ymm(v.getIdx()), 0);
    is_u8(stored_) ? vpmovzxbd(number, bytes) : vpmovsxbd(number, bytes);
  }
  vaddps(v, v, term(offsetof(AddedTerms, between)));
  vcvtdq2ps(number, number);
  if (other_first) {
    vfmadd213ps(v, factor, term(offsetof(AddedTerms, addend)));
    vfmadd231ps(v, number, other_factor);
  } else {
    vfmadd213ps(number, other_factor, term(offsetof(AddedTerms, addend)));
    vfmadd213ps(v, factor, number);
  }
}

void MicroKernelGenerator::finish_as_bytes() {
  round_sums();
  mov(rax, ptr[rdi + field(offsetof(KernelArgs, c))]);
  if (!wide_) {
    store_bytes_of_words();
  } else {
    const Xbyak::Zmm zero(first_free()), none(first_free() + 1);
    vpbroadcastd(zero, ptr[rdi + field(offsetof(KernelArgs, zero))]);
    if (is_u8(stored_)) vpxord(none, none, none);
    for (int i = 0; i < rows_; ++i) {
      for (int j = 0; j < vectors_; ++j) {
        const Xbyak::Zmm sum(accumulator(i, j).getIdx());
        const Xbyak::Address to = ptr[rax + j * lane_bytes_ / 4];
        vpaddd(sum, sum, zero);
        if (is_u8(stored_)) {
          vpmaxsd(sum, sum, none);
          vpmovusdb(is_last(j) ? to | k1 : to, sum);
        } else {
          vpmovsdb(is_last(j) ? to | k1 : to, sum);
        }
      }
      add(rax, rcx);
    }
  }
  mov(ptr[rdi + field(offsetof(KernelArgs, c))], rax);
}

/// AVX2: packs two rows at a time. Packing goes on within halves of vectors.
void MicroKernelGenerator::store_bytes_of_words() {
  const Xbyak::Ymm order(first_free()), zero(first_free() + 1);
  mov(rdx, reinterpret_cast<size_t>(kernel_constants().order.data()));
  vmovups(order, ptr[rdx]);
  vpbroadcastd(zero, ptr[rdi + field(offsetof(KernelArgs, zero))]);
  vpackssdw(zero, zero, zero);
  const auto sums = [&](int i, int j) { return Xbyak::Ymm(accumulator(i, j).getIdx()); };
  const auto pack = [&](const Xbyak::Ymm& a, const Xbyak::Ymm& b) {
    if (is_u8(stored_)) {
      vpackuswb(a, a, b);
    } else {
      vpacksswb(a, a, b);
    }
    vpermd(a, order, a);
  };
  for (int i = 0; i < rows_; i += 2) {
    const bool is_pair = i + 1 < rows_;
    const int below = is_pair ? i + 1 : i;
    const Xbyak::Ymm bytes = sums(i, 0);
    const Xbyak::Xmm low(bytes.getIdx());
    if (vectors_ == 1) {
      vpackssdw(bytes, bytes, sums(below, 0));
      vpaddsw(bytes, bytes, zero);
      pack(bytes, bytes);
      vmovq(ptr[rax], low);
      if (is_pair) vpextrq(ptr[rax + rcx], low, 1);
    } else {
      for (int r = i; r <= below; ++r) {
        vpackssdw(sums(r, 0), sums(r, 0), sums(r, 1));
        vpaddsw(sums(r, 0), sums(r, 0), zero);
      }
      pack(bytes, sums(below, 0));
      vmovups(ptr[rax], low);
      if (is_pair) vextracti128(ptr[rax + rcx], bytes, 1);
    }
    lea(rax, is_pair ? ptr[rax + rcx * 2] : ptr[rax + rcx]);
  }
}

}  // namespace drawbar::cpu

#endif
