#include "cli/command.h"
#include "targets/target.h"
#include "targets/target_library.h"

namespace drawbar::cli {

void add_targets(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("targets", "List what models can be compiled for, and the devices here");
  command->footer("Example:\n  drawbar targets");
  command->callback([] {
    for (const Target* target : all_targets())
      fmt::print("{:<10} {}\n", target->name(), target->device().description());
    for (const AbsentTarget& target : load_target_libraries())
      fmt::print("{:<10} not here: {}\n", target.name, target.reason);
  });
}

}  // namespace drawbar::cli
