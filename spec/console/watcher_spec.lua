-- The console of a watcher: the policy's `console`, next to /metrics at its `listen`.

local cloud = require "support.cloud"
local http = require "watchbot.http"
local workshop = require "support.workshop"

local task = workshop.task

local NOBODY = { ConsoleToken = false }

local function words(page) return (page:gsub("<[^>]*>", " "):gsub("%s+", " ")) end

local function policy(folder, lines, queue)
  folder:write("policy.lua", ([[
return require "watchbot".policy { queue = %q, log = "json", command = { "sleep", "600" },
  drain = 0, kill_grace = 1, %s }]]):format(queue or folder:url(), lines))
end

-- The running watcher, and what visits its console.
local function start(folder, more)
  local child = workshop.start(folder, { "run", "policy.lua" }, more or NOBODY)
  local url = workshop.eventually(function()
    return (child:output()):match '"event":"console","url":"([^"]+)"'
  end, "the console's address")
  local origin, token = url:match "^(http://[^/]+)/console/%?token=(.*)$"
  local visitor = { origin = origin or url:match "^http://[^/]+", token = token, headers = {} }
  function visitor.ask(path, fields)
    local headers = { Cookie = visitor.cookie }
    for name, value in pairs(fields and fields.headers or {}) do headers[name] = value end
    return assert(http.request { url = visitor.origin .. path, headers = headers, direct = true,
      method = fields and fields.method, body = fields and fields.body })
  end
  function visitor.enter(with)
    local entered = visitor.ask("/console/?token=" .. (with or token))
    visitor.cookie = (entered.headers["set-cookie"] or ""):match "^[^;]+"
    return entered
  end
  return visitor, child
end

local function stop(child)
  child:kill "TERM"
  assert.are.equal(0, assert(child:wait(workshop.PATIENCE)).code, (child:output()))
end

