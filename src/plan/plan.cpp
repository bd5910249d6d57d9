#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "core/carriers.h"
#include "core/strings.h"
#include "io/output_files.h"
#include "io/private_copy.h"
#include "io/send.h"
#include "io/temporary_name.h"
#include "plan/cast.h"
#include "plan/memory_share.h"
#include "plan/mover.h"
#include "plan/plan_state.h"
#include "plan/stale_files.h"
#include "plan/verify_output.h"
#include "plan/work.h"
#include "tensorferry/convert.h"
#include "util/in_order.h"
#include "util/text.h"

namespace tensorferry {

namespace fs = std::filesystem;

namespace {

/// Errors of one class outrank those of another when several tensors cannot be read.
int rank_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::unsafe:
      return 0;
    case ErrorCode::corrupt:
      return 1;
    case ErrorCode::input:
      return 2;
    case ErrorCode::unsupported:
      return 3;
    default:
      return 4;
  }
}

/// Tensors with one and the same problem.
struct Group {
  const Error* problem;
  std::vector<std::string> names;
};

std::vector<Group> group_problems(const Manifest& manifest) {
  std::vector<Group> groups;
  std::map<std::tuple<std::string, std::string, std::string>, std::size_t> places;
  for (const Tensor& tensor : manifest.tensors) {
    if (!tensor.problem) continue;
    const Error& problem = *tensor.problem;
    const auto [place, is_new] =
        places.try_emplace({problem.id(), problem.file(), problem.message()}, groups.size());
    if (is_new) groups.push_back({&problem, {}});
    groups[place->second].names.push_back(tensor.name);
  }
  return groups;
}

std::string quoted(const std::vector<std::string>& names) {
  constexpr std::size_t kMostNames = 1000;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostNames); ++i)
    text += (i == 0 ? "\"" : ", \"") + printable(names[i]) + "\"";
  if (names.size() > kMostNames)
    text += " and " + std::to_string(names.size() - kMostNames) + " more";
  return text;
}

std::string heading(std::size_t count, const std::vector<Group>& groups) {
  const bool unreadable = std::any_of(groups.begin(), groups.end(), [](const Group& group) {
    return group.problem->code() == ErrorCode::corrupt || group.problem->code() == ErrorCode::input;
  });
  return std::to_string(count) + (count == 1 ? " tensor" : " tensors") +
         " cannot be converted (--exclude leaves " + (count == 1 ? "it" : "them") + " out" +
         (unreadable ? "; --salvage what is damaged)" : ")");
}

}  // namespace

void refuse_problems(const Manifest& manifest) {
  constexpr std::size_t kMostGroups = 50, kMostMissing = 10;
  const std::vector<Group> groups = group_problems(manifest);
  if (groups.empty()) return;
  const Error& worst =
      *std::min_element(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
         return rank_of(a.problem->code()) < rank_of(b.problem->code());
       })->problem;
  std::size_t count = 0;
  std::set<std::string> missing;
  for (const Group& group : groups) {
    count += group.names.size();
    if (group.problem->detail() == "missing") missing.insert(group.problem->file());
  }
  std::string message = heading(count, groups);
  std::size_t shown = 0;
  for (const std::string& file : missing) {
    if (shown++ == kMostMissing) break;
    message += "\n  missing file: " + printable(file);
  }
  if (missing.size() > kMostMissing)
    message += "\n  and " + std::to_string(missing.size() - kMostMissing) + " more missing files";
  for (std::size_t i = 0; i < std::min(groups.size(), kMostGroups); ++i) {
    const Error& problem = *groups[i].problem;
    message += "\n  " + quoted(groups[i].names) + ": " + problem.id() + ": ";
    if (!problem.file().empty()) message += printable(problem.file()) + ": ";
    message += problem.message();
  }
  if (groups.size() > kMostGroups)
    message += "\n  and " + std::to_string(groups.size() - kMostGroups) + " more problems";
  throw Error(worst.code(), worst.detail(), message).in_file(worst.file());
}

