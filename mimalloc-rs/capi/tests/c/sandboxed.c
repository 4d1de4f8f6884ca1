/* A program that shuts itself in, allows what an allocator needs, and dies of any other call. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const unsigned allowed[] = {
    SYS_mmap,   SYS_munmap, SYS_mremap,      SYS_mprotect, SYS_madvise, SYS_brk,        SYS_clock_gettime,
    SYS_getpid, SYS_futex,  SYS_sched_yield, SYS_write,    SYS_exit,    SYS_exit_group, SYS_rt_sigreturn,
};
enum { COUNT = sizeof allowed / sizeof *allowed };

static int shut_in(void) {
  struct sock_filter filter[2 * COUNT + 2] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))};
  size_t length = 1;
  for (int i = 0; i < COUNT; i++) {
    filter[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i], 0, 1);
    filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  }
  filter[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
  struct sock_fprog program = {(unsigned short)length, filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

static void say(const char* words) {
  if (write(1, words, strlen(words)) < 0) _exit(3);
}

/* Blocks of all kinds, 48 MiB of small ones and 200 of large ones among them. */
static void allocate(void) {
  enum { SMALL = 12000, LARGE = 20 };
  static void* small[SMALL];
  static char* large[LARGE];
  for (int i = 0; i < SMALL; i++) memset(small[i] = malloc(4000), 1, 4000);
  for (int round = 0; round < 10; round++) {
    for (int i = 0; i < LARGE; i++) {
      size_t size = (size_t)(i % 5 + 1) << 20;
      free(large[i]);
      large[i] = malloc(size);
      memset(large[i], 1, i % 2 ? size : size / 3);
    }
  }
  char* grown = NULL;
  for (size_t size = 100; size < 10000000; size *= 2) {
    grown = realloc(grown, size);
    memset(grown, 1, size);
  }
  free(grown);
  for (int i = 0; i < LARGE; i++) free(large[i]);
  for (int i = 0; i < SMALL; i++) free(small[i]);
}

int main(void) {
  /* What is set up once comes before, as in any program that has run for a while. */
  free(malloc(100));
  if (!shut_in()) {
    say("not tested: there are no filters here\n");
    return 0;
  }
  allocate();
  say("alive\n");
  return 0;
}
