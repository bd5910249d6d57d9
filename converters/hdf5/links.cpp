#include "links.h"

#include <set>
#include <vector>

#include "names.h"

namespace tensorferry::hdf5 {
namespace {

struct Link {
  std::string name;
  H5L_type_t type;
  haddr_t address;  // of a hard link
};

struct Listing {
  std::vector<Link> links;
  bool out_of_memory = false;
};

herr_t take_link(hid_t, const char* name, const H5L_info_t* info, void* data) {
  auto& listing = *static_cast<Listing*>(data);
  try {
    listing.links.push_back(
        {name, info->type, info->type == H5L_TYPE_HARD ? info->u.address : HADDR_UNDEF});
    return 0;
  } catch (...) {
    listing.out_of_memory = true;
    return -1;
  }
}

// A soft link leads to another path: where the library stops, too.
constexpr unsigned kMostSoftLinks = 16;

[[noreturn]] void leads_out(std::string_view what) {
  throw Error(ErrorCode::unsafe, "link",
              "it is " + std::string(what) + ", which is never followed");
}

void refuse_foreign(H5L_type_t type) {
  if (type == H5L_TYPE_HARD || type == H5L_TYPE_SOFT) return;
  leads_out(type == H5L_TYPE_EXTERNAL ? "a link to another file" : "a link of a user's own kind");
}

class Walker {
 public:
  Walker(OpenFile& file, const Limits& limits, Visitor& visitor)
      : file_(file), limits_(limits), visitor_(visitor) {}

  void run() {
    visitor_.coming_to(path_);
    H5O_info_t info{};
    readable(H5Oget_info2(file_.id(), &info, H5O_INFO_BASIC), "find the root group");
    root_ = info.addr;
    entered_.insert(root_);
    frames_.push_back({root_, 0, list(root_), 0});
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      path_.resize(frame.path_length);
      if (frame.next == frame.links.size()) {
        frames_.pop_back();
        continue;
      }
      const Link link = std::move(frame.links[frame.next++]);
      if (!path_.empty()) path_ += '/';
      path_ += link.name;
      count(path_.size());
      visit(link, frame.address);
    }
  }

 private:
  struct Frame {
    haddr_t address;
    std::size_t path_length;
    std::vector<Link> links;
    std::size_t next;
  };

  void count(std::size_t bytes) {
    name_bytes_ += bytes;
    if (++objects_ <= limits_.tensors && name_bytes_ / 8 <= limits_.header_bytes) return;
    throw Error(ErrorCode::unsafe, "limit",
                "more than " + std::to_string(limits_.tensors) +
                    " objects, or paths of more than " + std::to_string(8 * limits_.header_bytes) +
                    " bytes");
  }

  Handle open(haddr_t address) const { return open_object(file_.id(), address); }

  std::vector<Link> list(haddr_t address) const {
    const Handle group = open(address);
    const Handle creation =
        readable_handle(H5Gget_create_plist(group.id()), H5Pclose, "read the settings of a group");
    unsigned order = 0;
    readable(H5Pget_link_creation_order(creation.id(), &order), "read the order of a group");
    Listing listing;
    const H5_index_t index = (order & H5P_CRT_ORDER_TRACKED) ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME;
    const herr_t done = H5Literate(group.id(), index, H5_ITER_INC, nullptr, take_link, &listing);
    if (listing.out_of_memory) throw Error(ErrorCode::resources, "memory", "out of memory");
    readable(done, "list a group");
    return std::move(listing.links);
  }

  void visit(const Link& link, haddr_t group) {
    try {
      visitor_.coming_to(path_);
      refuse_foreign(link.type);
      const bool soft = link.type == H5L_TYPE_SOFT;
      unsigned budget = kMostSoftLinks;
      visit_object(soft ? follow(group, link.name, budget) : link.address, soft);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::resources) throw;
      if (error.code() == ErrorCode::unsafe && error.detail() == "limit") throw;
      visitor_.problem(path_, error);
    }
  }

  void visit_object(haddr_t address, bool soft) {
    const Handle object = open(address);
    const H5I_type_t type = H5Iget_type(object.id());
    if (type == H5I_DATASET) return visitor_.dataset(path_, object.id(), address);
    if (type != H5I_GROUP) return;  // a named type
    if (soft || entered_.contains(address)) {
      visitor_.note({"hdf5.group_again", printable(path_) +
                                             " is another name of a group; its tensors are listed "
                                             "once"});
      return;
    }
    entered_.insert(address);
    if (frames_.size() > kMaxDepth) {
      throw Error(ErrorCode::unsafe, "limit",
                  "groups lie more than " + std::to_string(kMaxDepth) + " deep");
    }
    frames_.push_back({address, path_.size(), list(address), 0});
  }

  // The object that a soft link of a group leads to, link by link.
  haddr_t follow(haddr_t group, const std::string& name, unsigned& budget) const {
    if (budget-- == 0)
      throw Error(ErrorCode::corrupt, "link", "it is a soft link that leads in circles");
    const std::string target = target_of(group, name);
    haddr_t at = target.starts_with('/') ? root_ : group;
    for (std::size_t begin = 0; begin < target.size();) {
      const std::size_t end = std::min(target.find('/', begin), target.size());
      const std::string component = target.substr(begin, end - begin);
      begin = end + 1;
      if (!component.empty() && component != ".") at = step(at, component, target, budget);
    }
    return at;
  }

  haddr_t step(haddr_t group, const std::string& name, const std::string& target,
               unsigned& budget) const {
    const Handle object = open(group);
    H5L_info_t info{};
    if (H5Iget_type(object.id()) != H5I_GROUP ||
        H5Lexists(object.id(), name.c_str(), H5P_DEFAULT) <= 0) {
      throw Error(ErrorCode::corrupt, "link",
                  "it is a soft link to " + printable(target) + ", which is not there");
    }
    readable(H5Lget_info(object.id(), name.c_str(), &info, H5P_DEFAULT), "read a link");
    refuse_foreign(info.type);
    return info.type == H5L_TYPE_HARD ? info.u.address : follow(group, name, budget);
  }

  std::string target_of(haddr_t group, const std::string& name) const {
    const Handle object = open(group);
    H5L_info_t info{};
    readable(H5Lget_info(object.id(), name.c_str(), &info, H5P_DEFAULT), "read a link");
    if (info.type != H5L_TYPE_SOFT || info.u.val_size > kMaxPath)
      throw Error(ErrorCode::corrupt, "link", "it is a soft link that is not readable");
    std::string target(info.u.val_size, '\0');
    if (target.empty()) return target;
    readable(H5Lget_val(object.id(), name.c_str(), target.data(), target.size(), H5P_DEFAULT),
             "read a link");
    return target.substr(0, target.find('\0'));
  }

  OpenFile& file_;
  const Limits& limits_;
  Visitor& visitor_;
  haddr_t root_ = 0;
  std::set<haddr_t> entered_;
  std::vector<Frame> frames_;
  std::string path_;
  std::uint64_t objects_ = 0, name_bytes_ = 0;
};

}  // namespace

void walk(OpenFile& file, const Limits& limits, Visitor& visitor) {
  Walker(file, limits, visitor).run();
}

}  // namespace tensorferry::hdf5
