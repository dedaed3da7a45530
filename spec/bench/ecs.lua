-- The watcher's CPU and its ECS calls per task, with few and with many tasks in flight, by polling
-- and with events: neither may grow with their number. The queues and ECS are stubs in memory on
-- the other core.

local cjson = require "cjson"
local http = require "watchbot.http"
local server = require "support.server"

local POLICY = [[
local policy = require "watchbot".policy {
  queue = %q, task_events = %s, workers = %d, placements = 10000, visibility = 300,
  task = { cluster = "bench", definition = "job:1", container = "main" },
}
function policy:stop()
  local file <close> = io.open "/proc/self/stat"
  local fields = {}
  for field in file:read "a":match "%%) (.*)":gmatch "%%S+" do
    fields[#fields + 1] = tonumber(field) or 0 end
  io.stderr:write(fields[12] + fields[13], "\n")
end
return policy
]]

local function start(bench, ...)
  local words = { ... }
  return server.start(table.unpack(table.move(words, 1, #words, #bench.pin_server + 1, {
    table.unpack(bench.pin_server),
  })))
end

local function watch(bench, ecs)
  bench.run({ "sh", "-c", "exec '" .. bench.watchbot .. "' run --drain ecs.lua 2> ticks" },
    { env = {
    PATH = os.getenv "PATH", AWS_ACCESS_KEY_ID = "key", AWS_SECRET_ACCESS_KEY = "secret",
    AWS_REGION = "us-east-1",
    AWS_ENDPOINT_URL_ECS = ecs.url, AWS_EC2_METADATA_DISABLED = "true",
  } })
  local file <close> = io.open(bench.folder .. "/ticks")
  return assert(file:read "n", "the watcher did not tell its CPU time")
end

-- Milliseconds of CPU, and calls, a task.
local function measure(bench, options)
  local queue, events = start(bench, "python3", "spec/support/sqs_stub.py"),
    start(bench, "python3", "spec/support/sqs_stub.py")
  local ecs = start(bench, "python3", "spec/bench/ecs_stub.py", tostring(options.seconds),
    options.events and events.url)
  local task_events = options.events and ("%q"):format(events.url .. "/000000000000/events")
    or "nil"
  bench.write("ecs.lua",
    POLICY:format(queue.url .. "/000000000000/jobs", task_events, options.workers))
  assert(http.request {
    method = "POST", url = ("%s/fill?%d"):format(queue.url, options.jobs), body = "hello",
    direct = true,
  })
  local ticks, calls = watch(bench, ecs), 0
  local told = cjson.decode(assert(http.request { url = ecs.url .. "/told", direct = true }).body)
  for _, count in pairs(told.calls) do calls = calls + count end
  for _, one in ipairs { queue, events, ecs } do one:close() end
  return ticks * 10 / options.jobs, calls / options.jobs
end

return function(bench)
  local asked, told
  local many, few, ratio = bench.pairs(function()
    local cpu
    cpu, asked = measure(bench, { jobs = 4000, workers = 2000, seconds = 5 })
    return cpu
  end, function()
    return (measure(bench, { jobs = 200, workers = 10, seconds = 0 }))
  end)
  local cpu
  cpu, told = measure(bench, { jobs = 4000, workers = 2000, seconds = 5, events = true })
  bench.report("ECS: the watcher's CPU a task: %.2f ms with 2000 tasks in flight, %.2f ms with "
    .. "10; ratio %.2f (at most 1.2); "
    .. "%.2f ms told by events; calls of ECS a task: %.3f asking, %.3f told by events", many, few,
      ratio, cpu, asked, told)
end
