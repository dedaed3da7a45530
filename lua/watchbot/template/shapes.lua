--- template.shapes: the kinds of options that are tables, or text with a format: what their members
-- are. Combinations of members and of options are checked in template.rules.

local formats = require "watchbot.template.formats"
local kinds = require "watchbot.template.kinds"
local aws = require "watchbot.schedule.aws"
local schedule = require "watchbot.schedule"
local statement = require "watchbot.template.statement"

local shapes = {}

local word = { expected = "text without NUL", check = function(value)
  return type(value) == "string" and not value:find("\0", 1, true)
end }

-- A program needs a name: `{ "" }` and blank text are commands that no container can start.
local script = { expected = "text for sh", check = function(value)
  return word.check(value) and value:find "%S" ~= nil
end }
local words = kinds.list(word, "a list of words")
local argv = { expected = "a list of words, a program first", check = function(value)
  local ok, detail, member = words.check(value)
  if not ok then return ok, detail, member end
  return value[1] ~= "", "the first word is the program, and it is empty",
    "command"
end }

shapes.command = kinds.either("text for sh or a list of words", script, argv)

shapes.texts = kinds.list(kinds.text, "a list of text")

-- The system splits a variable at its first '=', and ends it at a NUL.
local variable_name = kinds.matching("a name without '=' and NUL", "^[^=%z]+$")

local variable = { expected = "text without NUL, a number, true or false",
  check = function(value)
    return type(value) == "string" and not value:find "%z" or type(value) == "boolean"
      or type(value) == "number" and value - value == 0
  end }

shapes.variables = kinds.open(kinds.map(variable, "a table of names to text", variable_name))

local secret = kinds.either("a parameter's name, the ARN of a parameter or secret, or a table",
  formats.secret_or_parameter, kinds.record({
    secret = formats.secret, key = kinds.matching("a key of the secret's JSON", "^[^:]+$"),
    parameter = formats.parameter,
  }, "a table like { secret = ARN, key = 'password' } or { parameter = '/name' }"))

shapes.secrets = kinds.open(kinds.map(secret, "a table of names to ARNs", variable_name))

-- The smallest memory that Docker accepts for a container is 6 MiB.
local LEAST_MEMORY = 6

shapes.reservation = kinds.open(kinds.record({
  softMemory = kinds.either("a whole number of at least " .. LEAST_MEMORY, kinds.number_of(0),
    kinds.whole(LEAST_MEMORY)),
  cpu = kinds.whole(0), memory = kinds.whole(LEAST_MEMORY), gpu = kinds.whole(1),
}, "a table like { cpu = 256, memory = 512 }"))

local mount = kinds.either("text like '/host:/container' or a table", kinds.text, kinds.record({
  host = kinds.text, container = kinds.text, readOnly = kinds.flag,
}, "a table like { host = '/data', container = '/data' }"))

shapes.mounts = kinds.open(kinds.either("text like '/host:/container,/scratch', a list, or { "
  .. "volumes = ..., mountPoints = ... }",
  kinds.text, kinds.list(mount, "a list of mounts"), kinds.record({
    volumes = kinds.list(kinds.table, "a list of volumes"),
    mountPoints = kinds.list(kinds.table, "a list of mount points"),
  }, "a table { volumes = ..., mountPoints = ... }")))

shapes.statements = kinds.open(statement.list)

shapes.tags = kinds.open(kinds.map(formats.tag_value, "a table of names to text",
  formats.tag_key, 50))

local both = kinds.record({ soft = kinds.whole(0), hard = kinds.whole(0) },
  "a table like { soft = 1024, hard = 4096 }")
local ulimit = kinds.either("a whole number, or { soft =, hard = }", kinds.whole(0), {
  expected = both.expected, members = both.members, check = function(value)
    if type(value) == "table" and next(value) == nil then return false end
    return both.check(value)
  end,
})

shapes.ulimits = kinds.open(kinds.map(ulimit, "a table like { nofile = 10240 }",
  kinds.one_of("core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
    "nproc", "rss", "rtprio", "rttime", "sigpending", "stack")))

shapes.health_check = kinds.open(kinds.record({
  command = shapes.command, interval = kinds.whole(5, 300),
  timeout = kinds.whole(2, 60), retries = kinds.whole(1, 10), startPeriod = kinds.whole(0, 300),
}, "a table like { command = 'test -f /tmp/ok' }"))

-- SNS delivers at most 10 attributes to a queue, and does not accept a name twice. HTTP treats
-- 'X-Event' and 'x-event' as the same.
local headers = kinds.list(kinds.plain(kinds.matching("the name of a header", "^%w[%w-]*$", 256)),
  "a list of names of headers")

local function repeated(list)
  local seen = {}
  for _, name in ipairs(list) do
    if seen[name:lower()] then return ("'%s' is listed twice"):format(name), name end
    seen[name:lower()] = true
  end
