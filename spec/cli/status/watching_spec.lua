-- `watchbot status --watch` in a terminal.

local cjson = require "cjson"
local open = require "watchbot.queue".open
local shell = require "support.shell"
local tmux = require "support.tmux"
local workshop = require "support.workshop"

local task = workshop.task

local VARIABLES = { TERM = "screen", StackName = false, QueueUrl = false }

local STILL_SANE = "; stty -a | tr ' ;' '\\n\\n' | grep -x -e icanon -e echo | tr '\\n' ' '"

local function start(folder, more)
  return tmux.start(folder, ("echo before; %s status --queue sqlite:jobs.db --watch %s%s"):format(
    workshop.program, more or "", STILL_SANE), VARIABLES)
end

local function resize(screen, columns, rows)
  local out, code = shell.run(("tmux -L %s resize-window -x %d -y %d 2>&1"):format(screen.socket,
    columns, rows))
  assert(code == 0, out)
end

-- The lines on the screen that are not empty.
local function lines_of(screen)
  local lines = {}
  for line in screen:text():gmatch "[^\n]+" do lines[#lines + 1] = line end
  return lines
end

describe("watchbot status --watch", function()
  it("follows the queue in place, and leaves the terminal as it was", task(function(folder)
    workshop.send(folder, { "one" })
    local screen <close> = start(folder)
    screen:shows "waiting +1\n"
    assert.is_nil(screen:text():find "before")
    workshop.send(folder, { "two", "three" })
    screen:shows "waiting +3\n"
    assert.are.equal(1, select(2, screen:text():gsub("waiting", "")))
    screen:type "q"
    local code, text = screen:ends()
    assert.are.equal(0, code)
    assert.matches("^before\nicanon echo", text)
    assert.is_nil(text:find "waiting")
  end))

  it("has what runs now and what has failed, and who works on it", task(function(folder)
    folder:write("policy.lua", [[
      return require "watchbot".policy { queue = "sqlite:jobs.db", history = 3600, workers = 2,
        command = "test $Message = long && exec sleep 600; exit 9" }]])
    workshop.send(folder, { "long", "bad" }, "--subject", "a\27]0;title\7b")
    local watcher <close> = workshop.start(folder, { "run", "policy.lua" })
    local screen <close> = start(folder)
    screen:shows "\nrunning\nrunning +%x+%-"
    screen:shows "\nfailed in the last hour\nfailed +%S+ +%d+ s +%d+  retry, exit code 9"
    screen:shows "watchers +%S+ %d+: [12] of 2 running, policy %x+\n"
    assert.is_truthy(screen:text():find("a\\u{1b}]0;title\\u{7}b: long", 1, true), screen:text())
    screen:type "q"
    assert.are.equal(0, (screen:ends()))
    watcher:kill "KILL"
  end))

  -- A line that is longer than the terminal must not push the others down.
  it("follows the size of the terminal", task(function(folder)
    local queue <close> = assert(open(folder:url()))
    queue:keep_history { seconds = 3600, rows = 100 }
    for index = 1, 30 do queue:send { { body = ("long-%d "):format(index):rep(50) } } end
    for _, message in ipairs(assert(queue:receive(30, 0, 60))) do
      assert(queue:delay(message.receipt, 600, false, {
        id = message.id, receives = 1, outcome = "retry", reason = ("x"):rep(300),
      }))
    end
    local screen <close> = start(folder)
    screen:shows "failed in the last hour"
    for _, size in ipairs { { 60, 20 }, { 100, 40 }, { 30, 8 } } do
      resize(screen, size[1], size[2])
      workshop.eventually(function()
        local lines = lines_of(screen)
        return #lines <= size[2] and lines[1]:find "^at +%d" and lines[2]:find "^queue"
          and #lines >= size[2] - 2 and #lines[#lines] <= size[1]
      end, ("%d columns and %d rows"):format(size[1], size[2]))
    end
    screen:type "q"
    screen:ends()
  end))

  it("ends by a signal like by q, and restores the terminal", task(function(folder)
    workshop.send(folder, { "one" })
    local screen <close> = start(folder)
    screen:shows "waiting +1\n"
    screen:type "C-c"
    local _, text = screen:ends()
    assert.matches("^before\nicanon echo", text)
  end))

  it("goes on when the file cannot be read for a while", task(function(folder)
    workshop.send(folder, { "one" })
    local screen <close> = start(folder, "--interval 0.2")
    screen:shows "waiting +1\n"
    assert(os.rename(folder:file "jobs.db", folder:file "other.db"))
    screen:shows "%? .*jobs.db"
    assert.matches("waiting +1\n", screen:text())
    assert(os.rename(folder:file "other.db", folder:file "jobs.db"))
    screen:shows "q quits"
    screen:type "q"
    assert.are.equal(0, (screen:ends()))
  end))

  it("prints once without a terminal", task(function(folder)
    workshop.send(folder, { "one" })
    local exit, out = workshop.run(folder, { "status", "--queue", folder:url(), "--watch" },
      { StackName = false })
    assert.are.equal(0, exit.code)
    assert.is_nil(out:find "\27")
    assert.matches("^at +%d[^\n]+\nqueue +sqlite:%S+\nwaiting +1\n", out)
    assert.is_nil(out:find "q quits")
    for _, refused in ipairs { { "--watch", "--json" }, { "--interval", "1" } } do
      local again, _, problem = workshop.run(folder,
        { "status", "--queue", folder:url(), table.unpack(refused) }, { StackName = false })
      assert.are.equal(2, again.code)
      assert.matches("%-%-watch", problem)
    end
    exit, out = workshop.run(folder, { "status", "--queue", folder:url(), "--json" },
      { StackName = false })
    assert.are.same({ 0, 1 }, { exit.code, cjson.decode(out).visible })
  end))
end)
