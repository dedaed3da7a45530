local dead_letters = require "watchbot.dead_letters"
local open_queue = require("watchbot.queue").open
local scheduler = require "watchbot.scheduler"
local contract = require "dead_letters.contract"
local workshop = require "support.workshop"

-- The next receive after the last one is what moves a message.
local function bury_all(queue, dead)
  repeat
    local received = assert(queue:receive(100, 0, 0.001))
    scheduler.sleep(0.005)
  until #received == 0 and queue:counts().dead >= dead
end

local function fixture()
  local folder = workshop.folder()
  local queue = assert(open_queue(folder:url(), { max_receives = 1 }))
  local place = { queue = queue, buried = 0 }
  function place.open() return dead_letters.open { queue = folder:url() } end
  function place.bury(messages)
    assert(queue:send(messages))
    place.buried = place.buried + #messages
    bury_all(queue, place.buried)
  end
  function place.again() bury_all(queue, place.buried) end
  return setmetatable(place, { __close = function()
    queue:close()
    folder:remove()
  end })
end

describe("of the embedded queue", function()
  contract.contract(fixture)

  it("all are put back at once, a group in its order, and those that die meanwhile stay", function()
    scheduler.run(function()
      local place <close> = fixture()
      place.bury { { body = "1", group = "g" } }
      place.bury { { body = "2", group = "g" } }
      local letters <close> = assert(place.open())
      assert.are.equal("Unsupported", select(3, letters:replay_all { rate = 5 }))
      assert.are.equal(2, letters:replay_all {})
      local first = assert(place.queue:receive(10, 1, 60))
      assert.are.equal(1, #first)
      assert.are.equal("1", first[1].body)
      assert.are.equal("g", first[1].group)
    end)
  end)

  -- A letter that was saved and sent again went behind all others.
  it("keep their priority: replayed, moved, or saved and sent again", workshop.task(function(folder)
    local function bodies(queue)
      local all = {}
      for _ = 1, 3 do
        local one = assert(queue:receive(1, 0, 60))[1]
        all[#all + 1] = one and one.body
      end
      return all
    end
    local queue <close> = assert(open_queue(folder:url(), { max_receives = 1 }))
    local other <close> = assert(open_queue(folder:url "other.db"))
    assert(queue:send { { body = "urgent", priority = 10 }, { body = "buried", priority = 9 } })
    for _, message in ipairs(assert(queue:receive(2, 0, 0.001))) do
      if message.body == "buried" then assert(queue:bury(message.receipt, message, "why")) end
    end
    workshop.eventually(function()
      assert(queue:receive(1, 0, 60))
      return assert(queue:counts()).dead == 2
    end, "both are dead")
    local _, shown = workshop.run(folder, { "dead-letter", "show", "--limit", "2", "--queue",
      folder:url() })
    assert.matches("priority%s+9\n.*priority%s+10\n", (shown:gsub("\27%[%d*m", "")))
    local _, saved = workshop.run(folder, { "dead-letter", "print", "--queue", folder:url() })
    folder:write("letters", saved)
    assert(other:send { { body = "ordinary" } })
    local exit, _, problem = workshop.run(folder, { "send", "--queue", folder:url "other.db",
      "--from", "letters" })
    assert.are.equal(0, exit.code, problem)
    assert.are.same({ "urgent", "buried", "ordinary" }, bodies(other))
    assert(queue:send { { body = "ordinary" } })
    assert.are.equal(2, queue:replay())
    assert.are.same({ "urgent", "buried", "ordinary" }, bodies(queue))
  end))

  it("have no queue of their own", function()
    scheduler.run(function()
      local place <close> = fixture()
      local _, err, code = dead_letters.open {
        queue = place.queue.name, dead_letter_queue = "sqlite:other.db",
      }
      assert.matches("are in its own file", err)
      assert.are.equal("Usage", code)
    end)
  end)

  -- `dead-letter list` needed write permission, which `status` and `jobs list` do not.
  it("can be read by a user who may not write the file", workshop.task(function(folder)
    if not workshop.has_other_user() then return pending "needs root and another user" end
    local queue = assert(open_queue(folder:url(), { max_receives = 1 }))
    assert(queue:send { { body = "a letter" } })
    bury_all(queue, 1)
    queue:close()
    assert(os.execute(("chmod 0755 '%s'; chmod 0444 '%s'"):format(folder.path,
      folder:file "jobs.db")))
    local function run_as_other(words)
      local pipe <close> = assert(io.popen(("ASAN_OPTIONS=detect_leaks=0 setpriv --reuid=65534 "
        .. "--regid=65534 --clear-groups '%s' dead-letter %s --queue '%s' 2>&1"):format(
        workshop.program, words, folder:url())))
      return pipe:read "a"
    end
    assert.matches("a letter", run_as_other "list")
    assert.matches("a letter", run_as_other "print")
    assert.matches("a letter", run_as_other "replay --dry-run")
    assert.matches("1 message would be deleted", run_as_other "purge --dry-run")
    for _, words in ipairs { "replay --yes", "purge --yes" } do
      assert.matches("cannot be written: permission denied", run_as_other(words), 1, true)
    end
    local letters <close> = assert(dead_letters.open { queue = folder:url() })
    assert.are.equal(1, letters:count())
  end))
end)
