#pragma once

#include <string>
#include <string_view>

#include "drawbar/plugin.h"

namespace drawbar::ops {

/// The operator of a loaded plug-in, or null. The answer stays valid. Thread-safe.
const drawbar_operator* find_plugin_operator(std::string_view domain, std::string_view name);
/// The same by "domain.name".
const drawbar_operator* find_plugin_operator(std::string_view full_name);

/// What a loaded library is asked for and answers: load_plugin() without the file. Throws as that.
void register_plugin(drawbar_plugin_function entry, const std::string& from);

}  // namespace drawbar::ops
