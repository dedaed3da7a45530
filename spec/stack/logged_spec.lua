-- What the log of a watcher has of one message, in both formats of the log.

local cjson = require "cjson"
local logged = require "watchbot.stack.logged"

local ID = "e2c045cc-5606-4950-964b-20877900bccb"

local function events_of(lines)
  local events = {}
  for index, line in ipairs(lines) do
    events[index] = { timestamp = 1000 * index, message = line }
  end
  return events
end

local function text_line(category, text)
  return ("[Thu, 28 Jul 2016 00:12:37 GMT] [%s] [%s] %s\n"):format(category, ID, text)
end

local function json_line(name, members)
  members.name, members.watchbot_sqs_message_id = name, ID
  return cjson.encode(members)
end

local LOGS = {
  text = {
    text_line("watcher", '{"subject":"s","message":"m","receives":1}'),
    text_line("worker", "begun"), text_line("worker", '{"outcome":"forged"}'),
    text_line("watcher", '{"outcome":"retry","code":7,"duration":2000,"cpu":12}'),
    text_line("watcher", '{"subject":"s","message":"m","receives":2}'),
    text_line("worker", "again"), text_line("watcher", '{"outcome":"complete","code":0}'),
  },
  json = {
    json_line("watcher", { subject = "s", message = "m", receives = 1 }),
    json_line("worker", { msg = "begun" }), json_line("worker", { outcome = "forged" }),
    json_line("watcher", { outcome = "retry", code = 7, duration = 2000, cpu = 12 }),
    json_line("watcher", { subject = "s", message = "m", receives = 2 }),
    json_line("worker", { msg = "again" }),
    json_line("watcher", { outcome = "complete", code = 0 }),
  },
}

describe("the log of a message", function()
  for name, lines in pairs(LOGS) do
    it("as " .. name .. " has its attempts, and what they printed", function()
      local one = logged.job(ID, events_of(lines))
      assert.are.same({ "done", "s", "m", 2, 2 },
        { one.state, one.subject, one.message, one.receives, #one.attempts })
      local first, second = one.attempts[1], one.attempts[2]
      assert.are.same({ "retry", 7, 3000, 12 },
        { first.outcome, first.code, first.duration, first.cpu })
      assert.matches("^begun\n.*forged.*\n$", first.output)
      assert.are.same({ "complete", "again\n" }, { second.outcome, second.output })
    end)
  end

  -- An attempt whose watcher was killed was shown as if it still ran.
  it("has attempts that were interrupted", function()
    local one = logged.job(ID, events_of { LOGS.text[1], LOGS.text[2], LOGS.text[5], LOGS.text[7] })
    assert.are.same({ "interrupted", 3000, "begun\n", "complete" }, {
      one.attempts[1].outcome, one.attempts[1].ended, one.attempts[1].output,
      one.attempts[2].outcome,
    })
  end)

  it("may begin in the middle, and have no end", function()
    local one = logged.job(ID, events_of { LOGS.text[4], LOGS.text[5], LOGS.text[6] })
    assert.are.same({ "running", 2, "retry", "not ended yet" },
      { one.state, #one.attempts, one.attempts[1].outcome, one.attempts[2].outcome })
    assert.is_false(logged.job(ID, {}))
    assert.is_false(logged.job(ID, events_of { "{", "[1]", "null", "" }))
  end)
end)
