#include "cli/labels.h"

#include <algorithm>

#include "base/mapped_file.h"

namespace drawbar::cli {

std::vector<std::string> read_labels(const std::string& path) {
  const MappedFile file(path);
  std::string_view text = file.bytes();
  std::vector<std::string> labels;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    labels.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return labels;
}

}  // namespace drawbar::cli
