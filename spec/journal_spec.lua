local cjson = require "cjson"
local journal = require "watchbot.journal"

describe("journal.object", function()
  it("keeps the order of the members and leaves out nil", function()
    assert.are.equal('{"b":1,"a":"x","d":true}',
      journal.object("b", 1, "a", "x", "c", nil, "d", true))
    assert.are.equal("{}", journal.object())
  end)

  it("writes integers of any size exactly", function()
    assert.are.equal('{"n":9007199254740993}', journal.object("n", 9007199254740993))
  end)

  it("writes fractions as short as they read back, and raises for what JSON has not", function()
    assert.are.equal('{"seconds":0.1,"half":-2.5}', journal.object("seconds", 0.1, "half", -2.5))
    assert.has_error(function() journal.object("f", print) end)
    assert.are.equal('{"a":1}', journal.object("a", 1))
  end)

  it("writes slashes as they are, backslashes escaped", function()
    assert.are.equal([[{"path":"./a\\/b"}]], journal.object("path", [[./a\/b]]))
    assert.are.equal([[./a\/b]], cjson.decode(journal.object("path", [[./a\/b]])).path)
  end)

  it("writes valid JSON whatever the bytes and numbers", function()
    local line = journal.object("text", 'quote " backslash \\ nul \0 line\nend \xFF', "nan", 0 / 0,
      "inf", math.huge)
    local decoded = cjson.decode(line)
    assert.are.equal('quote " backslash \\ nul \0 line\nend \u{FFFD}', decoded.text)
    assert.are.equal("inf", decoded.inf)
    assert.is_nil(line:find("[\0-\31]"))
  end)
end)

