#include "base/error.h"

namespace drawbar {

const char* name(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_model:
      return "INVALID_MODEL";
    case ErrorCode::unsupported:
      return "UNSUPPORTED";
    case ErrorCode::invalid_argument:
      return "INVALID_ARGUMENT";
    case ErrorCode::resource_exhausted:
      return "RESOURCE_EXHAUSTED";
    case ErrorCode::unavailable:
      return "UNAVAILABLE";
    case ErrorCode::deadline_exceeded:
      return "DEADLINE_EXCEEDED";
    case ErrorCode::internal:
      return "INTERNAL";
  }
  return "INTERNAL";
}

}  // namespace drawbar
