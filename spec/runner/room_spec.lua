-- 2,000 workers under a limit of 1,500 open files: each start beyond the limit failed, the breaker
-- opened 51 times in 45 seconds, and receives were spent.

local cjson = require "cjson"
local process = require "watchbot.process"
local pool = require "watchbot.runner.resident.pool"
local room = require "watchbot.runner.room"
local workshop = require "support.workshop"

local task = workshop.task

local FILES = 100

local function drain(folder)
  local child = assert(process.start {
    argv = { "prlimit", ("--nofile=%d:%d"):format(FILES, FILES), workshop.program, "run", "--drain",
      "policy.lua" },
    cwd = folder.path, output = "capture", limit = 64 << 20, env = process.environment(),
  })
  local exit = assert(child:wait(workshop.PATIENCE), "the program did not end")
  local log = child:output()
  assert.equal(0, exit.code, log)
  return log
end

local function count(log, pattern) return select(2, log:gsub(pattern, "")) end

-- Each task notes how many run with it.
local WORKER = [[#!/bin/sh
mkdir -p here; : >here/$$; ls here | wc -l >>most; sleep 0.1; rm here/$$]]

local LINES = [[#!/bin/sh
echo '{"ready":true}' >&3
while read -r line <&3; do
  mkdir -p here; : >here/$$; ls here | wc -l >>most; sleep 0.1; rm here/$$
  echo '{"code":0}' >&3
done]]

describe("more workers than the limit of open files permits", function()
  local function try(worker, fields, each)
    return task(function(folder)
      local lines, most = {}, 0
      for index = 1, 120 do lines[index] = "m" .. index end
      workshop.send(folder, lines)
      folder:write("worker", worker)
      folder:write("policy.lua", ([[return require "watchbot".policy {
        queue = %q, workers = 60, %s }]]):format(folder:url(), fields))
      local log = drain(folder)
      local may = (FILES - room.OWN_FILES) // each
      assert.equal(1, count(log, ("only %d run at the same time"):format(may)), log)
      assert.equal(120, count(log, '{"outcome":"complete"'), log)
      assert.equal(0, count(log, '"held":true'), log)
      assert.equal(120, count(log, '"receives":1}'), log)
      for _, line in ipairs(folder:lines "most") do most = math.max(most, tonumber(line)) end
      assert.is_true(most <= may, most .. " ran at the same time")
    end)
  end

  it("is said once, and the other messages wait in the queue",
    try(WORKER, "command = { './worker' }", room.FILES.process))
  it("so for tasks that read their message",
    try(WORKER, "command = { './worker' }, deliver = 'stdin'", room.FILES.stdin))
  it("and for resident programs",
    try(LINES, "resident = { command = { './worker' } }", room.FILES.resident))

  it("is not said of Lua functions, which need none", task(function(folder)
    workshop.send(folder, { "a" })
    folder:write("policy.lua", ([[return require "watchbot".policy {
      queue = %q, workers = 1000, handler = function() end }]]):format(folder:url()))
    assert.equal(0, count(drain(folder), "open files"))
  end))
end)

-- A resident program that found no descriptor counted as one that cannot be started.
describe("a shortage at the start of a resident program", function()
  local function exit_after(code)
    local one, exit = pool.new {
      options = { batch = 1, window = 0, recycle = {} }, workers = 1,
      channel = { open = function() return nil, "no luck", code end },
    }, nil
    one:add { job = { received = { body = "" } }, finish = function(_, ended) exit = ended end }
    return exit
  end

  it("holds its message", task(function()
    for _, code in ipairs { "EMFILE", "ENFILE", "EAGAIN", "ENOMEM" } do
      local exit = exit_after(code)
      assert.same({ true, code }, { exit.unplaced, exit.error }, cjson.encode(exit))
      assert.is_nil(exit.not_started)
    end
    local exit = exit_after "ENOENT"
    assert.same({ true, "ENOENT" }, { exit.not_started, exit.error })
  end))
end)
