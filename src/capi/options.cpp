#include "capi/handles.h"

using namespace tensorferry;

void capi::give_notes(const tensorferry_options* options, const std::vector<Note>& notes) {
  if (options == nullptr || options->on_note == nullptr) return;
  for (const Note& note : notes)
    options->on_note(options->note_user, note.id.c_str(), note.text.c_str());
}

int tensorferry_options_new(tensorferry_options** options) {
  return capi::guarded([&] {
    capi::require(options, "options");
    *options = nullptr;
    *options = new tensorferry_options;
  });
}

void tensorferry_options_free(tensorferry_options* options) { delete options; }

int tensorferry_options_set(tensorferry_options* options, const char* name, const char* value) {
  return capi::guarded([&] {
    capi::require(options, "options");
    capi::require(name, "name");
    set_option(options->convert, name, value == nullptr ? "" : value);
  });
}

void tensorferry_options_on_progress(tensorferry_options* options, tensorferry_on_progress call,
                                     void* user) {
  if (options == nullptr) return;
  options->on_progress = call;
  options->progress_user = user;
}

void tensorferry_options_on_note(tensorferry_options* options, tensorferry_on_note call,
                                 void* user) {
  if (options == nullptr) return;
  options->on_note = call;
  options->note_user = user;
}

void tensorferry_options_cancel(tensorferry_options* options) {
  if (options != nullptr) options->cancel.store(true);
}
