--- process: child processes; each is the leader of a session.
-- Sits on watchbot.core.process (src/lprocess.c). The process ends when its leader exits: then the
-- rest of its group is killed, as it is when the handle is closed or collected, and when the
-- program ends, even by kill -9 (src/guardian.h). The program watchbot also finds and kills
-- processes that have left the group (src/orphans.h); a host that embeds the module does not.
-- doc/tasks.md describes all of it.
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
---@field cwd? string its folder; default: the host's
---@field env? table<string, string|number> its whole environment; default: the host's
---@field stdin? string its standard input, in a file; default: /dev/null
---@field output? watchbot.Log|"capture"|"inherit" a log that gets its lines, memory, or the host's
--- streams; default: /dev/null
---@field id? string the message id of its lines in the log
---@field category? string default: "worker"
---@field tail? integer bytes of its newest output to keep for `tail`; default: none
---@field mark? string a NAME=VALUE of its `env` that identifies its descendants
---@field records? boolean a CR within a line of its output ends a line of a text log, too
---@field channel? watchbot.Channel its other end is the descriptor 3 of the program
---@field limits? watchbot.process.Limits limits on its resources
---@field limit? integer the most bytes of stdout and of stderr that are captured; default: 16 MiB

---@class watchbot.process.Limits of the process and its descendants; nil: the same as the host's
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
---@field code integer? its exit code; -1 if other code in the host has waited for it, or if it
--- could not be killed
---@field signal string? the name of the signal that ended it, "KILL", instead of a code; a number
--- as text if it has no name
---@field reason string? additional information, if there is any
---@field duration number seconds
---@field cpu number? seconds of CPU used by it and the children it waited for
---@field cpu_limit integer? the limit in seconds of CPU at which the kernel sends KILL, if its own
--- use of CPU has reached the second before
---@field max_rss integer? bytes of memory of the largest of these; nil if that was less than the
--- host's own, with which a child starts
---@field survivors string? its descendants that could not be killed: "PID (NAME): why", one a line

---@class watchbot.Process
---@field wait fun(self: watchbot.Process, seconds?: number): watchbot.process.Exit?, ... waits for
--- the end; `nil, err, code` with "Timeout" if that takes longer, with "Closed" if it was closed
--- meanwhile
---@field output fun(self: watchbot.Process): string, string the output captured so far from stdout
--- and stderr
---@field truncated fun(self: watchbot.Process): boolean whether there was more than `limit`
---@field tail fun(self: watchbot.Process): string the newest output of both streams
---@field label fun(self: watchbot.Process, id?: string): string its log lines have this message id
--- from now on; returns the newest output before, and drops it
---@field stop fun(self: watchbot.Process, grace: number) sends TERM to the group, and KILL if it
--- still runs after `grace` seconds
---@field kill fun(self: watchbot.Process, signal: string): boolean sends "HUP" and so on to the
--- group; false if it had ended
---@field stopped fun(self: watchbot.Process): boolean whether a signal has stopped it until CONT
---@field pid fun(self: watchbot.Process): integer
---@field close fun(self: watchbot.Process) kills it if it runs, and frees the captured output; also
--- `<close>`

---@class watchbot.Channel lines to and from a program; only one task at a time may wait in it
---@field line fun(self: watchbot.Channel): string?, string?, string? waits for the next line; codes
--- `Closed`, `TooLong`
---@field send fun(self: watchbot.Channel, bytes: string): true?, string?, string? waits until the
--- program has read them; code `Closed`
---@field ended fun(self: watchbot.Channel): boolean whether the program has closed its end
---@field close fun(self: watchbot.Channel)

---@class watchbot.process.File
---@field path fun(self: watchbot.process.File): string
---@field close fun(self: watchbot.process.File) removes it; also `<close>`, and when it is
--- collected

---@class watchbot.ProcessModule
local process = {}

--- Starts a program. Wrong options raise an error; a refusal by the system is `nil, "could not
--- start './rendr': no such file or directory", "ENOENT"`: the code is the errno of execve(2),
--- fork(2) or pipe(2).
---@type fun(options: watchbot.process.Options): watchbot.Process?, string?, string?
process.start = core.process.start

--- A copy of the host's environment.
---@type fun(): table<string, string>
process.environment = core.process.environment

--- The name of a signal's number, "KILL" for 9; nil if it has none.
---@type fun(number: integer): string?
process.signal_name = core.process.signal_name

--- A user of this machine, for the option `limits`; nil, err, "NoUser" if it does not exist.
---@type fun(name: string): watchbot.process.User?, string?, string?
process.user = core.process.user

--- The soft limit of open files for children, if the host has raised its own.
---@type fun(limit: integer)
process.nofile = core.process.nofile

--- Writes a private file, mode 0600, in its own folder under $TMPDIR or /tmp. It exists until it is
--- closed or the program ends. Root can give it to another user.
---@type fun(bytes: string, uid?: integer, gid?: integer): watchbot.process.File?, string?, string?
process.file = core.scratch.file

--- Creates a channel, for the option `channel` of one program; a line has at most `limit` bytes.
---@type fun(limit: integer): watchbot.Channel?, string?, string?
process.channel = core.channel.open

--- Removes the private files of programs that were killed.
---@type fun()
process.sweep = core.scratch.sweep

return process
