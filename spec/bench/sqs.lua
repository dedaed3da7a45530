-- Jobs a second, CPU, memory and API calls a job on SQS: beside ecs-watchbot for processes, beside sqs-consumer for handlers.
-- The queue is a stub in C (sqs_stub.c) on the other core: fauxqs, the fastest emulator there is, would be the bottleneck.
-- Both of a pair work on the same kind of queue, filled beforehand, and are observed from outside while they empty it.

local scheduler = require "watchbot.scheduler"

local PACKAGES = { "@mapbox/watchbot@4.7.1", "sqs-consumer@15.0.3", "@aws-sdk/client-sqs@3.1175.0" }

-- Messages for us and for the other: each is to be busy for some seconds.
local JOBS, JOBS_OF_OTHER, HANDLED, HANDLED_BY_OTHER = 4000, 300, 20000, 5000

-- The first part of the messages is not counted: programs start, and compile what they run.
local WARM_UP = 0.1

local WORKERS = 20

-- As SNS would have sent it; ecs-watchbot of that time takes nothing else.
local BODY = '{"Type":"Notification","TopicArn":"arn:aws:sns:us-east-1:000000000000:tiles","Subject":"tile",'
  .. '"Message":"{\\"z\\":12,\\"x\\":2047,\\"y\\":%d}"}'

local PROCESS = [[
return require "watchbot".policy { command = "true", workers = %d }
]]

local HANDLER = [[
return require "watchbot".policy { handler = function() end, workers = %d }
]]

local function installed(bench)
  local folder = bench.build .. "/bench"
  local marker = folder .. "/" .. table.concat(PACKAGES, "+"):gsub("/", "-")
  local found = io.open(marker)
  if found then
    found:close()
    return folder
  end
  os.execute(("mkdir -p '%s'"):format(folder))
  local command = ("npm install --silent --no-audit --no-fund --prefix '%s' %s > '%s/npm.log' 2>&1"):format(folder,
    table.concat(PACKAGES, " "), folder)
  if not os.execute(command) then return nil end
  assert(io.open(marker, "w")):close()
  return folder
end

local function start_queue(bench)
  local stub = bench.folder .. "/sqs_stub"
  if not io.open(stub) then
    local here = os.getenv "PWD"
    bench.run({ os.getenv "CC" or "cc", "-O2", "-o", stub, here .. "/spec/bench/sqs_stub.c", "-lcrypto" }, { pin = false })
  end
  local child = bench.start({ stub }, { pin = bench.pin_server })
  local port = bench.wait_for("the port of sqs_stub", 10, function() return (child:output()):match "^(%d+)\n" end)
  return child, ("http://127.0.0.1:%s/000000000000/tiles"):format(port)
end

local function environment(url, more)
  local all = {
    PATH = os.getenv "PATH", QueueUrl = url, AWS_REGION = "us-east-1", AWS_ACCESS_KEY_ID = "key", AWS_SECRET_ACCESS_KEY = "secret",
  }
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

local function fill(bench, url, count)
  local lines = {}
  for index = 1, count do lines[index] = BODY:format(index) end
  bench.run({ bench.watchbot, "send", "--queue", url }, {
    stdin = table.concat(lines, "\n") .. "\n", pin = false, env = environment(url),
  })
end

-- What has been used so far, and how many messages are left.
local function observe(bench, client, url, pid)
  local attributes = assert(client:GetQueueAttributes { QueueUrl = url, AttributeNames = { "All" } }).Attributes
  return {
    left = attributes.ApproximateNumberOfMessages + attributes.ApproximateNumberOfMessagesNotVisible,
    calls = tonumber(attributes.Calls), time = scheduler.now(), cpu = bench.cpu(pid), memory = bench.status(pid, "VmHWM"),
  }
end

