-- The lines of log groups: CloudWatch Logs of the local AWS, and a scripted server for
-- pages and late lines.

local cjson = require "cjson"
local cloud = require "support.cloud"
local local_aws = require "support.local_aws"
local http = require "watchbot.http"
local logs = require "watchbot.stack.logs"
local scheduler = require "watchbot.scheduler"

local ID = "e2c045cc-5606-4950-964b-20877900bccb"

local task = cloud.task

describe("the lines of a log group", function()
  local account, scripted

  cloud.around(function(...) account, scripted = ... end, "scripted")

  local function group_with(streams)
    return assert(logs.open(account:log_group(streams), account.logs))
  end

  local function lines_of(group, query, method)
    local lines = {}
    query.since = query.since or scheduler.time() - 3600 * 1000
    assert(group[method or "each"](group, query,
      function(event) lines[#lines + 1] = event.message end))
    return lines
  end

  it("come in the order of their time, from all streams", task(function()
    local group = group_with { one = { 50, "a", 30, "c" }, two = { 40, "b", 20, "d" } }
    assert.are.same({ "a", "b", "c", "d" }, lines_of(group, {}))
    assert.are.same({ "b", "d" }, lines_of(group, { streams = { "two" } }))
  end))

  it("are those of a time, with a text, of a message", task(function()
    local group = group_with {
      s = { 5000, "old", 50, ID .. " wrong \"quote\"", 40, ID .. " fine", 30, "another wrong" },
    }
    local now = scheduler.time()
    assert.are.same({ ID .. " wrong \"quote\"", ID .. " fine" }, lines_of(group, { id = ID }))
    assert.are.same({ "another wrong" }, lines_of(group, { grep = "another" }))
    assert.are.same({ "old" },
      lines_of(group, { since = now - 6000 * 1000, until_ = now - 4000 * 1000 }))
  end))

  it("of a message are also all those of the ECS tasks that its watcher names", task(function()
    local arn = "arn:aws:ecs:eu-west-1:123456789012:task/main/0123abcd"
    local group = group_with {
      watcher = { 50, ("[d] [watcher] [%s] {\"subject\":\"s\"}"):format(ID),
        10, ("[d] [watcher] [%s] {\"outcome\":\"success\",\"task\":\"%s\"}"):format(ID, arn) },
      ["tiles/worker/0123abcd"] = { 40, "no id in this line", 30, ID .. " and one in this" },
      ["tiles/worker/4567efab"] = { 35, "of another task" },
    }
    local lines = lines_of(group, { id = ID }, "of_message")
    assert.are.equal(4, #lines)
    assert.are.same({ "no id in this line", ID .. " and one in this" }, { lines[2], lines[3] })
  end))

  it("say what is missing: the group, or a permission by its action", task(function()
    local missing = assert(logs.open("no-such-group", account.logs))
    local ok, err, code = missing:each({ since = 0 }, error)
    assert.is_nil(ok)
    assert.matches("^log group 'no%-such%-group' does not exist", err)
    assert.are.equal("LogGroupNotFound", code)
    local group = group_with { s = { 1, "a" } }
    for implicitly, advice in pairs { [true] = "add the action to the role's policy; AWS says: .* "
      .. "because no identity%-based policy allows the logs:FilterLogEvents action",
      [false] = "a statement of the identity%-based policy denies it, and no other can allow it; "
      .. "AWS says: .* with an explicit deny in an identity%-based policy" } do
      local denied = assert(logs.open(group.group, account:client("logs", {
        credentials = account:user("logs:FilterLogEvents", implicitly),
      })))
      ok, err, code = denied:each({ since = 0 }, error)
      assert.is_nil(ok)
      assert.matches("^the credentials do not allow 'logs:FilterLogEvents' on 'group%-%d+': "
        .. (local_aws.is_moto() and "" or advice), err)
      assert.are.equal("NotAllowed", code)
    end
  end))

  local function told(...)
    local script = {}
    for index, page in ipairs { ... } do script[index] = { body = cjson.encode(page) } end
    script[#script].for_ever = true
    assert(assert(http.request { method = "PUT", url = scripted.url .. "/script",
      body = cjson.encode(script) }).status == 200)
    return assert(logs.open("arn:aws:logs:eu-west-1:123456789012:log-group:tiles:*",
      account:client("logs", { endpoint = scripted.url })))
  end

  local function asked()
    local log = cjson.decode(assert(http.request { url = scripted.url .. "/log" }).body)
    for index, call in ipairs(log) do log[index] = cjson.decode(call.body) end
    return log
  end

  local function event(id, timestamp)
    return { eventId = id, timestamp = timestamp, message = id, logStreamName = "s" }
  end

  it("are read page after page, empty ones too, from a group that is named by its ARN",
    task(function()
    local group = told({ events = { event("a", 1) }, nextToken = "1" },
      { events = cjson.empty_array, nextToken = "2" },
      { events = { event("c", 3), event("b", 2) } })
    local counts = {}
    local lines = {}
    assert(group:each({ since = 0, id = ID, grep = 'x"y' },
    function(one) lines[#lines + 1] = one.message end,
      function(count) counts[#counts + 1] = count end))
    assert.are.same({ "a", "b", "c" }, lines)
    assert.are.same({ 1, 1, 3 }, counts)
    local calls = asked()
    assert.are.same({ "1", "2" }, { calls[2].nextToken, calls[3].nextToken })
    assert.are.equal("arn:aws:logs:eu-west-1:123456789012:log-group:tiles",
      calls[1].logGroupIdentifier)
    assert.is_nil(calls[1].logGroupName)
    -- moto knows no pattern of two terms, CloudWatch looks for lines that have both.
    assert.are.equal('"' .. ID .. '" "x\\"y"', calls[1].filterPattern)
  end))

  -- One event without a message ended the whole command with a traceback.
  it("are read past what is no event", task(function()
    local group = told { events = { event("a", 1), cjson.null, { eventId = "x" },
      { eventId = "y", message = 7, timestamp = 2 }, event("b", 3) } }
    local lines = {}
    assert(group:each({ since = 0 }, function(one) lines[#lines + 1] = one.message end))
    assert.are.same({ "a", "b" }, lines)
    assert(told { events = 7 }:each({ since = 0 }, error))
  end))

  -- A line that CloudWatch found late had a time before the newest that was shown: a program that
  -- asked for newer ones only, or for those of the same millisecond once more, missed it or showed
  -- another twice.
  it("are followed without a gap and without doubles, late ones and those of one millisecond "
    .. "included", task(function()
    local start = scheduler.time()
    local group = told({ events = { event("a", start), event("b", start + 1000) } },
      { events = { event("a", start), event("b", start + 1000), event("b2", start + 1000) } },
      {
        events = {
          event("a", start), event("late", start + 500), event("b", start + 1000),
          event("b2", start + 1000),
        },
      },
      { events = { event("c", start + 200 * 1000) } },
      { events = { event("c", start + 200 * 1000), event("d", start + 150 * 1000) } })
    local lines = {}
    local following = scheduler.spawn(function()
      group:follow({ since = start - 1000 }, function(one) lines[#lines + 1] = one.message end,
        0.01)
    end)
    local deadline = scheduler.now() + 120
    while #lines < 6 and scheduler.now() < deadline do scheduler.sleep(0.02) end
    scheduler.sleep(0.1)
    following:cancel()
    assert.are.same({ "a", "b", "b2", "late", "c", "d" }, lines)
    local calls = asked()
    assert.are.equal(start - 1000, calls[1].startTime)
    assert.are.equal(start + 140 * 1000, calls[#calls].startTime)
  end))
end)
