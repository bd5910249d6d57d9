#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "commands.h"
#include "elements.h"
#include "json_text.h"
#include "model.h"
#include "output.h"
#include "tensorferry/plausibility.h"
#include "tree.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kOutput[] = {
    {"l,long", nullptr,
     "Also the name in the file, where the bytes lie, the first element, what is no weight, and "
     "what "
     "does not look like its dtype"},
    {"tree", nullptr, "Group the names at each /"},
    {"json", nullptr, "Print JSON"},
};

/// A short look at a tensor's first element.
struct Sample {
  std::string text;  ///< in the style that was asked for; empty = there is none
  std::string problem;
};

Sample first_element(const Tensor& tensor, Style style) {
  constexpr std::uint64_t most_string_bytes = 64 * 1024;
  constexpr std::size_t string_limit = 40;
  if (tensor.problem) return {};
  try {
    const std::uint64_t bytes = tensor.bytes();
    if (tensor.elements() == 0) return {};
    if (tensor.dtype == DType::string && bytes > most_string_bytes) return {};
    if (tensor.dtype != DType::string && !is_fixed_size(tensor.dtype)) return {};
    Sample sample;
    open_elements(tensor, 0, 1, true, {}, string_limit)->append(sample.text, 0, style);
    return sample;
  } catch (const Error& e) {
    return {"", e.id()};
  }
}

/// Where a tensor's first piece lies in a file; nothing for strings that are assembled.
const FileRange* first_range(const Tensor& tensor) {
  if (tensor.stored.pieces.empty()) return nullptr;
  return std::get_if<FileRange>(&tensor.stored.pieces.front().origin);
}

bool strided(const Tensor& tensor) {
  return std::any_of(tensor.stored.pieces.begin(), tensor.stored.pieces.end(),
                     [](const Piece& piece) { return !piece.byte_strides.empty(); });
}

std::string place(const Tensor& tensor) {
  const FileRange* range = first_range(tensor);
  if (range == nullptr || range->file == nullptr) return "-";
  const std::string& file = range->file->name();
  std::string text =
      printable(file.substr(file.rfind('/') + 1)) + "@" + std::to_string(range->offset);
  std::string how;
  const auto add = [&](std::string_view word) { how.append(how.empty() ? "" : ", ").append(word); };
  if (tensor.stored.pieces.size() > 1) add(count_of(tensor.stored.pieces.size(), "piece"));
  if (tensor.stored.order == std::endian::big) add("big-endian");
  if (tensor.stored.codec == Codec::packed) add("packed");
  if (tensor.stored.codec == Codec::sign_extended) add("sign-extended");
  if (strided(tensor)) add("strided");
  return how.empty() ? text : text + " (" + how + ")";
}

std::string remark(const Tensor& tensor, bool more) {
  std::string text;
  const auto add = [&](std::string_view part) {
    text.append(text.empty() ? "" : ", ").append(part);
  };
  if (more && tensor.role != Role::weight) add(to_string(tensor.role));
  if (tensor.bookkeeping) add("bookkeeping");
  if (tensor.problem) add("unreadable: " + short_problem(*tensor.problem));
  return text;
}

/// The other names of a tensor, such as its key in the file; "-" when it has none.
std::string other_names(const Manifest& manifest, const Tensor& tensor) {
  std::string text;
  for (const std::string& attribute : manifest.name_attributes) {
    const auto found = tensor.attributes.find(attribute);
    if (found == tensor.attributes.end()) continue;
    if (const auto* name = std::get_if<std::string>(&found->second))
      text += (text.empty() ? "" : ", ") + printable(*name, 0);
  }
  return text.empty() ? "-" : text;
}

std::string bytes_text(const Tensor& tensor) {
  const auto bytes = bytes_of(tensor);
  return bytes ? std::to_string(*bytes) : "?";
}

/// Columns that are shown.
struct Columns {
  bool more = false;   ///< place and first element
  bool names = false;  ///< other names
};

std::vector<std::string> cells(const Manifest& manifest, const Tensor& tensor, std::string label,
                               Columns columns) {
  std::vector<std::string> row = {std::move(label), std::string(to_string(tensor.dtype)),
                                  to_string(tensor.shape), bytes_text(tensor)};
  if (columns.names) row.push_back(other_names(manifest, tensor));
  if (columns.more) {
    row.push_back(place(tensor));
    const Sample sample = first_element(tensor, Style::text);
    row.push_back(!sample.problem.empty() ? "unreadable: " + sample.problem
                  : sample.text.empty()   ? "-"
                                          : sample.text);
  }
  row.push_back(remark(tensor, columns.more));
  return row;
}

std::vector<std::string> head(Columns columns) {
  std::vector<std::string> row = {"NAME", "DTYPE", "SHAPE", "BYTES"};
  if (columns.names) row.emplace_back("IN THE FILE");
  if (columns.more) row.insert(row.end(), {"PLACE", "FIRST"});
  return row;
}

Table make_table(Columns columns) {
  using enum Table::Align;
  std::vector<Table::Align> aligns = {left, left, left, right};
  if (columns.names) aligns.push_back(left);
  if (columns.more) aligns.insert(aligns.end(), {left, left});
  aligns.push_back(left);
  Table table(std::move(aligns));
  table.add(head(columns));
  return table;
}

