-- The logs of tasks that ran elsewhere: CloudWatch Logs on moto, and a scripted server for pages,
-- which moto does not make.

local cjson = require "cjson"
local cloud = require "support.cloud"
local http = require "watchbot.http"
local job = require "watchbot.message.job"
local policy = require "watchbot.policy"
local recent_logs = require "watchbot.notify.recent_logs"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local ID = "e2c045cc-5606-4950-964b-20877900bccb"

local task = cloud.task

describe("recent logs", function()
  local account, scripted

  cloud.around(function(...) account, scripted = ... end, "scripted")

  local function group_with(...)
    local lines = {}
    for index, line in ipairs { ... } do
      table.move({ 1 - index / 1000, line }, 1, 2, #lines + 1, lines)
    end
    return account:log_group { s = lines }
  end

  local function read(group)
    return recent_logs.read(group, ID, { client = account.logs })
  end

  it("are the lines of the group that have the message's id in them", task(function()
    local group = group_with(("[d] [worker] [%s] one"):format(ID), "[d] [worker] [other] two",
      ("[%s] three"):format(ID))
    assert.are.equal(("[d] [worker] [%s] one\n[%s] three\n"):format(ID, ID), read(group))
  end))

  it("are nil with a reason when there are none, or no group", task(function()
    assert.are.equal("NotFound", select(3, read(group_with "nothing of ours")))
    local text, err, code = read "no-such-group"
    assert.is_nil(text)
    assert.are.equal("ResourceNotFoundException", code)
    assert.is_string(err)
  end))

  local function told(...)
    local script = {}
    for index, page in ipairs { ... } do
      script[index] = { body = cjson.encode(page), delay = page.delay }
    end
    assert(assert(http.request { method = "PUT", url = scripted.url .. "/script",
      body = cjson.encode(script) }).status == 200)
    return require "watchbot.aws"("logs",
      { region = "eu-west-1", endpoint = scripted.url, credentials = false,
      getenv = function() end })
  end

  local function requests()
    local all = {}
    for index, call in ipairs(cjson.decode(assert(http.request { url = scripted.url
      .. "/log" }).body)) do
      all[index] = cjson.decode(call.body)
    end
    return all
  end

  it("come in pages, empty ones too, and the newest 50 KiB are kept", task(function()
    local events = {}
    for index = 1, 600 do
      events[index] = { message = ("line %d %s"):format(index, ("x"):rep(100)) }
    end
    local client = told({ events = {}, nextToken = "a" }, { events = events, nextToken = "b" },
      { nextToken = "c" },
      { events = { { message = "the newest\n" } } })
    local text = assert(recent_logs.read("group", ID, { client = client }))
    assert.are.equal(50 * 1024, #text)
    assert.matches("line 600 x+\nthe newest\n$", text)
    local asked = requests()
    assert.are.equal(4, #asked)
    assert.is_nil(asked[1].nextToken)
    assert.are.same({ "a", "b", "c" },
      { asked[2].nextToken, asked[3].nextToken, asked[4].nextToken })
    assert.are.equal('"' .. ID .. '"', asked[1].filterPattern)
    assert.is_true(asked[1].startTime > scheduler.time() - 7 * 3600 * 1000
      and asked[1].startTime < scheduler.time())
  end))

  it("are asked for by the group's name, or by its ARN without the :* of templates", task(function()
    local arn = "arn:aws:logs:eu-west-1:1:log-group:tiles"
    for group, expected in pairs { tiles = "tiles", [arn] = arn, [arn .. ":*"] = arn } do
      local client = told { events = {} }
      recent_logs.read(group, ID, { client = client })
      local asked = requests()[1]
      local by_arn = expected == arn
      assert.are.same({ by_arn and arn, not by_arn and expected },
        { asked.logGroupIdentifier or false, asked.logGroupName or false })
    end
  end))

  it("are searched for by one job at a time", task(function()
    local page = { events = { { message = "x" } }, delay = 0.2 }
    local client, tasks = told(page, page, page), {}
    for index = 1, 3 do
      tasks[index] = scheduler.spawn(recent_logs.read, "group", ID, { client = client })
    end
    for _, one in ipairs(tasks) do assert.are.equal("x\n", select(2, one:join())) end
    local log = cjson.decode(assert(http.request { url = scripted.url .. "/log" }).body)
    for index = 2, 3 do assert.is_true(log[index].at - log[index - 1].at >= 0.19) end
  end))

  it("give the next one its turn when a job stops waiting for them", task(function()
    local client = told({ events = {}, delay = 5 }, { events = { { message = "x" } } })
    local first = scheduler.spawn(recent_logs.read, "group", ID, { client = client })
    workshop.live(0.3)
    local second = scheduler.spawn(recent_logs.read, "group", ID, { client = client })
    workshop.live(0.3)
    first:cancel "enough"
    assert.are.same({ true, "x\n" }, { second:join() })
  end))

  -- A search whose notification was given up kept its turn: no later one had any logs.
  it("give the next one its turn, too, when their job is aborted", task(function()
    local client = told({ events = {}, delay = 5 }, { events = { 7, "x", { message = 5 }, {
      message = "x",
    } } })
    local first = scheduler.spawn(recent_logs.read, "group", ID, { client = client })
    workshop.live(0.3)
    local second = scheduler.spawn(recent_logs.read, "group", ID, { client = client })
    workshop.live(0.3)
    first:abort "enough"
    assert.are.same({ true, "x\n" }, { second:join() })
  end))

  it("are in the notification of a task elsewhere; failing, it says so", task(function()
    local tested = policy { queue = "sqlite:x", command = "true", log_group = "group" }
    local one = job.new { id = ID, body = "x", receives = 1, attributes = {} }
    local original, asked = recent_logs.read, {}
    local answers = { "from the group\n" }
    recent_logs.read = function(group, id) -- luacheck: ignore 122
      asked[#asked + 1] = group .. " " .. id
      return table.remove(answers, 1)
    end
    local _ <close> = setmetatable({},
      { __close = function() recent_logs.read = original end }) -- luacheck: ignore
    local function body(exit)
      local _, text = tested:notification(one, "retry", exit)
      return text:match "Recent logs:.*$"
    end
    assert.are.equal("Recent logs:\nfrom the group\n", body { code = 1, elsewhere = true })
    assert.are.equal("Recent logs: logs not available", body { code = 1, elsewhere = true })
    assert.are.equal("Recent logs:\nits own\n", body { code = 1, logs = "its own\n" })
    assert.are.equal("Recent logs: logs not available", body { code = 1 })
    assert.are.same({ "group " .. ID, "group " .. ID }, asked)
  end))
end)
