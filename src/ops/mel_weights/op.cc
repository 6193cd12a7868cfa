#include "ops/mel_weights/op.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "ops/dft/signal_inputs.h"
#include "ops/movement/concrete.h"

namespace drawbar::ops {

DRAWBAR_OP(MelWeightMatrix);

namespace {

constexpr std::string_view names[] = {"num_mel_bins", "dft_length", "sample_rate",
                                      "lower_edge_hertz", "upper_edge_hertz"};

void expect_one_number(const Infer& context, size_t i) {
  expect_signal(context, i, names[i]);
  if (!context.ranked(i)) return;
  const Dim size = context.tensor(i).size();
  if (size.is_constant() && size.value() != 1) {
    fail(ErrorCode::invalid_model, "{} has shape [{}], expected one number", names[i],
         to_string(context.dims(i)));
  }
}

double mel_of(double hertz) { return 2595 * std::log10(1 + hertz / 700); }
double hertz_of(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

/// The bins of the spectrum where filters begin, peak and end: filter i at points i, i + 1, i + 2.
struct Points {
  int64_t filters, length, rate;
  double lower, upper;  // hertz

  int64_t operator[](int64_t i) const {
    const double low = mel_of(lower);
    const double step = (mel_of(upper) - low) / static_cast<double>(filters + 2);
    const double hertz = hertz_of(low + static_cast<double>(i) * step);
    const double bin =
        std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(rate));
    const int64_t last = length / 2 + (i == filters + 1);  // where a filter ends it is 0
    if (bin > static_cast<double>(last)) {
      fail(ErrorCode::invalid_argument,
           "a filter reaches {} hertz, the spectrum ends at half of {} (upper_edge_hertz is {})",
           hertz, rate, upper);
    }
    return static_cast<int64_t>(bin);
  }
};

}  // namespace

void infer(const MelWeightMatrix& op, Infer& context) {
  context.expect_inputs(5, 5);
  for (size_t i = 0; i < 3; ++i) {
    expect_one_integer(context, i, names[i]);
    const std::optional<Dim> value = one_integer(context, i);
    if (value && value->is_constant() && value->value() < 1)
      fail(ErrorCode::invalid_model, "{} is {}, expected at least 1", names[i], value->value());
  }
  for (size_t i = 3; i < 5; ++i) expect_one_number(context, i);
  check_table_type(op.element);
  const Dim whole = std::numeric_limits<int64_t>::max();
  const std::optional<Dim> bins = one_integer(context, 0), length = one_integer(context, 1);
  context.output(0, op.element,
                 {length ? floor_div(*length, 2) + 1 : context.fresh("bins", whole),
                  bins ? *bins : context.fresh("mel_bins", whole)});
}

void reference(const MelWeightMatrix& op, Evaluation& e) {
  const Shape shape = concrete_shape(op, e);
  Tensor& weights = e.output(0, op.element, shape);
  std::memset(weights.raw(), 0, static_cast<size_t>(weights.bytes()));
  const int64_t bins = shape[1];
  const Points points{bins, read_integer(e.input(1), 0), read_integer(e.input(2), 0),
                      read_number(e.input(3), 0), read_number(e.input(4), 0)};
  if (!(points.lower >= 0 && points.lower <= points.upper && std::isfinite(points.upper))) {
    fail(ErrorCode::invalid_argument, "the edges are {} and {} hertz, expected 0 <= lower <= upper",
         points.lower, points.upper);
  }
  for (int64_t i = 0; i < bins; ++i) {
    if (i % 256 == 0) e.checkpoint();
    const int64_t first = points[i], peak = points[i + 1], last = points[i + 2];
    for (int64_t j = first; j < peak; ++j) {
      write_number(weights, j * bins + i,
                   static_cast<double>(j - first) / static_cast<double>(peak - first));
    }
    write_number(weights, peak * bins + i, 1);
    for (int64_t j = peak + 1; j < last; ++j) {
      write_number(weights, j * bins + i,
                   static_cast<double>(last - j) / static_cast<double>(last - peak));
    }
  }
}

}  // namespace drawbar::ops
