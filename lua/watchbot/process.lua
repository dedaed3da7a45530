--- process: child processes, each the leader of its own session.
-- Sits on watchbot.core.process (src/lprocess.c). The leader's exit is the end: what is left of its
-- group is killed then, and also when the handle is closed or collected, and when the program ends,
-- even by kill -9 (src/guardian.h). The program watchbot finds and kills what has left the group,
-- too (src/orphans.h); a host that embeds the module does not. doc/tasks.md has it all in one
-- place.
--
--     local child <close> = assert(process.start {
--       argv = { "sort", "-u" }, stdin = text, output = "capture" })
--     local exit = child:wait()
--     if exit.code == 0 then print((child:output())) end

local core = require "watchbot.core"

---@class watchbot.process.Options
---@field argv? (string|number)[] the program, looked up in $PATH unless it has a slash, and its
--- arguments
---@field command? string a text for /bin/sh instead
---@field cwd? string its folder; else the host's
---@field env? table<string, string|number> its whole environment; else the host's
---@field stdin? string what it can read, in a file; else /dev/null
---@field output? watchbot.Log|"capture"|"inherit" line by line to a log, into memory, where the
--- host's goes; else /dev/null
---@field id? string the message id of its lines in the log
---@field category? string "worker" unless given
---@field tail? integer bytes of its newest output that are kept for `tail`; none unless given
---@field mark? string a NAME=VALUE of its `env`, by which what it starts is known to be its own
---@field records? boolean a CR within a line of its output ends a line of a text log, too
---@field channel? watchbot.Channel it has the other end as its descriptor 3
---@field limits? watchbot.process.Limits what it may use
---@field limit? integer bytes of stdout and of stderr that are captured at most; 16 MiB unless
--- given

---@class watchbot.process.Limits of the process, and of each that it starts; nil: as the host's
---@field memory? integer bytes of data: heap, private mappings (RLIMIT_DATA)
---@field cpu? integer seconds of CPU until SIGXCPU; KILL five seconds later
---@field files? integer open files
---@field nice? integer added to the host's
---@field umask? integer
---@field cgroup? string the path of a cgroup.procs to join
---@field user? watchbot.process.User

---@class watchbot.process.User
---@field name string
---@field uid integer
---@field gid integer
---@field groups integer[]
---@field home string
---@field shell string

---@class watchbot.process.Exit
---@field code integer? what it passed to exit(2); -1 when something else in the host has waited for
--- it, or when it could not be killed
---@field signal string? the name of the signal that ended it, "KILL", instead of a code; a number
--- as text if it has no name
---@field reason string? where there is more to say than the code
---@field duration number seconds
---@field cpu number? seconds of CPU that it and what it has waited for have used
---@field max_rss integer? bytes of memory of the largest of these; nil where that was less than the
--- host's own, which a child begins with
---@field survivors string? what it has started and what could not be killed: "PID (NAME): why", a
--- line each

---@class watchbot.Process
---@field wait fun(self: watchbot.Process, seconds?: number): watchbot.process.Exit?, ...
--- waits for the end; `nil, err, code` with "Timeout" when that takes longer, with "Closed" when it
--- was closed meanwhile
---@field output fun(self: watchbot.Process): string, string what was captured so far of stdout and
--- of stderr
---@field truncated fun(self: watchbot.Process): boolean whether there was more than `limit`
---@field tail fun(self: watchbot.Process): string the newest output of both streams
---@field label fun(self: watchbot.Process, id?: string): string from here on the lines of its log
--- bear this message id; returns the newest output until here, and forgets it
---@field stop fun(self: watchbot.Process, grace: number) TERM to the group, KILL when it is there
--- after `grace` seconds
---@field kill fun(self: watchbot.Process, signal: string): boolean sends "HUP" and so on to the
--- group; false if it had ended
---@field stopped fun(self: watchbot.Process): boolean whether it is stopped by a signal and waits
--- for CONT
---@field pid fun(self: watchbot.Process): integer
---@field close fun(self: watchbot.Process) kills it if it runs, and gives back what was captured;
--- also `<close>`

---@class watchbot.Channel lines to and from a program; one task at a time waits in it
---@field line fun(self: watchbot.Channel): string?, string?, string? waits for the next line; codes
--- `Closed`, `TooLong`
---@field send fun(self: watchbot.Channel, bytes: string): true?, string?, string? waits until the
--- program has taken them; code `Closed`
---@field ended fun(self: watchbot.Channel): boolean whether the program has closed its end
---@field close fun(self: watchbot.Channel)

---@class watchbot.process.File
---@field path fun(self: watchbot.process.File): string
---@field close fun(self: watchbot.process.File) removes it; also `<close>`, also when it is
--- collected

---@class watchbot.ProcessModule
local process = {}

--- Starts a program. Wrong options raise; what the system refuses is `nil, "could not start
--- './rendr': no such file or directory", "ENOENT"`: the code is the name of the errno that
--- execve(2), fork(2) or pipe(2) tell.
---@type fun(options: watchbot.process.Options): watchbot.Process?, string?, string?
process.start = core.process.start

--- A copy of the host's environment.
---@type fun(): table<string, string>
process.environment = core.process.environment

--- The name of a signal's number, "KILL" for 9; nil where it has none.
---@type fun(number: integer): string?
process.signal_name = core.process.signal_name

--- A user of this machine, for the option `limits`; nil, message, "NoUser" where there is none.
---@type fun(name: string): watchbot.process.User?, string?, string?
process.user = core.process.user

--- The soft limit of open files that children get, where the host has raised its own.
---@type fun(limit: integer)
process.nofile = core.process.nofile

--- Writes a private file, mode 0600, in its own folder under $TMPDIR or /tmp. It is there
--- until it is closed or the program ends. Root can make it another user's.
---@type fun(bytes: string, uid?: integer, gid?: integer): watchbot.process.File?, string?, string?
process.file = core.scratch.file

--- Makes a channel, for the option `channel` of one program; `limit` bytes of a line at most.
---@type fun(limit: integer): watchbot.Channel?, string?, string?
process.channel = core.channel.open

--- Removes the private files that programs left which were killed.
---@type fun()
process.sweep = core.scratch.sweep

return process
