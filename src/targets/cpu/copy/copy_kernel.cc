#include "targets/cpu/copy/copy_kernel.h"

#include <algorithm>
#include <cstring>

namespace drawbar::cpu {
namespace {

constexpr int64_t most_dimensions = 32;
constexpr int64_t piece_bytes = 32 << 10;
constexpr int64_t parallel_bytes = 128 << 10;  // below, waking a thread costs more than it brings

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

template <size_t kBytes>
void copy_bytes(std::byte* to, const std::byte* from) {
  std::memcpy(to, from, kBytes);
}

/// Short runs without a call: the last vector overlaps the one before it.
void copy_run(std::byte* to, const std::byte* from, int64_t bytes) {
  if (bytes > 256) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  } else if (bytes >= 16) {
    for (int64_t i = 0; i + 16 < bytes; i += 16) copy_bytes<16>(to + i, from + i);
    copy_bytes<16>(to + bytes - 16, from + bytes - 16);
  } else if (bytes >= 8) {
    copy_bytes<8>(to, from);
    copy_bytes<8>(to + bytes - 8, from + bytes - 8);
  } else if (bytes >= 4) {
    copy_bytes<4>(to, from);
    copy_bytes<4>(to + bytes - 4, from + bytes - 4);
  } else {
    for (int64_t i = 0; i < bytes; ++i) to[i] = from[i];
  }
}

template <class T>
void copy_elements(const std::byte* from, int64_t from_stride, std::byte* to, int64_t to_stride,
                   int64_t count) {
  for (int64_t i = 0; i < count; ++i, from += from_stride, to += to_stride)
    copy_bytes<sizeof(T)>(to, from);
}

template <class T>
void fill_elements(const std::byte* from, std::byte* to, int64_t count) {
  T element;
  std::memcpy(&element, from, sizeof(T));
  for (int64_t i = 0; i < count; ++i)
    std::memcpy(to + i * static_cast<int64_t>(sizeof(T)), &element, sizeof(T));
}

/// Calls f with an unsigned integer of that many bytes.
template <class F>
void with_width(int64_t bytes, F&& f) {
  switch (bytes) {
    case 1:
      return f(uint8_t{});
    case 2:
      return f(uint16_t{});
    case 4:
      return f(uint32_t{});
    default:
      return f(uint64_t{});
  }
}

}  // namespace

PlannedCopy::PlannedCopy(const ops::StridedCopy& copy, int64_t element_bytes)
    : element_bytes_(element_bytes),
      from_offset_(copy.from_offset * element_bytes),
      to_offset_(copy.to_offset * element_bytes) {
  std::vector<Dimension> dims;
  for (size_t k = 0; k < copy.shape.size(); ++k) {
    if (copy.shape[k] == 0) return;
    if (copy.shape[k] == 1) continue;
    dims.push_back(
        {copy.shape[k], copy.from_strides[k] * element_bytes, copy.to_strides[k] * element_bytes});
  }
  if (element_bytes == 16) {
    dims.push_back({2, 8, 8});
    element_bytes_ = 8;
  }
  std::stable_sort(dims.begin(), dims.end(), [](const Dimension& a, const Dimension& b) {
    return a.to_stride > b.to_stride;
  });
  for (const Dimension& d : dims) {
    if (!outer_.empty() && outer_.back().from_stride == d.from_stride * d.size &&
        outer_.back().to_stride == d.to_stride * d.size) {
      outer_.back() = {outer_.back().size * d.size, d.from_stride, d.to_stride};
    } else {
      outer_.push_back(d);
    }
  }
  choose_method();
  rows_ = 1;
  for (const Dimension& d : outer_) rows_ *= d.size;
  choose_pieces();
}

void PlannedCopy::choose_method() {
  // A run of 2, 4 or 8 bytes is one wider element.
  if (!outer_.empty() && outer_.back().from_stride == element_bytes_ &&
      outer_.back().to_stride == element_bytes_) {
    const int64_t bytes = outer_.back().size * element_bytes_;
    const bool wide = (bytes == 2 || bytes == 4 || bytes == 8) && outer_.size() > 1;
    if (wide && std::all_of(outer_.begin(), outer_.end() - 1, [&](const Dimension& d) {
          return d.from_stride % bytes == 0 && d.to_stride % bytes == 0;
        })) {
      element_bytes_ = bytes;
      outer_.pop_back();
    }
  }
  if (outer_.empty()) return;  // one element
  const auto in_elements = [&](const Dimension& d) {
    return Dimension{d.size, d.from_stride / element_bytes_, d.to_stride / element_bytes_};
  };
  inner_ = in_elements(outer_.back());
  outer_.pop_back();
  method_ = Method::strided;
  if (inner_.to_stride != 1) return;
  if (inner_.from_stride == 1) {
    method_ = Method::runs;
  } else if (inner_.from_stride == 0) {
    method_ = Method::fill;
  } else {
    const auto found = std::find_if(outer_.begin(), outer_.end(), [&](const Dimension& d) {
      return d.from_stride == element_bytes_;
    });
    if (found == outer_.end()) return;
    across_ = in_elements(*found);
    outer_.erase(found);
    method_ = Method::transpose;
    if (inner_.size <= 4 && across_.to_stride == inner_.size) {
      method_ = Method::interleave;
    } else if (across_.size <= 4 && inner_.from_stride == across_.size) {
      method_ = Method::deinterleave;
    }
  }
}

