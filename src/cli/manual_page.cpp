#include "manual_page.h"

#include "tensorferry/c_api.h"
#include "tensorferry/error.h"
#include "tensorferry/format.h"

namespace tensorferry::cli {
namespace {

struct ExitCode {
  int code;
  std::string_view name, when;
};

constexpr ExitCode kDone[] = {
    {0, "ok", "done, and the output has its name; diff: the same"},
    {1, "different", "diff, verify, roundtrip, stats --fail-on: not the same, or a check failed"},
};

struct Failure {
  ErrorCode code;
  std::string_view when;
};

constexpr Failure kFailures[] = {
    {ErrorCode::usage, "wrong options or operands"},
    {ErrorCode::corrupt, "malformed, truncated, a checksum does not match, inconsistent"},
    {ErrorCode::unsupported,
     "well-formed, but not handled: a dtype, a filter, a version, a format"},
    {ErrorCode::unsafe, "a path that leaves the folder, an external link, a limit exceeded"},
    {ErrorCode::input, "missing, unreadable, changed while it was read, cancelled"},
    {ErrorCode::output, "exists, is the input, no space, cannot be written"},
    {ErrorCode::resources, "out of memory or descriptors"},
    {ErrorCode::lossy, "would lose information, and no option allows it"},
    {ErrorCode::internal, "a bug in tensorferry: please report it"},
};

/// Running text: what roff would take for its own is escaped; line ends are blanks.
std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else if (c == '\n')
      result += ' ';
    else if (c == '~' || c == '^' || c == '`' || c == '\'')
      result += c == '~' ? "\\(ti" : c == '^' ? "\\(ha" : c == '`' ? "\\(ga" : "\\(aq";
    else
      result += c;
  }
  return result;
}

/// A line of text: one that begins like a request of roff does not.
std::string line(std::string_view text) {
  const std::string escaped = plain(text);
  return (escaped.starts_with('.') ? "\\&" : "") + escaped + "\n";
}

std::string bold(std::string_view text) { return "\\fB" + plain(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + plain(text) + "\\fR"; }

std::string heading(std::string_view text) { return ".SH " + std::string(text) + "\n"; }

/// A tagged paragraph.
std::string entry(const std::string& tag, std::string_view text) {
  return ".TP\n" + tag + "\n" + line(text);
}

std::string option_tag(const OptionDef& option) {
  std::string tag;
  if (const std::string name = short_name(option); !name.empty()) tag = bold("-" + name) + ", ";
  tag += bold("--" + long_name(option));
  if (option.value != nullptr) tag += " " + italic(option.value);
  return tag;
}

/// Lines as they are, each indented by two blanks in the source.
std::string examples(std::string_view text) {
  std::string result = ".PP\nExamples:\n.PP\n.nf\n.RS 4\n";
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view one = text.substr(0, end);
    one.remove_prefix(std::min(one.find_first_not_of(' '), one.size()));
    if (!one.empty()) result += line(one);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result + ".RE\n.fi\n";
}

std::string describe(const Command& command) {
  const Syntax& syntax = command.syntax;
  std::string text = ".SS " + std::string(command.name) + "\n";
  text += bold("tensorferry " + std::string(command.name)) + " " + italic(syntax.operands) + "\n";
  text += ".PP\n" + line(syntax.about);
  for (const OptionGroup& group : syntax.groups) {
    text += ".PP\n" + line(std::string(group.title) + " options:");
    for (const OptionDef& option : group.options) text += entry(option_tag(option), option.help);
  }
  if (!syntax.examples.empty()) text += examples(syntax.examples);
  return text;
}

std::string formats() {
  std::string text = heading("FORMATS");
  text += line(
      "Inputs are recognised by their content, outputs by --to or the extension of the target. "
      "`tensorferry formats FORMAT` lists the options of a format and how it holds each dtype.");
  for (const Format& format : Registry::global().formats()) {
    std::string about(format.title);
    if (!format.reader) about += "; written only";
    if (!format.writer) about += "; read only";
    for (const std::string_view extension : format.extensions)
      about.append(extension == format.extensions.front() ? " (" : ", ").append(extension);
    if (!format.extensions.empty()) about += ")";
    text += entry(bold(format.name), about);
  }
  return text;
}

std::string exit_codes() {
  std::string text = heading("EXIT STATUS");
  text += line("The codes are stable and never renumbered.");
  const auto one = [&](int code, std::string_view name, std::string_view when) {
    text += entry(bold(std::to_string(code)), std::string(name) + ": " + std::string(when));
  };
  for (const ExitCode& row : kDone) one(row.code, row.name, row.when);
  for (const Failure& row : kFailures)
    one(static_cast<int>(row.code), to_string(row.code), row.when);
  text += ".PP\n" + line("A signal ends the program by that signal, after it has cleaned up.");
  return text;
}

}  // namespace

std::string manual_page(const std::vector<Command>& commands) {
  std::string text = ".TH TENSORFERRY 1 \"\" \"tensorferry " + std::string(tensorferry_version()) +
                     "\" \"User Commands\"\n.nh\n.ad l\n";
  text += heading("NAME");
  text += "tensorferry \\- carries model weights between file formats, bit for bit\n";
  text += heading("SYNOPSIS");
  text += bold("tensorferry") + " " + italic("COMMAND") + " ... [" + italic("options") + "]\n.br\n";
  text += bold("tensorferry") + " " + italic("FILE") + "\n.br\n";
  text += bold("tensorferry") + " " + bold("--version") + "\n";
  text += heading("DESCRIPTION");
  text += line(
      "Reads, writes, compares and checks files of model weights. Data goes to standard output; "
      "messages, progress and notes go to standard error. An output appears complete under its "
      "name, or not at all. A FILE alone means the command info.");
  text += heading("COMMANDS");
  for (const Command& command : commands)
    text += entry(bold(command.name) + " " + italic(command.syntax.operands), command.summary);
  text += formats();
  text += exit_codes();
  text += heading("OPTIONS OF THE COMMANDS");
  text += line(
      "Options may stand before, between and behind the operands. Of options that hold one "
      "value, the last one counts. SIZE is a number of bytes with an optional K, M, G or T.");
  for (const Command& command : commands) text += describe(command);
  return text;
}

}  // namespace tensorferry::cli
