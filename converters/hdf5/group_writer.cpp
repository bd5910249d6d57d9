#include "group_writer.h"

#include <algorithm>

#include "object_header.h"
#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

// As the library has it for groups that grow.
constexpr std::size_t kFewLinks = 8;
constexpr std::uint64_t kLongestMessage = 0xFFFF - 7;

bool fit_header(std::span<const Link> links) {
  return links.size() <= kFewLinks && std::all_of(links.begin(), links.end(), [](const Link& link) {
           return link_size(link.name) <= kLongestMessage;
         });
}

}  // namespace

void GroupWriter::add(std::string_view path, std::uint64_t address) {
  if (path == last_path_)
    throw Error(ErrorCode::internal, "hdf5", "the path " + printable(path) + " is taken");
  const auto differ = std::mismatch(path.begin(), path.end(), last_path_.begin(), last_path_.end());
  const auto same = static_cast<std::size_t>(differ.first - path.begin());
  const auto shared = static_cast<std::size_t>(std::count(path.begin(), differ.first, '/'));
  while (open_.size() > shared) close();
  std::size_t begin = same == 0 ? 0 : path.rfind('/', same - 1) + 1;
  for (std::size_t slash; (slash = path.find('/', begin)) != std::string_view::npos;
       begin = slash + 1) {
    open_.push_back({path.substr(0, slash), path.substr(begin, slash - begin), links_.size()});
  }
  links_.push_back({path.substr(begin), address, 0});
  last_path_ = path;
}

std::uint64_t GroupWriter::finish(const std::function<void(HeaderWriter&)>& add_more) {
  while (!open_.empty()) close();
  return append_group("/", 0, add_more);
}

void GroupWriter::close() {
  const Open group = open_.back();
  open_.pop_back();
  const std::uint64_t address = append_group(group.path, group.first_link, {});
  links_.push_back({group.name, address, 0});
}

std::uint64_t GroupWriter::append_group(std::string_view path, std::size_t first_link,
                                        const std::function<void(HeaderWriter&)>& add_more) {
  const auto links = std::span(links_).subspan(first_link);
  const bool few = fit_header(links);
  const LinkTable table =
      few ? LinkTable{kNowhere, kNowhere} : append_link_table(out_, path, links);
  HeaderWriter header(out_);
  header.add_link_info(table.heap, table.tree);
  if (few) {
    for (const Link& link : links) header.add_link(link.name, link.address);
  }
  if (add_more) add_more(header);
  links_.resize(first_link);
  return header.finish();
}

}  // namespace tensorferry::hdf5
