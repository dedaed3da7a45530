-- Progress in an embedded queue's file: the contract, and what is its own: a million parts, many
-- processes, files.

local completers = require "support.completers"
local contract = require "progress.contract"
local old_queue = require "support.old_queue"
local open_progress = require("watchbot.progress").open
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local sqlite = require "watchbot.sqlite"
local workshop = require "support.workshop"

local task = workshop.task

do
  local folder, files
  setup(function() folder, files = workshop.folder(), 0 end)
  teardown(function() folder:remove() end)
  contract(function()
    files = files + 1
    return open_progress(folder:url(files .. ".db"))
  end)
end

local function count(folder, rows)
  local database <close> = assert(sqlite.open(folder:file "jobs.db"))
  return database:first("SELECT count(*) AS n FROM " .. rows).n
end

-- Marks all parts of a job as done but some, as completing them one by one would.
local function fill(folder, job, total, but)
  local database <close> = assert(sqlite.open(folder:file "jobs.db"))
  for chunk = 1, (total + 7999) // 8000 do
    local bytes = {}
    for index = 1, 1000 do bytes[index] = 255 end
    for _, part in ipairs(but) do
      local position = (part - 1) - (chunk - 1) * 8000
      if position >= 0 and position < 8000 then
        bytes[position // 8 + 1] = bytes[position // 8 + 1] & ~(1 << position % 8)
      end
    end
    assert(database:run("INSERT OR REPLACE INTO progress_chunks SELECT job, ?2, ?3 FROM progress "
      .. "WHERE id = ?1", job, chunk,
      { string.char(table.unpack(bytes)) }))
  end
  assert(database:run("UPDATE progress SET remaining = ? WHERE id = ?", #but, job))
end

describe("progress in a queue's file", function()
  it("keeps a job of a million parts in little room", task(function(folder)
    local progress <close> = assert(open_progress(folder:url()))
    assert.is_true(progress:set_total("job", 1000000))
    assert.are.equal(0, count(folder, "progress_chunks"))
    for part = 1, 1000000, 2500 do assert.is_false(progress:complete("job", part)) end
    assert.are.same({ progress = 0, total = 1000000, remaining = 999600 },
      assert(progress:status "job"))
    assert.are.equal(125, count(folder, "progress_chunks"))
    fill(folder, "job", 1000000, { 1, 8001, 500000, 1000000 })
    assert.is_true(progress:status("job", { part = 8000 }).part_complete)
    assert.is_false(progress:status("job", { part = 8001 }).part_complete)
    for _, part in ipairs { 8001, 1000000, 2, 1 } do
      assert.is_false(progress:complete("job", part))
    end
    assert.are.same({ progress = 0.99, total = 1000000, remaining = 1 },
      assert(progress:status "job"))
    assert.is_true(progress:complete("job", 500000))
    assert.are.equal(0, count(folder, "progress_chunks"))
    assert.is_true(progress:complete("job", 500000))
    assert.is_false(progress:complete("job", 1))
  end))

  it("tells one of many processes that it was the last, also when some are killed",
    task(function(folder)
    local progress <close> = assert(open_progress(folder:url()))
    assert.is_true(progress:set_total("job", 400))
    local told = completers.run(6, 2, folder:url(), "job", 400)
    assert.are.equal(1, #told)
    assert.are.same({ progress = 1, total = 400, remaining = 0 }, assert(progress:status "job"))
    for part = 1, 400 do assert.are.equal(part == told[1], progress:complete("job", part)) end
  end))

  it("waits while another process has the file locked", task(function(folder)
    local progress <close> = assert(open_progress(folder:url()))
    assert.is_true(progress:set_total("job", 1))
    local locker = assert(sqlite.open(folder:file "jobs.db"))
    assert(locker:execute "BEGIN IMMEDIATE")
    local completing = scheduler.spawn(progress.complete, progress, "job", 1)
    assert.is_nil(completing:join(0.1))
    assert(locker:execute "ROLLBACK")
    locker:close()
    assert.are.same({ true, true }, { completing:join(workshop.PATIENCE) })
  end))

  it("lives beside the messages, in a file that a watchbot without it has made too",
    task(function(folder)
    local database = old_queue.make(folder:file "jobs.db", 1)
    old_queue.send(database, "a message")
    database:close()
    local progress <close> = assert(open_progress(folder:url()))
    assert.is_true(progress:set_total("job", 1))
    local opened <close> = assert(open_queue(folder:url()))
    assert.are.equal("a message", assert(opened:receive(1, 0))[1].body)
    assert.is_true(progress:complete("job", 1))
  end))

  it("makes no file unless it is told to, and refuses to write where nobody looks",
    task(function(folder)
    local progress, err, code = open_progress(folder:url(), { create = false })
    assert.is_nil(progress)
    assert.matches("jobs.db", err)
    assert.is_string(code)
    progress = assert(open_progress(folder:url()))
    assert.is_true(progress:set_total("job", 1))
    assert(os.remove(folder:file "jobs.db"))
    progress, err, code = progress:complete("job", 1)
    assert.is_nil(progress)
    assert.are.equal("FileMoved", code)
    assert.matches("moved, deleted or replaced", err)
  end))
end)
