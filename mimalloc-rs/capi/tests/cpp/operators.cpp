// All forms of new and delete are ours; those that can fail throw or give nullptr.
#include <mimalloc.h>

#include <memory>
#include <new>
#include <stdexcept>
#include <string>

#include "check.h"

struct alignas(128) Wide {
  char bytes[128];
  explicit Wide(bool fail = false) {
    if (fail) throw std::runtime_error("in a constructor");
  }
};

template <class Call>
static bool throws_bad_alloc(Call call) {
  try {
    call();
  } catch (const std::bad_alloc&) {
    return true;
  }
  return false;
}

static bool ours(const void* p) {
  return p != nullptr && mi_is_in_heap_region(p);
}

static void forms() {
  const std::align_val_t align{256};
  void* p = operator new(10);
  CHECK(ours(p));
  operator delete(p);
  p = operator new[](10);
  CHECK(ours(p));
  operator delete[](p);
  p = operator new(10, std::nothrow);
  CHECK(ours(p));
  operator delete(p, std::nothrow);
  p = operator new[](10, std::nothrow);
  CHECK(ours(p));
  operator delete[](p, std::nothrow);
  p = operator new(10, align);
  CHECK(ours(p) && is_aligned(p, 256));
  operator delete(p, align);
  p = operator new[](10, align);
  CHECK(ours(p) && is_aligned(p, 256));
  operator delete[](p, align);
  p = operator new(10, align, std::nothrow);
  CHECK(ours(p) && is_aligned(p, 256));
  operator delete(p, align, std::nothrow);
  p = operator new[](10, align, std::nothrow);
  CHECK(ours(p) && is_aligned(p, 256));
  operator delete[](p, align, std::nothrow);
  p = operator new(10);
  operator delete(p, 10);
  p = operator new[](10);
  operator delete[](p, 10);
  p = operator new(10, align);
  operator delete(p, 10, align);
  p = operator new[](10, align);
  operator delete[](p, 10, align);
  operator delete(nullptr);
  operator delete[](nullptr);
  CHECK(ours(p = operator new(0)));
  operator delete(p);
}

static void expressions() {
  auto* wide = new Wide[3];
  CHECK(is_aligned(wide, 128) && ours(wide));
  delete[] wide;
  auto* text = new std::string(1000, 'x');
  CHECK(ours(text) && ours(text->data()));
  delete text;
  CHECK(is_aligned(std::make_unique<Wide>().get(), 128));
  bool caught = false;
  try {
    delete new Wide(true);
  } catch (const std::runtime_error&) {
    caught = true;
  }
  CHECK(caught);
}

static void failures() {
  const std::align_val_t align{64};
  const size_t sizes[] = {TOO_LARGE, BEYOND, NOT_THERE};
  for (size_t size : sizes) {
    CHECK(throws_bad_alloc([=] { return operator new(size); }));
    CHECK(throws_bad_alloc([=] { return operator new[](size); }));
    CHECK(throws_bad_alloc([=] { return operator new(size, align); }));
    CHECK(throws_bad_alloc([=] { return operator new[](size, align); }));
    CHECK(operator new(size, std::nothrow) == nullptr);
    CHECK(operator new[](size, std::nothrow) == nullptr);
    CHECK(operator new(size, align, std::nothrow) == nullptr);
    CHECK(operator new[](size, align, std::nothrow) == nullptr);
    CHECK(throws_bad_alloc([=] { return mi_new(size); }));
    CHECK(throws_bad_alloc([=] { return mi_new_aligned(size, 64); }));
    CHECK(throws_bad_alloc([=] { return mi_new_n(size, 1); }));
    CHECK(throws_bad_alloc([=] { return mi_new_realloc(nullptr, size); }));
    CHECK(throws_bad_alloc([=] { return mi_new_reallocn(nullptr, size, 1); }));
    CHECK(throws_bad_alloc([=] { return mi_heap_alloc_new(mi_heap_main(), size); }));
    CHECK(throws_bad_alloc([=] { return mi_heap_alloc_new_n(mi_heap_main(), size, 1); }));
    CHECK(throws_bad_alloc([=] { return mi_heap_try_new(mi_heap_main(), size, false); }));
    CHECK(mi_heap_try_new(mi_heap_main(), size, true) == nullptr);
    CHECK(mi_new_nothrow(size) == nullptr);
    CHECK(mi_new_aligned_nothrow(size, 64) == nullptr);
  }
  CHECK(throws_bad_alloc([] { return mi_new_n(TOO_LARGE, 8); }));
  CHECK(throws_bad_alloc([] { return mi_new_reallocn(nullptr, TOO_LARGE, 8); }));
  CHECK(throws_bad_alloc([] { return mi_heap_alloc_new_n(mi_heap_main(), TOO_LARGE, 8); }));
  CHECK(throws_bad_alloc([] { return mi_new_aligned(8, 3); }));
  CHECK(mi_new_aligned_nothrow(8, 3) == nullptr);
  CHECK(mi_new_aligned_nothrow(8, 0) == nullptr);
}

static void prefixed() {
  void* p = mi_new(100);
  CHECK(ours(p));
  p = mi_new_realloc(p, 1000);
  CHECK(ours(p) && mi_usable_size(p) >= 1000);
  p = mi_new_reallocn(p, 100, 100);
  CHECK(ours(p) && mi_usable_size(p) >= 10000);
  bool thrown = throws_bad_alloc([=] { return mi_new_realloc(p, TOO_LARGE); });
  CHECK(thrown && mi_usable_size(p) >= 10000);
  mi_free(p);
  mi_free(mi_new_n(10, 10));
  p = mi_new_aligned(10, 512);
  CHECK(is_aligned(p, 512));
  mi_free(p);
  mi_free(mi_new_nothrow(10));
  p = mi_new_aligned_nothrow(10, 512);
  CHECK(is_aligned(p, 512));
  mi_free(p);
  mi_free(mi_heap_alloc_new(mi_heap_main(), 10));
  mi_free(mi_heap_alloc_new_n(mi_heap_main(), 10, 10));
  mi_free(mi_heap_try_new(mi_heap_main(), 10, true));
}

int main() {
  forms();
  expressions();
  failures();
  prefixed();
  return report_checks();
}
