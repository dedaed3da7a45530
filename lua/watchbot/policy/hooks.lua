--- policy.hooks: each hook of a policy, declared once, in the order of a job's life; `watchbot help
-- policy` and the manual come from here. The default hooks are in policy/init.lua.

---@class watchbot.Exit how a task ended
---@field code integer? exit code
---@field signal string? "KILL": the signal that ended it
---@field shell_signal string? "KILL" for a shell's code 137: the signal that ended its command
---@field reason string? additional information, if there is any
---@field duration number? seconds
---@field outcome string? the task's own choice (a handler that returned "reject")
---@field timed_out boolean? the task was stopped by `timeout`
---@field cpu number? seconds of CPU of a process and of the children it waited for
---@field max_rss integer? bytes of memory of the largest of these; nil if unknown
---@field survivors string? processes of the task that could not be killed, a line each
---@field oom boolean? it was killed because memory ran out, as far as that is known
---@field stopped boolean? it was stopped because the watcher ends
---@field left boolean? it still runs elsewhere, for the next watcher
---@field not_started boolean? it could not be started
---@field error string? the code of that failure: "ENOENT", "AccessDeniedException"; for a failed
--- Lambda function the type of its error, "ValidationError"
---@field request string? of a resident program: the id of the invocation
---@field status integer|string|nil exit code or signal of a resident program: decides nothing
---@field result string? of a resident program: its response, up to 64 KiB
---@field too_big boolean? the message does not fit into a task
---@field unplaced boolean? the cluster had no capacity for it; the job is retried
---@field logs string? its newest output
---@field blameless boolean? the job did not cause it: its machine stopped, for example
---@field elsewhere boolean? it ran on another machine: its output is in the log group
---@field cluster string? of an ECS task: its cluster's ARN
---@field task string? of an ECS task: its ARN
---@field instance string? of an ECS task: the ARN of its container instance
---@field stop_code string? of an ECS task: ECS's `stopCode`
---@field pending number? of an ECS task: milliseconds until it ran
---@field cause string? the watcher's: see watcher/blame.lua

---@class watchbot.DeclaredHook
---@field name string
---@field arguments string after `self`
---@field returns string?
---@field help string
---@field default string what the default does

---@type watchbot.DeclaredHook[]
return {
  {
    name = "start", arguments = "", help = "called before the first message is received",
    default = "nothing",
  },
  { name = "poll", arguments = "state", returns = "count, seconds",
    help = "how many messages to receive, and how long to wait for the first; `state` "
      .. "has `free`, `running`, "
      .. "`lingering`",
    default = "as many as are free, 20 seconds" },
  { name = "admit", arguments = "job", returns = "true, an outcome, \"hold\" or \"pause\"; seconds",
    help = "whether the job may run now; for a held job, the hook is called again after these "
      .. "seconds, and no slot is used until then; \"pause\" returns the message and pauses the "
      .. "queue for these seconds, without them until `watchbot resume`",
    default = "true" },
  { name = "environment", arguments = "job", returns = "a table of names to text",
    help = "the variables that the task gets in addition to those it inherits",
    default = "the message's (`Subject`, `Message`, `MessageId`, `SentTimestamp`, "
      .. "`ApproximateFirstReceiveTimestamp`, "
      .. "`ApproximateReceiveCount`, its trace), `env`, `WorkTopic`, `LogGroup`" },
  { name = "verdict", arguments = "job, exit",
    returns = "an outcome or \"pause\"; seconds",
    help = "what happens to the message: \"complete\", \"reject\", \"release\", \"retry\" or "
      .. "\"bury\"; `exit` has `code`, `signal`, `reason`, `duration`, `timed_out`, `oom`, "
      .. "`not_started`, `blameless`, `logs`; \"bury\" moves it to the dead-letter queue at once, "
      .. "\"pause\" returns it and pauses the queue for these seconds",
    default = "by `exits`, then 0 complete, 3 reject, 4 release, else retry" },
  { name = "backoff", arguments = "job", returns = "seconds",
    help = "how long the message stays hidden when it is returned",
    default = "2 to the power of the receive count, at most 12 hours" },
  { name = "notify", arguments = "job, outcome, exit", returns = "true, or nil, err, code",
    help = "sends a notification of a `reject`, `retry` or `bury`",
    default = "publishes `notification` to `topic`, if set" },
  { name = "notification", arguments = "job, outcome, exit", returns = "subject, body",
    help = "the text of a notification",
    default = "outcome, reason, message and the newest lines of the log" },
  { name = "failed", arguments = "err, where",
    help = "called with the error that a hook raised, after it is logged",
    default = "nothing" },
  {
    name = "stop", arguments = "", help = "called after the last job has ended",
    default = "nothing",
  },
}
