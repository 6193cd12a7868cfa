#include "targets/cuda/libraries/cudnn_descriptor.h"

#include <utility>

namespace drawbar::cuda {

CudnnDescriptor::CudnnDescriptor(cudnnBackendDescriptorType_t type) {
  DRAWBAR_CUDNN(cudnnBackendCreateDescriptor, type, &descriptor_);
}
CudnnDescriptor::~CudnnDescriptor() {
  if (descriptor_) cudnn().cudnnBackendDestroyDescriptor_(descriptor_);
}
CudnnDescriptor::CudnnDescriptor(CudnnDescriptor&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, nullptr)) {}
CudnnDescriptor& CudnnDescriptor::operator=(CudnnDescriptor&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

CudnnDescriptor& CudnnDescriptor::set(cudnnBackendAttributeName_t name,
                                      cudnnBackendAttributeType_t type, int64_t count,
                                      const void* values) {
  DRAWBAR_CUDNN(cudnnBackendSetAttribute, descriptor_, name, type, count, values);
  return *this;
}

CudnnDescriptor& CudnnDescriptor::set(cudnnBackendAttributeName_t name,
                                      const std::vector<CudnnDescriptor>& values) {
  std::vector<cudnnBackendDescriptor_t> raw;
  for (const CudnnDescriptor& value : values) raw.push_back(value.get());
  return set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<int64_t>(raw.size()), raw.data());
}

CudnnDescriptor& CudnnDescriptor::finalize() {
  DRAWBAR_CUDNN(cudnnBackendFinalize, descriptor_);
  return *this;
}

cudnnStatus_t CudnnDescriptor::try_finalize() { return cudnn().cudnnBackendFinalize_(descriptor_); }

int64_t CudnnDescriptor::number(cudnnBackendAttributeName_t name) const {
  int64_t value = 0, count = 0;
  DRAWBAR_CUDNN(cudnnBackendGetAttribute, descriptor_, name, CUDNN_TYPE_INT64, 1, &count, &value);
  return value;
}

}  // namespace drawbar::cuda
