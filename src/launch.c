#define _GNU_SOURCE /* clone */
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_UNPOISON_MEMORY_REGION(start, size) ((void)(start), (void)(size))
#endif

extern char **environ;

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

enum { STACK = 1 << 16, XCPU_GRACE = 5 /* seconds of CPU between SIGXCPU and KILL */ };

/* In the child. It shares the host's memory until exec, so it only makes system calls, by number if
 * the C library does more for threads. */

struct start {
    struct launch *launch;
    pid_t parent;
    int report; /* where a forked child writes its outcome; -1: memory is shared */
    volatile int error;
};

/* No other descriptor of the host reaches the task, not even one without the close-on-exec flag.
 * Linux before 5.11 does not support CLOSE_RANGE_CLOEXEC. */
static void close_others(int first, int report) {
    if (syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
    if (report > first) syscall(SYS_close_range, first, report - 1, 0);
    syscall(SYS_close_range, report < first ? first : report + 1, ~0U, 0);
}

static bool move_descriptors(const struct launch *launch, int report) {
    int wanted[4] = {launch->in, launch->out, launch->err, launch->channel};
    int count = launch->channel >= 0 ? 4 : 3;
    for (int i = 0; i < count; i++) {
        /* A descriptor whose number is needed for another one is moved first. */
        if (wanted[i] < count && wanted[i] != i &&
            (wanted[i] = fcntl(wanted[i], F_DUPFD, count)) < 0)
            return false;
    }
    for (int i = 0; i < count; i++) {
        if (wanted[i] == i ? fcntl(i, F_SETFD, 0) != 0 : dup2(wanted[i], i) < 0) return false;
    }
    close_others(count, report);
    return true;
}

/* By the system call itself: the C library reserves signals 32 and 33, but the host may ignore
 * them. */
static void default_signals(void) {
    static const unsigned long
        action[8]; /* more than the kernel's struct sigaction has: SIG_DFL, no flags, no mask */
    for (int signal = 1; signal < NSIG; signal++)
        syscall(SYS_rt_sigaction, signal, action, NULL, NSIG / 8);
}

static bool set_limit(int resource, rlim_t soft, rlim_t hard) {
    struct rlimit limit;
    if (soft == 0) return true;
    if (getrlimit((__rlimit_resource_t)resource, &limit) != 0) return false;
    if (hard < limit.rlim_max) limit.rlim_max = hard;
    limit.rlim_cur = soft < limit.rlim_max ? soft : limit.rlim_max;
    return setrlimit((__rlimit_resource_t)resource, &limit) == 0;
}

static bool set_limits(const struct launch_limits *limits) {
    if (limits->cgroup >= 0 && write(limits->cgroup, "0", 1) != 1) return false;
    if (limits->nice &&
        setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + limits->nice) != 0)
        return false;
    if (limits->umask) umask((mode_t)(limits->umask - 1));
    rlim_t files = limits->files ? limits->files : limits->nofile;
    return set_limit(RLIMIT_NOFILE, files, limits->files ? files : RLIM_INFINITY) &&
           set_limit(RLIMIT_DATA, limits->data, limits->data) &&
           set_limit(RLIMIT_CPU, limits->cpu, limits->cpu + XCPU_GRACE);
}

