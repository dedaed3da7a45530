local process = require "watchbot.process"
local shell = require "support.shell"
local tmux = require "support.tmux"
local workshop = require "support.workshop"

local task = workshop.task

local SCRIPT = [[
local FOLDER = %q
local terminal = require "watchbot.cli.terminal"
local scheduler = require "watchbot.scheduler"
scheduler.run(function()
%s
end)
]]

-- A command that runs these lines of Lua in a task, with `terminal` at hand.
local function lua(folder, lines)
  return shell.lua(folder:write("script.lua", SCRIPT:format(folder.path, lines)))
end

local function piped(folder, lines, stdin)
  local child = assert(process.start {
    command = lua(folder, lines), output = "capture", stdin = stdin,
  })
  local exit = assert(child:wait(workshop.PATIENCE))
  local out, err = child:output()
  return out, err, exit
end

local ASK = [[print("=", terminal.confirm("delete 3 messages?", os.getenv "YES" ~= nil))]]

local STILL_SANE = "; stty -a | tr ' ;' '\\n\\n' | grep -x -e icanon -e echo | tr '\\n' ' '"

describe("a terminal", function()
  it("is asked before something is destroyed, and takes only yes for yes", task(function(folder)
    for typed, answer in pairs { y = "= +true", YES = "= +true", n = "nothing was changed",
      [""] = "nothing was changed" } do
      local screen <close> = tmux.start(folder, lua(folder, ASK))
      screen:shows "delete 3 messages%? %[y/N%]"
      screen:type(typed, "Enter")
      assert.matches(answer, select(2, screen:ends()))
    end
  end))

  it("that is not there is not asked: --yes must say it", task(function(folder)
    local out = piped(folder, ASK, "y\n")
    assert.matches("no terminal to confirm on: use %-%-yes", out)
    assert.matches("Usage", out)
    out = piped(folder, 'print("=", terminal.confirm("delete 3 messages?", true))')
    assert.matches("=%s+true", out)
  end))

  it("shows progress after a second, and takes it away at the end", task(function(folder)
    local lines = [[
      local progress <close> = terminal.progress()
      progress:tell "too early"
      io.stderr:write(".")
      scheduler.sleep(1.1)
      progress:tell "12 of 90 messages"
      while not io.open(FOLDER .. "/seen") do scheduler.sleep(0.02) end]]
    local screen <close> = tmux.start(folder, lua(folder, lines))
    assert.is_nil(screen:shows "12 of 90 messages":find "too early")
    folder:write("seen", "")
    assert.is_nil(select(2, screen:ends()):find "12 of 90")
    local out, err = piped(folder, lines)
    assert.are.same({ "", "." }, { out, err })
  end))

  it("has colours unless $NO_COLOR is set, a pipe has none", task(function(folder)
    local lines = [[print(terminal.paint("red", "text"))]]
    local screen <close> = tmux.start(folder, lua(folder, lines), { NO_COLOR = false })
    screen:ends()
    assert.matches("\27%[31mtext", screen:coloured())
    local plain <close> = tmux.start(folder, lua(folder, lines), { NO_COLOR = "1" })
    plain:ends()
    assert.is_nil(plain:coloured():find "\27%[31m")
    assert.are.equal("text\n", (piped(folder, lines)))
  end))

  it("gives single keys, unseen, until Ctrl-D", task(function(folder)
    local screen <close> = tmux.start(folder, lua(folder, [[
      local keys <close> = terminal.keys()
      print "ready"
      for key in keys.read, keys do print("<" .. key .. ">") end]]) .. STILL_SANE)
    screen:shows "ready"
    screen:type "ab"
    local text = screen:shows "<b>"
    assert.is_nil(text:find "ab")
    screen:type "C-d"
    assert.matches("icanon +echo", select(2, screen:ends()))
  end))

  -- The answer of a terminal to "where is the cursor" ends with R: a dead letter replayed itself.
  it("takes no sequence for keys: arrows, answers of the terminal, strings, other alphabets",
    task(function(folder)
    local screen <close> = tmux.start(folder, lua(folder, [[
      local keys <close> = terminal.keys()
      print "ready"
      for key in keys.read, keys do print("<" .. key .. ">") end
      print "end"]]))
    screen:shows "ready"
    local sequences =
      { "1b 5b 41", "1b 4f 52", "1b 5b 36 3b 31 52", "1b 5d 30 3b 72 64 07", "1b 50 72 1b 5c",
      "c2 9b 35 3b 31 52",
      "9b 35 52", "c2 9d 72 07", "c3 a4", "1b 72", "1b 1b 5b 33 7e" }
    for index, sequence in ipairs(sequences) do
      local words = {}
      for byte in sequence:gmatch "%x+" do words[#words + 1] = byte end
      screen:type("-H", table.unpack(words))
      screen:type(string.char(64 + index))
      screen:shows("<" .. string.char(64 + index) .. ">")
    end
    screen:type "C-d"
    local seen = {}
    for key in select(2, screen:ends()):gmatch "<(.)>" do seen[#seen + 1] = key end
    assert.are.equal("ABCDEFGHIJK", table.concat(seen))
  end))

  -- An "r" typed while the list was still being read replayed the first letter before it was
  -- shown.
  it("throws away what was typed before the question", task(function(folder)
    local screen <close> = tmux.start(folder, lua(folder, [[
      local keys <close> = terminal.keys()
      print "ready"
      while not io.open(FOLDER .. "/typed") do scheduler.sleep(0.02) end
      scheduler.sleep(0.5)
      keys:discard()
      print "now"
      print("<" .. keys:read() .. ">")]]))
    screen:shows "ready"
    screen:type "r"
    folder:write("typed", "")
    screen:shows "now"
    screen:type "s"
    assert.matches("<s>", select(2, screen:ends()))
    local asked <close> = tmux.start(folder, lua(folder, [[
      print "ready"
      while not io.open(FOLDER .. "/answered") do scheduler.sleep(0.02) end
      scheduler.sleep(0.5)
      print("=", terminal.confirm("delete 3 messages?"))]]))
    asked:shows "ready"
    asked:type("y", "Enter")
    folder:write("answered", "")
    asked:shows "delete 3 messages%? %[y/N%]"
    asked:type("n", "Enter")
    assert.matches("nothing was changed", select(2, asked:ends()))
  end))

  it("is as it was after an error, and after a signal to a command", task(function(folder)
    local screen <close> = tmux.start(folder, lua(folder, [[
      local keys <close> = terminal.keys()
      error "something else"]]) .. STILL_SANE)
    assert.matches("icanon +echo", select(2, screen:ends()))
    workshop.send(folder, { "one" })
    folder:write("fail.lua", ([[
      return require "watchbot".policy { queue = %q, max_receives = 1,
        handler = function() return false end,
        backoff = function() return 0 end }]]):format(folder:url()))
    workshop.run(folder, { "run", "--drain", "fail.lua" })
    local again <close> =
      tmux.start(folder,
      ("%s dead-letter --queue %s%s"):format(workshop.program, folder:url(), STILL_SANE))
    again:shows "re%[t%]urn"
    again:type "C-c"
    assert.matches("icanon +echo", select(2, again:ends()))
  end))

  it("has as many columns as it has", task(function(folder)
    local screen <close> =
      tmux.start(folder,
      lua(folder, [[print(terminal.columns "stdout", terminal.is_interactive())]]))
    assert.matches("120%s+true", select(2, screen:ends()))
    assert.matches("80%s+false",
      (piped(folder, [[print(terminal.columns "stdout", terminal.is_interactive())]])))
  end))
end)
