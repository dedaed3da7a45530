-- Which folders are emptied and what is logged; src/empty.c has its own spec, and
-- spec/listen_spec.lua shows the whole.

local scheduler = require "watchbot.scheduler"
local volumes = require "watchbot.runner.volumes"
local workshop = require "support.workshop"

local function journal()
  local said = {}
  local function note(_, _, _, text) said[#said + 1] = text end
  return { warning = note, error = note, said = said }
end

local function open(folder, paths, log)
  return volumes.open({ volumes = paths, queue = "sqlite:" .. folder:file "jobs.db" },
    log or journal())
end

local function sh(folder, script)
  assert(os.execute(("cd '%s' && %s"):format(folder.path, script)))
end

describe("volumes", function()
  it("are emptied in turn, while others have theirs", workshop.task(function(folder)
    sh(folder, "mkdir a b && cd a && seq 20000 | xargs touch && touch ../b/file")
    local folders = assert(open(folder, { folder:file "a", folder:file "b" }))
    local turns = 0
    local ticker = scheduler.spawn(function()
      while true do
        scheduler.sleep(0)
        turns = turns + 1
      end
    end)
    folders:empty()
    ticker:cancel()
    assert.is_true(turns >= 3, "others had " .. turns .. " turns")
    sh(folder, "rmdir a b")
  end))

  it("that are gone are no problem, and nothing is said of what is empty",
    workshop.task(function(folder)
    sh(folder, "mkdir a")
    local log = journal()
    local folders = assert(open(folder, { folder:file "a" }, log))
    folders:empty()
    sh(folder, "rmdir a")
    folders:empty()
    assert.are.same({}, log.said)
  end))

  it("are known by where they really were at the start", workshop.task(function(folder)
    -- A task that turned the folder in front of a volume into a link would have had another folder
    -- emptied.
    sh(folder, "mkdir -p real/a other/a && touch real/a/file other/a/file && ln -s real link")
    local log = journal()
    local folders = assert(open(folder, { folder:file "link/a" }, log))
    sh(folder, "ln -sfn other link")
    folders:empty()
    sh(folder, "rmdir real/a && test -e other/a/file && ln -s other/a real/a")
    folders:empty()
    sh(folder, "rm real/a && mv real gone && ln -s other real")
    folders:empty()
    sh(folder, "test -e other/a/file")
    assert.are.equal(1, #log.said)
    assert.matches("a part of it is a symbolic link", log.said[1])
  end))

  it("are refused when they hold the queue, by its name or by its real place",
    workshop.task(function(folder)
    sh(folder, "mkdir names files && touch files/real.db && ln -s ../files/real.db names/jobs.db")
    for _, name in ipairs { "names", "files" } do
      local policy = {
        volumes = { folder:file(name) }, queue = "sqlite://" .. folder:file "names/jobs.db",
      }
      local _, err, code = volumes.open(policy, journal())
      assert.matches("the queue is in it", err)
      assert.are.equal("Usage", code)
    end
    assert.is_truthy(volumes.open({
      volumes = { folder:file "names" }, queue = "https://sqs.eu-west-1.amazonaws.com/1/q",
    },
      journal()))
  end))
end)