namespace {

/// What the format cannot hold gets a problem. A carrier may add a dimension, which readers must
/// still accept. Gives how many tensors of each dtype are carried as another.
std::map<std::string, std::uint64_t> mark_unsupported(Manifest& manifest, const Format& format,
                                                      const Limits& limits) {
  const std::string name(format.name);
  std::map<std::string, std::uint64_t> carried;
  for (Tensor& tensor : manifest.tensors) {
    if (tensor.problem) continue;
    const std::optional<Encoding> encoding = format.writer->encoding_for(tensor);
    if (!encoding) {
      tensor.problem = Error(ErrorCode::unsupported, "dtype",
                             name + " cannot hold " + std::string(to_string(tensor.dtype)));
      continue;
    }
    if (carried_rank(encoding->carrier, tensor.shape) > limits.rank) {
      tensor.problem =
          Error(ErrorCode::unsupported, "rank",
                name + " carries it with more than " + std::to_string(limits.rank) + " dimensions");
    }
    if (encoding->carrier != Carrier::native) ++carried[std::string(to_string(tensor.dtype))];
  }
  return carried;
}

}  // namespace

std::uint64_t count_aliases(const Manifest& manifest) {
  std::vector<std::tuple<std::uint64_t, std::uint64_t, const File*>> places;
  places.reserve(manifest.tensors.size());
  for (const Tensor& tensor : manifest.tensors) {
    if (tensor.stored.pieces.size() != 1) continue;
    const auto* range = std::get_if<FileRange>(&tensor.stored.pieces[0].origin);
    if (range && range->length > 0)
      places.emplace_back(range->offset, range->length, range->file.get());
  }
  sort_unless_sorted(places.begin(), places.end(), std::less<>());
  const auto end = std::unique(places.begin(), places.end());
  return static_cast<std::uint64_t>(places.end() - end);
}

Output output_of(const fs::path& target) {
  std::error_code ignored;
  const bool directory = target.filename().empty() || fs::is_directory(target, ignored);
  const fs::path full = absolute_path(target, ErrorCode::output);
  const fs::path named = full.filename().empty() ? full.parent_path() : full;
  return {named.filename().string(), directory};
}

namespace {

void require_reader(const Format& format) {
  if (format.reader) return;
  throw Error(ErrorCode::usage, "no_reader",
              std::string(format.name) +
                  " can be written, not read: its output cannot be verified by reading it back");
}

std::string shown_path(const fs::path& target, const Layout& layout, std::size_t file) {
  const std::string& name = layout.files[file].name;
  if (layout.directory) return (target / name).string();
  return name.empty() ? target.string() : (target.parent_path() / name).string();
}

/// Where a stream's output is made before it is sent: nothing of this name ever appears.
fs::path scratch_path(const fs::path& target) {
  for (const std::string& folder : temporary_folders())
    if (access(folder.c_str(), W_OK | X_OK) == 0)
      return fs::path(folder) /
             (temporary_name(target.stem().string()) + target.extension().string());
  throw system_error(ErrorCode::resources, "open a temporary file", errno, target.string());
}

void refuse_several_files(const Format& format, const Layout& layout) {
  if (!layout.directory && layout.files.size() == 1) return;
  throw Error(ErrorCode::usage, "several_files",
              std::string(format.name) +
                  " is written as several files here, and a stream can carry only one; name a "
                  "file or folder, or another format");
}

void check_free_space(const fs::path& target, const Layout& layout) {
  const fs::path parent = absolute_path(target, ErrorCode::output).parent_path();
  const std::uint64_t needed = output_bytes(layout);
  const std::uint64_t free = free_bytes(parent);
  if (needed > free) {
    throw Error(ErrorCode::output, "no_space",
                "needs " + std::to_string(needed) + " bytes, the file system has " +
                    std::to_string(free) + " free")
        .in_file(target.string());
  }
}

}  // namespace

