/* watchbot in a program of yours: a watcher that lives in your lua_State and, if you like, in your
 * event loop.
 *
 *     struct watchbot *watchbot = watchbot_open(L);
 *     if (watchbot_load(watchbot, "policy.lua") != 0 || watchbot_run(watchbot) != 0) {
 *         fprintf(stderr, "%s\n", watchbot_error(watchbot));
 *     }
 *     watchbot_close(watchbot);
 *
 * With a loop of your own: poll watchbot_pollfd for reading, at most watchbot_timeout milliseconds,
 * then call watchbot_step(watchbot, 0), until it returns 0.
 *
 * Watchbot works with copies of the Lua libraries that it finds when it is opened, so that a policy
 * cannot take them away from it; strings find their own methods before what you give them later.
 *
 * Your signal handlers, your SIGPIPE and your children are left alone: watchbot waits for its own
 * children by their pid. The functions belong to the thread of the lua_State; none but
 * watchbot_interrupt may be called from a signal handler, from another thread, or from within a Lua
 * function that watchbot called. None raises a Lua error
 * or leaves anything on the stack. A child that you fork must not use what its parent has opened;
 * it may close it.
 *
 * Link with libwatchbot.a and `pkg-config --libs lua5.4 openssl sqlite3` -lm -ldl; `require` must
 * find lua-cjson, and LuaExpat for AWS. (A host that has Lua linked in statically exports its
 * symbols to them: -Wl,--export-dynamic.) */
#ifndef WATCHBOT_H
#define WATCHBOT_H

#include <lua.h>

struct watchbot;

/* Opens watchbot in `L`, whose standard libraries must be open. One for each lua_State: a second
 * call returns the same. NULL: not enough memory. The handle lives until watchbot_close, at the
 * latest until lua_close. */
struct watchbot *watchbot_open(lua_State *L);

/* Loads and checks a policy file. 0, or -1 (see watchbot_error). Not while a watcher runs. */
int watchbot_load(struct watchbot *watchbot, const char *path);

/* Runs until the watcher has ended, because a handler or a hook called `require
 * "watchbot.host".stop()`. 0, or -1. A host that has signals or other reasons to stop steps
 * instead. */
int watchbot_run(struct watchbot *watchbot);

/* One turn: what is due and ready; waits at most `milliseconds` (-1: forever) if nothing is.
 * A signal ends the wait. 1: goes on; 0: the watcher has ended; -1: it has ended with an error. The
 * first step starts the watcher; one after its end starts it again. */
int watchbot_step(struct watchbot *watchbot, int milliseconds);

/* A file descriptor that is readable when a step has something to do. */
int watchbot_pollfd(struct watchbot *watchbot);

/* Milliseconds until a step has something to do on its own account; -1: only the pollfd
 * can tell. */
int watchbot_timeout(struct watchbot *watchbot);

/* Begins the end: no more messages are taken, what runs may finish within the policy's `drain`
 * seconds; steps go on until it has ended. A second call hurries. Before the first step: the
 * watcher ends as soon as it has started. */
void watchbot_stop(struct watchbot *watchbot);

/* For a signal handler, or a thread that watches over the one that steps: ends the Lua code of the
 * policy that computes now, in a step, a load or a close, and may never end. "interrupted" is
 * raised in it, within a millisecond or so, at each instruction until it has ended, however often
 * it catches that; a pattern or another C function that computes is not interrupted before it
 * returns. A handler's job is judged as a failed one (signal TERM), a hook's as that of a hook that
 * raised, a load returns -1; the watcher goes on. What the same step calls after that, and computes
 * for as long, is interrupted, too; the next call of this interface forgets it. Without a call that
 * runs, it does nothing. Hooks have a limit of 60 s without a wait anyway, handlers the policy's
 * `timeout`. */
void watchbot_interrupt(struct watchbot *watchbot);

/* The last error's text, or "". Valid until the next call. */
const char *watchbot_error(struct watchbot *watchbot);

/* Stops at once what still runs (its messages come back by their visibility) and frees the handle.
 * NULL is fine. */
void watchbot_close(struct watchbot *watchbot);

#endif
