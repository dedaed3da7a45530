local policy = require "watchbot.policy"
local load_file = require "watchbot.policy.load"
local scheduler = require "watchbot.scheduler"

local function refused(...)
  local ok, err = pcall(...)
  assert.is_false(ok)
  return err
end

-- What loading a policy file with this text says is wrong with it.
local function problem_of(text)
  local path = os.tmpname()
  local file <close> = assert(io.open(path, "w"))
  file:write(text)
  file:flush()
  local tested, err, code = scheduler.run(load_file.policy, path)
  os.remove(path)
  assert.is_nil(tested)
  assert.are.equal("Usage", code)
  return (err:gsub(path:gsub("%p", "%%%0"), "policy.lua"))
end

describe("a policy", function()
  it("has defaults for what it does not say", function()
    local tested = policy { queue = "sqlite:jobs.db", command = "true" }
    assert.are.equal(1, tested.workers)
    assert.are.equal(10, tested.max_receives)
    assert.is_true(tested:complete())
    assert.is_true(policy.is(tested))
    assert.is_false(policy.is {})
  end)

  it("names file, line and the nearest field for one that does not exist", function()
    local err = problem_of [[
local watchbot = require "watchbot"
return watchbot.policy {
  queue = "sqlite:jobs.db",
  -- worker = 1 is what it looks like
  worker = 2,
}]]
    assert.are.equal("policy.lua:5: unknown policy field 'worker'; did you mean 'workers'? "
      .. "(see watchbot check --fields)", err)
  end)

  it("names file and line of a hook that does not exist, and of one that is no function", function()
    local err = problem_of
      "local p = require 'watchbot'.policy {}\n\nfunction p:verdit() end\nreturn p"
    assert.are.equal("policy.lua:3: unknown policy field 'verdit'; did you mean 'verdict'? "
      .. "(see watchbot check --fields)", err)
    err = problem_of "local p = require 'watchbot'.policy {}\np.notify = true\nreturn p"
    assert.are.equal("policy.lua:2: policy hook 'notify': expected a function, got a boolean",
      err)
  end)

  it("checks what is assigned again", function()
    local tested = policy { workers = 2 }
    tested.workers = 3
    assert.are.equal(3, tested.workers)
    assert.matches("expected a whole number", refused(function() tested.workers = "four" end))
    assert.are.equal(3, tested.workers)
  end)

  -- field, values that it takes, values that it does not
  for _, case in ipairs {
    { "queue", { "sqlite:jobs.db" }, { "", 1, {}, "a\0b" } },
    {
      "command", { "true", { "a", "b" }, print },
      { "", "  ", {}, { 1 }, { "a", x = "b" }, 1, true },
    },
    { "handler", { print }, { "print", {} } },
    { "workers", { 1, 1000 }, { 0, -1, 1.5, "1", {} } },
    { "timeout", { 0, 0.1, 900 }, { -1, 0 / 0, math.huge, "900" } },
    { "visibility", { 1, 43200 }, { 0, 43201, "120" } },
    { "exits", { {}, { [75] = "release" }, { KILL = "reject" } },
      {
        { [75] = "relase" }, { [256] = "retry" }, { kill = "retry" }, { [1.5] = "retry" },
        "release",
      } },
    { "jobs", { 1, 5 }, { 0, true, "1" } },
    {
      "volumes", { { "/tmp" }, { "/a", "/b c" } },
      { {}, "/tmp", { "tmp" }, { "/a", "" }, { "/a\0b" } },
    },
    { "deliver", { "stdin", "environment" }, { "file", true } },
    { "timestamps", { "iso", "epoch" }, { "unix" } },
    { "env", { {}, { A = "1" } }, { { A = 1 }, { ["A=B"] = "1" }, { "a" }, { A = "\0" }, "A=1" } },
    { "task", { { cluster = "c", definition = "d" },
    { cluster = "c", definition = "d", container = "w", cpu = 256 }, print },
      { {}, { cluster = "c" }, { cluster = "c", definition = "d", containr = "w" },
      { cluster = "c", definition = 7 },
        { cluster = "c", definition = "d", launchType = "FARGATE", capacityProviderStrategy = {} },
        "tiles" } },
    { "on_stop", { "drain", "stop", "leave" }, { "wait" } },
    { "status", { 0.5, 60 }, { 0, -1 } },
    { "inherit", { true, false, { "PATH", "AWS_*" } }, { "PATH", {}, { 1 } } },
    { "log", { "text", "json" }, { "xml" } },
    { "notify_after", { 0, 3 }, { -1, 0.5 } },
  } do
    local name, good, bad = table.unpack(case)
    it(name .. " takes what it should, and nothing else", function()
      for _, value in ipairs(good) do assert.are.equal(value, policy { [name] = value }[name]) end
      for _, value in ipairs(bad) do
        assert.matches(("policy field '%s': "):format(name), refused(policy, { [name] = value }))
      end
    end)
  end

  it("says what is missing", function()
    local _, err = policy { command = "true" }:complete()
    assert.matches("no queue: .*QueueUrl", err)
    _, err = policy { queue = "sqlite:x" }:complete()
    assert.matches("no command: ", err)
    _, err = policy { queue = "sqlite:x", command = "true", handler = print }:complete()
    assert.matches("both 'command' and 'handler'", err)
  end)

  it("can be tried: what is wrong comes back instead of being raised", function()
    assert.is_true(policy.is(policy.try { workers = 2 }))
    assert.are.same({
      nil, "policy field 'workers': expected a whole number of at least 1, got 0", "Usage",
    },
      { policy.try { workers = 0 } })
  end)

  it("says what is wrong with a task", function()
    local task = { cluster = "c", definition = "d" }
    task.containr = "w"
    local err = refused(policy, { task = task })
    assert.matches("policy field 'task': unknown name 'containr'; did you mean 'container'%?",
      err)
    task.containr, task.launchType, task.capacityProviderStrategy = nil, "FARGATE", {}
    assert.matches("'launchType' and 'capacityProviderStrategy' exclude each other",
      refused(policy, { task = task }))
    err = select(2,
      policy { queue = "sqlite:x", command = "true", on_stop = "leave" }:complete())
    assert.matches("'on_stop' can be 'leave' for ECS tasks only", err)
  end)

  it("can be overridden from the command line", function()
    local tested = policy { workers = 2 }
    assert.is_true(tested:override { workers = 8 })
    assert.are.equal(8, tested.workers)
    assert.is_true(tested:is_set "workers")
    local ok, err = tested:override { workers = 0.5 }
    assert.is_nil(ok)
    assert.are.equal("policy field 'workers': expected a whole number of at least 1, got 0.5",
      err)
  end)

  it("cannot change its queue or runner while it runs", function()
    local old = policy { queue = "sqlite:a", command = "true" }
    assert.is_true(policy.compatible(old, policy {
      queue = "sqlite:a", command = "false", workers = 9,
    }))
    local with = policy { queue = "sqlite:a", command = "true", volumes = { "/a", "/b" } }
    assert.matches("'volumes' cannot change", policy.compatible(old, with))
    assert.is_true(policy.compatible(with, policy {
      queue = "sqlite:a", command = "true", volumes = { "/a", "/b" },
    }))
    -- Several jobs at once would have had their files removed by each other's end.
    assert.matches("set workers = 1",
      policy.compatible(with, policy {
        queue = "sqlite:a", command = "true", volumes = { "/a", "/b" }, workers = 2,
      }))
    assert.matches("'queue' cannot change", policy.compatible(old, policy {
      queue = "sqlite:b", command = "true",
    }))
    assert.matches("'command', 'handler', 'task', 'lambda', 'serve' and 'resident' cannot take",
      policy.compatible(old, policy { queue = "sqlite:a", handler = print }))
  end)
end)

