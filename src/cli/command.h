#pragma once

#include <CLI/CLI.hpp>

namespace drawbar::cli {

/// Each subcommand adds itself to the application; its callback throws Error.
void add_bench(CLI::App& app);
void add_compile(CLI::App& app);
void add_completion(CLI::App& app);
void add_diff(CLI::App& app);
void add_eval(CLI::App& app);
void add_inspect(CLI::App& app);
void add_man(CLI::App& app);
void add_operators(CLI::App& app);
void add_refit(CLI::App& app);
void add_run(CLI::App& app);
void add_targets(CLI::App& app);

/// The option --device-memory of commands that run: limits what the targets' devices may take.
void add_device_memory_option(CLI::App& command);

/// The option --plugin of commands that read models or engines: loads what it names at once.
void add_plugin_option(CLI::App& command);

}  // namespace drawbar::cli
