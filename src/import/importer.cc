#include "import/importer.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace drawbar {
namespace {

constexpr size_t head_bytes = 4096;

std::vector<Importer>& importers() {
  static std::vector<Importer> all = {text_importer()};
  return all;
}

/// Names out of a file, fit for one line of a message.
Error printable(const Error& error) {
  constexpr size_t longest = 2000;
  std::string text;
  for (char c : error.message().substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    text += byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  if (error.message().size() > longest) text += "…";
  return {error.code(), std::move(text)};
}

const Importer& importer_for(std::string_view head) {
  for (const Importer& importer : importers()) {
    if (importer.recognises(head)) return importer;
  }
  if (importers().size() == 1) {
    fail(ErrorCode::unsupported,
         "this build has no importers: it reads engines and graphs in text form only");
  }
  fail(ErrorCode::invalid_model, "not a model of a known format ({})", importer_names());
}

std::string read_head(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    fail(ErrorCode::invalid_argument, "{}",
         std::filesystem::exists(path, error) ? "not a file" : "there is no such file");
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(ErrorCode::invalid_argument, "the file cannot be opened");
  std::string head(head_bytes, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(file.gcount()));
  return head;
}

ModelSource file_source(const std::string& path) {
  std::string folder = std::filesystem::path(path).parent_path().string();
  return {path, {}, folder.empty() ? "." : std::move(folder)};
}

/// Runs f and turns whatever a damaged file provokes into an Error of this stage.
template <class F>
auto guarded(const F& f) {
  try {
    return f();
  } catch (const Error& error) {
    throw printable(error).at("import");
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::resource_exhausted, "import: memory is short");
  } catch (const std::length_error&) {
    fail(ErrorCode::resource_exhausted, "import: a list would be too long");
  }
}

/// Runs f(importer, source) and adds the path to errors.
template <class F>
auto with_importer(const std::string& path, const F& f) {
  try {
    return guarded([&] { return f(importer_for(read_head(path)), file_source(path)); });
  } catch (const Error& error) {
    throw error.at(path);
  }
}

}  // namespace

void register_importer(const Importer& importer) { importers().push_back(importer); }

std::string importer_names() {
  std::string names;
  for (const Importer& importer : importers()) {
    names += (names.empty() ? "" : ", ") + std::string(importer.name);
  }
  return names;
}

Graph import_model(const std::string& path, ModelProperties* properties) {
  return with_importer(path, [&](const Importer& importer, const ModelSource& source) {
    return importer.import(source, properties);
  });
}

Graph import_bytes(std::string_view bytes, const std::string& folder, ModelProperties* properties) {
  return guarded([&] {
    return importer_for(bytes.substr(0, head_bytes)).import({{}, bytes, folder}, properties);
  });
}

std::vector<OperatorCount> model_operators(const std::string& path) {
  return with_importer(path, [&](const Importer& importer, const ModelSource& source) {
    return importer.operators(source);
  });
}

std::vector<std::string> importable_operators() {
  std::vector<std::string> names;
  for (const Importer& importer : importers()) {
    if (!importer.known) continue;
    const std::vector<std::string> known = importer.known();
    names.insert(names.end(), known.begin(), known.end());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace drawbar
