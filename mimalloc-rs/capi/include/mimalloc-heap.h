/* Part of mimalloc.h: heaps, theaps, visiting, arenas and sub-processes. */
#ifndef MIMALLOC_HEAP_H
#define MIMALLOC_HEAP_H
#ifndef MIMALLOC_H
#error "include mimalloc.h"
#endif

/* A heap belongs to the process: every thread may use it at any time. */
struct mi_heap_s;
typedef struct mi_heap_s mi_heap_t;
/* A thread's part of a heap. Only that thread may use it. */
struct mi_theap_s;
typedef struct mi_theap_s mi_theap_t;
/* An arena; NULL for none. */
typedef void* mi_arena_id_t;
/* A sub-process; a NULL pointer inside for none. */
typedef struct mi_subproc_id_s {
  void* _mi_subproc_id;
} mi_subproc_id_t;

/* ---- Heaps ---- */

/* NULL without memory. */
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_new(void) mi_attr_noexcept;
/* A heap whose blocks all lie in one arena: when it is full, allocation fails. NULL is any arena; one that there is not
 * gives NULL. */
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_new_in_arena(mi_arena_id_t exclusive_arena) mi_attr_noexcept;
/* Ends a heap; its blocks live on in the main heap of its sub-process. NULL and a main heap are left alone. */
mi_decl_export void mi_heap_delete(mi_heap_t* heap) mi_attr_noexcept;
/* Ends a heap and frees all its blocks at once; no thread may be using it. NULL and a main heap are left alone. */
mi_decl_export void mi_heap_destroy(mi_heap_t* heap) mi_attr_noexcept;
/* Gives back what the calling thread keeps in this heap without need. A NULL heap is the main heap. */
mi_decl_export void mi_heap_collect(mi_heap_t* heap, bool force) mi_attr_noexcept;
/* The main heap of the calling thread's sub-process, which serves mi_malloc unless the thread has set another default.
 * Wherever a NULL heap is the main heap, it is this one. */
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_main(void) mi_attr_noexcept;
/* The heap of the block at p, or NULL; any pointer may be passed, here and to the next three. */
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_of(const void* p) mi_attr_noexcept;
/* A NULL heap is the main heap. */
mi_decl_nodiscard mi_decl_export bool mi_heap_contains(const mi_heap_t* heap, const void* p) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export bool mi_any_heap_contains(const void* p) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export bool mi_is_in_heap_region(const void* p) mi_attr_noexcept;
/* Where the heap's memory should lie. Without effect here: memory lies with the thread that first writes to it. */
mi_decl_export void mi_heap_set_numa_affinity(mi_heap_t* heap, int numa_node) mi_attr_noexcept;

