#pragma once

#include <exception>
#include <string>
#include <utility>

namespace drawbar {

/// What kind of answer an error is; servers map it to their protocol's status.
enum class ErrorCode {
  invalid_model,       // a model or engine that contradicts itself or its format
  unsupported,         // correct, but more than this build or target can do
  invalid_argument,    // the caller's input is wrong
  resource_exhausted,  // a budget would be exceeded
  unavailable,         // a device or peer is not there
  deadline_exceeded,   // the deadline passed or the run was cancelled
  internal,            // a defect of Drawbar
};

/// The spelling used in messages and protocols: "INVALID_MODEL", …
const char* name(ErrorCode code);

/// The one exception type. The message names the stage, the node and what was expected and found;
/// `at` adds an outer place ("import", "node 'conv1' (Conv)") while the exception travels up.
class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }

  Error at(const std::string& place) const { return {code_, place + ": " + message_}; }

 private:
  ErrorCode code_;
  std::string message_;
};

}  // namespace drawbar