void PlannedCopy::choose_pieces() {
  const int64_t row_bytes = inner_.size * across_.size * element_bytes_;
  if (method_ == Method::transpose) {
    // Both sides of a block fit the second-level cache; long lines are written, short ones read.
    const int64_t lines = 1024 / element_bytes_, width = 128 / element_bytes_;
    across_chunk_size_ = std::min(across_.size, width);
    chunk_size_ = std::min(inner_.size, std::max(lines, lines * width / across_chunk_size_));
    across_chunk_size_ = std::min(across_.size, std::max(width, lines * width / chunk_size_));
    chunks_ = ceil_div(inner_.size, chunk_size_) * ceil_div(across_.size, across_chunk_size_);
    transpose_ = transpose_loop(element_bytes_);
  } else {
    const int64_t length = method_ == Method::interleave ? across_.size : inner_.size;
    chunk_size_ = length;
    if (row_bytes > 2 * piece_bytes)
      chunk_size_ = std::max<int64_t>(1, piece_bytes / (row_bytes / length));
    chunks_ = ceil_div(length, chunk_size_);
    if (method_ == Method::interleave) interleave_ = interleave_loop(element_bytes_);
    if (method_ == Method::deinterleave) deinterleave_ = deinterleave_loop(element_bytes_);
  }
  if (chunks_ == 1) rows_per_group_ = std::max<int64_t>(1, piece_bytes / row_bytes);
  groups_ = ceil_div(rows_, rows_per_group_);
}

std::string_view PlannedCopy::method() const {
  constexpr std::string_view names[] = {"runs",       "fill",         "transpose",
                                        "interleave", "deinterleave", "strided"};
  return names[static_cast<size_t>(method_)];
}

void PlannedCopy::run(const void* from, void* to, int64_t first_piece, int64_t last_piece) const {
  const auto* source = static_cast<const std::byte*>(from) + from_offset_;
  auto* target = static_cast<std::byte*>(to) + to_offset_;
  if (chunks_ == 1) {
    const int64_t first = first_piece * rows_per_group_;
    run_rows(source, target, first, std::min(last_piece * rows_per_group_, rows_) - first, 0);
    return;
  }
  for (int64_t piece = first_piece; piece < last_piece; ++piece)
    run_rows(source, target, piece / chunks_, 1, piece % chunks_);
}

void PlannedCopy::copy_runs(const void* from, void* to, int64_t first, int64_t count) const {
  run_rows(static_cast<const std::byte*>(from) + from_offset_,
           static_cast<std::byte*>(to) + to_offset_, first, count, 0);
}

void PlannedCopy::run_rows(const std::byte* from, std::byte* to, int64_t first, int64_t count,
                           int64_t chunk) const {
  if (outer_.empty()) return run_line(from, to, 1, chunk);
  std::array<int64_t, most_dimensions + 1> index;
  const size_t last = outer_.size() - 1;
  for (size_t k = outer_.size(); k-- > 0;) {
    index[k] = first % outer_[k].size;
    first /= outer_[k].size;
    from += index[k] * outer_[k].from_stride;
    to += index[k] * outer_[k].to_stride;
  }
  while (count > 0) {
    const int64_t rows = std::min(count, outer_[last].size - index[last]);
    run_line(from, to, rows, chunk);
    count -= rows;
    index[last] += rows;
    from += rows * outer_[last].from_stride;
    to += rows * outer_[last].to_stride;
    for (size_t k = last; k > 0 && index[k] == outer_[k].size; --k) {
      from += outer_[k - 1].from_stride - outer_[k].size * outer_[k].from_stride;
      to += outer_[k - 1].to_stride - outer_[k].size * outer_[k].to_stride;
      index[k] = 0;
      ++index[k - 1];
    }
  }
}

