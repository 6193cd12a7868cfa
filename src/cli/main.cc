#include <cstdio>
#include <exception>
#include <new>

#include "base/error.h"
#include "base/version.h"
#include "cli/command.h"
#include "drawbar/compile.h"
#include "targets/target.h"

namespace drawbar::cli {

void add_plugin_option(CLI::App& command) {
  command
      .add_option_function<std::vector<std::string>>(
          "--plugin",
          [](const std::vector<std::string>& paths) {
            for (const std::string& path : paths) load_plugin(path);
          },
          "A shared library with operators of your own (may be given again)")
      ->take_all();
}

void add_device_memory_option(CLI::App& command) {
  command
      .add_option_function<uint64_t>(
          "--device-memory",
          [](const uint64_t& bytes) {
            for (const Target* target : all_targets()) {
              if (target != &host_target())
                target->device().limit_memory(static_cast<int64_t>(bytes));
            }
          },
          "What this process may take of a GPU's memory, as 2GiB; plans that need more are refused")
      ->transform(CLI::AsSizeValue(false));
}

}  // namespace drawbar::cli

int main(int argc, char** argv) {
  CLI::App app{"drawbar couples any trained model to any accelerator: compile, run, measure.",
               "drawbar"};
  app.set_version_flag("--version", "drawbar " + drawbar::version());
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  drawbar::cli::add_compile(app);
  drawbar::cli::add_run(app);
  drawbar::cli::add_bench(app);
  drawbar::cli::add_eval(app);
  drawbar::cli::add_inspect(app);
  drawbar::cli::add_diff(app);
  drawbar::cli::add_targets(app);
  drawbar::cli::add_completion(app);
  drawbar::cli::add_man(app);
  drawbar::cli::add_operators(app);
  drawbar::cli::add_refit(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    const std::string first = argc > 1 ? argv[1] : "";
    const auto known =
        app.get_subcommands([&](const CLI::App* command) { return command->get_name() == first; });
    if (!first.empty() && first[0] != '-' && known.empty()) {
      std::fprintf(stderr, "drawbar: there is no command '%s' (see `drawbar --help`)\n",
                   first.c_str());
    } else {
      std::fprintf(stderr, "drawbar: %s (see `drawbar --help`)\n", error.what());
    }
    return 2;
  } catch (const drawbar::Error& error) {
    std::fprintf(stderr, "drawbar: %s: %s\n", drawbar::name(error.code()), error.what());
    return error.code() == drawbar::ErrorCode::invalid_argument ? 2 : 1;
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "drawbar: %s: out of memory\n",
                 drawbar::name(drawbar::ErrorCode::resource_exhausted));
    return 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "drawbar: %s: %s\n", drawbar::name(drawbar::ErrorCode::internal),
                 error.what());
    return 1;
  }
  return 0;
}
