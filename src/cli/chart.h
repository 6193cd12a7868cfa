#pragma once

#include <string>
#include <vector>

namespace drawbar::cli {

/// An axis of a chart, from one tick to another, in pixels.
struct Axis {
  double low = 1, high = 10;   // the ticks at its ends
  double first = 0, last = 1;  // where these are
  double step = 0;             // between ticks; 0: powers of ten

  /// Logarithmic, from the power of ten at or below `least` (> 0) to the one at or above `most`.
  static Axis decades(double least, double most, double first, double last);
  /// Some five ticks at multiples of 1, 2 or 5 times a power of ten; `least` < `most`.
  static Axis linear(double least, double most, double first, double last);

  double pixels_per_decade() const;  // of a logarithmic one
  double at(double value) const;
  std::vector<double> ticks() const;
};

/// A line for each tick with its number.
std::string grid(const Axis& x, const Axis& y);

/// What the axes count, below and beside them.
std::string axis_names(const Axis& x, const Axis& y, const std::string& below,
                       const std::string& beside);

}  // namespace drawbar::cli