describe("journal", function()
  -- A reason that quotes a URL put its password into the log.
  it("hides passwords of URLs in what has gone wrong, and not in a message", function()
    local lines = {}
    local sink = { write = function(_, _, _, line) lines[#lines + 1] = line end }
    for _, say in ipairs { false, true } do
      if say then
        function sink:say(category, id, _, ...) self:write(category, id, journal.object(...)) end
      end
      local log = journal.new(sink)
      log:error(nil, "error", "no http://a:b@c/", "code", "X", "count", 2)
      log:warning("1", "warning", "http://a:b@c/?token=1", "where", nil, "more", "https://x@y")
      log:started { id = "1", message = "http://a:b@c/" }
    end
    local expected = { '{"error":"no http://[hidden]@c/","code":"X","count":2}',
      '{"warning":"http://[hidden]@c/?token=[hidden]","more":"https://[hidden]@y"}',
      '{"message":"http://a:b@c/"}' }
    assert.are.same({ table.unpack(expected) }, { table.unpack(lines, 1, 3) })
    assert.are.same({ table.unpack(expected) }, { table.unpack(lines, 4, 6) })
  end)

  it("writes to the category watcher with the level of the line", function()
    local lines = {}
    local sink = { write = function(_, ...) lines[#lines + 1] = { ... } end }
    local log = journal.new(sink)
    log:info("id-1", "event", "one")
    log:warning(nil, "event", "two")
    log:error("id-3", "event", "three")
    assert.are.same({ "watcher", "id-1", '{"event":"one"}', 30 }, lines[1])
    assert.are.same({ "watcher", nil, '{"event":"two"}', 40 },
      { lines[2][1], lines[2][2], lines[2][3], lines[2][4] })
    assert.are.equal(50, lines[3][4])
  end)
end)

describe("the lines of watchbot listen", function()
  local lines, log

  local function open(format)
    lines = {}
    log = journal.new({
      write = function(_, category, id, line, level)
        lines[#lines + 1] = { category, id or false, line, level }
      end,
      format = function() return format end,
    }, "listen")
  end

  local job = { id = "id-1", message = "m", receives = 2 }

  it("have failures where somebody should look", function()
    open "text"
    log:outcome(job, "complete", { code = 0, duration = 1.5 })
    log:outcome(job, "release", { code = 4, duration = 0 })
    log:outcome(job, "reject", { code = 3, duration = 0.25 })
    log:outcome(job, "retry", { signal = "KILL", duration = 3, reason = "timed out after 3 s" })
    log:outcome(job, "retry", { reason = "could not start './x': it is missing", duration = 0 })
    assert.are.same({
      { "watcher", "id-1", '{"code":0,"signal":null,"duration":1500}', 30 },
      { "watcher", "id-1", '{"code":4,"signal":null,"duration":0}', 30 },
      { "watcher", "id-1", '[failure] {"code":3,"signal":null,"duration":250}', 30 },
      {
        "watcher", "id-1",
        '[failure] {"code":null,"signal":"SIGKILL","duration":3000,"reason":"timed out after 3 s"}',
        30,
      },
      { "watcher", "id-1",
        [=[[failure] {"code":null,"signal":null,"duration":0,]=]
          .. [=["reason":"could not start './x': it is missing"}]=], 30 },
    }, lines)
  end)

  it("do not blame a job that was stopped because the watcher ends", function()
    open "text"
    log:outcome(job, "retry", { signal = "TERM", duration = 1, stopped = true })
    open "json"
    log:outcome(job, "retry", { signal = "TERM", duration = 1, stopped = true })
    assert.matches('"worker_event":"success"', lines[1][3])
  end)

  it("say who has erred", function()
    open "text"
    log:error(nil, "error", "could not reach https://host", "code", "ConnectFailed", "where",
      "receive")
    log:warning("id-1", "error", "no such receipt", "where", "delete")
    log:error("id-1", "error", "it broke", "where", "verdict")
    log:info(nil, "event", "draining", "running", 1)
    assert.are.same({
      { "watcher", false, "[error] [sqs] could not reach https://host (ConnectFailed)", 50 },
      { "watcher", "id-1", "[error] [sqs] no such receipt", 50 },
      { "watcher", "id-1", "[error] [worker] it broke", 50 },
      { "watcher", false, '{"event":"draining","running":1}', 30 },
    }, lines)
  end)

  it("are events with structured logging", function()
    open "json"
    log:outcome(job, "complete", { code = 0, duration = 1 })
    log:outcome(job, "retry", { code = 7, duration = 1 })
    log:error("id-1", "error", "it broke", "where", "verdict")
    log:error(nil, "error", "refused", "code", "AccessDenied", "where", "receive")
    assert.are.same({
      {
        "watcher", "id-1", '{"worker_event":"success","code":0,"signal":null,"duration":1000}', 30,
      },
      {
        "watcher", "id-1", '{"worker_event":"failure","code":7,"signal":null,"duration":1000}', 30,
      },
      { "watcher", "id-1", '{"worker_event":"error","msg":"it broke","where":"verdict"}', 50 },
      {
        "watcher", false, '{"sqs_event":"error","msg":"refused (AccessDenied)","where":"receive"}',
        50,
      },
    }, lines)
  end)
end)

describe("the journal of a job", function()
  it("cuts a long message, never within a character, and counts from when it was sent", function()
    local lines = {}
    local log = journal.new {
      write = function(_, _, _, line) lines[#lines + 1] = cjson.decode(line) end,
    }
    log:started { id = "i", subject = "s", message = ("x"):rep(2047) .. "\u{20AC}", receives = 1 }
    assert.are.same({ subject = "s", message = ("x"):rep(2047), receives = 1 }, lines[1])
    local now = require "watchbot.scheduler".time()
    log:outcome({ id = "i", sent = now - 5000 }, "complete", { code = 0, duration = 1 })
    assert.is_true(lines[2].response_duration >= 5000 and lines[2].response_duration < 60000)
    log:outcome({ id = "i", sent = now + 3600000 }, "complete", { code = 0, duration = 1 })
    assert.are.equal(0, lines[3].response_duration)
  end)
end)
