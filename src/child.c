#define _GNU_SOURCE /* vfork, sigabbrev_np */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "compat.h"

extern char **environ;

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

/* In the child. It shares the host's memory until exec, so it calls nothing but system calls, and tells its errno through
 * the struct. */

struct launch {
    const struct child_options *options;
    pid_t parent;
    volatile int error;
    volatile bool no_folder;
};

static bool move_descriptors(const struct child_options *options) {
    int wanted[3] = {options->in, options->out, options->err};
    for (int i = 0; i < 3; i++) {
        /* One that stands where another is to go is moved out of the way first. */
        if (wanted[i] < 3 && wanted[i] != i && (wanted[i] = fcntl(wanted[i], F_DUPFD, 3)) < 0) return false;
    }
    for (int i = 0; i < 3; i++) {
        if (wanted[i] == i ? fcntl(i, F_SETFD, 0) != 0 : dup2(wanted[i], i) < 0) return false;
    }
    /* No descriptor of the host's reaches the task, whoever forgot to mark it. */
    syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
    return true;
}

/* By the system call itself: the C library keeps signals 32 and 33 to itself, but they may come to us ignored. */
static void default_signals(void) {
    static const unsigned long action[8]; /* more than the kernel's struct sigaction has: SIG_DFL, no flags, no mask */
    for (int signal = 1; signal < NSIG; signal++) syscall(SYS_rt_sigaction, signal, action, NULL, NSIG / 8);
}

static bool restore_limit(rlim_t nofile) {
    struct rlimit limit;
    if (nofile == 0) return true;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
    limit.rlim_cur = nofile < limit.rlim_max ? nofile : limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static const char *search_path(char *const *envp) {
    for (; *envp; envp++) {
        if (strncmp(*envp, "PATH=", 5) == 0) return *envp + 5;
    }
    for (char **variable = environ; variable && *variable; variable++) {
        if (strncmp(*variable, "PATH=", 5) == 0) return *variable + 5;
    }
    return "/usr/local/bin:/usr/bin:/bin";
}

/* As execvpe, but a file without a magic number is an error: who wants a shell can name one. */
static int execute(const struct child_options *options) {
    const char *file = options->argv[0];
    char path[PATH_MAX];
    int error = ENOENT;
    if (*file == '\0') return ENOENT;
    if (strchr(file, '/')) return execve(file, options->argv, options->envp), errno;
    const char *folder = search_path(options->envp);
    for (;;) {
        size_t length = strcspn(folder, ":"), name = strlen(file);
        if (length + name + 2 <= sizeof path) {
            memcpy(path, folder, length);
            path[length] = '/';
            memcpy(path + length + (length > 0), file, name + 1); /* an empty folder is the current one */
            execve(path, options->argv, options->envp);
            if (errno == EACCES) {
                error = EACCES;
            } else if (errno != ENOENT && errno != ENOTDIR) {
                return errno;
            }
        }
        if (folder[length] == '\0') return error;
        folder += length + 1;
    }
}

static int become(struct launch *launch) {
    const struct child_options *options = launch->options;
    sigset_t none;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != launch->parent) return ESRCH; /* it died before the line above */
    guardian_add(options->guardian, getpid());
    if (options->cwd && chdir(options->cwd) != 0) return launch->no_folder = true, errno;
    if (!restore_limit(options->nofile) || !move_descriptors(options)) return errno;
    default_signals();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return execute(options);
}

/* Apart, so that nothing of the caller's is in registers that the child could change. */
static __attribute__((noinline)) pid_t launch_child(struct launch *launch) {
    pid_t pid = vfork();
    if (pid == 0) {
        launch->error = become(launch);
        _exit(127);
    }
    return pid;
}

/* In the parent. */

/* Waits until the leader has exited, and leaves it to be reaped: until then nobody else gets its id. False: somebody else in
 * the host has reaped it, and the id may be anybody's. */
static bool await_exit(pid_t pid) {
    siginfo_t info;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0) {
        if (errno != EINTR) return false;
    }
    return true;
}

static void reap(struct child *child) {
    siginfo_t info = {0};
    int result;
    do {
        result = waitid(P_PID, (id_t)child->pid, &info, WEXITED);
    } while (result != 0 && errno == EINTR);
    child->code = result == 0 && info.si_code == CLD_EXITED ? info.si_status : -1;
    child->signal = result == 0 && info.si_code != CLD_EXITED ? info.si_status : 0;
}