ConversionPlan::State::State(const Manifest& given, const Format& to, fs::path where,
                             const Limits& allowed)
    : format(to),
      target(std::move(where)),
      limits(allowed),
      tensors(given.tensors.size()),
      aliases(count_aliases(given)) {
  for (const Tensor& tensor : given.tensors) bytes += tensor.bytes();
}

ConversionPlan::ConversionPlan(std::unique_ptr<State> state) : state_(std::move(state)) {}
ConversionPlan::~ConversionPlan() = default;
ConversionPlan::ConversionPlan(ConversionPlan&&) noexcept = default;
ConversionPlan& ConversionPlan::operator=(ConversionPlan&&) noexcept = default;

const Manifest& ConversionPlan::manifest() const { return state_->manifest; }
const Layout& ConversionPlan::layout() const { return state_->layout; }

ConversionPlan ConversionPlan::make(Manifest manifest, const Format& format, const fs::path& target,
                                    const std::map<std::string, std::string>& write_options,
                                    const Limits& limits) {
  if (!format.writer) {
    throw Error(ErrorCode::unsupported, "no_writer",
                format.unavailable.empty()
                    ? std::string(format.name) + " can be read, not written"
                    : std::string(format.name) + ": " + std::string(format.unavailable));
  }
  const Options options(format.write_options, write_options);
  auto carried = mark_unsupported(manifest, format, limits);
  refuse_problems(manifest);

  auto state = std::make_unique<State>(manifest, format, target, limits);
  state->carried = std::move(carried);
  const auto strings = format.writer->encoding(DType::string);
  if (strings && strings->carrier == Carrier::string_pair &&
      state->carried.contains(std::string(to_string(DType::string)))) {
    Manifest split = split_strings(manifest, limits);
    state->whole = std::exchange(manifest, std::move(split));
  }
  check(manifest, limits);
  refuse_problems(manifest);
  state->manifest = std::move(manifest);

  const Output output = output_of(target);
  state->layout = format.writer->lay_out(state->manifest, output, options, limits);
  if (output.directory && !state->layout.directory) {
    throw Error(ErrorCode::usage, "not_a_folder",
                std::string(format.name) + " is written to a file: name one in this folder")
        .in_file(target.string());
  }
  check(state->layout, state->manifest);
  state->listed = state->manifest.tensors.size();
  return ConversionPlan(std::move(state));
}

std::vector<Destination> ConversionPlan::destinations() const {
  std::vector<Destination> all;
  all.reserve(state_->layout.slots.size());
  for (const Slot& slot : state_->layout.slots) {
    if (slot.tensor >= state_->listed) continue;
    const Tensor& tensor = state_->manifest.tensors[slot.tensor];
    all.push_back({slot.tensor, shown_path(state_->target, state_->layout, slot.file),
                   *state_->format.writer->encoding_for(tensor)});
  }
  return all;
}

std::vector<std::pair<fs::path, std::uint64_t>> ConversionPlan::output_files() const {
  std::vector<std::pair<fs::path, std::uint64_t>> all;
  const Layout& layout = state_->layout;
  for (std::size_t i = 0; i < layout.files.size(); ++i)
    all.emplace_back(shown_path(state_->target, layout, i), layout.files[i].total());
  return all;
}

std::uint64_t ConversionPlan::free_space() const {
  return free_bytes(absolute_path(state_->target, ErrorCode::output).parent_path());
}

std::uint64_t ConversionPlan::peak_memory(const RunOptions& options) const {
  std::uint64_t literals = 0;
  for (const Segment& segment : state_->layout.segments) literals += segment.bytes.size();
  return literals + buffer_bytes(state_->manifest, state_->layout, options);
}

