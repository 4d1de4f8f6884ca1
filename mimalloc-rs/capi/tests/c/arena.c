/* Arenas: reserved, and handed over. */
#include <limits.h>
#include <mimalloc.h>
#include <sys/mman.h>

#include "check.h"

enum { MIB = 1 << 20 };

static void reserved(void) {
  CHECK(mi_arena_min_alignment() >= 4096 && mi_arena_min_size() >= MIB);
  CHECK(mi_reserve_os_memory(64 * MIB, true, false) == 0);
  mi_arena_id_t arena = NULL;
  CHECK(mi_reserve_os_memory_ex(64 * MIB, false, true, true, &arena) == 0 && arena != NULL);
  size_t size = 0;
  char* start = mi_arena_area(arena, &size);
  CHECK(start != NULL && size >= 64 * MIB && is_aligned(start, mi_arena_min_alignment()));
  CHECK(mi_arena_area(arena, NULL) == start);
  CHECK(mi_arena_contains(arena, start) && mi_arena_contains(arena, start + size - 1));
  CHECK(!mi_arena_contains(arena, start + size) && !mi_arena_contains(arena, &size));

  void* elsewhere = mi_malloc(100000);
  CHECK(!mi_arena_contains(arena, elsewhere));
  mi_free(elsewhere);

  mi_heap_t* heap = mi_heap_new_in_arena(arena);
  CHECK(heap != NULL);
  size_t blocks = 0;
  while (blocks < 1000) {
    char* p = mi_heap_malloc(heap, MIB);
    if (p == NULL) break;
    memset(p, 1, MIB);
    CHECK(mi_arena_contains(arena, p));
    blocks++;
  }
  CHECK(blocks >= 32 && blocks <= 70);
  void* small = mi_malloc(100);
  CHECK(small != NULL);
  mi_free(small);
  mi_heap_destroy(heap);
  heap = mi_heap_new_ex(0, false, arena);
  char* p = mi_heap_malloc(heap, MIB);
  CHECK(p != NULL && mi_arena_contains(arena, p));
  mi_heap_destroy(heap);
  memset(p, 1, MIB);
  mi_free(p);

  int here = 0;
  CHECK(mi_heap_new_in_arena(&here) == NULL);
  size = 1;
  CHECK(mi_arena_area(NULL, &size) == NULL && size == 0);
  CHECK(mi_arena_area(&here, &size) == NULL && size == 0);
  CHECK(!mi_arena_contains(NULL, start) && !mi_arena_contains(&here, start));
  CHECK(mi_reserve_os_memory(NOT_THERE, false, false) == ENOMEM);
  CHECK(mi_reserve_os_memory_ex(NOT_THERE, false, false, false, &arena) == ENOMEM && arena == NULL);
}

/* The path is found, and there is no memory for a copy of it. */
static void full(void) {
  mi_arena_id_t arena = NULL;
  CHECK(mi_reserve_os_memory_ex(mi_arena_min_size(), false, false, true, &arena) == 0);
  mi_heap_t* heap = mi_heap_new_in_arena(arena);
  /* The blocks of the last page; when they are gone, there is one page for the path, and none for the copy. */
  void* last[16];
  size_t blocks = 0;
  for (void* p; (p = mi_heap_malloc(heap, PATH_MAX)) != NULL;) last[blocks++ % 16] = p;
  CHECK(blocks >= 16 && mi_heap_malloc(heap, 2) == NULL);
  for (size_t i = 0; i < 16; i++) mi_free(last[i]);
  CHECK_ERRNO(ENOMEM, mi_heap_realpath(heap, "/", NULL) == NULL);
  CHECK_ERRNO(ENOENT, mi_heap_realpath(heap, "/no/such/path", NULL) == NULL);
  mi_heap_destroy(heap);
}

static int commits;

static bool commit(bool on, void* start, size_t size, bool* is_zero, void* arg) {
  commits++;
  if (arg != &commits || !on) return false;
  if (is_zero != NULL) *is_zero = true;
  return mprotect(start, size, PROT_READ | PROT_WRITE) == 0;
}

static void handed_over(void) {
  size_t size = 64 * MIB;
  char* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  mi_arena_id_t arena = NULL;
  CHECK(!mi_manage_os_memory(memory, MIB, true, false, true, -1));
  CHECK(!mi_manage_os_memory(NULL, size, true, false, true, -1));
  CHECK(mi_manage_os_memory_ex(memory, size, true, false, true, -1, true, &arena) && arena != NULL);
  mi_heap_t* heap = mi_heap_new_in_arena(arena);
  char* p = mi_heap_zalloc(heap, 100000);
  CHECK(p >= memory && p < memory + size && is_zero(p, 100000));
  mi_free(p);
  mi_heap_delete(heap);

  char* other = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(mi_manage_os_memory(other, size, true, true, true, 0));

  char* closed = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(mi_manage_memory(closed, size, false, false, true, -1, true, commit, &commits, &arena) && arena != NULL);
  heap = mi_heap_new_in_arena(arena);
  p = mi_heap_malloc(heap, 5 * MIB);
  CHECK(p >= closed && p < closed + size && commits > 0);
  memset(p, 1, 5 * MIB);
  mi_heap_destroy(heap);
  CHECK(!mi_manage_memory(closed, MIB, false, false, true, -1, true, NULL, NULL, &arena) && arena == NULL);
}

static void huge(void) {
  CHECK(mi_reserve_huge_os_pages_at(0, -1, 10) == 0);
  CHECK(mi_reserve_huge_os_pages_interleave(0, 0, 10) == 0);
  mi_arena_id_t arena = &commits;
  CHECK(mi_reserve_huge_os_pages_at_ex(0, 0, 10, false, &arena) == 0 && arena == NULL);
  size_t got = 99;
  CHECK(mi_reserve_huge_os_pages(0, 0.01, &got) == 0 && got == 0);
  CHECK(mi_reserve_huge_os_pages(0, 0.01, NULL) == 0);
  int code = mi_reserve_huge_os_pages_at(1, -1, 100);
  CHECK(code == 0 || code == ENOMEM);
}

int main(void) {
  reserved();
  full();
  handed_over();
  huge();
  mi_arenas_print();
  mi_debug_show_arenas();
  return report_checks();
}
