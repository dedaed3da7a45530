/* startup: checks the environment of the program before it starts: three standard descriptors and a
 * kernel with pidfd_open(2) and close_range(2). Reports what the system lacks on standard error. */
#ifndef WATCHBOT_STARTUP_H
#define WATCHBOT_STARTUP_H

#include <stdbool.h>

/* Opens /dev/null for those of descriptors 0 to 2 that are closed. */
bool startup_fill_descriptors(void);

/* Whether the kernel has the system calls for starting and watching tasks. */
bool startup_check_kernel(void);

#endif