end

shapes.webhook = kinds.plain(kinds.either("true, false, or a table like { headers = { 'X-Event' } "
  .. "}", kinds.flag, kinds.record({
    raw = kinds.plain(kinds.flag),
    headers = kinds.open { expected = "at most 10 names of headers", check = function(value)
      local ok, detail, member = headers.check(value)
      if not ok or #value > 10 then return false, detail, member end
      local twice, name = repeated(value)
      return not twice, twice, name
    end },
  }, "a table like { raw = true, headers = { 'X-Event' } }")))

-- The template's containers run Linux: they have `sh`, /dev/shm and /tmp, and the watcher's image
-- is a Linux image.
shapes.platform = kinds.open(kinds.record({
  cpuArchitecture = kinds.one_of("X86_64", "ARM64"), operatingSystemFamily = kinds.one_of "LINUX",
}, "a table like { cpuArchitecture = 'ARM64' }"))

local weight = kinds.either("a weight, or { weight =, base = }", kinds.whole(0, 1000),
  kinds.record({ weight = kinds.whole(0, 1000), base = kinds.whole(0, 100000) },
    "a table like { weight = 1, base = 2 }"))

shapes.capacity = kinds.plain(kinds.either("'EC2', 'FARGATE', 'FARGATE_SPOT', or weights like { "
  .. "FARGATE = 1, FARGATE_SPOT = 3 }",
  kinds.one_of("EC2", "FARGATE", "FARGATE_SPOT"),
  kinds.map(weight, "a table like { FARGATE = 1, FARGATE_SPOT = 3 }", formats.provider, 20)))

shapes.constraints = kinds.open(kinds.list(kinds.record({
  type = kinds.one_of("memberOf", "distinctInstance"), expression = kinds.text,
}, "a table like { type = 'memberOf', expression = '...' }"), "a list of constraints", false, 10))

shapes.strategies = kinds.open(kinds.list(kinds.record({
  type = kinds.one_of("random", "spread", "binpack"), field = kinds.text,
}, "a table like { type = 'spread', field = 'attribute:ecs.availability-zone' }"),
  "a list of strategies", false, 5))

shapes.subnets = kinds.list(formats.subnet, "a list of subnets", false, 16)
shapes.groups = kinds.list(formats.security_group, "a list of security groups", false, 5)

--- CloudWatch looks back at most seven days, one day in periods below an hour; SQS, ECS and the log
--- report one value a minute.
local DAY, WEEK = 86400, 604800
shapes.PERIODS_OF_5_MINUTES, shapes.PERIODS_OF_1_MINUTE = DAY // 300, DAY // 60

local minutes = { expected = "seconds, a multiple of 60 up to a day", check = function(value)
  return math.type(value) == "integer" and value >= 60 and value <= DAY and value % 60 == 0
end, numeric = true }

local alarm = kinds.either("false, or a table like { threshold = 5 }", kinds.plain(kinds.off),
  kinds.record({
    threshold = kinds.number, period = minutes, evaluationPeriods = kinds.whole(1, WEEK // 60),
  }, "a table like { threshold = 5, period = 60, evaluationPeriods = 2 }"))

shapes.alarms = kinds.plain(kinds.record({
  action = formats.action, queueSize = alarm, oldestMessage = alarm, dlqSize = alarm,
  quietGroups = alarm,
  workersErrors = alarm, failureShare = alarm, failedPlacements = alarm, noTaskStarts = alarm,
  notReady = alarm, memoryUtilization = alarm, cpuUtilization = alarm,
}, "a table like { queueSize = { threshold = 100 }, memoryUtilization = false }"))

-- Messages of one event, as on AWS without a window.
shapes.lambda = kinds.open(kinds.record({
  image = formats.image, handler = kinds.matching("text like 'app.handler'", "^%S+$"),
  batch = kinds.whole(1, 10),
}, "a table like { image = 'thumbnails:3', handler = 'app.handler' }"))

-- A message at a time: what EventBridge Scheduler can do of it.
shapes.schedules = kinds.plain { expected = "a table like { nightly = { cron = '0 3 * * *' } }",
  check = function(value)
    local problem = schedule.problem(value) or aws.problem(value)
    return problem == nil, problem
  end }

shapes.retention = kinds.number_of(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731,
  1096, 1827, 2192, 2557, 2922, 3288, 3653)

shapes.throttle = kinds.open(kinds.record({ rate = kinds.number, burst = kinds.whole(1) },
  "a table like { rate = 10, burst = 20 }"))

local part = kinds.plain { expected = "false or a function", check = function(value)
  return value == false or type(value) == "function"
end }

shapes.parts = kinds.plain(kinds.map(part, "a table of names to functions"))

shapes.prefix = kinds.plain(kinds.matching("letters and digits, a letter first", "^%a%w*$"))

return shapes
