--- runners: the tasks of a total run, as processes, Lua handlers, programs that stay or ECS tasks.
-- What a task does follows from its message's body, the same for each runner, and each writes a
-- line to the folder's journal as it begins and as it ends (support/judge.lua).

local runners = {}

-- Visibility timeouts that the longest task takes.
local LONGEST = 1.5

-- The last characters of a body: the exit code. "once": only at the first try, then 0.
-- Those that end in LONG outlive the visibility timeout.
local WORKER = [[#!/bin/bash
cd %s || exit 1
watcher=%s
note() { echo "$1 $Message $run $watcher $EPOCHREALTIME" >>journal; }
once() { [ -e "seen.$Message" ] && return 0; : >"seen.$Message"; return "$1"; }
run=$$.$RANDOM
exec 9>"lock.$Message"
flock -n 9; held=$?
note begin
[ $held = 0 ] || note overlap
case $Message in
poison) code=1 ;;
*%s) sleep %s; code=0 ;;
*61) code=65 ;;
*8) once 4; code=$? ;;
*5) sleep 0.05; once 1; code=$? ;;
*3) code=3 ;;
*) sleep 0.02; code=0 ;;
esac
case $code in 0 | 3) note end ;; *) note fail ;; esac
exit $code
]]

local HANDLER = [[
local scheduler = require "watchbot.scheduler"
local watcher, runs = io.open "/proc/self/stat":read "n", 0
local function note(kind, job, run)
  local file <close> = assert(io.open("journal", "a"))
  file:write(("%%s %%s %%s %%d %%.6f\n"):format(kind, job.message, run, watcher,
    scheduler.time() / 1000))
end
local function once(job, code)
  local name = "seen." .. job.message
  local seen = io.open(name)
  if not seen then seen = assert(io.open(name, "w")) else code = 0 end
  seen:close()
  return code
end
local function work(job)
  local body = job.message
  if body == "poison" then return 1 end
  if body:match "%s$" then scheduler.sleep(%s) return 0 end
  if body:match "61$" then return 65 end
  if body:match "8$" then return once(job, 4) end
  if body:match "5$" then return once(job, 1) end
  if body:match "3$" then return 3 end
  scheduler.sleep(0.02)
  return 0
end
local function handler(job)
  runs = runs + 1
  local run = watcher .. "." .. runs
  note("begin", job, run)
  local code = work(job)
  note((code == 0 or code == 3) and "end" or "fail", job, run)
  return code
end
]]

-- The same for a list of jobs: what it says of each is heard when all are done.
local BATCH = HANDLER .. [[
local SAID = { [1] = "failed", [3] = "reject", [4] = "release", [65] = "bury" }
local function batch_handler(jobs)
  local said, stopped = {}, {}
  for _, job in ipairs(jobs) do
    local code = job.group and stopped[job.group] and 4 or handler(job)
    if job.group and (code == 1 or code == 4) then stopped[job.group] = true end
    said[job.id] = SAID[code]
  end
  return said
end
]]

-- Reads batches, and answers for each message when it is done. As AWS asks of a function on a FIFO
-- queue, nothing of a group runs behind one that has failed.
local PROGRAM = [[
import fcntl, json, os, sys, time
os.chdir("%s")
runs = 0
def note(kind, body):
    with open("journal", "a") as file:
        run = f"{os.getpid()}.{runs} {os.environ['Watcher']}"
        file.write(f"{kind} {body} {run} {time.time():.6f}\n")
def once(body, code):
    if os.path.exists("seen." + body): return 0
    open("seen." + body, "w").close()
    return code
def work(body):
    if body == "poison": return 1
    if body.endswith("%s"): time.sleep(%s); return 0
    if body.endswith("61"): return 65
    if body.endswith("8"): return once(body, 4)
    if body.endswith("5"): return once(body, 1)
    if body.endswith("3"): return 3
    time.sleep(0.02)
    return 0
def run(body):
    global runs
    runs += 1
    with open("lock." + body, "w") as lock:
        note("begin", body)
        try: fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError: note("overlap", body)
        code = work(body)
        note("end" if code in (0, 3) else "fail", body)
    return code
def lines():
    channel = os.fdopen(int(os.environ["WATCHBOT_FD"]), "rb")
    def answer(value): os.write(channel.fileno(), json.dumps(value).encode() + b"\n")
    answer({"ready": True})
    for line in channel:
        stopped = set()
        for job in json.loads(line):
            group = job.get("group")
            code = 4 if group in stopped else run(job["message"])
            if group and code in (1, 4): stopped.add(group)
            answer({"id": job["id"], "code": code})
def function():
    import http.client
    api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    def call(method, path, body=None, headers={}):
        api.request(method, "/2018-06-01/runtime/invocation/" + path, body, headers)
        response = api.getresponse()
        return response, response.read()
    while True:
        response, body = call("GET", "next")
        code = run(json.loads(body)["Records"][0]["body"])
        id = response.headers["Lambda-Runtime-Aws-Request-Id"]
        if code == 0: call("POST", id + "/response", "null")
        else: call("POST", id + "/error", json.dumps({"errorType": f"Exit.{code}"}),
                   {"Lambda-Runtime-Function-Error-Type": f"Exit.{code}"})
try: function() if "AWS_LAMBDA_RUNTIME_API" in os.environ else lines()
except (ConnectionError, BrokenPipeError): sys.exit(1)
]]

