-- The console in a real browser, driven by spec/support/browser/cases.js: `make test-browser` gets
-- the browser; without it these are pending.

local console = require "support.console"
local open_queue = require("watchbot.queue").open
local process = require "watchbot.process"
local scene = require "support.browser.scene"
local workshop = require "support.workshop"

local task = workshop.task

local BROWSER = os.getenv "BROWSER"

local EVIL = "<img src=x onerror=alert(1)><script>hacked=true;alert(1)</script><b>bold</b>\"'>"

-- Why there is no browser; nil: there is one.
local function why_not()
  if not BROWSER then return "the browser comes with make test-browser" end
  local done = io.open(BROWSER .. "/done")
  if done then
    done:close()
    return nil
  end
  local why = io.open(BROWSER .. "/why")
  return why and why:read "a" or "it is not there"
end

-- Runs one of the cases against a console of the folder's queue.
local function see(folder, name, more)
  local visitor <close> = console.start(folder, {}, { ConsoleToken = false }, "sqlite:jobs.db")
  local env = process.environment()
  env.PROGRAM, env.QUEUE = workshop.program, folder:url()
  for variable, value in pairs(more or {}) do env[variable] = value end
  local child = assert(process.start {
    argv = { "node", "spec/support/browser/cases.js", BROWSER, name, visitor.origin,
      visitor.token },
    env = env, output = "capture", limit = 1 << 20,
  })
  local exit = assert(child:wait(10 * workshop.PATIENCE))
  local out, err = child:output()
  local _, complaint = visitor.child:output()
  assert.are.equal(0, exit.code, out .. err .. complaint)
  return out
end

local function case(words, body)
  it(words, task(function(folder)
    local why = why_not()
    if why then return pending(why) end
    body(folder)
  end))
end

-- A watcher whose task waits for one file, and fails without another.
local function start_watcher(folder)
  folder:write("policy.lua", ([[
return require "watchbot".policy { queue = %q, history = 3600, max_receives = 1, workers = 1,
  backoff = function() return 0 end,
  command = "while [ ! -e go ]; do sleep 0.1; done; [ -e fixed ] || { echo broken; exit 1; }" }
]]):format(folder:url()))
  return workshop.start(folder, { "run", "policy.lua" })
end

describe("the console in a browser", function()
  case("shows a message that is sent, runs, fails, and is replayed from the page",
    function(folder)
    local watcher = start_watcher(folder)
    see(folder, "story", { GO = folder:file "go", FIXED = folder:file "fixed" })
    watcher:kill "TERM"
    watcher:wait(workshop.PATIENCE)
  end)

  case("can be used by the keyboard alone", function(folder)
    console.kill(folder, { "one", "two" }, "--subject", "resize")
    see(folder, "keyboard")
  end)

  case("keeps the focus where it is while it changes, and can be paused", function(folder)
    workshop.send(folder, { "one" })
    see(folder, "focus")
  end)

  local function some(folder)
    console.kill(folder, { EVIL, "two" }, "--subject", EVIL)
    workshop.send(folder, { EVIL, "four" }, "--subject", "resize")
    workshop.send(folder, { "later" }, "--delay", "600", "--subject", "convert")
  end

  case("is readable in light and dark", function(folder)
    some(folder)
    see(folder, "colors")
  end)

  case("fits a screen of 360 pixels", function(folder)
    some(folder)
    see(folder, "narrow")
  end)

  case("has names for a screen reader", function(folder)
    some(folder)
    see(folder, "reader")
  end)

  case("works without JavaScript", function(folder)
    console.kill(folder, { "one", "two", "three" })
    see(folder, "plain")
  end)

  case("shows HTML in a message as text", function(folder)
    some(folder)
    see(folder, "html")
  end)

  case("refuses the pages of other sites", function(folder)
    console.kill(folder, { "one" })
    see(folder, "foreign")
  end)

  -- SHOTS=doc make test-browser
  if os.getenv "SHOTS" then
    case("is photographed for the documentation", function(folder)
      local watcher = scene.set(folder)
      see(folder, "screenshots")
      watcher:kill "KILL"
      watcher:wait(workshop.PATIENCE)
    end)
  end

  case("shows a queue of 100,000 messages and letters as fast as a small page", function(folder)
    local queue <close> = assert(open_queue(folder:url()))
    for first = 1, 100000, 1000 do
      local bodies = {}
      for index = first, first + 999 do
        bodies[#bodies + 1] = { body = ("message %d %s"):format(index, ("x"):rep(200)),
          subject = "resize" }
      end
      assert(queue:send(bodies))
    end
    assert(queue.sending:submit(function(transaction, now)
      transaction:run([[
        INSERT INTO dead (id, subject, attributes, body, sent, receives, died)
        SELECT id, subject, attributes, body, ?1, 10, ?1 FROM contents]], now)
      return true
    end, true))
    see(folder, "many")
  end)
end)
