#pragma once

#include <memory>
#include <mutex>

namespace drawbar {

/// What an object derives from its other members, made when it is first asked for and then kept. A
/// copy begins without it, because its members may change before it asks. Thread-safe.
template <class T>
class Lazy {
 public:
  Lazy() = default;
  Lazy(const Lazy&) : Lazy() {}
  Lazy& operator=(const Lazy& other) {
    if (this != &other) value_.reset();
    return *this;
  }

  /// The reference stays valid while the object lives. What `make` throws is thrown here, and the
  /// next call tries again.
  template <class Make>
  const T& get(Make&& make) const {
    const std::lock_guard lock(mutex_);
    if (!value_) value_ = std::make_shared<const T>(make());
    return *value_;
  }

 private:
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const T> value_;  // shared: T may be incomplete where this is destroyed
};

}  // namespace drawbar
