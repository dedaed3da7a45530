--- emptying: how fast and at what cost a program empties an SQS queue, measured from outside. The
-- queue is a stub in C (sqs_stub.c) on the other core, filled beforehand: fauxqs, a fast emulator,
-- would be the bottleneck.

local scheduler = require "watchbot.scheduler"

local emptying = {}

local PACKAGES = { "@mapbox/watchbot@4.7.1", "sqs-consumer@15.0.3", "@aws-sdk/client-sqs@3.1175.0" }

-- The first part of the messages is not counted: programs start, and compile their code.
local WARM_UP = 0.1

-- In the form of SNS; ecs-watchbot of that time accepts nothing else.
local BODY = '{"Type":"Notification","TopicArn":"arn:aws:sns:us-east-1:000000000000:tiles",'
  .. '"Subject":"tile",'
  .. '"Message":"{\\"z\\":12,\\"x\\":2047,\\"y\\":%d}"}'

--- Installs the other programs with npm, once, into the build's folder.
---@return string? folder nil without npm or a registry, which is reported
function emptying.modules(bench)
  local folder = bench.build .. "/bench"
  local marker = folder .. "/" .. table.concat(PACKAGES, "+"):gsub("/", "-")
  local found = io.open(marker)
  if found then
    found:close()
    return folder
  end
  os.execute(("mkdir -p '%s'"):format(folder))
  local command = ("npm install --silent --no-audit --no-fund --prefix '%s' %s > '%s/npm.log' "
    .. "2>&1"):format(folder,
    table.concat(PACKAGES, " "), folder)
  if not os.execute(command) then
    bench.report("npm could not install %s: ours is measured alone", table.concat(PACKAGES, ", "))
    return nil
  end
  assert(io.open(marker, "w")):close()
  return folder
end

local function start_queue(bench)
  local stub = bench.compile("sqs_stub", "sqs_stub.c", "-lcrypto")
  local child = bench.start({ stub }, { pin = bench.pin_server })
  local port = bench.wait_for("the port of sqs_stub", 10,
    function() return (child:output()):match "^(%d+)\n" end)
  return child, ("http://127.0.0.1:%s/000000000000/tiles"):format(port)
end

local function environment(url, more)
  local all = { PATH = os.getenv "PATH", QueueUrl = url, AWS_REGION = "us-east-1" }
  all.AWS_ACCESS_KEY_ID, all.AWS_SECRET_ACCESS_KEY = "key", "secret"
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

-- The resources used so far, and the number of remaining messages.
local function observe(bench, client, url, pid)
  local attributes =
    assert(client:GetQueueAttributes { QueueUrl = url, AttributeNames = { "All" } }).Attributes
  return {
    left = attributes.ApproximateNumberOfMessages
    + attributes.ApproximateNumberOfMessagesNotVisible,
    calls = tonumber(attributes.Calls), time = scheduler.now(), cpu = bench.cpu(pid),
    memory = bench.status(pid, "VmHWM"),
  }
end

--- Lets a program empty a queue of `count` messages.
---@return { rate: number, cpu: number, calls: number, memory: number } `rate` a
--- second, `cpu` in seconds a message, `calls` a message, `memory` in KiB
function emptying.measure(bench, count, argv, more)
  local queue <close>, url = start_queue(bench) -- luacheck: ignore 211
  local client = assert(require "watchbot.aws"("sqs", {
    place = url, region = "us-east-1", credentials = false,
  }))
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
    rate = done / (last.time - first.time), cpu = (last.cpu - first.cpu) / done,
    calls = (last.calls - first.calls) / done,
    memory = last.memory,
  }
end

--- Measures two programs alternately, or only watchbot.
---@return { ours: table, other: table, ratio: table } the medians of each, and of the ratio in each
--- round
function emptying.compare(bench, ours, other)
  local values = { ours = {}, other = {}, ratio = {} }
  local function note(kind, name, value)
    values[kind][name] = values[kind][name] or {}
    table.insert(values[kind][name], value)
  end
  for _ = 1, bench.rounds do
    local one, two = ours(), other and other() or {}
    for name, value in pairs(one) do note("ours", name, value) end
    for name, value in pairs(two) do
      note("other", name, value)
      note("ratio", name, one[name] / value)
    end
  end
  for _, kind in pairs(values) do
    for name, list in pairs(kind) do kind[name] = bench.median(list) end
  end
  return values
end

return emptying
