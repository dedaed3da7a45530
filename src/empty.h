/* empty: removes the content of a folder, step by step, and never anything outside it. Plain C on
 * directory descriptors.
 *
 * No path is followed: each folder is opened by its name in its parent, not through a symbolic
 * link, and is entered only when it is on the same mount as the folder that is emptied. So links
 * are removed and not followed, mount points are left alone, and a folder that another process
 * swaps for a link meanwhile leads nowhere. The folder itself stays.
 *
 * However deep the tree, at most 64 folders are open: what is deeper is moved up to the top first,
 * as `.emptying-PID-N`, which is the name that it keeps where it cannot be removed. */
#ifndef WATCHBOT_EMPTY_H
#define WATCHBOT_EMPTY_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct empty;

/* The result for the entries so far. */
struct empty_report {
    size_t removed, kept;
    int error; /* why the first one was kept, an errno; EXDEV: a mount point is in the way */
    char first[PATH_MAX]; /* its path below the folder, cut where it is longer */
};

/* The absolute path without symbolic links before its last name. 0, or an errno: EINVAL if the path
 * is not absolute or is the root, ELOOP if its last name is a link, ENOTDIR if it is not a folder,
 * ENOENT if it does not exist. */
int empty_resolve(const char *path, char resolved[PATH_MAX]);

/* Starts emptying the folder at this path, no part of which may be a symbolic link. NULL with errno
 * set. */
struct empty *empty_open(const char *path);

/* Continues for about `nanoseconds`; false when it is done. At least one entry is removed, however
 * long that takes. */
bool empty_step(struct empty *empty, int64_t nanoseconds);

const struct empty_report *empty_report(const struct empty *empty);

/* NULL is allowed. */
void empty_close(struct empty *empty);

#endif
