// Convolution of bytes in groups of few channels.
#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "ops/conv/kernels/taps.h"
#include "ops/integer_conv/cpu_group_sums.h"
#include "ops/integer_conv/cpu_operands.h"
#include "targets/cpu/gemm/blocking.h"
#include "targets/cpu/gemm/byte_finish.h"

namespace drawbar::cpu {
namespace {

bool are_zero(const Operand& zeros) {
  if (!zeros.present) return true;
  const Tensor& numbers = zeros.constant->tensor();
  for (int64_t i = 0; i < numbers.size(); ++i) {
    if (byte_at(numbers.raw(), numbers.type(), i) != 0) return false;
  }
  return true;
}

bool applies(const Problem& p) {
  if (ByteConvolution::group(p) <= 1) return false;
  const ByteConvolution at(p);
  if (!at.applies(p) || p.inputs[at.w_input].type != ElementType::i8 || !are_zero(at.w_zero(p)))
    return false;
  const int64_t c = p.inputs[ByteOperands::kX].dim(1);
  return p.outputs[0].dim(1) == c && ByteGroups::is_possible(c, ByteConvolution::group(p), p.isa);
}

class SmallGroupsByteConv final : public Kernel {
 public:
  explicit SmallGroupsByteConv(const Problem& p)
      : at_(p),
        shape_(at_.shape(p)),
        isa_(p.isa),
        threads_(p.threads),
        groups_(shape_, p.isa, has_byte_dots(p.isa)) {
    const std::string form = fmt::format("bytes groups {}{} c={} groups={} kernel={}x{}",
                                         cpu::name(isa_), has_byte_dots(isa_) ? " dots" : "",
                                         shape_.c, shape_.groups, shape_.kh, shape_.kw);
    const ConstantPtr& weights = p.inputs[at_.w_input].constant;
    // Kept, as the weights need not be at hand later.
    const auto parts =
        p.packed.get(weights, form + " parts", 1, [&](const Tensor& source, void* packed) {
          *static_cast<std::byte*>(packed) =
              static_cast<std::byte>(groups_.parts_for(source.data<int8_t>()));
        });
    parts_ = static_cast<int64_t>(*parts.get());
    if (parts_ < 1 || parts_ > 2)
      fail(ErrorCode::invalid_model, "engine: the parts of packed weights of groups are damaged");
    packed_ = p.packed.get(
        weights, fmt::format("{} parts={}", form, parts_),
        static_cast<size_t>(sums_at() + shape_.c * 4), [&](const Tensor& source, void* packed) {
          const auto* w = source.data<int8_t>();
          auto* bytes = static_cast<std::byte*>(packed);
          std::fill_n(bytes, sums_at(), std::byte{0});
          groups_.pack(w, parts_, bytes);
          auto* sums = reinterpret_cast<int32_t*>(bytes + sums_at());
          const int64_t of_channel = shape_.c / shape_.groups * shape_.kh * shape_.kw;
          for (int64_t c = 0; c < shape_.c; ++c, w += of_channel)
            sums[c] = std::accumulate(w, w + of_channel, 0);
        });
  }

  size_t scratch_bytes() const override {
    return static_cast<size_t>(workers_at() + threads_ * worker_bytes());
  }
  uint32_t packed_inputs() const override { return 1U << at_.w_input; }

  void run(const KernelRun& run) const override {
    auto* memory = static_cast<std::byte*>(run.scratch);
    const ByteScales scales = at_.scales(run);
    const bool is_signed = at_.x == ElementType::i8;
    const ByteEpilogue epilogue =
        byte_epilogue(scales, reinterpret_cast<const int32_t*>(packed_.get() + sums_at()),
                      is_signed ? 128 : 0, shape_.c, columns(), memory, at_.y);
    std::byte* padding = memory + padding_at();
    std::fill_n(padding, shape_.c, static_cast<std::byte>(scales.x_zero));
    const ByteGroups::Run pixels{run.in<std::byte>(ByteOperands::kX), padding, is_signed, 0, 0, 0};
    const int64_t lines = shape_.n * shape_.oh, vectors = groups_.vectors();
    const int64_t parts = parts_of_lines(lines, vectors, threads_);
    const int64_t part = divide_up(vectors, parts);
    run.pool.parallel_for(lines * parts, 1, [&](int64_t begin, int64_t end, int worker) {
      std::byte* own = memory + workers_at() + worker * worker_bytes();
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t first = unit % parts * part, last = std::min(first + part, vectors);
        ByteGroups::Run line = pixels;
        line.line = unit / parts;
        if (first < last) run_line(line, first, last, epilogue, run.out<void>(0), own);
      }
    });
  }

 private:
  /// The vectors [first, end) of channels of an output line.
  void run_line(ByteGroups::Run run, int64_t first, int64_t end, const ByteEpilogue& epilogue,
                void* y, std::byte* own) const {
    auto* sums = reinterpret_cast<int32_t*>(own);
    auto** list = reinterpret_cast<const std::byte**>(own + list_at());
    const int64_t channel = groups_.channel_of(first),
                  channels = groups_.channel_of(end - 1) + groups_.lanes() - channel;
    for (; run.ox < shape_.ow; run.ox += run.pixels) {
      run.pixels = groups_.pixels_of(shape_.ow - run.ox);
      groups_.sum(run, packed_.get(), parts_, first, end, list, sums, columns());
      finish_bytes(epilogue, sums, columns(), run.line * shape_.ow + run.ox, channel, run.pixels,
                   channels, y, shape_.y_pixel_stride, isa_);
    }
  }

  int64_t sums_at() const { return align_up(groups_.packed_bytes(parts_), 64); }

  // Scratch: the epilogue's numbers, padding, and for each thread sums and pointers.
  int64_t columns() const { return align_up(shape_.c, panel_width(isa_)); }
  int64_t padding_at() const { return align_up(3 * columns() * 4, 64); }
  int64_t workers_at() const { return align_up(padding_at() + shape_.c, 64); }
  static constexpr int64_t kMostPixels = ByteGroups::kMostPixels;
  int64_t list_at() const { return kMostPixels * columns() * 4; }
  int64_t worker_bytes() const { return align_up(list_at() + groups_.list_bytes(), 64); }

  ByteConvolution at_;
  ConvShape shape_;
  Isa isa_;
  int threads_;
  ByteGroups groups_;
  int64_t parts_ = 1;
  PackedConstants::Buffer packed_;  // weights, and behind them the sum of each channel's
};

double seconds(const Problem& p) {
  return ByteConvolution(p).shape(p).multiply_adds() / 120e9 / p.threads + 2e-6;
}

std::unique_ptr<Kernel> make(const Problem& p) { return std::make_unique<SmallGroupsByteConv>(p); }

DRAWBAR_CPU_TACTIC(small_groups_bytes, .op = "QLinearConv", .name = "conv_small_groups_bytes",
                   .applies = applies, .seconds = seconds, .make = make, .writes_slices = true);
DRAWBAR_CPU_TACTIC(small_groups_sums, .op = "ConvInteger", .name = "conv_small_groups_bytes",
                   .applies = applies, .seconds = seconds, .make = make);

}  // namespace
}  // namespace drawbar::cpu
