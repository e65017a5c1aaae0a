// Result and Status: how expected failure is returned. An Error says who caused it (code) and what would be
// right (message, one line, without a final full stop). Exceptions are only for our own bugs and for lack of
// memory; no business code catches. Values are immutable in meaning and may cross threads.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace popnet {

/// Who caused an error; decides exit codes (design contract 5) and whether a retry makes sense.
enum class ErrorCode {
  invalid,      ///< the input was wrong: a retry with the same input fails again (exit code 1)
  usage,        ///< the command line was wrong (exit code 2)
  machine,      ///< the machine refused: port in use, disk full, permission (exit code 3)
  peer,         ///< the other end broke the protocol or went away
  timeout,      ///< the other end did not answer in time
  unavailable,  ///< a part of ours is not there now (bus, state); retry later
  not_found,    ///< nothing of that name
  conflict,     ///< somebody else has changed it meanwhile: look again, then decide anew (exit code 1)
};

struct Error {
  ErrorCode code = ErrorCode::invalid;
  std::string message;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // REQUIRES: ok()
  T& value() & { return assert(ok()), *std::get_if<0>(&state_); }
  const T& value() const& { return assert(ok()), *std::get_if<0>(&state_); }
  T&& value() && { return assert(ok()), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  // REQUIRES: !ok()
  [[nodiscard]] const Error& error() const { return assert(!ok()), *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

/// Success, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : failed_(true), error_(std::move(error)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] const Error& error() const { return assert(failed_), error_; }

 private:
  bool failed_ = false;
  Error error_;
};

using Status = Result<void>;

}  // namespace popnet
