#include "init.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The status that a shell would report. */
static int status_of(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Reaps all processes that have ended; true if the child was among them. */
static bool reap(pid_t child, int *status) {
    bool ended = false;
    int found;
    for (pid_t pid; (pid = waitpid(-1, &found, WNOHANG)) > 0;) {
        if (pid != child) continue;
        *status = status_of(found);
        ended = true;
    }
    return ended;
}

/* The child has already received signals that a terminal sends to its foreground group: passed on,
 * one Ctrl-C would count twice. A terminal's hangup only goes to the session's leader. */
static bool child_has_it(const siginfo_t *info) {
    if (info->si_code != SI_KERNEL) return false;
    return info->si_signo == SIGINT || info->si_signo == SIGQUIT || info->si_signo == SIGTSTP ||
           info->si_signo == SIGWINCH;
}

/* All signals are blocked, and taken one by one. */
static int serve(pid_t child, const sigset_t *all) {
    int status = 1;
    siginfo_t info;
    for (;;) {
        int signal = sigwaitinfo(all, &info);
        if (signal < 0 && errno != EINTR) return status;
        if (signal > 0 && signal != SIGCHLD && !child_has_it(&info)) kill(child, signal);
        if (reap(child, &status)) return status;
    }
}

bool init_stand_in(int *status) {
    sigset_t all, before;
    if (getpid() != 1) return false;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    if (child > 0) {
        *status = serve(child, &all);
        return true;
    }
    if (child < 0)
        fprintf(stderr, "watchbot: could not start an init process, zombies may be left: %s\n",
                strerror(errno));
    sigprocmask(SIG_SETMASK, &before, NULL);
    return false;
}
