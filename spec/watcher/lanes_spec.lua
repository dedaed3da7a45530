-- Several messages of a group in one batch of a FIFO queue, on the local AWS, with a handler that
-- notes what it gets: order, returned messages, log lines. AWS: "your function should stop
-- processing messages after the first failure and return all failed and unprocessed messages".
-- https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html

local account
local cloud = require "support.cloud"
local resident = require "support.resident"
local workshop = require "support.workshop"

local task = workshop.task

-- Notes each batch as a line of its messages; `judge(body, seen)` returns the outcome of a message.
local POLICY = [[
local policy = require "watchbot".policy {
  queue = %q, visibility = 30, kill_grace = 0.2, %s
  handler = function(jobs)
    local bodies, failed, seen = {}, {}, {}
    for index, job in ipairs(jobs) do
      bodies[index] = job.message:sub(1, 8)
      seen[job.message:sub(1, 8)] = job.receives
    end
    local file = assert(io.open("batches", "a"))
    file:write(table.concat(bodies, " "), "\n")
    file:close()
    for _, job in ipairs(jobs) do failed[job.id] = judge(job.message:sub(1, 8), job, failed) end
    return failed
  end,
}
function policy:backoff() return 1 end
%s
return policy]]

local function write(folder, url, fields, judge, more)
  folder:write("policy.lua", judge .. "\n" .. POLICY:format(url, fields, more or ""))
end

-- Sends messages in order; the group is the first letter of the body.
local function send(url, ...)
  for index, body in ipairs { ... } do
    assert(account.sqs:SendMessage {
      QueueUrl = url, MessageBody = body, MessageGroupId = body:sub(1, 1),
      MessageDeduplicationId = body:sub(1, 8) .. index,
    })
  end
end

local function drain(folder)
  local exit, log, err = workshop.run(folder, { "run", "--drain", "policy.lua" },
    account:environment())
  assert(exit.code == 0, log .. err)
  return log
end

local NO_FAILURE = "local function judge() end"

