#include "cli/model.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <unistd.h>

namespace drawbar::cli {
namespace {

int64_t parse_number(std::string_view text, std::string_view what) {
  int64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || value < 0) {
    fail(ErrorCode::invalid_argument, "{}: '{}' is not a number", what, text);
  }
  return value;
}

void show_progress(const std::string& what, size_t done, size_t total) {
  std::fprintf(stderr, "\r\033[K%s %zu/%zu%s", what.c_str(), done, total,
               done == total ? "\r\033[K" : "");
  std::fflush(stderr);
}

}  // namespace

std::function<void(const std::string&, size_t, size_t)> progress_on_terminal() {
  if (!isatty(STDERR_FILENO)) return {};
  return show_progress;
}

std::pair<std::string, Shape> parse_shape(const std::string& text) {
  const size_t equals = text.rfind('=');
  if (equals == std::string::npos)
    fail(ErrorCode::invalid_argument, "--shape '{}': expected NAME=1x3x224x224", text);
  Shape shape;
  const std::string dims = text.substr(equals + 1);
  for (size_t at = 0; dims != "scalar" && at <= dims.size();) {
    const size_t end = std::min(dims.find('x', at), dims.size());
    shape.push_back(parse_number(std::string_view(dims).substr(at, end - at), "--shape " + text));
    at = end + 1;
  }
  return {text.substr(0, equals), shape};
}

std::vector<int> parse_threads(const std::string& text) {
  std::vector<int> result;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const int64_t value = parse_number(std::string_view(text).substr(at, end - at), "--threads");
    result.push_back(static_cast<int>(std::min<int64_t>(value, 1 << 20)));
    at = end + 1;
  }
  return result;
}

std::vector<std::map<std::string, Shape>> parse_profiles(const std::vector<std::string>& shapes) {
  std::map<std::string, std::vector<Shape>> by_name;
  size_t count = 0;
  for (const std::string& text : shapes) {
    auto [name, shape] = parse_shape(text);
    auto& list = by_name[name];
    list.push_back(std::move(shape));
    count = std::max(count, list.size());
  }
  std::vector<std::map<std::string, Shape>> profiles(count);
  for (size_t k = 0; k < count; ++k) {
    for (const auto& [name, list] : by_name) profiles[k][name] = list[std::min(k, list.size() - 1)];
  }
  return profiles;
}

InputShapes shapes_of(const std::vector<Tensor>& inputs) {
  InputShapes shapes;
  for (const Tensor& input : inputs) shapes.push_back(input.shape());
  return shapes;
}

}  // namespace drawbar::cli
