#define _GNU_SOURCE /* sigabbrev_np */
#include "child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "compat.h"
#include "procfs.h"

static const int64_t MILLISECOND = CLOCK_SECOND / 1000;

/* Between two looks at what has lost its parent while its task runs. */
static const int64_t LOOK = CLOCK_SECOND;

/* What a task leaves behind may take this long to end after its KILL. */
static const int64_t CLEAR_LIMIT = 2 * CLOCK_SECOND, LONGEST_PAUSE = CLOCK_SECOND / 16;

/* A leader that was KILLed: the kernel may have to wait for a disk, or free a lot of memory. One
 * that may not be killed (sudo) gets the time to end because of its children's end. */
static const int64_t KILL_LIMIT = 30 * CLOCK_SECOND, REFUSED_LIMIT = 5 * CLOCK_SECOND;

static void look(struct loop_timer *timer) {
    struct children *home = container_of(timer, struct children, look);
    if (list_is_empty(&home->running)) return;
    orphans_look(&home->orphans);
    loop_start_timer(home->loop, timer, LOOK);
}

/* the end */

/* Waits until the leader has exited, and leaves it to be reaped: until then nothing else gets its
 * id. False: something else in the host has reaped it, and the id may be any process's. */
static bool await_exit(pid_t pid) {
    siginfo_t info;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0) {
        if (errno != EINTR) return false;
    }
    return true;
}

static int64_t nanoseconds(struct timeval time) {
    return time.tv_sec * CLOCK_SECOND + time.tv_usec * (CLOCK_SECOND / 1000000);
}

/* With each SIGXCPU the kernel raises the soft limit by a second, up to the hard limit, at which
 * SIGKILL follows. Its clock counts ticks: that of getrusage(2) may show less. */