void add_flat(Table& table, const Manifest& manifest, Columns columns) {
  for (const Tensor& tensor : manifest.tensors)
    table.add(cells(manifest, tensor, printable(tensor.name), columns));
}

void add_tree(Table& table, const Manifest& manifest, Columns columns) {
  std::vector<TreeLeaf> leaves;
  for (const Tensor& tensor : manifest.tensors)
    leaves.push_back({tensor.name, bytes_of(tensor).value_or(0)});
  for (const TreeLine& line : tree_lines(leaves)) {
    const std::string label = std::string(2 * line.depth, ' ') + printable(line.label);
    if (line.leaf)
      table.add(cells(manifest, manifest.tensors[*line.leaf], label, columns));
    else
      table.add({label + "/", count_of(line.count, "tensor"), "", std::to_string(line.bytes)});
  }
}

std::string totals(const Manifest& manifest) {
  std::uint64_t bytes = 0, bookkeeping = 0, unreadable = 0;
  for (const Tensor& tensor : manifest.tensors) {
    bytes += bytes_of(tensor).value_or(0);
    bookkeeping += tensor.bookkeeping ? 1U : 0U;
    unreadable += tensor.problem ? 1U : 0U;
  }
  std::string text = count_of(manifest.tensors.size(), "tensor") + ", " + exact_bytes(bytes);
  if (bookkeeping > 0) text += "; " + std::to_string(bookkeeping) + " bookkeeping";
  if (unreadable > 0) text += "; " + std::to_string(unreadable) + " unreadable";
  return text + "\n";
}

void add_place(Json& object, const Tensor& tensor) {
  if (const FileRange* range = first_range(tensor); range != nullptr && range->file != nullptr) {
    object["file"] = json_bytes(range->file->name());
    object["offset"] = range->offset;
  }
  object["pieces"] = tensor.stored.pieces.size();
  object["byte_order"] = tensor.stored.order == std::endian::big ? "big" : "little";
  const Sample sample = first_element(tensor, Style::json);
  if (!sample.text.empty()) object["sample"] = Json::parse(sample.text);
  if (!sample.problem.empty()) object["sample_problem"] = sample.problem;
}

Json describe(const Tensor& tensor, bool more) {
  Json object = json_tensor(tensor);
  const auto bytes = bytes_of(tensor);
  object["bytes"] = bytes ? Json(*bytes) : Json(nullptr);
  if (tensor.bookkeeping) object["bookkeeping"] = true;
  if (tensor.role != Role::weight) object["role"] = to_string(tensor.role);
  if (tensor.problem) object["problem"] = json_bytes(short_problem(*tensor.problem));
  if (more) add_place(object, tensor);
  if (!tensor.attributes.empty()) object["attributes"] = json_attributes(tensor.attributes);
  return object;
}

// one line a tensor, written as it is made: a large model needs no second copy of its listing
void print_json(const Model& model, bool more) {
  print("{\"file\":" + to_text(json_bytes(model.path)) +
        ",\"format\":" + to_text(model.format->name) + ",\"tensors\":[");
  const char* separator = "\n";
  for (const Tensor& tensor : model.manifest.tensors) {
    print(separator + to_text(describe(tensor, more)));
    separator = ",\n";
  }
  print("\n],\"notes\":" + to_text(json_notes(model.manifest.notes)) + "}\n");
}

int run(const Arguments& arguments) {
  const bool more = arguments.flag("long"), tree = arguments.flag("tree");
  if (tree && arguments.flag("json"))
    throw Error(ErrorCode::usage, "bad_option",
                "--tree is for people, --json for programs: give one of them");
  Model model = open_model(arguments.operands()[0], arguments);
  if (more) {
    for (Note& note : doubts(model.manifest)) model.manifest.notes.push_back(std::move(note));
  }
  if (arguments.flag("json")) {
    print_json(model, more);
    return 0;
  }
  const Columns columns{more, more && !model.manifest.name_attributes.empty()};
  Table table = make_table(columns);
  if (tree)
    add_tree(table, model.manifest, columns);
  else
    add_flat(table, model.manifest, columns);
  print(table.text());
  print(totals(model.manifest));
  print_notes(model.manifest.notes);
  return 0;
}

}  // namespace

Command ls_command() {
  return {"ls",
          "list the tensors: name, dtype, shape, bytes",
          {.command = "ls",
           .operands = "FILE [options]",
           .about = "Lists the tensors of a model. Only its metadata is read, however large it is; "
                    "a tensor that cannot "
                    "be read\nis listed with the reason.",
           .least = 1,
           .most = 1,
           .groups = {{"Output", kOutput}, selection_options(), input_options()},
           .examples = "  tensorferry ls model.ckpt-1000\n"
                       "  tensorferry ls model.ckpt-1000 --scope dense --long\n"
                       "  tensorferry ls model.ckpt-1000 --include '*/kernel' --json\n"},
          run};
}

}  // namespace tensorferry::cli
