#include "cli/chart.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "cli/page.h"

namespace drawbar::cli {

Axis Axis::decades(double least, double most, double first, double last) {
  const double low = std::floor(std::log10(least)), high = std::ceil(std::log10(most));
  return {std::pow(10, low), std::pow(10, std::max(high, low + 1)), first, last};
}

Axis Axis::linear(double least, double most, double first, double last) {
  const double power = std::pow(10, std::floor(std::log10((most - least) / 5)));
  const double steps = (most - least) / 5 / power;  // 1 to 10
  const double step = power * (steps > 5 ? 10 : steps > 2 ? 5 : steps > 1 ? 2 : 1);
  return {step * std::floor(least / step), step * std::ceil(most / step), first, last, step};
}

double Axis::pixels_per_decade() const { return (last - first) / std::log10(high / low); }

double Axis::at(double value) const {
  return step > 0 ? first + (value - low) / (high - low) * (last - first)
                  : first + std::log10(value / low) * pixels_per_decade();
}

std::vector<double> Axis::ticks() const {
  std::vector<double> values;
  if (step > 0) {
    const auto count = static_cast<int>(std::lround((high - low) / step));
    for (int i = 0; i <= count; ++i) values.push_back(low + i * step);
  } else {
    for (double value = low; value < high * 1.01; value *= 10) values.push_back(value);
  }
  return values;
}

std::string grid(const Axis& x, const Axis& y) {
  std::string svg;
  for (const double value : x.ticks()) {
    svg += fmt::format(
        "<line class='grid' x1='{0:.1f}' x2='{0:.1f}' y1='{1:.1f}' y2='{2:.1f}'/>"
        "<text class='tick' x='{0:.1f}' y='{3:.1f}' text-anchor='middle'>{4:g}</text>\n",
        x.at(value), y.first, y.last, y.first + 18, value);
  }
  for (const double value : y.ticks()) {
    svg += fmt::format(
        "<line class='grid' x1='{0:.1f}' x2='{1:.1f}' y1='{2:.1f}' y2='{2:.1f}'/>"
        "<text class='tick' x='{3:.1f}' y='{4:.1f}' text-anchor='end'>{5:g}</text>\n",
        x.first, x.last, y.at(value), x.first - 8, y.at(value) + 4, value);
  }
  return svg;
}

std::string axis_names(const Axis& x, const Axis& y, const std::string& below,
                       const std::string& beside) {
  return fmt::format(
      "<text class='axis' x='{:.0f}' y='{:.0f}' text-anchor='middle'>{}</text>"
      "<text class='axis' transform='translate({:.0f} {:.0f}) rotate(-90)' "
      "text-anchor='middle'>{}</text>\n",
      (x.first + x.last) / 2, y.first + 38, escaped(below), x.first - 54, (y.first + y.last) / 2,
      escaped(beside));
}

}  // namespace drawbar::cli
