#include <algorithm>
#include <set>

#include "base/hash.h"
#include "targets/cuda/plan_step.h"
#include "targets/memory_plan.h"

namespace drawbar::cuda {
namespace {

constexpr int64_t alignment = 256;
constexpr const char* side_by_side_choice = "side_by_side";
constexpr int timed_runs = 20;
constexpr double least_gain = 0.98;  // of the time in order: less is noise

int64_t aligned(int64_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

}  // namespace

void Plan::choose_lanes() {
  const int count = static_cast<int>(steps_.size());
  const Lanes side_by_side(reads());
  if (side_by_side.count() == 1) return spread_over(side_by_side);
  std::string problems;
  for (const auto& step : steps_) problems += problem_key(problem_of(*step)) + '\n';
  const std::string key = "branches " + hash_bytes(problems).hex();
  const auto known = context_.chooser->known(key);
  if (known || !context_.gpu || !context_.time_tactics) {
    // The emulation, whose time does not matter, has them side by side to show what is wrong.
    const bool wanted =
        known ? *known == side_by_side_choice : context_.info.architecture == "host";
    return spread_over(wanted ? side_by_side : Lanes::in_order(count));
  }
  const auto seconds = [&](const Lanes& lanes) {
    spread_over(lanes);
    const double result = device_seconds(timed_runs).value();
    frames_.clear();
    return result;
  };
  const double together = seconds(side_by_side), in_order = seconds(Lanes::in_order(count));
  const bool pays = together < least_gain * in_order;
  context_.chooser->remember(key, pays ? side_by_side_choice : "in_order");
  if (pays) spread_over(side_by_side);
}

std::vector<std::vector<int>> Plan::reads() const {
  std::vector<int> writer(graph_.value_count(), -1);
  std::vector<std::vector<int>> result(steps_.size());
  for (size_t s = 0; s < steps_.size(); ++s) {
    const Node& node = graph_.node(steps_[s]->node);
    std::set<int> read;
    for (ValueId id : node.inputs) {
      if (id != no_id && writer[root(id)] >= 0) read.insert(writer[root(id)]);
    }
    result[s].assign(read.begin(), read.end());
    for (ValueId id : node.outputs) writer[root(id)] = static_cast<int>(s);
  }
  return result;
}

void Plan::spread_over(Lanes lanes) {
  lanes_ = std::move(lanes);
  place_values();
}

void Plan::place_values() {
  /// Memory that one step writes and others use until the last of them is done.
  struct Buffer {
    int64_t bytes = 0;
    int writer = -1;  // a step; -1: it is there before the first
    bool stays = false;
    std::vector<int> users;
    std::vector<char> free_at;  // by step, whether it may write there
  };
  const int count = static_cast<int>(steps_.size());
  std::vector<Buffer> buffers;
  std::vector<size_t> buffer_of(graph_.value_count(), SIZE_MAX);  // by root
  const auto touch = [&](ValueId id, int step, bool writes) {
    if (id == no_id || graph_.value(root(id)).is_constant()) return;
    size_t& known = buffer_of[root(id)];
    if (known == SIZE_MAX) {
      known = buffers.size();
      buffers.push_back({aligned(bytes_of(graph_.value(root(id))))});
    }
    if (step >= 0) buffers[known].users.push_back(step);
    if (writes) buffers[known].writer = step;
  };
  for (ValueId id : graph_.inputs()) touch(id, -1, false);
  for (int s = 0; s < count; ++s) {
    const Node& node = graph_.node(steps_[static_cast<size_t>(s)]->node);
    for (ValueId id : node.inputs) touch(id, s, false);
    for (ValueId id : node.outputs) touch(id, s, true);
  }
  for (ValueId id : graph_.outputs()) {
    touch(id, -1, false);
    if (!graph_.value(root(id)).is_constant()) buffers[buffer_of[root(id)]].stays = true;
  }
  std::vector<size_t> scratch_of(steps_.size(), SIZE_MAX);
  for (int s = 0; s < count; ++s) {
    const auto bytes =
        static_cast<int64_t>(steps_[static_cast<size_t>(s)]->kernel->scratch_bytes());
    if (bytes == 0) continue;
    scratch_of[static_cast<size_t>(s)] = buffers.size();
    buffers.push_back({aligned(bytes), s, false, {s}, {}});
  }
  std::vector<int64_t> bytes;
  for (Buffer& buffer : buffers) {
    bytes.push_back(buffer.bytes);
    for (int s = 0; s < count; ++s) {
      buffer.free_at.push_back(!buffer.stays &&
                               std::all_of(buffer.users.begin(), buffer.users.end(),
                                           [&](int user) { return lanes_.is_before(user, s); }));
    }
  }
  const auto is_free_for = [&](const Buffer& earlier, const Buffer& later) {
    return later.writer >= 0 && earlier.free_at[static_cast<size_t>(later.writer)];
  };
  const MemoryPlan plan = plan_memory(bytes, [&](size_t a, size_t b) {
    return !is_free_for(buffers[a], buffers[b]) && !is_free_for(buffers[b], buffers[a]);
  });
  for (ValueId id = 0; id < graph_.value_count(); ++id) {
    if (buffer_of[id] != SIZE_MAX) offset_[id] = plan.offsets[buffer_of[id]];
  }
  for (size_t s = 0; s < steps_.size(); ++s) {
    if (scratch_of[s] != SIZE_MAX) steps_[s]->scratch_offset = plan.offsets[scratch_of[s]];
  }
  arena_bytes_ = plan.arena_bytes;
  in_bytes_ = out_bytes_ = 0;
  in_offsets_ = staging_offsets(graph_.inputs(), in_bytes_);
  out_offsets_ = staging_offsets(graph_.outputs(), out_bytes_);
  can_be_given_.assign(graph_.value_count(), 0);
  std::vector<int> outputs_in(graph_.value_count(), 0);
  for (ValueId id : graph_.outputs()) ++outputs_in[root(id)];
  for (ValueId id : graph_.outputs()) {
    const Value& value = graph_.value(root(id));
    can_be_given_[root(id)] =
        !value.is_constant() && value.producer != no_id && outputs_in[root(id)] == 1;
  }
  for (ValueId id : graph_.inputs()) can_be_given_[id] = 1;
}

std::vector<int64_t> Plan::staging_offsets(const std::vector<ValueId>& values,
                                           int64_t& bytes) const {
  std::vector<int64_t> offsets;
  for (ValueId id : values) {
    offsets.push_back(bytes);
    bytes += aligned(bytes_of(graph_.value(id)));
  }
  return offsets;
}

}  // namespace drawbar::cuda
