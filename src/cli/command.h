#pragma once

#include <CLI/CLI.hpp>

namespace drawbar::cli {

/// Each subcommand adds itself to the application; its callback throws Error.
void add_bench(CLI::App& app);
void add_compile(CLI::App& app);
void add_completion(CLI::App& app);
void add_diff(CLI::App& app);
void add_inspect(CLI::App& app);
void add_run(CLI::App& app);
void add_targets(CLI::App& app);

}  // namespace drawbar::cli
