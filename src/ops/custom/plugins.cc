#include "ops/custom/plugins.h"

#include <algorithm>
#include <dlfcn.h>
#include <filesystem>
#include <map>
#include <mutex>

#include "base/error.h"
#include "drawbar/compile.h"
#include "ops/custom/host.h"

namespace drawbar {
namespace ops {
namespace {

constexpr size_t most_values = 1024;  // inputs or outputs of an operator

std::mutex& mutex() {
  static std::mutex one;
  return one;
}

std::map<std::string, const drawbar_operator*, std::less<>>& operators() {
  static std::map<std::string, const drawbar_operator*, std::less<>> all;
  return all;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  });
}

/// "com.example": words with dots between them.
bool is_domain(std::string_view text) {
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('.', at), text.size());
    if (!is_word(text.substr(at, end - at))) return false;
    at = end + 1;
  }
  return true;
}

std::string checked_name(const drawbar_operator& op) {
  const std::string domain = op.domain ? op.domain : "", name = op.name ? op.name : "";
  if (!is_domain(domain) || !is_word(name) || domain.starts_with("ai.onnx")) {
    fail(ErrorCode::invalid_argument, "operator '{}' of domain '{}': no name for a plug-in's", name,
         domain);
  }
  if (!op.infer || !op.run || op.least_inputs > op.most_inputs || op.most_inputs > most_values ||
      op.least_outputs > op.most_outputs || op.most_outputs > most_values || op.most_outputs == 0) {
    fail(ErrorCode::invalid_argument, "operator {}.{} lacks a function or its counts are wrong",
         domain, name);
  }
  return domain + "." + name;
}

}  // namespace

const drawbar_operator* find_plugin_operator(std::string_view full_name) {
  const std::lock_guard lock(mutex());
  const auto found = operators().find(full_name);
  return found == operators().end() ? nullptr : found->second;
}

const drawbar_operator* find_plugin_operator(std::string_view domain, std::string_view name) {
  return find_plugin_operator(std::string(domain) + "." + std::string(name));
}

void register_plugin(drawbar_plugin_function entry, const std::string& from) {
  const drawbar_plugin* plugin = entry(&plugin_host());
  if (!plugin) fail(ErrorCode::invalid_argument, "{}: the plug-in does not start", from);
  if (plugin->abi != DRAWBAR_PLUGIN_ABI) {
    fail(ErrorCode::unsupported, "{}: made for version {} of the plug-in interface, this is {}",
         from, plugin->abi, DRAWBAR_PLUGIN_ABI);
  }
  try {
    std::map<std::string, const drawbar_operator*> added;
    for (size_t i = 0; i < plugin->operator_count; ++i) {
      const drawbar_operator& op = plugin->operators[i];
      if (!added.emplace(checked_name(op), &op).second)
        fail(ErrorCode::invalid_argument, "operator {}.{} is there twice", op.domain, op.name);
    }
    const std::lock_guard lock(mutex());
    for (const auto& [name, op] : added) {
      const auto known = operators().find(name);
      if (known != operators().end() && known->second != op)
        fail(ErrorCode::invalid_argument, "operator {} is there already", name);
    }
    operators().insert(added.begin(), added.end());
  } catch (const Error& error) {
    throw error.at(from);
  }
}

}  // namespace ops

void load_plugin(const std::string& path) {
  if (!std::filesystem::is_regular_file(path))
    fail(ErrorCode::invalid_argument, "plug-in {}: there is no such file", path);
  // An absolute path, so that no search path is looked through.
  const std::string file = std::filesystem::absolute(path);
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) fail(ErrorCode::invalid_argument, "plug-in {}: {}", path, dlerror());
  void* entry = dlsym(library, "drawbar_plugin_entry");
  if (!entry) {
    dlclose(library);
    fail(ErrorCode::invalid_argument, "plug-in {}: it has no function drawbar_plugin_entry", path);
  }
  ops::register_plugin(reinterpret_cast<drawbar_plugin_function>(entry), "plug-in " + path);
}

}  // namespace drawbar
