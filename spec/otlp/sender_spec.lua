local collector = require "support.collector"
local encode = require "watchbot.otlp.encode"
local scheduler = require "watchbot.scheduler"
local sender = require "watchbot.otlp.sender"

local function task(body)
  return function() scheduler.run(body) end
end

describe("otlp.sender", function()
  local collected

  setup(function() collected = collector.start() end)
  teardown(function() collected:close() end)

  local before, behind = encode.spans(nil, "1")

  -- A sender, and the lines that it writes.
  local function open(more)
    local target = { url = collected.url .. "/v1/traces", headers = {}, timeout = 10 }
    for name, value in pairs(more or {}) do target[name] = value end
    local lines = {}
    return assert(sender.new(target, "spans", function(err, code, dropped)
      lines[#lines + 1] = { err = err, code = code, dropped = dropped }
    end)), lines
  end

  local function send(made, count)
    return made:send(before .. behind, count or 1)
  end

  before_each(task(function()
    collected:script()
    collected:received()
  end))

  it("posts JSON with the headers of the environment", task(function()
    local made, lines = open { headers = {
      Authorization = "Bearer x", ["CONTENT-TYPE"] = "no", ["content-length"] = "7",
      ["Transfer-Encoding"] = "chunked",
    } }
    assert.is_true(send(made))
    local one = collected:received()[1]
    assert.are.same({}, one.problems)
    assert.are.equal("application/json", one.headers["content-type"])
    assert.are.equal("Bearer x", one.headers.authorization)
    assert.matches("^watchbot/", one.headers["user-agent"])
    assert.are.same({}, lines)
  end))

  it("waits before it tries again what the collector could take later, as long as that wishes",
    task(function()
      for _, case in ipairs {
        { 429, "7", 7, 8 }, { 503, "0", 0.4, 1 }, { 502, nil, 0.4, 1 }, { 504, "x", 0.4, 1 },
        { 503, "999999", 600, 600 },
        { 503, scheduler.http_date(scheduler.time() // 1000 + 30), 25, 31 },
      } do
        local made, lines = open()
        collected:script({ status = case[1], headers = { ["Retry-After"] = case[2] } })
        local done, pause = send(made)
        assert.is_false(done)
        assert.is_true(pause >= case[3] and pause <= case[4], pause)
        assert.are.equal("HTTP" .. case[1], lines[1].code)
        assert.is_true(send(made))
      end
    end))

  it("gives up what the collector refuses for what it is", task(function()
    for _, status in ipairs { 400, 401, 404, 413, 500, 301 } do
      local made, lines = open()
      collected:script { status = status, body = "because \27[31m\n" }
      assert.is_true(send(made, 5))
      assert.are.same({ 1, 5, "HTTP" .. status }, { #lines, lines[1].dropped, lines[1].code })
      assert.is_nil(lines[1].err:find "[%c]")
    end
  end))

  it("tries a few times what may have arrived, and pauses longer each time", task(function()
    local made = open { timeout = 0.1 }
    collected:script { delay = 1, for_ever = true }
    local last = 0
    for attempt = 1, 2 do
      local done, pause = send(made, 5)
      assert.is_false(done)
      assert.is_true(pause >= 2 ^ (attempt - 1) / 2, pause)
      last = pause
    end
    assert.is_true(last <= 2)
    assert.is_true(send(made, 5))
    assert.are.equal(5, made.dropped)
  end))

  it("keeps for later what nobody has heard, with longer and longer pauses", task(function()
    local made, lines = open { url = "http://127.0.0.1:1/v1/traces" }
    local done, pause
    for _ = 1, 12 do
      done, pause = send(made, 5)
      assert.is_false(done)
    end
    assert.is_true(pause >= 30 and pause <= 60)
    assert.are.equal(1, #lines)
    assert.are.equal(0, made.dropped)
  end))

  -- A line for each export that fails would be all that the log says.
  it("writes a line a minute, with what was dropped since the last one", task(function()
    local made, lines = open()
    collected:script { status = 400, for_ever = true }
    for _ = 1, 4 do send(made, 5) end
    made:drop(2)
    assert.are.same({ 1, 5 }, { #lines, lines[1].dropped })
    made.said = made.said - 60
    made:say()
    assert.are.same({ 2, 17 }, { #lines, lines[2].dropped })
    made:say(true)
    assert.are.equal(2, #lines)
  end))

  it("says what of a request was refused, and that an answer is nonsense", task(function()
    for _, case in ipairs {
      { '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too\\nold"}}', 3, "too old" },
      { '{"partialSuccess":{"rejectedSpans":2}}', 2, "refused 2" },
      { '{"partialSuccess":{"errorMessage":"a hint"}}', 0, "a hint" },
      { "<html>\0</html>", 0, "not JSON" }, { "7", 0, "not JSON" },
      { '{"partialSuccess":{"rejectedSpans":"x","errorMessage":7}}', nil }, { "{}", nil },
      { "", nil }, { '{"partialSuccess":7}', nil }, { '{"partialSuccess":{}}', nil },
    } do
      local made, lines = open()
      collected:script { body = case[1] }
      assert.is_true(send(made, 5), case[1])
      assert.are.equal(case[2], lines[1] and lines[1].dropped, case[1])
      if case[3] then assert.matches(case[3], lines[1].err) end
    end
  end))

  it("reads no answer without an end", task(function()
    local made, lines = open()
    collected:script { body = ("x"):rep(1 << 20), for_ever = true }
    send(made, 5)
    assert.are.equal("TooLarge", lines[1].code)
  end))

  it("shows no query of the endpoint", task(function()
    local made, lines = open { url = collected.url .. "/v1/traces?key=of-the-account" }
    collected:script { status = 400 }
    send(made)
    assert.is_nil(lines[1].err:find("of-the-account", 1, true))
  end))
end)
