#include "base/error.h"
#include "cli/command.h"

namespace drawbar::cli {
namespace {

/// The words a shell may offer: made from the application itself, so that it never lags behind.
void print_bash(const CLI::App& app) {
  std::string commands, cases;
  for (const CLI::App* command : app.get_subcommands({})) {
    commands += command->get_name() + " ";
    std::string flags;
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) flags += "--" + name + " ";
    }
    cases += "      " + command->get_name() + ") words=\"" + flags + "\" ;;\n";
  }
  fmt::print(
      "_drawbar() {{\n  local words cur=\"${{COMP_WORDS[COMP_CWORD]}}\"\n  if [ \"$COMP_CWORD\" "
      "-eq 1 ]; then\n"
      "    words=\"{}\"\n  else\n    case \"${{COMP_WORDS[1]}}\" in\n{}    esac\n  fi\n"
      "  if [[ \"$cur\" == -* || \"$COMP_CWORD\" -eq 1 ]]; then\n    COMPREPLY=($(compgen -W "
      "\"$words\" -- \"$cur\"))\n"
      "  else\n    COMPREPLY=($(compgen -f -- \"$cur\"))\n  fi\n}}\ncomplete -o filenames -F "
      "_drawbar drawbar\n",
      commands, cases);
}

}  // namespace

void add_completion(CLI::App& app) {
  auto shell = std::make_shared<std::string>("bash");
  CLI::App* command = app.add_subcommand("completion", "Print completions for a shell");
  command->footer(
      "Example:\n  source <(drawbar completion bash)\n  autoload bashcompinit && bashcompinit && "
      "source <(drawbar completion zsh)");
  command->add_option("shell", *shell, "bash or zsh")
      ->check(CLI::IsMember({"bash", "zsh"}))
      ->capture_default_str();
  command->callback([&app, shell] { print_bash(app); });  // zsh reads it through bashcompinit
}

}  // namespace drawbar::cli
