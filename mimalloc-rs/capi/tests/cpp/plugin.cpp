// For a program in C: the C++ library was not there yet when names were bound.
#include <new>

#include "check.h"

static int calls = 0;

struct OurOwn : std::bad_alloc {};

static void says_no() {
  calls++;
  throw OurOwn();
}

template <class Exception>
static bool throws(void* (*call)(size_t)) {
  try {
    call(TOO_LARGE);
  } catch (const Exception&) {
    return true;
  }
  return false;
}

extern "C" int check_new() {
  CHECK(operator new(TOO_LARGE, std::nothrow) == nullptr);
  CHECK(throws<std::bad_alloc>([](size_t size) { return operator new(size); }));
  CHECK(throws<std::bad_alloc>([](size_t size) { return operator new(size, std::align_val_t{64}); }));
  std::set_new_handler(says_no);
  CHECK(throws<OurOwn>([](size_t size) { return operator new[](size); }) && calls == 1);
  CHECK(operator new(TOO_LARGE, std::nothrow) == nullptr && calls == 2);
  std::set_new_handler(nullptr);
  return report_checks();
}
