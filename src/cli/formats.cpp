#include <nlohmann/json.hpp>
#include <string>

#include "commands.h"
#include "json_text.h"
#include "output.h"
#include "tensorferry/format.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kOutput[] = {{"json", nullptr, "Print JSON"}};

std::string extensions(const Format& format) {
  std::string text;
  for (const std::string_view extension : format.extensions)
    text.append(text.empty() ? "" : " ").append(extension);
  return text;
}

std::string_view kind_name(OptionSpec::Kind kind) {
  switch (kind) {
    case OptionSpec::Kind::text:
      return "text";
    case OptionSpec::Kind::integer:
      return "integer";
    case OptionSpec::Kind::boolean:
      return "boolean";
    case OptionSpec::Kind::bytes:
      return "bytes";
    case OptionSpec::Kind::choice:
      return "choice";
  }
  return "?";
}

/// "true|false", "auto|always|never", "N"
std::string values_of(const OptionSpec& option) {
  switch (option.kind) {
    case OptionSpec::Kind::text:
      return "TEXT";
    case OptionSpec::Kind::integer:
      return "N";
    case OptionSpec::Kind::boolean:
      return "true|false";
    case OptionSpec::Kind::bytes:
      return "SIZE";
    case OptionSpec::Kind::choice:
      break;
  }
  std::string text;
  for (const std::string_view choice : option.choices)
    text.append(text.empty() ? "" : "|").append(choice);
  return text;
}

std::string_view layout_of(Codec codec) {
  switch (codec) {
    case Codec::plain:
      return "plain";
    case Codec::sign_extended:
      return "sign-extended";
    case Codec::packed:
      return "packed";
  }
  return "?";
}

/// "native", "native, packed", "carried as uint8 (codes)", "refused"
std::string encoding_text(const std::optional<Encoding>& encoding) {
  if (!encoding) return "refused";
  if (encoding->carrier == Carrier::native)
    return encoding->codec == Codec::plain ? "native"
                                           : "native, " + std::string(layout_of(encoding->codec));
  if (encoding->carrier == Carrier::string_pair)
    return "carried as NAME#bytes and NAME#offsets (strpair)";
  return "carried as " + std::string(to_string(encoding->dtype)) + " (" +
         std::string(to_string(encoding->carrier)) + ")";
}

void print_options(std::string_view title, const std::vector<OptionSpec>& options) {
  using enum Table::Align;
  if (options.empty()) return;
  Table table({left, left});
  for (const OptionSpec& option : options) {
    std::string help(option.help);
    if (!option.fallback.empty()) help.append(" (default: ").append(option.fallback).append(")");
    table.add({std::string(option.name) + "=" + values_of(option), help});
  }
  print(std::string("\n").append(title).append("\n").append(table.text("  ")));
}

/// Dtypes that a tensor of a readable file can have.
std::vector<DType> known_dtypes() {
  std::vector<DType> known;
  for (const DTypeInfo& row : all_dtypes())
    if (row.dtype != DType::unknown) known.push_back(row.dtype);
  return known;
}

void print_one(const Format& format) {
  using enum Table::Align;
  Table facts({left, left});
  facts.add({"format", std::string(format.name) + " (" + std::string(format.title) + ")"});
  facts.add({"reads", format.reader ? "yes" : "no"});
  facts.add({"writes", format.writer ? "yes" : "no"});
  if (format.patcher) facts.add({"inject", "yes"});
  if (!format.extensions.empty()) facts.add({"extensions", extensions(format)});
  if (!format.unavailable.empty()) facts.add({"missing", std::string(format.unavailable)});
  print(facts.text());
  print_options("options of the reader (--in-opt)", format.read_options);
  print_options("options of the writer (--out-opt)", format.write_options);
  if (!format.writer) return;
  Table dtypes({left, left});
  for (const DType dtype : known_dtypes())
    dtypes.add({std::string(to_string(dtype)), encoding_text(format.writer->encoding(dtype))});
  print("\ndtypes it writes\n" + dtypes.text("  "));
}

void print_all(std::span<const Format> formats) {
  using enum Table::Align;
  Table table({left, left, left, left, left});
  table.add({"NAME", "READS", "WRITES", "EXTENSIONS", ""});
  for (const Format& format : formats)
    table.add({std::string(format.name), format.reader ? "yes" : "-", format.writer ? "yes" : "-",
               extensions(format), std::string(format.title)});
  print(table.text());
  for (const Format& format : formats)
    if (!format.unavailable.empty())
      print(std::string(format.name) + " is not available: " + std::string(format.unavailable) +
            "\n");
}

Json json_options(const std::vector<OptionSpec>& options) {
  Json array = Json::array();
  for (const OptionSpec& option : options) {
    Json object = {{"name", option.name}, {"kind", kind_name(option.kind)}, {"help", option.help}};
    if (!option.fallback.empty()) object["default"] = option.fallback;
    if (!option.choices.empty()) object["choices"] = option.choices;
    array.push_back(std::move(object));
  }
  return array;
}

Json json_dtypes(const Writer& writer) {
  Json object = Json::object();
  for (const DType dtype : known_dtypes()) {
    const auto encoding = writer.encoding(dtype);
    object[std::string(to_string(dtype))] = encoding
                                                ? Json{{"dtype", to_string(encoding->dtype)},
                                                       {"carrier", to_string(encoding->carrier)},
                                                       {"layout", layout_of(encoding->codec)}}
                                                : Json(nullptr);
  }
  return object;
}

Json describe(const Format& format) {
  Json object = {{"name", format.name},
                 {"title", format.title},
                 {"reads", format.reader != nullptr},
                 {"writes", format.writer != nullptr},
                 {"injects", format.patcher != nullptr},
                 {"extensions", format.extensions},
                 {"read_options", json_options(format.read_options)},
                 {"write_options", json_options(format.write_options)}};
  if (!format.unavailable.empty()) object["unavailable"] = format.unavailable;
  if (format.writer) object["dtypes"] = json_dtypes(*format.writer);
  return object;
}

int run(const Arguments& arguments) {
  const Registry& registry = Registry::global();
  const bool json = arguments.flag("json");
  if (!arguments.operands().empty()) {
    const Format& format = registry.at(arguments.operands()[0]);
    if (json)
      print(to_text(describe(format)) + "\n");
    else
      print_one(format);
    return 0;
  }
  if (!json) {
    print_all(registry.formats());
    return 0;
  }
  Json document = {{"formats", Json::array()}};
  for (const Format& format : registry.formats()) document["formats"].push_back(describe(format));
  print(to_text(document) + "\n");
  return 0;
}

}  // namespace

Command formats_command() {
  return {"formats",
          "what can be read and written, with which dtypes and options",
          {.command = "formats",
           .operands = "[FORMAT] [options]",
           .about = "Lists the formats; of one format its options, and how it holds each dtype: "
                    "natively, carried as "
                    "another\ntype with a tag that brings it back, or not at all.",
           .least = 0,
           .most = 1,
           .groups = {{"Output", kOutput}},
           .examples = "  tensorferry formats\n"
                       "  tensorferry formats onnx\n"},
          run};
}

}  // namespace tensorferry::cli
