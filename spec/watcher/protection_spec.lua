-- Scale-in protection, against an agent of ECS that is a real HTTP server.

local aws = require "watchbot.aws"
local deployment = require "watchbot.watcher.deployment"
local ecs_server = require "support.ecs_server"
local ecs_stack = require "support.ecs_stack"
local http = require "watchbot.http"
local journal = require "watchbot.journal"
local protection = require "watchbot.watcher.protection"
local scheduler = require "watchbot.scheduler"
local server = require "support.server"
local supervise = require "watchbot.lib.supervise"
local workshop = require "support.workshop"

local ON, OFF = '{"ProtectionEnabled":true,"ExpiresInMinutes":60}', '{"ProtectionEnabled":false}'

local eventually = workshop.eventually

describe("protection", function()
  local agent, lines, log

  before_each(function()
    agent = server.start("python3", "spec/support/ecs_agent.py")
    lines = {}
    log = journal.new { write = function(_, _, _, line) lines[#lines + 1] = line end }
  end)

  after_each(function() agent:close() end)

  local function get(path)
    return assert(http.request { url = agent.url .. path, direct = true }).body
  end

  local function requests()
    local found = {}
    for line in get "/requests":gmatch "[^\n]+" do found[#found + 1] = line end
    return found
  end

  local function answers(how)
    assert(http.request {
      url = agent.url .. "/answer", method = "POST", body = how, direct = true,
    })
  end

  local retired, changes, limit

  local function deployment_of()
    return deployment.new { uri = agent.url .. "/v4", client = function(region)
      assert.are.equal("eu-west-1", region)
      return aws.client("ecs", { region = region, endpoint = agent.url, max_attempts = 1,
        credentials = { access_key = "a", secret_key = "b" } })
    end }
  end

  -- A protection with short times; what is not given is too long for any test.
  local function new(times, watched)
    retired, changes, limit = {}, 0, 1000
    return protection.new(log, {
      uri = agent.url .. "/api/1", deployment = watched and deployment_of() or nil,
      retire = function(reason) retired[#retired + 1] = reason end,
      changed = function() changes = changes + 1 end, limit = function() return limit end,
      supervise = function(body, ...) return supervise("protection", function() end, body, ...) end,
      times = { idle = times.idle or 1000, keep = times.keep or 0, long = times.long or 1000,
      check = times.check or 1000,
        renewal = times.renewal or 1000, retry = times.retry or 1000 },
    })
  end

  local function task(body)
    return function() scheduler.run(body) end
  end

  it("is set when idle becomes busy, and cleared when busy has become idle for a while",
    task(function()
    local guard = new { idle = 0.05 }
    guard:set(true)
    guard:set(true)
    eventually(function() return #requests() == 1 end)
    guard:set(false)
    eventually(function() return #requests() == 2 end)
    guard:set(true)
    eventually(function() return #requests() == 3 end)
    guard:close()
    assert.are.same({ ON, OFF, ON, OFF }, requests())
    assert.are.same({}, lines)
  end))

  it("asks once for a trickle of short jobs", task(function()
    local guard = new {}
    for _ = 1, 50 do
      guard:set(true)
      scheduler.sleep(0.002)
      guard:set(false)
      scheduler.sleep(0.002)
    end
    eventually(function() return #requests() == 1 end)
    guard:close()
    assert.are.same({ ON, OFF }, requests())
  end))

  it("is renewed while the watcher stays busy", task(function()
    local guard = new { renewal = 0.05 }
    guard:set(true)
    eventually(function() return #requests() >= 3 end)
    guard:close()
    local all = requests()
    for index, body in ipairs(all) do assert.are.equal(index < #all and ON or OFF, body) end
  end))

  it("is renewed in time however often busy and idle change", task(function()
    -- Each change restarted the wait for the renewal: with a job now and then the protection ran
    -- out.
    local guard = new { renewal = 0.2 }
    local until_time = scheduler.now() + 60
    while #requests() < 3 do
      assert(scheduler.now() < until_time, "asked " .. #requests() .. " times in 300 renewals")
      guard:set(true)
      scheduler.sleep(0.05)
      guard:set(false)
      guard:set(true)
    end
    guard:close()
  end))

  it("is given back at the first moment without a job, once it was kept for long", task(function()
    -- A job each 1.5 s kept the task protected forever: a deployment waited for hours and was
    -- rolled back.
    local guard = new { idle = 1000, long = 0.1 }
    guard:set(true)
    eventually(function() return #requests() == 1 end)
    scheduler.sleep(0.15)
    assert.is_true(guard:ready())
    guard:set(false)
    eventually(function() return #requests() == 2 end)
    assert.is_false(guard:ready(), "the next job waits for the next answer")
    guard:set(true)
    eventually(function() return guard:ready() end)
    assert.are.same({ ON, OFF, ON }, requests())
    guard:close()
  end))

  local function deploy(how)
    assert(http.request {
      url = agent.url .. "/deployment", method = "POST", body = how, direct = true,
    })
  end

  for _, how in ipairs { "replaced", "forced" } do
    it(("retires the watcher when a deployment has replaced the task (%s)"):format(how),
      task(function()
      local guard = new({ check = 0.05 }, true)
      guard:set(true)
      eventually(function() return select(2, get "/calls":gsub("DescribeServices", "")) >= 2 end)
      assert.are.same({}, retired)
      deploy(how)
      eventually(function() return #retired > 0 end)
      assert.are.equal("a deployment has replaced this task", retired[1])
      assert.are.equal(1, select(2, get "/calls":gsub("DescribeTasks", "")),
        "it asks once who it is")
      assert.is_false(guard.resting)
      guard:close()
      assert.are.same({ ON, OFF }, requests())
    end))
  end

  it("retires the watcher when ECS refuses it for a deployment's sake, not for other reasons",
    task(function()
    answers "failure"
    local guard = new { retry = 0.05 }
    guard:set(true)
    eventually(function() return #requests() >= 2 end)
    assert.are.same({}, retired)
    assert.is_true(guard:ready(), "jobs start unprotected")
    answers "blocked"
    eventually(function() return #retired > 0 end)
    assert.matches("refused scale%-in protection: a deployment is waiting", retired[1])
    guard:close()
  end))

  it("keeps no slot idle while ECS says that the task stays", task(function()
    local guard = new({ check = 0.02 }, true)
    limit = 0.1
    guard:set(true)
    eventually(function() return select(2, get "/calls":gsub("DescribeServices", "")) >= 10 end)
    assert.is_false(guard.resting)
    guard:close()
    assert.are.same({}, lines)
  end))

  it("rests after its limit where ECS does not say it, until it is given back", task(function()
    deploy "denied"
    local guard = new({ check = 0.02 }, true)
    limit = 0.1
    guard:set(true)
    eventually(function() return guard.resting end)
    assert.matches("could not ask whether a deployment has replaced this task: .*ecs:Describe",
      lines[1])
    assert.are.same({ ON }, requests())
    local before = changes
    guard:set(false)
    eventually(function() return not guard.resting end)
    assert.are.equal(before + 1, changes, "messages are taken again")
    assert.are.same({ ON, OFF }, requests())
    assert.are.same({}, retired)
    assert.are.equal(2, #lines)
    guard:close()
  end))

  it("does nothing when there was no job, and none outside of ECS", task(function()
    new {}:close()
    assert.are.same({}, requests())
    assert.is_nil(protection.new(log, { uri = "" }))
  end))

  for how, problem in pairs {
    failure = "TASK_NOT_VALID", error = "rate exceeded", ["500"] = "status 500",
    garbage = "status 200", close = "connection",
  } do
    it(("logs the answer '%s' once and tries again"):format(how), task(function()
      answers(how)
      local guard = new { retry = 0.02 }
      guard:set(true)
      eventually(function() return #requests() >= 3 end)
      guard:close()
      assert.are.equal(1, #lines)
      assert.matches("could not set the task's scale%-in protection: .*" .. problem, lines[1])
    end))
  end

  it("does not mind an agent that is not there", task(function()
    agent:close()
    local guard = new {}
    guard:set(true)
    eventually(function() return #lines == 1 end)
    guard:close()
    assert.are.equal(1, #lines)
    assert.matches("could not reach", lines[1])
  end))

  it("is given back at the end also when the agent has not yet answered that it is set",
    task(function()
    -- The request that was cut may have been applied: silently to the contrary the task
    -- stayed protected for an hour.
    answers "hang"
    local guard = new {}
    guard:set(true)
    eventually(function() return get "/hanging" == "1" end)
    answers "ok"
    guard:close()
    assert.are.same({ ON, OFF }, requests())
  end))

  it("holds up the end for 2 s at the most", task(function()
    answers "hang"
    local guard = new {}
    guard:set(true)
    eventually(function() return get "/hanging" == "1" end)
    local began = scheduler.now()
    guard:close()
    local took = scheduler.now() - began
    assert.is_true(took >= 1.9 and took < 30, "it took " .. took .. " s")
    assert.are.same({ ON, OFF }, requests())
  end))
end)

describe("a watcher inside ECS", function()
  for _, case in ipairs { { "ok", 0 }, { "failure", 1 }, { "hang", 0 } } do
    local how, warnings = table.unpack(case)
    it(("runs its jobs with an agent that answers '%s', and is protected from the first to the "
      .. "end"):format(how),
      workshop.task(function(folder)
        local agent = server.start("python3", "spec/support/ecs_agent.py")
        assert(http.request {
          url = agent.url .. "/answer", method = "POST", body = how, direct = true,
        })
        workshop.send(folder, { "1", "2", "3" })
        folder:write("policy.lua", ([[return require "watchbot".policy {
          queue = %q, jobs = 3, command = "echo $Message >> out" }]]):format(folder:url()))
        local exit, output = workshop.run(folder, { "run", "policy.lua" },
          { ECS_AGENT_URI = agent.url .. "/api/1", http_proxy = "http://127.0.0.1:1" })
        local requests = http.request { url = agent.url .. "/requests", direct = true }.body
        agent:close()
        assert.are.equal(0, exit.code, output)
        assert.are.equal(3, #folder:lines "out")
        assert.are.equal(ON .. "\n" .. OFF .. "\n", requests)
        local _, said = output:gsub("could not set the task's scale%-in protection", "")
        assert.is_true(how == "hang" and said <= 1 or said == warnings, output)
      end))
  end

  it("is not protected when the policy says so", workshop.task(function(folder)
    local agent = server.start("python3", "spec/support/ecs_agent.py")
    workshop.send(folder, { "1" })
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = %q, jobs = 1, protect = false, command = "true" }]]):format(folder:url()))
    assert.are.equal(0,
      workshop.run(folder, { "run", "policy.lua" }, { ECS_AGENT_URI = agent.url .. "/api/1" }).code)
    assert.are.equal("", http.request { url = agent.url .. "/requests", direct = true }.body)
    agent:close()
  end))

  it("drains when a deployment waits: what has not started goes back",
    workshop.task(function(folder)
    local agent = server.start("python3", "spec/support/ecs_agent.py")
    assert(http.request {
      url = agent.url .. "/answer", method = "POST", body = "blocked", direct = true,
    })
    workshop.send(folder, { "1", "2" })
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = %q, command = "echo $Message >> out" }]]):format(folder:url()))
    local exit, output =
      workshop.run(folder, { "run", "policy.lua" }, { ECS_AGENT_URI = agent.url .. "/api/1" })
    agent:close()
    assert.are.equal(0, exit.code, output)
    assert.are.equal(0, #folder:lines "out", output)
    assert.matches('"event":"draining".*a deployment is waiting', output)
  end))

  it("lets its job finish when a deployment has replaced it, longer than a drain, and ends",
    workshop.task(function(folder)
    local agent = server.start("python3", "spec/support/ecs_agent.py")
    assert(http.request {
      url = agent.url .. "/deployment", method = "POST", body = "replaced", direct = true,
    })
    workshop.send(folder, { "1", "2" })
    folder:write("policy.lua", ([[
      require "watchbot.watcher.protection".times.check = 0.1
      return require "watchbot".policy {
        queue = %q, workers = 1, drain = 0.1, prefetch = 0,
        command = "sleep 2; echo done >> out" }]])
          :format(folder:url()))
    local exit, output = workshop.run(folder, { "run", "policy.lua" }, {
      ECS_AGENT_URI = agent.url .. "/api/1", ECS_CONTAINER_METADATA_URI_V4 = agent.url .. "/v4",
      AWS_ENDPOINT_URL_ECS = agent.url, AWS_ACCESS_KEY_ID = "a", AWS_SECRET_ACCESS_KEY = "b",
    })
    local requests = http.request { url = agent.url .. "/requests", direct = true }.body
    agent:close()
    assert.are.equal(0, exit.code, output)
    assert.are.equal(1, #folder:lines "out", output)
    assert.matches('"event":"draining".*a deployment has replaced this task', output)
    assert.are.equal(ON .. "\n" .. OFF .. "\n", requests)
  end))

  it("asks for nothing where its tasks run elsewhere: they go on without it",
    workshop.task(function(folder)
    -- Protected watchers of ECS tasks held up deployments for nothing.
    local ecs, agent = ecs_server.start(), server.start("python3", "spec/support/ecs_agent.py")
    local stack = ecs_stack.new(ecs, folder, "exit 0")
    stack:send { "1" }
    local exit, _, output = stack:finish(stack:watch("--drain", {
      Cluster = ecs_stack.CLUSTER, TaskDefinition = "job", ContainerName = "main",
      ECS_AGENT_URI = agent.url .. "/api/1",
    }))
    assert.are.equal(0, exit.code, output)
    assert.matches('"outcome":"success"', output)
    local requests = http.request { url = agent.url .. "/requests", direct = true }.body
    agent:close()
    ecs:close()
    assert.are.equal("", requests)
  end))
end)
