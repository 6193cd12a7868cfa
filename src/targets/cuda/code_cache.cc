#include "targets/cuda/code_cache.h"

#include "targets/cuda/gpu.h"

namespace drawbar::cuda {

namespace {
constexpr std::string_view prefix = "code ", prefix_of_plans = "cudnn ";

bool is_kept(std::string_view name) {
  if (name.starts_with(prefix)) return !name.substr(prefix.size()).starts_with("host ");
  return name.starts_with(prefix_of_plans);
}
}  // namespace

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
  std::erase_if(result, [](const auto& entry) { return !is_kept(entry.first); });
  return result;
}

void CodeCache::add(const std::string& name, Section section) {
  if (!is_kept(name)) return;
  const std::lock_guard lock(mutex_);
  code_.insert_or_assign(name, std::move(section));
}

std::optional<Section> CodeCache::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = code_.find(name);
  return found != code_.end() ? std::optional(found->second) : std::nullopt;
}

std::optional<std::string> CodeCache::architecture() const {
  const std::lock_guard lock(mutex_);
  const auto first = code_.lower_bound(std::string(prefix));
  if (first == code_.end() || !first->first.starts_with(prefix)) return std::nullopt;
  const std::string rest = first->first.substr(prefix.size());
  return rest.substr(0, rest.find(' '));
}

}  // namespace drawbar::cuda
