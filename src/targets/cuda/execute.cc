#include <algorithm>
#include <cstring>

#include "targets/cuda/plan_step.h"

namespace drawbar::cuda {
namespace {

bool fits(const Tensor& tensor, const TensorType& type) {
  return tensor.has_value() && tensor.kind() == Tensor::Kind::tensor &&
         tensor.type() == type.element && tensor.shape() == type.shape();
}

}  // namespace

bool Plan::takes(const Place& place) const {
  return place.kind == Place::Kind::host ||
         (context_.gpu && place == Place{Place::Kind::cuda, context_.info.index});
}

Plan::Given Plan::given_of(std::span<const Tensor> inputs, std::span<const Tensor> outputs) const {
  Given given;
  const auto note = [&](const Tensor& tensor, size_t i) {
    if (tensor.is_on_host()) return;
    given.resize(inputs.size() + outputs.size());
    given[i] = const_cast<void*>(tensor.raw());
  };
  for (size_t i = 0; i < inputs.size(); ++i) note(inputs[i], i);
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (fits(outputs[i], graph_.value(graph_.outputs()[i]).type.tensor))
      note(outputs[i], inputs.size() + i);
  }
  return given;
}

std::unique_ptr<Plan::Frame> Plan::take_frame(const Given& given) {
  if (!context_.gpu) fail(ErrorCode::unavailable, "target cuda: {}", this_gpu().reason);
  context_.gpu->make_current();
  std::unique_ptr<Frame> frame;
  {
    const std::lock_guard lock(frames_mutex_);
    const auto knows = [&](const std::unique_ptr<Frame>& frame) {
      return std::any_of(frame->known.begin(), frame->known.end(),
                         [&](const Frame::Known& known) { return known.given == given; });
    };
    auto found = std::find_if(frames_.begin(), frames_.end(), knows);
    if (found == frames_.end() && !frames_.empty()) found = frames_.end() - 1;
    if (found != frames_.end()) {
      frame = std::move(*found);
      frames_.erase(found);
    }
  }
  if (!frame) frame = make_frame();
  if (frame->given != given) set_addresses(*frame, given);
  return frame;
}

void Plan::give_back(std::unique_ptr<Frame> frame) {
  const std::lock_guard lock(frames_mutex_);
  frames_.push_back(std::move(frame));
}

std::unique_ptr<Plan::Frame> Plan::make_frame() const {
  Gpu& gpu = *context_.gpu;
  auto frame = std::make_unique<Frame>();
  frame->stream = gpu.make_stream();
  frame->arena = gpu.allocate(static_cast<size_t>(arena_bytes_));
  frame->staging_in = gpu.allocate_staging(static_cast<size_t>(in_bytes_));
  frame->staging_out = gpu.allocate_staging(static_cast<size_t>(out_bytes_));
  for (int lane = 1; lane < lanes_.count(); ++lane) frame->others.push_back(gpu.make_stream());
  set_addresses(*frame, {});
  return frame;
}

bool Plan::is_used_as_it_lies(const void* memory, ValueId id) const {
  const auto alignment = static_cast<uintptr_t>(context_.info.alignment);
  return can_be_given_[root(id)] && reinterpret_cast<uintptr_t>(memory) % alignment == 0;
}

void Plan::set_addresses(Frame& frame, const Given& given) const {
  std::vector<void*> own(graph_.value_count(), nullptr);  // by root, the caller's
  const auto note = [&](ValueId id, void* memory) {
    if (memory && is_used_as_it_lies(memory, id)) own[root(id)] = memory;
  };
  for (size_t i = 0; i < given.size(); ++i) {
    const size_t inputs = graph_.inputs().size();
    note(i < inputs ? graph_.inputs()[i] : graph_.outputs()[i - inputs], given[i]);
  }
  frame.address.resize(graph_.value_count());
  for (ValueId id = 0; id < graph_.value_count(); ++id) {
    const ValueId r = root(id);
    frame.address[id] = own[r]                          ? own[r]
                        : graph_.value(r).is_constant() ? constants_[r].get()
                                                        : frame.at(offset_[r]);
  }
  frame.given = given;
}

