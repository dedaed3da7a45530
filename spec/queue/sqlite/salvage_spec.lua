-- Saving what can be read of damaged queue files: files of real queues, cut and overwritten.

local open = require "watchbot.queue".open
local process = require "watchbot.process"
local salvage = require "watchbot.queue.sqlite.salvage"
local workshop = require "support.workshop"

local task, run = workshop.task, workshop.run

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read "a"
end

-- Bodies say which message they are of, over their whole length.
local function body_of(index, size)
  return ("%06d "):format(index):rep(size // 7 + 1)
end

-- A queue of `count` messages, some of them large, some done; its connection stays open.
local function fill(folder, count)
  local queue = assert(open(folder:url()))
  local messages = {}
  for index = 1, count do
    messages[index] = {
      body = body_of(index, index % 50 == 0 and 200000 or index % 7 * 300),
      group = index % 10 == 0 and "g" .. index % 3 or nil,
      subject = index % 2 == 0 and "s" or nil, attributes = {
        n = { type = "Number", value = tostring(index) },
      },
    }
  end
  assert(queue:send(messages))
  return queue
end

local function copy(folder, name)
  for _, suffix in ipairs { "", "-wal" } do
    local file = io.open(folder:file("jobs.db" .. suffix), "rb")
    if file then
      folder:write(name .. suffix, file:read "a")
      file:close()
    end
  end
end

-- What is in a queue: bodies by number, each sound, but for as many as may not be.
local function content(folder, name, unsound)
  local queue <close> = assert(open(folder:url(name)))
  local found, count = {}, 0
  while true do
    local messages = assert(queue:receive(100, 0, 1000))
    if #messages == 0 then break end
    for _, message in ipairs(messages) do
      local index = tonumber(message.body:sub(1, 6))
      if message.body ~= body_of(index, #message.body - 7) then unsound = (unsound or 0) - 1 end
      assert.is_true((unsound or 0) >= 0, "the body is whole")
      assert.are.equal(tostring(index), message.attributes.n.value)
      assert.is_nil(found[index], "each is there once")
      found[index], count = message, count + 1
      if message.group then assert(queue:delete(message.receipt)) end
    end
  end
  return found, count
end

describe("salvaging a queue file", function()
  it("copies messages and dead letters with all that they have", task(function(folder)
    local queue = fill(folder, 100)
    local dead = assert(queue:receive(1, 0, 60))[1]
    assert(queue:bury(dead.receipt, dead, "no such tile"))
    local done = assert(queue:receive(3, 0, 60))
    for _, message in ipairs(done) do assert(queue:delete(message.receipt)) end
    local flying = assert(queue:receive(1, 0, 600))[1]
    assert(queue:send {
      {
        body = body_of(101, 7), delay = 900, attributes = {
          n = { type = "Number", value = "101" },
        },
      },
    })
    queue:close()
    assert.are.same({ messages = 97, dead = 1, lost = 0 },
      assert(salvage.run(folder:file "jobs.db", folder:url "new.db")))
    local new = assert(open(folder:url "new.db"))
    local letter = assert(new:dead(10))[1]
    assert.are.same({ dead.id, dead.body, "no such tile" },
      { letter.id, letter.body, letter.reason })
    assert.are.equal(1, assert(new:counts()).delayed)
    new:close()
    local found, count = content(folder, "new.db")
    assert.are.equal(96, count)
    local index = tonumber(flying.body:sub(1, 6))
    assert.are.same({ flying.id, 2 }, { found[index].id, found[index].receives })
    for _, message in ipairs(done) do
      assert.is_nil(found[tonumber(message.body:sub(1, 6))], "what is done stays done")
    end
  end))

  it("keeps the order of groups", task(function(folder)
    fill(folder, 200):close()
    assert(salvage.run(folder:file "jobs.db", folder:url "new.db"))
    local queue <close> = assert(open(folder:url "new.db"))
    local last = {}
    while true do
      local messages = assert(queue:receive(100, 0, 1000))
      if #messages == 0 then break end
      for _, message in ipairs(messages) do
        local index, group = tonumber(message.body:sub(1, 6)), message.group
        if group then
          assert.is_true(index > (last[group] or 0))
          last[group] = index
        end
        assert(queue:delete(message.receipt))
      end
    end
  end))

  it("reads what is only in the WAL, and of that only what was committed", task(function(folder)
    local queue = fill(folder, 300)
    copy(folder, "copy.db")
    local wal = read(folder:file "copy.db-wal")
    assert.is_true(#wal > 100000)
    folder:write("copy.db-wal", wal .. ("x"):rep(5000))
    assert.are.equal(300, assert(salvage.run(folder:file "copy.db", folder:url "new.db")).messages)
    folder:write("cut.db", read(folder:file "copy.db"))
    folder:write("cut.db-wal", wal:sub(1, #wal - 5000))
    local _, _, code = salvage.run(folder:file "cut.db", folder:url "less.db")
    assert.are.equal("NotAQueue", code, "the send was one commit, and its end is missing")
    queue:close()
  end))

  it("saves all whole messages of a file that was cut anywhere", task(function(folder)
    fill(folder, 400):close()
    local whole = read(folder:file "jobs.db")
    for tenth = 1, 9 do
      local name = ("cut%d.db"):format(tenth)
      folder:write(name, whole:sub(1, #whole * tenth // 10 + tenth * 37))
      local found = assert(salvage.run(folder:file(name), folder:url("new" .. name)))
      local _, count = content(folder, "new" .. name)
      assert.are.equal(found.messages, count)
      assert.is_true(count >= 400 * (tenth - 2) / 10,
        ("%d messages of a file cut at %d/10"):format(count, tenth))
    end
  end))

  it("saves all but what was in the pages that were overwritten", task(function(folder)
    fill(folder, 400):close()
    local whole = read(folder:file "jobs.db")
    local size = 4096
    local seed = os.time()
    math.randomseed(seed)
    for round = 1, 20 do
      local page = round <= 6 and round or math.random(#whole // size)
      local garbage = round % 2 == 0 and ("\0"):rep(size) or (("x"):rep(size):gsub("x", function()
        return string.char(math.random(0, 255))
      end))
      local name = ("over%d.db"):format(round)
      folder:write(name, whole:sub(1, (page - 1) * size) .. garbage .. whole:sub(page * size + 1))
      assert(salvage.run(folder:file(name), folder:url("new" .. name)))
      -- The last page of a long body may be all zeros: nothing in the file says
      -- otherwise.
      local _, count = content(folder, "new" .. name, round % 2 == 0 and 1 or 0)
      assert.is_true(count >= 380,
        ("%d messages without page %d, seed %d"):format(count, page, seed))
    end
  end))

  it("never takes what no queue has written for a message", task(function(folder)
    for _, text in ipairs { "", "x", ("\13\255"):rep(5000), ("\0"):rep(100000),
      ("SQLite format 3\0"):rep(2000) } do
      folder:write("other", text)
      local found, err, code = salvage.run(folder:file "other", folder:url "new.db")
      assert.is_nil(found)
      assert.are.equal("NotAQueue", code)
      assert.matches("no messages were found in '[^']*other'", err)
    end
  end))

  -- An empty queue was left behind, or half of one, and the next try was refused because of it.
  for name, prepare in pairs {
    ["a queue without messages"] = function(folder) assert(open(folder:url())):close() end,
    ["an empty file"] = function(folder) folder:write("jobs.db", "") end,
    ["a queue of which only the times are left"] = function(folder)
      fill(folder, 30):close()
      local database <close> = assert(require "watchbot.sqlite".open(folder:file "jobs.db"))
      assert(database:run "DELETE FROM contents")
      assert(database:run "VACUUM")
    end,
  } do
    it("leaves no file behind where there is nothing to save: " .. name, task(function(folder)
      prepare(folder)
      local exit, out, err = run(folder, { "queue", "salvage", "jobs.db", "new.db" })
      assert.are.equal(1, exit.code, out)
      assert.matches("no messages were found in '", err)
      for _, suffix in ipairs { "", "-wal", "-shm" } do
        assert.is_nil(io.open(folder:file("new.db" .. suffix)))
      end
    end))
  end

  for bytes, problem in pairs {
    [100000] = "new.db': ", [600000] = "could not fill '[^']*new.db'",
  } do
    it("leaves no part of a file behind where there is room for " .. bytes .. " bytes",
      task(function(folder)
        fill(folder, 400):close()
        local child = assert(process.start { cwd = folder.path, output = "capture", argv = {
          "prlimit", "--fsize=" .. bytes, workshop.program, "queue", "salvage", "jobs.db",
          "new.db",
        } })
        assert.are.equal(1, assert(child:wait(workshop.PATIENCE)).code)
        local _, err = child:output()
        assert.matches(problem, err)
        assert.is_nil(io.open(folder:file "new.db"))
      end))
  end

  -- The file was truncated or deleted, and its WAL still had everything: the next program that
  -- opened it had SQLite delete the WAL.
  for name, harm in pairs {
    truncated = function(path) assert(io.open(path, "w")):close() end,
    deleted = function(path) assert(os.remove(path)) end,
  } do
    it("reads the WAL of a file that was " .. name .. ", which nothing deletes",
      task(function(folder)
        local queue = fill(folder, 30)
        copy(folder, "copy.db")
        queue:close()
        harm(folder:file "copy.db")
        local wal = read(folder:file "copy.db-wal")
        for _, words in ipairs {
          { "send", "--queue", "sqlite:copy.db", "x" }, { "status", "--queue", "sqlite:copy.db" },
          { "dead-letter", "list", "--queue", "sqlite:copy.db" },
        } do
          local exit, out, err = run(folder, words)
          assert.are.equal(1, exit.code, out)
          assert.matches("copy.db' is [emptymissing]+, but '[^']*copy.db%-wal' has content", err)
          assert.matches("watchbot queue salvage", err)
        end
        assert.are.equal(wal, read(folder:file "copy.db-wal"))
        local found = assert(salvage.run(folder:file "copy.db", folder:url "new.db"))
        assert.are.equal(30, found.messages)
      end))
  end

  -- It waited forever at a pipe, and wrote where a link led that led nowhere.
  it("reads and writes files, nothing else", task(function(folder)
    workshop.send(folder, { "one" })
    os.execute(("cd '%s' && mkfifo pipe && ln -s nowhere link && mkdir folder"):format(folder.path))
    for _, name in ipairs { "pipe", "link", "folder" } do
      local exit, _, err = workshop.run(folder, { "queue", "salvage", "jobs.db", name })
      assert.are.equal(1, exit.code)
      assert.matches("'[^']*" .. name .. "' exists: name a new file", err)
    end
    local exit, _, err = workshop.run(folder, { "queue", "salvage", "pipe", "new.db" })
    assert.are.equal(1, exit.code)
    assert.matches("'[^']*pipe' is not a regular file", err)
    assert.is_nil(io.open(folder:file "nowhere"))
  end))

  it("is a command, which writes over nothing", task(function(folder)
    fill(folder, 20):close()
    local exit, out, problem = run(folder, { "queue", "salvage", "jobs.db", "saved.db" })
    local _
    assert.are.same({ 0, "20 messages and 0 dead letters are in saved.db\n" }, { exit.code, out },
      problem)
    exit, _, problem = run(folder, { "queue", "salvage", "jobs.db", "saved.db" })
    assert.are.equal(1, exit.code)
    assert.matches("saved.db' exists: name a new file", problem)
    exit, _, problem = run(folder, { "queue", "salvage", "none.db", "new.db" })
    assert.are.equal(1, exit.code)
    assert.matches("none.db", problem)
    assert.is_nil(io.open(folder:file "new.db"))
    exit, _, problem = run(folder, { "queue", "mend", "jobs.db" })
    assert.are.equal(2, exit.code)
    assert.matches("expected salvage FILE NEW", problem)
    exit, _, problem = run(folder, { "queue", "salvge", "jobs.db", "new.db" })
    assert.are.equal(2, exit.code)
    assert.matches("did you mean 'salvage'", problem)
  end))
end)
