/* accounts: users and their groups by name. A static program must not call the C library's
 * getpwnam, which loads the modules in the machine's nsswitch.conf, built for another libc: it
 * reads /etc/passwd and /etc/group itself, so it does not know accounts of LDAP or systemd. */
#ifndef WATCHBOT_ACCOUNTS_H
#define WATCHBOT_ACCOUNTS_H

#include <pwd.h>
#include <sys/types.h>

/* NULL, with errno 0 or ENOENT: no such account. The result is valid until the next call. */
const struct passwd *accounts_user(const char *name);

/* As getgrouplist(3): -1, with the required number in `count`, if there is too little space. */
int accounts_groups(const char *name, gid_t first, gid_t *groups, int *count);

#endif
