--- policy.hooks: each hook of a policy, declared once, in the order of a job's life; `watchbot help
-- policy` and the manual come from here. The default hooks are in policy/init.lua.

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
    returns = "\"complete\", \"reject\", \"release\", \"retry\", \"bury\" or \"pause\"; seconds",
    help = "what happens to the message; `exit` has `code`, `signal`, `reason`, `duration`, "
      .. "`timed_out`, `oom`, "
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
