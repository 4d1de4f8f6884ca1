/* The ways to start a program that are not fork: the child borrows the parent's memory until it has begun. */
#include "edge.h"
#include <pthread.h>
#include <spawn.h>
#include <sys/wait.h>

extern char **environ;
static int stop;

static void *busy(void *unused) {
    (void)unused;
    for (unsigned i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) edge_churn(i, 500);
    return NULL;
}

static void expect(pid_t child, int code) {
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code);
}

/* By itself, because the compiler takes what a caller does after a vfork for something that happens twice. */
__attribute__((noinline)) static pid_t borrow_and_execute(char *const arguments[], size_t size) {
    pid_t pid = vfork();
    if (pid == 0) {
        /* Not allowed, and done all the same by what looks a program up or builds its arguments. */
        free(malloc(size));
        execve("/bin/sh", arguments, environ);
        _exit(99);
    }
    return pid;
}

int main(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, busy, NULL) == 0);
    char *const arguments[] = {"sh", "-c", "exit 5", NULL};
    for (unsigned i = 0; i < 40; i++) {
        unsigned char *before = edge_block(i);
        pid_t pid;
        posix_spawn_file_actions_t actions;
        CHECK(posix_spawn_file_actions_init(&actions) == 0);
        CHECK(posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", 0, 0) == 0);
        CHECK(posix_spawnp(&pid, "sh", &actions, NULL, arguments, environ) == 0);
        CHECK(posix_spawn_file_actions_destroy(&actions) == 0);
        expect(pid, 5);

        expect(borrow_and_execute(arguments, 100 + i * 1000), 5);
        edge_free(before, i);
    }
    int status = system("exit 6");
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 6);
    FILE *pipe = popen("echo from the pipe", "r");
    CHECK(pipe != NULL);
    char *line = NULL;
    size_t room = 0;
    CHECK(getline(&line, &room, pipe) > 0 && strcmp(line, "from the pipe\n") == 0);
    free(line);
    CHECK(pclose(pipe) == 0);
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    CHECK(pthread_join(thread, NULL) == 0);
    puts("spawned");
    return 0;
}
