-- The pages of jobs: what runs, waits and has ended, and one job with its attempts, by the real
-- program next to a watcher.

local console = require "support.console"
local workshop = require "support.workshop"

local task = workshop.task

local EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"

local function words(page) return (page:gsub("<[^>]*>", " "):gsub("%s+", " ")) end

local function policy(folder, more)
  folder:write("policy.lua", ([[
return require "watchbot".policy { queue = %q, history = 3600, workers = 2,
  backoff = function() return 600 end, command = function(job)
    if job.message:match "^long" then return { "sleep", "600" } end
    return { "sh", "-c", 'echo "working on $Message"; case $Message in bad*) exit 7;; esac' }
  end, %s }]]):format(folder:url(), more or ""))
end

-- What the list of a state has, once `pattern` is in it.
local function eventually(visitor, path, pattern)
  return workshop.eventually(function()
    local page = visitor:page(path)
    return words(page):find(pattern) and page
  end, pattern)
end

local function id_of(page) return page:match 'href="/job%?queue=1&amp;id=([%x-]+)"' end

describe("the jobs of the console", function()
  it("are listed by state, and found by a text", task(function(folder)
    workshop.send(folder, { "good-1", "bad-2", "good-3" }, "--subject", "resize")
    workshop.send(folder, { "later-4" }, "--delay", "600")
    policy(folder)
    local watcher = workshop.start(folder, { "run", "policy.lua" })
    local visitor <close> = console.start(folder)
    visitor:enter()
    local done = eventually(visitor, "/jobs?state=done", "completed.*completed")
    assert.are.equal(2, select(2, done:gsub(">resize</a>", "")), done)
    local failed = eventually(visitor, "/jobs?state=failed",
      "exit code 7, to be retried")
    assert.is_nil(failed:find("good%-1"))
    assert.matches("later%-4", words(visitor:page "/jobs?state=delayed"))
    local found = visitor:page "/jobs?match=bad-2"
    assert.matches("resize", found)
    assert.is_nil(found:find("later%-4"))
    assert.matches("No job matches", visitor:page "/jobs?match=nothing", 1, true)
    assert.matches("No jobs", visitor:page "/jobs?state=running", 1, true)
    eventually(visitor, "/", "Failed attempts 1 in the last hour")
    eventually(visitor, "/", "Watchers alive .*0 of 2")
    eventually(visitor, "/", "Newest failures .*exit code 7")
    watcher:kill "TERM"
    watcher:wait(workshop.PATIENCE)
  end))

  -- A message that is deleted without a run is looked for.
  it("run once, which is shown", task(function(folder)
    folder:write("once.lua", ([[return require "watchbot".policy { queue = %q, once = "body",
      handler = function() end }]]):format(folder:url()))
    workshop.send(folder, { "same", "same", "other" })
    local exit, log = workshop.run(folder, { "run", "--drain", "once.lua" })
    assert.are.equal(0, exit.code, log)
    local visitor <close> = console.start(folder)
    visitor:enter()
    local page = words(eventually(visitor, "/", "Keys that have run once"))
    assert.matches("2 keys: a message with one of them is deleted without a run. "
      .. "The first expires on %d+%-%d+%-%d+ ", page)
  end))

  it("wait for limits, schedules and pauses that are shown", task(function(folder)
    workshop.send(folder, { "long-1", "long-2", "long-3" })
    policy(folder, [[limits = { { by = function() return "acme" end, concurrency = 1 } },
      schedules = { nightly = { cron = "0 3 29 2 *", message = "report" } } ]])
    local watcher = workshop.start(folder, { "run", "policy.lua" })
    local visitor <close> = console.start(folder)
    visitor:enter()
    local page = words(eventually(visitor, "/", "Limits that hold messages back .*acme 1 2 "))
    -- It has not been due yet: the time of the watcher's start was shown as that of a message.
    assert.matches("Schedules .*nightly cron UTC 0 3 29 2 %* – in %d+ [dhm]", page)
    local exit, _, err = workshop.run(folder, { "pause", "--queue", folder:url() })
    assert.are.equal(0, exit.code, err)
    eventually(visitor, "/", "Paused: the whole queue")
    watcher:kill "KILL"
    watcher:wait(workshop.PATIENCE)
  end))

  it("have pages of their own, with their attempts and output", task(function(folder)
    workshop.send(folder, { "bad-" .. EVIL }, "--subject", EVIL)
    policy(folder)
    local watcher = workshop.start(folder, { "run", "policy.lua" })
    local visitor <close> = console.start(folder)
    visitor:enter()
    local id = id_of(eventually(visitor, "/jobs?state=failed", "exit code 7"))
    local page = visitor:page("/job?id=" .. id)
    assert.matches("Attempt 1 failed exit code 7, to be retried", words(page), 1, true)
    assert.matches("working on bad-&lt;script&gt;", page, 1, true)
    assert.matches("took %d", words(page))
    assert.matches('<rect class="run"', page, 1, true)
    for _, path in ipairs { "/job?id=" .. id, "/jobs", "/jobs?match=%3Cscript%3E", "/",
      "/jobs?state=%22%3E%3Cscript%3E" } do
      local body = visitor:page(path):match "<body.*"
      assert.is_nil(body:find("<script", 1, true), path)
      assert.is_nil(body:find("<img src=x", 1, true), path)
    end
    assert.are.equal(404, visitor:ask("/job?id=%3Cb%3E").status)
    assert.are.equal(404, visitor:ask("/job").status)
    watcher:kill "TERM"
    watcher:wait(workshop.PATIENCE)
  end))

  it("can be run now, and cancelled while they wait or run", task(function(folder)
    workshop.send(folder, { "long-1", "bad-2" })
    policy(folder)
    local watcher = workshop.start(folder, { "run", "policy.lua" })
    local visitor <close> = console.start(folder)
    visitor:enter()
    local page = eventually(visitor, "/jobs?state=delayed", "bad%-2")
    local id = id_of(page)
    assert.matches("Run it now", visitor:page("/job?id=" .. id), 1, true)
    local done = visitor:post("/job/act", { ["do"] = "retry", id = id, queue = 1 })
    assert.matches("can be received now", words(visitor:page(done.headers.location)))
    eventually(visitor, "/job?id=" .. id, "Attempt 2 failed")
    eventually(visitor, "/job?id=" .. id, "Cancel it")
    done = visitor:post("/job/act", { ["do"] = "cancel", id = id, queue = 1 })
    assert.matches("The job was cancelled", words(visitor:page(done.headers.location)))
    id = id_of(eventually(visitor, "/jobs?state=running", "long%-1"))
    visitor:post("/job/act", { ["do"] = "cancel", id = id, queue = 1 })
    eventually(visitor, "/job?id=" .. id, "Attempt 1 failed [^·]*cancelled")
    done = visitor:post("/job/act", { ["do"] = "cancel", id = id, queue = 1 })
    assert.matches("no longer in the queue", words(visitor:page(done.headers.location)))
    for _, fields in ipairs {
      { id = id }, { ["do"] = "delete", id = id }, { ["do"] = "cancel" },
    } do
      assert.are.equal(400, visitor:post("/job/act", fields).status)
    end
    watcher:kill "TERM"
    watcher:wait(workshop.PATIENCE)
  end))

  it("are not changed by a console that is read-only", task(function(folder)
    workshop.send(folder, { "one" })
    local visitor <close> = console.start(folder, { "--read-only" })
    visitor:enter()
    local id = id_of(eventually(visitor, "/jobs", "one"))
    assert.is_nil(visitor:page("/job?id=" .. id):find("<form", 1, true))
    visitor.stamp = ("0"):rep(64)
    assert.are.equal(403,
      visitor:post("/job/act", { ["do"] = "cancel", id = id, queue = 1 }).status)
    assert.matches("one", visitor:page "/jobs")
  end))

  it("are shown page by page", task(function(folder)
    local bodies = {}
    for index = 1, 120 do bodies[index] = ("job-%03d"):format(index) end
    workshop.send(folder, bodies)
    local visitor <close> = console.start(folder)
    visitor:enter()
    local path, seen = "/jobs?state=waiting", {}
    while path do
      local page = visitor:page(path)
      for body in page:gmatch '<p class="excerpt">(job%-%d+)</p>' do seen[#seen + 1] = body end
      path = page:match 'href="(/jobs[^"]*)">Next page'
      path = path and path:gsub("&amp;", "&")
    end
    assert.are.same(bodies, seen)
    assert.matches("is not one of this list", visitor:page "/jobs?at=nonsense", 1, true)
  end))
end)