/* Kills what is left of the group, the leader too, and waits for that one. */
static void finish(struct child *child) {
    kill(-child->pid, SIGKILL);
    await_exit(child->pid);
    guardian_remove(child->guardian, child->pid);
    reap(child);
}

static void on_exit_seen(struct loop_pid *watch) {
    struct child *child = container_of(watch, struct child, watch);
    loop_unwatch_pid(child->loop, watch);
    loop_stop_timer(child->loop, &child->kill);
    child->ended = clock_monotonic();
    child->exited(child);
    if (await_exit(child->pid)) kill(-child->pid, SIGKILL);
    guardian_remove(child->guardian, child->pid);
    reap(child);
    child->running = false;
    child->reaped(child);
}

static void on_grace_over(struct loop_timer *timer) {
    child_signal(container_of(timer, struct child, kill), SIGKILL);
}

int child_start(struct child *child, struct loop *loop, const struct child_options *options) {
    struct launch launch = {.options = options, .parent = getpid()};
    sigset_t all, before;
    child->loop = loop;
    child->guardian = options->guardian;
    child->watch.exited = on_exit_seen;
    child->kill.fire = on_grace_over;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    child->pid = launch_child(&launch);
    child->no_folder = launch.no_folder;
    int error = child->pid < 0 ? errno : launch.error;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (child->pid < 0) return error;
    if (!error) error = loop_watch_pid(loop, &child->watch, child->pid);
    if (error) return finish(child), error;
    child->running = true;
    child->started = clock_monotonic();
    return 0;
}

void child_signal(struct child *child, int signal) {
    if (child->running) kill(-child->pid, signal);
}

void child_stop(struct child *child, int64_t grace) {
    if (!child->running) return;
    if (grace <= 0) return child_signal(child, SIGKILL);
    child_signal(child, SIGTERM);
    child_signal(child, SIGCONT);
    bool sooner = child->kill.place == 0 || child->kill.due > clock_monotonic() + grace;
    if (sooner && loop_start_timer(child->loop, &child->kill, grace) != 0) child_signal(child, SIGKILL);
}

/* orphans: abandoned children between their KILL and their end */

struct child_orphan {
    struct child_orphans *home;
    struct child_orphan *next, *previous;
    struct loop *loop;
    struct loop_pid watch;
    pid_t pid;
    struct guardian *guardian;
};

static void bury(struct child_orphan *orphan) {
    struct child remains = {.pid = orphan->pid, .guardian = orphan->guardian};
    loop_unwatch_pid(orphan->loop, &orphan->watch);
    finish(&remains);
    if (orphan->previous) {
        orphan->previous->next = orphan->next;
    } else {
        orphan->home->first = orphan->next;
    }
    if (orphan->next) orphan->next->previous = orphan->previous;
    free(orphan);
}

static void orphan_exited(struct loop_pid *watch) {
    bury(container_of(watch, struct child_orphan, watch));
}

void child_abandon(struct child *child, struct child_orphans *orphans) {
    if (!child->running) return;
    child_signal(child, SIGKILL);
    loop_unwatch_pid(child->loop, &child->watch);
    loop_stop_timer(child->loop, &child->kill);
    child->running = false;
    struct child_orphan *orphan = calloc(1, sizeof *orphan);
    if (!orphan) return finish(child);
    *orphan = (struct child_orphan){.home = orphans,
                                    .next = orphans->first,
                                    .loop = child->loop,
                                    .pid = child->pid,
                                    .guardian = child->guardian,
                                    .watch.exited = orphan_exited};
    if (orphans->first) orphans->first->previous = orphan;
    orphans->first = orphan;
    if (loop_watch_pid(orphan->loop, &orphan->watch, orphan->pid) != 0) bury(orphan);
}

void child_reap_orphans(struct child_orphans *orphans) {
    while (orphans->first) bury(orphans->first);
}

const char *child_signal_name(int signal) {
    return sigabbrev_np(signal);
}

int child_signal_number(const char *name) {
    if (strncmp(name, "SIG", 3) == 0) name += 3;
    for (int signal = 1; signal < NSIG; signal++) {
        const char *known = sigabbrev_np(signal);
        if (known && strcmp(known, name) == 0) return signal;
    }
    return 0;
}
