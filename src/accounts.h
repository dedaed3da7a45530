/* accounts: users and their groups by name. A static program must not ask the C library's getpwnam,
 * which loads the modules that the machine's nsswitch.conf names, made for another libc: it reads
 * /etc/passwd and /etc/group itself, so accounts of LDAP or systemd are unknown to it. */
#ifndef WATCHBOT_ACCOUNTS_H
#define WATCHBOT_ACCOUNTS_H

#include <pwd.h>
#include <sys/types.h>

/* NULL, with errno 0 or ENOENT: there is none. The result stays until the next call. */
const struct passwd *accounts_user(const char *name);

/* As getgrouplist(3): -1, with the number that is needed in `count`, where there is too little
 * room. */
int accounts_groups(const char *name, gid_t first, gid_t *groups, int *count);

#endif
