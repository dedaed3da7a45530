---@meta
-- Made by src/generate/meta.lua from what is declared; for editors only, nothing requires it.

--- What `watchbot.policy { ... }` takes.
---@class watchbot.PolicyFields
---`sqlite:FILE`, or the URL of an SQS queue
---@field queue? string
---instead of `queue`: several queues, `{ { "https://...", weight = 3 }, "sqlite:fast.db" }`; an
---entry may replace fields of the policy; see `doc/queues.md`
---@field queues? (string|table)[]
---of several `queues`, those that come first go first: later ones may starve
---@field strict? boolean
---the program that each task is: text runs in `sh`, a list is an argv; or a function of the job
---@field command? string|string[]|fun(job: watchbot.Job): string|string[]
---instead of `command`: a Lua function in the watcher, `handler(job)`
---@field handler? fun(job: watchbot.Job): any, string?
---messages that `handler` takes at once, as a list: `handler(jobs)`; it returns what is not done,
---`{ [job.id] = "why" }` or an outcome; 1: `handler(job)`
---@field batch? integer
---seconds that a batch for `handler` waits to become full
---@field window? number
---instead of `command`: a resident Lambda function, `{ command =, handler =, batch = }`; see
---`doc/lambda.md`
---@field lambda? watchbot.Lambda
---instead of `command`: an HTTP worker that each message is posted to, `{ url =, command = }`; see
---`doc/resident.md`
---@field serve? watchbot.Serve
---instead of `command`: a resident program that takes a line of JSON for each message, `{ command =
---}`; see `doc/resident.md`
---@field resident? watchbot.Resident
---instead of `command`: an ECS task, `{ cluster =, definition =, container = }`, or a function of
---the job (`$Cluster`, `$TaskDefinition`, `$ContainerName`); see `doc/ecs.md`
---@field task? watchbot.ecs.Task|fun(job: watchbot.Job): watchbot.ecs.Task
---the URL of an SQS queue of EventBridge's "ECS Task State Change" events
---@field task_events? string
---seconds after which an ECS task that does not run yet is stopped and its message returned
---@field pending_timeout? number
---seconds after which an ECS task unknown to ECS is given up and its message returned
---@field lost_after? number
---at SIGTERM: `drain` lets tasks finish, `stop` stops them, `leave` lets ECS tasks run on for the
---next watcher; default: `leave` for ECS tasks, else `drain`
---@field on_stop? "leave"|"drain"|"stop"
---seconds after which the message of a task that was left running is visible again
---@field handover? number
---seconds between two log lines about the load of a watcher of ECS tasks
---@field status? number
---calls of RunTask a second, at most
---@field placements? number
---tasks at once
---@field workers? integer
---seconds after which a task is stopped and its message retried; 0: never
---@field timeout? number
---the watcher exits after this many messages; `true` in the variable means 1
---@field jobs? integer
---folders that are emptied after each job, where `workers` is 1 and `jobs` is not
---@field volumes? string[]
---outcomes of exit codes and signals, where they differ from the defaults: `{ [75] = "release",
---KILL = "reject" }`
---@field exits? table<integer|string, watchbot.Outcome>
---visibility timeout between heartbeats, in seconds; messages of a killed watcher come back after
---it
---@field visibility? number
---receives before a message goes to the dead-letter queue
---@field max_receives? integer
---seconds that the queue keeps a message
---@field retention? number
---seconds that an embedded queue keeps a row about each attempt that has ended, for `watchbot
---jobs`; default: none; see `doc/history.md`
---@field history? number
---rows of the history, at most
---@field history_rows? integer
---`all`: the history has the newest 4 KiB of the output of each attempt, not only of those that
---failed
---@field history_output? "failed"|"all"
---seconds that running tasks have to finish after SIGTERM
---@field drain? number
---seconds between TERM and KILL when a task is stopped
---@field kill_grace? number
---`stdin` gives each task its message on standard input too
---@field deliver? "environment"|"stdin"
---format of the timestamps in the environment: `iso` (ISO 8601) or `epoch` (milliseconds)
---@field timestamps? "iso"|"epoch"
---`MessageAttributes` in the environment of tasks
---@field attributes? boolean
---`s3://BUCKET/FOLDER`: where messages that are too big for an ECS task are stored for it, and
---where pointers of AWS's extended client libraries may point to; see `doc/big-messages.md`
---@field overflow? string
---variables that each task gets in addition to the message
---@field env? table<string, string>
---which of the watcher's variables tasks inherit; by default all but AWS keys (`AWS_ACCESS_KEY_ID`,
---`AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`) and what changes how programs are loaded
---(`LD_PRELOAD`, `LD_LIBRARY_PATH`); true: all, false: `PATH`, `HOME`, `LANG` and the like, or a
---list of names, as in `{ "PATH", "AWS_*" }`
---@field inherit? boolean|string[]
---the folder that tasks run in; default: the watcher's
---@field cwd? string
---memory of each task of a `command`, `"512M"`: a cgroup's limit where the watcher may make one,
---else of each process's data (RLIMIT_DATA); see `doc/tasks.md`
---@field memory? integer|string
---seconds of CPU that each process of a task may use, then it gets SIGXCPU
---@field cpu_seconds? integer
---files that each process of a task may have open
---@field files? integer
---added to the watcher's niceness for tasks
---@field nice? integer
---mode bits that files of tasks do not get, `"027"`
---@field umask? string
---the user that tasks run as, with its groups; only a watcher of root's can do that
---@field user? string
---gives each task an empty folder as `TMPDIR`, which is removed at its end
---@field private_tmp? boolean
---`text` or `json` lines
---@field log? "text"|"json"
---bytes of each message and its subject to log; false: none
---@field log_messages? integer|false
---a file that is written every second, for `watchbot health`
---@field health? string
---address and port, `"127.0.0.1:9464"`, or the path of a Unix socket, of a server for `/metrics`
---(Prometheus), `/healthz` and `/readyz`; see `doc/metrics.md`
---@field listen? string
---`emf`: the metrics are also written to the log, once a minute, in CloudWatch's embedded metric
---format; see `doc/metrics.md`
---@field metrics? "emf"
---their namespace in CloudWatch
---@field metrics_namespace? string
---the value of their dimension `Service`; default: the stack's name, or the queue's
---@field metrics_service? string
---messages that are sent at times, `{ nightly = { cron = "0 3 * * *", zone = "Europe/Berlin",
---message = "report" } }`; see `doc/schedules.md`
---@field schedules? table<string, watchbot.ScheduleOptions>
---the ARN of the SNS topic that notifications are published to
---@field topic? string
---notifications a minute; the rest are sent as one summary
---@field notify_limit? integer
---inside ECS: set the task's scale-in protection while jobs run in it
---@field protect? boolean
---seconds that protection is kept while ECS does not answer whether a deployment has replaced the
---task: then the jobs that run may finish before others start
---@field protect_for? number
---the name shown in notifications
---@field stack? string
---`WorkTopic` in the environment of tasks
---@field work_topic? string
---`LogGroup` in the environment of tasks; where the recent logs of tasks elsewhere are read
---@field log_group? string
---`ProgressTable` in the environment of tasks, where `watchbot progress` counts the parts of jobs:
---the ARN of a DynamoDB table, or `sqlite:FILE`; not needed on an embedded queue, whose file
---serves; see `doc/reduce.md`
---@field progress? string
---no notification of a retry before the message's receive of this number, unless it was the last
---@field notify_after? integer
---seconds between two tries while no task can be started at all
---@field probe? number
---messages that may wait for a slot, if the last would start within a second
---@field prefetch? integer
---seconds that free slots gather before a poll; default: the queue's
---@field gather? number
---seconds that a batch of deletes waits to become full; default: the queue's
---@field linger? number
local PolicyFields = {}

