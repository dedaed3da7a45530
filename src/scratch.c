#define _GNU_SOURCE /* asprintf, O_DIRECTORY */
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "empty.h"

enum { ATTEMPTS = 4, FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

static const char prefix[] = "watchbot-";

/* In each folder that is created here: a folder without it was not created here, whatever its
 * name. */
static const char marker[] = ".watchbot";

static const char folder_end[] = ".tmp";

/* A path that a task in another folder can use, too. */
const char *scratch_parent(void) {
    const char *folder = getenv("TMPDIR");
    return folder && folder[0] == '/' ? folder : "/tmp";
}

/* names */

static bool is_number(const char *text, size_t length) {
    return length > 0 && strspn(text, "0123456789") >= length;
}

static bool is_task_folder(const char *name) {
    const char *end = strstr(name, folder_end);
    return end && end[sizeof folder_end - 1] == '\0' && is_number(name, (size_t)(end - name));
}

/* the folder */

static int write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

static int make_file(int folder, const char *name, const void *data, size_t size) {
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return errno;
    int error = write_all(fd, data, size);
    if (close(fd) != 0 && !error) error = errno;
    if (error) unlinkat(folder, name, 0);
    return error;
}

/* On a file system without locks, the folder cannot be locked to be removed, either. */
static int open_folder(struct scratch *scratch) {
    char *path;
    if (asprintf(&path, "%s/%s%ld-XXXXXX", scratch_parent(), prefix, (long)getpid()) < 0)
        return ENOMEM;
    int fd = mkdtemp(path) ? open(path, FOLDER) : -1;
    if (fd < 0) {
        int error = errno;
        free(path);
        return error;
    }
    flock(fd, LOCK_EX | LOCK_NB);
    scratch->folder = path;
    scratch->fd = fd;
    int error = make_file(fd, marker, "", 0);
    if (error) scratch_close(scratch);
    return error;
}

static void forget_folder(struct scratch *scratch) {
    close(scratch->fd);
    free(scratch->folder);
    scratch->folder = NULL;
}

/* A private folder of a task, with all that is in it. */
static void remove_tree(int parent, const char *name) {
    char link[32], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", parent);
    ssize_t length = readlink(link, path, sizeof path);
    if (length < 0 || (size_t)length + strlen(name) + 2 > sizeof path) return;
    snprintf(path + length, sizeof path - (size_t)length, "/%s", name);
    struct empty *empty = empty_open(path);
    if (!empty) return;
    while (empty_step(empty, CLOCK_SECOND)) continue;
    empty_close(empty);
    unlinkat(parent, name, AT_REMOVEDIR);
}

static void empty_folder(int fd) {
    int again = openat(fd, ".", FOLDER);
    DIR *list = again >= 0 ? fdopendir(again) : NULL;
    if (!list) {
        if (again >= 0) close(again);
        return;
    }
    for (struct dirent *entry; (entry = readdir(list));) {
        if (is_task_folder(entry->d_name)) {
            remove_tree(fd, entry->d_name);
        } else {
            unlinkat(fd, entry->d_name, 0);
        }
    }
    closedir(list);
}

void scratch_close(struct scratch *scratch) {
    if (!scratch->folder) return;
    empty_folder(scratch->fd);
    rmdir(scratch->folder);
    forget_folder(scratch);
}

/* files */

static void name_file(unsigned long file, const char *end, char name[32]) {
    snprintf(name, 32, "%lu%s", file, end);
}

/* Another user must be able to pass through the folder to its own files. */
static int give(struct scratch *scratch, const char *name, const struct scratch_owner *owner) {
    if (!owner) return 0;
    if (fchmod(scratch->fd, 0711) != 0) return errno;
    return fchownat(scratch->fd, name, owner->uid, owner->gid, AT_SYMLINK_NOFOLLOW) == 0 ? 0
                                                                                         : errno;
}

static int write_file(struct scratch *scratch, const void *data, size_t size,
                      const struct scratch_owner *owner) {
    char name[32];
    name_file(++scratch->files, "", name);
    int error = make_file(scratch->fd, name, data, size);
    return error ? error : give(scratch, name, owner);
}

static int make_folder(struct scratch *scratch, const struct scratch_owner *owner) {
    char name[32];
    name_file(++scratch->files, folder_end, name);
    return mkdirat(scratch->fd, name, 0700) == 0 ? give(scratch, name, owner) : errno;
}

/* A folder that is gone, because it was cleaned up or removed before it was locked, is created
 * again. `data` is NULL for a folder. */
static int make(struct scratch *scratch, const void *data, size_t size,
                const struct scratch_owner *owner) {
    int error = ENOENT;
    for (int attempt = 0; error == ENOENT && attempt < ATTEMPTS; attempt++) {
        if (!scratch->folder) error = open_folder(scratch);
        if (!scratch->folder) return error;
        error = data ? write_file(scratch, data, size, owner) : make_folder(scratch, owner);
        if (error == ENOENT) forget_folder(scratch);
    }
    return error;
}

int scratch_write(struct scratch *scratch, const void *data, size_t size,
                  const struct scratch_owner *owner) {
    return make(scratch, data, size, owner);
}

int scratch_mkdir(struct scratch *scratch, const struct scratch_owner *owner) {
    return make(scratch, NULL, 0, owner);
}

void scratch_remove(struct scratch *scratch, unsigned long file) {
    char name[32];
    if (!scratch->folder) return;
    name_file(file, "", name);
    unlinkat(scratch->fd, name, 0);
}

void scratch_rmdir(struct scratch *scratch, unsigned long folder) {
    char name[32];
    if (!scratch->folder) return;
    name_file(folder, folder_end, name);
    unlinkat(scratch->fd, name, AT_REMOVEDIR);
}

/* sweeping */

/* "watchbot-PID-XXXXXX" */
static bool is_folder_name(const char *name) {
    size_t length = sizeof prefix - 1;
    if (strncmp(name, prefix, length) != 0) return false;
    const char *pid = name + length, *end = strchr(pid, '-');
    return end && is_number(pid, (size_t)(end - pid)) && strlen(end + 1) == 6 &&
           strchr(end + 1, '-') == NULL;
}

/* Whether it only contains what was created here: the marker, and files with numbers as names. */
static bool is_ours(int fd) {
    bool marked = false, foreign = false;
    int again = openat(fd, ".", FOLDER);
    DIR *list = again >= 0 ? fdopendir(again) : NULL;
    if (!list) {
        if (again >= 0) close(again);
        return false;
    }
    for (struct dirent *entry; (entry = readdir(list));) {
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) continue;
        if (strcmp(name, marker) == 0) {
            marked = true;
        } else {
            foreign |= !is_number(name, strlen(name)) && !is_task_folder(name);
        }
    }
    closedir(list);
    return marked && !foreign;
}

/* Only of the same user, and locked by no living owner. */
static void sweep_folder(int parent, const char *name) {
    struct stat status;
    int fd = openat(parent, name, FOLDER);
    if (fd < 0) return;
    if (fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
        flock(fd, LOCK_EX | LOCK_NB) == 0 && is_ours(fd)) {
        empty_folder(fd);
        unlinkat(parent, name, AT_REMOVEDIR);
    }
    close(fd);
}

void scratch_sweep(void) {
    DIR *list = opendir(scratch_parent());
    if (!list) return;
    for (struct dirent *entry; (entry = readdir(list));) {
        if (is_folder_name(entry->d_name)) sweep_folder(dirfd(list), entry->d_name);
    }
    closedir(list);
}
