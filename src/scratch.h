/* scratch: private files that live at most as long as the program.
 *
 * All files of one owner are in one folder, $TMPDIR/watchbot-PID-XXXXXX, which is locked (flock)
 * while the owner lives. A folder that can be locked was therefore left by a dead owner, whatever
 * process has its pid now. It is removed only if its marker shows that it was created here, and it
 * contains nothing else. */
#ifndef WATCHBOT_SCRATCH_H
#define WATCHBOT_SCRATCH_H

#include <stddef.h>
#include <sys/types.h>

/* Zeroed: no folder yet. */
struct scratch {
    char *folder;        /* path; NULL: not made yet */
    int fd;              /* of the folder; holds the lock */
    unsigned long files; /* made so far; a file's name is its number */
};

/* The owner of a file or folder, if that is another user than this process's. */
struct scratch_owner {
    uid_t uid;
    gid_t gid;
};

/* Makes a file with this content, mode 0600; its number is scratch->files. `owner` may be NULL. 0
 * or an errno. */
int scratch_write(struct scratch *scratch, const void *data, size_t size,
                  const struct scratch_owner *owner);

/* Makes an empty folder, mode 0700, by the name "N.tmp", where N is scratch->files. 0 or
 * an errno. */
int scratch_mkdir(struct scratch *scratch, const struct scratch_owner *owner);

void scratch_remove(struct scratch *scratch, unsigned long file);

/* Removes a folder that is empty. */
void scratch_rmdir(struct scratch *scratch, unsigned long folder);

/* Removes the folder with all its content. */
void scratch_close(struct scratch *scratch);

/* Removes the folders that dead owners of the same user have left. */
void scratch_sweep(void);

/* The folder in which folders are created. */
const char *scratch_parent(void);

#endif
