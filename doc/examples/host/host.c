/* A program with a watcher in it, which has its own main loop (poll), SIGCHLD handler and
 * child. host POLICY.lua : runs until its child has exited, and after that the policy's watcher
 * has ended. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lualib.h>

#include "watchbot.h"

static volatile sig_atomic_t children_ended;

static void on_child(int number) {
    (void)number;
    children_ended++;
}

static pid_t start_child(void) {
    pid_t pid = fork();
    if (pid == 0) {
        sleep(1);
        _exit(42);
    }
    return pid;
}

static int own_child_status(pid_t pid) {
    int status;
    pid_t reaped;
    do {
        reaped = waitpid(pid, &status, 0);
    } while (reaped < 0);
    return WEXITSTATUS(status);
}

/* The host's loop: polls watchbot's descriptor among its own, and takes a step when there is
 * something to do. */
static int loop(struct watchbot *watchbot) {
    int state = watchbot_step(watchbot, 0);
    while (state > 0) {
        struct pollfd fds[] = {
            {.fd = watchbot_pollfd(watchbot), .events = POLLIN}
        };
        poll(fds, 1, watchbot_timeout(watchbot));
        state = watchbot_step(watchbot, 0);
    }
    return state;
}

int main(int argc, char **argv) {
    if (argc != 2) return fprintf(stderr, "usage: host POLICY.lua\n"), 2;
    struct sigaction action = {.sa_handler = on_child};
    sigaction(SIGCHLD, &action, NULL);
    pid_t child = start_child();

    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    struct watchbot *watchbot = watchbot_open(L);
    int failed = watchbot_load(watchbot, argv[1]) != 0 || loop(watchbot) != 0;
    if (failed) fprintf(stderr, "host: %s\n", watchbot_error(watchbot));
    watchbot_close(watchbot);

    struct sigaction now;
    sigaction(SIGCHLD, NULL, &now);
    printf("own child: %d, SIGCHLD %s, lua stack: %d\n", own_child_status(child),
           now.sa_handler == on_child ? "handler kept" : "handler lost", lua_gettop(L));
    lua_close(L);
    return failed;
}
