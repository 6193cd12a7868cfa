#include "base/error.h"
#include "base/version.h"
#include "cli/command.h"

namespace drawbar::cli {
namespace {

/// Text for roff: backslashes, hyphens of options and leading dots mean themselves.
std::string escaped(const std::string& text) {
  std::string result;
  for (char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else if ((c == '.' || c == '\'') && (result.empty() || result.back() == '\n')) {
      result += "\\&";
      result += c;
    } else {
      result += c;
    }
  }
  return result;
}

std::string names_of(const CLI::Option& option) {
  std::string names;
  const auto add = [&names](const std::string& name) {
    names += (names.empty() ? "" : ", ") + ("\\fB" + escaped(name) + "\\fR");
  };
  for (const std::string& name : option.get_snames()) add("-" + name);
  for (const std::string& name : option.get_lnames()) add("--" + name);
  if (option.get_positional()) return "\\fI" + escaped(option.get_name()) + "\\fR";
  if (option.get_expected_max() > 0) names += " \\fIVALUE\\fR";
  return names;
}

void print_command(const CLI::App& command) {
  fmt::print(".SS drawbar {}\n{}\n", command.get_name(), escaped(command.get_description()));
  for (const CLI::Option* option : command.get_options()) {
    fmt::print(".TP\n{}\n{}\n", names_of(*option), escaped(option->get_description()));
    const std::string fallback = option->get_default_str();
    if (!fallback.empty()) fmt::print("Default: {}.\n", escaped(fallback));
  }
  if (const std::string footer = command.get_footer(); !footer.empty())
    fmt::print(".PP\n.nf\n{}\n.fi\n", escaped(footer));
}

void print_page(const CLI::App& app) {
  fmt::print(
      ".TH DRAWBAR 1 \"\" \"drawbar {}\"\n.SH NAME\ndrawbar \\- compile trained models and run "
      "them\n"
      ".SH SYNOPSIS\n\\fBdrawbar\\fR \\fICOMMAND\\fR [\\fIARGUMENT\\fR...]\n"
      ".SH DESCRIPTION\n{}\n.SH COMMANDS\n",
      version(), escaped(app.get_description()));
  for (const CLI::App* command : app.get_subcommands({})) print_command(*command);
  fmt::print(
      ".SH EXIT STATUS\n0; 2 when the arguments are wrong; 1 for everything else. Errors are one "
      "line on standard error.\n");
}

}  // namespace

void add_man(CLI::App& app) {
  CLI::App* command = app.add_subcommand("man", "Print the manual page");
  command->footer("Example:\n  drawbar man | man -l -");
  command->callback([&app] { print_page(app); });
}

}  // namespace drawbar::cli
