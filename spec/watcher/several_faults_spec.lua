-- What one queue of several does to the others: it fails, it is idle, its watcher is killed.
local cloud = require "support.cloud"
local fault_proxy = require "support.fault_proxy"
local http = require "watchbot.http"
local local_aws = require "support.local_aws"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task, eventually = workshop.task, workshop.eventually

local function send(folder, name, lines, ...)
  local exit, _, problem = workshop.run(folder, { "send", "--queue", folder:url(name), ... },
    { stdin = table.concat(lines, "\n") .. "\n" })
  assert(exit.code == 0, problem)
end

local function numbered(name, count)
  local lines = {}
  for index = 1, count do lines[index] = ("%s-%d"):format(name, index) end
  return lines
end

local function policy(folder, text)
  return folder:write("policy.lua", 'local watchbot = require "watchbot"\n' .. text)
end

local function stop(child)
  child:kill "TERM"
  return assert(child:wait(workshop.PATIENCE)), (child:output())
end

local function address_of(child)
  return "http://" .. eventually(function()
    return (child:output()):match '"event":"listening","address":"([^"]+)"'
  end, "it listens")
end

describe("a watcher of several files", function()
  -- Before a removed file, all of the watcher stood still or ended.
  it("goes on when one of them is removed, and says which is not ready", task(function(folder)
    policy(folder, [[
      local out = io.open("jobs", "a")
      out:setvbuf "line"
      return watchbot.policy { queues = { "sqlite:a", "sqlite:b" }, handler = function(job)
        out:write(job.message, "\n")
      end }
    ]])
    local child <close> = workshop.start(folder, { "run", "--log", "json", "--listen",
      "127.0.0.1:0", "policy.lua" })
    local address = address_of(child)
    local function ready() return http.request { url = address .. "/readyz", direct = true } end
    eventually(function() return ready().status == 200 end, "both are ready")
    assert(os.remove(folder:file "a"))
    send(folder, "b", numbered("b", 20))
    eventually(function() return #folder:lines "jobs" == 20 end, "the other queue's jobs are done")
    local response = ready()
    assert.are.equal(503, response.status)
    assert.matches("^not ready: a: ", response.body)
    assert.are.equal(0, (stop(child)).code)
  end))

  it("loses nothing when it is killed again and again", task(function(folder)
    send(folder, "a", numbered("a", 150))
    send(folder, "b", numbered("b", 150))
    policy(folder, [[
      return watchbot.policy { queues = { { "sqlite:a", weight = 2 }, "sqlite:b" }, workers = 4,
        visibility = 1, max_receives = 1000, command = 'echo "$Message" >> jobs' }
    ]])
    for round = 1, 4 do
      local child <close> = workshop.start(folder, { "run", "policy.lua" })
      eventually(function() return #folder:lines "jobs" >= round * 30 end, "some jobs are done")
      child:kill "KILL"
      child:wait(workshop.PATIENCE)
    end
    local exit, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.are.equal(0, exit.code, log)
    local seen, count = {}, 0
    for _, line in ipairs(folder:lines "jobs") do
      if not seen[line] then count = count + 1 end
      seen[line] = true
    end
    assert.are.equal(300, count)
  end))

  it("gives back at the end what has not started, and lets the rest finish", task(function(folder)
    send(folder, "a", numbered("a", 5))
    send(folder, "b", numbered("b", 5))
    policy(folder, [[
      return watchbot.policy { queues = { "sqlite:a", "sqlite:b" }, workers = 2,
        command = "echo x >> begun; while [ ! -e go ]; do sleep 0.1; done" }
    ]])
    local child <close> = workshop.start(folder, { "run", "policy.lua" })
    eventually(function() return #folder:lines "begun" == 2 end, "two run")
    child:kill "TERM"
    eventually(function() return (child:output()):find '"event":"draining"' end, "it drains")
    folder:write("go", "")
    local exit = assert(child:wait(workshop.PATIENCE))
    assert.are.equal(0, exit.code)
    local left, done = 0, 0
    for _, name in ipairs { "a", "b" } do
      local _, out = workshop.run(folder, { "status", "--json", "--queue", folder:url(name) })
      left = left + out:match '"visible":(%d+)'
      done = done + select(2, (child:output()):gsub(
        ('"queue":"%s","outcome":"complete"'):format(name), ""))
    end
    assert.are.same({ 8, 2 }, { left, done })
  end))

  it("takes over weights, order and fields at SIGHUP, and keeps what does not fit",
    task(function(folder)
    local text = [[return watchbot.policy { queues = { %s }, command = "true" }]]
    policy(folder, text:format '"sqlite:a", "sqlite:b"')
    local child <close> = workshop.start(folder, { "run", "policy.lua" })
    eventually(function() return (child:output()):find '"url":"sqlite:b"' end, "it watches")
    policy(folder, text:format [[{ "sqlite:b", weight = 5, command = "exit 3" }, "sqlite:a"]])
    child:kill "HUP"
    eventually(function() return (child:output()):find "policy reloaded" end, "it reloads")
    send(folder, "b", { "x" })
    send(folder, "a", { "x" })
    eventually(function()
      local log = child:output()
      return log:find '"queue":"b","outcome":"reject"'
        and log:find '"queue":"a","outcome":"complete"'
    end, "both jobs are done")
    policy(folder, text:format '"sqlite:a", "sqlite:c"')
    child:kill "HUP"
    eventually(function()
      return (child:output()):find("the URLs in 'queues' cannot change", 1, true)
    end, "it refuses")
    assert.are.equal(0, (stop(child)).code)
  end))

  it("buries in each queue's own dead letters, and counts each queue's metrics",
    task(function(folder)
    send(folder, "a", { "a-1", "a-2" })
    send(folder, "b", { "b-1" })
    policy(folder, [[return watchbot.policy { queues = { "sqlite:a", { "sqlite:b",
      handler = function() return "bury" end } }, handler = function() end }]])
    local child <close> = workshop.start(folder, { "run", "--log", "json", "--listen",
      "127.0.0.1:0", "policy.lua" })
    local address = address_of(child)
    local function value(series)
      local text = assert(http.request { url = address .. "/metrics", direct = true }).body
      return tonumber(("\n" .. text):match("\n" .. series:gsub("%p", "%%%0") .. " (%S+)\n"))
    end
    eventually(function()
      return value 'watchbot_jobs_total{queue="a",outcome="complete"}' == 2
        and value 'watchbot_jobs_total{queue="b",outcome="bury"}' == 1
    end, "all are done")
    assert.are.equal(0, value 'watchbot_jobs_total{queue="b",outcome="complete"}')
    assert.are.equal(1, value 'watchbot_ready{queue="b"}')
    assert.are.equal(1, value "watchbot_slots_free")
    stop(child)
    local _, out = workshop.run(folder, { "dead-letter", "list", "--queue", folder:url "b" })
    assert.matches("b%-1", out)
    _, out = workshop.run(folder, { "dead-letter", "list", "--queue", folder:url "a" })
    assert.is_nil(out:find "b-1")
  end))

  -- With `strict`, what comes first waits for a slot, and for at most one poll.
  it("starts at once what comes for an earlier queue", task(function(folder)
    send(folder, "late", numbered("late", 400))
    policy(folder, [[
      local out = io.open("jobs", "a")
      out:setvbuf "line"
      return watchbot.policy { queues = { "sqlite:first", "sqlite:late" }, strict = true,
        handler = function(job)
          out:write(job.message, "\n")
          watchbot.scheduler.sleep(0.1)
        end }
    ]])
    local child <close> = workshop.start(folder, { "run", "policy.lua" })
    for round = 1, 3 do
      eventually(function() return #folder:lines "jobs" >= round * 10 end, "the later queue's run")
      send(folder, "first", { "first-" .. round })
      local before = #folder:lines "jobs"
      local at = eventually(function()
        for index, line in ipairs(folder:lines "jobs") do
          if line == "first-" .. round then return index end
        end
      end, "the first is started")
      assert.is_true(at - before <= 8, ("%d others were started before"):format(at - before))
    end
    child:kill "KILL"
  end))
end)

describe("a watcher of an SQS queue and a file", function()
  local server, account, proxy

  setup(task(function()
    server = local_aws.own()
    account = cloud.of(server)
    account:open()
    proxy = fault_proxy.start(account.url)
  end))
  teardown(function()
    proxy:close()
    server:close()
  end)

  local function watch(folder, url, more)
    policy(folder, ([[
      local out = io.open("jobs", "a")
      out:setvbuf "line"
      return watchbot.policy { queues = { %q, "sqlite:b" }, %s handler = function(job)
        out:write(job.message, "\n")
        watchbot.scheduler.sleep(0.02)
      end }
    ]]):format(url, more or ""))
    return workshop.start(folder, { "run", "policy.lua" }, account:environment(nil, proxy.url))
  end

  local function has(folder, wanted)
    for _, line in ipairs(folder:lines "jobs") do
      if line == wanted then return true end
    end
  end

  it("costs one call in 20 s while the SQS queue is idle, and starts what comes next",
    task(function(folder)
    local url = account:queue()
    proxy:clear()
    send(folder, "b", numbered("b", 20000))
    local child <close> = watch(folder, url)
    eventually(function() return #folder:lines "jobs" > 10 end, "the file's jobs run")
    scheduler.sleep(22)
    local calls = proxy:log "ReceiveMessage"
    assert.is_true(#calls <= 3, #calls)
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "from-sqs" })
    local before = #folder:lines "jobs"
    eventually(function() return has(folder, "from-sqs") end, "the message is started")
    assert.is_true(#folder:lines "jobs" - before < 500)
    child:kill "KILL"
  end))

  it("goes on with the file while SQS fails, and with SQS when that answers again",
    task(function(folder)
    local url = account:queue()
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "from-sqs-1" })
    local child <close> = watch(folder, url)
    eventually(function() return has(folder, "from-sqs-1") end, "both are watched")
    proxy:add { kind = "status", status = 503, code = "ServiceUnavailable" }
    send(folder, "b", numbered("b", 50))
    eventually(function() return has(folder, "b-50") end, "the file's jobs are done")
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "from-sqs-2" })
    proxy:remove_rules()
    eventually(function() return has(folder, "from-sqs-2") end, "SQS is received from again")
    assert.are.equal(0, (stop(child)).code)
  end))

  -- How many of 600 jobs were of the SQS queue, where both queues have enough.
  local function share_of_sqs(folder)
    local url = account:queue()
    for first = 1, 600, 10 do
      local entries = {}
      for index = first, first + 9 do
        entries[#entries + 1] = { Id = tostring(index), MessageBody = "sqs-" .. index }
      end
      assert(account.sqs:SendMessageBatch { QueueUrl = url, Entries = entries })
    end
    send(folder, "b", numbered("b", 600))
    local child <close> = watch(folder, url, "workers = 5, jobs = 600,")
    assert(child:wait(workshop.PATIENCE))
    local found = { sqs = 0, b = 0 }
    for _, line in ipairs(folder:lines "jobs") do
      local name = line:match "^%a+"
      found[name] = found[name] + 1
    end
    assert.are.equal(600, found.sqs + found.b)
    return found.sqs
  end

  -- While the SQS queue does not answer, the file's jobs have all slots: a server that stands still
  -- for half a second makes the share smaller, so one good measurement in five is enough.
  it("shares the slots by weight", task(function()
    local shares = {}
    for index = 1, 5 do
      local folder <close> = workshop.folder()
      shares[index] = share_of_sqs(folder)
      if math.abs(shares[index] - 300) <= 30 then return end
    end
    error("of 600 jobs those of the SQS queue were " .. table.concat(shares, ", "))
  end))
end)