static bool set_user(const struct launch_limits *limits) {
    return !limits->other_user ||
           (syscall(SYS_setgroups, limits->group_count, limits->groups) == 0 &&
            syscall(SYS_setresgid, limits->gid, limits->gid, limits->gid) == 0 &&
            syscall(SYS_setresuid, limits->uid, limits->uid, limits->uid) == 0);
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

/* As execvpe, but a file without a magic number is an error: users who want a shell can name
 * one. */
static int execute(const struct launch *launch) {
    const char *file = launch->argv[0];
    char path[PATH_MAX];
    int error = ENOENT;
    if (*file == '\0') return ENOENT;
    if (strchr(file, '/')) {
        execve(file, launch->argv, launch->envp);
        return errno;
    }
    const char *folder = search_path(launch->envp);
    for (;;) {
        size_t length = strcspn(folder, ":"), name = strlen(file);
        if (length + name + 2 <= sizeof path) {
            memcpy(path, folder, length);
            path[length] = '/';
            memcpy(path + length + (length > 0), file,
                   name + 1); /* an empty folder is the current one */
            execve(path, launch->argv, launch->envp);
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

static int fail(struct launch *launch, enum launch_step step) {
    launch->failed = step;
    return errno;
}

/* No parent-death signal: it would be sent when the thread that started the child ends, and in a
 * program before the guardian has seen the child's descendants. */
static int become(struct start *start) {
    struct launch *launch = start->launch;
    sigset_t none;
    setsid();
    guardian_add(launch->guardian, getpid());
    if (getppid() != start->parent) return ESRCH; /* it died before the guardian knew */
    if (!set_limits(&launch->limits)) return fail(launch, LAUNCH_LIMITS);
    if (!set_user(&launch->limits)) return fail(launch, LAUNCH_USER);
    if (launch->cwd && chdir(launch->cwd) != 0) return fail(launch, LAUNCH_FOLDER);
    if (!move_descriptors(launch, start->report)) return errno;
    default_signals();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return execute(launch);
}

static int in_child(void *argument) {
    struct start *start = argument;
    start->error = become(start);
    return 127;
}

/* In the parent, which sleeps until the child has executed its program or ended. The child's stack
 * lies in this frame. */
static __attribute__((noinline)) int start_child(struct start *start) {
    char stack[STACK] __attribute__((aligned(16)));
    int pidfd = -1;
    pid_t pid = clone(in_child, stack + sizeof stack,
                      CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, start, &pidfd);
    int error = pid < 0 ? errno : start->error;
    ASAN_UNPOISON_MEMORY_REGION(stack, sizeof stack);
    start->launch->pid = pid;
    start->launch->pidfd = pidfd;
    return error;
}

/* Without shared memory and vfork, which an emulator may refuse or imitate by fork. */

struct outcome {
    int error;
    enum launch_step failed;
};

static _Noreturn void report_outcome(struct start *start) {
    struct outcome outcome = {.error = become(start), .failed = start->launch->failed};
    ssize_t ignored = write(start->report, &outcome, sizeof outcome);
    (void)ignored;
    _exit(127);
}

/* The pipe ends silently when the child executes its program. */
static int read_outcome(struct start *start, int from) {
    struct outcome outcome = {0};
    ssize_t size;
    do size = read(from, &outcome, sizeof outcome);
    while (size < 0 && errno == EINTR);
    if (size != sizeof outcome) return 0;
    start->launch->failed = outcome.failed;
    return outcome.error;
}

static int watch_forked(struct launch *launch) {
    launch->pidfd = (int)syscall(SYS_pidfd_open, launch->pid, 0);
    return launch->pidfd >= 0 ? 0 : errno;
}

static int give_up(const int pipes[2]) {
    int error = errno;
    close(pipes[0]);
    close(pipes[1]);
    return error;
}

static int fork_child(struct start *start) {
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0) return errno;
    start->report = fcntl(pipes[1], F_DUPFD_CLOEXEC, 4); /* below it is the child's */
    if (start->report < 0) return give_up(pipes);
    start->launch->pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
    int error = errno;
    if (start->launch->pid == 0) report_outcome(start);
    close(start->report);
    close(pipes[1]);
    if (start->launch->pid > 0) {
        int refused = watch_forked(start->launch);
        error = read_outcome(start, pipes[0]);
        if (!error) error = refused;
    }
    close(pipes[0]);
    return error;
}

int launch_child(struct launch *launch) {
    struct start start = {.launch = launch, .parent = getpid(), .report = -1};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = start_child(&start);
    if (launch->pid < 0 && error == EINVAL) error = fork_child(&start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}