void Plan::copy_in(Frame& frame) const {
  for (size_t i = 0; i < in_offsets_.size(); ++i) {
    const ValueId id = graph_.inputs()[i];
    if (!graph_.is_used(id)) continue;
    const size_t bytes = bytes_of(graph_.value(id));
    const void* given = frame.given.empty() ? nullptr : frame.given[i];
    if (!given) {
      frame.stream->copy_to_device(frame.address[id], frame.in(in_offsets_[i]), bytes);
    } else if (given != frame.address[id]) {
      frame.stream->copy_on_device(frame.address[id], given, bytes);
    }
  }
}

void Plan::copy_out(Frame& frame) const {
  for (size_t i = 0; i < out_offsets_.size(); ++i) {
    const ValueId id = graph_.outputs()[i];
    const size_t bytes = bytes_of(graph_.value(id));
    void* given = frame.given.empty() ? nullptr : frame.given[in_offsets_.size() + i];
    if (!given) {
      frame.stream->copy_to_host(frame.out(out_offsets_[i]), frame.address[id], bytes);
    } else if (given != frame.address[id]) {
      frame.stream->copy_on_device(given, frame.address[id], bytes);
    }
  }
}

void Plan::enqueue(Frame& frame, const Step& step, Stream& stream) const {
  const Node& node = graph_.node(step.node);
  std::vector<void*> inputs, outputs;
  for (ValueId id : node.inputs) inputs.push_back(id == no_id ? nullptr : frame.address[id]);
  for (size_t i = 0; i < node.outputs.size(); ++i)
    outputs.push_back(step.outputs[i].present ? frame.address[node.outputs[i]] : nullptr);
  step.kernel->enqueue(
      {stream, inputs, outputs, step.packed, step.functions, frame.at(step.scratch_offset)});
}

/// With `marks` all in one lane, in order.
void Plan::enqueue_steps(Frame& frame, std::vector<std::unique_ptr<Mark>>* marks) const {
  std::vector<Stream*> streams(static_cast<size_t>(lanes_.count()), frame.stream.get());
  for (size_t i = 0; i < frame.others.size() && !marks; ++i) streams[i + 1] = frame.others[i].get();
  const bool are_apart = !marks && streams.size() > 1;
  if (are_apart) {
    const std::unique_ptr<Mark> start = frame.stream->mark();
    for (size_t lane = 1; lane < streams.size(); ++lane) streams[lane]->wait_for(*start);
  }
  std::vector<std::unique_ptr<Mark>> done(steps_.size());
  for (size_t s = 0; s < steps_.size(); ++s) {
    const int step = static_cast<int>(s);
    Stream& stream = *streams[static_cast<size_t>(lanes_.lane(step))];
    if (marks) marks->push_back(stream.mark());
    for (int earlier : lanes_.waits(step)) {
      if (are_apart) stream.wait_for(*done[static_cast<size_t>(earlier)]);
    }
    try {
      enqueue(frame, *steps_[s], stream);
    } catch (const Error& error) {
      throw error.at(drawbar::describe(graph_.node(steps_[s]->node)));
    }
    if (are_apart && lanes_.is_waited_for(step)) done[s] = stream.mark();
  }
  for (size_t lane = 1; lane < streams.size() && are_apart; ++lane)
    frame.stream->wait_for(*streams[lane]->mark());
}

void Plan::run_steps(Frame& frame, std::vector<std::unique_ptr<Mark>>* marks) const {
  const auto mark = [&] {
    if (marks) marks->push_back(frame.stream->mark());
  };
  mark();
  copy_in(frame);
  enqueue_steps(frame, marks);
  mark();
  copy_out(frame);
  mark();
}