static int64_t cpu_limit_reached(pid_t pid) {
    struct rlimit limit;
    if (prlimit(pid, RLIMIT_CPU, NULL, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return 0;
    return limit.rlim_cur >= limit.rlim_max ? (int64_t)limit.rlim_max : 0;
}

/* The system call has one argument more than waitid(3). */
static void reap(struct child *child) {
    siginfo_t info = {0};
    struct rusage usage = {0};
    long result;
    child->cpu_limit = cpu_limit_reached(child->pid);
    do {
        result = syscall(SYS_waitid, P_PID, child->pid, &info, WEXITED, &usage);
    } while (result != 0 && errno == EINTR);
    child->taken = result != 0;
    child->code = result == 0 && info.si_code == CLD_EXITED ? info.si_status : -1;
    child->signal = result == 0 && info.si_code != CLD_EXITED ? info.si_status : 0;
    child->cpu = nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
    child->max_rss = usage.ru_maxrss * INT64_C(1024);
    if (child->max_rss <= child->host_rss) child->max_rss = 0;
}

static void leave_home(struct child *child) {
    struct children *home = child->home;
    orphans_move(&home->orphans, child, NULL);
    list_remove(&child->place);
    if (list_is_empty(&home->running)) loop_stop_timer(home->loop, &home->look);
    child->running = child->clearing = false;
}

static void bury(struct child *child) {
    guardian_remove(&child->home->guardian, child->pid);
    reap(child);
    close(child->pidfd);
    leave_home(child);
    child->reaped(child);
}

static void clear(struct child *child) {
    struct children *home = child->home;
    if (home->adopts && orphans_kill(&home->orphans, child)) {
        int64_t now = clock_monotonic();
        child->pause = child->pause ? child->pause * 2 : MILLISECOND;
        if (child->pause > LONGEST_PAUSE) child->pause = LONGEST_PAUSE;
        if (now < child->give_up && loop_start_timer(home->loop, &child->kill, child->pause) == 0)
            return;
        orphans_describe(&home->orphans, child, &child->survivors);
    }
    bury(child);
}

static void on_clear_again(struct loop_timer *timer) {
    clear(container_of(timer, struct child, kill));
}

static void on_exit_seen(struct loop_fd *watch, unsigned ready) {
    struct child *child = container_of(watch, struct child, watch);
    (void)ready;
    loop_unwatch(child->home->loop, watch);
    loop_stop_timer(child->home->loop, &child->kill);
    child->running = false;
    child->clearing = true;
    child->ended = clock_monotonic();
    child->give_up = child->ended + CLEAR_LIMIT;
    child->kill.fire = on_clear_again;
    child->exited(child);
    if (await_exit(child->pid)) kill(-child->pid, SIGKILL);
    clear(child);
}

/* what cannot be killed */

void child_describe(pid_t pid, int refused, struct buffer *text) {
    char line[128];
    struct procfs_stat stat;
    if (!procfs_stat(pid, &stat)) return;
    const char *why = refused ? "operation not permitted" : "it has not ended after KILL";
    int size = snprintf(line, sizeof line, "%d (%s): %s\n", (int)pid, stat.name, why);
    if (size > 0)
        buffer_append(text, line, (size_t)size < sizeof line ? (size_t)size : sizeof line - 1);
}

static void ignore(struct child *child) {
    (void)child;
}

static void free_abandoned(struct child *child) {
    buffer_free(&child->survivors);
    free(child);
}

static void on_kill_over(struct loop_timer *timer);

/* Puts `to` in the place of `from`, with its watch and its timer. */
static bool move(struct child *from, struct child *to) {
    struct children *home = from->home;
    int64_t left = from->kill.place ? from->kill.due - loop_monotonic(home->loop) : -1;
    loop_unwatch(home->loop, &from->watch);
    loop_stop_timer(home->loop, &from->kill);
    *to = *from;
    to->survivors = (struct buffer){0};
    to->watch.interest = 0;
    to->exited = ignore;
    to->reaped = free_abandoned;
    list_replace(&from->place, &to->place);
    orphans_move(&home->orphans, from, to);
    from->running = from->clearing = false;
    bool watched = to->clearing || loop_watch(home->loop, &to->watch, to->pidfd, POLLER_READ) == 0;
    return watched && (left < 0 || loop_start_timer(home->loop, &to->kill, left) == 0);
}

/* Leaves the rest of its life to its home. Without memory for that it is forgotten: it
 * was killed. */
static void hand_over(struct child *child) {
    struct child *rest = malloc(sizeof *rest);
    if (rest && move(child, rest)) return;
    struct child *last = rest ? rest : child;
    loop_unwatch(last->home->loop, &last->watch);
    close(last->pidfd);
    leave_home(last);
    free(rest);
}

static void on_kill_over(struct loop_timer *timer) {
    struct child *child = container_of(timer, struct child, kill);
    int refused = syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0) == 0 ? 0 : errno;
    child->lost = true;
    child->code = -1;
    child->ended = clock_monotonic();
    child_describe(child->pid, refused, &child->survivors);
    hand_over(child);
    child->exited(child);
    child->reaped(child);
}

/* The group may be gone from us in part: what counts is the leader. */
static void kill_now(struct child *child) {
    struct loop *loop = child->home->loop;
    child_signal(child, SIGKILL);
    bool refused =
        syscall(SYS_pidfd_send_signal, child->pidfd, SIGKILL, NULL, 0) != 0 && errno == EPERM;
    child->kill.fire = on_kill_over;
    if (loop_start_timer(loop, &child->kill, refused ? REFUSED_LIMIT : KILL_LIMIT) != 0)
        loop_stop_timer(loop, &child->kill);
}

static void on_grace_over(struct loop_timer *timer) {
    kill_now(container_of(timer, struct child, kill));
}

/* the beginning */

static void settle_in(struct child *child, struct children *home) {
    child->serial = ++home->started;
    list_push(&home->running, &child->place);
    child->running = true;
    if (home->adopts && home->look.place == 0) loop_start_timer(home->loop, &home->look, LOOK);
}

static void start_to_adopt(struct children *home) {
    if (!home->may_adopt) return;
    home->may_adopt = false;
    home->look.fire = look;
    home->adopts = orphans_open(&home->orphans, &home->running, &home->guardian) == 0;
}

int child_start(struct child *child, struct children *home, struct launch *launch) {
    struct rusage host;
    start_to_adopt(home);
    getrusage(RUSAGE_SELF, &host);
    child->home = home;
    child->host_rss = host.ru_maxrss * INT64_C(1024);
    child->watch.ready = on_exit_seen;
    child->kill.fire = on_grace_over;
    launch->guardian = &home->guardian;
    /* Before it runs: this process may get its next turn only when the child has ended. */
    child->started = clock_monotonic();
    int error = launch_child(launch);
    child->pid = launch->pid;
    child->pidfd = launch->pidfd;
    if (child->pid < 0) return error;
    if (!error) error = loop_watch(home->loop, &child->watch, child->pidfd, POLLER_READ);
    if (!error) {
        settle_in(child, home);
        return 0;
    }
    kill(-child->pid, SIGKILL);
    guardian_remove(&home->guardian, child->pid);
    reap(child);
    close(child->pidfd);
    return error;
}

/* signals */

int child_signal(struct child *child, int signal) {
    return !child->running || kill(-child->pid, signal) == 0 ? 0 : errno;
}

void child_stop(struct child *child, int64_t grace) {
    if (!child->running || child->kill.fire == on_kill_over) return;
    if (grace <= 0) {
        kill_now(child);
        return;
    }
    child_signal(child, SIGTERM);
    child_signal(child, SIGCONT);
    bool sooner =
        child->kill.place == 0 || child->kill.due > loop_monotonic(child->home->loop) + grace;
    if (sooner && loop_start_timer(child->home->loop, &child->kill, grace) != 0) kill_now(child);
}

bool child_is_stopped(const struct child *child) {
    siginfo_t info = {0};
    return child->running &&
           waitid(P_PID, (id_t)child->pid, &info, WSTOPPED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == child->pid;
}

/* the end of an owner */

void child_abandon(struct child *child) {
    if (child->running) kill_now(child);
    if (child->running || child->clearing) hand_over(child);
}

static void wait_for_end(const struct child *child, int64_t until) {
    struct pollfd end = {.fd = child->pidfd, .events = POLLIN};
    int64_t left = until - clock_monotonic();
    poll(&end, 1, left > 0 ? (int)(left / MILLISECOND) : 0);
}

static void pause_a_little(void) {
    struct timespec pause = {.tv_nsec = MILLISECOND};
    nanosleep(&pause, NULL);
}

static bool has_exited(const struct child *child) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == child->pid;
}

static void end_child(struct child *child, int64_t until) {
    struct children *home = child->home;
    kill(-child->pid, SIGKILL);
    wait_for_end(child, until);
    loop_unwatch(home->loop, &child->watch);
    loop_stop_timer(home->loop, &child->kill);
    if (has_exited(child)) {
        guardian_remove(&home->guardian, child->pid);
        reap(child);
    }
    close(child->pidfd);
    leave_home(child);
    child->reaped(child);
}

void children_close(struct children *children) {
    int64_t until = clock_monotonic() + CLEAR_LIMIT;
    for (struct list_node *node = children->running.first; node; node = node->next) {
        kill(-container_of(node, struct child, place)->pid, SIGKILL);
    }
    while (!list_is_empty(&children->running)) {
        end_child(container_of(children->running.first, struct child, place), until);
    }
    while (orphans_kill_all(&children->orphans) && clock_monotonic() < until) pause_a_little();
    orphans_close(&children->orphans);
    loop_stop_timer(children->loop, &children->look);
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