describe("messages of a group of a FIFO queue", function()
  cloud.around(function(one) account = one end)

  it("come in one batch, with those of other groups, in their order", task(function(folder)
    local url = account:queue { fifo = true }
    send(url, "A1", "B1", "A2", "A3", "B2", "C1")
    write(folder, url, "workers = 2, batch = 10,", NO_FAILURE)
    local log = drain(folder)
    local seen = folder:read "batches"
    local order = {}
    for body in seen:gmatch "%S+" do
      local group, number = body:match "(%a)(%d)"
      assert.equal((order[group] or 0) + 1, tonumber(number), seen)
      order[group] = tonumber(number)
    end
    assert.same({ A = 3, B = 2, C = 1 }, order)
    assert.equal(1, #folder:lines "batches", "one receive brings them together: " .. seen)
    assert.same({ "complete", "complete", "complete", "complete", "complete", "complete" },
      resident.words(log))
  end))

  it("come one by one without a batch", task(function(folder)
    local url = account:queue { fifo = true }
    send(url, "A1", "A2", "A3")
    write(folder, url, "workers = 4,", "local function judge() end")
    folder:write("policy.lua", (folder:read "policy.lua":gsub("for index, job in ipairs%(jobs%)",
      "jobs = { jobs } %0"):gsub("return failed", "return 0")))
    drain(folder)
    assert.same({ "A1", "A2", "A3" }, folder:lines "batches")
  end))

  -- What the program returns as AWS asks: the failed one and those behind it.
  it("stop at the first failure, and come back in their order", task(function(folder)
    local url = account:queue { fifo = true }
    send(url, "A1", "A2", "A3", "B1")
    write(folder, url, "workers = 2, batch = 10,", [[
      local stopped = {}
      local function judge(body, job, failed)
        if body == "A2" and job.receives == 1 then stopped.A = true end
        if stopped.A and body:find "^A" and job.receives == 1 then return "not done" end
      end]])
    local log = drain(folder)
    local first = {}
    for _, line in ipairs(folder:lines "batches") do
      if line:find "A" then first[#first + 1] = line:gsub(" ?B1", "") end
    end
    -- On a slow machine A2 may run again before A3 has come back.
    assert.are.equal("A1 A2 A3", first[1])
    assert.are.equal("A2 A3", table.concat(first, " ", 2))
    assert.is_nil(log:find("was completed although", 1, true))
  end))

  -- AWS deletes what is not listed, although it stood behind a failed one: so do we, and log it
  -- once.
  it("are completed as the program says, and a wrong order is told once", task(function(folder)
    local url = account:queue { fifo = true }
    send(url, "A1", "A2", "A3")
    write(folder, url, "workers = 2, batch = 10,", [[
      local function judge(body, job)
        if body == "A1" and job.receives == 1 then return "not done" end
      end]])
    local log = drain(folder)
    assert.same({ "A1 A2 A3", "A1" }, folder:lines "batches")
    assert.same({ "complete", "complete", "complete", "retry" }, resident.words(log))
    local _, count = log:gsub("was completed although one before it", "")
    assert.equal(1, count, log)
  end))

  -- An invocation takes 6 MiB: of ten messages of a group some wait for the next one.
  local large = ("x"):rep(1000000)
  local function send_large(url)
    for number = 1, 9 do
      send(url, ("A%d"):format(number) .. (" "):rep(6) .. large)
    end
  end

  it("wait behind an invocation that has no room for them, on any worker", task(function(folder)
    local url = account:queue { fifo = true }
    send_large(url)
    write(folder, url, "workers = 3, batch = 10,", [[
      local scheduler = require "watchbot.scheduler"
      local busy = false
      local function judge()
        assert(not busy, "two programs have the group")
        busy = true
        scheduler.sleep(0.05)
        busy = false
      end]])
    local log = drain(folder)
    local all = folder:read "batches":gsub("%s+", " ")
    assert.equal("A1 A2 A3 A4 A5 A6 A7 A8 A9 ", all)
    assert.is_true(#folder:lines "batches" > 1)
    assert.equal(("complete "):rep(9), table.concat(resident.words(log), " ") .. " ")
  end))

  it("go back without having run when one before them has failed", task(function(folder)
    local url = account:queue { fifo = true }
    send_large(url)
    write(folder, url, "workers = 3, batch = 10,", [[
      local function judge(body, job)
        if job.receives == 1 then return "not done" end
      end]])
    local log = drain(folder)
    local lines = folder:lines "batches"
    for index, line in ipairs(lines) do lines[index] = line:gsub("%s+", " ") end
    -- A program that is ready early gets the first message alone.
    assert.matches("^A1 ", lines[1])
    assert.matches("^A1 ", lines[2])
    assert.matches("returned: a message before it in its group has not been completed", log)
    local runs = {}
    for body in table.concat(lines, " "):gmatch "A%d" do runs[body] = (runs[body] or 0) + 1 end
    assert.equal(2, runs.A1)
    assert.equal(1, runs.A9, "A9 has run although the messages before it had failed")
  end))

  -- A rejected message is out of the way: its group moves on.
  it("move on behind one that is rejected", task(function(folder)
    local url = account:queue { fifo = true }
    send_large(url)
    write(folder, url, "workers = 3, batch = 10,", [[
      local function judge(body) if body:find "^A[1-6]" then return "reject" end end]])
    local log = drain(folder)
    assert.equal("A1 A2 A3 A4 A5 A6 A7 A8 A9 ", (folder:read "batches":gsub("%s+", " ")))
    assert.is_nil(log:find("returned:", 1, true))
  end))

  -- The first of a group is held, and takes no slot; those behind it must not take all of them.
  it("wait behind one that the policy holds, and leave the slots to other groups",
    task(function(folder)
      local url = account:queue { fifo = true }
      send(url, "A1", "A2", "B1", "B2", "C1")
      write(folder, url, "workers = 1, batch = 2,", NO_FAILURE, [[
        local held = 0
        function policy:admit(job)
          if job.message:find "^[AB]1" and held < 4 then
            held = held + 1
            return "hold", 0.2
          end
          return true
        end]])
      drain(folder)
      local all = folder:read "batches":gsub("%s+", " ")
      assert.is_true(all:find("A1", 1, true) < all:find("A2", 1, true), all)
      assert.is_true(all:find("B1", 1, true) < all:find("B2", 1, true), all)
      assert.equal(5, select(2, all:gsub("%w+", "")), all)
    end))

  it("are given back behind one that is held when the watcher ends", task(function(folder)
    local url = account:queue { fifo = true }
    send(url, "A1", "A2", "A3")
    write(folder, url, "workers = 1, batch = 3,", NO_FAILURE, [[
      function policy:admit(job)
        local file = assert(io.open("asked", "a"))
        file:write(job.message, "\n")
        file:close()
        return "hold", 60
      end]])
    local child = workshop.start(folder, { "run", "policy.lua" }, account:environment())
    workshop.eventually(function() return #folder:lines "asked" > 0 end, "the policy is asked")
    child:kill "TERM"
    assert.equal(0, assert(child:wait(workshop.PATIENCE)).code)
    child:close()
    assert.same({ "A1" }, folder:lines "asked")
    assert.equal(3, #account:messages(url))
  end))
end)
