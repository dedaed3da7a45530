#define _GNU_SOURCE /* memmem */
#include "orphans.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "compat.h"
#include "procfs.h"

struct orphan {
    struct list_node place;
    pid_t pid;
    pid_t session;
    const struct child *task; /* NULL: it may be any that ran when it was seen */
    uint64_t seen;            /* serial of the newest task then */
    int refused;              /* errno of its KILL */
    bool ended;               /* reaped; kept for one look, for those who were in its session */
};

static struct orphan *next_of(const struct list_node *node) {
    return node ? container_of(node, struct orphan, place) : NULL;
}

static struct child *task_at(const struct list_node *node) {
    return container_of(node, struct child, place);
}

int orphans_open(struct orphans *orphans, const struct list *tasks, struct guardian *guardian) {
    char name[32];
    snprintf(name, sizeof name, "task/%d/children", (int)getpid());
    int fd = procfs_open(getpid(), name);
    if (fd < 0) return errno;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        int error = errno;
        close(fd);
        return error;
    }
    *orphans = (struct orphans){.children = fd, .tasks = tasks, .guardian = guardian};
    return 0;
}

/* whose an orphan is */

static const struct child *task_of_session(const struct orphans *orphans, pid_t session) {
    for (const struct list_node *node = orphans->tasks->first; node; node = node->next) {
        if (task_at(node)->pid == session) return task_at(node);
    }
    for (const struct orphan *one = next_of(orphans->adopted.first); one;
         one = next_of(one->place.next)) {
        if (one->pid == session) return one->task;
    }
    return NULL;
}

static bool read_environment(pid_t pid, struct buffer *text) {
    char piece[4096];
    ssize_t size;
    int fd = procfs_open(pid, "environ");
    if (fd < 0) return false;
    bool room = buffer_append(text, "", 1); /* each variable stands between two NULs */
    while (room && (size = read(fd, piece, sizeof piece)) > 0)
        room = buffer_append(text, piece, (size_t)size);
    close(fd);
    return room;
}

static bool has_mark(const struct buffer *text, const char *mark) {
    char wanted[sizeof((struct child *)NULL)->mark + 1] = "";
    size_t length = strlen(mark);
    if (length == 0) return false;
    memcpy(wanted + 1, mark, length + 1);
    return memmem(buffer_data(text), text->size, wanted, length + 2) != NULL;
}

static const struct child *task_of_mark(const struct orphans *orphans, pid_t pid) {
    const struct child *task = NULL;
    struct buffer text = {0};
    if (read_environment(pid, &text)) {
        for (const struct list_node *node = orphans->tasks->first; node && !task;
             node = node->next) {
            if (has_mark(&text, task_at(node)->mark)) task = task_at(node);
        }
    }
    buffer_free(&text);
    return task;
}

/* Of those that ran when it was seen, `task` is the only one left. */
static bool can_only_be(const struct orphans *orphans, const struct orphan *orphan,
                        const struct child *task) {
    if (orphan->task) return false;
    for (const struct list_node *node = orphans->tasks->first; node; node = node->next) {
        if (task_at(node)->serial > orphan->seen) return true;
        if (task_at(node) != task) return false;
    }
    return true;
}

/* looking */

static struct orphan *find(const struct orphans *orphans, pid_t pid) {
    struct orphan *one = next_of(orphans->adopted.first);
    while (one && (one->pid != pid || one->ended)) one = next_of(one->place.next);
    return one;
}

static void adopt(struct orphans *orphans, pid_t pid) {
    struct procfs_stat stat;
    if (find(orphans, pid) || !procfs_stat(pid, &stat)) return;
    struct orphan *orphan = calloc(1, sizeof *orphan);
    if (!orphan) return; /* it is there at the next look, too */
    orphan->pid = pid;
    orphan->session = stat.session;
    orphan->task = task_of_session(orphans, stat.session);
    if (!orphan->task && stat.state != 'Z') orphan->task = task_of_mark(orphans, pid);
    if (orphans->tasks->last) orphan->seen = task_at(orphans->tasks->last)->serial;
    list_push(&orphans->adopted, &orphan->place);
    guardian_add(orphans->guardian, pid);
}

static void read_children(struct orphans *orphans) {
    char piece[4096];
    off_t at = 0;
    ssize_t size;
    while ((size = pread(orphans->children, piece, sizeof piece - 1, at)) > 0) {
        piece[size] = '\0';
        const char *begin = piece, *end = piece;
        for (pid_t pid; (pid = procfs_number(&end)) > 0 && *end == ' '; begin = ++end)
            adopt(orphans, pid);
        if (begin == piece) return;
        at += begin - piece;
    }
}

static void drop(struct orphan *orphan) {
    list_remove(&orphan->place);
    free(orphan);
}

static void reap_ended(struct orphans *orphans) {
    struct orphan *next;
    for (struct orphan *one = next_of(orphans->adopted.first); one; one = next) {
        siginfo_t info = {0};
        next = next_of(one->place.next);
        if (one->ended) {
            drop(one);
        } else if (waitid(P_PID, (id_t)one->pid, &info, WEXITED | WNOHANG) != 0 ||
                   info.si_pid == one->pid) {
            guardian_remove(orphans->guardian, one->pid);
            one->ended = true;
        }
    }
}

void orphans_look(struct orphans *orphans) {
    if (orphans->children <= 0) return;
    read_children(orphans);
    if (!list_is_empty(&orphans->adopted)) reap_ended(orphans);
}

/* killing */

static void kill_orphan(struct orphan *orphan) {
    if (orphan->ended) return;
    orphan->refused = kill(orphan->pid, SIGKILL) == 0 ? 0 : errno;
    if (getpgid(orphan->pid) == orphan->pid) kill(-orphan->pid, SIGKILL);
}

bool orphans_kill(struct orphans *orphans, const struct child *task) {
    bool left = false;
    orphans_look(orphans);
    for (struct orphan *one = next_of(orphans->adopted.first); one;
         one = next_of(one->place.next)) {
        if (can_only_be(orphans, one, task)) one->task = task;
        if (one->task != task) continue;
        kill_orphan(one);
        left = true; /* also one that has ended: what it has started arrives now */
    }
    return left;
}

bool orphans_kill_all(struct orphans *orphans) {
    orphans_look(orphans);
    for (struct orphan *one = next_of(orphans->adopted.first); one; one = next_of(one->place.next))
        kill_orphan(one);
    return !list_is_empty(&orphans->adopted);
}

void orphans_describe(const struct orphans *orphans, const struct child *task,
                      struct buffer *text) {
    for (const struct orphan *one = next_of(orphans->adopted.first); one;
         one = next_of(one->place.next)) {
        if (one->task == task && !one->ended) child_describe(one->pid, one->refused, text);
    }
}

void orphans_move(struct orphans *orphans, const struct child *from, const struct child *to) {
    for (struct orphan *one = next_of(orphans->adopted.first); one;
         one = next_of(one->place.next)) {
        if (one->task == from) one->task = to;
    }
}

void orphans_close(struct orphans *orphans) {
    while (!list_is_empty(&orphans->adopted)) drop(next_of(orphans->adopted.first));
    if (orphans->children > 0) close(orphans->children);
    orphans->children = 0;
}