describe("a watcher's console", function()
  it("is next to /metrics, for who has the token of the log", task(function(folder)
    workshop.send(folder, { "job-1" }, "--subject", "resize")
    policy(folder, [[listen = "127.0.0.1:0", console = true]])
    local visitor, child = start(folder)
    assert.are.equal(200, visitor.ask "/metrics".status)
    assert.are.equal(413, visitor.ask("/healthz", { body = "x", method = "GET" }).status)
    assert.are.equal(401, visitor.ask "/console/".status)
    assert.are.equal(404, visitor.ask "/consoles".status)
    assert.are.equal(404, visitor.ask "/".status)
    local entered = visitor.enter()
    assert.matches("Path=/console; HttpOnly; SameSite=Strict", entered.headers["set-cookie"], 1,
      true)
    local page = workshop.eventually(function()
      local found = visitor.ask "/console/".body
      return words(found):find "Running now .*resize job%-1" and found
    end, "what runs")
    assert.matches("Read-only", page, 1, true)
    assert.matches("Watchers alive .*this watcher pid %d+ .*1 of 1", words(page))
    for address in page:gmatch '[hs]r[ec]f?="([^"]+)"' do
      if address ~= "#main" then assert.matches("^/console/", address) end
    end
    assert.are.equal(200, visitor.ask(page:match 'href="(/console/style.css[^"]*)"').status)
    assert.are.equal(200, visitor.ask "/console".status)
    stop(child)
  end))

  it("shows all queues of the watcher", task(function(folder)
    folder:write("policy.lua", ([[
return require "watchbot".policy { queues = { %q, %q }, log = "json", command = { "sleep", "600" },
  drain = 0, kill_grace = 1, listen = "127.0.0.1:0", console = true }]]):format(
      folder:url "first.db", folder:url "second.db"))
    local visitor, child = start(folder)
    visitor.enter()
    workshop.eventually(function()
      return words(visitor.ask "/console/".body):find(
        "first%.db .*Waiting 0 .*second%.db .*Waiting 0")
    end, "both queues")
    assert.matches("second%.db", words(visitor.ask "/console/jobs?queue=2".body))
    stop(child)
  end))

  it("does not act unless the policy says so", task(function(folder)
    workshop.send(folder, { "job-1" })
    policy(folder, [[listen = "127.0.0.1:0", console = true]])
    local visitor, child = start(folder)
    visitor.enter()
    local refused = visitor.ask("/console/job/act", { method = "POST", body = "do=cancel&id=1",
      headers = { Origin = visitor.origin } })
    assert.are.equal(403, refused.status)
    assert.matches("read%-only", refused.body)
    stop(child)
    policy(folder, [[listen = "127.0.0.1:0", console = "write"]])
    visitor, child = start(folder)
    visitor.enter()
    local page = workshop.eventually(function()
      local listed = visitor.ask "/console/jobs".body
      local id = listed:match 'href="/console/job%?queue=1&amp;id=([%x-]+)"'
      return id and visitor.ask("/console/job?queue=1&id=" .. id).body
    end, "the job")
    local body = ("do=cancel&queue=1&id=%s&stamp=%s"):format(
      page:match 'name="id" value="([%x-]+)"', page:match 'name="stamp" value="(%x+)"')
    assert.are.equal(303, visitor.ask("/console/job/act", { method = "POST", body = body,
      headers = { Origin = visitor.origin } }).status)
    workshop.eventually(function() return (child:output()):find('"event":"console","done"', 1, true)
    end, "what was done is logged")
    stop(child)
  end))

  -- What /metrics may have, the console may not: its pages show messages.
  it("is refused at an address that other machines reach, unless both are set",
    task(function(folder)
    local function refused(lines, more)
      policy(folder, lines)
      local exit, _, err = workshop.run(folder, { "run", "policy.lua" }, more or NOBODY)
      assert.are.equal(2, exit.code, err)
      return err
    end
    assert.matches("'console' needs 'listen'", refused "console = true", 1, true)
    local open = [[console = true, listen = "0.0.0.0:0"]]
    assert.matches("set 'console_hosts' and $ConsoleToken", refused(open), 1, true)
    refused(open .. [[, console_hosts = { "console.example" }]])
    refused(open, { ConsoleToken = "a-chosen-token-0123456789" })
    assert.matches("the console's token must have", refused(
      [[console = true, listen = "127.0.0.1:0"]], { ConsoleToken = "short" }), 1, true)
    assert.matches("expected true, false or 'write'", refused [[console = "all"]], 1, true)
    assert.matches("host name without a port", refused [[console_hosts = { "a:1" }]], 1, true)
    policy(folder, open .. [[, console_hosts = { "console.example" }]])
    local visitor, child = start(folder, { ConsoleToken = "a-chosen-token-0123456789" })
    assert.is_nil((child:output()):find("a-chosen-token", 1, true))
    visitor.origin = visitor.origin:gsub("0%.0%.0%.0", "127.0.0.1")
    visitor.enter "a-chosen-token-0123456789"
    assert.are.equal(200, visitor.ask("/console/", {
      headers = { Host = "console.example" } }).status)
    assert.are.equal(421, visitor.ask("/console/", { headers = { Host = "other.example" } }).status)
    stop(child)
  end))
end)

describe("the console of a watcher on SQS", function()
  local account
  cloud.around(function(one) account = one end)

  it("shows what the watcher itself runs", task(function(folder)
    local url = account:queue { max_receives = 3 }
    assert(account.sqs:SendMessage { QueueUrl = url, MessageBody = "job-on-sqs" })
    policy(folder, [[listen = "127.0.0.1:0", console = true]], url)
    local more = account:environment()
    more.ConsoleToken = false
    local visitor, child = start(folder, more)
    visitor.enter()
    workshop.eventually(function()
      local found = words(visitor.ask "/console/".body)
      return found:find "Running now .*job%-on%-sqs" and found:find "this watcher"
    end, "what runs")
    stop(child)
  end))
end)
