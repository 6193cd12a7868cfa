#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace drawbar::cuda {

/// Machine code of an architecture ("sm_90"), or PTX of a virtual one ("compute_90"), made by
/// NVRTC, which needs no GPU. Throws UNAVAILABLE where NVRTC is not found, INVALID_ARGUMENT for an
/// architecture it does not know, INTERNAL with its first messages where the code is wrong.
std::vector<std::byte> compile_with_nvrtc(const std::string& source,
                                          const std::string& architecture);
/// Whether code with warnings is wrong code from now on, as in tests; at first it is not.
void refuse_device_warnings(bool refuse);

}  // namespace drawbar::cuda
