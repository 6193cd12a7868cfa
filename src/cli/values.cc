#include "cli/values.h"

#include <fmt/format.h>

#include "base/npy.h"

namespace drawbar::cli {
namespace {

namespace fs = std::filesystem;

constexpr int64_t most_shown = 6;
constexpr size_t longest_shown = 80;

fs::path with_npy(fs::path path) { return path += ".npy"; }

/// What a value called `name` in a folder is, or nothing.
fs::path find(const fs::path& folder, const std::string& name) {
  const fs::path path = folder / name, file = with_npy(path);
  return fs::exists(file) ? file : fs::exists(path) ? path : fs::path();
}

std::vector<Tensor> read_elements(const fs::path& folder, const Type& element) {
  std::vector<Tensor> elements;
  for (;;) {
    const fs::path path = find(folder, std::to_string(elements.size()));
    if (path.empty()) return elements;
    elements.push_back(read_value(path, element));
  }
}

Tensor read_map(const fs::path& folder, const Type& type) {
  const fs::path keys = find(folder, "keys"), values = find(folder, "values");
  if (keys.empty() || values.empty()) {
    fail(ErrorCode::invalid_argument, "{}: a map is a folder with keys.npy and values.npy",
         folder.string());
  }
  Tensor held = fs::is_directory(values)
                    ? Tensor::compound(Tensor::Kind::sequence, read_elements(values, *type.element))
                    : read_npy(values.string());
  return Tensor::compound(Tensor::Kind::map, {read_npy(keys.string()), std::move(held)});
}

/// Removes what write_value() may have written; folders with anything else in them stay.
void remove_value(const fs::path& path) {
  fs::remove(with_npy(path));
  if (!fs::is_directory(path)) return;
  for (const char* part : {"keys", "values"}) remove_value(path / part);
  for (size_t i = 0; !find(path, std::to_string(i)).empty(); ++i)
    remove_value(path / std::to_string(i));
  std::error_code not_empty;
  fs::remove(path, not_empty);
}

std::string element_text(const Tensor& tensor, int64_t i) {
  switch (kind(tensor.type())) {
    case ElementKind::string:
      return fmt::format("{:?}", tensor.data<std::string>()[i].substr(0, longest_shown));
    case ElementKind::boolean:
      return read_integer(tensor, i) != 0 ? "true" : "false";
    case ElementKind::floating:
      return fmt::format("{:.6g}", read_number(tensor, i));
    case ElementKind::complex:
      return "";
    default:
      return fmt::format("{}", read_integer(tensor, i));
  }
}

}  // namespace

Tensor read_value(const fs::path& path, const Type& type) {
  if (type.kind == Tensor::Kind::optional)
    return Tensor::compound(Tensor::Kind::optional, {read_value(path, *type.element)});
  if (type.is_tensor()) return read_npy(path.string());
  if (!fs::is_directory(path)) {
    fail(ErrorCode::invalid_argument, "{}: expected a folder, for {}", path.string(),
         to_string(type));
  }
  if (type.kind == Tensor::Kind::map) return read_map(path, type);
  return Tensor::compound(Tensor::Kind::sequence, read_elements(path, *type.element));
}

void write_value(const fs::path& path, const Tensor& value) {
  if (value.kind() == Tensor::Kind::tensor) return write_npy(with_npy(path).string(), value);
  const std::vector<Tensor>& elements = value.elements();
  if (value.kind() == Tensor::Kind::optional) {
    if (!elements.empty()) write_value(path, elements[0]);
    return;
  }
  fs::create_directories(path);
  if (value.kind() == Tensor::Kind::map) {
    write_value(path / "keys", elements[0]);
    write_value(path / "values", elements[1]);
    return;
  }
  for (size_t i = 0; i < elements.size(); ++i) write_value(path / std::to_string(i), elements[i]);
  // What a longer sequence left here would be read as a part of this one.
  for (size_t i = elements.size(); !find(path, std::to_string(i)).empty(); ++i)
    remove_value(path / std::to_string(i));
}

std::string first_elements(const Tensor& value) {
  if (!value.has_value() || value.kind() != Tensor::Kind::tensor ||
      kind(value.type()) == ElementKind::complex) {
    return "";
  }
  std::string line;
  for (int64_t i = 0; i < std::min(value.size(), most_shown); ++i)
    line += (i == 0 ? "" : ", ") + element_text(value, i);
  return value.size() > most_shown ? line + ", …" : line;
}

}  // namespace drawbar::cli
