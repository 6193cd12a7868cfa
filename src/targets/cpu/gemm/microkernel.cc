#include "targets/cpu/gemm/microkernel.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <mutex>
#include <span>

#include "drawbar/element_type.h"

namespace drawbar::cpu {
namespace {

float activate(float x, const KernelArgs& args) {
  switch (static_cast<Activation>(args.activation)) {
    case Activation::none:
      return x;
    case Activation::clamp:
      x = x < args.alpha ? args.alpha : x;
      return x > args.beta ? args.beta : x;
    case Activation::leaky_relu:
      return x < 0 ? args.alpha * x : x;
    case Activation::hard_swish: {
      const float t = x * (1.0f / 6.0f) + 0.5f;
      return x * (t < 0 ? 0.0f : t > 1 ? 1.0f : t);
    }
  }
  return x;
}

template <class T>
T* advance(T* pointer, int64_t bytes) {
  return reinterpret_cast<T*>(reinterpret_cast<intptr_t>(pointer) + bytes);
}

/// What the generated kernels compute, a vector of columns at a time. B's panels are of `Number`.
template <RowSource row_source, ColumnSource column_source, class Number = float>
void portable_kernel(KernelArgs* args) {
  constexpr int64_t kMaxLanes = 16;
  const int64_t lanes = args->lanes;
  for (; args->tiles > 0; --args->tiles) {
    for (int64_t r = 0; r < args->rows; ++r) {
      for (int64_t j = 0; j < args->vectors; ++j) {
        const int64_t columns = j + 1 == args->vectors ? args->last_columns : lanes;
        const int64_t readable = column_source == ColumnSource::panels ? lanes : columns;
        const int64_t step = column_source == ColumnSource::panels ? 2 * lanes : args->b_step / 4;
        const auto* b = reinterpret_cast<const Number*>(args->b);
        b = column_source == ColumnSource::panels ? advance(b, j / 2 * args->b_step) + j % 2 * lanes
                                                  : b + j * lanes;
        std::array<float, kMaxLanes> sum{};
        for (int64_t t = 0; t < args->taps; ++t) {
          const float* a = row_source == RowSource::pointers
                               ? advance(args->a_list, t * args->list_stride)[r]
                               : advance(args->a, r * args->a_stride);
          for (int64_t k = args->k_begin / 4; k < args->k_end / 4; ++k, b += step) {
            for (int64_t i = 0; i < readable; ++i) {
              sum[static_cast<size_t>(i)] += a[k] * static_cast<float>(b[i]);
            }
          }
        }
        float* c = advance(args->c, r * args->c_stride) + j * lanes;
        for (int64_t i = 0; i < columns; ++i) {
          float x = sum[static_cast<size_t>(i)];
          if (args->bias != nullptr) x += args->bias[j * lanes + i];
          if (args->accumulate != 0) x += c[i];
          if (args->residual != nullptr) {
            x += advance(args->residual, r * args->residual_stride)[j * lanes + i];
          }
          c[i] = activate(x, *args);
        }
      }
    }
    args->c = advance(args->c, args->rows * args->c_stride);
    if (args->residual != nullptr) {
      args->residual = advance(args->residual, args->rows * args->residual_stride);
    }
    if (row_source == RowSource::pointers) {
      args->a_list += args->rows;
    } else {
      args->a = advance(args->a, args->rows * args->a_stride);
    }
  }
}

/// Finishes the sums of some columns of row r of a tile as bytes.
void store_bytes(const KernelArgs& args, Stored stored, std::span<const int32_t> sums, int64_t r,
                 int64_t column, std::byte* to) {
  const float low = is_u8(stored) ? 0 : -128, high = low + 255;
  for (size_t i = 0; i < sums.size(); ++i) {
    const size_t j = static_cast<size_t>(column) + i;
    float value =
        std::fma(static_cast<float>(sums[i] + args.offset[j]), args.multiplier[j], args.addend[j]);
    if (is_added(stored)) {
      const AddedTerms& t = *args.added;
      const float q = std::nearbyint(std::clamp(value, t.low[0], t.high[0])) + t.between[0];
      const auto byte =
          *(reinterpret_cast<const uint8_t*>(advance(args.residual, r * args.residual_stride)) + j);
      const auto other = static_cast<float>(is_u8(stored) ? byte : static_cast<int8_t>(byte));
      value = args.other_first != 0
                  ? std::fma(other, t.other_factor[0], std::fma(q, t.factor[0], t.addend[0]))
                  : std::fma(q, t.factor[0], std::fma(other, t.other_factor[0], t.addend[0]));
    }
    const float byte = std::nearbyint(value) + static_cast<float>(args.zero);
    to[i] = static_cast<std::byte>(static_cast<int>(std::clamp(byte, low, high)));
  }
}

/// The same of integers, from panels: `A` and `B` are what lies in four bytes.
template <RowSource row_source, class A, class B, Stored stored>
void portable_integer_kernel(KernelArgs* args) {
  constexpr int64_t kCount = 4 / sizeof(A);
  const int64_t lanes = args->lanes;
  for (; args->tiles > 0; --args->tiles) {
    for (int64_t r = 0; r < args->rows; ++r) {
      for (int64_t j = 0; j < args->vectors; ++j) {
        const auto* b =
            reinterpret_cast<const B*>(advance(args->b, j / 2 * args->b_step) + j % 2 * lanes);
        std::array<int32_t, 16> sum{};
        const auto row_of = [&](int64_t tap) {
          return row_source == RowSource::pointers
                     ? advance(args->a_list, tap * args->list_stride)[r]
                     : advance(args->a, r * args->a_stride);
        };
        const auto multiply = [&](const float* a, const B* by) {
          for (int64_t i = 0; i < kCount * lanes; ++i)
            sum[static_cast<size_t>(i / kCount)] +=
                int32_t{reinterpret_cast<const A*>(a)[i % kCount]} * by[i];
        };
        for (int64_t t = 0; t < args->taps; ++t) {
          const float* a = row_of(t);
          for (int64_t k = args->k_begin; k < args->k_end; k += 4, b += 2 * kCount * lanes)
            multiply(advance(a, k), b);
        }
        for (const ByteExtra* e = j == 0 ? args->extra : args->extra_ends[0];
             j < 2 && e != args->extra_ends[j]; ++e) {
          const auto* by = reinterpret_cast<const B*>(args->extra_b);
          multiply(advance(row_of(e->tap), e->offset), by + (e - args->extra) * kCount * lanes);
        }
        float* c = advance(args->c, r * args->c_stride);
        if constexpr (stored == Stored::numbers) {
          std::memcpy(c + j * lanes, sum.data(), static_cast<size_t>(lanes) * 4);
        } else {
          const int64_t columns = j + 1 == args->vectors ? args->last_columns : lanes;
          store_bytes(*args, stored, std::span(sum).first(static_cast<size_t>(columns)), r,
                      j * lanes, reinterpret_cast<std::byte*>(c) + j * lanes);
        }
      }
    }
    args->c = advance(args->c, args->rows * args->c_stride);
    if (is_added(stored))
      args->residual = advance(args->residual, args->rows * args->residual_stride);
    if (row_source == RowSource::pointers) {
      args->a_list += args->rows;
    } else {
      args->a = advance(args->a, args->rows * args->a_stride);
    }
  }
}

template <Stored stored>
MicroKernel portable_of_integers(const KernelShape& shape) {
  if (shape.multiply != Multiply::words)
    return portable_integer_kernel<RowSource::pointers, uint8_t, int8_t, stored>;
  return shape.row_source == RowSource::strided
             ? portable_integer_kernel<RowSource::strided, int16_t, int16_t, stored>
             : portable_integer_kernel<RowSource::pointers, int16_t, int16_t, stored>;
}

MicroKernel portable(const KernelShape& shape) {
  const ColumnSource column_source = shape.column_source;
  if (is_of_halves(shape.multiply)) {
    const bool strided = shape.row_source == RowSource::strided;
    if (shape.multiply == Multiply::f16) {
      return strided ? portable_kernel<RowSource::strided, ColumnSource::panels, Float16>
                     : portable_kernel<RowSource::pointers, ColumnSource::panels, Float16>;
    }
    return strided ? portable_kernel<RowSource::strided, ColumnSource::panels, BFloat16>
                   : portable_kernel<RowSource::pointers, ColumnSource::panels, BFloat16>;
  }
  if (is_of_integers(shape.multiply)) {
    switch (shape.stored) {
      case Stored::numbers:
        return portable_of_integers<Stored::numbers>(shape);
      case Stored::u8:
        return portable_of_integers<Stored::u8>(shape);
      case Stored::i8:
        return portable_of_integers<Stored::i8>(shape);
      case Stored::u8_added:
        return portable_of_integers<Stored::u8_added>(shape);
      case Stored::i8_added:
        return portable_of_integers<Stored::i8_added>(shape);
    }
  }
  if (shape.row_source == RowSource::strided) {
    return column_source == ColumnSource::panels
               ? portable_kernel<RowSource::strided, ColumnSource::panels>
               : portable_kernel<RowSource::strided, ColumnSource::row_major>;
  }
  return column_source == ColumnSource::panels
             ? portable_kernel<RowSource::pointers, ColumnSource::panels>
             : portable_kernel<RowSource::pointers, ColumnSource::row_major>;
}

}  // namespace

MicroKernel kernel(const KernelShape& shape) {
  if (shape.isa == Isa::baseline) return portable(shape);
  constexpr size_t kTiles = (kMaxKernelRows + 1) * (kMaxKernelVectors + 1);
  constexpr size_t kMultiplies = static_cast<size_t>(Multiply::words) + 1;
  constexpr size_t kPrefetches = static_cast<size_t>(Prefetch::widen_bf16) + 1;
  constexpr size_t kStored = static_cast<size_t>(Stored::i8_added) + 1;
  static std::array<std::atomic<MicroKernel>,
                    2 * kMultiplies * 2 * 2 * kPrefetches * kStored * kTiles>
      known{};
  size_t index = shape.isa >= Isa::avx512 ? 1 : 0;
  index = index * kMultiplies + static_cast<size_t>(shape.multiply);
  index = index * 2 + static_cast<size_t>(shape.row_source);
  index = index * 2 + static_cast<size_t>(shape.column_source);
  index = index * kPrefetches + static_cast<size_t>(shape.prefetch);
  index = index * kStored + static_cast<size_t>(shape.stored);
  index = index * (kMaxKernelRows + 1) + static_cast<size_t>(shape.rows);
  index = index * (kMaxKernelVectors + 1) + static_cast<size_t>(shape.vectors);
  std::atomic<MicroKernel>& slot = known[index];
  MicroKernel found = slot.load(std::memory_order_acquire);
  if (found != nullptr) return found;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  found = slot.load(std::memory_order_relaxed);
  if (found != nullptr) return found;
#if defined(__x86_64__)
  found = generate_kernel(shape);
#endif
  if (found == nullptr) found = portable(shape);
  slot.store(found, std::memory_order_release);
  return found;
}

}  // namespace drawbar::cpu
