#include "import/importer.h"

#include <filesystem>
#include <fstream>

namespace drawbar {
namespace {

constexpr size_t head_bytes = 4096;

std::vector<Importer>& importers() {
  static std::vector<Importer> all;
  return all;
}

const Importer& importer_for(std::string_view head) {
  for (const Importer& importer : importers()) {
    if (importer.recognises(head)) return importer;
  }
  if (importers().empty()) {
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

/// Runs f(importer, source) and adds the path and the stage to errors.
template <class F>
auto with_importer(const std::string& path, F&& f) {
  try {
    const Importer& importer = importer_for(read_head(path));
    return f(importer, file_source(path));
  } catch (const Error& error) {
    throw error.at("import").at(path);
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::resource_exhausted, "{}: import: memory is short", path);
  }
}

}  // namespace

void register_importer(const Importer& importer) { importers().push_back(importer); }

std::string importer_names() {
  std::string names;
  for (const Importer& importer : importers()) {
    names += (names.empty() ? "" : ", ") + std::string(importer.name);
  }
  return names.empty() ? "none" : names;
}

Graph import_model(const std::string& path, ModelProperties* properties) {
  return with_importer(path, [&](const Importer& importer, const ModelSource& source) {
    return importer.import(source, properties);
  });
}

Graph import_bytes(std::string_view bytes, const std::string& folder, ModelProperties* properties) {
  try {
    return importer_for(bytes.substr(0, head_bytes)).import({{}, bytes, folder}, properties);
  } catch (const Error& error) {
    throw error.at("import");
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::resource_exhausted, "import: memory is short");
  }
}

std::vector<OperatorCount> model_operators(const std::string& path) {
  return with_importer(path, [&](const Importer& importer, const ModelSource& source) {
    return importer.operators(source);
  });
}

}  // namespace drawbar