/* As their namesakes without `heap_`, with the heap that new blocks come from. Reallocation moves the block there. */
mi_decl_alloc void* mi_heap_malloc(mi_heap_t* heap, size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2);
mi_decl_alloc void* mi_heap_zalloc(mi_heap_t* heap, size_t size) mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2);
mi_decl_alloc void* mi_heap_calloc(mi_heap_t* heap, size_t count, size_t size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size2(2, 3);
mi_decl_alloc void* mi_heap_mallocn(mi_heap_t* heap, size_t count, size_t size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size2(2, 3);
mi_decl_alloc void* mi_heap_malloc_small(mi_heap_t* heap, size_t size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2);
mi_decl_alloc void* mi_heap_zalloc_small(mi_heap_t* heap, size_t size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2);
mi_decl_alloc void* mi_heap_umalloc(mi_heap_t* heap, size_t size, size_t* block_size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2);
mi_decl_alloc void* mi_heap_realloc(mi_heap_t* heap, void* p, size_t newsize) mi_attr_noexcept mi_attr_alloc_size(3);
mi_decl_alloc void* mi_heap_reallocn(mi_heap_t* heap, void* p, size_t count, size_t size) mi_attr_noexcept
    mi_attr_alloc_size2(3, 4);
mi_decl_alloc void* mi_heap_reallocf(mi_heap_t* heap, void* p, size_t newsize) mi_attr_noexcept mi_attr_alloc_size(3);
mi_decl_alloc void* mi_heap_rezalloc(mi_heap_t* heap, void* p, size_t newsize) mi_attr_noexcept mi_attr_alloc_size(3);
mi_decl_alloc void* mi_heap_recalloc(mi_heap_t* heap, void* p, size_t newcount, size_t size) mi_attr_noexcept
    mi_attr_alloc_size2(3, 4);
mi_decl_alloc char* mi_heap_strdup(mi_heap_t* heap, const char* s) mi_attr_noexcept mi_attr_malloc;
mi_decl_alloc char* mi_heap_strndup(mi_heap_t* heap, const char* s, size_t n) mi_attr_noexcept mi_attr_malloc;
mi_decl_alloc char* mi_heap_realpath(mi_heap_t* heap, const char* fname, char* resolved_name) mi_attr_noexcept;
mi_decl_alloc void* mi_heap_malloc_aligned(mi_heap_t* heap, size_t size, size_t alignment) mi_attr_noexcept
    mi_attr_malloc mi_attr_alloc_size(2) mi_attr_alloc_align(3);
mi_decl_alloc void* mi_heap_malloc_aligned_at(mi_heap_t* heap, size_t size, size_t alignment, size_t offset)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2);
mi_decl_alloc void* mi_heap_zalloc_aligned(mi_heap_t* heap, size_t size, size_t alignment) mi_attr_noexcept
    mi_attr_malloc mi_attr_alloc_size(2) mi_attr_alloc_align(3);
mi_decl_alloc void* mi_heap_zalloc_aligned_at(mi_heap_t* heap, size_t size, size_t alignment, size_t offset)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size(2);
mi_decl_alloc void* mi_heap_calloc_aligned(mi_heap_t* heap, size_t count, size_t size, size_t alignment)
    mi_attr_noexcept mi_attr_malloc mi_attr_alloc_size2(2, 3) mi_attr_alloc_align(4);
mi_decl_alloc void* mi_heap_calloc_aligned_at(mi_heap_t* heap, size_t count, size_t size, size_t alignment,
                                              size_t offset) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size2(2, 3);
mi_decl_alloc void* mi_heap_realloc_aligned(mi_heap_t* heap, void* p, size_t newsize, size_t alignment)
    mi_attr_noexcept mi_attr_alloc_size(3) mi_attr_alloc_align(4);
mi_decl_alloc void* mi_heap_realloc_aligned_at(mi_heap_t* heap, void* p, size_t newsize, size_t alignment,
                                               size_t offset) mi_attr_noexcept mi_attr_alloc_size(3);
mi_decl_alloc void* mi_heap_rezalloc_aligned(mi_heap_t* heap, void* p, size_t newsize, size_t alignment)
    mi_attr_noexcept mi_attr_alloc_size(3) mi_attr_alloc_align(4);
mi_decl_alloc void* mi_heap_rezalloc_aligned_at(mi_heap_t* heap, void* p, size_t newsize, size_t alignment,
                                                size_t offset) mi_attr_noexcept mi_attr_alloc_size(3);
mi_decl_alloc void* mi_heap_recalloc_aligned(mi_heap_t* heap, void* p, size_t newcount, size_t size, size_t alignment)
    mi_attr_noexcept mi_attr_alloc_size2(3, 4) mi_attr_alloc_align(5);
mi_decl_alloc void* mi_heap_recalloc_aligned_at(mi_heap_t* heap, void* p, size_t newcount, size_t size,
                                                size_t alignment, size_t offset) mi_attr_noexcept
    mi_attr_alloc_size2(3, 4);

/* Versions 1 and 2. A tag has no effect, and with allow_destroy false mi_heap_destroy is mi_heap_delete. */
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_new_ex(int heap_tag, bool allow_destroy, mi_arena_id_t arena)
    mi_attr_noexcept;
/* The heap that the calling thread's mi_malloc uses; setting it gives the former one. */
mi_decl_export mi_heap_t* mi_heap_set_default(mi_heap_t* heap) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_get_default(void) mi_attr_noexcept;
/* As mi_heap_main. */
mi_decl_nodiscard mi_decl_export mi_heap_t* mi_heap_get_backing(void) mi_attr_noexcept;
/* Both as mi_heap_contains, and mi_any_heap_contains. */
mi_decl_nodiscard mi_decl_export bool mi_heap_contains_block(mi_heap_t* heap, const void* p) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export bool mi_heap_check_owned(mi_heap_t* heap, const void* p) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export bool mi_check_owned(const void* p) mi_attr_noexcept;

/* ---- Theaps ---- */

mi_decl_nodiscard mi_decl_export mi_theap_t* mi_theap_get_default(void) mi_attr_noexcept;
/* Gives the former one. */
mi_decl_export mi_theap_t* mi_theap_set_default(mi_theap_t* theap) mi_attr_noexcept;
/* The calling thread's part of a heap, made if there is none yet; NULL without memory. From a NULL theap allocation fails,
 * and everything else leaves it alone. */
mi_decl_nodiscard mi_decl_export mi_theap_t* mi_heap_theap(mi_heap_t* heap) mi_attr_noexcept;
mi_decl_export void mi_theap_collect(mi_theap_t* theap, bool force) mi_attr_noexcept;
mi_decl_alloc void* mi_theap_malloc(mi_theap_t* theap, size_t size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2);
mi_decl_alloc void* mi_theap_zalloc(mi_theap_t* theap, size_t size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2);
mi_decl_alloc void* mi_theap_calloc(mi_theap_t* theap, size_t count, size_t size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size2(2, 3);
mi_decl_alloc void* mi_theap_malloc_small(mi_theap_t* theap, size_t size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2);
mi_decl_alloc void* mi_theap_zalloc_small(mi_theap_t* theap, size_t size) mi_attr_noexcept mi_attr_malloc
    mi_attr_alloc_size(2);
mi_decl_alloc void* mi_theap_malloc_aligned(mi_theap_t* theap, size_t size, size_t alignment) mi_attr_noexcept
    mi_attr_malloc mi_attr_alloc_size(2) mi_attr_alloc_align(3);
mi_decl_alloc void* mi_theap_realloc(mi_theap_t* theap, void* p, size_t newsize) mi_attr_noexcept
    mi_attr_alloc_size(3);

/* Every n-th block behind a guard page, if the library was built with them; otherwise without effect. */
mi_decl_export void mi_theap_guarded_set_sample_rate(mi_theap_t* theap, size_t sample_rate, size_t seed)
    mi_attr_noexcept;
mi_decl_export void mi_theap_guarded_set_size_bound(mi_theap_t* theap, size_t min, size_t max) mi_attr_noexcept;
mi_decl_export void mi_heap_guarded_set_sample_rate(mi_heap_t* heap, size_t sample_rate, size_t seed)
    mi_attr_noexcept;
mi_decl_export void mi_heap_guarded_set_size_bound(mi_heap_t* heap, size_t min, size_t max) mi_attr_noexcept;

/* ---- Visiting ---- */

/* A stretch of memory that holds blocks of one size. */
typedef struct mi_heap_area_s {
  void* blocks;           /* where it starts */
  size_t reserved;        /* bytes set aside */
  size_t committed;       /* bytes that can be in use */
  size_t used;            /* live blocks: a number, not bytes */
  size_t block_size;      /* usable bytes of a block */
  size_t full_block_size; /* bytes from one block to the next */
  void* reserved1;        /* not for programs */
} mi_heap_area_t;

/* Called for each area with a NULL block, then, if asked for, for each of its live blocks. False ends the visit. */
typedef bool(mi_cdecl mi_block_visit_fun)(const mi_heap_t* heap, const mi_heap_area_t* area, void* block,
                                          size_t block_size, void* arg);
/* True if everything was visited. No thread may be using the heap. A NULL heap is the main heap. */
mi_decl_export bool mi_heap_visit_blocks(mi_heap_t* heap, bool visit_blocks, mi_block_visit_fun* visitor, void* arg)
    mi_attr_noexcept;
/* The same for what ended threads left behind, but for large blocks of the main heap, which belong to no thread. */
mi_decl_export bool mi_heap_visit_abandoned_blocks(mi_heap_t* heap, bool visit_blocks, mi_block_visit_fun* visitor,
                                                   void* arg) mi_attr_noexcept;
/* The same for the heap that the theap is a part of. */
mi_decl_export bool mi_theap_visit_blocks(const mi_theap_t* theap, bool visit_blocks, mi_block_visit_fun* visitor,
                                          void* arg) mi_attr_noexcept;
/* Versions 1 and 2: of all heaps of a sub-process, the main one for none; the tag has no effect. */
mi_decl_export bool mi_abandoned_visit_blocks(mi_subproc_id_t subproc, int heap_tag, bool visit_blocks,
                                              mi_block_visit_fun* visitor, void* arg) mi_attr_noexcept;
/* Whether the page of the block at p is used to at most perc percent, so that moving the block may free the page. Never
 * for a full page, for one that has room never used before, and for a page of another heap; a NULL heap is any. */
mi_decl_nodiscard mi_decl_export bool mi_unsafe_heap_page_is_under_utilized(mi_heap_t* heap, void* p, size_t perc)
    mi_attr_noexcept;
/* Always false: redirection is a matter of Windows. */
mi_decl_nodiscard mi_decl_export bool mi_is_redirected(void) mi_attr_noexcept;

/* ---- Arenas ---- */

/* Those that return int give 0 or ENOMEM. An exclusive arena serves only heaps made for it. A process can ask for 24
 * arenas at most. Without effect here: `commit` of the first two, as the system commits memory when it is touched, and
 * numa_node and numa_nodes, except in mi_reserve_huge_os_pages_at and mi_reserve_huge_os_pages_at_ex. */
mi_decl_export int mi_reserve_os_memory(size_t size, bool commit, bool allow_large) mi_attr_noexcept;
mi_decl_export int mi_reserve_os_memory_ex(size_t size, bool commit, bool allow_large, bool exclusive,
                                           mi_arena_id_t* arena_id) mi_attr_noexcept;
/* Makes memory of the program's own an arena, for the rest of the process. False if it is too small to be one, or there
 * are too many. */
mi_decl_export bool mi_manage_os_memory(void* start, size_t size, bool is_committed, bool is_pinned, bool is_zero,
                                        int numa_node) mi_attr_noexcept;
mi_decl_export bool mi_manage_os_memory_ex(void* start, size_t size, bool is_committed, bool is_pinned, bool is_zero,
                                           int numa_node, bool exclusive, mi_arena_id_t* arena_id) mi_attr_noexcept;
/* Commits memory of an arena; false when it cannot. Memory that was committed this way stays so: commit is always true.
 * Several threads may call it at a time, for different memory, and for the same again only after one that failed. */
typedef bool(mi_cdecl mi_commit_fun_t)(bool commit, void* start, size_t size, bool* is_zero, void* user_arg);
mi_decl_export bool mi_manage_memory(void* start, size_t size, bool is_committed, bool is_pinned, bool is_zero,
                                     int numa_node, bool exclusive, mi_commit_fun_t* commit_fun, void* commit_fun_arg,
                                     mi_arena_id_t* arena_id) mi_attr_noexcept;
/* Where an arena lies, and its size in bytes; NULL and 0 for one that there is not. The pointer to a size may be NULL. */
mi_decl_export void* mi_arena_area(mi_arena_id_t arena_id, size_t* size) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export bool mi_arena_contains(mi_arena_id_t arena_id, const void* p) mi_attr_noexcept;
/* Both in bytes. */
mi_decl_nodiscard mi_decl_export size_t mi_arena_min_alignment(void) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export size_t mi_arena_min_size(void) mi_attr_noexcept;
/* Pages of 1 GiB, as many as can be had; ENOMEM if there are none. Each is an arena for all heaps, exclusive or not, and
 * the last one is told. */
mi_decl_export int mi_reserve_huge_os_pages_interleave(size_t pages, size_t numa_nodes, size_t timeout_msecs)
    mi_attr_noexcept;
mi_decl_export int mi_reserve_huge_os_pages_at(size_t pages, int numa_node, size_t timeout_msecs) mi_attr_noexcept;
mi_decl_export int mi_reserve_huge_os_pages_at_ex(size_t pages, int numa_node, size_t timeout_msecs, bool exclusive,
                                                  mi_arena_id_t* arena_id) mi_attr_noexcept;
mi_decl_export int mi_reserve_huge_os_pages(size_t pages, double max_secs, size_t* pages_reserved) mi_attr_noexcept;
mi_decl_export void mi_arenas_print(void) mi_attr_noexcept;
mi_decl_export void mi_debug_show_arenas(void) mi_attr_noexcept;

/* ---- Sub-processes ---- */

/* None is the main one where statistics are asked for and abandoned blocks visited. Elsewhere nothing is done for it. */
mi_decl_nodiscard mi_decl_export mi_subproc_id_t mi_subproc_main(void) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export mi_subproc_id_t mi_subproc_current(void) mi_attr_noexcept;
mi_decl_nodiscard mi_decl_export mi_subproc_id_t mi_subproc_new(void) mi_attr_noexcept;
/* Frees all its memory; no thread may be in it. None and the main one are left alone. */
mi_decl_export void mi_subproc_destroy(mi_subproc_id_t subproc) mi_attr_noexcept;
/* Versions 1 and 2: its blocks live on. */
mi_decl_export void mi_subproc_delete(mi_subproc_id_t subproc) mi_attr_noexcept;
/* From now on the calling thread allocates there. To be called before the thread's first allocation. */
mi_decl_export void mi_subproc_add_current_thread(mi_subproc_id_t subproc) mi_attr_noexcept;
typedef bool(mi_cdecl mi_heap_visit_fun)(mi_heap_t* heap, void* arg);
/* True if all were visited: false for none. The visitor must not make or end heaps. */
mi_decl_export bool mi_subproc_visit_heaps(mi_subproc_id_t subproc, mi_heap_visit_fun* visitor, void* arg)
    mi_attr_noexcept;

#endif
