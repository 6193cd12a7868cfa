#pragma once

#include "base/threads.h"

namespace drawbar::cpu {

/// Work per second of so many threads together: each calls body(worker), `worker` in [0, threads),
/// which does its work and returns how much that was. All begin a round at the same time, and it
/// ends with the last of them; the best of `rounds` behind one that warms up. The caller is worker
/// 0; where the system refuses threads, there are fewer.
double best_concurrent_rate(int threads, int rounds, FunctionRef<double(int worker)> body);

}  // namespace drawbar::cpu
