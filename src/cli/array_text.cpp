#include "array_text.h"

#include <algorithm>
#include <string>

#include "output.h"

namespace tensorferry::cli {
namespace {

constexpr std::uint64_t kEdge = 3;
constexpr std::size_t kLineWidth = 100;
constexpr std::size_t kFlushBytes = 64 * 1024;

/// Walks the box and says what comes: brackets, separators, elements.
class Walk {
 public:
  Walk(const Box& box, bool elide, Elements& elements)
      : box_(box), elide_(elide), elements_(elements) {}
  virtual ~Walk() = default;

  void run() { block(0, box_.origin); }

 protected:
  virtual void open() = 0;
  virtual void close() = 0;
  virtual void separate(std::size_t axis) = 0;
  virtual void ellipsis() = 0;
  virtual void element(std::uint64_t index) = 0;

  const Box& box_;
  bool elide_;
  Elements& elements_;

 private:
  void block(std::size_t axis, std::uint64_t base) {
    if (axis == box_.axes.size()) {
      if (axis == 0) elements_.expect(base, 1);
      element(base);
      return;
    }
    open();
    const std::uint64_t extent = box_.axes[axis].extent;
    if (elide_ && extent > 2 * kEdge) {
      range(axis, base, 0, kEdge);
      separate(axis);
      ellipsis();
      separate(axis);
      range(axis, base, extent - kEdge, extent);
    } else {
      range(axis, base, 0, extent);
    }
    close();
  }

  void range(std::size_t axis, std::uint64_t base, std::uint64_t from, std::uint64_t to) {
    const std::uint64_t stride = box_.axes[axis].stride;
    if (axis + 1 == box_.axes.size() && to > from)
      elements_.expect(base + from * stride, (to - from - 1) * stride + 1);
    for (std::uint64_t i = from; i < to; ++i) {
      if (i > from) separate(axis);
      block(axis + 1, base + i * stride);
    }
  }
};

/// The width of the widest element.
class Measure : public Walk {
 public:
  using Walk::Walk;
  std::size_t widest() const { return widest_; }

 private:
  void open() override {}
  void close() override {}
  void separate(std::size_t) override {}
  void ellipsis() override {}
  void element(std::uint64_t index) override {
    text_.clear();
    elements_.append(text_, index, Style::text);
    widest_ = std::max(widest_, display_width(text_));
  }

  std::string text_;
  std::size_t widest_ = 0;
};

class TextWalk : public Walk {
 public:
  TextWalk(const Box& box, bool elide, Elements& elements, std::size_t pad, const TextSink& sink)
      : Walk(box, elide, elements), pad_(pad), sink_(sink) {}
  ~TextWalk() override = default;

  void flush() {
    sink_(out_);
    out_.clear();
  }

 private:
  void open() override {
    out_ += '[';
    ++depth_;
    ++column_;
  }
  void close() override {
    out_ += ']';
    --depth_;
    ++column_;
  }
  void separate(std::size_t axis) override {
    out_ += ',';
    ++column_;
    if (axis + 1 == box_.axes.size()) {
      blank_due_ = true;
      return;
    }
    out_.append(box_.axes.size() - 1 - axis, '\n');
    indent();
  }
  void ellipsis() override { word("...", 0); }
  void element(std::uint64_t index) override {
    text_.clear();
    elements_.append(text_, index, Style::text);
    word(text_, pad_);
  }

  void indent() {
    out_.append(depth_, ' ');
    column_ = depth_;
  }

  void word(const std::string& text, std::size_t pad) {
    const std::size_t width = display_width(text);
    const std::size_t blanks = pad > width ? pad - width : 0;
    if (blank_due_) {
      if (column_ + 1 + blanks + width >= kLineWidth) {
        out_ += '\n';
        indent();
      } else {
        out_ += ' ';
        ++column_;
      }
      blank_due_ = false;
    }
    out_.append(blanks, ' ');
    out_ += text;
    column_ += blanks + width;
    if (out_.size() >= kFlushBytes) flush();
  }

  std::size_t pad_;
  const TextSink& sink_;
  std::string out_, text_;
  std::size_t depth_ = 0, column_ = 0;
  bool blank_due_ = false;  // between two elements: a blank, or the next line
};

class JsonWalk : public Walk {
 public:
  JsonWalk(const Box& box, Elements& elements, const TextSink& sink)
      : Walk(box, false, elements), sink_(sink) {}

  void flush() {
    sink_(out_);
    out_.clear();
  }

 private:
  void open() override { out_ += '['; }
  void close() override {
    out_ += ']';
    if (out_.size() >= kFlushBytes) flush();
  }
  void separate(std::size_t) override { out_ += ','; }
  void ellipsis() override {}
  void element(std::uint64_t index) override {
    elements_.append(out_, index, Style::json);
    if (out_.size() >= kFlushBytes) flush();
  }

  const TextSink& sink_;
  std::string out_;
};

}  // namespace

Box::Box(const Shape& shape, const std::vector<Span>& spans) : count(1) {
  std::vector<std::uint64_t> strides(shape.size(), 1);
  for (std::size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::uint64_t extent = spans[i].stop - spans[i].start;
    origin += spans[i].start * strides[i];
    end += extent == 0 ? 0 : (extent - 1) * strides[i];
    count *= extent;
    if (!spans[i].dropped) axes.push_back({extent, strides[i]});
  }
  end = count == 0 ? origin : origin + end + 1;
}

void write_array_text(const Box& box, bool elide, Elements& elements, const TextSink& sink) {
  if (box.count == 0) {
    sink("[]");
    return;
  }
  std::size_t pad = 0;
  if (elide || box.count <= kElisionThreshold) {
    Measure measure(box, elide, elements);
    measure.run();
    pad = measure.widest();
  }
  TextWalk walk(box, elide, elements, pad, sink);
  walk.run();
  walk.flush();
}

void write_array_json(const Box& box, Elements& elements, const TextSink& sink) {
  JsonWalk walk(box, elements, sink);
  walk.run();
  walk.flush();
}

}  // namespace tensorferry::cli
