#pragma once

namespace drawbar::cpu {

/// What the 256 codes of f8e4m3fn stand for.
const float* f8_numbers();

}  // namespace drawbar::cpu
