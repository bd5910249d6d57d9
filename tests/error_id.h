// What a call throws, as a value that a check can compare.
#pragma once

#include <optional>
#include <string>

#include "tensorferry/error.h"

/// The Error that `call` throws, if it does.
template <typename Call>
std::optional<tensorferry::Error> error_of(Call&& call) {
  try {
    call();
  } catch (const tensorferry::Error& error) {
    return error;
  }
  return std::nullopt;
}

/// "corrupt.truncated", or "no error".
template <typename Call>
std::string error_id(Call&& call) {
  const auto error = error_of(call);
  return error ? error->id() : "no error";
}

/// The message without place and identifier, or "no error".
template <typename Call>
std::string error_message(Call&& call) {
  const auto error = error_of(call);
  return error ? error->message() : "no error";
}