describe("the default hook", function()
  local tested = policy { exits = { [75] = "release", [0] = "retry", KILL = "reject" } }

  it("verdict: exits first, then 0, 3, 4, then retry", function()
    local plain = policy {}
    for code, outcome in pairs { [0] = "complete", [1] = "retry", [3] = "reject", [4] = "release",
      [255] = "retry" } do
      assert.are.equal(outcome, plain:verdict({}, { code = code }))
    end
    assert.are.equal("retry", plain:verdict({}, { signal = "KILL" }))
    assert.are.equal("release", tested:verdict({}, { code = 75 }))
    assert.are.equal("retry", tested:verdict({}, { code = 0 }))
    assert.are.equal("reject", tested:verdict({}, { signal = "KILL" }))
    assert.are.equal("reject", tested:verdict({}, { code = 3 }))
  end)

  it("verdict: a timeout and a task that never started are retried, whatever the code", function()
    assert.are.equal("retry", tested:verdict({}, { signal = "KILL", timed_out = true }))
    assert.are.equal("retry", tested:verdict({}, { not_started = true }))
  end)

  it("verdict: what was not the job's fault is returned silently, until it is the last attempt",
    function()
    assert.are.equal("release", tested:verdict({ last = false }, { blameless = true, code = 3 }))
    assert.are.equal("retry",
      tested:verdict({ last = true }, { blameless = true, not_started = true }))
  end)

  it("backoff: twice as long each time, at most 12 hours", function()
    assert.are.equal(2, tested:backoff { receives = 1 })
    assert.are.equal(1024, tested:backoff { receives = 10 })
    assert.are.equal(43200, tested:backoff { receives = 5000 })
  end)

  it("inherits all but keys and the loader's variables", function()
    assert.is_true(tested:inherits "PATH")
    assert.is_true(tested:inherits "AWS_REGION")
    assert.is_false(tested:inherits "AWS_SECRET_ACCESS_KEY")
    assert.is_false(tested:inherits "LD_PRELOAD")
    assert.is_false(tested:inherits "LD_LIBRARY_PATH")
    assert.is_true(policy { inherit = true }:inherits "LD_PRELOAD")
    assert.is_false(policy { inherit = false }:inherits "FOO")
    assert.is_true(policy { inherit = false }:inherits "PATH")
    local some = policy { inherit = { "AWS_*", "FOO" } }
    assert.is_true(some:inherits "AWS_SECRET_ACCESS_KEY")
    assert.is_true(some:inherits "FOO")
    assert.is_false(some:inherits "FOOD")
    assert.is_false(some:inherits "XAWS_A")
  end)
end)

