#define _GNU_SOURCE /* O_PATH, RENAME_NOREPLACE */
#include "empty.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

enum {
    DEEPEST = 64,       /* folders that are open at once; what is deeper is moved up first */
    MOST_PASSES = 4096, /* over one folder, while another process may be filling it */
    PATIENCE = 16,      /* entries between two looks at the clock */
    FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
    HANDLE = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
};

struct level {
    DIR *list;
    char name[NAME_MAX + 1]; /* in the folder above */
    size_t removed, kept;    /* in this pass over it */
    int passes;
    bool again; /* something was moved here */
};

struct empty {
    struct empty_report report;
    dev_t device;
    int mount;
    unsigned moved;
    int depth; /* of the last of the levels; -1: done */
    struct level levels[DEEPEST];
};

/* finding the folder */

static int check_last(const char *path) {
    struct stat status;
    if (lstat(path, &status) != 0) return errno;
    if (S_ISLNK(status.st_mode)) return ELOOP;
    return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

int empty_resolve(const char *path, char resolved[PATH_MAX]) {
    char copy[PATH_MAX], parent[PATH_MAX];
    size_t length = strlen(path);
    if (path[0] != '/') return EINVAL;
    if (length >= sizeof copy) return ENAMETOOLONG;
    memcpy(copy, path, length + 1);
    while (length > 0 && copy[length - 1] == '/') copy[--length] = '\0';
    if (length == 0) return EINVAL;
    char *last = strrchr(copy, '/') + 1;
    if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0) return EINVAL;
    char first = last[0];
    last[0] = '\0';
    if (!realpath(copy, parent)) return errno;
    last[0] = first;
    int size = snprintf(resolved, PATH_MAX, "%s/%s", strcmp(parent, "/") == 0 ? "" : parent, last);
    return size >= PATH_MAX ? ENAMETOOLONG : check_last(resolved);
}

/* Opens one name after the other, so that no link can be on the way. */
static int open_path(const char *path) {
    int fd = open("/", HANDLE);
    while (fd >= 0 && *path) {
        char name[NAME_MAX + 1];
        size_t length = strcspn(path, "/");
        if (length > NAME_MAX) {
            close(fd);
            errno = ENAMETOOLONG;
            return -1;
        }
        memcpy(name, path, length);
        name[length] = '\0';
        path += length + (path[length] == '/');
        if (length == 0) continue;
        int below = openat(fd, name, *path ? HANDLE : FOLDER);
        int error = errno;
        close(fd);
        errno = error;
        fd = below;
    }
    return fd;
}

/* The kernel's number of the mount that a descriptor is on: a folder that is bind-mounted from the
 * same device has a different one. 0 with errno set: /proc, which has it, does not exist. */
static int mount_of(int fd) {
    char path[40], text[256];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
    int info = open(path, O_RDONLY | O_CLOEXEC);
    if (info < 0) return 0;
    ssize_t size = read(info, text, sizeof text - 1);
    close(info);
    text[size > 0 ? size : 0] = '\0';
    const char *found = strstr(text, "mnt_id:");
    int mount = found ? (int)strtol(found + sizeof "mnt_id:" - 1, NULL, 10) : 0;
    if (mount == 0) errno = ENOSYS;
    return mount;
}

/* the report */

static void add_path(char path[PATH_MAX], const char *name) {
    size_t length = strlen(path);
    snprintf(path + length, PATH_MAX - length, "%s%s", length > 0 ? "/" : "", name);
}

static void keep(struct empty *empty, const char *name, int error) {
    struct empty_report *report = &empty->report;
    empty->levels[empty->depth].kept++;
    report->kept++;
    if (report->error) return;
    report->error = error;
    for (int i = 1; i <= empty->depth; i++) add_path(report->first, empty->levels[i].name);
    add_path(report->first, name);
}

static void count_removed(struct empty *empty) {
    empty->levels[empty->depth].removed++;
    empty->report.removed++;
}

/* going down */

static int here(const struct empty *empty) {
    return dirfd(empty->levels[empty->depth].list);
}

static int same_mount(const struct empty *empty, int fd, struct stat *status) {
    if (fstat(fd, status) != 0) return errno;
    if (status->st_dev != empty->device) return EXDEV;
    int mount = mount_of(fd);
    return mount == empty->mount ? 0 : mount == 0 ? errno : EXDEV;
}

/* A folder of the same user may lack the permissions that emptying it needs. The mode is changed
 * through the descriptor. */
static void unlock(int handle, const struct stat *status) {
    char path[32];
    mode_t wanted = (status->st_mode & 07777) | S_IRWXU;
    if ((status->st_mode & S_IRWXU) == S_IRWXU || status->st_uid != geteuid()) return;
    snprintf(path, sizeof path, "/proc/self/fd/%d", handle);
    if (chmod(path, wanted) != 0) return; /* what cannot be done then is reported */
}

/* A descriptor of the folder `name`, if it may be entered; -1 with errno set. */
static int open_below(const struct empty *empty, const char *name) {
    struct stat status;
    int handle = openat(here(empty), name, HANDLE);
    if (handle < 0) return -1;
    int error = same_mount(empty, handle, &status), fd = -1;
    if (!error) {
        unlock(handle, &status);
        fd = openat(handle, ".", FOLDER);
        error = errno;
    }
    close(handle);
    errno = error;
    return fd;
}