---called before the first message is received; default: nothing
function PolicyFields:start() end

---how many messages to receive, and how long to wait for the first; `state` has `free`, `running`,
---`lingering`; default: as many as are free, 20 seconds
---@param state { free: integer, running: integer, lingering: integer }
---@return integer messages
---@return number seconds
function PolicyFields:poll(state) end

---whether the job may run now; for a held job, the hook is called again after these seconds, and no
---slot is used until then; "pause" returns the message and pauses the queue for these seconds,
---without them until `watchbot resume`; default: true
---@param job watchbot.Job
---@return true|watchbot.Outcome|"hold"
---@return number? seconds
function PolicyFields:admit(job) end

---the variables that the task gets in addition to those it inherits; default: the message's
---(`Subject`, `Message`, `MessageId`, `SentTimestamp`, `ApproximateFirstReceiveTimestamp`,
---`ApproximateReceiveCount`, its trace), `env`, `WorkTopic`, `LogGroup`
---@param job watchbot.Job
---@return table<string, string>
function PolicyFields:environment(job) end

---what happens to the message; `exit` has `code`, `signal`, `reason`, `duration`, `timed_out`,
---`oom`, `not_started`, `blameless`, `logs`; "bury" moves it to the dead-letter queue at once,
---"pause" returns it and pauses the queue for these seconds; default: by `exits`, then 0 complete,
---3 reject, 4 release, else retry
---@param job watchbot.Job
---@param exit watchbot.Exit
---@return watchbot.Outcome
---@return number? seconds
function PolicyFields:verdict(job, exit) end

---how long the message stays hidden when it is returned; default: 2 to the power of the receive
---count, at most 12 hours
---@param job watchbot.Job
---@return number seconds
function PolicyFields:backoff(job) end

---sends a notification of a `reject`, `retry` or `bury`; default: publishes `notification` to
---`topic`, if set
---@param job watchbot.Job
---@param outcome watchbot.Failure
---@param exit watchbot.Exit
---@return true?
---@return string? err
---@return string? code
function PolicyFields:notify(job, outcome, exit) end

---the text of a notification; default: outcome, reason, message and the newest lines of the log
---@param job watchbot.Job
---@param outcome watchbot.Failure
---@param exit watchbot.Exit
---@return string subject
---@return string body
function PolicyFields:notification(job, outcome, exit) end

---called with the error that a hook raised, after it is logged; default: nothing
---@param err string
---@param where string
function PolicyFields:failed(err, where) end

---called after the last job has ended; default: nothing
function PolicyFields:stop() end

--- A policy has all of them, and the methods of lua/watchbot/policy/init.lua.
---@class watchbot.Policy: watchbot.PolicyFields
