#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "targets/cpu/gemm/byte_layout.h"
#include "targets/cpu/gemm/byte_pairs.h"

namespace drawbar::cpu {
namespace {

/// The parts of a number, which add up to it and differ by 1 at most, the smallest first.
int64_t part_of(int64_t value, int64_t parts, int64_t part) {
  const int64_t sum = value + part;
  return sum >= 0 ? sum / parts : -((parts - 1 - sum) / parts);
}

int64_t count_extras(const int16_t* b, const PackedBytes& matrix, int64_t run, Multiply multiply) {
  const int64_t width = lanes(matrix.isa);
  int64_t count = 0;
  for (int64_t column = 0; column < matrix.n; column += width)
    count += std::ssize(pair_vector(b, matrix.k, matrix.n, run, column, width, multiply).extra);
  return count;
}

void pack_pairs(const int16_t* b, const PackedBytes& matrix, std::byte* packed) {
  const int64_t width = lanes(matrix.isa), bytes = width * 4;
  const Extras at(matrix);
  auto* begin = reinterpret_cast<int32_t*>(packed + at.begin);
  auto* extra = reinterpret_cast<ByteExtra*>(packed + at.extra);
  std::byte* extra_by = packed + at.by;
  for (int64_t vector = 0; vector < vectors_of(matrix); ++vector) {
    const PairedVector paired = pair_vector(b, matrix.k, matrix.n, matrix.plan.run, vector * width,
                                            width, multiply_of(matrix));
    std::byte* to = packed + vector / 2 * panel_bytes(matrix) + vector % 2 * bytes;
    for (int64_t step = 0; step < depth_of(matrix) / 4; ++step)
      std::memcpy(to + step * 2 * bytes, paired.by.data() + step * bytes,
                  static_cast<size_t>(bytes));
    extra_by = std::copy_n(reinterpret_cast<const std::byte*>(paired.extra_by.data()),
                           paired.extra_by.size(), extra_by);
    extra = std::copy(paired.extra.begin(), paired.extra.end(), extra);
    begin[vector + 1] = begin[vector] + static_cast<int32_t>(paired.extra.size());
  }
}

}  // namespace

int64_t run_bytes(const PackedBytes& b, int64_t taps, bool is_signed) {
  if (b.unit == ByteUnit::tiles) return run_for_tiles(b.k, b.n, taps);
  const int64_t run = b.k / taps;
  return copies_rows(b.unit, is_signed, run) ? b.k : run;
}

BytePlan plan_bytes(const int16_t* b, const PackedBytes& matrix, int64_t taps, bool is_signed) {
  BytePlan plan;
  plan.run = run_bytes(matrix, taps, is_signed);
  if (matrix.unit == ByteUnit::words) return plan;
  if (matrix.unit != ByteUnit::pairs) {
    for (int64_t i = 0; i < matrix.k * matrix.n; ++i) {
      while (part_of(b[i], plan.parts, 0) < -128 || part_of(b[i], plan.parts, plan.parts - 1) > 127)
        ++plan.parts;
    }
    return plan;
  }
  const int64_t of_pairs = count_extras(b, matrix, plan.run, Multiply::pairs),
                of_fours = count_extras(b, matrix, plan.run, Multiply::fours);
  // Measured on Zen 3: a step of fours takes 0.85 of one of pairs, and an extra 0.65.
  plan.fours = 4 * (of_fours - of_pairs) <= steps_of(matrix) ? 1 : 0;
  plan.extras = plan.fours == 1 ? of_fours : of_pairs;
  return plan;
}

bool words_pay(const PackedBytes& matrix) {
  // Measured on Zen 3: words take twice the time of pairs, an extra 0.65 of a step's.
  return matrix.unit == ByteUnit::pairs && 2 * matrix.plan.extras > 3 * steps_of(matrix);
}

int64_t packed_size(const PackedBytes& matrix) {
  if (matrix.unit == ByteUnit::pairs) return Extras(matrix).end;
  return panels_of(matrix) * panel_bytes(matrix);
}

void pack_bytes(const int16_t* b, const PackedBytes& matrix, std::byte* packed) {
  const int64_t width = panel_width(matrix.isa), n = matrix.n;
  const int64_t part_bytes = depth_of(matrix) * width;
  std::memset(packed, 0, static_cast<size_t>(packed_size(matrix)));
  if (matrix.unit == ByteUnit::pairs) return pack_pairs(b, matrix, packed);
  if (matrix.unit == ByteUnit::words) {
    auto* words = reinterpret_cast<int16_t*>(packed);
    for (int64_t i = 0; i < matrix.k; ++i) {
      for (int64_t j = 0; j < n; ++j)
        words[j / width * (depth_of(matrix) / 2 * width) + (i / 2 * width + j % width) * 2 +
              i % 2] = b[i * n + j];
    }
    return;
  }
  const bool tiles = matrix.unit == ByteUnit::tiles;
  const int64_t run = tiles ? matrix.plan.run : matrix.k,
                padded = tiles ? TiledRows(matrix.k, run).run_bytes() : run;
  for (int64_t row = 0; row < matrix.k; ++row) {
    const int64_t i = row / run * padded + row % run;
    for (int64_t j = 0; j < n; ++j) {
      std::byte* to = packed + j / width * panel_bytes(matrix) + i / 4 * width * 4 + j % width * 4;
      for (int64_t part = 0; part < matrix.plan.parts; ++part) {
        to[part * part_bytes + i % 4] =
            static_cast<std::byte>(part_of(b[row * n + j], matrix.plan.parts, part));
      }
    }
  }
}

void check_plan(const PackedBytes& matrix, int64_t taps, bool is_signed) {
  constexpr int64_t kMostExtras = 8;  // of a step: numbers of 9 bits take three for each vector
  const BytePlan& plan = matrix.plan;
  if (plan.parts != 1 || plan.run != run_bytes(matrix, taps, is_signed) || plan.fours < 0 ||
      plan.fours > 1 || plan.extras < 0 || plan.extras > kMostExtras * steps_of(matrix)) {
    fail(ErrorCode::invalid_model, "engine: the plan of packed weights of bytes is damaged");
  }
}

void check_packed(const PackedBytes& matrix) {
  if (matrix.unit != ByteUnit::pairs) return;
  const Extras at(matrix);
  const auto* begin = reinterpret_cast<const int32_t*>(matrix.data + at.begin);
  const auto* extra = reinterpret_cast<const ByteExtra*>(matrix.data + at.extra);
  bool fits = begin[0] == 0 && begin[vectors_of(matrix)] == matrix.plan.extras;
  for (int64_t vector = 0; vector < vectors_of(matrix); ++vector)
    fits = fits && begin[vector] <= begin[vector + 1];
  for (int64_t i = 0; i < matrix.plan.extras && fits; ++i) {
    const auto [tap, offset] = extra[i];
    fits = tap >= 0 && tap < matrix.k / matrix.plan.run && offset >= 0 &&
           offset + 4 <= divide_up(matrix.plan.run, 4) * 4;
  }
  if (!fits) fail(ErrorCode::invalid_model, "engine: packed weights of bytes are damaged");
}

}  // namespace drawbar::cpu
