#include "ops/conv/kernels/depthwise_run.h"

#include <array>
#include <atomic>
#include <mutex>
#include <utility>

#include "targets/cpu/gemm/microkernel_x64.h"

namespace drawbar::cpu {

#if defined(__x86_64__)
namespace {

/// Register use: sums in the first vectors, behind them a kernel row's weights, then what is read
/// of x. A vector's channels are done before the next ones begin.
class Generator : public Xbyak::CodeGenerator {
 public:
  explicit Generator(const DepthwiseRunShape& shape)
      : CodeGenerator(kBytes, Xbyak::DontSetProtectRWE),
        shape_(shape),
        wide_(shape.isa >= Isa::avx512),
        lane_bytes_(static_cast<int>(lanes(shape.isa)) * 4) {
    emit();
    ready();
    setProtectModeRE();
  }

 private:
  static constexpr size_t kBytes = 12 << 10;
  static constexpr int kNear = 8;  // columns that a row's own address reaches
  using Args = DepthwiseRunArgs;
  using Reg = Xbyak::Reg64;

  // Registers. P is the bytes from pixel to pixel of x, Q of y.
  const Reg &args_ = rdi, &p_ = rax, &p3_ = rcx, &p5_ = rdx, &p7_ = rsi, &w_ = r12, &y_ = r13,
            &q_ = r14, &temp_ = r15, &bias_ = rbp;
  const Reg& row(int index) const {
    const std::array<const Reg*, kMostRunRows> registers = {&r8, &r9, &r10, &r11, &rbx};
    return *registers[static_cast<size_t>(index)];
  }

  Xbyak::Xmm vector(int index) const {
    if (wide_) return Xbyak::Zmm(index);
    return Xbyak::Ymm(index);
  }
  Xbyak::Xmm weight(int kx) const { return vector(shape_.pixels + kx); }
  Xbyak::Xmm from_x(int i) const {
    const int first = shape_.pixels + shape_.width;
    return vector(first + i % (wide_ ? 8 : 15 - first));
  }
  Xbyak::Ymm mask() const { return Xbyak::Ymm(15); }  // AVX2; AVX-512 has k1

  Xbyak::Address field(size_t offset) const { return ptr[args_ + static_cast<int>(offset)]; }
  Xbyak::Address number(size_t offset) const { return qword[args_ + static_cast<int>(offset)]; }

  /// base + n · P, n ≤ kNear.
  Xbyak::RegExp pixels_from(const Reg& base, int n) const {
    switch (n) {
      case 0:
        return Xbyak::RegExp(base);
      case 3:
        return base + p3_;
      case 5:
        return base + p5_;
      case 6:
        return base + p3_ * 2;
      case 7:
        return base + p7_;
      default:
        return base + p_ * n;
    }
  }

  void load(const Xbyak::Xmm& to, const Xbyak::Address& from) {
    if (!shape_.part_of_vector) {
      vmovups(to, from);
    } else if (wide_) {
      vmovups(to | k1 | T_z, from);
    } else {
      vmaskmovps(to, mask(), from);
    }
  }

  /// Calls body(t, address) for the pixels t that lie `step` bytes apart from `at` on, which is
  /// changed.
  template <class Body>
  void for_each_pixel(const Reg& at, const Xbyak::Operand& step, const Body& body) {
    for (int t = 0; t < shape_.pixels; ++t) {
      body(t, ptr[at]);
      if (t + 1 < shape_.pixels) add(at, step);
    }
  }

  void set_mask() {
    if (!shape_.part_of_vector) return;
    mov(rcx, field(offsetof(Args, channels)));
    if (wide_) {
      mov(eax, 1);
      shl(eax, cl);
      dec(eax);
      kmovw(k1, eax);
    } else {
      neg(rcx);
      mov(rax, reinterpret_cast<size_t>(kernel_constants().mask.data() + 8));
      vmovups(mask(), ptr[rax + rcx * 4]);
    }
  }

