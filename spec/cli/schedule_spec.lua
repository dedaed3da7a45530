local cjson = require "cjson"
local scheduler = require "watchbot.scheduler"
local workshop = require "support.workshop"

local task = workshop.task

local function write_policy(folder)
  return folder:write("policy.lua", ([[
    return require "watchbot".policy {
      queue = %q, handler = function(job) print(job.message.body) end,
      schedules = {
        nightly = { cron = "30 2 * * *", zone = "Europe/Berlin", message = "report", group = "g" },
        often = { every = "1s", missed = "once" },
      },
    }]]):format(folder:url()))
end

describe("watchbot schedule", function()
  it("lists the schedules of a policy, also before there is a queue", task(function(folder)
    write_policy(folder)
    local exit, out = workshop.run(folder, { "schedule", "policy.lua" })
    assert.are.equal(0, exit.code)
    assert.matches("nightly +cron Europe/Berlin 30 2 %* %* %* +last %- +next %d+%-%d+%-%d+ 02:30 "
      .. "Europe/Berlin\noften +every 1s +last %- +next", out)
    assert.are.equal("", folder:read "jobs.db")
  end))

  it("says when a schedule was sent last", task(function(folder)
    write_policy(folder)
    workshop.run(folder, { "run", "--drain", "policy.lua" })
    scheduler.sleep(1.1)
    workshop.run(folder, { "run", "--drain", "policy.lua" })
    local _, out = workshop.run(folder, { "schedule", "list", "--json", "policy.lua" })
    local rows = {}
    for line in out:gmatch "[^\n]+" do rows[#rows + 1] = cjson.decode(line) end
    assert.is_nil(rows[1].last)
    assert.matches("^%d+%-%d+%-%d+T%d+:%d+:%d+Z$", rows[2].last)
    assert.are.equal("once", rows[2].missed)
  end))

  it("prints the next times, in the zone and in UTC", task(function(folder)
    write_policy(folder)
    local exit, out = workshop.run(folder, { "schedule", "next", "nightly", "policy.lua" })
    assert.are.equal(0, exit.code)
    local count = 0
    for hour in out:gmatch " 02:30 Europe/Berlin +%d+%-%d+%-%d+T0?([01]):30:00Z\n" do
      count = count + (hour and 1 or 0)
    end
    assert.are.equal(5, count, out)
  end))

  it("sends the message of one now", task(function(folder)
    write_policy(folder)
    local exit, id = workshop.run(folder, { "schedule", "run", "nightly", "policy.lua" })
    assert.are.equal(0, exit.code)
    local _, log = workshop.run(folder, { "run", "--drain", "policy.lua" })
    assert.matches("%[" .. id:match "^(%x+)" .. "%S*%] {\"message\":\"report\"", log)
  end))

  -- It printed nothing, as if something were wrong.
  it("says that a policy has none", task(function(folder)
    folder:write("policy.lua", [[
      return require "watchbot".policy { queue = "sqlite:jobs.db", command = "true" }]])
    local exit, out, problem = workshop.run(folder, { "schedule", "policy.lua" })
    assert.are.same({ 0, "" }, { exit.code, out })
    assert.are.equal("watchbot: schedule: 'policy.lua' has no 'schedules'\n", problem)
  end))

  for _, case in ipairs {
    { { "schedule" }, 2, "schedule: expected %[list" },
    { { "schedule", "next", "policy.lua" }, 2, "schedule: expected" },
    { { "schedule", "next", "nighly", "policy.lua" }, 2,
      "no schedule 'nighly'; did you mean 'nightly'" },
    -- The usage alone did not say which of the words it is about.
    { { "schedule", "nxt", "policy.lua" }, 2, "unknown action 'nxt'; did you mean 'next'" },
    { { "schedule", "missing.lua" }, 2, "missing.lua" },
  } do
    it("refuses: " .. table.concat(case[1], " "), task(function(folder)
      write_policy(folder)
      local exit, _, problem = workshop.run(folder, case[1])
      assert.are.equal(case[2], exit.code, problem)
      assert.matches(case[3], problem)
    end))
  end
end)
