#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace drawbar {

/// A non-owning reference to a callable: no allocation, valid while the callable lives.
template <class Signature>
class FunctionRef;

template <class R, class... Args>
class FunctionRef<R(Args...)> {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>)
      FunctionRef(F&& f)  // NOLINT: implicit by intent
      : object_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* object, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(object))(static_cast<Args>(args)...);
        }) {}
  R operator()(Args... args) const { return call_(object_, static_cast<Args>(args)...); }

 private:
  void* object_;
  R (*call_)(void*, Args...);
};

/// A fixed set of workers that share loops. The calling thread is worker 0; the others spin briefly
/// after a loop and then sleep. One loop runs at a time: a second caller, or a loop inside a loop,
/// runs its whole range itself. Thread-safe.
class ThreadPool {
 public:
  /// `threads` counts the caller: 1 starts none. `pin` binds worker i to the i-th allowed processor
  /// (the caller, worker 0, stays where the operating system puts it). Where the system refuses
  /// more threads, there are fewer.
  explicit ThreadPool(int threads, bool pin = false);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  /// Calls body(begin, end, worker) until [0, n) is covered, in equal pieces of about `grain` or
  /// more that begin at multiples of an eighth of it, `worker` in [0, threads()). Worker i begins
  /// with the i-th equal share, so that loops over the same data find it in their cache, and then
  /// takes from the others' ends: results must not depend on which worker computes what. The first
  /// exception is rethrown here. Allocates nothing.
  void parallel_for(int64_t n, int64_t grain,
                    FunctionRef<void(int64_t begin, int64_t end, int worker)> body);

 private:
  struct State;
  int threads_;
  std::unique_ptr<State> state_;
};

/// Processors this process may use (its affinity mask and cgroup quota, at least 1).
int available_processors();

}  // namespace drawbar
