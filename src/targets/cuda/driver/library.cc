#include "targets/cuda/driver/library.h"

#include <dlfcn.h>

namespace drawbar::cuda {

Library::Library(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_) return;
    if (reason_.empty()) reason_ = dlerror();
  }
}

void* Library::symbol(const char* name) const { return handle_ ? dlsym(handle_, name) : nullptr; }

}  // namespace drawbar::cuda