--- Lets a program empty a queue of `count` messages.
---@return { rate: number, cpu: number, calls: number, memory: number } a second, seconds a message, a message, KiB
local function measure(bench, count, argv, more)
  local queue <close>, url = start_queue(bench)
  local client = assert(require "watchbot.aws"("sqs", { place = url, region = "us-east-1", credentials = false }))
  fill(bench, url, count)
  local program <close> = bench.start(argv, { env = environment(url, more), log = "sqs.log" })
  local function reached(left)
    return bench.wait_for(argv[#argv] .. " at work", 120, function()
      local seen = observe(bench, client, url, program:pid())
      return seen.left <= left and seen
    end)
  end
  local first, last = reached(count * (1 - WARM_UP) // 1), reached(0)
  local done = first.left - last.left
  program:kill "KILL"
  return {
    rate = done / (last.time - first.time), cpu = (last.cpu - first.cpu) / done, calls = (last.calls - first.calls) / done,
    memory = last.memory,
  }
end

-- Two programs in turns: the medians of what each needed, and of the ratios of each turn.
local function compare(bench, ours, other)
  local values = { ours = {}, other = {}, ratio = {} }
  for round = 1, bench.rounds do
    local one, two = ours(), other and other()
    for name, value in pairs(one) do
      values.ours[name] = values.ours[name] or {}
      values.other[name] = values.other[name] or {}
      values.ratio[name] = values.ratio[name] or {}
      values.ours[name][round] = value
      if two then values.other[name][round], values.ratio[name][round] = two[name], value / two[name] end
    end
  end
  for _, kind in pairs(values) do
    for name, list in pairs(kind) do kind[name] = bench.median(list) end
  end
  return values
end

local function processes(bench, modules)
  local policy = bench.write("process.lua", PROCESS:format(WORKERS))
  local values = compare(bench, function()
    return measure(bench, JOBS, { bench.watchbot, "run", policy })
  end, modules and function()
    os.execute(("mkdir -p '%s/volume'"):format(bench.folder))
    return measure(bench, JOBS_OF_OTHER, { "node", modules .. "/node_modules/@mapbox/watchbot/bin/watchbot.js", "listen", "true" },
      { Volumes = bench.folder .. "/volume", maxJobDuration = "0" })
  end)
  local ours, other, ratio = values.ours, values.other, values.ratio
  bench.report("SQS, processes, `true`, %d workers: %.0f jobs/s, %.2f API calls a job (at most 0.3), %.2f ms of the watcher's CPU, "
    .. "%.1f MB at its peak", WORKERS, ours.rate, ours.calls, ours.cpu * 1000, ours.memory / 1024)
  if not modules then return end
  bench.report("  ecs-watchbot 4.7.1: %.0f jobs/s, %.2f API calls, %.2f ms, %.1f MB; ours are %.1f times the jobs (at least 15), "
    .. "1/%.1f of the memory (at most 1/6)", other.rate, other.calls, other.cpu * 1000, other.memory / 1024, ratio.rate,
    1 / ratio.memory)
end

local function handlers(bench, modules)
  local policy = bench.write("handler.lua", HANDLER:format(WORKERS))
  local values = compare(bench, function()
    return measure(bench, HANDLED, { bench.watchbot, "run", policy })
  end, modules and function()
    return measure(bench, HANDLED_BY_OTHER, { "node", os.getenv "PWD" .. "/spec/bench/consumer.mjs" }, { MODULES = modules })
  end)
  local ours, other, ratio = values.ours, values.other, values.ratio
  bench.report("SQS, Lua handlers, %d workers: %.0f jobs/s, %.2f API calls a job, %.1f us of CPU a message, %.1f MB at its peak",
    WORKERS, ours.rate, ours.calls, ours.cpu * 1e6, ours.memory / 1024)
  if not modules then return end
  bench.report("  sqs-consumer 15: %.0f jobs/s, %.2f API calls, %.1f us, %.1f MB; ours takes 1/%.1f of the CPU (at most 1/10)",
    other.rate, other.calls, other.cpu * 1e6, other.memory / 1024, 1 / ratio.cpu)
end

return function(bench)
  local modules = installed(bench)
  if not modules then bench.report("SQS: npm could not install %s, so nothing is beside ours", table.concat(PACKAGES, ", ")) end
  processes(bench, modules)
  handlers(bench, modules)
end