describe("the hook environment", function()
  it("leaves out the message attributes where they are switched off", function()
    local one = require "watchbot.message.job".new {
      id = "i", body = "x", receives = 1, attributes = { a = { type = "String", value = "1" } },
    }
    assert.is_string(policy { queue = "sqlite:x",
      command = "true" }:environment(one).MessageAttributes)
    assert.is_nil(policy { queue = "sqlite:x", command = "true",
      attributes = false }:environment(one).MessageAttributes)
  end)
end)

describe("a task's environment", function()
  local empty = require "watchbot.core".empty
  local job = require "watchbot.message.job".new { id = "i", body = "x" }

  local function environment(declared) return policy(declared):environment(job) end

  it("names the file of an embedded queue, so that it is found from any folder", function()
    local here = empty.real "."
    assert.are.equal("sqlite:" .. here .. "/x.db",
      environment { queue = "sqlite:x.db", command = "true" }.QueueUrl)
    assert.are.equal("sqlite:/x.db",
      environment { queue = "sqlite:///x.db", command = "true" }.QueueUrl)
    assert.is_nil(environment { queue = "https://sqs.eu-west-1.amazonaws.com/1/q",
      command = "true" }.QueueUrl)
    assert.is_nil(environment { queue = "sqlite:x.db",
      task = { cluster = "c", definition = "d" } }.QueueUrl)
    assert.are.equal("mine",
      environment { queue = "sqlite:x.db", command = "true", env = { QueueUrl = "mine" } }.QueueUrl)
  end)

  it("names where progress is kept, when the policy does", function()
    local arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/progress"
    assert.is_nil(environment { queue = "sqlite:x.db", command = "true" }.ProgressTable)
    assert.are.equal(arn,
      environment { queue = "sqlite:x.db", command = "true", progress = arn }.ProgressTable)
    assert.are.equal(arn,
    environment { queue = "sqlite:x.db", task = { cluster = "c", definition = "d" },
      progress = arn }.ProgressTable)
    assert.are.equal("sqlite:" .. empty.real "." .. "/p.db",
    environment { queue = "sqlite:x.db", command = "true",
      progress = "sqlite:p.db" }.ProgressTable)
  end)
end)

describe("the field log_group", function()
  it("is $LogGroup, else $LogGroupArn", require "support.workshop".task(function(folder)
    local workshop = require "support.workshop"
    folder:write("policy.lua", [[
      local p = require "watchbot".policy { queue = "sqlite:x", command = "true" }
      print("group " .. tostring(p.log_group))
      return p]])
    for expected, variables in pairs {
      ["group name\n"] = { LogGroup = "name", LogGroupArn = "arn" },
      ["group arn\n"] = { LogGroup = false, LogGroupArn = "arn" },
      ["group nil\n"] = { LogGroup = false, LogGroupArn = false },
    } do
      local _, out = workshop.run(folder, { "check", "policy.lua" }, variables)
      assert.is_truthy(out:find(expected, 1, true), out)
    end
  end))
end)

describe("a copy of a policy", function()
  it("has the same fields and hooks but for the changes, and a life of its own", function()
    local function admit() return "hold", 1 end
    local one = policy { command = "true", workers = 3, admit = admit }
    local other = policy.copy(one, { workers = 5, topic = "arn:aws:sns:eu-west-1:1:t" })
    assert.are.same({ "true", 5, admit }, { other.command, other.workers, other.admit })
    assert.is_true(other:is_set "admit")
    assert.is_false(other:is_set "timeout")
    other.timeout = 7
    assert.are.same({ 3, 0 }, { one.workers, one.timeout })
    assert.is_nil(one.topic)
    assert.has_error(function() policy.copy(one, { workers = 0 }) end)
  end)
end)
