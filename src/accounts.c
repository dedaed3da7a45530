#define _DEFAULT_SOURCE /* fgetpwent, fgetgrent, getgrouplist */
#include "accounts.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#ifdef WATCHBOT_STATIC

const struct passwd *accounts_user(const char *name) {
    FILE *file = fopen("/etc/passwd", "re");
    if (!file) return NULL;
    const struct passwd *user;
    do user = fgetpwent(file);
    while (user && strcmp(user->pw_name, name) != 0);
    int error = errno;
    fclose(file);
    errno = error;
    return user;
}

static bool has_member(const struct group *group, const char *name) {
    for (char **member = group->gr_mem; *member; member++) {
        if (strcmp(*member, name) == 0) return true;
    }
    return false;
}

int accounts_groups(const char *name, gid_t first, gid_t *groups, int *count) {
    int room = *count, found = 1;
    if (room > 0) groups[0] = first;
    FILE *file = fopen("/etc/group", "re");
    for (const struct group *group; file && (group = fgetgrent(file));) {
        if (group->gr_gid == first || !has_member(group, name)) continue;
        if (found < room) groups[found] = group->gr_gid;
        found++;
    }
    if (file) fclose(file);
    *count = found;
    return found <= room ? found : -1;
}

#else

const struct passwd *accounts_user(const char *name) {
    return getpwnam(name);
}

int accounts_groups(const char *name, gid_t first, gid_t *groups, int *count) {
    return getgrouplist(name, first, groups, count);
}

#endif
