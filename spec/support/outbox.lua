--- outbox: eight programs in three languages, or four with `make test-sdk`, send through the
-- outbox of one queue file while they and the watchers are killed; small in
-- spec/queue/sqlite/outbox_spec.lua, large in `make soak PARTS=outbox`. To be used in tasks; raises
-- where it finds something wrong.

local process = require "watchbot.process"
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

local outbox = {}

local here = io.popen "pwd":read "l" .. "/spec/support/writers/"

local LANGUAGES = {
  { "python3", here .. "writer.py" }, { "perl", here .. "writer.pl" }, { here .. "writer.sh" },
}

local SDK = os.getenv "SDK" or ""

if SDK ~= "" then table.insert(LANGUAGES, 1, { "node", here .. "writer.js" }) end

--- Why not all of the languages are here; nil where they are.
---@return string?
function outbox.missing()
  if not os.execute "perl -MDBD::SQLite -e 1 2>/dev/null" then return "libdbd-sqlite3-perl" end
  if not os.execute "sqlite3 -version >/dev/null 2>&1" then return "sqlite3" end
end

-- A handler that writes down what it is given, one write for each message.
local POLICY = [[
local watchbot = require "watchbot"
return watchbot.policy {
  queue = "sqlite:jobs.db", workers = 8, visibility = 2, max_receives = 1000,
  handler = function(job)
    local file = assert(io.open("done", "a"))
    file:write(job.id, " ", job.message, "\n")
    file:close()
  end,
}]]

local Writer = {}
Writer.__index = Writer

local function start(folder, index, rows)
  local writer = setmetatable({
    folder = folder, group = "g" .. index, rows = rows, acknowledged = 0,
    argv = LANGUAGES[(index - 1) % #LANGUAGES + 1],
  }, Writer)
  writer:start()
  return writer
end

function Writer:start()
  local argv = { table.unpack(self.argv) }
  local words = { self.folder:file "jobs.db", self.group, self.acknowledged + 1, self.rows }
  for _, word in ipairs(words) do argv[#argv + 1] = tostring(word) end
  self.child = assert(process.start { argv = argv, output = "capture", limit = 64 << 20 })
end

-- What it has printed is committed; the row after that may be, too.
function Writer:ended()
  local exit = self.child:wait(0)
  if not exit then return false end
  local out, problem = self.child:output()
  for number in out:gmatch "(%d+)\n" do self.acknowledged = tonumber(number) end
  if self.acknowledged < self.rows and exit.signal ~= "KILL" then
    error(("the writer of %s has failed: %s"):format(self.group, problem))
  end
  return true
end

-- Kills one of them at random, and starts again what has ended before its end.
local function disturb(writers, watchers, folder)
  local victim = math.random(#writers + #watchers)
  local child = victim <= #writers and writers[victim].child or watchers[victim - #writers]
  child:kill "KILL"
  if victim > #writers then
    child:wait(workshop.PATIENCE)
    watchers[victim - #writers] = workshop.start(folder, { "run", "policy.lua" })
  end
end

local function all_written(writers)
  local done = true
  for _, writer in ipairs(writers) do
    if writer:ended() and writer.acknowledged < writer.rows then writer:start() end
    done = done and writer.acknowledged == writer.rows
  end
  return done
end

local function is_empty(database)
  return assert(database:first "SELECT messages FROM state").messages == 0
end

-- Each row has exactly one id, was run at least once, and for the first time after the ones before
-- it in its group.
local function check(folder, writers, rows)
  local ids, latest, count = {}, {}, 0
  for _, line in ipairs(folder:lines "done") do
    local id, group, number = line:match "^(%S+) (%S+) (%d+)$"
    local body = group .. " " .. number
    if not ids[body] then
      ids[body], count = id, count + 1
      local before = latest[group] or 0
      if tonumber(number) ~= before + 1 then
        error(("%s began after number %d of its group"):format(body, before))
      end
      latest[group] = tonumber(number)
    elseif ids[body] ~= id then
      error(("'%s' is in two messages, %s and %s"):format(body, ids[body], id))
    end
  end
  if count ~= #writers * rows then
    error(("%d of %d rows were run"):format(count, #writers * rows))
  end
end

--- Eight writers send `rows` each; `kills` times one of them or of the two watchers is killed.
---@param folder watchbot.spec.Folder
---@param rows integer
---@param kills integer
function outbox.run(folder, rows, kills)
  folder:write("policy.lua", POLICY)
  workshop.send(folder, { "first g0 1" })
  local database <close> = assert(sqlite.open(folder:file "jobs.db"))
  assert(database:run "DELETE FROM messages")
  local writers, watchers = {}, {}
  for index = 1, 8 do writers[index] = start(folder, index, rows) end
  for index = 1, 2 do watchers[index] = workshop.start(folder, { "run", "policy.lua" }) end
  local next_kill = scheduler.now() + 0.2
  workshop.eventually(function()
    if kills > 0 and scheduler.now() > next_kill then
      disturb(writers, watchers, folder)
      kills, next_kill = kills - 1, scheduler.now() + 0.2 + math.random() / 2
    end
    return all_written(writers) and kills == 0
  end, "all rows are written")
  workshop.eventually(function() return is_empty(database) end, "the queue is empty")
  for _, watcher in ipairs(watchers) do
    watcher:kill "TERM"
    assert(watcher:wait(workshop.PATIENCE), "a watcher did not end")
  end
  check(folder, writers, rows)
end

return outbox
