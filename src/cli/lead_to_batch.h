// From a command that takes one model to the one that takes many.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "arguments.h"
#include "tensorferry/error.h"

namespace tensorferry::cli {

/// "tensorferry batch --in DIR --out DIR --to FORMAT" and the other options that were given, as a
/// shell takes it. What is empty is a word in capitals that the user replaces.
std::string batch_command_line(std::string_view in, std::string_view out,
                               const Arguments& arguments);

/// For convert IN IN... OUT: what to type instead.
std::string several_inputs_advice(std::span<const std::string> operands,
                                  const Arguments& arguments);

/// The error of opening `folder`; where several models lie below it, with what to type instead.
Error with_batch_advice(const Error& error, const std::string& folder, const std::string& out,
                        const Arguments& arguments);

}  // namespace tensorferry::cli
