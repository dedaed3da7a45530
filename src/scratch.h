/* scratch: private files that live at most as long as the program.
 *
 * All files of one owner are in one folder, $TMPDIR/watchbot-PID-XXXXXX, which is locked (flock) while the owner lives. A
 * folder that can be locked is therefore one that a dead owner left behind, whatever process has its pid now. It is swept only
 * if its marker says that it was made here, and nothing else is in it. */
#ifndef WATCHBOT_SCRATCH_H
#define WATCHBOT_SCRATCH_H

#include <stddef.h>

/* Zeroed: no folder yet. */
struct scratch {
    char *folder;        /* path; NULL: not made yet */
    int fd;              /* of the folder; holds the lock */
    unsigned long files; /* made so far; a file's name is its number */
};

/* Makes a file with this content, mode 0600; its number is scratch->files. 0 or an errno. */
int scratch_write(struct scratch *scratch, const void *data, size_t size);

void scratch_remove(struct scratch *scratch, unsigned long file);

/* Removes the folder with all that is in it. */
void scratch_close(struct scratch *scratch);

/* Removes the folders that dead owners left, of the same user. */
void scratch_sweep(void);

/* Where folders are made. */
const char *scratch_parent(void);

#endif
