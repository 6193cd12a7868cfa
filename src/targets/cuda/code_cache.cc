#include "targets/cuda/code_cache.h"

#include "targets/cuda/gpu.h"

namespace drawbar::cuda {

namespace {
constexpr std::string_view prefix = "code ";
}

Section CodeCache::get(const std::string& source, const std::string& architecture) {
  const std::string name = fmt::format("{}{} {}", prefix, architecture, hash_bytes(source).hex());
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = code_.find(name); found != code_.end()) {
      found->second.check(name);
      found->second.expected.reset();
      return found->second;
    }
  }
  const auto image = std::make_shared<std::vector<std::byte>>(compile_code(source, architecture));
  const Section section{{image, image->data()}, image->size(), {}};
  const std::lock_guard lock(mutex_);
  return code_.emplace(name, section).first->second;
}

std::map<std::string, Section> CodeCache::saved() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, Section> result = code_;
  std::erase_if(result, [](const auto& entry) {
    return entry.first.starts_with(fmt::format("{}host ", prefix));
  });
  return result;
}

void CodeCache::add(const std::string& name, Section section) {
  if (!name.starts_with(prefix) || name.starts_with(fmt::format("{}host ", prefix))) return;
  const std::lock_guard lock(mutex_);
  code_.insert_or_assign(name, std::move(section));
}

std::optional<std::string> CodeCache::architecture() const {
  const std::lock_guard lock(mutex_);
  if (code_.empty()) return std::nullopt;
  const std::string rest = code_.begin()->first.substr(prefix.size());
  return rest.substr(0, rest.find(' '));
}

}  // namespace drawbar::cuda