std::string ConversionPlan::describe() const {
  const Layout& layout = state_->layout;
  std::string text;
  for (const Destination& destination : destinations()) {
    const Tensor& tensor = state_->manifest.tensors[destination.tensor];
    text += printable(tensor.name) + "  " + std::string(to_string(tensor.dtype)) + " " +
            to_string(tensor.shape) + "  " + std::to_string(tensor.bytes()) + " bytes -> " +
            printable(destination.file.string());
    if (!tensor.renamed_from.empty()) text += "  renamed from " + printable(tensor.renamed_from);
    if (stored_dtype(tensor) != tensor.dtype)
      text += "  cast from " + std::string(to_string(stored_dtype(tensor)));
    const Encoding& encoding = destination.encoding;
    if (encoding.carrier != Carrier::native) {
      text += "  carried as " + std::string(to_string(encoding.dtype)) + " (" +
              std::string(to_string(encoding.carrier)) + ")";
    }
    text += "\n";
  }
  text += std::to_string(state_->tensors) + " tensors, " + std::to_string(state_->bytes) +
          " bytes -> " + std::to_string(layout.files.size()) +
          (layout.files.size() == 1 ? " file, " : " files, ") +
          std::to_string(output_bytes(layout)) + " bytes; " + std::to_string(free_space()) +
          " bytes free\n";
  return text;
}

Receipt ConversionPlan::run(const RunOptions& options) && {
  const auto start = std::chrono::steady_clock::now();
  State& state = *state_;
  if (options.verify_output) require_reader(state.format);
  static_cast<void>(
      buffer_bytes(state.manifest, state.layout, options));  // refuses a limit that is too low
  const bool streams = options.stream >= 0;
  if (streams) refuse_several_files(state.format, state.layout);
  const fs::path place = streams ? scratch_path(state.target) : state.target;
  OutputFiles::Target target{place, state.layout.directory, {}, options.overwrite};
  target.names.reserve(state.layout.files.size());
  for (const OutputFile& file : state.layout.files) target.names.emplace_back(file.name);
  OutputFiles output(std::move(target), state.manifest.sources);
  check_free_space(place, state.layout);
  std::optional<Note> stale;
  if (!streams && options.overwrite && !state.layout.directory && state.layout.files.size() > 1)
    stale = note_stale_files(output_files(), state.format, state.limits);

  MoveResult moved;
  try {
    moved = move_all(state.manifest, state.layout, output, options);
    refuse_overflow(moved.casts);
    if (options.verify_output) {
      verify_output(output.as_input(), state.format, state.layout.read_options,
                    state.whole ? *state.whole : state.manifest, state.limits, options);
    }
    if (options.verify_source) {
      for (const auto& source : state.manifest.sources) source->check_unchanged();
    }
    if (streams) {
      send(*output.as_input().file(), options.stream, options.cancel);
    } else {
      output.commit(options.sync);
    }
  } catch (const Error& error) {
    const std::string left = output.abandon();
    const bool of_output = error.code() == ErrorCode::output;
    if (left.empty() && !of_output) throw;
    throw Error(error.code(), error.detail(), error.message() + left)
        .in_file(error.file())
        .in_tensor(error.tensor())
        .in_file(of_output ? state.target.string() : std::string());
  }

  Receipt receipt;
  receipt.tensors = state.tensors;
  receipt.bytes = state.bytes;
  receipt.output_bytes = output_bytes(state.layout);
  receipt.moved_bytes = moved.bytes;
  receipt.verified = options.verify_output;
  receipt.carried = state.carried;
  receipt.casts = std::move(moved.casts);
  receipt.aliases = state.aliases;
  receipt.notes = state.manifest.notes;
  for (const Note& note : state.layout.notes) receipt.notes.push_back(note);
  for (const Note& note : output.notes()) receipt.notes.push_back(note);
  if (stale) receipt.notes.push_back(*stale);
  if (moved.changed_bools > 0) {
    receipt.notes.push_back(
        {"bool.normalised",
         std::to_string(moved.changed_bools) + " bool elements were neither 0 nor 1 and became 1"});
  }
  receipt.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return receipt;
}

}  // namespace tensorferry