  void set_pixels() {
    mov(p_, field(offsetof(Args, x_pixel)));
    lea(p3_, ptr[p_ + p_ * 2]);
    lea(p5_, ptr[p_ + p_ * 4]);
    lea(p7_, ptr[p3_ + p_ * 4]);
    mov(q_, field(offsetof(Args, y_pixel)));
  }

  static size_t x_row(int r) { return offsetof(Args, x) + static_cast<size_t>(r) * 8; }

  void begin_run() {
    for (int r = 0; r < shape_.rows; ++r) mov(row(r), field(x_row(r)));
    for (const auto& [from, to] :
         {std::pair{offsetof(Args, vectors), offsetof(Args, vectors_left)},
          std::pair{offsetof(Args, residual), offsetof(Args, residual_at)}}) {
      mov(temp_, field(from));
      mov(field(to), temp_);
    }
    mov(w_, field(offsetof(Args, w)));
    mov(y_, field(offsetof(Args, y)));
    mov(bias_, field(offsetof(Args, bias)));
  }

  void end_run() {
    Xbyak::Label no_residual;
    mov(temp_, field(offsetof(Args, x_step)));
    for (int r = 0; r < shape_.rows; ++r) add(field(x_row(r)), temp_);
    mov(temp_, field(offsetof(Args, y_step)));
    add(field(offsetof(Args, y)), temp_);
    cmp(number(offsetof(Args, residual)), 0);
    je(no_residual);
    mov(temp_, field(offsetof(Args, residual_step)));
    add(field(offsetof(Args, residual)), temp_);
    L(no_residual);
  }

  void begin_sums() {
    Xbyak::Label zero, done;
    test(bias_, bias_);
    jz(zero);
    load(vector(0), ptr[bias_]);
    for (int t = 1; t < shape_.pixels; ++t) vmovaps(vector(t), vector(0));
    add(bias_, lane_bytes_);
    jmp(done);
    L(zero);
    for (int t = 0; t < shape_.pixels; ++t) vxorps(Xbyak::Xmm(t), Xbyak::Xmm(t), Xbyak::Xmm(t));
    L(done);
  }

  void add_row(int r) {
    const int columns = (shape_.pixels - 1) * shape_.stride + shape_.width;
    for (int kx = 0; kx < shape_.width; ++kx)
      vmovups(weight(kx), ptr[w_ + (r * shape_.width + kx) * lane_bytes_]);
    int base = 0;  // the column at `temp_`, where that is in use
    for (int i = shape_.left; i < columns - shape_.right; ++i) {
      if (i > base + kNear) {
        lea(temp_, ptr[(base == 0 ? row(r) : temp_) + p_ * kNear]);
        base += kNear;
      }
      const Xbyak::Xmm x = from_x(i);
      load(x, ptr[pixels_from(base == 0 ? row(r) : temp_, i - base)]);
      for (int kx = 0; kx < shape_.width; ++kx) {
        const int t = (i - kx) / shape_.stride;
        if (i < kx || (i - kx) % shape_.stride != 0 || t >= shape_.pixels) continue;
        vfmadd231ps(vector(t), x, weight(kx));
      }
    }
    add(row(r), lane_bytes_);
  }

  /// What is written next comes from far away where it does not fit the second-level cache.
  void fetch() {
    if (!shape_.fetches) return;
    imul(temp_, q_, shape_.pixels);
    add(temp_, y_);
    for_each_pixel(temp_, q_, [&](int, const Xbyak::Address& at) { prefetchw(at); });
  }

  /// Adds to the sums what lies from `temp_` on.
  void add_pixels(const Xbyak::Operand& step) {
    for_each_pixel(temp_, step, [&](int t, const Xbyak::Address& from) {
      const Xbyak::Xmm rest = from_x(0);
      load(rest, from);
      vaddps(vector(t), vector(t), rest);
    });
  }

