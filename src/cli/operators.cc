#include <map>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "import/importer.h"

namespace drawbar::cli {
namespace {

/// "com.microsoft.Gelu" under its domain, "Conv" under ai.onnx.
std::map<std::string, std::vector<std::string>> by_domain(const std::vector<std::string>& names) {
  std::map<std::string, std::vector<std::string>> result;
  for (const std::string& name : names) {
    const size_t dot = name.rfind('.');
    const bool plain = dot == std::string::npos;
    result[plain ? "ai.onnx" : name.substr(0, dot)].push_back(plain ? name : name.substr(dot + 1));
  }
  return result;
}

void print_operators(bool json) {
  const auto operators = by_domain(importable_operators());
  if (json) {
    fmt::print("{}\n", nlohmann::json{{"operators", operators}}.dump(2));
    return;
  }
  for (const auto& [domain, names] : operators) {
    fmt::print("{} ({})\n", domain, names.size());
    for (size_t i = 0; i < names.size(); ++i)
      fmt::print("  {:<32}{}", names[i], i % 3 == 2 || i + 1 == names.size() ? "\n" : "");
  }
}

}  // namespace

void add_operators(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("operators", "List the operators that models may use");
  command->footer(
      "Example:\n  drawbar operators | grep -i norm\n\n`drawbar inspect --operators MODEL` counts "
      "those of a model.");
  command->add_flag("--json", *json, "One JSON object on standard output");
  add_plugin_option(*command);
  command->callback([json] { print_operators(*json); });
}

}  // namespace drawbar::cli