static bool push(struct empty *empty, int fd, const char *name) {
    DIR *list = fdopendir(fd);
    if (!list) {
        close(fd);
        return false;
    }
    struct level *level = &empty->levels[++empty->depth];
    *level = (struct level){.list = list};
    snprintf(level->name, sizeof level->name, "%s", name);
    return true;
}

/* Too deep: the folder is moved up to where the emptying started, under its own name, and is
 * emptied there. */
static bool move_up(struct empty *empty, const char *name) {
    char fresh[40];
    int top = dirfd(empty->levels[0].list), result;
    do {
        snprintf(fresh, sizeof fresh, ".emptying-%ld-%u", (long)getpid(), ++empty->moved);
        result = renameat2(here(empty), name, top, fresh, RENAME_NOREPLACE);
    } while (result != 0 && errno == EEXIST);
    if (result == 0) empty->levels[0].again = true;
    return result == 0;
}

/* 0, or why the folder was not entered. */
static int enter(struct empty *empty, const char *name) {
    if (empty->depth + 1 == DEEPEST) return move_up(empty, name) ? 0 : errno;
    int fd = open_below(empty, name);
    return fd >= 0 && push(empty, fd, name) ? 0 : errno;
}

/* one entry */

static void take(struct empty *empty, const struct dirent *entry) {
    const char *name = entry->d_name;
    int error = EISDIR;
    if (entry->d_type != DT_DIR) error = unlinkat(here(empty), name, 0) == 0 ? 0 : errno;
    if (!error) return count_removed(empty);
    if (error == EISDIR) {
        error = enter(empty, name);
        if (!error) return;
        /* It is no longer a folder: another process has replaced it. */
        if (error == ENOTDIR || error == ELOOP)
            error = unlinkat(here(empty), name, 0) == 0 ? 0 : errno;
    }
    if (error && error != ENOENT) keep(empty, name, error);
}

/* coming back */

/* Whether another pass could find more: a file system may skip entries while others are being
 * removed. */
static bool worth_another_pass(const struct level *level) {
    return level->passes < MOST_PASSES &&
           (level->again || (level->removed > 0 && level->kept == 0));
}

static void pass_again(struct level *level) {
    level->passes++;
    level->removed = level->kept = 0;
    level->again = false;
    rewinddir(level->list);
}

static void pop(struct empty *empty) {
    closedir(empty->levels[empty->depth--].list);
}

static void finish_top(struct empty *empty) {
    struct level *top = &empty->levels[0];
    if (worth_another_pass(top)) {
        /* What is kept will be met again. */
        empty->report = (struct empty_report){.removed = empty->report.removed};
        return pass_again(top);
    }
    if (top->removed > 0 && top->kept == 0)
        keep(empty, ".", ENOTEMPTY); /* it fills as fast as it is emptied */
    pop(empty);
}

static void finish_folder(struct empty *empty) {
    struct level *level = &empty->levels[empty->depth];
    int above = dirfd(empty->levels[empty->depth - 1].list);
    int error = unlinkat(above, level->name, AT_REMOVEDIR) == 0 ? 0 : errno;
    if (error == ENOTEMPTY && worth_another_pass(level)) return pass_again(level);
    size_t kept = level->kept;
    char name[NAME_MAX + 1];
    memcpy(name, level->name, sizeof name);
    pop(empty);
    if (!error) return count_removed(empty);
    if (error != ENOENT && kept == 0) return keep(empty, name, error);
    if (kept > 0) empty->levels[empty->depth].kept++;
}

/* the whole */

struct empty *empty_open(const char *path) {
    struct stat status;
    struct empty *empty = calloc(1, sizeof *empty);
    if (!empty) return NULL;
    empty->depth = -1;
    errno = EINVAL;
    int error, fd = path[0] == '/' ? open_path(path) : -1;
    if (fd < 0 || fstat(fd, &status) != 0) goto failed;
    empty->device = status.st_dev;
    empty->mount = mount_of(fd);
    if (empty->mount == 0) goto failed;
    if (push(empty, fd, "")) return empty;
    fd = -1;
failed:
    error = errno;
    if (fd >= 0) close(fd);
    free(empty);
    errno = error;
    return NULL;
}

static void take_next(struct empty *empty) {
    errno = 0;
    struct dirent *entry = readdir(empty->levels[empty->depth].list);
    if (entry) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) take(empty, entry);
    } else if (empty->depth > 0) {
        finish_folder(empty);
    } else {
        finish_top(empty);
    }
}

bool empty_step(struct empty *empty, int64_t nanoseconds) {
    int64_t until = clock_monotonic() + nanoseconds;
    for (int count = 1; empty->depth >= 0; count++) {
        take_next(empty);
        if (count % PATIENCE == 0 && clock_monotonic() >= until) break;
    }
    return empty->depth >= 0;
}

const struct empty_report *empty_report(const struct empty *empty) {
    return &empty->report;
}

void empty_close(struct empty *empty) {
    if (!empty) return;
    while (empty->depth >= 0) pop(empty);
    free(empty);
}
