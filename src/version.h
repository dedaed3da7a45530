/* version: the number of this release; lua/watchbot/version.lua says the same, and a spec compares them. */
#ifndef WATCHBOT_VERSION_H
#define WATCHBOT_VERSION_H

#define WATCHBOT_VERSION "0.1.0"

#endif
