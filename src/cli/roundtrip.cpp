#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "commands.h"
#include "difference_text.h"
#include "model.h"
#include "output.h"
#include "scanning.h"

namespace tensorferry::cli {
namespace {

namespace fs = std::filesystem;

constexpr OptionDef kRoute[] = {
    {"via", "FORMAT[,FORMAT...]", "The formats to go through, one after the other"},
    {"temp", "FOLDER", "Where the files lie meanwhile; default: TMPDIR, or /tmp"},
    {"bookkeeping", nullptr, "Carry and compare what is not a weight, too"},
    {"json", nullptr, "Print JSON"},
    {"q,quiet", nullptr, "Print only errors; the exit code gives the result"},
};

/// Removed at the end, with what is in it.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const fs::path& parent) {
    std::string name = (parent / "tensorferry.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr)
      throw Error(ErrorCode::output, "mkdtemp",
                  "no folder can be made here: " + std::generic_category().message(errno))
          .in_file(parent.string());
    path_ = name;
  }
  ~TemporaryFolder() { remove(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  /// A new folder in it.
  fs::path add(const std::string& name) const {
    std::error_code error;
    fs::create_directory(path_ / name, error);
    if (error)
      throw Error(ErrorCode::output, "mkdir", "the folder cannot be made: " + error.message())
          .in_file((path_ / name).string());
    return path_ / name;
  }
  static void remove(const fs::path& path) {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }

 private:
  fs::path path_;
};

const Format& usable(const std::string& name) {
  const Format& format = Registry::global().at(name);
  if (!format.reader || !format.writer)
    throw Error(ErrorCode::usage, format.reader ? "no_writer" : "no_reader",
                name + (format.unavailable.empty() ? format.reader ? " can be read, not written"
                                                                   : " can be written, not read"
                                                   : ": " + std::string(format.unavailable)));
  return format;
}

/// The formats of --via, then the one that the file came in, where that can be written.
std::vector<const Format*> route(const Arguments& arguments, const Format& home) {
  std::vector<const Format*> formats;
  for (const std::string& text : arguments.values("via")) {
    for (std::size_t start = 0; start <= text.size();) {
      const std::size_t end = std::min(text.find(',', start), text.size());
      formats.push_back(&usable(text.substr(start, end - start)));
      start = end + 1;
    }
  }
  if (formats.empty())
    throw Error(ErrorCode::usage, "no_route", "--via names no format: --via onnx,hdf5");
  if (home.writer && formats.back() != &home) formats.push_back(&home);
  return formats;
}

struct Leg {
  const Format* format;
  Comparison comparison;
  std::uint64_t output_bytes = 0;
};

/// Converts from one format to the next and compares each with the original; stops at the first
/// that differs.
class Trip {
 public:
  Trip(const Arguments& arguments, const Model& original, const TemporaryFolder& folder,
       const ScanOptions& scan)
      : original_(original), folder_(folder), scan_(scan) {
    convert_.read = read_options(arguments);
    convert_.selection = selection(arguments);
    convert_.bookkeeping = arguments.flag("bookkeeping");
    convert_.allow_empty = arguments.flag("allow-empty");
    convert_.run.threads = scan.threads;
    convert_.run.sync = false;
    convert_.run.progress = scan.progress;
    convert_.run.cancel = scan.cancel;
  }

  std::vector<Leg> run(const std::vector<const Format*>& formats) {
    std::vector<Leg> legs;
    Input source = original_.input;
    fs::path previous;
    for (const Format* format : formats) {
      const fs::path folder =
          folder_.add(std::to_string(legs.size()) + "-" + std::string(format->name));
      const fs::path target = folder / "model";
      convert_.to = format->name;
      Leg& leg = legs.emplace_back();
      leg.format = format;
      leg.output_bytes =
          std::move(prepare(source, target, convert_).plan).run(convert_.run).output_bytes;
      convert_.selection = {};  // was made; names are compared as they come
      convert_.read = {std::string(format->name), {}, convert_.read.limits};
      leg.comparison = compare_with(target);
      if (!previous.empty()) TemporaryFolder::remove(previous);
      previous = folder;
      source = Input::open(target);
      if (!leg.comparison.equal()) break;
    }
    return legs;
  }

 private:
  Comparison compare_with(const fs::path& target) const {
    Manifest found = read(target, convert_.read);
    if (!convert_.bookkeeping) found = drop_bookkeeping()(std::move(found));
    CompareOptions options;
    options.scan = scan_;
    return compare(original_.manifest, found, options);
  }

  const Model& original_;
  const TemporaryFolder& folder_;
  const ScanOptions& scan_;
  ConvertOptions convert_;
};

void print_text(const std::vector<Leg>& legs) {
  for (const Leg& leg : legs) {
    print(std::string(leg.format->name) + ": " + exact_bytes(leg.output_bytes) + ": ");
    if (!leg.comparison.equal()) print("not the same\n");
    print(comparison_text(leg.comparison));
  }
}

void print_json(const std::vector<Leg>& legs) {
  Json document = {{"equal", legs.back().comparison.equal()}, {"legs", Json::array()}};
  for (const Leg& leg : legs) {
    Json object = {{"format", leg.format->name}, {"output_bytes", leg.output_bytes}};
    object.update(comparison_json(leg.comparison));
    document["legs"].push_back(std::move(object));
  }
  print(to_text(document) + "\n");
}

int run(const Arguments& arguments) {
  Model model = open_model(arguments.operands()[0], arguments);
  const std::vector<const Format*> formats = route(arguments, *model.format);
  if (!arguments.flag("bookkeeping"))
    model.manifest = drop_bookkeeping()(std::move(model.manifest));
  std::error_code error;
  const fs::path usual = fs::temp_directory_path(error);
  const fs::path parent = arguments.value("temp").value_or(error ? "/tmp" : usual.string());

  std::vector<Leg> legs;
  scan(arguments, [&](const ScanOptions& options) {
    const TemporaryFolder folder(parent);
    legs = Trip(arguments, model, folder, options).run(formats);
  });
  const bool quiet = arguments.flag("quiet");
  if (arguments.flag("json"))
    print_json(legs);
  else if (!quiet)
    print_text(legs);
  flush_output();
  if (!quiet) print_notes(model.manifest.notes);
  return exit_code(legs.back().comparison);
}

}  // namespace

Command roundtrip_command() {
  return {"roundtrip",
          "carry a file through other formats and back, and compare",
          {.command = "roundtrip",
           .operands = "FILE --via FORMAT[,FORMAT...] [options]",
           .about = "Carries the tensors of FILE through each format of --via in turn, and back to "
                    "FILE's own format where that can be\nwritten, in a temporary folder; after "
                    "each step all bits are compared with FILE. Exit code: 0 all the same,\n1 "
                    "different, and the rest as in convert. At most two steps are on the disk at a "
                    "time.",
           .least = 1,
           .most = 1,
           .groups = {{"Route", kRoute}, selection_options(), input_options(), scan_options()},
           .examples = "  tensorferry roundtrip model.ckpt-1000 --via onnx,hdf5,npz\n"},
          run};
}

}  // namespace tensorferry::cli