/// `rows` neighbours of the innermost outer dimension, each cut to its chunk.
void PlannedCopy::run_line(const std::byte* from, std::byte* to, int64_t rows,
                           int64_t chunk) const {
  const int64_t from_step = outer_.empty() ? 0 : outer_.back().from_stride;
  const int64_t to_step = outer_.empty() ? 0 : outer_.back().to_stride;
  const auto each_row = [&](auto&& body) {
    for (int64_t row = 0; row < rows; ++row, from += from_step, to += to_step) body(from, to);
  };
  if (method_ == Method::transpose) {
    const int64_t per_row = ceil_div(inner_.size, chunk_size_);
    const int64_t i = chunk % per_row * chunk_size_, j = chunk / per_row * across_chunk_size_;
    const int64_t height = std::min(chunk_size_, inner_.size - i);
    const int64_t width = std::min(across_chunk_size_, across_.size - j);
    from += (i * inner_.from_stride + j) * element_bytes_;
    to += (j * across_.to_stride + i) * element_bytes_;
    return each_row([&](const std::byte* source, std::byte* target) {
      transpose_(source, inner_.from_stride, target, across_.to_stride, height, width);
    });
  }
  const int64_t length = method_ == Method::interleave ? across_.size : inner_.size;
  const int64_t begin = chunk * chunk_size_, count = std::min(chunk_size_, length - begin);
  if (method_ == Method::interleave) {
    from += begin * element_bytes_;
    to += begin * inner_.size * element_bytes_;
    return each_row([&](const std::byte* source, std::byte* target) {
      interleave_(source, inner_.from_stride, target, inner_.size, count);
    });
  }
  from += begin * inner_.from_stride * element_bytes_;
  to += begin * inner_.to_stride * element_bytes_;
  if (method_ == Method::deinterleave) {
    return each_row([&](const std::byte* source, std::byte* target) {
      deinterleave_(source, target, across_.to_stride, across_.size, count);
    });
  }
  if (method_ == Method::runs) {
    const int64_t bytes = count * element_bytes_;
    return each_row(
        [&](const std::byte* source, std::byte* target) { copy_run(target, source, bytes); });
  }
  with_width(element_bytes_, [&](auto zero) {
    using T = decltype(zero);
    each_row([&](const std::byte* source, std::byte* target) {
      if (method_ == Method::fill) {
        fill_elements<T>(source, target, count);
      } else {
        copy_elements<T>(source, inner_.from_stride * element_bytes_, target,
                         inner_.to_stride * element_bytes_, count);
      }
    });
  });
}

void CopyKernel::add(const ops::StridedCopy& copy, ElementType type, size_t input, size_t output) {
  const int64_t element_bytes = bits(type) / 8;
  PlannedCopy planned(copy, element_bytes);
  if (planned.pieces() == 0) return;
  const int64_t before = parts_.empty() ? 0 : parts_.back().end, runs = planned.short_runs();
  side_by_side_ =
      side_by_side_ && runs > 1 && (parts_.empty() || parts_.back().copy.short_runs() == runs);
  bytes_ += copy.size() * element_bytes;
  parts_.push_back({std::move(planned), static_cast<int>(input), output, before, {}});
  parts_.back().end += parts_.back().copy.pieces();
}

void CopyKernel::add_fill(const ops::StridedCopy& copy, ElementType type, const void* element,
                          size_t output) {
  const size_t before = parts_.size();
  add(copy, type, 0, output);
  if (parts_.size() == before) return;
  parts_.back().input = -1;
  std::memcpy(parts_.back().element.data(), element, static_cast<size_t>(bits(type) / 8));
}

const void* CopyKernel::source(const Part& part, const KernelRun& run) const {
  return part.input < 0 ? static_cast<const void*>(part.element.data())
                        : run.inputs[static_cast<size_t>(part.input)];
}

void CopyKernel::run(const KernelRun& run) const {
  if (parts_.empty()) return;
  if (side_by_side_ && parts_.size() > 1) return run_side_by_side(run);
  const auto work = [&](int64_t begin, int64_t end, int) {
    int64_t first = 0;
    for (const Part& part : parts_) {
      const int64_t from = std::max(begin, first), to = std::min(end, part.end);
      if (from < to) {
        part.copy.run(source(part, run), run.outputs[part.output], from - first, to - first);
      }
      first = part.end;
    }
  };
  const int64_t pieces = parts_.back().end;
  if (bytes_ < parallel_bytes || run.pool.threads() == 1) return work(0, pieces, 0);
  run.pool.parallel_for(pieces, std::max<int64_t>(1, pieces / (run.pool.threads() * 8)), work);
}

void CopyKernel::run_side_by_side(const KernelRun& run) const {
  const int64_t runs = parts_[0].copy.short_runs();
  const int64_t step = std::max<int64_t>(1, piece_bytes / (bytes_ / runs));
  const auto work = [&](int64_t begin, int64_t end, int) {
    for (int64_t first = begin; first < end; first += step) {
      for (const Part& part : parts_) {
        part.copy.copy_runs(source(part, run), run.outputs[part.output], first,
                            std::min(step, end - first));
      }
    }
  };
  if (bytes_ < parallel_bytes || run.pool.threads() == 1) return work(0, runs, 0);
  run.pool.parallel_for(runs, std::max(step, runs / (run.pool.threads() * 8)), work);
}

bool is_copyable(ElementType type) { return type != ElementType::string && bits(type) >= 8; }

double copy_seconds(int64_t bytes, int64_t copies) {
  return 2e-7 * static_cast<double>(copies) + static_cast<double>(bytes) / 10e9;
}

bool all_copyable(std::span<const Operand> inputs, const Operand& output) {
  return is_copyable(output.type) && output.rank() <= most_dimensions &&
         std::all_of(inputs.begin(), inputs.end(), [&](const Operand& input) {
           return !input.present || (input.type == output.type && input.rank() <= most_dimensions);
         });
}

}  // namespace drawbar::cpu