std::optional<double> Plan::device_seconds(int runs) {
  std::unique_ptr<Frame> frame = take_frame({});
  for (size_t i = 0; i < in_offsets_.size(); ++i) {
    const Value& value = graph_.value(graph_.inputs()[i]);
    // 0x3c3c is 1.06 in f16, 0.0115 in bf16 and f32; integers are indices, of which 0 is one.
    if (graph_.is_used(graph_.inputs()[i]))
      frame->stream->fill(frame->address[graph_.inputs()[i]],
                          is_floating(value.type.tensor.element) ? 0x3c : 0, bytes_of(value));
  }
  enqueue_steps(*frame, nullptr);
  frame->stream->synchronize();
  frame->stream->begin_recording();
  enqueue_steps(*frame, nullptr);
  const std::unique_ptr<Recording> recording = frame->stream->end_recording();
  frame->stream->replay(*recording);
  const std::unique_ptr<Mark> before = frame->stream->mark();
  for (int i = 0; i < runs; ++i) frame->stream->replay(*recording);
  const std::unique_ptr<Mark> after = frame->stream->mark();
  frame->stream->synchronize();
  return after->seconds_since(*before) / runs;
}

void Plan::run(std::span<const Tensor> inputs, std::span<Tensor> outputs, const RunControl& control,
               ThreadPool&) {
  control.check();
  const Given given = given_of(inputs, outputs);
  std::unique_ptr<Frame> frame = take_frame(given);
  for (size_t i = 0; i < in_offsets_.size(); ++i) {
    const size_t bytes = bytes_of(graph_.value(graph_.inputs()[i]));
    if (bytes && inputs[i].is_on_host())
      std::memcpy(frame->in(in_offsets_[i]), inputs[i].raw(), bytes);
  }
  run_frame(*frame);
  frame->stream->synchronize();
  for (size_t i = 0; i < out_offsets_.size(); ++i) {
    if (!given.empty() && given[in_offsets_.size() + i]) continue;
    const Value& value = graph_.value(graph_.outputs()[i]);
    if (!fits(outputs[i], value.type.tensor) || !outputs[i].is_on_host())
      outputs[i] = Tensor::allocate(value.type.tensor.element, value.type.tensor.shape());
    const size_t bytes = bytes_of(value);
    if (bytes) std::memcpy(outputs[i].raw(), frame->out(out_offsets_[i]), bytes);
  }
  give_back(std::move(frame));
}

/// Replays what was recorded, records what comes again, and notes what is new.
void Plan::run_frame(Frame& frame) const {
  auto known = std::find_if(frame.known.begin(), frame.known.end(),
                            [&](const Frame::Known& each) { return each.given == frame.given; });
  if (known == frame.known.end()) {
    run_steps(frame, nullptr);
    if (frame.known.size() == Frame::most_known) frame.known.erase(frame.known.begin());
    frame.known.push_back({frame.given, nullptr});
    return;
  }
  std::rotate(known, known + 1, frame.known.end());
  std::unique_ptr<Recording>& recording = frame.known.back().recording;
  if (!recording) {
    frame.stream->begin_recording();
    run_steps(frame, nullptr);
    recording = frame.stream->end_recording();
  }
  frame.stream->replay(*recording);
}

PlanReport Plan::profile(std::span<const Tensor> inputs, ThreadPool& pool) {
  std::vector<Tensor> outputs(graph_.outputs().size());
  run(inputs, outputs, {}, pool);
  std::unique_ptr<Frame> frame = take_frame(given_of(inputs, outputs));
  std::vector<std::unique_ptr<Mark>> marks;
  run_steps(*frame, &marks);
  frame->stream->synchronize();
  PlanReport result = report();
  for (size_t i = 0; i < result.steps.size(); ++i) {
    result.steps[i].start = marks[i]->seconds_since(*marks[0]);
    result.steps[i].seconds = marks[i + 1]->seconds_since(*marks[i]);
  }
  give_back(std::move(frame));
  return result;
}

}  // namespace drawbar::cuda