local POLICY = [[
%s
local policy = require "watchbot".policy {
  queue = %q, workers = %d, visibility = %d, max_receives = %d, drain = 1, kill_grace = 1,
  log = "json",
  exits = { [65] = "bury", ["Exit.65"] = "bury", ["Exit.3"] = "reject", ["Exit.4"] = "release" },
  %s
}
function policy:backoff() return 0 end
return policy
]]

-- Tasks that leave the watcher's folder are told it; only processes know their watcher, by their
-- environment: the parent of one whose watcher has just been killed is another.
local function worker(folder, long, seconds, watcher)
  folder:write("worker", WORKER:format(folder.path, watcher, long, seconds))
end

local function program(folder, long, seconds, field)
  folder:write("program.py", PROGRAM:format(folder.path, long, seconds))
  local command = ('{ "python3", "-S", %q }'):format(folder:file "program.py")
  return "local watcher = io.open '/proc/self/stat':read 'n'",
    field:format(command) .. ", env = { Watcher = tostring(watcher) }"
end

-- Those that give several messages to each of their workers, and how many.
local BATCH_SIZE = 5
local TAKES_BATCHES = { resident = true, ["batch handler"] = true }

local KINDS = {
  process = function(folder, _, long, seconds)
    worker(folder, long, seconds, "$Watcher")
    return "local watcher = io.open '/proc/self/stat':read 'n'",
      'command = { "./worker" }, env = { Watcher = tostring(watcher) }'
  end,
  handler = function(_, _, long, seconds)
    return HANDLER:format(long, seconds), "handler = handler"
  end,
  ["batch handler"] = function(_, _, long, seconds)
    return BATCH:format(long, seconds), "handler = batch_handler, batch = " .. BATCH_SIZE
  end,
  resident = function(folder, _, long, seconds)
    local field = "resident = { command = %s, batch = " .. BATCH_SIZE .. " }"
    return program(folder, long, seconds, field)
  end,
  lambda = function(folder, _, long, seconds)
    return program(folder, long, seconds, "lambda = { command = %s, handler = 'app.handler' }")
  end,
  ECS = function(folder, place, long, seconds)
    -- A task outlives its watcher: what is done to one explains no second run.
    worker(folder, long, seconds, "none")
    local ecs = place.cloud:client "ecs"
    assert(ecs:CreateCluster { clusterName = "fleet" })
    assert(ecs:RegisterTaskDefinition {
      family = "job", containerDefinitions = { {
        name = "main", image = "worker:1", memory = 16, command = { folder:file "worker" },
      } },
    })
    return "", [[task = { cluster = "fleet", definition = "job", container = "main" },
      placements = 1000, handover = 2]]
  end,
}

-- What is noted of jobs must not cost one: these write and remove rows with each.
local NOTED = { process = true, handler = true, ["batch handler"] = true }

--- Writes the policy of a run, and what its tasks run.
---@param kind "process"|"handler"|"batch handler"|"resident"|"lambda"|"ECS"
---@param folder table of the workshop
---@param place watchbot.spec.Place
---@param options { long: string, visibility: integer, workers: integer, max_receives: integer }
function runners.prepare(kind, folder, place, options)
  local head, fields = KINDS[kind](folder, place, options.long, options.visibility * LONGEST)
  if NOTED[kind] and place.url:find "^sqlite:" then
    fields = fields .. ", history = 600, history_rows = 50, history_output = 'all'"
  end
  local workers = TAKES_BATCHES[kind] and options.workers // 3 or options.workers
  folder:write("policy.lua", POLICY:format(head, place.url, workers, options.visibility,
    options.max_receives, fields))
end

--- Seconds after a fault within which its effects are seen. Of a batch that a task was given before
--- the fault, the last message ends when all before it have ended, and each may be a long one.
function runners.grace(kind, visibility)
  return TAKES_BATCHES[kind] and 1.5 + BATCH_SIZE * visibility * LONGEST or 1.5
end

--- Whether a message of this body must end in the dead-letter queue.
function runners.dies(body) return body == "poison" or body:match "61$" ~= nil end

return runners