  void finish() {
    Xbyak::Label no_accumulate, no_residual;
    cmp(number(offsetof(Args, accumulate)), 0);
    je(no_accumulate, T_NEAR);
    mov(temp_, y_);
    add_pixels(q_);
    L(no_accumulate);
    mov(temp_, field(offsetof(Args, residual_at)));
    test(temp_, temp_);
    jz(no_residual, T_NEAR);
    add_pixels(field(offsetof(Args, residual_pixel)));
    add(number(offsetof(Args, residual_at)), lane_bytes_);
    L(no_residual);
    emit_activation(*this, {.wide = wide_,
                            .count = shape_.pixels,
                            .temp = shape_.pixels,
                            .args = args_,
                            .activation = offsetof(Args, activation),
                            .alpha = offsetof(Args, alpha),
                            .beta = offsetof(Args, beta),
                            .scratch = temp_});
    mov(temp_, y_);
    for_each_pixel(temp_, q_, [&](int t, const Xbyak::Address& at) {
      if (!shape_.part_of_vector) {
        vmovups(at, vector(t));
      } else if (wide_) {
        vmovups(at | k1, vector(t));
      } else {
        vmaskmovps(at, mask(), Xbyak::Ymm(t));
      }
    });
  }

  void emit() {
    for (const Reg* saved : {&rbx, &rbp, &r12, &r13, &r14, &r15}) push(*saved);
    set_mask();
    set_pixels();
    Xbyak::Label next_run, next_vector;
    L(next_run);
    begin_run();
    align(32);
    L(next_vector);
    begin_sums();
    for (int r = 0; r < shape_.rows; ++r) add_row(r);
    fetch();
    finish();
    add(y_, lane_bytes_);
    add(w_, field(offsetof(Args, w_step)));
    dec(number(offsetof(Args, vectors_left)));
    jnz(next_vector, T_NEAR);
    end_run();
    dec(number(offsetof(Args, runs)));
    jnz(next_run, T_NEAR);
    vzeroupper();
    for (const Reg* saved : {&r15, &r14, &r13, &r12, &rbp, &rbx}) pop(*saved);
    ret();
  }

  const DepthwiseRunShape shape_;
  const bool wide_;
  const int lane_bytes_;
};

}  // namespace

DepthwiseRun depthwise_run(const DepthwiseRunShape& shape) {
  if (shape.isa == Isa::baseline) return nullptr;
  struct Slot {
    std::atomic<bool> known{false};
    DepthwiseRun run = nullptr;
  };
  constexpr size_t kOutside = 3;  // none, one or two columns
  static std::array<Slot, 2UL * 2 * 2 * 2 * 2 * kMostRunRows * kMostRunPixels * kOutside * kOutside>
      slots;
  size_t index = shape.isa >= Isa::avx512 ? 1 : 0;
  index = index * 2 + (shape.width == 5 ? 1 : 0);
  index = index * 2 + static_cast<size_t>(shape.stride - 1);
  index = index * 2 + (shape.part_of_vector ? 1 : 0);
  index = index * 2 + (shape.fetches ? 1 : 0);
  index = index * kMostRunRows + static_cast<size_t>(shape.rows - 1);
  index = index * kMostRunPixels + static_cast<size_t>(shape.pixels - 1);
  index = index * kOutside + static_cast<size_t>(shape.left);
  index = index * kOutside + static_cast<size_t>(shape.right);
  Slot& slot = slots[index];
  if (slot.known.load(std::memory_order_acquire)) return slot.run;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (!slot.known.load(std::memory_order_relaxed)) {
    slot.run = keep_generated<Generator, DepthwiseRun>(shape);
    slot.known.store(true, std::memory_order_release);
  }
  return slot.run;
}

#else

DepthwiseRun depthwise_run(const DepthwiseRunShape&) { return nullptr; }

#endif

}  // namespace drawbar::cpu
